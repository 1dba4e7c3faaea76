// A proposer that, a moment after its checkpoint proposal of `slot`, sends another one for the same slot, signed as well.
// Returns `{slot, signer, archive}`: who signed both, and the archive of the second one.
import { setTimeout as sleep } from 'node:timers/promises';
import { replace } from './replace.mjs';

// The others have seen the first by then.
const MOMENT = 200;

export default async function misbehave(load, { dud, slot, seconds }) {
  const { ValidatorClient } = await load('validator-client/dest/validator.js');
  const { Fr } = await load('foundation/dest/curves/bn254/index.js');

  async function equivocate(client, [header, , modifier, , proposer, options]) {
    const archive = Fr.random();
    const { validationService, p2pClient } = client;
    const second = await validationService.createCheckpointProposal(header, archive, modifier, undefined, proposer, options ?? {});
    await sleep(MOMENT);
    if (!dud) await p2pClient.broadcastCheckpointProposal(second);
    return { slot, signer: String(second.getSender()), archive: String(archive) };
  }

  let takeBack;
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`it proposed nothing for slot ${slot} in ${seconds} s`));
      setTimeout(late, seconds * 1000).unref();
      takeBack = replace(ValidatorClient.prototype, 'createCheckpointProposal', propose => async function (...args) {
        const first = await propose.apply(this, args);
        if (Number(args[0].slotNumber) !== slot) return first;
        takeBack();
        equivocate(this, args).then(resolve, reject);
        return first;
      });
    });
  } finally {
    takeBack?.();
  }
}
