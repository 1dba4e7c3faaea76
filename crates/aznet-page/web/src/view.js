/** The least that is shown, in milliseconds. */
const SHORTEST = 2000;

/** The part of the time that is shown. Whoever draws listens. */
const view = {
  from: 0,
  to: 1,
  whole: [0, 1],
  listeners: [],
  pending: false,
  /** Shows all from the one moment to the other, of which parts can be shown then. */
  begin(from, to) {
    this.whole = [from, to];
    Object.assign(this, { from, to });
  },
  /** Shows a part, or as much of it as there is; drawn with the next frame. */
  set(from, to) {
    const [first, last] = this.whole;
    const width = Math.min(Math.max(to - from, SHORTEST), last - first);
    this.from = Math.max(first, Math.min(from, last - width));
    this.to = this.from + width;
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => this.flush());
  },
  flush() {
    this.pending = false;
    for (const listener of this.listeners) listener();
  },
  all() {
    this.set(...this.whole);
  },
  /** Zooms about a moment, which stays where it is. */
  zoom(factor, about = (this.from + this.to) / 2) {
    const width = Math.max((this.to - this.from) * factor, SHORTEST);
    const share = (about - this.from) / (this.to - this.from);
    this.set(about - share * width, about + (1 - share) * width);
  },
  /** Moves by a part of what is shown. */
  pan(share) {
    const by = share * (this.to - this.from);
    this.set(this.from + by, this.to + by);
  },
};

const KEYS = {
  ArrowLeft: () => view.pan(-0.2),
  ArrowRight: () => view.pan(0.2),
  "+": () => view.zoom(0.6),
  "=": () => view.zoom(0.6),
  "-": () => view.zoom(1 / 0.6),
  0: () => view.all(),
  Home: () => view.all(),
};

/** Keys move the timeline while the focus is in it. */
function listenToKeys(root) {
  root.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    event.preventDefault();
    act();
  });
}

/** Wheel and fingers on a plot. `moment` is the time at a place on the screen. */
function listenToPointers(over, moment) {
  over.addEventListener(
    "wheel",
    (event) => {
      // The wheel alone scrolls the page.
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(event.deltaY / 300), moment(event.clientX));
      else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) view.pan(sideways / over.clientWidth);
      else return;
      event.preventDefault();
    },
    { passive: false },
  );
  const fingers = new Map();
  let held = [];
  // What was under each finger stays under it.
  const hold = () => (held = [...fingers.values()].map(moment));
  const lift = (event) => fingers.delete(event.pointerId) && hold();
  const dragged = (event) => event.pointerType === "touch" || event.shiftKey;
  over.addEventListener("pointerdown", (event) => {
    if (!dragged(event)) return;
    over.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event.clientX);
    hold();
  });
  over.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event.clientX);
    const { left, width } = over.getBoundingClientRect();
    const places = [...fingers.values()].map((x) => (x - left) / width);
    if (places.length === 1) {
      const span = view.to - view.from;
      view.set(held[0] - places[0] * span, held[0] + (1 - places[0]) * span);
    } else if (places[0] !== places[1]) {
      const span = Math.abs((held[1] - held[0]) / (places[1] - places[0]));
      view.set(held[0] - places[0] * span, held[0] + (1 - places[0]) * span);
    }
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) over.addEventListener(name, lift);
}
