// What a contract developer waits for: transactions one after the other, by Aztec.js with a wallet in this process.
// AZTEC_NODE_URL names the node, TRANSFERS how many; prints seconds as one line of JSON.
import { AztecAddress } from '@aztec/aztec.js/addresses';
import { NO_WAIT, getContractInstanceFromInstantiationParams } from '@aztec/aztec.js/contracts';
import { SponsoredFeePaymentMethod } from '@aztec/aztec.js/fee';
import { Fr } from '@aztec/aztec.js/fields';
import { createAztecNodeClient, waitForTx } from '@aztec/aztec.js/node';
import { TxStatus } from '@aztec/aztec.js/tx';
import { SponsoredFPCContract } from '@aztec/noir-contracts.js/SponsoredFPC';
import { TokenContract } from '@aztec/noir-contracts.js/Token';
import { EmbeddedWallet } from '@aztec/wallets/embedded';

const node = createAztecNodeClient(process.env.AZTEC_NODE_URL ?? '');
const wallet = await EmbeddedWallet.create(node, { ephemeral: true });
wallet.setMinFeePadding(20);
const sponsor = await getContractInstanceFromInstantiationParams(SponsoredFPCContract.artifact, { salt: new Fr(0) });
await wallet.registerContract(sponsor, SponsoredFPCContract.artifact);
const fee = { paymentMethod: new SponsoredFeePaymentMethod(sponsor.address) };
const account = await wallet.createSchnorrAccount(Fr.random(), Fr.random());
const from = account.address;

/** Seconds that a task takes. */
async function seconds(task: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await task();
  return Math.round(performance.now() - began) / 1_000;
}

const accountDeployed = await seconds(async () => (await account.getDeployMethod()).send({ from: AztecAddress.ZERO, fee }));
const deployment = TokenContract.deploy(wallet, from, 'Bench', 'BENCH', 18);
const tokenDeployed = await seconds(() => deployment.send({ from, fee }));
const token = TokenContract.at((await deployment.getInstance()).address, wallet);
const minted = await seconds(() => token.methods.mint_to_private(from, 1_000_000n).send({ from, fee }));

const transfers = [];
for (let left = Number(process.env.TRANSFERS ?? 10); left > 0; left -= 1) {
  const began = performance.now();
  const since = () => Math.round(performance.now() - began) / 1_000;
  const { txHash } = await token.methods.transfer_to_public(from, from, 1n, 0).send({ from, fee, wait: NO_WAIT });
  const sent = since();
  const reached = (waitForStatus: TxStatus) => waitForTx(node, txHash, { waitForStatus }).then(since);
  const [proposed, checkpointed] = await Promise.all([reached(TxStatus.PROPOSED), reached(TxStatus.CHECKPOINTED)]);
  transfers.push({ sent, proposed, checkpointed });
}
console.log(JSON.stringify({ accountDeployed, tokenDeployed, minted, transfers }));
await wallet.stop();
