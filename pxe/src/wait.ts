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
 * Looks again and again until the thing is there. A look that hangs is cut off at the deadline, or when called off.
 * @throws WaitTimeout at the deadline; the signal's reason when called off; whatever `look` throws.
 */
export async function until<T>(options: WaitOptions, look: () => Promise<Look<T>>): Promise<T> {
  const { what, timeoutMs, intervalMs, signal, onLook } = options;
  const started = performance.now();
  let seen = 'nothing yet';
  const over = new AbortController();
  const either = AbortSignal.any([over.signal, signal]);
  const cutOff = sleep(timeoutMs, undefined, { signal: either }).then(
    () => {
      throw new WaitTimeout(what, performance.now() - started, seen);
    },
    (aborted: unknown) => {
      throw signal.reason ?? aborted;
    },
  );
  try {
    for (;;) {
      signal.throwIfAborted();
      const result = await Promise.race([look(), cutOff]);
      if ('done' in result) {
        return result.done;
      }
      seen = result.seen;
      onLook?.(seen, performance.now() - started);
      await Promise.race([sleep(intervalMs, undefined, { signal: either }), cutOff]);
    }
  } finally {
    // The wait is over: the rejection of what bounds it must not surface as an unhandled one.
    cutOff.catch(() => {});
    over.abort();
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
