import { createSafeJsonRpcClient, makeFetch } from '@aztec/foundation/json-rpc/client';
import { type AztecNode, AztecNodeApiSchema, createAztecNodeClient } from '@aztec/stdlib/interfaces/client';
import { messageOf } from './errors.ts';
import { logger, silent } from './log.ts';
import { until, within } from './wait.ts';

export type { AztecNode };

/** What the node says about itself and its network. */
export type NodeInfo = Awaited<ReturnType<AztecNode['getNodeInfo']>>;

const PROBE_TIMEOUT_MS = 4_000;
const PROBE_INTERVAL_MS = 500;

/** An Aztec node, by two clients: one that retries, for the wallet, and one that answers at once, for probes. */
export class NodeConnection {
  readonly client: AztecNode;
  readonly #probe: AztecNode;

  constructor(url: string, namespace: string) {
    this.client = createAztecNodeClient(url);
    // The usual client warns of every refused connection, and while waiting that is the normal answer.
    this.#probe = createSafeJsonRpcClient<AztecNode>(url, AztecNodeApiSchema, {
      namespaceMethods: namespace,
      fetch: makeFetch([], true),
      log: silent(logger('probe')),
    });
  }

  /** One look, bounded by a few seconds; throws when the node does not answer. */
  probe(): Promise<NodeInfo> {
    return within(PROBE_TIMEOUT_MS, `no answer within ${PROBE_TIMEOUT_MS / 1_000} s`, this.#probe.getNodeInfo());
  }

  /** Number of the newest block the node knows. */
  proposedBlock(): Promise<number> {
    return within(PROBE_TIMEOUT_MS, `no answer within ${PROBE_TIMEOUT_MS / 1_000} s`, this.#probe.getBlockNumber());
  }

  /** Waits until the node answers and says that it is ready; the last reason it was not goes to `onWait`. */
  waitUntilReady(
    timeoutMs: number,
    signal: AbortSignal,
    onWait: (seen: string, elapsedMs: number) => void,
  ): Promise<NodeInfo> {
    const options = { what: 'the Aztec node', timeoutMs, intervalMs: PROBE_INTERVAL_MS, signal, onLook: onWait };
    return until<NodeInfo>(options, async () => {
      try {
        const ready = await within(PROBE_TIMEOUT_MS, 'no answer', this.#probe.isReady());
        return ready ? { done: await this.probe() } : { seen: 'it answers, and says it is not ready yet' };
      } catch (error) {
        return { seen: messageOf(error) };
      }
    });
  }
}
