import { type Logger, createLogger } from '@aztec/foundation/log';
import { messageOf } from './errors.ts';

export type { Logger };

/** The logger of one part of this server; level by LOG_LEVEL, JSON lines with LOG_JSON=1. */
export function logger(part: string): Logger {
  return createLogger(`pxe-server:${part}`);
}

/**
 * The same logger without the details below the first line, for a caller that prints whole errors: those of body
 * parsers carry the body, and bodies may carry keys.
 */
export function firstLinesOnly(log: Logger): Logger {
  return { ...log, warn: (text, data) => log.warn(text.split('\n', 1)[0] ?? '', data) };
}

/**
 * The same logger, for the wallet: it prints refused transactions with their stacks, and every caller is told of its
 * own error anyway. Child loggers are treated alike.
 */
export function withoutStacks(log: Logger): Logger {
  return {
    ...log,
    error: (text: string, error?: unknown) => log.warn(error === undefined ? text : messageOf(error)),
    createChild: name => withoutStacks(log.createChild(name)),
  };
}

/** The same logger, saying nothing below an error. */
export function silent(log: Logger): Logger {
  return { ...log, warn: () => {}, info: () => {}, verbose: () => {}, debug: () => {}, trace: () => {} };
}
