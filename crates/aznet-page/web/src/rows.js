/** The whole run, for moments in words. */
let run;
const moment = (time) => `${clockTime(time)} (+${duration(Math.max(0, time - run.start))})`;
const span = ({ from, to }) => `${clockTime(from)} – ${clockTime(to)}, ${duration(to - from)}`;

function testsPanel(root, marks) {
  const items = run.tests.flatMap(({ name, attempts }, nth) =>
    attempts.map(({ from, to, verdict, message }, attempt) => ({
      from,
      to,
      look: verdict,
      text: [name, name.split("::").at(-1)],
      id: attempt === attempts.length - 1 ? `test-${nth}` : null,
      tip: () => ({
        title: name,
        lines: [
          [verdict, verdict === "open" ? "not ended" : verdict],
          span({ from, to }),
          attempts.length > 1 ? `attempt ${attempt + 1} of ${attempts.length}` : null,
          message ? message.split("\n")[0] : null,
        ],
      }),
    })),
  );
  if (!items.length) return;
  items.sort((a, b) => a.from - b.from);
  const rows = packed(items).map((row, i) => ({ label: i ? "" : "tests", tall: 20, items: row }));
  const looks = ["passed", "flaky", "leaky", "failed", "error", "skipped", "open"].filter((look) => items.some((item) => item.look === look));
  lanes(root, { title: "Tests", note: plural(run.tests.length, "test"), keys: looks.map((look) => keyOf(look)), rows, marks });
}

function violationsPanel(root, network, marks) {
  const items = network.violations.map(({ at, invariant, seen, slot }, i) => ({
    from: at,
    to: at,
    mark: "violation",
    id: `${network.place}-violation-${i}`,
    tip: () => ({ title: invariant, lines: [seen, moment(at) + (slot === null ? "" : `, slot ${slot}`)] }),
  }));
  if (!items.length) return;
  lanes(root, { title: "Violations", note: "what must never be so", rows: [{ label: "violations", tall: 14, items }], marks });
}

function faultsPanel(root, network, marks) {
  const rows = new Map();
  network.faults.forEach((fault, i) => {
    const { name, about, asked, measured, states, to } = fault;
    const bit = states.some(({ state }) => state === "bites");
    const effect = bit ? "effect seen" : states.some(({ state }) => state === "does-not-bite") ? "did not bite" : "effect not looked for";
    const inForce = states.filter(({ state }) => state !== "healed");
    const parts = inForce.map(({ at, state }, nth) => ({
      from: at,
      to: inForce[nth + 1]?.at ?? to,
      look: state,
      // The longest part has room for words.
      text: state === "bites" ? [`asked ${asked} · measured ${measured ?? "–"}`, measured ?? asked] : state === "does-not-bite" ? [`did not bite: asked ${asked} · measured ${measured ?? "–"}`, "did not bite"] : [],
    }));
    const item = {
      from: states[0].at,
      to,
      parts,
      id: `${network.place}-fault-${i}`,
      tip: () => ({
        title: name,
        lines: [about, [bit ? "bites" : "failed", effect], `asked ${asked}`, `measured ${measured ?? "nothing"}`, span({ from: states[0].at, to }), states.at(-1).state === "healed" ? null : "not seen healed"],
      }),
    };
    if (!rows.has(name)) rows.set(name, { label: name, tall: 18, items: [] });
    rows.get(name).items.push(item);
  });
  if (!rows.size) return;
  const keys = [["injected", "asked for"], ["bites", "bites"], ["does-not-bite", "does not bite"]].map(([look, words]) => keyOf(look, words));
  lanes(root, { title: "Faults", note: plural(network.faults.length, "fault"), keys, rows: [...rows.values()], marks });
}

function slotsPanel(root, network, marks) {
  if (!network.slots.length) return;
  const items = network.slots.map(({ number, epoch, from, to, outcome, proposer }) => ({
    from,
    to,
    look: `slot-${outcome}`,
    text: outcome === "missed" ? [`missed ${number}`, `${number}`] : null,
    id: `${network.place}-slot-${number}`,
    tip: () => ({
      title: `slot ${number}, epoch ${epoch}`,
      lines: [
        [outcome === "checkpointed" ? "calm" : outcome === "missed" ? "missed" : "flaky", outcome === "proposed" ? "proposed, not on L1" : outcome],
        `proposer ${proposer?.[1] ?? ""} ${proposer?.[0] ?? "not known"}`.replace("  ", " "),
        span({ from, to }),
      ],
    }),
  }));
  // Drawn last: one that was missed is not hidden by its neighbours, however small they all are.
  const order = ["slot-checkpointed", "slot-proposed", "slot-missed"];
  items.sort((a, b) => order.indexOf(a.look) - order.indexOf(b.look));
  const missed = items.filter(({ look }) => look === "slot-missed").length;
  lanes(root, {
    title: "Slots",
    note: `${missed} of ${items.length} missed`,
    keys: [keyOf("calm", "checkpointed"), keyOf("flaky", "proposed only"), keyOf("missed", "missed")],
    rows: [{ label: "slots", tall: 26, items }],
    marks,
  });
}

function nodesPanel(root, network, marks, act) {
  const pods = network.pods.filter(({ tips, silent, restarts }) => tips.at.length || silent.length || restarts.length);
  if (!pods.length) return;
  const levels = lags(network, run.end);
  const rows = pods.map((pod) => {
    const { name, silent, restarts } = pod;
    const tell = (time) => podAt(pod, time);
    return {
      label: name,
      tall: pods.length > 16 ? 11 : 15,
      tip: tell,
      items: [
        ...levels[network.pods.indexOf(pod)].map(({ from, to, level }) => ({ from, to, look: `lag${level}`, tip: tell })),
        ...silent.map(({ from, to, why }) => ({ from, to, look: "silent", tip: () => ({ title: name, lines: [["failed", "silent"], why, span({ from, to })] }) })),
        ...restarts.map(({ at, count, why }) => ({ from: at, to: at, mark: "restart", tip: () => ({ title: name, lines: [`${plural(count, "restart")} until now`, why, moment(at)] }) })),
      ],
    };
  });
  const keys = [keyOf("calm", "up to date"), keyOf("lag1", "> 2"), keyOf("lag2", "> 5"), keyOf("lag3", "> 12 blocks behind"), keyOf("silent"), keyOf("restart", "restart")];
  lanes(root, { title: "Nodes", note: plural(pods.length, "pod"), keys, rows, gap: 2, marks, act: (row) => act(row.label) });
}

function podAt({ name, tips }, time) {
  const place = lastBefore(tips.at, time);
  if (place < 0) return { title: name, lines: [moment(time), "no tips seen yet"] };
  return {
    title: name,
    lines: [moment(time), ...STAGES.map((stage, tip) => [stage, `${stage} ${tips.blocks[tip][place]}`]), `slot ${tips.slot[place]}`],
  };
}

function transfersPanel(root, network, marks) {
  const { transfers, transferCount } = network;
  if (!transfers.length) return;
  const rows = [...new Set(transfers.map(({ kind }) => kind))].sort().flatMap((kind) => {
    const together = packed(transfers.filter((one) => one.kind === kind).map(transferItem));
    return together.map((items, i) => ({ label: i ? "" : kind, items, labelTall: 14 }));
  });
  const tall = rows.length > 150 ? 1.5 : rows.length > 60 ? 3 : rows.length > 16 ? 6 : 12;
  for (const row of rows) row.tall = tall;
  const stuck = transfers.filter(({ took }) => took.every((one) => one === null)).length;
  const drawn = transfers.length < transferCount ? `${transfers.length} of ${plural(transferCount, "transfer")} drawn` : plural(transferCount, "transfer");
  lanes(root, {
    title: "Transfers",
    note: drawn + (stuck ? `, ${stuck} never in a block` : ""),
    keys: [...STAGES.map((stage) => keyOf(stage, `until ${stage}`)), keyOf("stuck", "never in a block")],
    rows,
    gap: tall > 3 ? 2 : 0.5,
    marks,
  });
}

function transferItem({ id, kind, sent, took }) {
  const parts = [];
  let from = sent;
  took.forEach((millis, stage) => {
    if (millis === null) return;
    parts.push({ from, to: sent + millis, look: STAGES[stage] });
    from = sent + millis;
  });
  if (!parts.length) parts.push({ from: sent, to: run.end, look: "stuck" });
  const reached = took.map((millis, stage) => millis !== null && [STAGES[stage], `${STAGES[stage]} after ${duration(millis)}`]);
  const lines = [`sent ${moment(sent)}`, ...reached, took.every((one) => one === null) ? "never in a block" : null];
  return { from: sent, to: parts.at(-1).to, parts, tip: () => ({ title: `${kind} transfer ${id}`, lines }) };
}
