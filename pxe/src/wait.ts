import { setTimeout as sleep } from 'node:timers/promises';

/** A wait that ended without its condition: says what for, how long, and what was seen last. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout';

  constructor(what: string, elapsedMs: number, lastSeen: string) {
    super(`gave up waiting for ${what} after ${Math.round(elapsedMs / 1_000)} s; last seen: ${lastSeen}`);
  }
}

/** What one look at the awaited thing showed. */
export type Look<T> = { readonly done: T } | { readonly seen: string };

/** How to wait: what for (in words), for how long, how often to look, and what calls it off. */
export type WaitOptions = {
  readonly what: string;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** Told after every look that did not end the wait. */
  readonly onLook?: (seen: string, elapsedMs: number) => void;
};

/**
 * Looks again and again until the thing is there.
 * @throws WaitTimeout at the deadline; the signal's reason when called off; whatever `look` throws.
 */
export async function until<T>(options: WaitOptions, look: () => Promise<Look<T>>): Promise<T> {
  const started = performance.now();
  for (;;) {
    options.signal.throwIfAborted();
    const result = await look();
    if ('done' in result) {
      return result.done;
    }
    const elapsed = performance.now() - started;
    if (elapsed >= options.timeoutMs) {
      throw new WaitTimeout(options.what, elapsed, result.seen);
    }
    options.onLook?.(result.seen, elapsed);
    await sleep(options.intervalMs, undefined, { signal: options.signal });
  }
}

/** The promise's value, or a rejection with `message` when it takes longer than `ms`. */
export async function within<T>(ms: number, message: string, promise: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(ms, undefined, { signal: done.signal }).then(() => {
    throw new Error(message);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    // The race is over: the loser's rejection must not surface as an unhandled one.
    late.catch(() => {});
    done.abort();
  }
}
