import { NO_WAIT } from '@aztec/aztec.js/contracts';
import { SortedTxStatuses, type TxHash, type TxReceipt, TxStatus } from '@aztec/aztec.js/tx';
import { RpcError, messageOf } from './errors.ts';
import type { AztecNode } from './node.ts';
import { type Look, WaitTimeout, until } from './wait.ts';

/** The inclusion status a request waits for; `none` returns once the node took the transaction. */
export const WAIT_FOR = ['none', 'proposed', 'checkpointed', 'proven', 'finalized'] as const;

/** One of {@link WAIT_FOR}. */
export type WaitFor = (typeof WAIT_FOR)[number];

/** How a request wants its transaction to be waited for. */
export type TxWait = { readonly for: WaitFor; readonly timeoutMs: number };

/** What is reported of a transaction; without `blockNumber` as long as it is in no block. */
export type TxResult = {
  txHash: string;
  status: TxStatus;
  blockNumber?: number;
  /** In the smallest unit of fee juice. */
  fee?: bigint;
};

type Sendable = {
  // The options differ between calls, deployments and account deployments; all take these.
  send(options: any): Promise<unknown>;
};

const POLL_INTERVAL_MS = 500;
/**
 * Proving and sending take seconds, on a busy machine many. Blocks that were only proposed may be pruned under a wallet
 * meanwhile; it recovers at its next attempt. Long, since an attempt that is given up may still be sent.
 */
const SEND_WITHIN_MS = 120_000;
/**
 * What a node and a PXE say when the block that a transaction refers to was pruned: when they look up its state, when they
 * follow the prune, and when they validate what is sent.
 */
const REORG = /a reorg has occurred|not found during chain prune|Block hash \S+ not found|Block header not found/;
/** How long gossip may take to bring a transaction to every node. */
const GOSSIP_GRACE_MS = 5_000;

/** Sends transactions and follows them to a block. */
export class Transactions {
  readonly #node: AztecNode;
  readonly #signal: AbortSignal;

  /** The signal calls off every wait. */
  constructor(node: AztecNode, signal: AbortSignal) {
    this.#node = node;
    this.#signal = signal;
  }

  /** Proves an interaction, hands it to the node and returns its hash, without waiting for a block. */
  async send(what: string, interaction: Sendable, options: object): Promise<TxHash> {
    const patience = { timeoutMs: SEND_WITHIN_MS, intervalMs: POLL_INTERVAL_MS, signal: this.#signal };
    return await until<TxHash>({ what: `the chain to hold still for ${what}`, ...patience }, async () => {
      try {
        const sent = await interaction.send({ ...options, wait: NO_WAIT });
        return { done: (sent as { txHash: TxHash }).txHash };
      } catch (error) {
        const text = messageOf(error);
        if (REORG.test(text)) {
          return { seen: text };
        }
        throw new RpcError('txRefused', `${what} was not sent: ${text}`);
      }
    });
  }

  /**
   * Waits until a transaction has the status asked for.
   * @throws RpcError of kind txDropped, txReverted, txTimeout or shuttingDown.
   */
  async wait(what: string, txHash: TxHash, wait: TxWait): Promise<TxResult> {
    const status = wait.for;
    if (status === 'none') {
      return { txHash: txHash.toString(), status: TxStatus.PENDING };
    }
    const goal = `${what} (${txHash.toString()}) to be ${status}`;
    const pace = { timeoutMs: wait.timeoutMs, intervalMs: POLL_INTERVAL_MS, signal: this.#signal };
    const verdict = new Verdict(what, status);
    try {
      return await until<TxResult>({ what: goal, ...pace }, async () => {
        const receipt = await this.#node.getTxReceipt(txHash).catch(messageOf);
        // A node that restarts must not fail a transaction that is on its way.
        return typeof receipt === 'string' ? { seen: receipt } : verdict.of(receipt, performance.now());
      });
    } catch (error) {
      throw this.#explain(error, txHash);
    }
  }

  /** {@link send} and {@link wait} in one. */
  async run(what: string, interaction: Sendable, options: object, wait: TxWait): Promise<TxResult> {
    return await this.wait(what, await this.send(what, interaction, options), wait);
  }

  #explain(error: unknown, txHash: TxHash): unknown {
    const facts = { txHash: txHash.toString() };
    if (error instanceof WaitTimeout) {
      return new RpcError('txTimeout', error.message, facts);
    }
    if (this.#signal.aborted) {
      return new RpcError('shuttingDown', `this PXE is shutting down; ${facts.txHash} was sent and may be included`, facts);
    }
    return error;
  }
}

/** Judges the receipts of one transaction as they come. */
export class Verdict {
  readonly #what: string;
  readonly #goal: TxStatus;
  #droppedSince: number | undefined;

  constructor(what: string, goal: Exclude<WaitFor, 'none'>) {
    this.#what = what;
    this.#goal = goal as TxStatus;
  }

  /**
   * Done, or what is seen so far. Nodes behind one address take turns, and one that has not heard of a transaction
   * calls it dropped: that counts when nothing else is heard for a while.
   * @throws RpcError of kind txDropped or txReverted.
   */
  of(receipt: TxReceipt, nowMs: number): Look<TxResult> {
    const txHash = receipt.txHash.toString();
    const reason = receipt.error ?? 'no reason given';
    if (receipt.isDropped()) {
      this.#droppedSince ??= nowMs;
      if (nowMs - this.#droppedSince > GOSSIP_GRACE_MS) {
        throw new RpcError('txDropped', `${this.#what} (${txHash}) was dropped: ${reason}`, { txHash });
      }
      return { seen: receipt.status };
    }
    this.#droppedSince = undefined;
    if (receipt.hasExecutionReverted()) {
      const text = `${this.#what} (${txHash}) reverted, ${receipt.executionResult}: ${reason}`;
      throw new RpcError('txReverted', text, { txHash, blockNumber: receipt.blockNumber });
    }
    const reached = SortedTxStatuses.indexOf(receipt.status) >= SortedTxStatuses.indexOf(this.#goal);
    return reached ? { done: resultOf(receipt) } : { seen: receipt.status };
  }
}

function resultOf(receipt: TxReceipt): TxResult {
  return {
    txHash: receipt.txHash.toString(),
    status: receipt.status,
    blockNumber: receipt.blockNumber,
    fee: receipt.transactionFee,
  };
}
