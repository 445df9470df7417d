// The timeline: a row for each call that is shown, cut into phases. `view` is the part of it that is seen.

const phases = [
  ["waits", "waits for a worker"], ["prepares", "worker prepares"], ["runs", "function runs"],
  ["returns", "result returns"], ["open", "nothing reported (yet)"], ["fails", "failed"],
];
const timeline = document.getElementById("timeline");
let view = null, frame = null, drag = null;

const whole = () => ({ x: [0, Math.max(figures.length, 1) * 1.01], y: [0, Math.max(shown.length, 1)] });

function cuts(at) {
  const known = figures.known_at[at], submitted = figures.submitted_at[at];
  if (figures.fetched_at[at] === null) {
    const kind = figures.sent[at] ? 4 : 0;
    return [[kind, submitted, known === null ? figures.length : known]];
  }
  const times = [submitted, figures.fetched_at[at], figures.started_at[at], figures.ended_at[at], known];
  return [0, 1, 2, 3].map((kind) => [kind, times[kind], times[kind + 1]]).filter((cut) => cut[1] !== null && cut[2] !== null);
}

function drawTimeline() {
  const area = begin(timeline);
  const { pen, width, height } = area;
  frame = area;
  drawAxes(area, {
    x: view.x, y: view.y, ...clock(view.x), yTitle: "call", yLabel: count, yShift: 0.5,
  });
  pen.save();
  pen.beginPath(); pen.rect(margin.left, margin.top, width, height); pen.clip();
  const perX = width / (view.x[1] - view.x[0]), perY = height / (view.y[1] - view.y[0]);
  const thick = Math.max(perY * (perY > 4 ? 0.8 : 1), 1);
  const first = Math.max(0, Math.floor(view.y[0])), last = Math.min(shown.length, Math.ceil(view.y[1]));
  const rows = [];
  for (let row = first; row < last; row += 1) {
    const top = margin.top + (row - view.y[0]) * perY + (perY > 4 ? perY * 0.1 : 0);
    for (const [kind, from, to] of cuts(shown[row])) (rows[kind] ??= []).push([from, to, top]);
  }
  for (const kind of [0, 1, 3, 4, 2]) { // the functions last: where they are short, the others would cover them
    pen.fillStyle = colour(phases[kind][0]);
    for (const [from, to, top] of rows[kind] ?? []) {
      const left = margin.left + (from - view.x[0]) * perX, right = margin.left + (to - view.x[0]) * perX;
      if (to > from && right >= margin.left && left <= margin.left + width) pen.fillRect(left, top, Math.max(right - left, kind === 2 ? 1 : 0.3), thick);
    }
  }
  pen.strokeStyle = colour("fails");
  pen.lineWidth = 2;
  const arm = Math.min(Math.max(perY * 0.35, 3), 6);
  pen.beginPath();
  for (let row = first; row < last; row += 1) {
    if (!hasFailed(shown[row])) continue;
    const x = margin.left + (figures.known_at[shown[row]] - view.x[0]) * perX, y = margin.top + (row + 0.5 - view.y[0]) * perY;
    pen.moveTo(x - arm, y - arm); pen.lineTo(x + arm, y + arm); pen.moveTo(x - arm, y + arm); pen.lineTo(x + arm, y - arm);
  }
  pen.stroke();
  if (drag?.to) {
    pen.lineWidth = 1;
    pen.strokeStyle = colour("text");
    pen.strokeRect(drag.from.x, drag.from.y, drag.to.x - drag.from.x, drag.to.y - drag.from.y);
  }
  pen.restore();
}

function place(event) {
  const box = timeline.getBoundingClientRect();
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return {
    x: margin.left + within(event.clientX - box.left - margin.left, frame.width),
    y: margin.top + within(event.clientY - box.top - margin.top, frame.height),
  };
}

const moment = (x) => view.x[0] + ((x - margin.left) / frame.width) * (view.x[1] - view.x[0]);
const rowAt = (y) => view.y[0] + ((y - margin.top) / frame.height) * (view.y[1] - view.y[0]);

// The call under the pointer: of the rows that share these pixels, the one whose bar is there.
function callAt(event) {
  const { x, y } = place(event);
  const row = Math.floor(rowAt(y)), reach = Math.ceil((view.y[1] - view.y[0]) / frame.height);
  const when = moment(x), slack = (3 * (view.x[1] - view.x[0])) / frame.width;
  for (let away = 0; away <= reach; away += 1) {
    for (const at of away ? [shown[row - away], shown[row + away]] : [shown[row]]) {
      if (at === undefined) continue;
      const end = figures.known_at[at] ?? figures.length;
      if (when >= figures.submitted_at[at] - slack && when <= end + slack) return at;
    }
  }
  return null;
}

function limit(low, high, least, most, narrowest) {
  const span = Math.min(Math.max(high - low, narrowest), most - least);
  const start = Math.min(Math.max(low, least), most - span);
  return [start, start + span];
}

function look(x, y) {
  const all = whole();
  view = { x: limit(x[0], x[1], 0, all.x[1], 2), y: limit(y[0], y[1], 0, all.y[1], 1) };
  drawTimeline();
}

function zoom(factor, x = (view.x[0] + view.x[1]) / 2, y = (view.y[0] + view.y[1]) / 2) {
  look(view.x.map((edge) => x + (edge - x) * factor), view.y.map((edge) => y + (edge - y) * factor));
}

function pan(right, down) {
  const across = right * (view.x[1] - view.x[0]), along = down * (view.y[1] - view.y[0]);
  look(view.x.map((edge) => edge + across), view.y.map((edge) => edge + along));
}

function showWhole() { view = whole(); drawTimeline(); }

function describe(at) {
  const lines = [
    `${word(figures.jobs[at])}-${word(figures.ids[at])}  ${word(figures.functions[at])}`,
    `${word(figures.ends[at])} · submitted at ${duration(figures.submitted_at[at])}` +
      (figures.started_at[at] === null ? "" : ` · function started at ${duration(figures.started_at[at])}, ran ${duration(functionTime(at))}`),
    `CPU ${duration(figures.cpu[at])} · peak memory ${size(figures.memory[at])} · worker ${word(figures.workers[at]) || "–"}` +
      (figures.attempts[at] > 1 ? ` · ${figures.attempts[at]} attempts` : ""),
  ];
  if (hasFailed(at)) lines.push(figures.failures[at].slice(0, 2).map(text).join(": ").slice(0, 300));
  return lines;
}

function showTip(event) {
  const tip = document.getElementById("tip");
  const at = drag?.to ? null : callAt(event);
  tip.hidden = at === null;
  if (at === null) return;
  const log = text(figures.logs[at]).trimEnd().split("\n").slice(-4).join("\n").slice(-400);
  tip.textContent = describe(at).join("\n") + (log ? `\n\n${log}` : "");
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${event.clientY + 18 + box.height > innerHeight ? Math.max(4, event.clientY - box.height - 12) : event.clientY + 18}px`;
}

function keepCall(at) {
  const panel = document.getElementById("call");
  panel.replaceChildren(...describe(at).map((line, number) => element(number ? "div" : "strong", line)));
  if (hasFailed(at) && figures.failures[at][2]) panel.append(element("pre", text(figures.failures[at][2])));
  if (figures.logs[at]) panel.append(element("div", "It printed:"), element("pre", text(figures.logs[at])));
  panel.hidden = false;
}

function beginTimeline() {
  for (const [number, [, name]] of phases.entries()) {
    const entry = element("span");
    entry.append(element("i", "", `k${number}`), name);
    document.getElementById("legend").append(entry);
  }
  timeline.addEventListener("pointerdown", (event) => { if (event.button === 0) drag = { from: place(event) }; });
  timeline.addEventListener("pointermove", (event) => {
    if (drag) {
      const to = place(event);
      if (drag.to || Math.hypot(to.x - drag.from.x, to.y - drag.from.y) > 5) { drag.to = to; timeline.setPointerCapture(event.pointerId); drawTimeline(); }
    }
    showTip(event);
  });
  timeline.addEventListener("pointerup", (event) => {
    const { from, to } = drag ?? {};
    drag = null;
    if (to) look([moment(Math.min(from.x, to.x)), moment(Math.max(from.x, to.x))], [rowAt(Math.min(from.y, to.y)), rowAt(Math.max(from.y, to.y))]);
    else { const at = callAt(event); if (at !== null) keepCall(at); }
  });
  timeline.addEventListener("pointercancel", () => { drag = null; drawTimeline(); });
  timeline.addEventListener("pointerleave", () => { document.getElementById("tip").hidden = true; });
  timeline.addEventListener("dblclick", showWhole);
  timeline.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // else it scrolls the page
    event.preventDefault();
    const { x, y } = place(event);
    zoom(event.deltaY < 0 ? 0.8 : 1.25, moment(x), rowAt(y));
  }, { passive: false });
  const keys = {
    "+": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: showWhole, ArrowLeft: () => pan(-0.2, 0), ArrowRight: () => pan(0.2, 0),
    ArrowUp: () => pan(0, -0.2), ArrowDown: () => pan(0, 0.2),
  };
  timeline.addEventListener("keydown", (event) => { if (keys[event.key]) { event.preventDefault(); keys[event.key](); } });
  document.getElementById("zoom-in").addEventListener("click", () => zoom(0.6));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
  document.getElementById("zoom-all").addEventListener("click", showWhole);
}
