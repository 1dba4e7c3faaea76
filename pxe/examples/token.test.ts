// Tests of a contract as a developer has them: Aztec.js alone, nothing of this project.
import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import type { AztecAddress } from '@aztec/aztec.js/addresses';
import { TokenContract } from '@aztec/noir-contracts.js/Token';
import { type Fee, type Opened, deployed, open, sponsored } from './wallet.ts';

describe('a token', { timeout: 900_000 }, () => {
  let opened: Opened;
  let fee: Fee;
  let alice: AztecAddress;
  let bob: AztecAddress;
  let token: TokenContract;

  const balances = async (owner: AztecAddress) => ({
    public: (await token.methods.balance_of_public(owner).simulate({ from: owner })).result,
    private: (await token.methods.balance_of_private(owner).simulate({ from: owner })).result,
  });

  before(async () => {
    opened = await open();
    fee = await sponsored(opened.wallet);
    [alice, bob] = await Promise.all([deployed(opened, fee), deployed(opened, fee)]);
    token = (await TokenContract.deploy(opened.wallet, alice, 'Coin', 'COIN', 18).send({ from: alice, fee })).contract;
  });
  after(() => opened.close());

  test('is minted', async (context: TestContext) => {
    context.diagnostic(opened.where);
    await Promise.all([
      token.methods.mint_to_public(alice, 1_000n).send({ from: alice, fee }),
      token.methods.mint_to_private(alice, 500n).send({ from: alice, fee }),
    ]);
    assert.deepEqual(await balances(alice), { public: 1_000n, private: 500n });
    assert.deepEqual(await balances(bob), { public: 0n, private: 0n });
  });

  test('is sent in public', async () => {
    await token.methods.transfer_in_public(alice, bob, 100n, 0n).send({ from: alice, fee });
    assert.deepEqual(await balances(alice), { public: 900n, private: 500n });
    assert.deepEqual(await balances(bob), { public: 100n, private: 0n });
  });

  test('is sent in private, and the recipient alone is told', async () => {
    const { receipt } = await token.methods.transfer(bob, 50n).send({ from: alice, fee });
    assert.ok(receipt.isMined());
    assert.deepEqual(await balances(alice), { public: 900n, private: 450n });
    assert.deepEqual(await balances(bob), { public: 100n, private: 50n });
    const told = async (owner: AztecAddress) => {
      const filter = { contractAddress: token.address, scopes: [owner] };
      const events = await opened.wallet.getPrivateEvents<{ amount: bigint }>(TokenContract.events.Transfer, filter);
      return events.map(({ event }) => event.amount);
    };
    assert.deepEqual(await told(bob), [50n]);
    assert.deepEqual(await told(alice), []);
  });

  test('moves between public and private', async () => {
    await Promise.all([
      token.methods.transfer_to_private(alice, 300n).send({ from: alice, fee }),
      token.methods.transfer_to_public(bob, bob, 20n, 0n).send({ from: bob, fee }),
    ]);
    assert.deepEqual(await balances(alice), { public: 600n, private: 750n });
    assert.deepEqual(await balances(bob), { public: 120n, private: 30n });
  });

  test('is not sent by who has too little, and is not minted by who may not', async () => {
    const { methods } = token;
    await assert.rejects(methods.transfer(bob, 751n).send({ from: alice, fee }), /balance too low/i);
    // What fails in public fails on the network: a wallet that does not simulate it first knows only that it was reverted.
    await assert.rejects(methods.transfer_in_public(alice, bob, 601n, 0n).send({ from: alice, fee }), /underflow|subtract|reverted/i);
    await assert.rejects(methods.mint_to_public(bob, 1n).send({ from: bob, fee }), /not minter|reverted/i);
    assert.deepEqual(await balances(alice), { public: 600n, private: 750n });
    assert.deepEqual(await balances(bob), { public: 120n, private: 30n });
  });
});
