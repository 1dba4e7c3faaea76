// Loads what the roles load, so that their code is in V8's compile cache, and writes down where each module was found.
import { readdirSync, writeFileSync } from 'node:fs';
import { flushCompileCache, registerHooks } from 'node:module';
import process from 'node:process';

const root = 'file:///usr/src/';
const aztec = '/usr/src/node_modules/@aztec/aztec/dest/';

const map = { root, urls: [], formats: [], imports: {}, requires: {} };
const places = new Map();
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (context.parentURL?.startsWith(root) && found.url.startsWith(root)) note(specifier, context, found);
    return found;
  },
});

function note(specifier, { parentURL, conditions }, { url, format }) {
  const parent = parentURL.slice(root.length);
  const known = conditions.includes('require') ? map.requires : map.imports;
  if (!places.has(url)) {
    places.set(url, map.urls.push(url.slice(root.length)) - 1);
    map.formats.push(format);
  }
  (known[parent] ??= {})[specifier] = places.get(url);
}

for (const name of readdirSync(`${aztec}cli/cmds/`)) {
  if (name.startsWith('start_') && name.endsWith('.js')) await import(`${aztec}cli/cmds/${name}`);
}
await import('/usr/src/node_modules/@aztec/cli/dest/cmds/l1/deploy_l1_contracts_cmd.js');
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
// The command line itself, which ends the process once it has told its version.
process.argv.splice(1, Infinity, `${aztec}bin/index.js`, '--version');
const exit = process.exit;
process.exit = () => {
  flushCompileCache();
  writeFileSync('/usr/src/.modules.json', JSON.stringify(map));
  // Some modules open handles when loaded.
  exit(0);
};
await import(`${aztec}bin/index.js`);
