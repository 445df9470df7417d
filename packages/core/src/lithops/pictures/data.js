"use strict";
// What the page knows: the figures, and what is shown of them. Microseconds since the first submission.

const figures = JSON.parse(document.getElementById("figures").textContent);
const total = figures.ids.length;
const word = (number) => figures.names[number];
const text = (number) => figures.texts[number];
const functionTime = (at) => (figures.ended_at[at] === null ? null : figures.ended_at[at] - figures.started_at[at]);
const hasFailed = (at) => figures.failures[at] !== null;
let shown = Array.from({ length: total }, (_, at) => at);

function element(tag, content, kind) {
  const made = document.createElement(tag);
  if (content !== undefined) made.textContent = content;
  if (kind) made.className = kind;
  return made;
}

function duration(us) {
  if (us === null) return "–";
  if (us === 0) return "0 s";
  if (us < 1000) return `${us} µs`;
  if (us < 999500) return `${(us / 1e3).toPrecision(3)} ms`;
  if (us < 6e7) return `${(us / 1e6).toPrecision(3)} s`;
  const seconds = Math.round(us / 1e6), minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function size(bytes) {
  if (bytes === null) return "–";
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}

const digits3 = (number) => number.toLocaleString("en", { maximumSignificantDigits: 3 });
const count = (number) => number.toLocaleString("en");

function haystack(at) {
  const failure = figures.failures[at];
  const said = failure === null ? "" : failure.map(text).join("\n");
  return `${word(figures.jobs[at])}-${word(figures.ids[at])}\n${word(figures.functions[at])}\n${said}\n${text(figures.logs[at])}`.toLowerCase();
}

// How many of these spans are open from each moment on.
function stepsOf(spans) {
  const starts = Float64Array.from(spans, (span) => span[0]).sort();
  const ends = Float64Array.from(spans, (span) => span[1]).sort();
  const steps = [];
  let open = 0, most = 0, begun = 0, ended = 0;
  while (ended < ends.length) {
    const moment = begun < starts.length ? Math.min(starts[begun], ends[ended]) : ends[ended];
    while (begun < starts.length && starts[begun] === moment) { open += 1; begun += 1; }
    while (ended < ends.length && ends[ended] === moment) { open -= 1; ended += 1; }
    most = Math.max(most, open);
    steps.push([moment, open]);
  }
  return { steps, most };
}

function runs() {
  return shown.filter((at) => functionTime(at) > 0).map((at) => [figures.started_at[at], figures.ended_at[at]]);
}
