import { TestAccounts } from './accounts.ts';
import type { Config } from './config.ts';
import { messageOf } from './errors.ts';
import { Fees } from './fees.ts';
import { logger } from './log.ts';
import { NodeConnection, type NodeInfo } from './node.ts';
import { waitForPeers } from './peers.ts';
import { redactedUrl } from './redact.ts';
import { Tokens } from './tokens.ts';
import { Transactions } from './transactions.ts';
import type { PxeWallet, Release } from './wallet.ts';

const log = logger('session');

/** A wallet on a network: everything the methods work with. */
export class Session {
  readonly config: Config;
  readonly connection: NodeConnection;
  /** As of the start; a different rollup later means that the network was replaced. */
  readonly info: NodeInfo;
  readonly wallet: PxeWallet;
  readonly fees: Fees;
  readonly accounts: TestAccounts;
  readonly tokens: Tokens;
  /** Closes the wallet and its stores. */
  readonly close: () => Promise<void>;

  private constructor(parts: Omit<Session, 'problem'>) {
    this.config = parts.config;
    this.connection = parts.connection;
    this.info = parts.info;
    this.wallet = parts.wallet;
    this.fees = parts.fees;
    this.accounts = parts.accounts;
    this.tokens = parts.tokens;
    this.close = parts.close;
  }

  /** Waits for the node, then opens the wallet; `onWait` hears what is missing meanwhile. */
  static async open(
    release: Release,
    config: Config,
    signal: AbortSignal,
    onWait: (text: string) => void,
  ): Promise<Session> {
    const connection = new NodeConnection(config.nodeUrl, release.namespaces.node);
    const url = redactedUrl(config.nodeUrl);
    onWait(`waiting for the Aztec node at ${url}`);
    const info = await connection.waitUntilReady(config.startTimeoutMs, signal, (seen, elapsedMs) =>
      onWait(`waiting for the Aztec node at ${url} (${Math.round(elapsedMs / 1_000)} s): ${seen}`),
    );
    onWait('waiting for the node to have peers');
    await waitForPeers(config.nodeUrl, release.namespaces.p2p, signal);
    onWait('opening the wallet');
    const node = connection.client;
    const { wallet, close } = await release.open(config, node);
    const fees = await Fees.detect(node, wallet);
    const transactions = new Transactions(node, signal);
    const accounts = await TestAccounts.register({
      ...{ node, wallet, fees, transactions, signal, log },
      mode: config.deployTestAccounts,
      timeoutMs: config.txTimeoutMs,
    });
    const tokens = new Tokens({ node, wallet, fees, transactions, accounts });
    return new Session({ config, connection, info, wallet, fees, accounts, tokens, close });
  }

  /** Why this session cannot serve at the moment, or undefined. */
  async problem(): Promise<string | undefined> {
    const url = redactedUrl(this.config.nodeUrl);
    try {
      const now = rollupOf(await this.connection.probe());
      const then = rollupOf(this.info);
      return now === then ? undefined : `the node at ${url} now serves ${now}, this PXE was opened on ${then}: restart it`;
    } catch (error) {
      return `the Aztec node at ${url} does not answer: ${messageOf(error)}`;
    }
  }
}

function rollupOf(info: NodeInfo): string {
  return `rollup ${info.l1ContractAddresses.rollupAddress} version ${info.rollupVersion}`;
}
