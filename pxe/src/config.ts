import { resolve } from 'node:path';

/** When the test accounts of the genesis state are deployed by this PXE. */
export type DeployTestAccounts = 'start' | 'lazy' | 'never';

/** Everything the server can be told, see README.md for the environment variables. */
export type Config = {
  /** JSON-RPC endpoint of the Aztec node. */
  readonly nodeUrl: string;
  readonly host: string;
  readonly port: number;
  /** Where notes, keys and registered contracts are kept; without it they live as long as the process. */
  readonly dataDirectory: string | undefined;
  readonly deployTestAccounts: DeployTestAccounts;
  /** Whether transactions carry real proofs (slow) or the ones a network with `realProofs: false` accepts. */
  readonly proverEnabled: boolean;
  /**
   * How far the fee a transaction is willing to pay lies above the current one: 20 means 21 times. Only the fee of the
   * block is charged; but fees of a young network multiply within a slot, and below them a transaction is refused.
   */
  readonly minFeePadding: number;
  /** In the notation of body parsers, for example `32mb`. */
  readonly maxBodySize: string;
  /** How long to wait for the node at start before giving up. */
  readonly startTimeoutMs: number;
  /** Default deadline of a transaction, from sending to the status waited for. */
  readonly txTimeoutMs: number;
  /** How long running requests may take after a SIGTERM. */
  readonly shutdownTimeoutMs: number;
};

/** A setting that cannot be used: names the variable, what was expected and what was seen. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration from environment variables; empty ones count as unset.
 * @throws ConfigError for the first one that cannot be used.
 */
export function readConfig(env: Env): Config {
  const data = text(env, 'PXE_DATA_DIRECTORY');
  return {
    nodeUrl: httpUrl(env, 'AZTEC_NODE_URL'),
    host: text(env, 'PXE_HOST') ?? '0.0.0.0',
    port: integer(env, 'PXE_PORT', { fallback: 8080, min: 0, max: 65_535 }),
    dataDirectory: data === undefined ? undefined : resolve(data),
    deployTestAccounts: oneOf(env, 'PXE_DEPLOY_TEST_ACCOUNTS', ['start', 'lazy', 'never'], 'start'),
    proverEnabled: proverEnabled(env),
    minFeePadding: integer(env, 'PXE_MIN_FEE_PADDING', { fallback: 20, min: 0, max: 1_000 }),
    maxBodySize: bodySize(env, 'RPC_MAX_BODY_SIZE', '32mb'),
    startTimeoutMs: seconds(env, 'PXE_START_TIMEOUT_SECONDS', 600),
    txTimeoutMs: seconds(env, 'PXE_TX_TIMEOUT_SECONDS', 300),
    shutdownTimeoutMs: seconds(env, 'PXE_SHUTDOWN_TIMEOUT_SECONDS', 10),
  };
}

function text(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function httpUrl(env: Env, name: string): string {
  const value = text(env, name);
  if (value === undefined) {
    throw new ConfigError(`${name} is not set: expected the URL of an Aztec node, for example http://full-node:8080`);
  }
  if (!URL.canParse(value) || !['http:', 'https:'].includes(new URL(value).protocol)) {
    throw new ConfigError(`${name}: expected an http or https URL, for example http://full-node:8080`);
  }
  const { username, password } = new URL(value);
  if (username !== '' || password !== '') {
    throw new ConfigError(`${name}: expected a URL without user name and password, which the node's client refuses`);
  }
  return value;
}

function integer(env: Env, name: string, range: { fallback: number; min: number; max: number }): number {
  const value = text(env, name);
  if (value === undefined) {
    return range.fallback;
  }
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= range.min && number <= range.max)) {
    throw new ConfigError(`${name}: expected a whole number from ${range.min} to ${range.max}, got "${value}"`);
  }
  return number;
}

function seconds(env: Env, name: string, fallback: number): number {
  return 1_000 * integer(env, name, { fallback, min: 1, max: 86_400 });
}

function oneOf<const T extends string>(env: Env, name: string, allowed: readonly T[], fallback: T): T {
  const value = text(env, name) ?? fallback;
  const found = allowed.find(candidate => candidate === value);
  if (found === undefined) {
    throw new ConfigError(`${name}: expected one of ${allowed.join(', ')}, got "${value}"`);
  }
  return found;
}

function flag(env: Env, name: string): boolean | undefined {
  const value = text(env, name);
  if (value === undefined) {
    return undefined;
  }
  const known = { 'true': true, '1': true, 'false': false, '0': false }[value.toLowerCase()];
  if (known === undefined) {
    throw new ConfigError(`${name}: expected true, false, 1 or 0, got "${value}"`);
  }
  return known;
}

/** PROVER_REAL_PROOFS is what the network's nodes are given; PXE_PROVER_ENABLED overrides it for this PXE. */
function proverEnabled(env: Env): boolean {
  return flag(env, 'PXE_PROVER_ENABLED') ?? flag(env, 'PROVER_REAL_PROOFS') ?? false;
}

function bodySize(env: Env, name: string, fallback: string): string {
  const value = text(env, name) ?? fallback;
  if (!/^\d+(kb|mb)$/i.test(value)) {
    throw new ConfigError(`${name}: expected a size like 512kb or 32mb, got "${value}"`);
  }
  return value;
}
