import type { AztecAddress } from '@aztec/aztec.js/addresses';
import { getContractInstanceFromInstantiationParams } from '@aztec/aztec.js/contracts';
import { type FeePaymentMethod, SponsoredFeePaymentMethod } from '@aztec/aztec.js/fee';
import { Fr } from '@aztec/aztec.js/fields';
import { getFeeJuiceBalance } from '@aztec/aztec.js/utils';
import type { Wallet } from '@aztec/aztec.js/wallet';
import { SPONSORED_FPC_SALT } from '@aztec/constants';
import { SponsoredFPCContract } from '@aztec/noir-contracts.js/SponsoredFPC';
import type { AztecNode } from './node.ts';

/** Who pays for the transactions this server makes. */
export class Fees {
  /** The sponsor's address where the network has a funded one; else accounts pay from their own fee juice. */
  readonly sponsor: AztecAddress | undefined;

  private constructor(sponsor: AztecAddress | undefined) {
    this.sponsor = sponsor;
  }

  /** Looks for the canonical sponsored fee payment contract, which is usable when the genesis state funds it. */
  static async detect(node: AztecNode, wallet: Wallet): Promise<Fees> {
    const salt = new Fr(SPONSORED_FPC_SALT);
    const instance = await getContractInstanceFromInstantiationParams(SponsoredFPCContract.artifact, { salt });
    if ((await getFeeJuiceBalance(instance.address, node)) === 0n) {
      return new Fees(undefined);
    }
    await wallet.registerContract(instance, SponsoredFPCContract.artifact);
    return new Fees(instance.address);
  }

  /** The `fee` option of an interaction; empty means that the sender pays. */
  get option(): { paymentMethod?: FeePaymentMethod } {
    return this.sponsor === undefined ? {} : { paymentMethod: new SponsoredFeePaymentMethod(this.sponsor) };
  }
}
