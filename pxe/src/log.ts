import { type Logger, createLogger } from '@aztec/foundation/log';

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
