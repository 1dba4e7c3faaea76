// A validator that neither attests nor proposes from slot `first` to slot `last`. Until slot `end` is over it votes on itself as
// the others do, so that what comes of the vote does not depend on who proposes. Returns `{proposals}`: how many it left
// unanswered.
import { replace } from './replace.mjs';

export default async function misbehave(load, { dud, first, last, end, seconds }) {
  const { ValidatorClient } = await load('validator-client/dest/validator.js');
  const { Sequencer } = await load('sequencer-client/dest/sequencer/sequencer.js');
  const { TallySlasherClient } = await load('slasher/dest/tally_slasher_client.js');

  const idle = slot => !dud && slot >= first && slot <= last;
  let proposals = 0;
  const changed = [];
  const change = (...args) => changed.push(replace(...args));
  try {
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`slot ${end} was not over in ${seconds} s`)), seconds * 1000).unref();
      change(ValidatorClient.prototype, 'attestToCheckpointProposal', attest => async function (proposal, ...rest) {
        if (!idle(Number(proposal.slotNumber))) return attest.call(this, proposal, ...rest);
        proposals++;
        return undefined;
      });
      let begun = false;
      change(Sequencer.prototype, 'prepareCheckpointProposal', prepare => async function (epoch, slot, ...rest) {
        if (!begun && slot >= first) reject(new Error(`slot ${first} had begun when it was told`));
        begun = true;
        if (slot > end) resolve();
        return idle(slot) ? undefined : prepare.call(this, epoch, slot, ...rest);
      });
      change(TallySlasherClient.prototype, 'getVoteOffensesAction', vote => function (slot) {
        const config = { ...this.config, slashValidatorsNever: [] };
        return vote.call(dud ? this : Object.create(this, { config: { value: config } }), slot);
      });
    });
  } finally {
    for (const takeBack of changed) takeBack();
  }
  return { proposals };
}
