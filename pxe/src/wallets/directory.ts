import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenWallet, PxeWallet } from '../wallet.ts';

/**
 * Opens a wallet in a directory, else in a temporary one that goes away with it: the embedded wallet's own in-memory
 * mode leaves its files behind.
 */
export async function openIn<W extends PxeWallet & { stop(): Promise<void> }>(
  dataDirectory: string | undefined,
  open: () => Promise<W>,
): Promise<OpenWallet> {
  const directory = dataDirectory ?? (await mkdtemp(join(tmpdir(), 'pxe-')));
  await mkdir(directory, { recursive: true });
  // The embedded wallet keeps its stores relative to the working directory and offers no other way for all of them.
  process.chdir(directory);
  const wallet = await open();
  const close = async () => {
    await wallet.stop();
    if (dataDirectory === undefined) {
      process.chdir(tmpdir());
      await rm(directory, { recursive: true, force: true });
    }
  };
  return { wallet, close };
}
