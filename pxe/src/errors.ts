import { z } from 'zod';
import { redactedUrls } from './redact.ts';

/** What went wrong, for programs; sent as `error.data.kind`. */
export type ErrorKind =
  | 'notReady'
  | 'unknownAccount'
  | 'accountNotDeployed'
  | 'unknownToken'
  | 'notAToken'
  | 'notMinter'
  | 'invalidRecipient'
  | 'insufficientBalance'
  | 'txRefused'
  | 'txDropped'
  | 'txReverted'
  | 'txTimeout'
  | 'nodeUnreachable'
  | 'shuttingDown'
  | 'failed';

/** An error that is meant for the client: its text names the thing, what was expected and what was seen. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  /** Sent to the client as `error.data`. */
  readonly data: Readonly<Record<string, unknown>> & { readonly kind: ErrorKind };

  constructor(kind: ErrorKind, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.data = { kind, ...facts };
  }
}

/** Longer texts are cut: simulators append whole transactions to their messages. */
const MAX_MESSAGE_LENGTH = 2_000;

/**
 * Turns whatever a method threw into an error fit for the client: parameter errors name the method and the
 * parameter, everything else loses JavaScript stack frames and is cut to a readable length.
 */
export function toClientError(error: unknown, method: string): Error {
  if (error instanceof RpcError) {
    return error;
  }
  if (error instanceof z.ZodError) {
    return new z.ZodError(error.issues.map(issue => ({ ...issue, message: `${method}: ${describeIssue(issue)}` })));
  }
  return new RpcError(isUnreachable(error) ? 'nodeUnreachable' : 'failed', `${method}: ${messageOf(error)}`);
}

/** The text of anything thrown, with its causes, without stack frames. */
export function messageOf(error: unknown): string {
  const texts: string[] = [];
  for (let current = error; current != null && texts.length < 4; current = causeOf(current)) {
    const text = ownMessage(current);
    if (text !== '' && !texts.some(seen => seen.includes(text))) {
      texts.push(text);
    }
  }
  const whole = texts.join(': ') || 'unknown error';
  const shown = redactedUrls(whole);
  return shown.length > MAX_MESSAGE_LENGTH ? `${shown.slice(0, MAX_MESSAGE_LENGTH)} … (cut)` : shown;
}

function ownMessage(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  // Node's happy-eyeballs connection failures have an empty message and the facts inside.
  const text = error instanceof AggregateError ? error.errors.map(ownMessage).join(', ') : error.message;
  return withoutStackFrames(withoutDump(text));
}

/** Aztec's JSON-RPC client prints the whole error of a failed connection into its message; its cause says it all. */
function withoutDump(text: string): string {
  const dump = /^(Error fetching from host \S+): .*\[cause\]: (?:\w*Error: )?([^\n{]+)/s.exec(text);
  return dump === null ? text : `${dump[1]}: ${dump[2]?.trim()}`;
}

function withoutStackFrames(text: string): string {
  return text
    .split('\n')
    .filter(line => !/^\s+at .*(node:|\.[cm]?[jt]s\b)/.test(line) && !/^\s+at .*<anonymous>/.test(line))
    .join('\n')
    .trim();
}

/** JSON-RPC clients put the request they made, parameters included, where a cause belongs: only errors count. */
function causeOf(error: unknown): Error | undefined {
  return error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
}

function isUnreachable(error: unknown): boolean {
  return /Error fetching from host|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|fetch failed/.test(messageOf(error));
}

function describeIssue(issue: z.ZodIssue): string {
  // The first element is the position in `params`; methods of this server take one object there.
  const [, ...inside] = issue.path;
  const where = inside.length > 0 ? `${inside.join('.')}: ` : '';
  if (issue.code === 'unrecognized_keys') {
    return `${where}unknown parameter ${issue.keys.map(key => `"${key}"`).join(', ')}`;
  }
  return `${where}${issue.message}`;
}
