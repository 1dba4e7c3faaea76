import { getConfigEnvVars, initTelemetryClient } from '@aztec/telemetry-client/start';

import { ConfigError, type Config, readConfig } from './config.ts';
import { RpcError, messageOf } from './errors.ts';
import { logger } from './log.ts';
import { redactedUrl } from './redact.ts';
import { releaseOfImage } from './release.ts';
import { PxeServer } from './server.ts';
import { Session } from './session.ts';
import { Startup } from './startup.ts';
import { VERSION } from './version.ts';
import type { Release } from './wallet.ts';

const log = logger('main');

/** Listens first, so that /status can say what the start waits for; ends on SIGTERM or SIGINT. */
async function run(config: Config): Promise<void> {
  const release = await releaseOfImage();
  log.info(`pxe ${VERSION} of Aztec ${release.line}: node ${redactedUrl(config.nodeUrl)}, proofs ${config.proverEnabled ? 'real' : 'fake'}`);
  const telemetry = await initTelemetryClient(getConfigEnvVars());
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => stopping.abort(new RpcError('shuttingDown', `this PXE is shutting down (${signal})`)));
  }
  const startup = new Startup();
  const server = await PxeServer.listen(startup, config);
  log.info(`listening on ${config.host}:${server.port}`);
  try {
    await open(release, config, startup, stopping.signal);
    await aborted(stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) {
      throw error;
    }
  }
  log.info(messageOf(stopping.signal.reason));
  await server.close(config.shutdownTimeoutMs);
  await startup.openSession?.close();
  await telemetry.stop();
}

async function open(release: Release, config: Config, startup: Startup, signal: AbortSignal): Promise<void> {
  let said = 0;
  const session = await Session.open(release, config, signal, text => {
    startup.waiting(text);
    // Polled twice a second; a line every ten seconds is enough for a log.
    if (performance.now() - said > 10_000 || said === 0) {
      said = performance.now();
      log.info(text);
    }
  });
  startup.opened(session);
  log.info(`ready after ${process.uptime().toFixed(1)} s: rollup ${session.info.l1ContractAddresses.rollupAddress}`);
  if (config.deployTestAccounts === 'start') {
    deployInBackground(session);
  }
}

/** A network that makes no blocks yet must not keep the PXE from being ready; the first use tries again. */
function deployInBackground(session: Session): void {
  session.accounts.deploy().then(
    () => log.info('the test accounts are deployed'),
    (error: unknown) => log.warn(messageOf(error)),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener('abort', () => resolve(), { once: true });
    }
  });
}

/** Ends the process: stores and sockets of the libraries underneath keep it alive otherwise. */
function exit(code: number, problem?: string): void {
  if (problem !== undefined) {
    process.stderr.write(`pxe: ${problem}\n`);
  }
  process.exit(code);
}

try {
  await run(readConfig(process.env));
  exit(0);
} catch (error) {
  exit(error instanceof ConfigError ? 2 : 1, messageOf(error));
}
