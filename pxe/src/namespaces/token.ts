import type { AztecAddress } from '@aztec/aztec.js/addresses';
import { TxStatus } from '@aztec/aztec.js/tx';
import { type ApiSchemaFor, optional } from '@aztec/foundation/schemas';
import { schemas } from '@aztec/stdlib/schemas';
import { z } from 'zod';
import type { Namespace } from '../dispatcher.ts';
import { address, amount, decimals, label, timeoutSeconds, visibility, waitFor } from '../params.ts';
import type { Session } from '../session.ts';
import type { Balances } from '../tokens.ts';
import type { TxResult, TxWait } from '../transactions.ts';

const waiting = { wait: waitFor, timeoutSeconds };

const DeployParams = z
  .object({
    name: label('Test Token'),
    symbol: label('TEST'),
    decimals,
    admin: optional(address),
    ...waiting,
  })
  .strict();
const MintParams = z
  .object({ token: address, to: address, amount, visibility, from: optional(address), ...waiting })
  .strict();
const TransferParams = z
  .object({
    token: address,
    from: address,
    to: address,
    amount,
    visibility,
    priorityFee: optional(amount),
    ...waiting,
  })
  .strict();
const BalanceParams = z.object({ token: address, owner: address }).strict();

type Deployed = { token: AztecAddress; admin: AztecAddress } & TxResult;

/** The methods `token_*`: what tests of a network need of Aztec's token contract. */
export type TokenApi = {
  deploy(params: z.infer<typeof DeployParams>): Promise<Deployed>;
  mint(params: z.infer<typeof MintParams>): Promise<TxResult>;
  transfer(params: z.infer<typeof TransferParams>): Promise<TxResult>;
  balance(params: z.infer<typeof BalanceParams>): Promise<Balances>;
};

const TxResultSchema = z.object({
  txHash: z.string(),
  status: z.nativeEnum(TxStatus),
  blockNumber: z.number().optional(),
  fee: schemas.BigInt.optional(),
});

/** Schema of {@link TokenApi}, for the server and for TypeScript clients. */
export const TokenApiSchema: ApiSchemaFor<TokenApi> = {
  deploy: z
    .function()
    .args(DeployParams)
    .returns(TxResultSchema.extend({ token: schemas.AztecAddress, admin: schemas.AztecAddress })),
  mint: z.function().args(MintParams).returns(TxResultSchema),
  transfer: z.function().args(TransferParams).returns(TxResultSchema),
  balance: z
    .function()
    .args(BalanceParams)
    .returns(z.object({ public: schemas.BigInt, private: schemas.BigInt.nullable() })),
};

/** `token_*` on a session that may still have to start. */
export function tokenNamespace(session: () => Session): Namespace {
  return { schema: TokenApiSchema, handler: () => handler(session()) };
}

function handler({ tokens, accounts, config }: Session): TokenApi {
  const waitOf = (params: { wait: TxWait['for']; timeoutSeconds: number }): TxWait => ({
    for: params.wait,
    timeoutMs: params.timeoutSeconds > 0 ? params.timeoutSeconds * 1_000 : config.txTimeoutMs,
  });
  return {
    deploy: async params => {
      const admin = params.admin ?? accounts.first;
      const { name, symbol, decimals } = params;
      const result = await tokens.deploy({ name, symbol, decimals, admin }, waitOf(params));
      return { ...result, admin };
    },
    mint: params => tokens.mint(params, params.from ?? accounts.first, waitOf(params)),
    transfer: params => tokens.transfer(params, params.from, waitOf(params)),
    balance: ({ token, owner }) => tokens.balances(token, owner),
  };
}
