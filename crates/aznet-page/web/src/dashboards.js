/** Numbers to three digits, whole ones in full; src/dashboards/units.rs does the same for those that stand alone. */
function digits(value) {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.min(Math.max(2 - Math.floor(Math.log10(Math.abs(value))), 0), 9));
}

/** Values that are shown, those of what is stacked on top of each other. */
function columnsOf({ series, stacked }, isShown) {
  const sums = [];
  return series.map(({ values }, i) => {
    if (!stacked || !isShown(i)) return values;
    return values.map((value, at) => (value === null ? null : (sums[at] = (sums[at] ?? 0) + value)));
  });
}

/** From the least to the greatest value that is seen, unless the panel says where its axis begins and ends. */
function rangeOf(columns, times, { min, max }) {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns) {
    column.forEach((value, i) => {
      if (value === null || times[i] < view.from || times[i] > view.to) return;
      [low, high] = [Math.min(low, value), Math.max(high, value)];
    });
  }
  if (high < low) [low, high] = [0, 1];
  const room = (high - (min ?? low)) * 0.06 || Math.abs(high) * 0.1 || 1;
  return { min: min ?? low - room, max: max ?? high + room };
}

/** As many decimals as a step of an axis has: 2 for 0.25. */
function decimalsOf(step) {
  const isWhole = (number) => Math.abs(number - Math.round(number)) < 1e-6;
  return [0, 1, 2, 3, 4, 5, 6, 7, 8].find((count) => isWhole(step * 10 ** count)) ?? 9;
}

/** The axis of values. */
function valueAxis({ suffix }) {
  return {
    size: 78,
    font: "11px system-ui, sans-serif",
    grid: { stroke: () => colours.line, width: 1 },
    ticks: { show: false },
    values: (_, all, __, ___, step) => all.map((value) => (value ? value.toFixed(decimalsOf(step)) + suffix : "0")),
  };
}

const colourOf = (place) => `group${place % GROUPS}`;
/** Lines of a tooltip. */
const TOLD = 14;

function drawPanel(data, times) {
  const { id, spark, fill, stacked, series, suffix } = data;
  const box = document.getElementById(id);
  const isShown = (i) => made.chart.series[i + 1].show;
  const made = chartIn(box, {
    name: box.querySelector("h3").textContent,
    height: spark ? 44 : 200,
    series: series.map((_, i) => ({
      stroke: () => colours[colourOf(i)],
      fill: () => fill && colours[colourOf(i)] + Math.round(fill * 2.55).toString(16).padStart(2, "0"),
      width: series.length > 12 ? 1 : 1.5,
      points: { show: false },
    })),
    bands: stacked ? series.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })) : undefined,
    axis: spark ? { x: { show: false }, y: { ...bare, size: 0 } } : { x: TIME_AXIS, y: valueAxis(data) },
    refresh: (chart) => {
      const columns = columnsOf(data, isShown);
      chart.batch(() => {
        chart.setData([times, ...columns], false);
        chart.setScale("y", rangeOf(columns.filter((_, i) => isShown(i)), times, data));
      });
    },
    hit: (time) => told(series, times, time, isShown, suffix),
  });
  if (spark) return;
  const keys = series.map(({ name }, i) =>
    toggle(colourOf(i), name, true, (on) => {
      made.chart.setSeries(i + 1, { show: on });
      made.update();
    }),
  );
  const legend = box.appendChild(element("div", "head keys"));
  legend.append(...keys);
}

/** What the series are at a moment, the greatest first. */
function told(series, times, time, isShown, suffix) {
  const at = Math.round((time - times[0]) / (times[1] - times[0]));
  const seen = series.map(({ name, values }, i) => ({ i, name, value: values[at] ?? null }));
  const most = seen.filter(({ i, value }) => value !== null && isShown(i)).sort((a, b) => b.value - a.value);
  const lines = most.slice(0, TOLD).map(({ i, name, value }) => [colourOf(i), `${name} ${digits(value)}${suffix}`]);
  const more = most.length > TOLD ? `and ${most.length - TOLD} more` : null;
  return { title: `${clockTime(times[at] ?? time)} UTC`, lines: [...lines, more] };
}

function start() {
  const { from, step, count, panels } = JSON.parse(document.getElementById("data").textContent);
  const times = Array.from({ length: count }, (_, i) => from + i * step);
  view.begin(from, times.at(-1));
  readColours();
  const root = document.querySelector("main");
  const bar = root.querySelector(".bar");
  const tools = bar.appendChild(element("div", "tools"));
  tools.append(...zoomButtons("time"));
  for (const one of panels) drawPanel(one, times);
  root.append(element("p", "help", help("time")));
  view.listeners = [() => shown.panels.forEach((one) => one.update())];
  follow(root);
  view.flush();
}

start();
