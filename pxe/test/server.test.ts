import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PxeServer } from '../src/server.ts';
import { Startup } from '../src/startup.ts';
import { call, post } from './support.ts';

const ADDRESS = '0x0a60414ee907527880b7a53d4dacdeb9ef768bb98d9d8d1e7200725c13763331';

// A server whose node never came: all that needs no network.
const startup = new Startup();
let server: PxeServer;
let url: string;

before(async () => {
  startup.waiting('waiting for the Aztec node at http://n/ (3 s): connect ECONNREFUSED');
  server = await PxeServer.listen(startup, { host: '127.0.0.1', port: 0, maxBodySize: '10kb' });
  url = `http://127.0.0.1:${server.port}/`;
});
after(() => server.close(1_000));

test('/status says what is missing', async () => {
  const response = await fetch(`${url}status`);
  assert.equal(response.status, 503);
  assert.match(await response.text(), /waiting for the Aztec node at http:\/\/n\/ \(3 s\): connect ECONNREFUSED/);
});

for (const method of ['pxe_getStatus', 'wallet_getAccounts']) {
  test(`${method} is refused until the wallet is open`, async () => {
    const { httpStatus, error } = await call(url, method);
    assert.equal(httpStatus, 200);
    assert.equal(error?.data?.kind, 'notReady');
    assert.match(error?.message ?? '', /this PXE is not ready: waiting for the Aztec node/);
  });
}

for (const method of ['nope', 'token_nope', 'nope_deploy', 'constructor_x', '__proto___x', 'token_', 'wallet_constructor']) {
  test(`${method} is no method`, async () => {
    const { error } = await call(url, method);
    assert.equal(error?.code, -32601);
    assert.equal(error?.message, `Method not found: ${method}`);
  });
}

const badParams: [method: string, params: unknown, says: string][] = [
  ['token_balance', { token: ADDRESS }, 'token_balance: owner: expected an Aztec address (0x and 64 hex digits), got nothing'],
  ['token_balance', { token: 'x', owner: ADDRESS }, 'token_balance: token: expected an Aztec address'],
  ['token_balance', { token: ADDRESS, owner: ADDRESS, ownr: 1 }, 'token_balance: unknown parameter "ownr"'],
  ['token_deploy', { decimals: -1 }, 'token_deploy: decimals: expected a whole number from 0 to 255, got -1'],
  ['token_mint', { token: ADDRESS, to: ADDRESS, amount: '-5', visibility: 'public' }, 'token_mint: amount: expected a whole number from 1'],
  ['token_transfer', { token: ADDRESS, from: ADDRESS, to: ADDRESS, amount: 1 }, 'token_transfer: visibility: expected "private" or "public", got nothing'],
  ['token_deploy', 'TEST', 'token_deploy: Expected object, received string'],
  ['wallet_registerSender', 'me', 'wallet_registerSender: '],
];

for (const [method, params, says] of badParams) {
  test(`${method} refuses ${JSON.stringify(params)}`, async () => {
    const { error } = await call(url, method, params);
    assert.equal(error?.code, -32701);
    assert.ok(error?.message.includes(says), error?.message);
    assert.doesNotMatch(error?.message ?? '', /\n\s+at /);
  });
}

test('params must be a list', async () => {
  const { error } = await post(url, '{"jsonrpc":"2.0","id":1,"method":"token_deploy","params":{"name":"A"}}');
  assert.match(error?.message ?? '', /token_deploy: params: expected an array, got object/);
});

test('broken JSON is a parse error', async () => {
  const { httpStatus, error } = await post(url, '{"jsonrpc":');
  assert.equal(httpStatus, 400);
  assert.equal(error?.code, -32700);
});

for (const body of ['{}', '[]', '{"method":7}']) {
  test(`${body} is no request`, async () => {
    assert.equal((await post(url, body)).error?.code, -32600);
  });
}

test('a body over the limit is refused by size', async () => {
  const { httpStatus, error } = await call(url, 'token_deploy', { name: 'x'.repeat(20_000) });
  assert.equal(httpStatus, 413);
  assert.match(error?.message ?? '', /at most 10kb \(RPC_MAX_BODY_SIZE\)/);
});

test('a batch is answered in order, each request on its own', async () => {
  const body = [
    { jsonrpc: '2.0', id: 'a', method: 'nope' },
    { jsonrpc: '2.0', id: 'b', method: 'pxe_getStatus' },
  ];
  const replies = Object.values(await post(url, JSON.stringify(body))) as { id?: string; error?: { code: number } }[];
  assert.deepEqual(replies.slice(0, 2).map(({ id, error }) => [id, error?.code]), [['a', -32601], ['b', -32702]]);
});

test('an address that is taken is an error, not a crash', async () => {
  await assert.rejects(
    PxeServer.listen(startup, { host: '127.0.0.1', port: server.port, maxBodySize: '1mb' }),
    /EADDRINUSE/,
  );
});
