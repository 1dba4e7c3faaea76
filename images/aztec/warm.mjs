// Loads what the roles load, so that their code is in V8's compile cache.
import { readdirSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import process from 'node:process';

const commands = '/usr/src/node_modules/@aztec/aztec/dest/cli/cmds/';
for (const name of readdirSync(commands)) {
  if (name.startsWith('start_') && name.endsWith('.js')) await import(commands + name);
}
for (const name of [
  '@aztec/aztec/cli',
  '@aztec/accounts/testing',
  '@aztec/aztec.js/wallet',
  '@aztec/noir-contracts.js/Token',
  '@aztec/wallets/embedded',
]) {
  await import(name).catch(error => {
    if (error.code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
  });
}
flushCompileCache();
// Some modules open handles when loaded.
process.exit(0);
