// Where the tests run: behind a wallet server if PXE_URL names one, else with a wallet in this process on the node that
// AZTEC_NODE_URL names, which is that of `aztec start --local-network` if it names none.
import { SchnorrAccountContract } from '@aztec/accounts/schnorr';
import { AztecAddress } from '@aztec/aztec.js/addresses';
import { getContractInstanceFromInstantiationParams } from '@aztec/aztec.js/contracts';
import { SponsoredFeePaymentMethod } from '@aztec/aztec.js/fee';
import { Fr } from '@aztec/aztec.js/fields';
import { createAztecNodeClient } from '@aztec/aztec.js/node';
import { AccountManager, WalletSchema, type Wallet } from '@aztec/aztec.js/wallet';
import { createSafeJsonRpcClient } from '@aztec/foundation/json-rpc/client';
import { SponsoredFPCContract } from '@aztec/noir-contracts.js/SponsoredFPC';
import { deriveSigningKey } from '@aztec/stdlib/keys';

const LOCAL_NETWORK = 'http://127.0.0.1:8080';

/** What pays for transactions. */
export type Fee = { paymentMethod: SponsoredFeePaymentMethod };

/** A wallet, and what ends it. */
export type Opened = { wallet: Wallet; where: string; newAccount: () => Promise<AccountManager>; close: () => Promise<void> };

/** The wallet that the environment asks for. */
export function open(): Promise<Opened> {
  const { PXE_URL, AZTEC_NODE_URL } = process.env;
  return PXE_URL ? behind(PXE_URL) : inProcess(AZTEC_NODE_URL || LOCAL_NETWORK);
}

async function behind(url: string): Promise<Opened> {
  const wallet = createSafeJsonRpcClient<Wallet>(url, WalletSchema, { namespaceMethods: 'wallet' });
  const newAccount = async () => {
    const secret = Fr.random();
    const contract = new SchnorrAccountContract(deriveSigningKey(secret));
    const account = await AccountManager.create(wallet, secret, contract, Fr.random());
    await wallet.registerContract(account.getInstance(), await contract.getContractArtifact(), secret);
    return account;
  };
  return { wallet, where: `the wallet server ${url}`, newAccount, close: async () => {} };
}

async function inProcess(url: string): Promise<Opened> {
  // Its native code is needed only here.
  const { EmbeddedWallet } = await import('@aztec/wallets/embedded');
  const node = createAztecNodeClient(url);
  const { realProofs } = await node.getNodeInfo();
  const wallet = await EmbeddedWallet.create(node, { ephemeral: true, pxeConfig: { proverEnabled: realProofs } });
  // On a young network the fee multiplies within a slot. Only the block's fee is charged.
  wallet.setMinFeePadding(20);
  const newAccount = () => wallet.createSchnorrAccount(Fr.random(), Fr.random());
  return { wallet, where: `a wallet in this process, on the node ${url}`, newAccount, close: () => wallet.stop() };
}

/** The contract that pays everyone's fees on test networks. */
export async function sponsored(wallet: Wallet): Promise<Fee> {
  const { artifact } = SponsoredFPCContract;
  const sponsor = await getContractInstanceFromInstantiationParams(artifact, { salt: new Fr(0) });
  await wallet.registerContract(sponsor, artifact);
  return { paymentMethod: new SponsoredFeePaymentMethod(sponsor.address) };
}

/** A new account, deployed. */
export async function deployed({ newAccount }: Opened, fee: Fee): Promise<AztecAddress> {
  const account = await newAccount();
  await (await account.getDeployMethod()).send({ from: AztecAddress.ZERO, fee });
  return account.address;
}
