import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AztecAddress } from '@aztec/aztec.js/addresses';
import { EmbeddedWallet } from '@aztec/wallets/embedded';
import type { Config } from './config.ts';
import { logger, withoutStacks } from './log.ts';
import type { AztecNode } from './node.ts';

/** Aztec's embedded wallet, with the few looks inside that this server reports. */
export class PxeWallet extends EmbeddedWallet {
  /** Number of the block the wallet's private state was last synchronised to; it follows on use, not by itself. */
  async syncedBlock(): Promise<number | undefined> {
    try {
      return (await this.pxe.getSyncedBlockHeader()).getBlockNumber();
    } catch {
      // The PXE throws until its first synchronisation, which the first use triggers.
      return undefined;
    }
  }

  /** Whether this wallet holds the keys of an account. */
  async hasAccount(address: AztecAddress): Promise<boolean> {
    return (await this.getAccounts()).some(account => account.item.equals(address));
  }
}

/** An open wallet and how to close it. */
export type OpenWallet = { readonly wallet: PxeWallet; close(): Promise<void> };

/**
 * Opens the wallet on the configured data directory, else on a temporary one that goes away with it: the embedded
 * wallet's own in-memory mode leaves its files behind.
 */
export async function openWallet(config: Config, node: AztecNode): Promise<OpenWallet> {
  const { dataDirectory, proverEnabled, minFeePadding } = config;
  const directory = dataDirectory ?? (await mkdtemp(join(tmpdir(), 'pxe-')));
  await mkdir(directory, { recursive: true });
  // The embedded wallet keeps its stores relative to the working directory and offers no other way for all of them.
  process.chdir(directory);
  const wallet = await PxeWallet.create<PxeWallet>(node, {
    pxeConfig: { proverEnabled },
    logger: withoutStacks(logger('wallet')),
  });
  wallet.setMinFeePadding(minFeePadding);
  const close = async () => {
    await wallet.stop();
    if (dataDirectory === undefined) {
      process.chdir(tmpdir());
      await rm(directory, { recursive: true, force: true });
    }
  };
  return { wallet, close };
}
