import type { AztecAddress } from '@aztec/aztec.js/addresses';
import type { TxHash } from '@aztec/aztec.js/tx';
import { getFeeJuiceBalance } from '@aztec/aztec.js/utils';
import type { AccountManager } from '@aztec/aztec.js/wallet';
import type { DeployTestAccounts } from './config.ts';
import { RpcError, messageOf } from './errors.ts';
import type { Fees } from './fees.ts';
import type { AztecNode } from './node.ts';
import type { Transactions } from './transactions.ts';
import { until } from './wait.ts';
import type { PxeWallet } from './wallet.ts';

/** An account as reported by `pxe_getStatus`; those that clients brought have an empty alias. */
export type AccountStatus = { address: AztecAddress; alias: string; deployed: boolean };

type Log = { info(text: string): void };

const POLL_INTERVAL_MS = 1_000;
/** Longer than a slot of any network this is meant for. */
const RETRY_AFTER_MS = 15_000;

/** The well-known accounts of a test network's genesis state: registers them here and deploys them once. */
export class TestAccounts {
  readonly #deps: TestAccountsDeps;
  readonly #managers: readonly AccountManager[];
  #running: Promise<void> | undefined;

  private constructor(deps: TestAccountsDeps, managers: readonly AccountManager[]) {
    this.#deps = deps;
    this.#managers = managers;
  }

  /** Puts the accounts' keys into the wallet, as `test0`, `test1`, …; sends nothing. */
  static async register(deps: TestAccountsDeps): Promise<TestAccounts> {
    return new TestAccounts(deps, await deps.wallet.addTestAccounts());
  }

  /** The first account: the admin and minter where a request names none. */
  get first(): AztecAddress {
    const [manager] = this.#managers;
    if (manager === undefined) {
      throw new RpcError('unknownAccount', 'this network has no test accounts');
    }
    return manager.address;
  }

  /** The test accounts alone, as {@link status} has them. */
  async testAccounts(): Promise<AccountStatus[]> {
    return (await this.status()).filter(account => this.#isTestAccount(account.address));
  }

  /** All accounts of the wallet, and whether each is deployed as of the newest block. */
  async status(): Promise<AccountStatus[]> {
    const accounts = await this.#deps.wallet.getAccounts();
    return await Promise.all(
      accounts.map(async ({ item, alias }) => ({ address: item, alias, deployed: await this.#isDeployed(item) })),
    );
  }

  /**
   * Makes sure that an account of this wallet can send: deploys the test accounts if needed and allowed.
   * @throws RpcError of kind unknownAccount or accountNotDeployed.
   */
  async require(address: AztecAddress): Promise<void> {
    if (!(await this.#deps.wallet.hasAccount(address))) {
      const known = (await this.#deps.wallet.getAccounts()).map(account => account.item.toString()).join(', ');
      throw new RpcError('unknownAccount', `account ${address} is not in this PXE, which has ${known}`);
    }
    if (await this.#isDeployed(address)) {
      return;
    }
    if (!this.#isTestAccount(address)) {
      throw new RpcError('accountNotDeployed', `account ${address} is not deployed, and this PXE deploys test accounts only`);
    }
    if (this.#deps.mode === 'never') {
      throw new RpcError('accountNotDeployed', `account ${address} is not deployed, and this PXE is told not to (PXE_DEPLOY_TEST_ACCOUNTS=never)`);
    }
    await this.deploy();
  }

  /** Deploys the accounts that are not, all in one go; calls at the same time share one run. */
  async deploy(): Promise<void> {
    this.#running ??= this.#deployMissing().finally(() => (this.#running = undefined));
    await this.#running;
  }

  /**
   * Another PXE may deploy the same accounts just now, and then refusals and drops are to be expected: what counts is
   * whether the accounts are there. Before sending again, the other one's transactions are given time for a block.
   */
  async #deployMissing(): Promise<void> {
    const { timeoutMs, signal } = this.#deps;
    const options = { what: 'the test accounts to be deployed', timeoutMs, intervalMs: POLL_INTERVAL_MS, signal };
    let retryAt = 0;
    let failures: string[] = [];
    await until<void>(options, async () => {
      const missing = await this.#missing();
      if (missing.length === 0) {
        return { done: undefined };
      }
      if (performance.now() >= retryAt) {
        await this.#requireFunds(missing);
        failures = await this.#deployAll(missing);
        retryAt = performance.now() + RETRY_AFTER_MS;
      }
      return { seen: failures.join('; ') || 'their transactions were included' };
    });
  }

  async #requireFunds(accounts: readonly AccountManager[]): Promise<void> {
    if (this.#deps.fees.sponsor !== undefined) {
      return;
    }
    for (const { address } of accounts) {
      if ((await getFeeJuiceBalance(address, this.#deps.node)) === 0n) {
        const text = `account ${address} has no fee juice and the network no funded sponsor, so it can't be deployed`;
        throw new RpcError('accountNotDeployed', `${text}: was the network made without test accounts?`);
      }
    }
  }

  async #missing(): Promise<AccountManager[]> {
    const deployed = await Promise.all(this.#managers.map(manager => this.#isDeployed(manager.address)));
    return this.#managers.filter((_, index) => !deployed[index]);
  }

  /** Sends all before waiting for any, so that they share a block; returns what failed. */
  async #deployAll(managers: readonly AccountManager[]): Promise<string[]> {
    const { transactions, timeoutMs, log } = this.#deps;
    log.info(`deploying ${managers.length} test account(s)`);
    const sent: { what: string; txHash: TxHash }[] = [];
    const failures: string[] = [];
    // In turn: the wallet proves one transaction at a time anyway, and warns when asked for more.
    for (const manager of managers) {
      const what = `the deployment of account ${manager.address}`;
      await this.#send(what, manager).then(
        txHash => sent.push({ what, txHash }),
        (error: unknown) => failures.push(messageOf(error)),
      );
    }
    const wait = { for: 'checkpointed', timeoutMs } as const;
    const results = await Promise.allSettled(sent.map(({ what, txHash }) => transactions.wait(what, txHash, wait)));
    const lost = results.flatMap(result => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
    return [...failures, ...lost];
  }

  /** Publishes neither class nor instance: account contracts have no public functions. */
  async #send(what: string, manager: AccountManager): Promise<TxHash> {
    const method = await manager.getDeployMethod();
    const options = { from: this.#deps.wallet.nobody, skipClassPublication: true, skipInstancePublication: true };
    return await this.#deps.transactions.send(what, method, { ...options, fee: this.#deps.fees.option });
  }

  #isTestAccount(address: AztecAddress): boolean {
    return this.#managers.some(manager => manager.address.equals(address));
  }

  #isDeployed(address: AztecAddress): Promise<boolean> {
    return this.#deps.wallet.isDeployed(address);
  }
}

/** What {@link TestAccounts} works with. */
export type TestAccountsDeps = {
  readonly node: AztecNode;
  readonly wallet: PxeWallet;
  readonly fees: Fees;
  readonly transactions: Transactions;
  readonly mode: DeployTestAccounts;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
};
