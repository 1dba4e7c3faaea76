import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SafeJsonRpcServer } from '@aztec/foundation/json-rpc/server';
import { Dispatcher } from './dispatcher.ts';
import { firstLinesOnly, logger } from './log.ts';
import { limitMiddleware, statusMiddleware, versionMiddleware } from './middleware.ts';
import { pxeNamespace } from './namespaces/pxe.ts';
import { tokenNamespace } from './namespaces/token.ts';
import { walletNamespace } from './namespaces/wallet.ts';
import type { Startup } from './startup.ts';

const log = logger('rpc');

/** Where to listen and how large a request may be. */
export type ListenOptions = { readonly host: string; readonly port: number; readonly maxBodySize: string };

/** The HTTP server: JSON-RPC by POST /, readiness by GET /status. */
export class PxeServer {
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
  }

  /** Listens; rejects when the address is taken or forbidden. */
  static async listen(startup: Startup, options: ListenOptions): Promise<PxeServer> {
    const rpc = new SafeJsonRpcServer(
      dispatcher(startup),
      { http200OnError: true, maxBodySizeBytes: options.maxBodySize },
      async () => (await startup.problem()) === undefined,
      [versionMiddleware(startup), statusMiddleware(startup), limitMiddleware(options.maxBodySize)],
      firstLinesOnly(log),
    );
    const respond = rpc.getApp().callback();
    const http = createServer((request, response) => void respond(request, response));
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen({ host: options.host, port: options.port }, resolve);
    });
    return new PxeServer(http);
  }

  /** The port in use, also when 0 was asked for. */
  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** Takes no new connections; those with a request running get until the deadline. */
  async close(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>(resolve => this.#http.close(() => resolve()));
    this.#http.closeIdleConnections();
    const kill = setTimeout(() => this.#http.closeAllConnections(), deadlineMs);
    await closed;
    clearTimeout(kill);
  }
}

function dispatcher(startup: Startup): Dispatcher {
  const session = () => startup.session;
  const namespaces = {
    pxe: pxeNamespace(startup),
    wallet: walletNamespace(session),
    token: tokenNamespace(session),
  };
  return new Dispatcher(namespaces, (method, durationMs, error) => {
    const took = `${(durationMs / 1_000).toFixed(2)} s`;
    if (error === undefined) {
      log.verbose(`${method} took ${took}`);
    } else {
      log.warn(`${method} failed after ${took}: ${error.message}`);
    }
  });
}
