// A prover that tells what it sends to L1 as the proof of the epoch that comes first of those that are not proven yet. Returns
// `{data}`: the call, in hexadecimal digits.
import { replace } from './replace.mjs';

export default async function misbehave(load, { seconds }) {
  const { ProverNodePublisher } = await load('prover-node/dest/prover-node-publisher.js');
  const { RollupAbi } = await load('l1-artifacts/dest/index.js');
  const { encodeFunctionData } = await load('../viem/_esm/index.js');

  let takeBack;
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`it had no proof in ${seconds} s`));
      setTimeout(late, seconds * 1000).unref();
      takeBack = replace(ProverNodePublisher.prototype, 'sendSubmitEpochProofTx', send => async function (args) {
        const { proven } = await this.getRollupContract().getTips();
        if (Number(args.fromCheckpoint) === Number(proven) + 1) {
          const call = { abi: RollupAbi, functionName: 'submitEpochRootProof', args: [this.getSubmitEpochProofArgs(args)] };
          resolve({ data: encodeFunctionData(call) });
        }
        return send.call(this, args);
      });
    });
  } finally {
    takeBack?.();
  }
}
