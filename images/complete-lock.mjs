// Adds to a lock file the optional packages of other platforms, which npm leaves out where a registry mirror does not
// serve them; without them `npm ci` calls the lock file out of date.
//
//   npm install --package-lock-only --ignore-scripts && node ../complete-lock.mjs      in an image's folder
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'openbsd', 'sunos', 'win32'];
const PROCESSORS = { amd64: 'x64', x64: 'x64', arm64: 'arm64', arm: 'arm', ia32: 'ia32', loong64: 'loong64', ppc64: 'ppc64', riscv64: 'riscv64', s390x: 's390x', wasm32: 'wasm32' };

/** The platform that a package's name tells. */
function platform(name) {
  const words = name.split(/[-/]/);
  return {
    os: words.filter(word => SYSTEMS.includes(word)),
    cpu: words.map(word => PROCESSORS[word]).filter(Boolean),
  };
}

function isThere(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(at.lastIndexOf('/node_modules/'), 0))) {
    if (packages[at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`]) return true;
    if (at === '') return false;
  }
}

const path = process.argv[2] ?? 'package-lock.json';
const lock = JSON.parse(readFileSync(path, 'utf8'));
const { packages } = lock;
let added = 0;
for (const [from, meta] of Object.entries({ ...packages })) {
  for (const [name, range] of Object.entries(meta.optionalDependencies ?? {})) {
    if (isThere(packages, from, name)) continue;
    const { os, cpu } = platform(name);
    if (os.length + cpu.length === 0) throw new Error(`${name} is missing and its name tells no platform`);
    packages[`node_modules/${name}`] = { version: range.replace(/^[\^~]/, ''), cpu, optional: true, os };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
process.stdout.write(`${added} optional packages of other platforms added\n`);
