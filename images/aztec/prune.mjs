// Takes out of an installed npm tree what no process of this image ever loads.
//
//   node prune.mjs TREE      TREE holds node_modules; prints the size before and after
import { existsSync, globSync, lstatSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';

const tree = process.argv[2] ?? '.';
const modules = join(tree, 'node_modules');

// Declared as dependencies by packages that use them in tests or types only.
const NOT_LOADED = [/^jest/, /^@jest\//, /^@types\//, /^typescript$/, /^ts-node$/, /^@swc\//, /^node-gyp$/];

const TYPES_AND_SOURCES = /\.(map|tsbuildinfo|ts|mts|cts|tsx|flow|h|hpp|c|cc|cpp|o|a|gyp|gypi|mk|md|markdown|snap)$/i;
const LEGAL = /^(licen[cs]e|notice|copying)/i;
const IDLE_FOLDERS = new Set(['test', 'tests', '__tests__', '__mocks__', 'docs', 'doc', 'example', 'examples', 'benchmark', 'benchmarks', 'coverage', 'man', '.github']);
const BROWSER_FILE = /\.(browser|web|umd)(\.min)?\.(c|m)?js$/;

const ARCH = { x64: { bb: 'amd64', node: 'x64' }, arm64: { bb: 'arm64', node: 'arm64' } }[process.arch];

/** Bytes on disk of a file or folder. */
function size(path) {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + size(join(path, name)), 0);
}

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}

/** Where `name`, required from the package at `from`, is installed: the nearest folder up the tree. */
function resolve(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(at.lastIndexOf('/node_modules/'), 0))) {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (packages[path]) return path;
    if (at === '') return undefined;
  }
}

/** Removes packages that are reached only through ones that are never loaded. */
function dropUnreached() {
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  const root = JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8'));
  const reached = new Set();
  const visit = (from, meta) => {
    for (const name of Object.keys({ ...meta.dependencies, ...meta.optionalDependencies, ...meta.peerDependencies })) {
      const path = NOT_LOADED.some(rule => rule.test(name)) ? undefined : resolve(packages, from, name);
      if (path === undefined || reached.has(path)) continue;
      reached.add(path);
      visit(path, packages[path]);
    }
  };
  visit('', root);
  Object.keys(packages).filter(path => !reached.has(path)).forEach(path => remove(join(tree, path)));
}

/** Walks the tree and removes what tests, types, sources and documentation leave behind. */
function dropIdleFiles(folder) {
  // Deeper down such names can be modules: viem has actions/test.
  const isPackage = existsSync(join(folder, 'package.json'));
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      // A Foundry project: an absent source makes it compile again.
      if (entry.name === 'l1-contracts') continue;
      if (isPackage && IDLE_FOLDERS.has(entry.name)) remove(path);
      else dropIdleFiles(path);
    } else if (entry.name === '.package-lock.json') {
      continue;
    } else if ((TYPES_AND_SOURCES.test(entry.name) || BROWSER_FILE.test(entry.name)) && !LEGAL.test(entry.name)) {
      remove(path);
    }
  }
}

/** Removes prebuilt binaries for other machines and bundles for browsers. */
function dropOtherPlatforms() {
  const bb = join(modules, '@aztec/bb.js');
  const native = join(bb, 'build');
  readdirSync(native).filter(name => name !== `${ARCH.bb}-linux`).forEach(name => remove(join(native, name)));
  remove(join(bb, 'dest/browser'));
  globSync('**/prebuilds/*', { cwd: modules })
    .filter(path => basename(path) !== `linux-${ARCH.node}`)
    .forEach(path => remove(join(modules, path)));
  globSync(['**/*musl*.node', '**/*musl*/'], { cwd: modules }).forEach(path => remove(join(modules, path)));
  globSync(`node-linux-*/{include,share}`, { cwd: modules }).forEach(path => remove(join(modules, path)));
}

/** Removes the second and third build of packages that ship one per module system. */
function dropOtherBuilds() {
  for (const path of globSync('**/@opentelemetry/*/build/{esm,esnext}', { cwd: modules })) remove(join(modules, path));
  for (const path of globSync('**/{viem,ox,abitype}/_types', { cwd: modules })) remove(join(modules, path));
}

/** Keeps of Foundry's build output what its cache refers to: the contracts, not their tests. */
function dropForgeTests() {
  const l1 = join(modules, '@aztec/l1-artifacts/l1-contracts');
  const cache = JSON.parse(readFileSync(join(l1, 'cache/solidity-files-cache.json'), 'utf8'));
  const kept = new Set();
  for (const file of Object.values(cache.files)) {
    for (const versions of Object.values(file.artifacts)) {
      for (const profiles of Object.values(versions)) {
        Object.values(profiles).forEach(artifact => kept.add(artifact.path));
      }
    }
  }
  const out = join(l1, 'out');
  for (const path of globSync('**/*.json', { cwd: out })) {
    if (!kept.has(path) && dirname(path) !== 'build-info') remove(join(out, path));
  }
}

/** Keeps of the test contracts the ones that Aztec's programs import. */
function dropTestContracts() {
  const folder = join(modules, '@aztec/noir-test-contracts.js');
  if (!existsSync(folder)) return;
  const used = new Set();
  for (const path of globSync('@aztec/*/dest/**/*.js', { cwd: modules })) {
    if (path.startsWith('@aztec/noir-test-contracts.js/')) continue;
    const text = readFileSync(join(modules, path), 'utf8');
    for (const [, name] of text.matchAll(/@aztec\/noir-test-contracts\.js\/(\w+)/g)) used.add(name);
  }
  for (const name of readdirSync(join(folder, 'artifacts'))) {
    const contract = /-(\w+)\.json$/.exec(name)?.[1];
    if (!used.has(contract)) remove(join(folder, 'artifacts', name));
  }
}

const before = size(modules);
dropUnreached();
dropOtherPlatforms();
dropOtherBuilds();
dropForgeTests();
dropTestContracts();
dropIdleFiles(modules);
const after = size(modules);
const mib = bytes => Math.round(bytes / 2 ** 20);
process.stdout.write(`pruned the npm tree from ${mib(before)} MiB to ${mib(after)} MiB\n`);
if (!statSync(modules).isDirectory()) process.exit(1);
