/** Every how many slots one is named, at least this many pixels apart. */
const APART = 64;

/** What the reader chose: a network, a node that stands out, tips that are hidden. */
const state = { network: 0, node: "", hidden: new Set() };

function start() {
  run = readRun();
  const root = document.getElementById("timeline");
  const rest = Math.max(run.duration, SHORTEST) * 0.01;
  view.begin(run.start - rest, Math.max(run.end, run.start + SHORTEST) + rest);
  build(root);
  addEventListener("hashchange", goThere);
  addEventListener("load", goThere);
  follow(root);
}

/** All panels of the network that is chosen. */
function build(root) {
  for (const { chart } of shown.panels) chart.destroy();
  Object.assign(shown, { panels: [], items: new Map() });
  readColours();
  const network = run.networks[state.network];
  const marks = network && {
    epochs: epochsOf(network),
    violations: network.violations,
    bites: network.faults.flatMap(({ states, to }) => states.map(({ at, state: how }, i) => ({ from: at, to: states[i + 1]?.at ?? to, how })).filter(({ how }) => how === "bites")),
  };
  const strip = overview(run, network);
  const bar = element("div", "bar");
  bar.append(tools(root, network), strip.canvas);
  root.replaceChildren(element("h2", "", "Timeline"), bar);
  ruler(bar, network, marks);
  testsPanel(root, marks);
  if (network) networkPanels(root, network, marks);
  root.append(element("p", "help", help("run")));
  view.listeners = [() => shown.panels.forEach((one) => one.update()), strip.draw];
  view.flush();
}

function networkPanels(root, network, marks) {
  violationsPanel(root, network, marks);
  faultsPanel(root, network, marks);
  slotsPanel(root, network, marks);
  chainPanel(root, network, marks, state.node);
  nodesPanel(root, network, marks, (name) => choose(root, name));
  transfersPanel(root, network, marks);
  usagePanel(root, network, marks, state.node, { title: "CPU", of: "usage", column: "cpu", unit: "cores", show: (value) => value / 1000 });
  usagePanel(root, network, marks, state.node, { title: "Memory", of: "usage", column: "memory", unit: "GiB", show: (value) => value / 1024 });
  usagePanel(root, network, marks, state.node, { title: "Disk", of: "disk", column: "disk", unit: "MiB", show: (value) => value / 1024 });
}

/** Lets a node stand out, or none. */
function choose(root, name) {
  state.node = state.node === name ? "" : name;
  const { scrollY } = window;
  build(root);
  scrollTo(0, scrollY);
}

function tools(root, network) {
  const bar = element("div", "tools");
  bar.append(...zoomButtons("run"));
  if (run.networks.length > 1) {
    const names = run.networks.map(({ name }, i) => [i, name]);
    bar.append(picker("network", names, state.network, (value) => {
      Object.assign(state, { network: Number(value), node: "" });
      build(root);
    }));
  }
  const nodes = network?.pods.filter(({ tips }) => tips.at.length) ?? [];
  if (nodes.length > 1) {
    const names = [["", "all"], ...nodes.map(({ name }) => [name, name])];
    bar.append(picker("node", names, state.node, (value) => choose(root, value)));
  }
  return bar;
}

function picker(label, choices, chosen, act) {
  const box = element("label", "", `${label} `);
  const list = element("select");
  for (const [value, text] of choices) list.append(new Option(text, value, false, value === chosen));
  list.onchange = () => act(list.value);
  box.append(list);
  return box;
}

/** The time axis, with epochs and slots above the hours. */
function ruler(root, network, marks) {
  const made = panel(root, {
    title: "Time",
    note: "UTC",
    height: 44,
    axis: { x: TIME_AXIS },
    labels: network ? [{ text: "epoch · slot", top: 3, tall: 16 }] : [],
    marks: marks && { ...marks, bites: [] },
    draw: (chart) => network && inPlot(chart, (ctx, place) => drawRuler(ctx, place, chart, network, marks)),
  });
  made.box.classList.add("ruler");
}

function drawRuler(ctx, place, { bbox }, network, { epochs }) {
  const ratio = devicePixelRatio;
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const middle = bbox.top + bbox.height / 2;
  const write = (text, x, colour) => {
    ctx.fillStyle = colours[colour];
    ctx.fillText(text, x, middle);
    return x + ctx.measureText(text).width;
  };
  let free = -Infinity;
  for (const { number, from, to } of epochs) {
    if (to < view.from || from > view.to) continue;
    const left = Math.max(place(from), bbox.left);
    ctx.fillStyle = colours.line;
    ctx.fillRect(place(from), bbox.top, ratio, bbox.height);
    if (left > free) free = write(`e${number}`, left + 4 * ratio, "text") + 12 * ratio;
  }
  const { slots } = network;
  const [a, b] = [slots.findIndex(({ to }) => to >= view.from), slots.findLastIndex(({ from }) => from <= view.to)];
  if (a < 0 || b <= a) return;
  const wide = (place(slots[b].to) - place(slots[a].from)) / (b - a + 1);
  const every = [1, 2, 4, 8, 16, 32, 64].find((count) => count * wide >= APART * ratio);
  if (!every || every > 8) return;
  for (const { number, from, epoch } of slots.slice(a, b + 1)) {
    const first = epochs.find((one) => one.number === epoch).from;
    const x = place(from);
    if (number % every || x - Math.max(place(first), bbox.left) < 34 * ratio) continue;
    ctx.fillStyle = colours.line;
    ctx.fillRect(x, bbox.top + bbox.height / 2, ratio, bbox.height / 2);
    write(`${number}`, x + 3 * ratio, "muted");
  }
}

/** Shows what a link names, with what the tooltip has to say of it. */
function goThere() {
  const id = location.hash.slice(1);
  const network = Number(id.split("-")[0]);
  if (id && !id.startsWith("test-") && network !== state.network && run.networks[network]) {
    Object.assign(state, { network, node: "" });
    build(document.getElementById("timeline"));
  }
  const found = shown.items.get(id);
  if (!found) return;
  const { panel: on, row, item } = found;
  const width = Math.max((item.to - item.from) * 3, 60000);
  const middle = (item.from + item.to) / 2;
  view.set(middle - width / 2, middle + width / 2);
  view.flush();
  on.box.scrollIntoView({ block: "center" });
  const { left, top } = on.chart.over.getBoundingClientRect();
  const x = left + ((middle - view.from) / (view.to - view.from)) * on.chart.over.clientWidth;
  tip.show(x, top + row.top + row.tall, item.tip(middle));
}

start();
