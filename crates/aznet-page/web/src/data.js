/** Kinds of tips of a chain, and stages of a transfer. */
const STAGES = ["proposed", "checkpointed", "proven", "finalized"];
const OUTCOMES = ["checkpointed", "proposed", "missed"];

/** A column of numbers is written as differences. */
function sums(column, first = 0) {
  let value = 0;
  return column.map((difference) => first + (value += difference));
}

/** The run as src/report/html/data.rs of aznet-runner writes it; times become milliseconds since 1970. */
function readRun() {
  const run = JSON.parse(document.getElementById("data").textContent);
  const { start } = run;
  run.end = start + run.duration;
  for (const { attempts } of run.tests) {
    for (const attempt of attempts) {
      attempt.from += start;
      attempt.to += start;
    }
  }
  run.networks.forEach((network, place) => readNetwork(network, place, run));
  return run;
}

function readNetwork(network, place, { start }) {
  network.place = place;
  const { slot, epoch, from, to, outcome, proposer } = network.slots;
  const [numbers, epochs, starts, ends] = [sums(slot), sums(epoch), sums(from, start), sums(to, start)];
  network.slots = numbers.map((number, i) => ({
    number,
    epoch: epochs[i],
    from: starts[i],
    to: ends[i],
    outcome: OUTCOMES[outcome[i]],
    proposer: network.proposers[proposer[i]],
  }));
  for (const pod of network.pods) {
    const { tips, usage, disk } = pod;
    pod.tips = { at: sums(tips.at, start), slot: sums(tips.slot), blocks: tips.blocks.map((column) => sums(column)) };
    pod.usage = { at: sums(usage.at, start), cpu: sums(usage.cpu), memory: sums(usage.memory) };
    pod.disk = { at: sums(disk.at, start), disk: sums(disk.disk) };
    pod.silent = pod.silent.map(([a, b, why]) => ({ from: a + start, to: b + start, why }));
    pod.restarts = pod.restarts.map(([at, count, why]) => ({ at: at + start, count, why }));
  }
  for (const fault of network.faults) {
    fault.to += start;
    fault.states = fault.states.map(([at, state]) => ({ at: at + start, state }));
  }
  const { id, kind, kinds, sent, took, of } = network.transfers;
  const moments = sums(sent, start);
  network.transfers = id.map((name, i) => ({ id: name, kind: kinds[kind[i]], sent: moments[i], took: took[i] }));
  network.transferCount = of;
  for (const violation of network.violations) violation.at += start;
}

/** The place of the last of sorted `times` that is not after `time`, or -1. */
function lastBefore(times, time) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The epochs of a network: number, first and last moment. */
function epochsOf(network) {
  const epochs = [];
  for (const { epoch, from, to } of network.slots) {
    const last = epochs.at(-1);
    if (last?.number === epoch) last.to = to;
    else epochs.push({ number: epoch, from, to });
  }
  return epochs;
}

/** A node that is behind for a shorter time was asked a moment earlier than the others. */
const PASSING = 4500;

/** How far each node's newest block is behind that of the node that is ahead: per pod, spans with a level from 0 to 3. */
function lags(network, end) {
  const changes = network.pods.flatMap(({ tips }, pod) => tips.at.map((at, i) => ({ at, pod, block: tips.blocks[0][i] })));
  changes.sort((a, b) => a.at - b.at);
  const newest = network.pods.map(() => null);
  const spans = network.pods.map(() => []);
  for (const { at, pod, block } of changes) {
    newest[pod] = block;
    // Now, not ever: blocks that did not get to L1 are taken back.
    const ahead = Math.max(...newest);
    newest.forEach((own, i) => own !== null && mark(spans[i], at, levelOf(ahead - own), end));
  }
  return spans;
}

const levelOf = (behind) => (behind <= 2 ? 0 : behind <= 5 ? 1 : behind <= 12 ? 2 : 3);

function mark(spans, at, level, end) {
  const last = spans.at(-1);
  if (last?.level === level) return;
  if (last) last.to = at;
  if (last && spans.length > 1 && at - last.from < PASSING) spans.pop();
  const before = spans.at(-1);
  if (before?.level === level) before.to = end;
  else spans.push({ from: before?.to ?? at, to: end, level });
}
