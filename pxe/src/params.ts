import { AztecAddress } from '@aztec/aztec.js/addresses';
import { z } from 'zod';
import { WAIT_FOR } from './transactions.ts';

const MAX_AMOUNT = 2n ** 128n - 1n;
const MAX_SHOWN_LENGTH = 80;

/** A parameter that is read by `read`; undefined from it, or an exception, is refused by saying what was expected. */
function read<T>(expected: string, parse: (value: unknown) => T | undefined): z.ZodType<T, z.ZodTypeDef, unknown> {
  return z.unknown().transform((value, context): T => {
    const parsed = attempt(() => parse(value));
    if (parsed === undefined) {
      context.addIssue({ code: 'custom', message: `expected ${expected}, got ${show(value)}` });
      return z.NEVER;
    }
    return parsed;
  });
}

function attempt<T>(parse: () => T | undefined): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

/** An Aztec address: 0x and 64 hexadecimal digits, below the field's modulus. */
export const address = read('an Aztec address (0x and 64 hex digits)', value =>
  typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value) ? AztecAddress.fromString(value) : undefined,
);

/** A positive amount of a token in its smallest unit, as a decimal string or a safe JSON number. */
export const amount = read('a whole number from 1 to 2^128-1, as a decimal string', value => {
  const whole = typeof value === 'string' ? /^\d{1,39}$/.test(value) : Number.isSafeInteger(value);
  const number = whole ? BigInt(value as string | number) : 0n;
  return number >= 1n && number <= MAX_AMOUNT ? number : undefined;
});

/** Private (encrypted notes) or public. */
export const visibility = read('"private" or "public"', value =>
  value === 'private' || value === 'public' ? value : undefined,
);

/** The status a transaction is waited for. */
export const waitFor = read(`one of ${WAIT_FOR.map(name => `"${name}"`).join(', ')}`, value =>
  WAIT_FOR.find(name => name === (value ?? 'checkpointed')),
);

/** A deadline in seconds; absent means the server's default. */
export const timeoutSeconds = read('a whole number of seconds from 1 to 86400', value => {
  const given = value === undefined ? 0 : value;
  return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 86_400 ? given : undefined;
});

/** A short ASCII text: token contracts keep 31 characters. */
export function label(fallback: string): z.ZodType<string, z.ZodTypeDef, unknown> {
  return read('a text of 1 to 31 printable ASCII characters', value => {
    const text = value === undefined ? fallback : value;
    return typeof text === 'string' && /^[\x20-\x7e]{1,31}$/.test(text) ? text : undefined;
  });
}

/** A number of decimals; only for display. */
export const decimals = read('a whole number from 0 to 255', value => {
  const number = value === undefined ? 18 : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 255 ? number : undefined;
});
