import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TxExecutionResult, TxHash, TxReceipt, TxStatus } from '@aztec/aztec.js/tx';
import { RpcError } from '../src/errors.ts';
import { Transactions, Verdict } from '../src/transactions.ts';

const HASH = TxHash.random();
const { SUCCESS, APP_LOGIC_REVERTED } = TxExecutionResult;

function receipt(status: TxStatus, result?: TxExecutionResult): TxReceipt {
  return new TxReceipt(HASH, status, result, undefined, 7n, undefined, result === undefined ? undefined : (5 as never));
}

const isKind = (kind: string) => (error: unknown) => error instanceof RpcError && error.data.kind === kind;

test('the status asked for ends the wait, and a later one does too', () => {
  const verdict = new Verdict('the mint', 'checkpointed');
  assert.deepEqual(verdict.of(receipt(TxStatus.PENDING), 0), { seen: 'pending' });
  assert.deepEqual(verdict.of(receipt(TxStatus.PROPOSED, SUCCESS), 1), { seen: 'proposed' });
  const done = { txHash: HASH.toString(), status: 'checkpointed', blockNumber: 5, fee: 7n };
  assert.deepEqual(verdict.of(receipt(TxStatus.CHECKPOINTED, SUCCESS), 2), { done });
  assert.ok('done' in verdict.of(receipt(TxStatus.PROVEN, SUCCESS), 3));
});

test('a revert is an error with its block, whatever was waited for', () => {
  assert.throws(() => new Verdict('the mint', 'proven').of(receipt(TxStatus.PROPOSED, APP_LOGIC_REVERTED), 0), error => {
    assert.ok(isKind('txReverted')(error));
    return /the mint \(0x.*\) reverted, app_logic_reverted: no reason given/.test((error as Error).message);
  });
});

test('dropped counts when nothing else is heard for five seconds', () => {
  const verdict = new Verdict('the mint', 'proposed');
  assert.deepEqual(verdict.of(receipt(TxStatus.DROPPED), 0), { seen: 'dropped' });
  assert.deepEqual(verdict.of(receipt(TxStatus.DROPPED), 5_000), { seen: 'dropped' });
  assert.throws(() => verdict.of(receipt(TxStatus.DROPPED), 5_001), isKind('txDropped'));
});

test('nodes that take turns in knowing a transaction do not drop it', () => {
  const verdict = new Verdict('the mint', 'proposed');
  for (let second = 0; second < 60; second += 1) {
    const status = second % 2 === 0 ? TxStatus.DROPPED : TxStatus.PENDING;
    assert.ok('seen' in verdict.of(receipt(status), second * 4_000));
  }
});

test('a transaction whose block was pruned is proved and sent again', async () => {
  const pruned = [
    'Block 0x12 not found in the node. This might indicate a reorg has occurred.',
    'Block header for block number 7 not found during chain prune.',
    'Block hash 0x12 not found.',
    'Invalid tx: Block header not found',
  ];
  const left = [...pruned];
  const interaction = {
    send: async () => {
      const error = left.shift();
      if (error !== undefined) {
        throw new Error(error);
      }
      return { txHash: HASH };
    },
  };
  const transactions = new Transactions({} as never, new AbortController().signal);
  assert.equal(await transactions.send('the mint', interaction, {}), HASH);
  assert.deepEqual(left, []);
});

test('what is wrong with a transaction itself is said at once', async () => {
  let sent = 0;
  const interaction = {
    send: async () => {
      sent += 1;
      throw new Error('Invalid tx: Existing nullifier');
    },
  };
  const transactions = new Transactions({} as never, new AbortController().signal);
  await assert.rejects(transactions.send('the mint', interaction, {}), isKind('txRefused'));
  assert.equal(sent, 1);
});
