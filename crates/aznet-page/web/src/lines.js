/** As many values of a line as a plot has columns; those before the line begins and in its gaps are null. */
function sampled({ at, values, gaps = [], peak, stale = Infinity }, edges) {
  const column = new Array(edges.length).fill(null);
  let [next, gap, last] = [lastBefore(at, edges[0]) + 1, 0, null];
  if (next > 0) last = values[next - 1];
  for (let i = 0; i < edges.length; i++) {
    let value = last;
    for (let first = true; next < at.length && at[next] <= edges[i]; next++, first = false) {
      last = values[next];
      value = peak && !first ? Math.max(value, last) : last;
    }
    while (gap < gaps.length && gaps[gap].to <= edges[i]) gap++;
    const silent = gap < gaps.length && gaps[gap].from <= edges[i];
    const old = next > 0 && edges[i] - at[next - 1] > stale;
    column[i] = silent || old || edges[i] > run.end ? null : value;
  }
  return column;
}

/** The moments that the columns of a plot stand for. */
function edgesOf(chart) {
  const count = Math.max(2, Math.min(Math.round(chart.over.clientWidth || chart.width), 1600));
  return Array.from({ length: count }, (_, i) => view.from + ((view.to - view.from) * i) / (count - 1));
}

/** Brings the lines of a chart up to the view, and its other axis to what is seen of them. */
function showLines(chart, lines, fromZero) {
  const edges = edgesOf(chart);
  const columns = lines.map((line) => sampled(line, edges));
  let [low, high] = [fromZero ? 0 : Infinity, -Infinity];
  columns.forEach((column, i) => {
    if (!chart.series[i + 1].show) return;
    for (const value of column) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  });
  if (high < low) [low, high] = [0, 1];
  const room = Math.max((high - low) * 0.06, fromZero ? high * 0.02 : 0.6) || 1;
  chart.batch(() => {
    chart.setData([edges, ...columns], false);
    chart.setScale("y", { min: fromZero ? 0 : low - room, max: high + room });
    chart.setScale("x", { min: view.from, max: view.to });
  });
}

/** The chain: the blocks of every node's tips by time. */
function chainPanel(root, network, marks, chosen) {
  const pods = network.pods.filter(({ tips }) => tips.at.length);
  const lines = pods.flatMap((pod) =>
    STAGES.map((stage, tip) => ({ pod, stage, at: pod.tips.at, values: pod.tips.blocks[tip], gaps: pod.silent })),
  );
  if (!lines.length) return;
  const stepped = uPlot.paths.stepped({ align: 1 });
  const many = pods.length > 8;
  const series = lines.map(({ pod, stage }) => ({
    stroke: () => colours[stage],
    show: !state.hidden.has(stage),
    width: chosen === pod.name ? 2.2 : many ? 1 : 1.6,
    alpha: !chosen ? (many ? 0.6 : 0.9) : chosen === pod.name ? 1 : 0.13,
    paths: stepped,
    points: { show: false },
  }));
  const keys = STAGES.map((stage) => toggle(stage, stage, !state.hidden.has(stage), (on) => {
    state.hidden[on ? "delete" : "add"](stage);
    made.chart.batch(() => lines.forEach((line, i) => line.stage === stage && made.chart.setSeries(i + 1, { show: on })));
    made.update();
  }));
  const made = panel(root, {
    title: "Chain",
    note: chosen ? `block numbers; ${chosen} stands out` : `block numbers of ${plural(pods.length, "node")}`,
    keys,
    height: innerWidth < 640 ? 200 : 260,
    series,
    marks,
    axis: { y: { grid: { stroke: () => colours.line, width: 1 }, ticks: { show: false }, values: (_, all) => all.map((value) => (Number.isInteger(value) ? value : "")) } },
    refresh: (chart) => showLines(chart, lines),
    hit: (time) => chainAt(pods, time, chosen),
  });
}

/** The tips of all nodes at a moment; who is behind is named. */
function chainAt(pods, time, chosen) {
  const answering = pods.filter((pod) => (!chosen || pod.name === chosen) && pod.tips.at[0] <= time && !isSilent(pod, time));
  const lines = STAGES.map((stage, tip) => {
    const found = answering.map((pod) => ({ name: pod.name, block: pod.tips.blocks[tip][lastBefore(pod.tips.at, time)] }));
    const blocks = found.map(({ block }) => block);
    const [low, high] = [Math.min(...blocks), Math.max(...blocks)];
    if (!found.length) return null;
    const behind = found.filter(({ block }) => block < high).map(({ name, block }) => `${name} ${block}`);
    const words = low === high ? `${high}` : `${high}; behind: ${some(behind, 3)}`;
    return [stage, `${stage} ${words}`];
  });
  const silent = pods.filter((pod) => isSilent(pod, time)).map(({ name }) => name);
  return { title: moment(time), lines: [...lines, silent.length ? `silent: ${some(silent, 3)}` : null] };
}

const isSilent = (pod, time) => pod.silent.some(({ from, to }) => from <= time && time < to);
const some = (words, count) => words.slice(0, count).join(", ") + (words.length > count ? ` and ${words.length - count} more` : "");

/** What pods use, coloured by what they are. */
function usagePanel(root, network, marks, chosen, { title, of, column, unit, show }) {
  const pods = network.pods.filter((pod) => pod[of].at.length);
  if (!pods.length) return;
  const groups = [...new Set(pods.map(({ name }) => groupOf(name)))];
  const colour = (pod) => `group${groups.indexOf(groupOf(pod.name)) % GROUPS}`;
  const lines = pods.map((pod) => {
    const { at } = pod[of];
    const beat = at.length > 1 ? (at.at(-1) - at[0]) / (at.length - 1) : Infinity;
    return { at, values: pod[of][column].map(show), peak: true, stale: 6 * beat };
  });
  panel(root, {
    title,
    note: `${unit}, ${plural(pods.length, "pod")}`,
    keys: groups.map((group, i) => keyOf(`group${i % GROUPS}`, group)),
    height: innerWidth < 640 ? 120 : 140,
    series: pods.map((pod) => ({
      stroke: () => colours[colour(pod)],
      width: chosen === pod.name ? 2.2 : pods.length > 12 ? 1 : 1.4,
      alpha: chosen && chosen !== pod.name ? 0.15 : pods.length > 12 ? 0.65 : 0.9,
      points: { show: false },
    })),
    marks,
    axis: { y: { grid: { stroke: () => colours.line, width: 1 }, ticks: { show: false } } },
    refresh: (chart) => showLines(chart, lines, true),
    hit: (time) => {
      const used = pods.map((pod, i) => ({ pod, value: lines[i].values[lastBefore(lines[i].at, time)] }));
      const most = used.filter(({ value }) => value !== undefined).sort((a, b) => b.value - a.value);
      const words = most.slice(0, 6).map(({ pod, value }) => [colour(pod), `${pod.name} ${value.toFixed(2)} ${unit}`]);
      const sum = most.reduce((all, { value }) => all + value, 0);
      return { title: moment(time), lines: [...words, most.length > 6 ? `and ${most.length - 6} more` : null, `all ${sum.toFixed(2)} ${unit}`] };
    },
  });
}

const groupOf = (name) => name.replace(/-\d+$/, "");

function keyOf(name, text = name) {
  const made = element("span", "keyed", text);
  made.prepend(element("i", `key ${name}`));
  return made;
}
