// A node whose clock is `late` milliseconds late, for `seconds`. Returns `{late}`: by how much it was, against the clock that
// the operating system keeps.
import { setTimeout as sleep } from 'node:timers/promises';
import { replace } from './replace.mjs';

export default async function misbehave(load, { dud, seconds, late }) {
  const { DateProvider } = await load('foundation/dest/timer/date.js');
  if (!DateProvider.prototype.now) throw new Error('this release calls DateProvider.now otherwise');
  const measured = () => Math.round(performance.timeOrigin + performance.now() - new DateProvider().now());
  const takeBack = replace(Date, 'now', now => () => now() - (dud ? 0 : late));
  try {
    await sleep(seconds * 1000);
    return { late: measured() };
  } finally {
    takeBack();
  }
}
