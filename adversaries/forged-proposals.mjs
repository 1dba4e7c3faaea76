// Strangers at the p2p ports of those whose records are in `to`. Of the first checkpoint proposal that they hear, one sends
// others of the same slot that the proposer did not sign; three slots later, another sends that proposal once more. Returns
// `[{what, slot, sender, peer}]`: what was sent, who seems to have signed it, and who sent it.
import { Strangers } from './stranger.mjs';

const SLOTS_LATER = 3;

export default async function misbehave(load, { dud, seconds, to }) {
  const { CheckpointProposal, P2PMessage } = await load('stdlib/dest/p2p/index.js');
  const { Signature } = await load('foundation/dest/eth-signature/index.js');
  const { Secp256k1Signer } = await load('foundation/dest/crypto/secp256k1-signer/index.js');
  const { Fr } = await load('foundation/dest/curves/bn254/index.js');

  const parse = data => CheckpointProposal.fromBuffer(P2PMessage.fromMessageData(data).payload);
  const strangers = await Strangers.of(load, to);
  const topic = strangers.host.topicStrings.checkpoint_proposal;

  /** The next proposal, of this slot or later. */
  async function hear(listener, slot) {
    const wanted = data => Number(parse(data).slotNumber) >= slot;
    return parse((await strangers.hear(listener, [topic], seconds, wanted)).get(topic));
  }

  /** Somebody to whom all of them listen, and whom nobody has punished yet. */
  async function sender() {
    const stranger = await strangers.appear();
    await strangers.listened(stranger, topic);
    return stranger;
  }

  const sent = [];
  async function send({ node }, what, proposal) {
    const signer = proposal.getSender()?.toString();
    const message = P2PMessage.fromGossipable(proposal).toMessageData();
    if (!dud) await node.services.pubsub.publish(topic, message);
    sent.push({ what, slot: Number(proposal.slotNumber), peer: String(node.peerId), ...(signer && { sender: signer }) });
  }

  async function forge(forger, { checkpointHeader: header, feeAssetPriceModifier: modifier, signature }) {
    const other = by => new CheckpointProposal(header, Fr.random(), modifier, by);
    await send(forger, 'unsigned', other(Signature.empty()));
    await send(forger, 'forged', other(signature));
    const stranger = Secp256k1Signer.random();
    const sign = hash => stranger.signMessage(hash);
    await send(forger, 'foreign', await CheckpointProposal.createProposalFromSigner(header, Fr.random(), modifier, undefined, sign));
  }

  const replay = (sender, { checkpointHeader, archive, feeAssetPriceModifier, signature }) =>
    send(sender, 'replayed', new CheckpointProposal(checkpointHeader, archive, feeAssetPriceModifier, signature));

  try {
    const [listener, forger, replayer] = [await strangers.appear(), await sender(), await sender()];
    const first = await hear(listener, 0);
    await forge(forger, first);
    await hear(listener, Number(first.slotNumber) + SLOTS_LATER);
    await replay(replayer, first);
    await strangers.arrived(replayer);
    return sent;
  } finally {
    await strangers.end();
  }
}
