// A canvas with axes, drawn sharp at any density of pixels, in the colours of the page.

const margin = { left: 64, right: 14, top: 10, bottom: 40 };

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function begin(canvas) {
  const density = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const pen = canvas.getContext("2d");
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
}

// Round numbers, about so many, from low to high.
function ticks(low, high, about) {
  const rough = Math.max((high - low) / about, 1e-12);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high * (1 + 1e-9); at += 1) found.push(at * step);
  return { found, step };
}

// How an axis of so much time is numbered: its unit in microseconds, what it says, and how a number is written.
function clock([low, high]) {
  const span = high - low;
  const [unit, name] = span > 1.08e10 ? [3.6e9, "hours"] : span > 1.8e8 ? [6e7, "minutes"] : [1e6, "seconds"];
  const write = (us, step) => (us / unit).toFixed(Math.min(Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9)), 6));
  return { xUnit: unit, xTitle: `${name} since the first submission`, xLabel: write };
}

function drawAxes({ pen, width, height }, { x, y, xTitle, yTitle, xLabel, yLabel, xTicks, xUnit = 1, yShift = 0 }) {
  pen.lineWidth = 1;
  pen.fillStyle = colour("faint");
  pen.strokeStyle = colour("line");
  pen.textAlign = "center";
  pen.textBaseline = "top";
  const across = xTicks ? { found: xTicks } : ticks(x[0] / xUnit, x[1] / xUnit, Math.max(2, width / 110));
  for (const tick of across.found.map((one) => one * xUnit)) {
    const at = margin.left + ((tick - x[0]) / (x[1] - x[0])) * width;
    pen.beginPath(); pen.moveTo(at, margin.top); pen.lineTo(at, margin.top + height); pen.stroke();
    const label = xLabel(tick, across.step * xUnit), half = pen.measureText(label).width / 2;
    pen.fillText(label, Math.min(at, margin.left + width + margin.right - half), margin.top + height + 5);
  }
  pen.fillText(xTitle, margin.left + width / 2, margin.top + height + 23);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const up = ticks(Math.min(...y), Math.max(...y), Math.max(2, height / 50));
  for (const tick of up.found) {
    const shifted = tick + yShift; // what is numbered stands between two whole numbers
    if (!Number.isInteger(tick) || shifted > Math.max(...y)) continue;
    const at = margin.top + ((shifted - y[0]) / (y[1] - y[0])) * height;
    pen.beginPath(); pen.moveTo(margin.left - 4, at); pen.lineTo(margin.left, at); pen.stroke();
    pen.fillText(yLabel(tick), margin.left - 7, at);
  }
  pen.save();
  pen.translate(11, margin.top + height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(yTitle, 0, 0);
  pen.restore();
  pen.strokeStyle = colour("faint");
  pen.beginPath(); pen.moveTo(margin.left, margin.top); pen.lineTo(margin.left, margin.top + height);
  pen.lineTo(margin.left + width, margin.top + height); pen.stroke();
}
