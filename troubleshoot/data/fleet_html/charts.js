// The charts. Each has a table beside it with the same figures, for keyboards, readers and prints.
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = [];
const narrow = () => innerWidth < 640;
const JUDGED = ["failed", "pending", "degraded", "healthy"];

function wrapped(text, most) {
  const lines = [""];
  for (const one of text.split(" ")) {
    if (lines.at(-1) && (lines.at(-1) + " " + one).length > most) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) && " ") + one;
  }
  if (lines.length > 3) lines.splice(2, Infinity, lines[2] + " …");
  return lines.map(one => one.length > most + 4 ? one.slice(0, most + 3) + "…" : one);
}
function chart(id, height, options) {
  const canvas = $(id);
  canvas.parentElement.hidden = false;
  canvas.parentElement.style.height = height + "px";
  charts.push(new Chart(canvas, options));
}
function axes(text) {
  const grid = { color: css("--line"), drawTicks: false };
  const ticks = { color: css("--text"), precision: 0 };
  return { grid, ticks, title: { display: Boolean(text), text, color: css("--soft") } };
}
function bars(id, labels, values, colours, tips, chosen) {
  const most = narrow() ? 22 : 40;
  const texts = labels.map(one => wrapped(one, most));
  chart(id, 46 + texts.reduce((sum, one) => sum + 20 + 14 * one.length, 0), {
    type: "bar",
    data: { labels: texts, datasets: [{ data: values, backgroundColor: colours, minBarLength: 2, maxBarThickness: 26 }] },
    options: {
      indexAxis: "y", animation: false, maintainAspectRatio: false,
      scales: { x: { ...axes("devices"), beginAtZero: true }, y: { ...axes(), grid: { display: false } } },
      plugins: { legend: { display: false }, tooltip: { callbacks: { title: found => labels[found[0].dataIndex], label: found => tips[found.dataIndex] } } },
      onClick: (event, found) => found.length && chosen && chosen(found[0].index),
    },
  });
}
// A funnel: bars about one middle, as wide as what is left.
function funnel(id, titles, values, tips) {
  const most = Math.max(...values, 1);
  const labels = titles.map((one, at) => [...wrapped(one, narrow() ? 16 : 26), count(values[at]) + (values[0] ? ` (${percent(values[at] / values[0])})` : "")]);
  chart(id, 30 + labels.reduce((sum, one) => sum + 14 + 14 * one.length, 0), {
    type: "bar",
    data: { labels, datasets: [{ data: values.map(one => [-one / 2, one / 2]), backgroundColor: css("--bar-flat"), minBarLength: 2, barPercentage: 1, categoryPercentage: .86 }] },
    options: {
      indexAxis: "y", animation: false, maintainAspectRatio: false,
      scales: { x: { display: false, min: -most / 2, max: most / 2 }, y: { ...axes(), grid: { display: false } } },
      plugins: { legend: { display: false }, tooltip: { callbacks: { title: found => titles[found[0].dataIndex], label: found => tips[found.dataIndex] } } },
    },
  });
}
function trend() {
  const colours = { failed: "--bar-bad", pending: "--bar-warn", degraded: "--bar-other", healthy: "--bar-good" };
  const styles = { failed: ["circle", []], pending: ["triangle", [6, 4]], degraded: ["rect", [2, 3]], healthy: ["rectRot", []] };
  chart("chart-trend", 320, {
    type: "line",
    data: {
      labels: DATA.trend.map(one => one.taken ? one.taken.slice(0, 10) : one.run),
      datasets: JUDGED.map(name => ({
        label: name, data: DATA.trend.map(one => one.measured ? 100 * one[name] / one.measured : null), spanGaps: false,
        borderColor: css(colours[name]), backgroundColor: css(colours[name]), pointStyle: styles[name][0], borderDash: styles[name][1], pointRadius: 4, borderWidth: 2,
      })),
    },
    options: {
      animation: false, maintainAspectRatio: false, interaction: { mode: "index", intersect: false },
      scales: { x: axes(), y: { ...axes("% of the devices measured"), min: 0, suggestedMax: 10 } },
      plugins: {
        legend: { labels: { color: css("--text"), usePointStyle: true } },
        tooltip: { callbacks: { title: found => DATA.trend[found[0].dataIndex].run, label: found => `${found.dataset.label}: ${count(DATA.trend[found.dataIndex][found.dataset.label])} of ${count(DATA.trend[found.dataIndex].measured)}` } },
      },
    },
  });
}

// ---- the heat map

function heated(name) {
  const column = WORDS.get(name), verdict = WORDS.get("verdict");
  const judged = verdict.values.map(one => JUDGED.includes(one));
  const total = new Uint32Array(column.shown.length);
  const counts = CAUSES.map(() => new Uint32Array(column.shown.length));
  for (let device = 0; device < COUNT; device++) if (TARGET[device] && judged[verdict.codes[device] - 1]) total[column.codes[device]]++;
  CAUSES.forEach((one, at) => { for (const device of one.places) counts[at][column.codes[device]]++; });
  const hit = code => counts.reduce((sum, one) => sum + one[code], 0);
  const values = column.values.map((_, at) => at + 1).filter(code => total[code]).sort((one, other) => hit(other) - hit(one) || total[other] - total[one] || one - other).slice(0, narrow() ? 8 : 20);
  const causes = CAUSES.map((_, at) => at).filter(at => values.some(code => counts[at][code])).sort((one, other) => CAUSES[other].places.length - CAUSES[one].places.length || one - other).slice(0, 12);
  values.sort((one, other) => one - other);
  return { column, total, counts, values, causes, left: column.values.filter((_, at) => total[at + 1]).length - values.length };
}
function heat() {
  const found = heated($("heat-by").value);
  const most = Math.max(.0001, ...found.causes.flatMap(at => found.values.map(code => found.counts[at][code] / found.total[code])));
  const cells = found.causes.flatMap((at, row) => found.values.map((code, column) => ({ x: column, y: row, at, code, share: found.counts[at][code] / found.total[code] })));
  const told = cell => `${count(found.counts[cell.at][cell.code])} of ${count(found.total[cell.code])} (${percent(cell.share)})`;
  const old = charts.findIndex(one => one.canvas === $("chart-heat"));
  if (old >= 0) charts.splice(old, 1)[0].destroy();
  const strong = css("--bar-bad"), faint = css("--flat-back");
  const labels = found.causes.map(at => wrapped(CAUSES[at].title, narrow() ? 18 : 32));
  chart("chart-heat", 110 + 46 * Math.max(1, found.causes.length), {
    type: "matrix",
    data: { datasets: [{
      data: cells, borderWidth: 0,
      backgroundColor: one => one.raw && (one.raw.share ? strong + Math.round(40 + 215 * one.raw.share / most).toString(16).padStart(2, "0") : faint),
      width: ({ chart }) => Math.max(1, Math.floor((chart.chartArea || {}).width / found.values.length) - 2), height: ({ chart }) => Math.max(1, Math.floor((chart.chartArea || {}).height / Math.max(1, found.causes.length)) - 2),
    }] },
    options: {
      animation: false, maintainAspectRatio: false,
      scales: {
        x: { ...axes(), type: "linear", offset: false, min: -.5, max: found.values.length - .5, grid: { display: false }, afterBuildTicks: axis => { axis.ticks = found.values.map((_, at) => ({ value: at })); }, ticks: { color: css("--text"), autoSkip: false, maxRotation: 70, callback: value => (found.column.shown[found.values[value]] || "").slice(0, 22) } },
        y: { ...axes(), type: "linear", offset: false, reverse: true, min: -.5, max: found.causes.length - .5, grid: { display: false }, afterBuildTicks: axis => { axis.ticks = found.causes.map((_, at) => ({ value: at })); }, ticks: { color: css("--text"), autoSkip: false, callback: value => labels[value] } },
      },
      plugins: { legend: { display: false }, tooltip: { callbacks: { title: one => CAUSES[one[0].raw.at].title, label: one => `${found.column.shown[one.raw.code]}: ${told(one.raw)}` } } },
      onClick: (event, hit, { data }) => { if (hit.length) { const cell = data.datasets[0].data[hit[0].index]; pick({ cause: CAUSES[cell.at].rule, [found.column.name]: found.column.values[cell.code - 1] }); } },
    },
  });
  charts.at(-1).update();  // the size of the cells follows the size of the area, which is known only now
  $("heat-note").textContent = `Share of the devices whose state is told; the strongest cell is ${percent(most)}.` + (found.left > 0 ? ` ${count(found.left)} more values are not shown.` : "");
  const head = made("tr");
  head.append(made("th", "Cause"), ...found.values.map(code => made("th", found.column.shown[code])));
  for (const cell of head.cells) cell.scope = "col";
  const lines = found.causes.map(at => {
    const line = made("tr");
    line.append(made("th", CAUSES[at].title), ...found.values.map(code => made("td", told({ at, code, share: found.counts[at][code] / found.total[code] }))));
    line.cells[0].scope = "row";
    return line;
  });
  const top = made("thead"), rest = made("tbody");
  top.append(head);
  rest.append(...lines);
  $("heat-table").replaceChildren(top, rest);
}

function drawn() {
  for (const one of charts.splice(0)) one.destroy();
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.color = css("--text");
  if ($("chart-causes")) {
    const some = CAUSES.slice(0, narrow() ? 8 : 12);
    const colours = some.map(one => css(one.severity === "error" ? "--bar-bad" : "--bar-warn"));
    bars("chart-causes", some.map(one => one.title), some.map(one => one.places.length), colours, some.map(one => `${count(one.places.length)} devices, ${one.severity}`), at => pick({ cause: some[at].rule }));
  }
  if (DATA.rollout.length) funnel("chart-rollout", DATA.rollout.map(one => one.title), DATA.rollout.map(one => one.devices), DATA.rollout.map(one => `${count(one.devices)} devices`));
  funnel("chart-phases", DATA.phases.map(one => one.title), DATA.phases.map(one => one.reached), DATA.phases.map(one => `${count(one.reached)} reached it, ${count(one.stopped)} stop here`));
  if ($("chart-trend")) trend();
  if (DATA.groups.length && CAUSES.length) heat();
}
if (DATA.groups.length && CAUSES.length) {
  for (const name of DATA.groups) $("heat-by").add(new Option(WORDS.get(name).title.toLowerCase(), name));
  $("heat-by").addEventListener("change", heat);
  $("heat-part").hidden = false;
} else {
  $("heat").after(made("p", CAUSES.length ? "Nothing is known that tells devices apart." : "No device shows an error or a warning."));
}
drawn();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawn);
let wide = narrow();
addEventListener("resize", () => { if (narrow() !== wide) { wide = narrow(); drawn(); } });
document.documentElement.dataset.ready = "yes";
