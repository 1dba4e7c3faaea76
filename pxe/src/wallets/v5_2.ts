// Written from @aztec/aztec.js 5.2.0, whose types it is checked against, and from sources near that release of what npm
// does not have (types/v5_2.d.ts). Nobody has run it.
import { getInitialTestAccountsData } from '@aztec/accounts/testing';
import { type Account, NO_FROM } from '@aztec/aztec.js/account';
import type { AztecAddress } from '@aztec/aztec.js/addresses';
import { type AccountManager, type Aliased, ContractInitializationStatus } from '@aztec/aztec.js/wallet';
import { EmbeddedWallet } from '@aztec/wallets/embedded';
import { RpcError } from '../errors.ts';
import { logger, withoutStacks } from '../log.ts';
import type { PxeWallet, Release } from '../wallet.ts';
import { byAlias } from './accounts.ts';
import { openIn } from './directory.ts';

/**
 * Aztec's embedded wallet. It signs for the test accounts alone: the packages no longer derive a signing key from an
 * account's secret, so that none can be kept of an account that a client registers.
 */
class Wallet5 extends EmbeddedWallet implements PxeWallet {
  readonly nobody = NO_FROM;
  /** Accounts whose contracts have nothing to initialize. */
  readonly #initializerless = new Set<string>();

  async addTestAccounts(): Promise<AccountManager[]> {
    const managers: AccountManager[] = [];
    for (const [index, account] of (await getInitialTestAccountsData()).entries()) {
      const { secret, salt, signingKey } = account;
      const manager = await this.createSchnorrInitializerlessAccount(secret, salt, signingKey, `test${index}`);
      this.#initializerless.add(manager.address.toString());
      managers.push(manager);
    }
    return managers;
  }

  async isDeployed(address: AztecAddress): Promise<boolean> {
    if (this.#initializerless.has(address.toString())) {
      return true;
    }
    const { initializationStatus } = await this.getContractMetadata(address);
    return initializationStatus === ContractInitializationStatus.INITIALIZED;
  }

  /** The accounts by their aliases, those without one last. */
  override async getAccounts(): Promise<Aliased<AztecAddress>[]> {
    return byAlias(await super.getAccounts());
  }

  /** @throws RpcError of kind unknownAccount. */
  protected override async getAccountFromAddress(address: AztecAddress): Promise<Account> {
    if (!(await this.hasAccount(address))) {
      const known = (await this.getAccounts()).map(account => account.item.toString()).join(', ');
      throw new RpcError('unknownAccount', `this PXE can't sign for account ${address}; it can for ${known}`);
    }
    return await super.getAccountFromAddress(address);
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

/** The wallet of Aztec 5.2. */
export const RELEASE: Release = {
  line: '5.2',
  proof: 'read',
  namespaces: { node: 'aztec', p2p: 'aztec' },
  open: ({ dataDirectory, proverEnabled, minFeePadding }, node) =>
    openIn(dataDirectory, async () => {
      const wallet = await Wallet5.create<Wallet5>(node, {
        pxe: { proverEnabled },
        logger: withoutStacks(logger('wallet')),
      });
      wallet.setMinFeePadding(minFeePadding);
      return wallet;
    }),
};
