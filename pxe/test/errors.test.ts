import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { RpcError, messageOf, toClientError } from '../src/errors.ts';

test('an error for the client stays as it is', () => {
  const error = new RpcError('unknownToken', 'no contract there', { token: '0x1' });
  assert.equal(toClientError(error, 'token_mint'), error);
  assert.deepEqual(error.data, { kind: 'unknownToken', token: '0x1' });
});

test('a parameter error names the method and the parameter', () => {
  const { error } = z.tuple([z.object({ amount: z.string() }).strict()]).safeParse([{ amount: 1, ammount: 2 }]);
  const shown = toClientError(error, 'token_mint') as z.ZodError;
  assert.ok(shown instanceof z.ZodError);
  assert.deepEqual(
    shown.issues.map(issue => issue.message),
    ['token_mint: amount: Expected string, received number', 'token_mint: unknown parameter "ammount"'],
  );
});

test('stack frames and transaction dumps do not reach clients', () => {
  const text = 'Assertion failed\n    at Object.run (file:///x/y.js:1:2)\n    at node:internal/z:3:4\nContext: it';
  assert.equal(messageOf(new Error(text)), 'Assertion failed\nContext: it');
  assert.ok(messageOf(new Error('x'.repeat(100_000))).length < 2_100);
});

test('the call stack of a contract does: it says where an assertion failed', () => {
  const text = "Assertion failed: Balance too low\nat self.transfer(to) (/token/src/main.nr:12:3)";
  assert.equal(messageOf(new Error(text)), text);
});

test('causes are told, once, and only errors are causes', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
  assert.equal(messageOf(new Error('fetch failed', { cause: refused })), `fetch failed: ${refused.message}`);
  assert.equal(messageOf(new Error('a: b', { cause: new Error('b') })), 'a: b');
  assert.equal(messageOf(new Error('refused', { cause: { params: ['secret'] } })), 'refused');
});

test('what is not an error is told as well', () => {
  assert.equal(messageOf('text'), 'text');
  assert.equal(messageOf(undefined), 'unknown error');
  assert.equal(messageOf(new AggregateError([new Error('a'), new Error('b')], '')), 'a, b');
});

test('a node that is not there is told apart', () => {
  const error = toClientError(new Error('Error fetching from host http://n: fetch failed'), 'wallet_sendTx');
  assert.equal((error as RpcError).data.kind, 'nodeUnreachable');
});

test('of a failed connection the address and the cause remain', () => {
  const dump = "[TypeError: fetch failed] {\n  [cause]: Error: connect ECONNREFUSED 127.0.0.1:1\n    errno: -111 }\n}";
  assert.equal(
    messageOf(new Error(`Error fetching from host http://n:1: ${dump}`)),
    'Error fetching from host http://n:1: connect ECONNREFUSED 127.0.0.1:1',
  );
});
