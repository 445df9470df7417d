// The tables of failures and of calls: so many rows at a time, since a page of ten thousand rows is slow.

const portion = 50;
const columns = [
  ["call", (at) => `${word(figures.jobs[at])}-${word(figures.ids[at])}`, "id"],
  ["function", (at) => word(figures.functions[at]), "name"],
  ["end", (at) => word(figures.ends[at]), "end"],
  ["submitted", (at) => figures.submitted_at[at], "number"],
  ["waited", (at) => (figures.fetched_at[at] === null ? null : figures.fetched_at[at] - figures.submitted_at[at]), "number"],
  ["function time", functionTime, "number"],
  ["CPU", (at) => figures.cpu[at], "number"],
  ["peak memory", (at) => figures.memory[at], "number"],
  ["worker", (at) => word(figures.workers[at]), ""],
  ["attempts", (at) => figures.attempts[at], "number"],
];
let order = { column: null, isUp: true };

function cell(at, [name, value, kind]) {
  const found = value(at);
  const said = name === "peak memory" ? size(found) : kind === "number" && name !== "attempts" ? duration(found) : String(found);
  return element("td", said, kind !== "end" ? kind : hasFailed(at) ? "end-bad" : "");
}

function sorted() {
  if (order.column === null) return shown;
  const value = columns[order.column][1], up = order.isUp ? 1 : -1;
  const key = new Map(shown.map((at) => [at, value(at)]));
  return [...shown].sort((one, other) => {
    const a = key.get(one), b = key.get(other);
    if (a === null || b === null) return (a === null) - (b === null); // what is not known comes last
    return a < b ? -up : a > b ? up : one - other;
  });
}

function fill(table, more, rows, rowOf) {
  const body = element("tbody");
  let next = 0;
  const add = () => {
    body.append(...rows.slice(next, next + portion).map(rowOf));
    next += portion;
    more.hidden = next >= rows.length;
  };
  add();
  more.onclick = add;
  table.tBodies[0]?.remove();
  table.append(body);
}

function fillCalls() {
  const table = document.getElementById("calls");
  fill(table, document.getElementById("calls-more"), sorted(), (at) => {
    const row = element("tr");
    row.append(...columns.map((column) => cell(at, column)));
    return row;
  });
  for (const [number, head] of [...table.tHead.rows[0].cells].entries()) {
    head.setAttribute("aria-sort", order.column !== number ? "none" : order.isUp ? "ascending" : "descending");
    head.firstChild.textContent = columns[number][0] + (order.column !== number ? "" : order.isUp ? " ▲" : " ▼");
  }
  document.getElementById("calls-count").textContent = count(shown.length);
}

function failureRow(at) {
  const [kind, message, trace] = figures.failures[at].map(text);
  const row = element("tr");
  const last = element("td", undefined, "message");
  if (trace) {
    const details = element("details");
    details.append(element("summary", message || kind), element("pre", trace));
    last.append(details);
  } else last.textContent = message;
  row.append(...columns.slice(0, 3).map((column) => cell(at, column)), element("td", kind), last);
  return row;
}

function fillFailures() {
  const failed = shown.filter(hasFailed);
  document.getElementById("failed").hidden = !failed.length;
  document.getElementById("failed-count").textContent = count(failed.length);
  fill(document.getElementById("failures"), document.getElementById("failures-more"), failed, failureRow);
}

function beginTables() {
  const names = ["call", "function", "end", "type", "message and traceback"];
  const heads = document.getElementById("failures").createTHead().insertRow();
  heads.append(...names.map((name) => element("th", name)));
  const callHeads = document.getElementById("calls").createTHead().insertRow();
  for (const [number, [name, , kind]] of columns.entries()) {
    const head = element("th", undefined, kind === "number" ? kind : "");
    const button = element("button", name);
    button.type = "button";
    button.addEventListener("click", () => {
      order = { column: number, isUp: order.column === number ? !order.isUp : true };
      fillCalls();
    });
    head.append(button);
    callHeads.append(head);
  }
}
