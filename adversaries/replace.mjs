// How modules change a node, so that it can be taken back.

/**
 * Puts what `make` makes of `object[name]` in its place; returns what takes that back. A release that has nothing there, or
 * something of another type, is told so: what nobody calls would change nothing.
 */
export function replace(object, name, make) {
  const before = object[name];
  const own = Object.getOwnPropertyDescriptor(object, name);
  const whose = object.name ?? object.constructor?.name;
  if (before === undefined) throw new Error(`this release calls ${whose}.${name} otherwise`);
  const after = make(before);
  if (typeof after !== typeof before) throw new Error(`${whose}.${name} is a ${typeof before} in this release`);
  object[name] = after;
  return () => {
    if (own) Object.defineProperty(object, name, own);
    else delete object[name];
  };
}
