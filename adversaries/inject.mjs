// Has the Aztec node in this container misbehave, and prints what it did: a line of JSON. Runs beside it, as
// `node --input-type=module --eval "$(cat inject.mjs)" MODULE OPTIONS [PID]`: the text of a module whose default export is
// called in the node as `misbehave(load, options)`, and its options in JSON. `load('p2p/dest/index.js')` gives the module
// that the node itself runs. Through Node.js's inspector, which listens on the pod's loopback, and only meanwhile.
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const [, source, options, pid = '1'] = process.argv;
const INSPECTOR = 'http://127.0.0.1:9229/json/list';
const TRIES = 50;

/** Runs in the node: modules are loaded as by its own `import()`. */
async function run(source, options) {
  const { Script, constants } = process.getBuiltinModule('node:vm');
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const load = new Script('url => import(url)', { importModuleDynamically }).runInThisContext();
  const { realpathSync } = process.getBuiltinModule('node:fs');
  const root = realpathSync(process.argv[1]).replace(/aztec\/dest\/.*$/, '');
  const { default: misbehave } = await load(`data:text/javascript;base64,${source}`);
  return JSON.stringify(await misbehave(path => load(`file://${root}${path}`), options));
}

/** Runs in the node: nobody else gets in. */
function close() {
  setTimeout(() => process.getBuiltinModule('node:inspector').close(), 100);
}

/** Where the node's inspector is, once it listens. */
async function inspector() {
  for (let tries = 1; ; tries++) {
    try {
      const [target] = await (await fetch(INSPECTOR)).json();
      return target.webSocketDebuggerUrl;
    } catch (error) {
      if (tries === TRIES) throw new Error('the inspector of the node does not listen', { cause: error });
      await sleep(100);
    }
  }
}

function evaluate(socket, id, expression) {
  const params = { expression, awaitPromise: true, returnByValue: true };
  socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params }));
  return new Promise((resolve, reject) => {
    socket.addEventListener('close', () => reject(new Error('the node closed its inspector')));
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(data);
      if (answer.id !== id) return;
      const thrown = answer.result?.exceptionDetails;
      if (answer.error || thrown) reject(new Error(answer.error?.message ?? thrown.exception?.description ?? thrown.text));
      else resolve(answer.result.result.value);
    });
  });
}

async function main() {
  process.kill(Number(pid), 'SIGUSR1');
  const socket = new WebSocket(await inspector());
  await once(socket, 'open');
  try {
    const encoded = Buffer.from(source).toString('base64');
    console.log(await evaluate(socket, 1, `(${run})(${JSON.stringify(encoded)}, ${options})`));
  } finally {
    if (socket.readyState === WebSocket.OPEN) {
      await evaluate(socket, 2, `(${close})()`);
      socket.close();
    }
  }
}

// Who waits for nothing any more ends: that is a success only where something was printed.
process.exitCode = 1;
main().then(
  () => (process.exitCode = 0),
  error => console.error(error.message.split('\n', 1)[0]),
);
