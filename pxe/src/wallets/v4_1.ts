import { getInitialTestAccountsData } from '@aztec/accounts/testing';
import type { ContractArtifact } from '@aztec/aztec.js/abi';
import type { Account } from '@aztec/aztec.js/account';
import { AztecAddress } from '@aztec/aztec.js/addresses';
import type { ContractInstanceWithAddress } from '@aztec/aztec.js/contracts';
import { Fr } from '@aztec/aztec.js/fields';
import { type Aliased, AccountManager } from '@aztec/aztec.js/wallet';
import { deriveSigningKey } from '@aztec/stdlib/keys';
import { EmbeddedWallet } from '@aztec/wallets/embedded';
import { RpcError } from '../errors.ts';
import { logger, withoutStacks } from '../log.ts';
import type { PxeWallet, Release } from '../wallet.ts';
import { byAlias } from './accounts.ts';
import { openIn } from './directory.ts';
import { knowingGenesis } from './genesis.ts';

/** Aztec's embedded wallet, with accounts that clients bring and the few looks inside that this server reports. */
class Wallet4 extends EmbeddedWallet implements PxeWallet {
  readonly nobody = AztecAddress.ZERO;

  async addTestAccounts(): Promise<AccountManager[]> {
    const managers: AccountManager[] = [];
    for (const [index, account] of (await getInitialTestAccountsData()).entries()) {
      const { secret, salt, signingKey } = account;
      managers.push(await this.createSchnorrAccount(secret, salt, signingKey, `test${index}`));
    }
    return managers;
  }

  async isDeployed(address: AztecAddress): Promise<boolean> {
    return (await this.getContractMetadata(address)).isContractInitialized;
  }

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
    return byAlias(await super.getAccounts());
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

  async syncedBlock(): Promise<number | undefined> {
    try {
      return (await this.pxe.getSyncedBlockHeader()).getBlockNumber();
    } catch {
      // The PXE throws until its first synchronisation, which the first use triggers.
      return undefined;
    }
  }

  async hasAccount(address: AztecAddress): Promise<boolean> {
    return (await this.getAccounts()).some(account => account.item.equals(address));
  }
}

/** The wallet of Aztec 4.1. */
export const RELEASE: Release = {
  line: '4.1',
  proof: 'run',
  namespaces: { node: 'node', p2p: 'p2p' },
  open: ({ dataDirectory, proverEnabled, minFeePadding }, node) =>
    openIn(dataDirectory, async () => {
      const wallet = await Wallet4.create<Wallet4>(knowingGenesis(node), {
        pxeConfig: { proverEnabled },
        logger: withoutStacks(logger('wallet')),
      });
      wallet.setMinFeePadding(minFeePadding);
      return wallet;
    }),
};
