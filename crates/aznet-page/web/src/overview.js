/** The whole run in a strip, with a window over what is shown: to move, to resize, or to draw anew. */
function overview(run, network) {
  const canvas = element("canvas", "overview", undefined, { ariaLabel: "The whole run; the window is what is shown" });
  canvas.setAttribute("role", "img");
  const place = (time, width) => ((time - view.whole[0]) / (view.whole[1] - view.whole[0])) * width;
  const draw = () => paint(canvas, run, network, place);
  const time = (event) => {
    const { left, width } = canvas.getBoundingClientRect();
    return view.whole[0] + ((event.clientX - left) / width) * (view.whole[1] - view.whole[0]);
  };
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    const [at, edge] = [time(event), (8 / canvas.clientWidth) * (view.whole[1] - view.whole[0])];
    const isAll = view.to - view.from >= view.whole[1] - view.whole[0];
    if (!isAll && Math.abs(at - view.from) < edge) drag = { fixed: view.to };
    else if (!isAll && Math.abs(at - view.to) < edge) drag = { fixed: view.from };
    else if (!isAll && at > view.from && at < view.to) drag = { from: view.from, to: view.to, at };
    else drag = { fixed: at };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const at = time(event);
    if (drag.fixed !== undefined) view.set(Math.min(at, drag.fixed), Math.max(at, drag.fixed));
    else view.set(drag.from + at - drag.at, drag.to + at - drag.at);
  });
  canvas.addEventListener("pointerup", () => (drag = null));
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("dblclick", () => view.all());
  return { canvas, draw };
}

function paint(canvas, run, network, place) {
  const ratio = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const mark = (from, to, top, tall, colour, least) => {
    pen.fillStyle = colours[colour];
    const x = place(from, width);
    pen.fillRect(x, top, Math.max(place(to, width) - x, least), tall);
  };
  for (const { attempts } of run.tests) {
    for (const { from, to, verdict } of attempts) mark(from, to, 4, 7, verdict, 1);
  }
  for (const fault of network?.faults ?? []) mark(fault.states[0].at, fault.to, 13, 4, "bites", 2);
  for (const slot of network?.slots ?? []) if (slot.outcome === "checkpointed") mark(slot.from, slot.to, 21, 3, "calm", 1);
  for (const slot of network?.slots ?? []) if (slot.outcome === "missed") mark(slot.from, slot.to, 18, 9, "missed", 2);
  for (const { at } of network?.violations ?? []) mark(at, at, 0, height, "violation", 2);
  // What is not shown is veiled.
  const [from, to] = [place(view.from, width), place(view.to, width)];
  pen.fillStyle = colours.ground;
  pen.globalAlpha = 0.72;
  pen.fillRect(0, 0, from, height);
  pen.fillRect(to, 0, width - to, height);
  pen.globalAlpha = 1;
  pen.strokeStyle = colours.text;
  pen.strokeRect(from + 0.5, 0.5, Math.max(to - from - 1, 1), height - 1);
}
