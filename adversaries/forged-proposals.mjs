// A node that connects to those whose records are in `to`, which need not be its peers; once it hears of a checkpoint
// proposal then, it sends others of the same slot that the proposer did not sign, and later the one that it heard of once
// more. Returns `{reached, missed, sent}`: the records of whom it sends to, `[{record, why}]` of the others, and
// `[{what, slot, sender}]`: what it sent, and who seems to have signed it. It sends them to all whom it reaches, as an
// attacker would, and not only to those of its mesh as Aztec does.
import { setTimeout as sleep } from 'node:timers/promises';

const SLOTS_LATER = 3;
const TO_REACH = 20_000;

export default async function misbehave(load, { dud, seconds, to }) {
  const { LibP2PService } = await load('p2p/dest/services/libp2p/libp2p_service.js');
  const { CheckpointProposal } = await load('stdlib/dest/p2p/checkpoint_proposal.js');
  const { Signature } = await load('foundation/dest/eth-signature/index.js');
  const { Secp256k1Signer } = await load('foundation/dest/crypto/secp256k1-signer/index.js');
  const { Fr } = await load('foundation/dest/curves/bn254/index.js');

  const reached = [];
  const missed = [];
  async function reach({ node, peerDiscoveryService, topicStrings }, record) {
    const enr = peerDiscoveryService.getEnr().constructor.decodeTxt(record);
    const [peer, address] = await Promise.all([enr.peerId(), enr.getFullMultiaddr('tcp')]);
    const hears = () => node.services.pubsub.getSubscribers(topicStrings.checkpoint_proposal).some(one => String(one) === String(peer));
    let why = 'it does not tell what it listens to';
    for (const end = Date.now() + TO_REACH; !hears(); await sleep(500)) {
      if (Date.now() > end) return missed.push({ record, why });
      // One that has much to do may not take a connection at first.
      await node.dial(address).catch(error => (why = String(error)));
    }
    reached.push(record);
  }

  const sent = [];
  async function toAllPeers(service, proposal) {
    const { opts } = service.node.services.pubsub;
    const before = opts.floodPublish;
    opts.floodPublish = true;
    try {
      await service.propagate(proposal);
    } finally {
      opts.floodPublish = before;
    }
  }

  async function send(service, what, proposal) {
    const sender = proposal.getSender()?.toString();
    if (!dud) await toAllPeers(service, proposal);
    sent.push({ what, slot: Number(proposal.slotNumber), ...(sender && { sender }) });
  }

  async function forge(service, heard) {
    const { checkpointHeader: header, feeAssetPriceModifier: modifier, signature } = heard;
    const other = by => new CheckpointProposal(header, Fr.random(), modifier, by);
    await send(service, 'unsigned', other(Signature.empty()));
    await send(service, 'forged', other(signature));
    const stranger = Secp256k1Signer.random();
    const sign = hash => stranger.signMessage(hash);
    await send(service, 'foreign', await CheckpointProposal.createProposalFromSigner(header, Fr.random(), modifier, undefined, sign));
  }

  const replay = (service, { checkpointHeader, archive, feeAssetPriceModifier, signature }) =>
    send(service, 'replayed', new CheckpointProposal(checkpointHeader, archive, feeAssetPriceModifier, signature));

  const heardOf = LibP2PService.prototype.handleGossipedCheckpointProposal;
  if (!heardOf) throw new Error('this release calls LibP2PService.handleGossipedCheckpointProposal otherwise');
  let reaching, first;
  try {
    await new Promise((resolve, reject) => {
      const seen = () => (reaching ? JSON.stringify({ reached: reached.length, missed, sent }) : 'it heard of no proposal');
      const late = () => reject(new Error(`not done in ${seconds} s: ${seen()}`));
      setTimeout(late, seconds * 1000).unref();
      LibP2PService.prototype.handleGossipedCheckpointProposal = async function (payload, ...rest) {
        const result = await heardOf.call(this, payload, ...rest);
        const heard = CheckpointProposal.fromBuffer(payload);
        reaching ??= Promise.all(to.map(record => reach(this, record))).catch(reject);
        if (reached.length + missed.length < to.length) return result;
        if (first === undefined) {
          first = heard;
          forge(this, heard).catch(reject);
        } else if (Number(heard.slotNumber) >= Number(first.slotNumber) + SLOTS_LATER) {
          LibP2PService.prototype.handleGossipedCheckpointProposal = heardOf;
          replay(this, first).then(resolve, reject);
        }
        return result;
      };
    });
  } finally {
    LibP2PService.prototype.handleGossipedCheckpointProposal = heardOf;
  }
  return { reached, missed, sent };
}
