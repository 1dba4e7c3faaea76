import { WalletSchema } from '@aztec/aztec.js/wallet';
import type { Namespace } from '../dispatcher.ts';
import type { Session } from '../session.ts';

/** `wallet_*`: Aztec's own wallet interface, so that an Aztec.js client can use this PXE as its wallet. */
export function walletNamespace(session: () => Session): Namespace {
  return { schema: WalletSchema, handler: () => session().wallet };
}
