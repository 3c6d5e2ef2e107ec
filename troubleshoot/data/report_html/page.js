(function () {
  "use strict";
  var main = document.getElementById("top"), said = document.getElementById("said"), SVG = "http://www.w3.org/2000/svg", printing = false, charts = [];
  function each(list, act) { Array.prototype.forEach.call(list, act); }

  /* Copy buttons: the text of the command beside the button. */
  function told(button, done) {
    said.textContent = "";
    said.textContent = button.firstChild.nodeValue = done ? main.dataset.copied : main.dataset.notCopied;
    setTimeout(function () { button.firstChild.nodeValue = button.dataset.word; }, 2000);
  }
  function byHand(text, button) {
    var box = document.createElement("textarea");
    box.value = text; box.readOnly = true; box.className = "unseen";
    document.body.appendChild(box); box.select();
    var done = document.execCommand("copy");
    box.remove(); button.focus(); told(button, done);
  }
  each(document.querySelectorAll("button.copy"), function (button) {
    button.hidden = false; button.dataset.word = button.firstChild.nodeValue;
    button.addEventListener("click", function () {
      var text = button.previousElementSibling.textContent;
      if (!navigator.clipboard) { byHand(text, button); return; }
      navigator.clipboard.writeText(text).then(function () { told(button, true); }, function () { byHand(text, button); });
    });
  });

  /* Tables: rows outside the page until they are asked for, so that thousands of them cost little. What does not stand in
     the table as a row is a line of text: the four cells, then what the time line needs, between tabs. */
  var KEYS = ["t", "s", "n", "flow", "phase", "outcome", "files"];
  function ofRow(row) { return { row: row, data: row.dataset, text: null }; }
  function ofLine(line) { return { row: null, line: line, data: {}, text: null }; }
  function ofAttempt(line) {
    var item = ofLine(line), parts = line.split("\t");
    KEYS.forEach(function (key, at) { if (parts[at + 4]) item.data[key] = parts[at + 4]; });
    item.line = parts.slice(0, 4).join("\t");
    return item;
  }
  function textOf(item) {
    if (item.text === null) item.text = (item.row ? item.row.textContent : item.line).toLowerCase();
    return item.text;
  }
  function cellOf(item, at) { return item.row ? item.row.cells[at].textContent : item.line.split("\t")[at]; }
  function rowOf(item, heads, codes) {
    if (item.row) return item.row;
    var parts = item.line.split("\t");
    item.row = document.createElement("tr"); item.row.setAttribute("role", "row");
    each(heads, function (head, at) {
      var cell = item.row.insertCell();
      cell.setAttribute("role", "cell"); cell.dataset.th = head.textContent;
      (codes.indexOf(at) < 0 ? cell : cell.appendChild(document.createElement("code"))).textContent = parts[at];
    });
    return item.row;
  }
  function filtered(part) {
    var body = part.querySelector("tbody"), rest = part.querySelector(".rest"), rows = Array.prototype.map.call(body.rows, ofRow);
    var heads = part.querySelector("thead tr").cells, codes = part.dataset.code.split(" ").map(Number);
    if (rest) {
      rows = rows.concat(rest.querySelector("pre").textContent.split("\n").map(part.querySelector(".drawing, select") ? ofAttempt : ofLine));
      rest.remove();
    }
    var box = part.querySelector("input"), picks = part.querySelectorAll("select"), out = part.querySelector("output");
    var more = part.querySelector(".more"), most = Number(part.dataset.most), limit = most, found = rows, chart = null;
    function show() {
      body.replaceChildren.apply(body, found.slice(0, limit).map(function (item) { return rowOf(item, heads, codes); }));
      more.hidden = found.length <= limit;
      out.textContent = part.dataset.shown.replace("{shown}", found.length).replace("{all}", rows.length);
    }
    function run() {
      var wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      var picked = rows.filter(function (item) {
        for (var i = 0; i < picks.length; i++) {
          var value = picks[i].value;
          if (value && (" " + item.data[picks[i].dataset.by] + " ").indexOf(" " + value + " ") < 0) return false;
        }
        return wanted.every(function (word) { return textOf(item).indexOf(word) >= 0; });
      });
      found = chart ? picked.filter(chart.shows) : picked;
      limit = most;
      if (chart) chart.draw(found);
      show();
    }
    var drawing = part.querySelector(".drawing");
    if (drawing) chart = timeline(part, drawing, run);
    box.addEventListener("input", run);
    each(picks, function (pick) { pick.addEventListener("change", run); });
    more.addEventListener("click", function () { limit += most; show(); });
    part.querySelector(".controls").hidden = false;
    show();
    return run;
  }

  /* The time line: drawn anew for the rows that are shown, in the part of the time that is looked at. */
  function timeline(part, drawing, run) {
    var svg = drawing.querySelector("svg"), full = [Number(svg.dataset.from), Number(svg.dataset.to)], view = full.slice();
    var height = svg.viewBox.baseVal.height, hovered = part.querySelector(".hovered"), EDGE = 16, wide = 720, lanes = {}, names = [];
    each(svg.querySelectorAll(".lane-name"), function (text, at) { lanes[text.dataset.flow] = at; names.push(text.textContent); });
    var captures = Array.prototype.map.call(svg.querySelectorAll(".captured"), function (one) { return [Number(one.dataset.t), one.textContent]; });
    function make(name, values, text) {
      var one = document.createElementNS(SVG, name);
      for (var key in values) one.setAttribute(key, values[key]);
      if (text !== undefined) one.textContent = text;
      return one;
    }
    function x(stamp) { return Math.round(10 * (EDGE + (stamp - view[0]) * (wide - 2 * EDGE) / (view[1] - view[0]))) / 10; }
    function stampAt(place) { return view[0] + (place - EDGE) * (view[1] - view[0]) / (wide - 2 * EDGE); }
    function mark(group) {
      var newest = group.rows[0], at = x(Number(newest.data.t)), y = 52 * group.lane + 38, count = 0, first = Infinity;
      var one = make("g", { "class": group.outcome });
      group.rows.forEach(function (item) { count += Number(item.data.n || 1); if (item.data.s) first = Math.min(first, Number(item.data.s)); });
      one.appendChild(make("title", {}, cellOf(newest, 0) + ": " + cellOf(newest, 1) + (group.rows.length > 1 ? " +" + (group.rows.length - 1) : "")));
      if (first < Infinity) one.appendChild(make("path", { "class": "span", d: "M" + Math.max(x(first), 0) + " " + y + "H" + at }));
      one.appendChild(group.outcome === "failed" ? make("path", { "class": "mark", d: "M" + (at - 5) + " " + (y - 5) + "l10 10m0 -10l-10 10" })
        : make("circle", { "class": "mark", cx: at, cy: y, r: 5 }));
      if (count > 1) one.appendChild(make("text", { "class": "count", x: at, y: y - 9 }, count));
      return one;
    }
    function draw(rows) {
      wide = printing ? 680 : Math.max(drawing.clientWidth, 300);
      var parts = [], groups = {}, order = [], ticks = wide < 600 ? 2 : 4;
      names.forEach(function (name, at) {
        parts.push(make("path", { "class": "lane", d: "M0 " + (52 * at + 38) + "H" + wide }));
        parts.push(make("text", { "class": "lane-name", x: 2, y: 52 * at + 13 }, name));
      });
      captures.forEach(function (one) {
        if (one[0] < view[0] || one[0] > view[1]) return;
        var line = make("path", { "class": "captured", d: "M" + x(one[0]) + " 4V" + (height - 30) });
        line.appendChild(make("title", {}, one[1])); parts.push(line);
      });
      rows.forEach(function (item) {
        if (item.data.t === undefined) return;
        var key = [item.data.flow, item.data.outcome, Math.floor(x(Number(item.data.t)) / 18)].join();
        if (!groups[key]) { groups[key] = { lane: lanes[item.data.flow], outcome: item.data.outcome, rows: [] }; order.push(key); }
        groups[key].rows.push(item);
      });
      order.forEach(function (key) { parts.push(mark(groups[key])); });
      for (var i = 0; i < ticks; i++) {
        var stamp = view[0] + (view[1] - view[0]) * i / (ticks - 1), at = x(stamp), end = view[1] - view[0] < 600000 ? 19 : 16;
        parts.push(make("path", { "class": "tick", d: "M" + at + " " + (height - 28) + "v6" }));
        parts.push(make("text", { "class": "tick-text", x: at, y: height - 8, "text-anchor": i === 0 ? "start" : i === ticks - 1 ? "end" : "middle" },
          new Date(stamp).toISOString().slice(0, end).replace("T", " ")));
      }
      svg.setAttribute("viewBox", "0 0 " + wide + " " + height);
      svg.setAttribute("width", wide);
      svg.replaceChildren.apply(svg, parts);
    }
    function look(from, to) {
      var least = 1000, span = Math.min(Math.max(to - from, least), full[1] - full[0]);
      from = Math.min(Math.max(from, full[0]), full[1] - span);
      view = [from, from + span]; run();
    }
    function move(what) {
      var span = view[1] - view[0];
      if (what === "in") look(view[0] + span / 4, view[1] - span / 4);
      if (what === "out") look(view[0] - span / 2, view[1] + span / 2);
      if (what === "earlier") look(view[0] - span / 3, view[1] - span / 3);
      if (what === "later") look(view[0] + span / 3, view[1] + span / 3);
      if (what === "all") look(full[0], full[1]);
    }
    each(part.querySelectorAll("[data-zoom]"), function (button) { button.addEventListener("click", function () { move(button.dataset.zoom); }); });
    drawing.addEventListener("keydown", function (event) {
      var what = { "+": "in", "=": "in", "-": "out", ArrowLeft: "earlier", ArrowRight: "later", "0": "all" }[event.key];
      if (what && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); move(what); }
    });
    var start = null, picked = null;
    function place(event) { return event.clientX - svg.getBoundingClientRect().left; }
    svg.addEventListener("pointerdown", function (event) {
      if (event.pointerType === "touch" || event.button) return;
      start = place(event); picked = make("rect", { "class": "picked", x: start, y: 0, width: 0, height: height });
      svg.appendChild(picked); svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", function (event) {
      if (start !== null) { picked.setAttribute("x", Math.min(start, place(event))); picked.setAttribute("width", Math.abs(place(event) - start)); return; }
      var group = event.target.closest("g, .captured");
      hovered.hidden = false; hovered.textContent = group ? group.querySelector("title").textContent : "\u00a0";
    });
    svg.addEventListener("pointerup", function (event) {
      if (start === null) return;
      var from = Math.min(start, place(event)), to = Math.max(start, place(event));
      start = null; picked.remove();
      if (to - from > 5) look(stampAt(from), stampAt(to));
    });
    svg.addEventListener("pointercancel", function () { start = null; if (picked) picked.remove(); });
    drawing.classList.add("live");
    return {
      draw: draw,
      shows: function (item) {
        if (view[0] === full[0] && view[1] === full[1]) return true;
        var stamp = Number(item.data.t);
        return item.data.t !== undefined && stamp >= view[0] && stamp <= view[1];
      }
    };
  }

  function drawn() { charts.forEach(function (run) { run(); }); }
  each(document.querySelectorAll(".filtered"), function (part) {
    var run = filtered(part);
    if (part.querySelector(".drawing")) charts.push(run);
  });
  drawn();
  window.addEventListener("resize", drawn);
  window.addEventListener("beforeprint", function () {
    each(document.querySelectorAll("details"), function (one) { one.open = true; });
    printing = true; drawn();
  });
  window.addEventListener("afterprint", function () { printing = false; drawn(); });
})();
