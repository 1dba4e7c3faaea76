import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GENESIS_BLOCK_HEADER_HASH } from '@aztec/constants';
import { BlockNumber } from '@aztec/foundation/branded-types';
import { Fr } from '@aztec/foundation/curves/bn254';
import { BlockHash } from '@aztec/stdlib/block';
import type { AztecNode } from '@aztec/stdlib/interfaces/client';
import { knowingGenesis } from '../src/wallets/genesis.ts';

test('the genesis block is found by the hash that it would have without prefilled balances', async () => {
  const asked: unknown[] = [];
  const genesis = { genesis: true };
  const node = knowingGenesis({
    getBlockHeader: (block: unknown) => {
      asked.push(block);
      return Promise.resolve(block === BlockNumber.ZERO ? genesis : undefined);
    },
    getVersion: () => Promise.resolve(7),
  } as unknown as AztecNode);
  const named = BlockHash.fromString(GENESIS_BLOCK_HEADER_HASH.toString());
  assert.equal(await node.getBlockHeader(named), genesis);
  assert.deepEqual(asked, [named, BlockNumber.ZERO]);
  assert.equal(await node.getBlockHeader(BlockHash.fromString(new Fr(1n).toString())), undefined);
  assert.equal(await node.getBlockHeader(BlockNumber(3)), undefined);
  assert.equal(await node.getVersion(), 7);
});
