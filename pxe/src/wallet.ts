import type { AztecAddress } from '@aztec/aztec.js/addresses';
import type { AztecNode } from '@aztec/aztec.js/node';
import type { AccountManager, SendOptions, Wallet } from '@aztec/aztec.js/wallet';
import type { Config } from './config.ts';

/**
 * What this server needs of a wallet, whatever its release. Each release has one in `wallets/`, written against that
 * release's packages; the types here are those of the release that is compiled.
 */
export type PxeWallet = Wallet & {
  /** The sender of what no account sends. */
  readonly nobody: SendOptions['from'];
  /** Puts the keys of the genesis state's test accounts into the wallet, as `test0`, `test1`, …; sends nothing. */
  addTestAccounts(): Promise<AccountManager[]>;
  /** Whether an account's contract is on the network, as far as it needs one there. */
  isDeployed(address: AztecAddress): Promise<boolean>;
  /** Whether this wallet holds the keys of an account. */
  hasAccount(address: AztecAddress): Promise<boolean>;
  /** Number of the block the wallet's private state was last synchronised to; it follows on use, not by itself. */
  syncedBlock(): Promise<number | undefined>;
};

/** An open wallet and how to close it. */
export type OpenWallet = { readonly wallet: PxeWallet; close(): Promise<void> };

/** What differs between releases of Aztec: their wallets, and how their nodes are asked. */
export type Release = {
  /** The line, for example `4.1`. */
  readonly line: string;
  /** Whether tests run it, or it was only written from the release's packages and sources. */
  readonly proof: 'run' | 'read';
  /** Prefixes of a node's JSON-RPC methods. */
  readonly namespaces: { readonly node: string; readonly p2p: string };
  /** Opens the wallet on the configured data directory. */
  open(config: Config, node: AztecNode): Promise<OpenWallet>;
};
