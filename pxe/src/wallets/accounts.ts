/** By alias, those without one last. */
export function byAlias<A extends { readonly alias: string }>(accounts: readonly A[]): A[] {
  return accounts.toSorted((a, b) => Number(a.alias === '') - Number(b.alias === '') || a.alias.localeCompare(b.alias));
}
