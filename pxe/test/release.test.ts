import assert from 'node:assert/strict';
import { test } from 'node:test';
import { releaseOf, releaseOfImage } from '../src/release.ts';
import { byAlias } from '../src/wallets/accounts.ts';
import { nativeCodeMissing } from './support.ts';

const skip = await nativeCodeMissing();

test('the wallet is that of the packages in the image', { skip }, async () => {
  const { line, proof, namespaces } = await releaseOfImage();
  assert.deepEqual({ line, proof, namespaces }, { line: '4.1', proof: 'run', namespaces: { node: 'node', p2p: 'p2p' } });
  assert.equal(await releaseOf('4.1.9'), await releaseOfImage());
});

for (const version of ['6.0.0', '4.10.0', '5.1.2', '']) {
  test(`a release without a wallet is refused: "${version}"`, async () => {
    await assert.rejects(releaseOf(version), {
      message: `this image has Aztec ${version}: expected 4.1 or 5.2, whose wallets this server knows`,
    });
  });
}

test('accounts without an alias come last', () => {
  const aliases = byAlias([{ alias: '' }, { alias: 'test1' }, { alias: 'test0' }]).map(account => account.alias);
  assert.deepEqual(aliases, ['test0', 'test1', '']);
});
