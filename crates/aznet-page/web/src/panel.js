/** Space for labels left of every plot, so that all have one time axis. */
const gutter = () => (innerWidth < 640 ? 76 : 150);
const RIGHT = 10;

/** Panels that are on the page; items that links go to. */
const shown = { panels: [], items: new Map() };

/**
 * A panel: a heading with the key of its colours, and a chart.
 */
function panel(root, { title, note, keys = [], ...rest }) {
  const box = root.appendChild(element("div", "panel"));
  const head = box.appendChild(element("div", "head"));
  head.append(element("h3", "", title), ...keys, element("span", "note", note));
  return chartIn(box, { name: `${title}: ${note}`, ...rest });
}

/**
 * A chart in a box, whose time axis is that of all others.
 *
 * `draw` paints on the chart; `hit(time, y)` tells what is there: `{ title, lines }`; `refresh` brings its data up to the
 * view.
 */
function chartIn(box, { name, height, labels = [], series = [], bands, axis, draw, hit, refresh, marks }) {
  const plot = box.appendChild(element("div", "plot", undefined, { ariaLabel: name }));
  plot.setAttribute("role", "img");
  for (const { text, top, tall, act } of labels) {
    const label = element(act ? "button" : "span", "label", text, { title: text });
    if (act) Object.assign(label, { type: "button", tabIndex: -1, onclick: act });
    Object.assign(label.style, { top: `${top}px`, height: `${tall}px`, lineHeight: `${tall}px` });
    plot.append(label);
  }
  const size = () => ({ width: plot.clientWidth, height });
  const chart = new uPlot(options({ ...size(), series, bands, axis, draw, marks }), blank(series.length), plot);
  const made = { box, chart, hit, resize: () => chart.setSize(size()) };
  made.update = () => {
    if (refresh) refresh(chart);
    chart.setScale("x", { min: view.from, max: view.to });
  };
  listenToTips(chart, made);
  listenToPointers(chart.over, (x) => chart.posToVal(x - chart.over.getBoundingClientRect().left, "x"));
  shown.panels.push(made);
  return made;
}

const blank = (count) => [[view.from, view.to], ...Array.from({ length: count }, () => [null, null])];

function options({ width, height, series, bands, axis, draw, marks }) {
  const grid = { stroke: () => colours.line, width: 1 };
  const hidden = { show: true, size: 0, grid, ticks: { show: false }, values: (_, splits) => splits.map(() => "") };
  return {
    width,
    height,
    ms: 1,
    // Numbers at the ends of the axis are not cut off.
    padding: axis?.y ? [7, RIGHT, 7, 0] : [0, RIGHT, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      sync: { key: "time", setSeries: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      bind: {
        dblclick: () => () => view.all(),
        mousedown: (_, __, act) => (event) => event.shiftKey || act(event),
      },
    },
    scales: { x: { time: true, auto: false, min: view.from, max: view.to }, y: { auto: false, min: 0, max: 1 } },
    axes: [axis?.x ?? hidden, { size: gutter, show: true, stroke: () => colours.muted, ...(axis?.y ?? bare) }],
    series: [{}, ...series],
    bands,
    hooks: {
      drawClear: [(chart) => background(chart, marks)],
      draw: [(chart) => draw?.(chart), (chart) => foreground(chart, marks), sayRange],
      setSelect: [select],
    },
  };
}

/** What was drawn, for who measures. */
function sayRange({ root, scales }) {
  const { min, max } = scales.x;
  Object.assign(root.dataset, { from: Math.round(min), to: Math.round(max) });
}

const bare = { grid: { show: false }, ticks: { show: false }, values: () => [] };

/** What was drawn over becomes what is shown. */
function select(chart) {
  const { left, width } = chart.select;
  if (width < 4) return;
  view.set(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
}

/** Paints inside the plot, with the place of a moment. */
function inPlot({ ctx, bbox }, paintWith) {
  const scale = bbox.width / (view.to - view.from);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  paintWith(ctx, (time) => bbox.left + (time - view.from) * scale);
  ctx.restore();
}

function background(chart, marks) {
  inPlot(chart, (ctx, x) => {
    const { top, height } = chart.bbox;
    for (const [shade, epoch] of (marks?.epochs ?? []).entries()) {
      if (epoch.to < view.from || epoch.from > view.to || shade % 2) continue;
      ctx.fillStyle = colours.panel;
      ctx.fillRect(x(epoch.from), top, x(epoch.to) - x(epoch.from), height);
    }
    ctx.globalAlpha = 0.1;
    ctx.fillStyle = colours.bites;
    for (const { from, to } of marks?.bites ?? []) ctx.fillRect(x(from), top, Math.max(x(to) - x(from), 1), height);
  });
}

function foreground(chart, marks) {
  inPlot(chart, (ctx, x) => {
    const { top, height } = chart.bbox;
    ctx.fillStyle = colours.violation;
    for (const { at } of marks?.violations ?? []) ctx.fillRect(x(at) - devicePixelRatio / 2, top, devicePixelRatio, height);
  });
}

function listenToTips(chart, made) {
  const show = (event) => {
    const { left, top } = chart.over.getBoundingClientRect();
    const found = made.hit?.(chart.posToVal(event.clientX - left, "x"), event.clientY - top);
    if (found) tip.show(event.clientX, event.clientY, found);
    else tip.hide();
  };
  chart.over.addEventListener("mousemove", show);
  chart.over.addEventListener("click", show);
  chart.over.addEventListener("mouseleave", () => tip.hide());
}
