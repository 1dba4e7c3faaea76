// A prover that tells what it sends to L1 as the proof of the epoch that comes first of those that are not proven yet. Returns
// `{data}`: the call, in hexadecimal digits.
export default async function misbehave(load, { seconds }) {
  const { ProverNodePublisher } = await load('prover-node/dest/prover-node-publisher.js');
  const { RollupAbi } = await load('l1-artifacts/dest/index.js');
  const { encodeFunctionData } = await load('../viem/_esm/index.js');

  const send = ProverNodePublisher.prototype.sendSubmitEpochProofTx;
  if (!send) throw new Error('this release calls ProverNodePublisher.sendSubmitEpochProofTx otherwise');
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`it had no proof in ${seconds} s`));
      setTimeout(late, seconds * 1000).unref();
      ProverNodePublisher.prototype.sendSubmitEpochProofTx = async function (args) {
        const { proven } = await this.getRollupContract().getTips();
        if (Number(args.fromCheckpoint) === Number(proven) + 1) {
          const call = { abi: RollupAbi, functionName: 'submitEpochRootProof', args: [this.getSubmitEpochProofArgs(args)] };
          resolve({ data: encodeFunctionData(call) });
        }
        return send.call(this, args);
      };
    });
  } finally {
    ProverNodePublisher.prototype.sendSubmitEpochProofTx = send;
  }
}
