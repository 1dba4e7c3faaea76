// Strangers at the p2p ports of those whose records are in `to`, one for each way to forge. Of the first checkpoint proposal that
// they hear with its block, they send others of the same slot, and of the block: without a signature, with the proposer's of
// something else, signed by a key that is nobody's; and what validators have signed out of their turn, of the slots and by those
// in `signed`: of each of `kinds`, a `member` of the committee and an `outsider`. Three slots later, another sends that
// proposal and that block once more. Returns `[{what, topic, slot, archive, sender, peer}]`: what was sent, who seems to have
// signed it, and who sent it.
import { Strangers } from './stranger.mjs';

const SLOTS_LATER = 3;
const CHECKPOINT = 'checkpoint_proposal';
const BLOCK = 'block_proposal';

export default async function misbehave(load, { dud, seconds, to, kinds, signed }) {
  const { BlockProposal, CheckpointProposal, P2PMessage } = await load('stdlib/dest/p2p/index.js');
  const { CheckpointHeader } = await load('stdlib/dest/rollup/checkpoint_header.js');
  const { EthAddress } = await load('foundation/dest/eth-address/index.js');
  const { Signature } = await load('foundation/dest/eth-signature/index.js');
  const { Secp256k1Signer } = await load('foundation/dest/crypto/secp256k1-signer/index.js');
  const { Fr } = await load('foundation/dest/curves/bn254/index.js');

  const parse = data => CheckpointProposal.fromBuffer(P2PMessage.fromMessageData(data).payload);
  const strangers = await Strangers.of(load, to);
  const { epochCache, topicStrings } = strangers.host;

  /** The next checkpoint proposal with its block, of this slot or later. */
  async function hear(listener, slot) {
    const wanted = data => Number(parse(data).slotNumber) >= slot && parse(data).getBlockProposal() !== undefined;
    const topic = topicStrings[CHECKPOINT];
    return parse((await strangers.hear(listener, [topic], seconds, wanted)).get(topic));
  }

  /** Somebody to whom all of them listen, and whom nobody has punished yet. */
  async function sender() {
    const stranger = await strangers.appear();
    for (const topic of [CHECKPOINT, BLOCK]) await strangers.listened(stranger, topicStrings[topic]);
    return stranger;
  }

  /** What was signed for the slot of this proposal by others than its proposer, by what they are in that slot. */
  async function outOfTurn(first) {
    const slot = Number(first.slotNumber);
    const registered = (await epochCache.getRegisteredValidators()).map(String);
    const found = {};
    for (const { signer, archive, signatures } of signed) {
      if (!signatures[slot] || !registered.includes(signer) || signer === String(first.getSender())) continue;
      const what = (await epochCache.isInCommittee(slot, EthAddress.fromString(signer))) ? 'member' : 'outsider';
      const header = CheckpointHeader.empty({ slotNumber: slot });
      const proposal = new CheckpointProposal(header, Fr.fromString(archive), 0n, Signature.fromString(signatures[slot]));
      if (String(proposal.getSender()) !== signer) throw new Error(`${signer} did not sign what it told`);
      found[what] ??= proposal;
    }
    return found;
  }

  const sent = [];
  async function send(senders, topic, what, proposal) {
    const { node } = senders[what];
    const signer = proposal.getSender()?.toString();
    const message = P2PMessage.fromGossipable(proposal).toMessageData();
    if (!dud) await node.services.pubsub.publish(topicStrings[topic], message);
    const { slotNumber, archive } = proposal;
    const told = { what, topic, slot: Number(slotNumber), archive: String(archive), peer: String(node.peerId) };
    sent.push({ ...told, ...(signer && { sender: signer }) });
  }

  /** The same with another archive: with this signature, and signed by `sign`. */
  const others = {
    [CHECKPOINT]: ({ checkpointHeader: header, feeAssetPriceModifier: modifier }) => ({
      having: signature => new CheckpointProposal(header, Fr.random(), modifier, signature),
      signed: sign => CheckpointProposal.createProposalFromSigner(header, Fr.random(), modifier, undefined, sign),
    }),
    [BLOCK]: ({ blockHeader: header, indexWithinCheckpoint: index, inHash, txHashes }) => ({
      having: signature => new BlockProposal(header, index, inHash, Fr.random(), txHashes, signature),
      signed: sign => BlockProposal.createProposalFromSigner(header, index, inHash, Fr.random(), txHashes, undefined, sign),
    }),
  };

  async function forge(senders, topic, proposal) {
    const other = others[topic](proposal);
    const nobody = Secp256k1Signer.random();
    await send(senders, topic, 'unsigned', other.having(Signature.empty()));
    await send(senders, topic, 'stolen', other.having(proposal.signature));
    await send(senders, topic, 'foreign', await other.signed(hash => nobody.signMessage(hash)));
  }

  /** The first proposal for whose slot there is all of `kinds`; and that. */
  async function begin(listener) {
    const end = Date.now() + seconds * 1000;
    for (let slot = 0; Date.now() < end; ) {
      const first = await hear(listener, slot);
      const found = await outOfTurn(first);
      if (kinds.every(kind => found[kind])) return { first, found };
      slot = Number(first.slotNumber) + 1;
    }
    throw new Error(`no proposal in ${seconds} s for whose slot ${kinds.join(' and ')} have signed`);
  }

  try {
    const listener = await strangers.appear();
    const senders = {};
    for (const what of ['unsigned', 'stolen', 'foreign', ...kinds, 'replayed']) senders[what] = await sender();
    const { first, found } = await begin(listener);
    for (const kind of kinds) await send(senders, CHECKPOINT, kind, found[kind]);
    await forge(senders, CHECKPOINT, first);
    await forge(senders, BLOCK, first.getBlockProposal());
    await hear(listener, Number(first.slotNumber) + SLOTS_LATER);
    await send(senders, CHECKPOINT, 'replayed', first.toCore());
    await send(senders, BLOCK, 'replayed', first.getBlockProposal());
    await strangers.arrived(senders.replayed);
    return sent;
  } finally {
    await strangers.end();
  }
}
