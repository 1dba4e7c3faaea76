/** Colours that the style sheet names; read again when the theme changes. */
const colours = {};
const NAMES = [
  "text", "muted", "line", "ground", "panel", "passed", "failed", "error", "flaky", "leaky", "skipped", "open", "calm", "missed",
  "bites", "violation", "restart", "proposed", "checkpointed", "proven", "finalized", "lag1", "lag2", "lag3",
  "group0", "group1", "group2", "group3", "group4", "group5", "group6", "group7",
];
const GROUPS = 8;

const hatches = new Map();

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) colours[name] = style.getPropertyValue(`--${name}`).trim();
  hatches.clear();
}

/** Diagonal lines of a colour. */
function hatch(name) {
  if (!hatches.has(name)) {
    const size = Math.round(6 * devicePixelRatio);
    const tile = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const pen = tile.getContext("2d");
    pen.strokeStyle = colours[name];
    pen.lineWidth = Math.max(1, size / 5);
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift, size);
      pen.lineTo(shift + size, 0);
    }
    pen.stroke();
    hatches.set(name, pen.createPattern(tile, "repeat"));
  }
  return hatches.get(name);
}

function element(name, className, text, more = {}) {
  const made = Object.assign(document.createElement(name), more);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const two = (number) => String(number).padStart(2, "0");

/** `12:03:04`, in UTC, as logs have it. */
function clockTime(time, seconds = true) {
  const date = new Date(time);
  const minutes = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  return seconds ? `${minutes}:${two(date.getUTCSeconds())}` : minutes;
}

/** `1:02:03`, `2:03`, `3.4 s`. */
function duration(millis) {
  const seconds = millis / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
