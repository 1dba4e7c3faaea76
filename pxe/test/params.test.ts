import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { z } from 'zod';
import { address, amount, decimals, label, timeoutSeconds, visibility, waitFor } from '../src/params.ts';

const ADDRESS = '0x0a60414ee907527880b7a53d4dacdeb9ef768bb98d9d8d1e7200725c13763331';

function refusal(schema: z.ZodTypeAny, value: unknown): string {
  const result = schema.safeParse(value);
  assert.equal(result.success, false, `${JSON.stringify(value)} was taken`);
  return result.error.issues.map(issue => issue.message).join('; ');
}

describe('address', () => {
  test('takes 0x and 64 digits', () => assert.equal(address.parse(ADDRESS).toString(), ADDRESS));
  for (const bad of [undefined, null, 7, '', '0x', ADDRESS.slice(2), `${ADDRESS}0`, `0x${'f'.repeat(64)}`, {}]) {
    test(`refuses ${JSON.stringify(bad)}`, () => assert.match(refusal(address, bad), /expected an Aztec address .*got /));
  }
});

describe('amount', () => {
  test('takes decimal strings and safe numbers', () => {
    assert.equal(amount.parse('340282366920938463463374607431768211455'), 2n ** 128n - 1n);
    assert.equal(amount.parse(7), 7n);
  });
  for (const bad of ['0', 0, '-1', -1, '1.5', 1.5, '1e3', 2 ** 60, '', '0x10', '340282366920938463463374607431768211456', null]) {
    test(`refuses ${JSON.stringify(bad)}`, () => assert.match(refusal(amount, bad), /expected a whole number from 1/));
  }
});

test('names the choices', () => {
  assert.equal(visibility.parse('private'), 'private');
  assert.equal(refusal(visibility, 'secret'), 'expected "private" or "public", got "secret"');
  assert.match(refusal(waitFor, 'mined'), /one of "none", "proposed", "checkpointed", "proven", "finalized", got "mined"/);
});

test('fills in what may be left out', () => {
  assert.equal(waitFor.parse(undefined), 'checkpointed');
  assert.equal(decimals.parse(undefined), 18);
  assert.equal(label('TEST').parse(undefined), 'TEST');
  assert.equal(timeoutSeconds.parse(undefined), 0);
});

test('refuses what a token contract can not hold', () => {
  assert.match(refusal(label('x'), 'a'.repeat(32)), /1 to 31 printable ASCII/);
  assert.match(refusal(label('x'), ''), /1 to 31 printable ASCII/);
  assert.match(refusal(decimals, 256), /0 to 255/);
});

test('cuts what it quotes', () => {
  assert.ok(refusal(amount, 'x'.repeat(10_000)).length < 200);
});
