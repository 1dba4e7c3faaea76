// An account and a token of your own on a running network, all keys in this process:
//
//   eval "$(aznet env)" && npm ci && npm start
import { AztecAddress } from '@aztec/aztec.js/addresses';
import { getContractInstanceFromInstantiationParams } from '@aztec/aztec.js/contracts';
import { SponsoredFeePaymentMethod } from '@aztec/aztec.js/fee';
import { Fr } from '@aztec/aztec.js/fields';
import { createAztecNodeClient } from '@aztec/aztec.js/node';
import { SponsoredFPCContract } from '@aztec/noir-contracts.js/SponsoredFPC';
import { TokenContract } from '@aztec/noir-contracts.js/Token';
import { EmbeddedWallet } from '@aztec/wallets/embedded';

const url = process.env.AZTEC_NODE_URL;
if (url === undefined) {
  throw new Error('AZTEC_NODE_URL is not set: eval "$(aznet env)"');
}
const started = performance.now();
const say = (text: string) => console.log(`${((performance.now() - started) / 1_000).toFixed(1)} s  ${text}`);

const node = createAztecNodeClient(url);
const { realProofs } = await node.getNodeInfo();
// Keys and notes end with this process; without `ephemeral` they are kept in the current directory.
const wallet = await EmbeddedWallet.create(node, { ephemeral: true, pxeConfig: { proverEnabled: realProofs } });
// Offers 21 times the current fee: on a young network the fee multiplies within a slot. Only the block's fee is charged.
wallet.setMinFeePadding(20);

// Pays the fees of everyone on networks with `network.testAccounts`.
const sponsor = await getContractInstanceFromInstantiationParams(SponsoredFPCContract.artifact, { salt: new Fr(0) });
await wallet.registerContract(sponsor, SponsoredFPCContract.artifact);
const fee = { paymentMethod: new SponsoredFeePaymentMethod(sponsor.address) };

const alice = await wallet.createSchnorrAccount(Fr.random(), Fr.random());
await (await alice.getDeployMethod()).send({ from: AztecAddress.ZERO, fee });
const from = alice.address;
say(`account ${from}`);

const { contract: token } = await TokenContract.deploy(wallet, from, 'My token', 'MINE', 18).send({ from, fee });
say(`token ${token.address}`);

await token.methods.mint_to_private(from, 1_000n).send({ from, fee });
say('minted 1000, privately');

// Whoever receives needs no deployment, only an address.
const bob = await wallet.createSchnorrAccount(Fr.random(), Fr.random());
const { receipt } = await token.methods.transfer(bob.address, 50n).send({ from, fee });
say(`sent 50 in block ${receipt.blockNumber}, privately`);

const balanceOf = async (owner: AztecAddress) =>
  (await token.methods.balance_of_private(owner).simulate({ from: owner })).result;
say(`alice has ${await balanceOf(from)}, bob has ${await balanceOf(bob.address)}`);

// `Transfer` of Aztec's token is a private event: only the recipient's wallet can read it.
const events = await wallet.getPrivateEvents<{ amount: bigint }>(TokenContract.events.Transfer, {
  contractAddress: token.address,
  scopes: [bob.address],
});
say(`bob was told of ${events.map(({ event }) => event.amount).join(', ')}`);
await wallet.stop();
