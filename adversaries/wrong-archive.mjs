// A proposer that proposes a checkpoint of `slot` with an archive that its blocks don't lead to, and publishes it so. Returns
// `{checkpoint, archive}`: its number, and that archive, once it has a quorum's attestations.
import { replace } from './replace.mjs';

export default async function misbehave(load, { dud, slot, seconds }) {
  const { ValidatorClient } = await load('validator-client/dest/validator.js');
  const { SequencerPublisher } = await load('sequencer-client/dest/publisher/sequencer-publisher.js');
  const { Fr } = await load('foundation/dest/curves/bn254/index.js');

  const changed = [];
  const change = (...args) => changed.push(replace(...args));
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`it published nothing of slot ${slot} in ${seconds} s`));
      setTimeout(late, seconds * 1000).unref();
      let archive;
      change(ValidatorClient.prototype, 'createCheckpointProposal', propose => function (header, right, ...rest) {
        if (Number(header.slotNumber) !== slot) return propose.call(this, header, right, ...rest);
        archive = dud ? right : Fr.random();
        return propose.call(this, header, archive, ...rest);
      });
      change(SequencerPublisher.prototype, 'enqueueProposeCheckpoint', publish => function (checkpoint, ...rest) {
        // What it had proposed before it came to this is published as it is.
        if (archive && Number(checkpoint.header.slotNumber) === slot) {
          replace(checkpoint, 'archive', ({ constructor: Snapshot, nextAvailableLeafIndex }) => new Snapshot(archive, nextAvailableLeafIndex));
          resolve({ checkpoint: Number(checkpoint.number), archive: archive.toString() });
        }
        return publish.call(this, checkpoint, ...rest);
      });
    });
  } finally {
    for (const takeBack of changed) takeBack();
  }
}
