// A validator that neither attests nor proposes from slot `first` to slot `last`. Until slot `end` is over it votes on itself as
// the others do, so that what comes of the vote does not depend on who proposes. Returns `{proposals}`: how many it left
// unanswered.
export default async function misbehave(load, { dud, first, last, end, seconds }) {
  const { ValidatorClient } = await load('validator-client/dest/validator.js');
  const { Sequencer } = await load('sequencer-client/dest/sequencer/sequencer.js');
  const { TallySlasherClient } = await load('slasher/dest/tally_slasher_client.js');

  const attest = ValidatorClient.prototype.attestToCheckpointProposal;
  if (!attest) throw new Error('this release calls ValidatorClient.attestToCheckpointProposal otherwise');
  const prepare = Sequencer.prototype.prepareCheckpointProposal;
  if (!prepare) throw new Error('this release calls Sequencer.prepareCheckpointProposal otherwise');
  const vote = TallySlasherClient.prototype.getVoteOffensesAction;
  if (!vote) throw new Error('this release calls TallySlasherClient.getVoteOffensesAction otherwise');

  const idle = slot => !dud && slot >= first && slot <= last;
  let proposals = 0;
  try {
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`slot ${end} was not over in ${seconds} s`)), seconds * 1000).unref();
      ValidatorClient.prototype.attestToCheckpointProposal = async function (proposal, ...rest) {
        if (!idle(Number(proposal.slotNumber))) return attest.call(this, proposal, ...rest);
        proposals++;
        return undefined;
      };
      let begun = false;
      Sequencer.prototype.prepareCheckpointProposal = async function (epoch, slot, ...rest) {
        if (!begun && slot >= first) reject(new Error(`slot ${first} had begun when it was told`));
        begun = true;
        if (slot > end) resolve();
        return idle(slot) ? undefined : prepare.call(this, epoch, slot, ...rest);
      };
      TallySlasherClient.prototype.getVoteOffensesAction = function (slot) {
        const config = { ...this.config, slashValidatorsNever: [] };
        return vote.call(dud ? this : Object.create(this, { config: { value: config } }), slot);
      };
    });
  } finally {
    ValidatorClient.prototype.attestToCheckpointProposal = attest;
    Sequencer.prototype.prepareCheckpointProposal = prepare;
    TallySlasherClient.prototype.getVoteOffensesAction = vote;
  }
  return { proposals };
}
