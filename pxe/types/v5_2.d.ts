/**
 * What of Aztec 5.2 can't be had from npm, as far as `src/wallets/v5_2.ts` uses it: read in sources near that release
 * (github.com/AztecProtocol/aztec-packages, `yarn-project/{accounts,stdlib,wallets}`), and not checked against the packages.
 */

declare module '@aztec/stdlib/aztec-address' {
  export class AztecAddress {
    static readonly ZERO: AztecAddress;
    equals(other: AztecAddress): boolean;
    toString(): string;
  }
}

declare module '@aztec/stdlib/interfaces/client' {
  /** Only handed on. */
  export interface AztecNode {
    getNodeInfo(): Promise<unknown>;
  }
}

declare module '@aztec/accounts/testing' {
  import type { Fq, Fr } from '@aztec/aztec.js/fields';

  export function getInitialTestAccountsData(): Promise<{ secret: Fr; salt: Fr; signingKey: Fq }[]>;
}

declare module '@aztec/wallets/embedded' {
  import type { Account } from '@aztec/aztec.js/account';
  import type { AztecAddress } from '@aztec/aztec.js/addresses';
  import type { Fq, Fr } from '@aztec/aztec.js/fields';
  import type { AztecNode } from '@aztec/aztec.js/node';
  import type { AccountManager, Wallet } from '@aztec/aztec.js/wallet';
  import type { Logger } from '@aztec/foundation/log';

  export interface EmbeddedWallet extends Wallet {}

  export class EmbeddedWallet {
    static create<T extends EmbeddedWallet>(
      this: new () => T,
      nodeOrUrl: string | AztecNode,
      options: { logger?: Logger; pxe?: { proverEnabled?: boolean } },
    ): Promise<T>;
    protected readonly pxe: { getSyncedBlockHeader(): Promise<{ getBlockNumber(): number }> };
    protected getAccountFromAddress(address: AztecAddress): Promise<Account>;
    createSchnorrInitializerlessAccount(secret: Fr, salt: Fr, signingKey: Fq, alias?: string): Promise<AccountManager>;
    setMinFeePadding(value?: number): void;
    stop(): Promise<void>;
  }
}
