// Against a real network: AZTEC_NODE_URL names a node of one with test accounts. Two servers run as processes.
import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import { SchnorrAccountContract } from '@aztec/accounts/schnorr';
import { AztecAddress } from '@aztec/aztec.js/addresses';
import { getPublicEvents } from '@aztec/aztec.js/events';
import { SponsoredFeePaymentMethod } from '@aztec/aztec.js/fee';
import { Fr } from '@aztec/aztec.js/fields';
import { createAztecNodeClient } from '@aztec/aztec.js/node';
import { AccountManager, WalletSchema, type Wallet } from '@aztec/aztec.js/wallet';
import { createSafeJsonRpcClient } from '@aztec/foundation/json-rpc/client';
import { OrderbookContract } from '@aztec/noir-contracts.js/Orderbook';
import { TokenContract } from '@aztec/noir-contracts.js/Token';
import { deriveSigningKey } from '@aztec/stdlib/keys';
import { type Process, call, freePort, result, start } from './support.ts';

const nodeUrl = process.env.AZTEC_NODE_URL;
const missing = 'AZTEC_NODE_URL is not set: it takes a node of a running network with test accounts';
const READY_WITHIN_MS = 300_000;

type Pxe = Process & { url: string };

async function startPxe(): Promise<Pxe> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const process = start({ AZTEC_NODE_URL: nodeUrl ?? '', PXE_HOST: '127.0.0.1', PXE_PORT: `${port}`, LOG_LEVEL: 'info' });
  const deadline = performance.now() + READY_WITHIN_MS;
  for (let said = 'nothing'; performance.now() < deadline; ) {
    const response = await fetch(`${url}status`).catch(() => undefined);
    if (response?.status === 200) {
      return { ...process, url };
    }
    said = (await response?.text()) ?? said;
    assert.equal(process.child.exitCode, null, `the server ended: ${said}`);
  }
  process.child.kill();
  throw new Error(`not ready within ${READY_WITHIN_MS} ms: ${await process.stderr}`);
}

/** Aztec.js as it is published: nothing of this project between it and the server. */
function walletOf(pxe: Pxe): Wallet {
  return createSafeJsonRpcClient<Wallet>(pxe.url, WalletSchema, { namespaceMethods: 'wallet' });
}

/** A new account whose keys the wallet is given; it is not deployed. */
async function newAccount(wallet: Wallet, secret: Fr, signingKey = deriveSigningKey(secret)): Promise<AccountManager> {
  const contract = new SchnorrAccountContract(signingKey);
  const account = await AccountManager.create(wallet, secret, contract, Fr.random());
  await wallet.registerContract(account.getInstance(), await contract.getContractArtifact(), secret);
  return account;
}

if (nodeUrl === undefined) {
  // A skipped test is counted, a skipped suite is not.
  test('on a real network', { skip: missing });
} else {
  describe('on a real network', { timeout: 900_000 }, onRealNetwork);
}

function onRealNetwork(): void {
  let first: Pxe;
  let second: Pxe;
  let alice: string;
  let bob: string;
  let token: string;

  const balance = (pxe: Pxe, owner: string) => result(pxe.url, 'token_balance', { token, owner });

  before(async () => {
    // At once, because that is how a StatefulSet does it: both want to deploy the same accounts.
    [first, second] = await Promise.all([startPxe(), startPxe()]);
  });
  after(async () => {
    for (const pxe of [first, second]) {
      pxe.child.kill('SIGTERM');
      assert.equal(await pxe.exit, 0);
    }
  });

  test('two PXEs deploy the test accounts once', async (context: TestContext) => {
    const [accounts, same] = await Promise.all([
      result(first.url, 'pxe_deployTestAccounts'),
      result(second.url, 'pxe_deployTestAccounts'),
    ]);
    assert.deepEqual(accounts, same);
    assert.ok(accounts.every((account: { deployed: boolean }) => account.deployed));
    [alice, bob] = accounts.map((account: { address: string }) => account.address);
    context.diagnostic(`${accounts.length} accounts`);
  });

  test('the status says where it is', async () => {
    const status = await result(first.url, 'pxe_getStatus');
    assert.equal(status.ready, true);
    assert.match(status.rollupAddress, /^0x[0-9a-f]{40}$/);
    assert.ok(status.nodeBlock >= 1);
    const { headers } = await fetch(`${first.url}status`);
    assert.equal(headers.get('x-aztec-rollupVersion'), `${status.rollupVersion}`);
  });

  test('a token is deployed and minted, private and public', async () => {
    const deployed = await result(first.url, 'token_deploy', { name: 'Coin', symbol: 'COIN', decimals: 6, admin: alice });
    assert.equal(deployed.status, 'checkpointed');
    assert.ok(deployed.blockNumber >= 1);
    token = deployed.token;
    const mint = { token, to: alice };
    const minted = await Promise.all([
      result(first.url, 'token_mint', { ...mint, amount: '1000', visibility: 'public' }),
      result(first.url, 'token_mint', { ...mint, amount: 500, visibility: 'private' }),
    ]);
    assert.ok(minted.every(({ txHash }) => /^0x[0-9a-f]{64}$/.test(txHash)));
    assert.deepEqual(await balance(first, alice), { public: '1000', private: '500' });
  });

  test('transfers arrive exactly, also as seen by the other PXE', async () => {
    const transfer = { token, from: alice, to: bob };
    await Promise.all([
      result(first.url, 'token_transfer', { ...transfer, amount: '100', visibility: 'public' }),
      result(first.url, 'token_transfer', { ...transfer, amount: '50', visibility: 'private', priorityFee: '1' }),
    ]);
    for (const pxe of [first, second]) {
      assert.deepEqual(await balance(pxe, alice), { public: '900', private: '450' });
      assert.deepEqual(await balance(pxe, bob), { public: '100', private: '50' });
    }
  });

  test('private transfers asked for at the same time do not spend the same notes', async () => {
    const transfer = { token, from: bob, to: alice, amount: '20', visibility: 'private' };
    await Promise.all([1, 2].map(() => result(second.url, 'token_transfer', transfer)));
    assert.deepEqual(await balance(first, alice), { public: '900', private: '490' });
  });

  test('an Aztec.js client uses it as its wallet', async () => {
    const wallet = walletOf(second);
    const accounts = await wallet.getAccounts();
    assert.ok(accounts.some(account => account.item.toString() === alice));
    const from = AztecAddress.fromString(alice);
    const { methods } = TokenContract.at(AztecAddress.fromString(token), wallet);
    const { receipt } = await methods.transfer(AztecAddress.fromString(bob), 90n).send({ from });
    assert.ok(receipt.isMined());
    assert.equal((await methods.balance_of_private(from).simulate({ from })).result, 400n);
    assert.equal((await methods.balance_of_public(from).simulate({ from })).result, 900n);
  });

  const secret = Fr.random();
  let own: AztecAddress;
  let fee: { paymentMethod: SponsoredFeePaymentMethod };

  test('its own account is deployed by the sponsor, receives and sends', async () => {
    const { sponsor } = await result(second.url, 'pxe_getStatus');
    fee = { paymentMethod: new SponsoredFeePaymentMethod(AztecAddress.fromString(sponsor)) };
    const wallet = walletOf(second);
    const account = await newAccount(wallet, secret);
    own = account.address;
    const early = { token, from: own.toString(), to: bob, amount: 1, visibility: 'public' };
    assert.equal((await call(second.url, 'token_transfer', early)).error?.data?.kind, 'accountNotDeployed');
    await (await account.getDeployMethod()).send({ from: AztecAddress.ZERO, fee });
    await result(second.url, 'token_mint', { token, to: own, amount: 100, visibility: 'private' });
    const { methods } = TokenContract.at(AztecAddress.fromString(token), wallet);
    const { receipt } = await methods.transfer(AztecAddress.fromString(bob), 10n).send({ from: own, fee });
    assert.equal((await methods.balance_of_private(own).simulate({ from: own })).result, 90n);
    const events = await wallet.getPrivateEvents<{ amount: bigint }>(TokenContract.events.Transfer, {
      contractAddress: AztecAddress.fromString(token),
      fromBlock: receipt.blockNumber,
      scopes: [AztecAddress.fromString(bob)],
    });
    assert.deepEqual(events.map(({ event }) => event.amount), [10n]);
  });

  test('its public events are found', async () => {
    const wallet = walletOf(second);
    const bid = TokenContract.at(AztecAddress.fromString(token), wallet);
    const { contract: ask } = await TokenContract.deploy(wallet, own, 'Other', 'OTHER', 18).send({ from: own, fee });
    const deployment = OrderbookContract.deploy(wallet, bid.address, ask.address);
    const { contract: orderbook } = await deployment.send({ from: own, fee });
    const nonce = Fr.random();
    const pay = await bid.methods.transfer_to_public(own, orderbook.address, 5n, nonce).getFunctionCall();
    const authWitness = await wallet.createAuthWit(own, { caller: orderbook.address, call: pay });
    const order = orderbook.methods.create_order(bid.address, ask.address, 5n, 7n, nonce);
    const { receipt } = await order.with({ authWitnesses: [authWitness] }).send({ from: own, fee });
    const definition = OrderbookContract.events.OrderCreated;
    const { events } = await getPublicEvents(createAztecNodeClient(nodeUrl ?? ''), definition, {
      contractAddress: orderbook.address,
    });
    assert.deepEqual(events.map(({ metadata }) => metadata.txHash.toString()), [receipt.txHash.toString()]);
  });

  test('an account whose signing key it was not given does not send', async () => {
    const wallet = walletOf(second);
    const { address } = await newAccount(wallet, Fr.random(), deriveSigningKey(Fr.random()));
    const { methods } = TokenContract.at(AztecAddress.fromString(token), wallet);
    await assert.rejects(methods.transfer(own, 1n).send({ from: address, fee }), /signing key is not the one that Aztec derives/);
  });

  const nowhere = `0x${'0'.repeat(60)}7777`;
  const refusals: [kind: string, method: string, params: () => object, says: RegExp][] = [
    ['unknownToken', 'token_balance', () => ({ token: nowhere, owner: alice }), /no contract at 0x0+7777 on this network/],
    ['notAToken', 'token_balance', () => ({ token: notAToken, owner: alice }), /not Aztec's Token/],
    ['unknownAccount', 'token_transfer', () => ({ token, from: nowhere, to: bob, amount: 1, visibility: 'public' }), /is not in this PXE/],
    ['notMinter', 'token_mint', () => ({ token, from: bob, to: bob, amount: 1, visibility: 'public' }), /may not mint/],
    ['insufficientBalance', 'token_transfer', () => ({ token, from: alice, to: bob, amount: 901, visibility: 'public' }), /has 900 .* in public, 901 are needed/],
    ['insufficientBalance', 'token_transfer', () => ({ token, from: alice, to: bob, amount: 401, visibility: 'private' }), /has 400 .* in private, 401 are needed/],
  ];
  // Protocol contracts are published on every network; this one deploys instances.
  const notAToken = `0x${'0'.repeat(63)}2`;
  for (const [kind, method, params, says] of refusals) {
    test(`refuses with ${kind}: ${says.source}`, async () => {
      const { error } = await call(first.url, method, params());
      assert.equal(error?.data?.kind, kind);
      assert.match(error?.message ?? '', says);
    });
  }

  test('the log holds no secret', async () => {
    const { getInitialTestAccountsData } = await import('@aztec/accounts/testing');
    second.child.kill('SIGTERM');
    const log = await second.stderr;
    const accounts = [...(await getInitialTestAccountsData()), { secret, signingKey: deriveSigningKey(secret) }];
    for (const { secret, signingKey } of accounts) {
      assert.ok(!log.includes(secret.toString().slice(2)) && !log.includes(signingKey.toString().slice(2)));
    }
  });
}
