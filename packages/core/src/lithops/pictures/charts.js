// How many functions ran at each moment, and how long they ran.

function drawConcurrency() {
  const area = begin(document.getElementById("concurrency"));
  const { pen, width, height } = area;
  const { steps, most } = stepsOf(runs());
  const columns = Math.max(1, Math.floor(width));
  const x = whole().x, top = Math.max(most, 1) * 1.1;
  drawAxes(area, {
    x, y: [top, 0], ...clock(x), yTitle: "functions", yLabel: count,
  });
  const { mosts, means } = columnsOf(steps, x[0], (x[1] - x[0]) / columns, columns);
  pen.fillStyle = colour("runs");
  for (const [values, alpha] of [[mosts, 0.35], [means, 1]]) {
    pen.globalAlpha = alpha;
    pen.beginPath();
    pen.moveTo(margin.left, margin.top + height);
    for (let at = 0; at < columns; at += 1) {
      const tall = margin.top + height - (values[at] / top) * height;
      pen.lineTo(margin.left + (at * width) / columns, tall);
      pen.lineTo(margin.left + ((at + 1) * width) / columns, tall);
    }
    pen.lineTo(margin.left + width, margin.top + height);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

// Of each column of pixels the most that were open at once, and the mean: calls may be much shorter than a pixel.
function columnsOf(steps, start, wide, columns) {
  const mosts = new Float64Array(columns), means = new Float64Array(columns);
  for (let step = 0; step + 1 < steps.length; step += 1) {
    const [from, open] = steps[step], to = steps[step + 1][0];
    if (!open) continue;
    const last = Math.min(columns - 1, Math.floor((to - start) / wide));
    for (let at = Math.floor((from - start) / wide); at <= last; at += 1) {
      const left = start + at * wide;
      mosts[at] = Math.max(mosts[at], open);
      means[at] += (open * (Math.min(to, left + wide) - Math.max(from, left))) / wide;
    }
  }
  return { mosts, means };
}

// Durations that people name, from a microsecond to a hundred hours.
const named = [
  ...[1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap((power) => [1, 2, 5].map((one) => one * power)),
  ...[1, 2, 5, 10, 20, 30].map((one) => one * 6e7), ...[1, 2, 5, 10, 20, 50, 100].map((one) => one * 3.6e9),
];

function nameOf(us) {
  const [unit, name] = [[3.6e9, "h"], [6e7, "min"], [1e6, "s"], [1e3, "ms"], [1, "µs"]].find(([one]) => us >= one);
  return `${digits3(us / unit)} ${name}`;
}

// As many of these as have room, as logarithms; where they are too few, those between them.
function durationTicks(low, high, width) {
  const within = (ticks) => ticks.map(Math.log10).filter((log) => log >= low && log <= high);
  const distance = (one, other) => ((other - one) / (high - low)) * width;
  for (let every = 1; ; every *= 3) {
    const found = within(named.filter((_, at) => at % every === 0));
    if (found.length < 3 && every === 1) break;
    if (found.every((log, at) => at === 0 || distance(found[at - 1], log) >= 55)) return found;
  }
  const all = named.flatMap((us, at) => [us, ...[1, 2, 3, 4].map((part) => us + (part * (named[at + 1] - us)) / 5)]);
  const found = [];
  for (const log of within(all.filter((us) => Number.isInteger(us)))) {
    if (!found.length || distance(found.at(-1), log) >= 55) found.push(log);
  }
  return found;
}

// Bins of equal width on a logarithmic scale: calls may take microseconds or hours.
function drawDurations() {
  const area = begin(document.getElementById("durations"));
  const { pen, width, height } = area;
  const taken = shown.map(functionTime).filter((us) => us !== null).map((us) => Math.max(us, 1));
  const logs = taken.map(Math.log10);
  let low = Infinity, high = -Infinity;
  for (const log of logs) { low = Math.min(low, log); high = Math.max(high, log); }
  if (!logs.length) { low = 0; high = 6; }
  if (high - low < 0.5) { low -= 0.25; high += 0.25; }
  const bins = new Array(Math.max(10, Math.min(40, Math.round(width / 14)))).fill(0);
  for (const log of logs) bins[Math.min(bins.length - 1, Math.floor(((log - low) / (high - low)) * bins.length))] += 1;
  const most = Math.max(1, ...bins), top = most * 1.1;
  drawAxes(area, {
    x: [low, high], y: [top, 0], xTitle: "time of the function, on a logarithmic scale", yTitle: "calls",
    xLabel: (log) => nameOf(Math.round(10 ** log)), xTicks: durationTicks(low, high, width), yLabel: count,
  });
  pen.fillStyle = colour("runs");
  const wide = width / bins.length;
  for (const [bin, number] of bins.entries()) {
    const tall = number ? Math.max(1.5, (number / top) * height) : 0;
    pen.fillRect(margin.left + bin * wide + 0.5, margin.top + height - tall, wide - 1, tall);
  }
}
