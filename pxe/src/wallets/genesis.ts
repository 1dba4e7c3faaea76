import { GENESIS_BLOCK_HEADER_HASH } from '@aztec/constants';
import { BlockNumber } from '@aztec/foundation/branded-types';
import type { AztecNode } from '@aztec/stdlib/interfaces/client';

/** The hash by which Aztec 4.1 names the genesis block when nothing has been synchronised: that of one without prefilled balances. */
const NAMED = GENESIS_BLOCK_HEADER_HASH.toString();

/**
 * A node that finds the genesis block under that hash, too. On a network with prefilled balances it has another, so that a
 * PXE could not follow an L1 that takes back all blocks: it would wait for ever for the header it goes back to.
 */
export function knowingGenesis(node: AztecNode): AztecNode {
  const getBlockHeader: AztecNode['getBlockHeader'] = async block =>
    (await node.getBlockHeader(block)) ?? (isNamed(block) ? await node.getBlockHeader(BlockNumber.ZERO) : undefined);
  return new Proxy(node, {
    get: (target, key) => (key === 'getBlockHeader' ? getBlockHeader : Reflect.get(target, key)),
  });
}

function isNamed(block: Parameters<AztecNode['getBlockHeader']>[0]): boolean {
  return typeof block === 'object' && block.toString() === NAMED;
}
