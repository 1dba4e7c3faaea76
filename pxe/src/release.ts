import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import type { Release } from './wallet.ts';

/** Releases that there is a wallet for. */
const LINES = ['4.1', '5.2'];

/** What tells of which release an image is. */
const PACKAGE = '@aztec/aztec.js';

/** The release of the packages that this server runs on. */
export async function releaseOfImage(): Promise<Release> {
  const file = findPackageJSON(PACKAGE, import.meta.url);
  if (file === undefined) {
    throw new Error(`this image has no ${PACKAGE}: expected one of Aztec ${LINES.join(' or ')}`);
  }
  return await releaseOf((JSON.parse(await readFile(file, 'utf8')) as { version: string }).version);
}

/** The release that a version belongs to. */
export async function releaseOf(version: string): Promise<Release> {
  const line = LINES.find(known => version.startsWith(`${known}.`));
  if (line === undefined) {
    throw new Error(`this image has Aztec ${version}: expected ${LINES.join(' or ')}, whose wallets this server knows`);
  }
  // By a name that is computed: each is typed by packages of its own release.
  const module = (await import(`./wallets/v${line.replace('.', '_')}.ts`)) as { RELEASE: Release };
  return module.RELEASE;
}
