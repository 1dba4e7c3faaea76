import { once } from 'node:events';
import { createServer } from 'node:net';
import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** A JSON-RPC reply with its HTTP status. */
export type Reply = {
  httpStatus: number;
  id?: unknown;
  result?: any;
  error?: { code: number; message: string; data?: { kind?: string } };
};

/** POSTs a raw body. */
export async function post(url: string, body: string): Promise<Reply> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return { ...((await response.json()) as object), httpStatus: response.status };
}

/** Calls a method; replies with errors are returned like others. */
export function call(url: string, method: string, ...params: unknown[]): Promise<Reply> {
  return post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
}

/** Calls a method that has to succeed. */
export async function result(url: string, method: string, ...params: unknown[]): Promise<any> {
  const reply = await call(url, method, ...params);
  if (reply.error !== undefined) {
    throw new Error(`${method}: ${reply.error.message}`);
  }
  return reply.result;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The server as a process of its own. */
export type Process = { child: ChildProcess; stderr: Promise<string>; exit: Promise<number | null> };

/** Starts the server with nothing but the given variables (and PATH) in its environment. */
export function start(env: Record<string, string>): Process {
  const child = spawn(process.execPath, ['--no-warnings', 'src/main.ts'], {
    cwd: new URL('..', import.meta.url),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  return { child, stderr: text(child.stderr!), exit };
}

/** Why Aztec's native code can't be loaded here (it wants the C++ library of GCC 13 or later), or false. */
export async function nativeCodeMissing(): Promise<string | false> {
  const native = '@aztec/native';
  return await import(native).then(
    () => false as const,
    (error: unknown) => `Aztec's native code does not load here: ${String(error).split('\n', 1)[0]}`,
  );
}
