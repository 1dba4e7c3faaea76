#!/usr/bin/env node
// The part of the native Solidity compiler's command line that Foundry uses, over the WebAssembly
// build of the same version: the native one is not on npm.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';

const { version } = createRequire(import.meta.url)('solc/package.json');

function compile() {
  const solc = createRequire(import.meta.url)('solc');
  const base = process.argv.indexOf('--base-path');
  const root = base < 0 ? '.' : process.argv[base + 1];
  const read = path => {
    try {
      return { contents: readFileSync(`${root}/${path}`, 'utf8') };
    } catch (error) {
      return { error: error.message };
    }
  };
  process.stdout.write(solc.compile(readFileSync(0, 'utf8'), { import: read }));
}

if (process.argv.includes('--version')) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}+commit.73712a01.Emscripten.clang\n`);
} else if (process.argv.includes('--standard-json')) {
  compile();
} else {
  process.stderr.write(`solc: only --version and --standard-json are supported, got: ${process.argv.slice(2).join(' ')}\n`);
  process.exitCode = 2;
}
