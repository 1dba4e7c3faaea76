import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContractArtifact } from '@aztec/aztec.js/abi';
import type { Account } from '@aztec/aztec.js/account';
import type { AztecAddress } from '@aztec/aztec.js/addresses';
import type { ContractInstanceWithAddress } from '@aztec/aztec.js/contracts';
import { Fr } from '@aztec/aztec.js/fields';
import { type Aliased, AccountManager } from '@aztec/aztec.js/wallet';
import { deriveSigningKey } from '@aztec/stdlib/keys';
import { EmbeddedWallet } from '@aztec/wallets/embedded';
import type { Config } from './config.ts';
import { RpcError } from './errors.ts';
import { logger, withoutStacks } from './log.ts';
import type { AztecNode } from './node.ts';

/** Aztec's embedded wallet, with accounts that clients bring and the few looks inside that this server reports. */
export class PxeWallet extends EmbeddedWallet {
  /**
   * Registers a contract. With a secret key it may be an account: the wallet's interface has no other call that could add
   * one. It is kept if its signing key is the one that Aztec derives from the secret, and can send from then on.
   */
  override async registerContract(
    instance: ContractInstanceWithAddress,
    artifact?: ContractArtifact,
    secretKey?: Fr,
  ): Promise<ContractInstanceWithAddress> {
    const registered = await super.registerContract(instance, artifact, secretKey);
    if (secretKey !== undefined && !(await this.hasAccount(instance.address))) {
      await this.#keepAccount(instance, secretKey);
    }
    return registered;
  }

  async #keepAccount({ address, salt }: ContractInstanceWithAddress, secretKey: Fr): Promise<void> {
    const signingKey = deriveSigningKey(secretKey);
    const contract = await this.accountContracts.getSchnorrAccountContract(signingKey);
    const manager = await AccountManager.create(this, secretKey, contract, salt);
    if (manager.address.equals(address)) {
      await this.walletDB.storeAccount(address, { type: 'schnorr', secretKey, salt, alias: '', signingKey });
    }
  }

  /** The accounts by their aliases, those without one last. */
  override async getAccounts(): Promise<Aliased<AztecAddress>[]> {
    const accounts = await super.getAccounts();
    return accounts.sort((a, b) => Number(a.alias === '') - Number(b.alias === '') || a.alias.localeCompare(b.alias));
  }

  /** @throws RpcError of kind unknownAccount. */
  protected override async getAccountFromAddress(address: AztecAddress): Promise<Account> {
    if (!address.isZero() && !(await this.hasAccount(address))) {
      throw new RpcError('unknownAccount', await this.#withoutAccount(address));
    }
    return await super.getAccountFromAddress(address);
  }

  async #withoutAccount(address: AztecAddress): Promise<string> {
    const known = (await this.getAccounts()).map(account => account.item.toString()).join(', ');
    const registered = (await this.pxe.getRegisteredAccounts()).some(account => account.address.equals(address));
    const why = registered ? ': its signing key is not the one that Aztec derives from its secret key' : '';
    return `this PXE can't sign for account ${address}${why}; it can for ${known}`;
  }

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
