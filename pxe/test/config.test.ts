import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../src/config.ts';

const minimal = { AZTEC_NODE_URL: 'http://full-node:8080' };

test('defaults need only the node', () => {
  assert.deepEqual(readConfig(minimal), {
    nodeUrl: 'http://full-node:8080',
    host: '0.0.0.0',
    port: 8080,
    dataDirectory: undefined,
    deployTestAccounts: 'start',
    proverEnabled: false,
    minFeePadding: 20,
    maxBodySize: '32mb',
    startTimeoutMs: 600_000,
    txTimeoutMs: 300_000,
    shutdownTimeoutMs: 10_000,
  });
});

test('empty variables count as unset', () => {
  const config = readConfig({ ...minimal, PXE_PORT: '', PXE_DATA_DIRECTORY: ' ' });
  assert.equal(config.port, 8080);
  assert.equal(config.dataDirectory, undefined);
});

test('this PXE can be told to prove, whatever the network says', () => {
  assert.equal(readConfig({ ...minimal, PROVER_REAL_PROOFS: 'true' }).proverEnabled, true);
  assert.equal(readConfig({ ...minimal, PROVER_REAL_PROOFS: 'true', PXE_PROVER_ENABLED: '0' }).proverEnabled, false);
});

const refused: [name: string, env: Record<string, string>, says: RegExp][] = [
  ['no node', { AZTEC_NODE_URL: '' }, /AZTEC_NODE_URL is not set/],
  ['a node without a scheme', { AZTEC_NODE_URL: 'full-node:8080' }, /AZTEC_NODE_URL: expected an http or https URL/],
  ['a port that is a word', { PXE_PORT: 'http' }, /PXE_PORT: expected a whole number from 0 to 65535, got "http"/],
  ['a port out of range', { PXE_PORT: '65536' }, /PXE_PORT/],
  ['a negative port', { PXE_PORT: '-1' }, /PXE_PORT/],
  ['an unknown mode', { PXE_DEPLOY_TEST_ACCOUNTS: 'yes' }, /expected one of start, lazy, never, got "yes"/],
  ['a flag that is neither', { PXE_PROVER_ENABLED: 'maybe' }, /PXE_PROVER_ENABLED: expected true, false, 1 or 0/],
  ['a size without a unit', { RPC_MAX_BODY_SIZE: '32' }, /RPC_MAX_BODY_SIZE: expected a size like/],
  ['no time at all', { PXE_TX_TIMEOUT_SECONDS: '0' }, /PXE_TX_TIMEOUT_SECONDS: expected a whole number from 1/],
];

for (const [name, env, says] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => readConfig({ ...minimal, ...env }),
      error => error instanceof ConfigError && says.test(error.message),
    );
  });
}

test('a node URL with credentials is refused without repeating them', () => {
  assert.throws(
    () => readConfig({ AZTEC_NODE_URL: 'http://user:secret@node' }),
    error => error instanceof ConfigError && !error.message.includes('secret'),
  );
});
