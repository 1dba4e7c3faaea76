// A validator that signs checkpoint proposals whether it is its turn or not, and sends none: for each of the next `slots` slots,
// by each of `attesters`. Returns `[{signer, archive, signatures}]`: of each, the archive that it proposes, and its signatures
// by slot; the header is empty but for the slot.
import { setTimeout as sleep } from 'node:timers/promises';
import { replace } from './replace.mjs';

export default async function misbehave(load, { seconds, slots, attesters }) {
  const { ValidatorClient } = await load('validator-client/dest/validator.js');
  const { CheckpointProposal } = await load('stdlib/dest/p2p/index.js');
  const { CheckpointHeader } = await load('stdlib/dest/rollup/checkpoint_header.js');
  const { EthAddress } = await load('foundation/dest/eth-address/index.js');
  const { Fr } = await load('foundation/dest/curves/bn254/index.js');

  /** The node's validator, once its sequencer asks it whom it signs for. */
  async function validatorHere() {
    let here;
    const takeBack = replace(ValidatorClient.prototype, 'getValidatorAddresses', ask => function () {
      here = this;
      return ask.call(this);
    });
    try {
      for (const end = Date.now() + seconds * 1000; !here; await sleep(100)) {
        if (Date.now() > end) throw new Error(`nobody asked whom it signs for in ${seconds} s`);
      }
      return here;
    } finally {
      takeBack();
    }
  }

  const { epochCache, keyStore } = await validatorHere();
  const now = Number(epochCache.getEpochAndSlotNow().slot);
  const told = [];
  for (const signer of attesters.map(attester => EthAddress.fromString(attester))) {
    const archive = Fr.random();
    const sign = (hash, context) => keyStore.signMessageWithAddress(signer, hash, context);
    const signatures = {};
    for (let slot = now + 1; slot <= now + slots; slot++) {
      const header = CheckpointHeader.empty({ slotNumber: slot });
      const { signature } = await CheckpointProposal.createProposalFromSigner(header, archive, 0n, undefined, sign);
      signatures[slot] = String(signature);
    }
    told.push({ signer: String(signer), archive: String(archive), signatures });
  }
  return told;
}
