// Runs before Aztec (`node --import`). It finds modules by the map that was made with the image, which takes less than
// half of the time that Node.js takes to find and read three thousand of them. Where `aznet-node` names itself, it
// also loads what is about to run while `aznet-node` waits for the rest of the network.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { constants } from 'node:os';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

// The program that waits with its arguments, and the variables that it runs without: JSON.
const PREPARE = 'AZNET_PREPARE';
const COMMANDS = '/usr/src/node_modules/@aztec/aztec/dest/cli/cmds/';
const KZG = '/usr/src/node_modules/@aztec/blob-lib/dest/kzg_context.js';

/** Answers from the map what it knows, and leaves the rest to Node.js. */
function findByMap() {
  const { root, urls, formats, imports, requires } = JSON.parse(readFileSync('/usr/src/.modules.json', 'utf8'));
  const inRoot = url => (url?.startsWith(root) ? url.slice(root.length) : undefined);
  registerHooks({
    resolve(specifier, context, next) {
      const known = context.conditions.includes('require') ? requires : imports;
      const at = known[inRoot(context.parentURL)]?.[specifier];
      if (at === undefined) return next(specifier, context);
      return { url: root + urls[at], format: formats[at] ?? undefined, shortCircuit: true };
    },
    load(url, context, next) {
      if (context.format !== 'module' || inRoot(url) === undefined) return next(url, context);
      return { format: 'module', source: readFileSync(new URL(url)), shortCircuit: true };
    },
  });
}

/** Loads what a node runs; a validator also makes the tables that it signs blobs with. */
async function load() {
  await import(`${COMMANDS}start_node.js`);
  if (process.argv.includes('--sequencer')) (await import(KZG)).getKzg();
}

/** Waits for the child; its variables become this process's. What ends the child ends this process. */
async function prepare({ command: [program, ...args], without }) {
  const env = { ...process.env };
  for (const name of without) delete env[name];
  // Memory, and without a name: what the child writes is for this process alone.
  const path = `/dev/shm/aznet-prepare-${process.pid}`;
  const variables = openSync(path, 'w+', 0o600);
  unlinkSync(path);
  const child = spawn(program, args, { env, stdio: ['ignore', 'inherit', 'inherit', variables] });
  // A first process in its namespace ignores what it has no handler for.
  const stop = signal => child.kill(signal);
  process.on('SIGTERM', stop).on('SIGINT', stop);
  const ended = once(child, 'exit');
  await load();
  const [code, signal] = await ended;
  if (signal !== null) process.exit(128 + constants.signals[signal]);
  if (code !== 0) process.exit(code);
  process.off('SIGTERM', stop).off('SIGINT', stop);
  Object.assign(process.env, JSON.parse(readFileSync(variables, 'utf8')));
  closeSync(variables);
}

if (isMainThread) {
  findByMap();
  const asked = process.env[PREPARE];
  if (asked !== undefined) {
    delete process.env[PREPARE];
    await prepare(JSON.parse(asked));
  }
}
