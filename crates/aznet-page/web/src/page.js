/** What every page does: it follows the window, the theme and the printer, and lets the reader zoom. */
function follow(root) {
  root.tabIndex = 0;
  listenToKeys(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  addEventListener("beforeprint", forPaper);
  addEventListener("afterprint", repaint);
  let width = root.clientWidth;
  new ResizeObserver(() => {
    // Heights change as panels are added; only a new width matters.
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    for (const one of shown.panels) one.resize();
    view.flush();
  }).observe(root);
  // Charts are drawn in microtasks, which are done by then. For who measures.
  addEventListener("load", () => (document.documentElement.dataset.drawn = String(Math.round(performance.now()))));
}

function repaint() {
  document.documentElement.classList.remove("print");
  readColours();
  for (const { chart } of shown.panels) chart.redraw(false, true);
  view.flush();
}

/** Paper is white, and has no place to click. */
function forPaper() {
  document.documentElement.classList.add("print");
  for (const details of document.querySelectorAll("details")) details.open = true;
  tip.hide();
  readColours();
  for (const { chart } of shown.panels) chart.redraw(false, true);
  view.flush();
}

/** The time axis, in UTC. */
const TIME_AXIS = {
  size: 22,
  stroke: () => colours.muted,
  grid: { show: false },
  ticks: { stroke: () => colours.line, size: 4 },
  font: "11px system-ui, sans-serif",
  space: 70,
  values: (_, splits, __, ___, step) => splits.map((time) => clockTime(time, step < 60000)),
};

const help = (whole) => `Drag to zoom, drag with Shift to pan, double-click for the whole ${whole}; Ctrl and the wheel zoom. Keys: arrows, +, −, 0.`;

function zoomButtons(whole) {
  const button = (text, label, act) => element("button", "", text, { type: "button", title: label, ariaLabel: label, onclick: act });
  return [
    button("−", "Zoom out", () => view.zoom(1 / 0.6)),
    button("+", "Zoom in", () => view.zoom(0.6)),
    button("←", "Earlier", () => view.pan(-0.3)),
    button("→", "Later", () => view.pan(0.3)),
    button(`Whole ${whole}`, `Show the whole ${whole}`, () => view.all()),
  ];
}

/** A key of a colour that shows and hides what has it. */
function toggle(name, text, on, act) {
  const button = element("button", "toggle", text, { type: "button" });
  button.setAttribute("aria-pressed", String(on));
  button.prepend(element("i", `key ${name}`));
  button.onclick = () => {
    on = !on;
    button.setAttribute("aria-pressed", String(on));
    act(on);
  };
  return button;
}
