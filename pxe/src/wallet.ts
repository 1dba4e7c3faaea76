import { mkdir } from 'node:fs/promises';
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

/** Opens the wallet on the configured data directory, or in memory. */
export async function openWallet(config: Config, node: AztecNode): Promise<PxeWallet> {
  const { dataDirectory, proverEnabled, minFeePadding } = config;
  if (dataDirectory !== undefined) {
    await mkdir(dataDirectory, { recursive: true });
    // The embedded wallet keeps its account store relative to the working directory and offers no other way.
    process.chdir(dataDirectory);
  }
  const wallet = await PxeWallet.create<PxeWallet>(node, {
    ephemeral: dataDirectory === undefined,
    pxeConfig: { proverEnabled },
    logger: withoutStacks(logger('wallet')),
  });
  wallet.setMinFeePadding(minFeePadding);
  return wallet;
}
