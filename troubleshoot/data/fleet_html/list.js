// The list: filters, order, and only those rows in the page that are in sight.
const COLUMNS = [
  ["w1", "Device", "name"], ["w2", "Verdict", "verdict"], ["w3", "Cause", "root"], ["w4", "Who must act", "who"],
  ["w5", DATA.groups.length ? WORDS.get(DATA.groups[0]).title : "Windows build", DATA.groups[0] || "os_build"],
  ["w6", "Failing since", "since"], ["w7", "Last seen", "last_seen"], ["w8", "Report", null],
];
const MARGIN = 12;
const picks = new Map();
let query = "", sorted = ["verdict", 1], view = new Uint32Array(0);
const rows = new Map();
const body = $("devices").tBodies[0];
const above = body.appendChild(made("tr", undefined, "space")), below = body.appendChild(made("tr", undefined, "space"));
for (const one of [above, below]) { one.setAttribute("aria-hidden", "true"); one.appendChild(made("td")).colSpan = COLUMNS.length; }

function keys(name) {
  return (WORDS.get(name) || TIMES.get(name))?.codes;
}
function ordered(places) {
  const [name, way] = sorted;
  if (name === "name") return way > 0 ? places : places.reverse();
  const key = keys(name);
  if (!key) return places;
  // What is not known stands last, whichever way.
  return places.sort((one, other) => (!key[one] - !key[other]) || way * (key[one] - key[other]) || one - other);
}
function matching(text) {
  // Words that hold the text, a table per column; then one look at each device.
  const found = [];
  for (const column of WORDS.values()) {
    const hits = column.shown.map((one, code) => code > 0 && (one.toLowerCase().includes(text) || column.values[code - 1].toLowerCase().includes(text)));
    if (hits.includes(true)) found.push([column.codes, hits]);
  }
  const hex = text.replaceAll("-", "");
  const byId = DATA.ids && /^[0-9a-f]{4,32}$/.test(hex);
  return device => LOWER[device].includes(text) || found.some(([codes, hits]) => hits[codes[device]])
    || (byId && DATA.ids.slice(32 * device, 32 * device + 32).includes(hex));
}
function test(column, value) {
  if (column === "cause") {
    const has = CAUSES.find(one => one.rule === value)?.has;
    return device => has !== undefined && has[device] === 1;
  }
  const found = WORDS.get(column);
  const code = value === "" ? 0 : found ? found.values.indexOf(value) + 1 : -1;
  return device => (found ? found.codes[device] : 0) === code && (code !== 0 || found !== undefined);
}
function filter() {
  const tests = [...picks].map(([column, value]) => test(column, value));
  // What stands in the charts and tables is over the target; a pick shows the same devices.
  if (picks.size) tests.unshift(device => TARGET[device] === 1);
  if (query) tests.push(matching(query));
  const found = new Uint32Array(COUNT);
  let size = 0;
  for (let device = 0; device < COUNT; device++) if (tests.every(one => one(device))) found[size++] = device;
  view = ordered(found.subarray(0, size));
  for (const row of rows.values()) row.remove();
  rows.clear();
  $("scroller").scrollTop = 0;
  $("shown").textContent = `${count(size)} of ${count(COUNT)} devices`;
  $("devices").setAttribute("aria-rowcount", size + 1);
  told();
  draw();
}
function told() {
  $("picks").replaceChildren(...[...picks].map(([column, value]) => {
    const button = made("button", `${title(column)}: ${shown(column, value)} ✕`);
    button.type = "button";
    button.setAttribute("aria-label", `Show also others than ${title(column)} ${shown(column, value)}`);
    button.addEventListener("click", () => { picks.delete(column); filter(); $("search").focus(); });
    return button;
  }));
  for (const select of document.querySelectorAll("select[data-column]")) select.value = picks.has(select.dataset.column) ? "=" + picks.get(select.dataset.column) : "";
}
const title = column => column === "cause" ? "Cause" : WORDS.get(column)?.title || column;
function shown(column, value) {
  if (column === "cause") return CAUSES.find(one => one.rule === value)?.title || value;
  const found = WORDS.get(column);
  return value === "" ? NOT_KNOWN : found ? found.shown[found.values.indexOf(value) + 1] || value : value;
}
function pick(wanted) {
  picks.clear();
  for (const [column, value] of Object.entries(wanted)) picks.set(column, value);
  query = $("search").value = "";
  filter();
  $("said").textContent = $("shown").textContent;
  $("list").scrollIntoView();
  $("list").focus({ preventScroll: true });
}

// ---- rows

function made_row(place) {
  const device = view[place];
  const row = made("tr", undefined, word("verdict", device) && WORDS.get("verdict").values[WORDS.get("verdict").codes[device] - 1]);
  row.setAttribute("role", "row");
  row.setAttribute("aria-rowindex", place + 2);
  for (const [kind, , name] of COLUMNS) {
    const cell = row.appendChild(made("td", undefined, kind));
    cell.setAttribute("role", "cell");
    if (name === "name") {
      const button = cell.appendChild(made("button", DATA.names[device], "name"));
      button.type = "button";
      button.addEventListener("click", () => details(device));
    } else if (name === null) {
      const link = DATA.links && DATA.links[device];
      if (link) report(cell, device, "report");
    } else {
      const text = TIMES.has(name) ? time(name, device) : word(name, device);
      cell.appendChild(made("span", TIMES.has(name) ? text.slice(0, 10) : text, name === "verdict" ? "state" : ""));
      cell.title = text;
    }
  }
  return row;
}
function report(into, device, text) {
  const link = into.appendChild(made("a", text));
  link.href = DATA.links[device];
  link.setAttribute("aria-label", `Report of ${DATA.names[device]}`);
}
let height = 40;
function draw() {
  const scroller = $("scroller");
  const first = Math.max(0, Math.floor(scroller.scrollTop / height) - MARGIN);
  const last = Math.min(view.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + MARGIN);
  for (const [place, row] of rows) if (place < first || place >= last) {
    if (row.contains(document.activeElement)) scroller.focus({ preventScroll: true });
    row.remove();
    rows.delete(place);
  }
  let before = above;
  for (let place = first; place < last; place++) {
    let row = rows.get(place);
    if (!row) { row = made_row(place); before.after(row); rows.set(place, row); }
    before = row;
  }
  above.style.height = first * height + "px";
  below.style.height = (view.length - last) * height + "px";
}
function details(device) {
  $("one-name").textContent = DATA.names[device];
  const facts = [["Device id", deviceId(device)]];
  for (const column of WORDS.values()) facts.push([column.title, word(column.name, device)]);
  const more = CAUSES.filter(one => one.has[device]).map(one => one.title).filter(one => one !== word("root", device));
  if (more.length) facts.splice(3, 0, ["Other causes", more.join("; ")]);
  for (const column of TIMES.values()) facts.push([column.title, time(column.name, device) && time(column.name, device) + " UTC"]);
  if (!TARGET[device]) facts.push(["Target", "not in the target: in no figure of this page"]);
  $("one-facts").replaceChildren(...facts.filter(([, text]) => text).flatMap(([label, text]) => [made("dt", label), made("dd", text)]));
  $("one-report").replaceChildren();
  if (DATA.links && DATA.links[device]) report($("one-report"), device, "Its own report");
  $("one").showModal();
}

// ---- controls

function option(select, value, text) {
  select.add(new Option(text.length > 90 ? text.slice(0, 89) + "…" : text, value));
}
function choices(column) {
  const found = WORDS.get(column);
  const sizes = new Uint32Array(found.shown.length);
  for (let device = 0; device < COUNT; device++) if (TARGET[device]) sizes[found.codes[device]]++;
  return found.values.map((value, at) => [value, `${found.shown[at + 1]} (${count(sizes[at + 1])})`]);
}
function controls() {
  option($("by-verdict"), "", "all");
  if (WORDS.has("verdict")) for (const [value, text] of choices("verdict")) option($("by-verdict"), "=" + value, text);
  option($("by-cause"), "", "all");
  for (const one of CAUSES) option($("by-cause"), "=" + one.rule, `${one.title} (${count(one.places.length)})`);
  option($("by-other"), "", "no other filter");
  for (const column of ["who", "stage", ...DATA.groups]) {
    if (!WORDS.has(column)) continue;
    const group = document.createElement("optgroup");
    group.label = WORDS.get(column).title;
    for (const [value, text] of choices(column).slice(0, 200)) group.append(new Option(text.slice(0, 90), `${column}=${value}`));
    $("by-other").append(group);
  }
  for (const select of document.querySelectorAll("select[data-column]")) select.addEventListener("change", () => {
    if (select.value) picks.set(select.dataset.column, select.value.slice(1)); else picks.delete(select.dataset.column);
    filter();
  });
  $("by-other").addEventListener("change", () => {
    const at = $("by-other").value.indexOf("=");
    if (at > 0) picks.set($("by-other").value.slice(0, at), $("by-other").value.slice(at + 1));
    $("by-other").value = "";
    filter();
  });
  let soon;
  $("search").addEventListener("input", () => {
    clearTimeout(soon);
    soon = setTimeout(() => { query = $("search").value.trim().toLowerCase(); filter(); }, 80);
  });
  $("clear").addEventListener("click", () => { picks.clear(); query = $("search").value = ""; filter(); });
  const head = $("devices").tHead.rows[0];
  for (const [kind, text, name] of COLUMNS) {
    const cell = head.appendChild(made("th", undefined, kind));
    cell.scope = "col";
    cell.setAttribute("role", "columnheader");
    if (name === null) { cell.textContent = text; continue; }
    const button = cell.appendChild(made("button", text, "sort"));
    button.type = "button";
    button.addEventListener("click", () => {
      sorted = [name, sorted[0] === name ? -sorted[1] : 1];
      for (const other of head.cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", sorted[1] > 0 ? "ascending" : "descending");
      filter();
    });
    if (name === sorted[0]) cell.setAttribute("aria-sort", "ascending");
  }
  for (const span of document.querySelectorAll("[data-pick]")) {
    const button = made("button", span.textContent, "pick");
    button.type = "button";
    button.addEventListener("click", () => {
      const { pick: column, value } = span.dataset;
      if (column !== "cluster") return pick({ [column]: value });
      const one = DATA.clusters[value];
      if (WORDS.has(one.trait)) return pick({ cause: one.rule, [one.trait]: one.value });
      pick({});
      query = $("search").value = one.value;
      filter();
    });
    span.replaceChildren(button);
  }
}
$("list-part").hidden = false;
controls();
height = parseFloat(getComputedStyle(document.documentElement).fontSize) * 2.5;
filter();
let drawing = 0;
$("scroller").addEventListener("scroll", () => { cancelAnimationFrame(drawing); drawing = requestAnimationFrame(draw); });
addEventListener("resize", draw);
