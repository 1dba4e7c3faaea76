import { createSafeJsonRpcClient, makeFetch } from '@aztec/foundation/json-rpc/client';
import { z } from 'zod';
import { messageOf } from './errors.ts';
import { logger, silent } from './log.ts';
import { until, within } from './wait.ts';

const log = logger('peers');

type Peers = { getPeers(): Promise<unknown[]> };

/** The one method needed here; the whole schema would load the node's native code with it. */
const PEERS = { getPeers: z.function().args().returns(z.array(z.unknown())) };

const LOOK_TIMEOUT_MS = 4_000;
const LOOK_INTERVAL_MS = 500;
/** Gossip forms its mesh at heartbeats of 0.7 s; a few of them pass before a message surely finds a way. */
const SETTLE_MS = 4_000;
/** A network of a single node has no peers, and needs none. */
const PATIENCE_MS = 30_000;

/**
 * Waits until the node has had peers for a few seconds: a transaction that it takes earlier is told to nobody, then or
 * later, and stays pending for ever. Goes on without peers where there are none after half a minute, or no p2p at all.
 */
export async function waitForPeers(url: string, namespace: string, signal: AbortSignal): Promise<void> {
  const p2p = createSafeJsonRpcClient<Peers>(url, PEERS, {
    namespaceMethods: namespace,
    fetch: makeFetch([], true),
    log: silent(logger('probe')),
  });
  const ask = () => within(LOOK_TIMEOUT_MS, 'no answer', p2p.getPeers());
  const started = performance.now();
  let since: number | undefined;
  const options = { what: 'peers of the node', timeoutMs: 2 * PATIENCE_MS, intervalMs: LOOK_INTERVAL_MS, signal };
  await until<void>(options, async () => {
    const peers = await ask().then(found => found.length, messageOf);
    const now = performance.now();
    since = typeof peers === 'number' && peers > 0 ? (since ?? now) : undefined;
    if (since !== undefined && now - since >= SETTLE_MS) {
      return { done: undefined };
    }
    if (isUnknownMethod(peers) || (since === undefined && now - started >= PATIENCE_MS)) {
      log.info(`going on without peers: ${typeof peers === 'number' ? 'the node has none' : peers}`);
      return { done: undefined };
    }
    return { seen: typeof peers === 'number' ? `${peers} peer(s)` : peers };
  });
}

function isUnknownMethod(answer: number | string): boolean {
  return typeof answer === 'string' && /method not found/i.test(answer);
}
