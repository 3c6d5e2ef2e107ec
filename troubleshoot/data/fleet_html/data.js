"use strict";
// The columns of the devices: words as numbers, unpacked once. Nothing of it ever becomes markup: text is set as text.
const $ = id => document.getElementById(id);
const DATA = JSON.parse($("data").textContent);
const COUNT = DATA.count;
const NOT_KNOWN = "not known";

function unpack(column) {
  const raw = Uint8Array.from(atob(column.data), one => one.charCodeAt(0));
  return column.width === 1 ? raw : new (column.width === 2 ? Uint16Array : Uint32Array)(raw.buffer);
}
const WORDS = new Map(DATA.words.map(one => [one.name, { ...one, codes: unpack(one), shown: [NOT_KNOWN, ...(one.labels || one.values)] }]));
const TIMES = new Map(DATA.times.map(one => [one.name, { ...one, codes: unpack(one) }]));
const TARGET = unpack(DATA.target);
const CAUSES = DATA.causes.map(one => ({ ...one, places: unpack(one.devices) }));
for (const one of CAUSES) {
  one.has = new Uint8Array(COUNT);
  for (const place of one.places) one.has[place] = 1;
}
const LOWER = DATA.names.map(one => one.toLowerCase());
const count = number => number.toLocaleString("en");
const percent = share => (100 * share).toFixed(1) + " %";

function word(name, device) {
  const column = WORDS.get(name);
  return column && column.codes[device] ? column.shown[column.codes[device]] : "";
}
function time(name, device) {
  const minutes = TIMES.get(name)?.codes[device];
  return minutes ? new Date(minutes * 60000).toISOString().slice(0, 16).replace("T", " ") : "";
}
function deviceId(device) {
  const hex = DATA.ids ? DATA.ids.slice(32 * device, 32 * device + 32).trim() : "";
  return hex && [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
function made(tag, text, kind) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
}
