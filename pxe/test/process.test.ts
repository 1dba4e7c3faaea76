import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, nativeCodeMissing, start } from './support.ts';

const TIMEOUT = { timeout: 60_000, skip: await nativeCodeMissing() };

test('a bad setting ends the process with 2 and names it', TIMEOUT, async () => {
  const { exit, stderr } = start({ PXE_PORT: 'x', AZTEC_NODE_URL: 'http://127.0.0.1:1' });
  assert.equal(await exit, 2);
  assert.match(await stderr, /^pxe: PXE_PORT: expected a whole number/m);
});

test('a node that never comes ends the process with 1 and the cause', TIMEOUT, async () => {
  const node = await freePort();
  const { exit, stderr } = start({
    AZTEC_NODE_URL: `http://127.0.0.1:${node}`,
    PXE_HOST: '127.0.0.1',
    PXE_PORT: '0',
    PXE_START_TIMEOUT_SECONDS: '1',
  });
  assert.equal(await exit, 1);
  const output = await stderr;
  assert.match(output, /^pxe: gave up waiting for the Aztec node .*after [12] s; last seen: .*ECONNREFUSED/m);
  assert.doesNotMatch(output, /\n\s+at |WARN/);
});

test('a signal ends the wait for the node with 0', TIMEOUT, async () => {
  const port = await freePort();
  const { child, exit } = start({
    AZTEC_NODE_URL: `http://127.0.0.1:${await freePort()}`,
    PXE_HOST: '127.0.0.1',
    PXE_PORT: `${port}`,
  });
  for (let up = false; !up; ) {
    up = await fetch(`http://127.0.0.1:${port}/status`).then(response => response.status === 503, () => false);
  }
  child.kill('SIGTERM');
  assert.equal(await exit, 0);
});
