import type { AztecAddress } from '@aztec/aztec.js/addresses';
import type { ApiSchemaFor } from '@aztec/foundation/schemas';
import { schemas } from '@aztec/stdlib/schemas';
import { z } from 'zod';
import type { AccountStatus } from '../accounts.ts';
import type { Namespace } from '../dispatcher.ts';
import { redactedUrl } from '../redact.ts';
import type { Session } from '../session.ts';
import type { Startup } from '../startup.ts';
import { VERSION } from '../version.ts';

/** What this PXE is and sees. Blocks are L2 block numbers. */
export type PxeStatus = {
  ready: boolean;
  /** Why it is not ready. */
  reason?: string;
  pxeVersion: string;
  nodeUrl: string;
  nodeVersion: string;
  l1ChainId: number;
  rollupVersion: number;
  rollupAddress: string;
  /** The newest block the node knows; absent when it does not answer. */
  nodeBlock?: number;
  /** The block the private state was synchronised to at its last use. */
  syncedBlock?: number;
  accounts: AccountStatus[];
  /** Pays the fees of `token_*`; null where the accounts pay themselves. */
  sponsor: AztecAddress | null;
  realProofs: boolean;
};

/** The methods `pxe_*`: about the server itself. */
export type PxeApi = {
  getStatus(): Promise<PxeStatus>;
  deployTestAccounts(): Promise<AccountStatus[]>;
};

const AccountStatusSchema = z.object({ address: schemas.AztecAddress, alias: z.string(), deployed: z.boolean() });

/** Schema of {@link PxeApi}, for the server and for TypeScript clients. */
export const PxeApiSchema: ApiSchemaFor<PxeApi> = {
  getStatus: z
    .function()
    .args()
    .returns(
      z.object({
        ready: z.boolean(),
        reason: z.string().optional(),
        pxeVersion: z.string(),
        nodeUrl: z.string(),
        nodeVersion: z.string(),
        l1ChainId: z.number(),
        rollupVersion: z.number(),
        rollupAddress: z.string(),
        nodeBlock: z.number().optional(),
        syncedBlock: z.number().optional(),
        accounts: z.array(AccountStatusSchema),
        sponsor: schemas.AztecAddress.nullable(),
        realProofs: z.boolean(),
      }),
    ),
  deployTestAccounts: z.function().args().returns(z.array(AccountStatusSchema)),
};

/** `pxe_*`; answers an error of kind notReady until the session is open. */
export function pxeNamespace(startup: Startup): Namespace {
  return { schema: PxeApiSchema, handler: () => handler(startup.session) };
}

function handler(session: Session): PxeApi {
  return {
    getStatus: () => status(session),
    deployTestAccounts: async () => {
      await session.accounts.deploy();
      return await session.accounts.testAccounts();
    },
  };
}

async function status(session: Session): Promise<PxeStatus> {
  const { config, info, wallet, accounts, fees, connection } = session;
  const reason = await session.problem();
  const reachable = reason === undefined;
  return {
    ready: reachable,
    ...(reachable ? { nodeBlock: await connection.proposedBlock() } : { reason }),
    pxeVersion: VERSION,
    nodeUrl: redactedUrl(config.nodeUrl),
    nodeVersion: info.nodeVersion,
    l1ChainId: info.l1ChainId,
    rollupVersion: info.rollupVersion,
    rollupAddress: info.l1ContractAddresses.rollupAddress.toString(),
    syncedBlock: await wallet.syncedBlock(),
    accounts: reachable ? await accounts.status() : [],
    sponsor: fees.sponsor ?? null,
    realProofs: config.proverEnabled,
  };
}
