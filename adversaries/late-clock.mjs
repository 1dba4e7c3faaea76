// A node whose clock is `late` milliseconds late, for `seconds`. Returns `{late}`: by how much it was, against the clock that
// the operating system keeps.
import { setTimeout as sleep } from 'node:timers/promises';

export default async function misbehave(load, { dud, seconds, late }) {
  const { DateProvider } = await load('foundation/dest/timer/date.js');
  if (!DateProvider.prototype.now) throw new Error('this release calls DateProvider.now otherwise');
  const now = Date.now;
  const measured = () => Math.round(performance.timeOrigin + performance.now() - new DateProvider().now());
  try {
    if (!dud) Date.now = () => now() - late;
    await sleep(seconds * 1000);
    return { late: measured() };
  } finally {
    Date.now = now;
  }
}
