// A proposer that attests to its checkpoint of `slot`, and a moment later to another one, which it signs and sends to nobody. Only
// the proposer can: an attestation carries the proposer's signature of what it attests to, and nobody else has a second one.
// Returns `{slot, signer, archive}`: who attested to both, and the archive of the second one.
import { setTimeout as sleep } from 'node:timers/promises';
import { replace } from './replace.mjs';

// The others have seen the first by then.
const MOMENT = 200;

export default async function misbehave(load, { dud, slot, seconds }) {
  const { ValidatorClient } = await load('validator-client/dest/validator.js');
  const { Fr } = await load('foundation/dest/curves/bn254/index.js');

  async function attestAgain({ validationService, p2pClient }, first) {
    const archive = Fr.random();
    const signer = first.getSender();
    const { checkpointHeader: header, feeAssetPriceModifier: modifier } = first;
    const second = await validationService.createCheckpointProposal(header, archive, modifier, undefined, signer, {});
    const attestations = await validationService.attestToCheckpointProposal(second, [signer]);
    if (attestations.length !== 1) throw new Error(`${signer} signed ${attestations.length} attestations`);
    await sleep(MOMENT);
    if (!dud) await p2pClient.broadcastCheckpointAttestations(attestations);
    return { slot, signer: String(signer), archive: String(archive) };
  }

  let takeBack;
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`it attested to nothing of its own in slot ${slot} in ${seconds} s`));
      setTimeout(late, seconds * 1000).unref();
      takeBack = replace(ValidatorClient.prototype, 'collectOwnAttestations', attest => async function (proposal) {
        const own = await attest.call(this, proposal);
        if (Number(proposal.slotNumber) !== slot) return own;
        takeBack();
        attestAgain(this, proposal).then(resolve, reject);
        return own;
      });
    });
  } finally {
    takeBack?.();
  }
}
