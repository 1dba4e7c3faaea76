/** How each kind of item is drawn: filled or hatched, how much of its row it leaves free, and its least width. */
const LOOKS = {
  passed: { fill: "passed" },
  failed: { fill: "failed" },
  error: { fill: "error" },
  flaky: { fill: "flaky" },
  leaky: { fill: "leaky" },
  skipped: { fill: "skipped" },
  open: { hatch: "open", edge: "open" },
  "slot-checkpointed": { fill: "calm", inset: 0.3 },
  "slot-proposed": { fill: "flaky", inset: 0.15, least: 2 },
  "slot-missed": { fill: "missed", least: 3 },
  injected: { hatch: "bites", edge: "bites", least: 2 },
  bites: { fill: "bites", least: 3 },
  "does-not-bite": { hatch: "failed", edge: "failed", dash: true, least: 3 },
  silent: { hatch: "failed", edge: "failed", inset: 0.1, least: 2 },
  lag0: { fill: "calm", inset: 0.36 },
  lag1: { fill: "lag1", inset: 0.26 },
  lag2: { fill: "lag2", inset: 0.16 },
  lag3: { fill: "lag3", inset: 0.06 },
  stuck: { fill: "failed", inset: 0.38 },
};
for (const stage of STAGES) LOOKS[stage] = { fill: stage };

/**
 * A panel of rows with items on them. A row is `{ label, tall, items, tip }`, an item
 * `{ from, to, look, text, tip, id, parts }`; what is later in `items` is drawn over what is earlier.
 */
function lanes(root, { rows, gap = 3, act, ...rest }) {
  let height = gap;
  for (const row of rows) {
    row.top = height;
    height += row.tall + gap;
  }
  const labels = rows.filter((row) => row.label);
  const made = panel(root, {
    ...rest,
    height: Math.ceil(height),
    labels: labels.map((row) => ({
      text: row.label,
      top: row.top,
      tall: row.labelTall ?? row.tall,
      act: act && (() => act(row)),
    })),
    draw: (chart) => inPlot(chart, (ctx, x) => rows.forEach((row) => paintRow(ctx, x, row, chart.bbox.top))),
    hit: (time, y) => hitRows(rows, time, y, made.chart.over.clientWidth),
  });
  for (const row of rows) {
    for (const item of row.items) if (item.id) shown.items.set(item.id, { panel: made, row, item });
  }
  return made;
}

function paintRow(ctx, x, row, top) {
  const ratio = devicePixelRatio;
  for (const item of row.items) {
    if (item.to < view.from || item.from > view.to) continue;
    if (item.mark) paintMark(ctx, x(item.from), top + row.top * ratio, row.tall * ratio, colours[item.mark]);
    else if (item.parts) item.parts.forEach((part) => paintItem(ctx, x, { ...item, ...part }, row, top));
    else paintItem(ctx, x, item, row, top);
  }
}

function paintItem(ctx, x, { from, to, look, text }, row, top) {
  const ratio = devicePixelRatio;
  const { fill, hatch: lines, edge, inset = 0, least = 1, dash } = LOOKS[look];
  const free = inset * row.tall;
  const [y, tall] = [top + (row.top + free) * ratio, Math.max((row.tall - 2 * free) * ratio, 1)];
  // What begins or ends elsewhere has no end here, and its label is where it can be read.
  const left = Math.max(x(from), x(view.from));
  const right = Math.min(x(to), x(view.to));
  // A hair between neighbours, where there is room for one.
  const wide = Math.max(right - left > 4 * ratio ? right - left - ratio / 2 : right - left, least * ratio);
  // Nothing shines through between the lines.
  for (const ink of lines ? [colours.ground, hatch(lines)] : [colours[fill]]) {
    ctx.fillStyle = ink;
    ctx.fillRect(left, y, wide, tall);
  }
  if (edge && wide > 2 * ratio) {
    ctx.strokeStyle = colours[edge];
    ctx.lineWidth = ratio;
    ctx.setLineDash(dash ? [4 * ratio, 3 * ratio] : []);
    ctx.strokeRect(left + ratio / 2, y + ratio / 2, wide - ratio, tall - ratio);
    ctx.setLineDash([]);
  }
  if (text) paintText(ctx, text, left, y, wide, tall, lines);
}

/** A label where it fits; what is hatched gets a ground to be read on. */
function paintText(ctx, text, left, y, wide, tall, onLines) {
  const ratio = devicePixelRatio;
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  const room = wide - 10 * ratio;
  const fitting = [text].flat().find((words) => ctx.measureText(words).width <= room);
  if (!fitting) return;
  const start = left + 5 * ratio;
  if (onLines) {
    ctx.fillStyle = colours.ground;
    ctx.fillRect(start - 3 * ratio, y + 2 * ratio, ctx.measureText(fitting).width + 6 * ratio, tall - 4 * ratio);
  }
  ctx.fillStyle = onLines ? colours.text : colours.ground;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillText(fitting, start, y + tall / 2 + ratio / 2);
}

/** A triangle on its point, with a hem that keeps it apart from what is below. */
function paintMark(ctx, x, y, tall, colour) {
  const half = Math.min(tall, 12 * devicePixelRatio) / 2;
  const middle = y + tall / 2;
  ctx.beginPath();
  ctx.moveTo(x - half, middle - half);
  ctx.lineTo(x + half, middle - half);
  ctx.lineTo(x, middle + half);
  ctx.closePath();
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.strokeStyle = colours.ground;
  ctx.stroke();
  ctx.fillStyle = colour;
  ctx.fill();
}

/** What is at a moment on a row: the topmost item there, or within some pixels, or what the row itself has to tell. */
function hitRows(rows, time, y, width) {
  const row = rows.find(({ top, tall }) => y >= top - 2 && y <= top + tall + 2);
  if (!row) return null;
  const pixel = (view.to - view.from) / width;
  for (const reach of [1, 5]) {
    for (let i = row.items.length - 1; i >= 0; i--) {
      const item = row.items[i];
      const wide = item.mark ? 6 : reach;
      if (item.tip && item.from - wide * pixel <= time && time <= item.to + wide * pixel) return item.tip(time);
    }
  }
  return row.tip?.(time) ?? null;
}

/** Puts items that would overlap on rows of their own; items in the order of their beginning. */
function packed(items) {
  const rows = [];
  for (const item of items) {
    const free = rows.find((row) => row.at(-1).to <= item.from);
    if (free) free.push(item);
    else rows.push([item]);
  }
  return rows;
}
