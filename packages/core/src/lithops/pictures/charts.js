// How many functions ran at each moment, and how long they ran.

function drawConcurrency() {
  const area = begin(document.getElementById("concurrency"));
  const { pen, width, height } = area;
  const { steps, most } = stepsOf(runs());
  const x = whole().x, top = Math.max(most, 1) * 1.1;
  drawAxes(area, {
    x, y: [top, 0], xTitle: "seconds since the first submission", yTitle: "functions", xLabel: seconds, yLabel: count, yWhole: true,
  });
  const toX = (us) => margin.left + ((us - x[0]) / (x[1] - x[0])) * width;
  const toY = (open) => margin.top + height - (open / top) * height;
  pen.fillStyle = colour("runs");
  pen.beginPath();
  let before = 0;
  pen.moveTo(margin.left, toY(0));
  for (const [us, open] of steps) { pen.lineTo(toX(us), toY(before)); pen.lineTo(toX(us), toY(open)); before = open; }
  pen.closePath();
  pen.fill();
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
  const short = (us) => us < 1000 ? `${+us.toPrecision(2)} µs` : us < 1e6 ? `${+(us / 1e3).toPrecision(2)} ms` : us < 6e7 ? `${+(us / 1e6).toPrecision(2)} s` : duration(us);
  drawAxes(area, {
    x: [low, high], y: [top, 0], xTitle: "time of the function, on a logarithmic scale", yTitle: "calls",
    xLabel: (log) => short(10 ** log), yLabel: count, yWhole: true,
  });
  pen.fillStyle = colour("runs");
  const wide = width / bins.length;
  for (const [bin, number] of bins.entries()) {
    const tall = number ? Math.max(1.5, (number / top) * height) : 0;
    pen.fillRect(margin.left + bin * wide + 0.5, margin.top + height - tall, wide - 1, tall);
  }
}
