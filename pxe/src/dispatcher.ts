import { type ApiSchema, parseWithOptionals, schemaHasMethod } from '@aztec/foundation/schemas';
import { RpcError, toClientError } from './errors.ts';

/** The methods of one namespace: their schema, and the object they are called on. */
export type Namespace = {
  readonly schema: ApiSchema;
  /** Called for every request, so that a namespace can refuse until what it needs is there. */
  readonly handler: () => object;
};

/**
 * Finds `<namespace>_<method>`, validates its parameters and calls it. Plugs into Aztec's `SafeJsonRpcServer` in the
 * place of its own proxy, which can't defer handlers, names no parameter in its errors and logs parameters (keys
 * among them) at debug level.
 */
export class Dispatcher {
  readonly #namespaces: ReadonlyMap<string, Namespace>;
  readonly #onCall: (method: string, durationMs: number, error: Error | undefined) => void;

  constructor(
    namespaces: Readonly<Record<string, Namespace>>,
    onCall: (method: string, durationMs: number, error: Error | undefined) => void = () => {},
  ) {
    this.#namespaces = new Map(Object.entries(namespaces));
    this.#onCall = onCall;
  }

  hasMethod(fullName: string): boolean {
    const [namespace, method] = split(fullName);
    const found = this.#namespaces.get(namespace);
    return found !== undefined && schemaHasMethod(found.schema, method);
  }

  /** Runs a method that {@link hasMethod} knows; rejects with errors fit for the client only. */
  async call(fullName: string, params: unknown): Promise<unknown> {
    const started = performance.now();
    try {
      const result = await this.#run(fullName, params);
      this.#onCall(fullName, performance.now() - started, undefined);
      return result;
    } catch (error) {
      const shown = toClientError(error, fullName);
      this.#onCall(fullName, performance.now() - started, shown);
      throw shown;
    }
  }

  async #run(fullName: string, params: unknown): Promise<unknown> {
    const [namespace, method] = split(fullName);
    const found = this.#namespaces.get(namespace);
    const signature = found?.schema[method];
    if (found === undefined || signature === undefined) {
      throw new RpcError('failed', `method not found: ${fullName}`);
    }
    if (!Array.isArray(params)) {
      throw new RpcError('failed', `${fullName}: params: expected an array, got ${typeof params}`);
    }
    const args = await parseWithOptionals(params, signature.parameters());
    const target = found.handler() as Record<string, (...args: unknown[]) => unknown>;
    const implementation = target[method];
    if (typeof implementation !== 'function') {
      throw new RpcError('failed', `${fullName} is not offered by this server`);
    }
    return await implementation.apply(target, args);
  }
}

function split(fullName: string): [namespace: string, method: string] {
  const at = fullName.indexOf('_');
  return at < 0 ? ['', fullName] : [fullName.slice(0, at), fullName.slice(at + 1)];
}
