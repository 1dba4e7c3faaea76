import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedQueue } from '../src/queue.ts';
import { WaitTimeout, until, within } from '../src/wait.ts';

const { signal } = new AbortController();

test('until returns what was awaited and tells every look', async () => {
  const looks: string[] = [];
  let left = 2;
  const options = { what: 'it', timeoutMs: 5_000, intervalMs: 1, signal, onLook: (seen: string) => looks.push(seen) };
  const found = await until<string>(options, async () => (left-- > 0 ? { seen: `${left}` } : { done: 'here' }));
  assert.equal(found, 'here');
  assert.deepEqual(looks, ['1', '0']);
});

test('until gives up with what, how long and what was seen last', async () => {
  const options = { what: 'the moon', timeoutMs: 5, intervalMs: 1, signal };
  await assert.rejects(
    until(options, async () => ({ seen: 'clouds' })),
    error => error instanceof WaitTimeout && /the moon after \d+ s; last seen: clouds/.test(error.message),
  );
});

test('until stops at once when called off', async () => {
  const abort = new AbortController();
  const waiting = until({ what: 'it', timeoutMs: 60_000, intervalMs: 60_000, signal: abort.signal }, async () => ({ seen: '' }));
  abort.abort(new Error('leaving'));
  await assert.rejects(waiting, /abort|leaving/);
});

test('until cuts off a look that hangs', async () => {
  const hangs = () => new Promise<never>(() => {});
  await assert.rejects(until({ what: 'the node', timeoutMs: 20, intervalMs: 1, signal }, hangs), WaitTimeout);
  const abort = new AbortController();
  const waiting = until({ what: 'the node', timeoutMs: 60_000, intervalMs: 1, signal: abort.signal }, hangs);
  abort.abort(new Error('leaving'));
  await assert.rejects(waiting, /leaving/);
});

test('within keeps the value, or rejects in time', async () => {
  assert.equal(await within(5_000, 'late', Promise.resolve(1)), 1);
  await assert.rejects(within(1, 'late', new Promise(() => {})), /late/);
});

test('a queue runs one key in turn, failures included, and other keys beside it', async () => {
  const queue = new KeyedQueue();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = queue.run('a', async () => {
    await gate.promise;
    order.push('first');
    throw new Error('first failed');
  });
  const second = queue.run('a', async () => order.push('second'));
  await queue.run('b', async () => order.push('other key'));
  gate.resolve();
  await assert.rejects(first, /first failed/);
  await second;
  assert.deepEqual(order, ['other key', 'first', 'second']);
});
