import { getVersioningMiddleware } from '@aztec/stdlib/versioning';
import type { Startup } from './startup.ts';

/** The part of a Koa context that is used here; Koa comes with the RPC server, its types don't. */
type Context = { readonly path: string; readonly method: string; status: number; body: unknown };

/** A Koa middleware. */
export type Middleware = (context: Context, next: () => Promise<void>) => Promise<void>;

/** Answers GET /status: 200 `OK` when requests can be served, 503 and the reason in words otherwise. */
export function statusMiddleware(startup: Startup): Middleware {
  return async (context, next) => {
    if (context.path !== '/status' || !['GET', 'HEAD'].includes(context.method)) {
      await next();
      return;
    }
    const problem = await startup.problem();
    context.status = problem === undefined ? 200 : 503;
    context.body = `${problem ?? 'OK'}\n`;
  };
}

/** Adds the `x-aztec-*` headers by which Aztec clients notice that they talk to another network. */
export function versionMiddleware(startup: Startup): Middleware {
  return async (context, next) => {
    const info = startup.openSession?.info;
    if (info === undefined) {
      await next();
      return;
    }
    const versions = {
      l1ChainId: info.l1ChainId,
      rollupVersion: info.rollupVersion,
      l1RollupAddress: info.l1ContractAddresses.rollupAddress,
    };
    const setHeaders = getVersioningMiddleware(versions, { packageVersion: info.nodeVersion }) as Middleware;
    await setHeaders(context, next);
  };
}

/** Words the refusal of a body that is too large, for which the server underneath has an internal error only. */
export function limitMiddleware(maxBodySize: string): Middleware {
  return async (context, next) => {
    await next();
    const body = context.body as { error?: { message?: string } } | undefined;
    if (body?.error?.message === 'request entity too large') {
      const message = `request body: expected at most ${maxBodySize} (RPC_MAX_BODY_SIZE)`;
      context.status = 413;
      context.body = { jsonrpc: '2.0', id: null, error: { code: -32600, message } };
    }
  };
}
