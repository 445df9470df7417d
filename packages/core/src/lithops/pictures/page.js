// Filters and summary, and the order in which the page comes to life.

const controls = ["job", "function", "end"].map((name) => document.getElementById(`by-${name}`));
const search = document.getElementById("by-text");
const filtered = [figures.jobs, figures.functions, figures.ends];
const haystacks = new Array(total);

function tile(value, name, kind) {
  const made = element("div", undefined, kind ? `tile ${kind}` : "tile");
  made.append(element("b", value), element("span", name));
  return made;
}

const counted = (number, name) => tile(count(number), number === 1 ? name : `${name}s`);

function drawSummary() {
  let functions = 0, cpu = 0, memory = null, first = Infinity, last = 0, measured = 0;
  const ends = new Map();
  for (const at of shown) {
    ends.set(figures.ends[at], (ends.get(figures.ends[at]) ?? 0) + 1);
    if (functionTime(at) !== null) { functions += functionTime(at); measured += 1; }
    cpu += figures.cpu[at] ?? 0;
    if (figures.memory[at] !== null) memory = Math.max(memory ?? 0, figures.memory[at]);
    first = Math.min(first, figures.submitted_at[at]);
    last = Math.max(last, figures.known_at[at] ?? figures.length);
  }
  const wall = shown.length ? last - first : null;
  const some = measured ? (us) => duration(us) : () => "–";
  const good = new Set(["success", "running", "new"]);
  const tiles = [
    counted(shown.length, "call"),
    ...[...ends].map(([end, number]) => tile(count(number), word(end), good.has(word(end)) ? "" : "bad")),
    counted(new Set(shown.map((at) => figures.jobs[at])).size, "job"),
    counted(new Set(shown.map((at) => figures.functions[at])).size, "function"),
    tile(duration(wall), "from first submission to last end"),
    tile(some(functions), "time of all functions"),
    tile(some(cpu), "CPU time"),
    tile(size(memory), "highest memory of a worker"),
    tile(wall && measured ? `${digits3(functions / wall)}×` : "–", "speed-up: functions' time / time passed"),
    tile(count(stepsOf(runs()).most), "functions at once, at most"),
  ];
  if (figures.cost.amount !== null) {
    const { amount, currency, as_of: asOf } = figures.cost;
    tiles.push(tile(`${digits3(amount)} ${currency}`, `cost of all calls of this executor, prices of ${asOf}`));
  }
  document.getElementById("summary").replaceChildren(...tiles);
}

function apply() {
  const wanted = controls.map((control) => (control.value === "" ? null : Number(control.value)));
  const needle = search.value.trim().toLowerCase();
  shown = [];
  for (let at = 0; at < total; at += 1) {
    if (wanted.some((number, which) => number !== null && filtered[which][at] !== number)) continue;
    if (needle && !(haystacks[at] ??= haystack(at)).includes(needle)) continue;
    shown.push(at);
  }
  document.getElementById("shown").textContent = `${count(shown.length)} of ${count(total)} calls`;
  view = whole();
  drawSummary();
  draw();
  fillFailures();
  fillCalls();
}

function draw() { drawTimeline(); drawConcurrency(); drawDurations(); }

function beginPage() {
  const made = new Date(figures.now * 1000).toISOString().slice(0, 19).replace("T", " ");
  document.getElementById("about").textContent = `Executor ${figures.executor} on ${figures.backend}, at ${made} UTC`;
  for (const [which, control] of controls.entries()) {
    const option = (value, name) => Object.assign(element("option", name), { value });
    const numbers = [...new Set(filtered[which])];
    control.append(option("", "all"), ...numbers.map((number) => option(String(number), word(number))));
    control.addEventListener("change", apply);
  }
  search.addEventListener("input", apply);
  document.getElementById("reset").addEventListener("click", () => {
    for (const control of [...controls, search]) control.value = "";
    apply();
  });
  beginTimeline();
  beginTables();
  apply();
  new ResizeObserver(draw).observe(document.querySelector("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

beginPage();
