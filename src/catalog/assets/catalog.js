"use strict";
// The pages are complete without this script. It adds the search, numbers on hover and on the arrow keys, what is
// connected with a node, and how long ago a moment was. Text from the data is only ever set as text.

const up = document.documentElement.dataset.up;

// ---- search ----
const input = document.getElementById("q");
const list = document.getElementById("found");
const count = document.getElementById("count");
const MOST = 40;
let index = null;
let chosen = -1;

function load() {
  if (index !== null) return;
  index = [];
  const script = document.createElement("script");
  script.src = up + "search.js";
  script.addEventListener("load", () => { index = prepare(evoSearch); search(); });
  script.addEventListener("error", () => { count.textContent = "The search index is missing: run evo catalog again."; });
  document.head.append(script);
}

// One entry for each table, entity and execution, and one for each column: what is shown, what is searched.
function prepare(rows) {
  const entries = [];
  for (const [kind, name, page, about, columns] of rows) {
    entries.push({ kind, name, page, about, text: (name + " " + about).toLowerCase(), rank: name.toLowerCase() });
    for (const [column, paths] of columns) {
      entries.push({
        kind: "column", name: name + "." + column, page: page + "#columns", about: paths,
        text: (name + "." + column + " " + paths).toLowerCase(), rank: column.toLowerCase(), paths: paths.toLowerCase(),
      });
    }
  }
  return entries;
}

// Lower is better: the name itself, its beginning, its last part, a path, anywhere.
function rank(entry, whole) {
  if (entry.rank === whole || entry.rank.endsWith("." + whole)) return 0;
  if (entry.paths !== undefined && entry.paths.split(" ").includes(whole)) return 1;
  if (entry.rank.startsWith(whole)) return 2;
  if (entry.rank.includes(whole)) return 3;
  return 4;
}

function search() {
  const whole = input.value.trim().toLowerCase();
  const words = whole.split(/\s+/).filter((word) => word !== "");
  chosen = -1;
  input.removeAttribute("aria-activedescendant");
  if (words.length === 0) { close(); count.textContent = ""; return; }
  const hits = index.filter((entry) => words.every((word) => entry.text.includes(word)));
  hits.sort((a, b) => rank(a, whole) - rank(b, whole));
  list.replaceChildren(...hits.slice(0, MOST).map(item));
  list.hidden = hits.length === 0;
  input.setAttribute("aria-expanded", String(hits.length > 0));
  count.textContent = hits.length === 0 ? "Nothing found." : hits.length > MOST ? `${hits.length} found, ${MOST} shown.` : `${hits.length} found.`;
}

function item(entry, i) {
  const li = document.createElement("li");
  li.id = "found-" + i;
  li.setAttribute("role", "option");
  li.setAttribute("aria-selected", "false");
  li.dataset.page = entry.page;
  const name = document.createElement("bdi");
  name.textContent = entry.name;
  const about = document.createElement("small");
  about.textContent = entry.about === "" ? entry.kind : `${entry.kind} · ${entry.about}`;
  li.append(name, about);
  li.addEventListener("click", () => go(li));
  return li;
}

function go(li) { location.href = up + li.dataset.page; }

function close() {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
}

function choose(next) {
  const items = list.children;
  if (items.length === 0) return;
  if (chosen >= 0) items[chosen].setAttribute("aria-selected", "false");
  chosen = (next + items.length) % items.length;
  items[chosen].setAttribute("aria-selected", "true");
  items[chosen].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", items[chosen].id);
}

input.addEventListener("focus", load);
input.addEventListener("input", () => { load(); search(); });
input.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { choose(chosen + 1); event.preventDefault(); }
  if (event.key === "ArrowUp") { choose(chosen < 0 ? -1 : chosen - 1); event.preventDefault(); }
  if (event.key === "Escape") close();
  if (event.key === "Enter" && list.children.length > 0) go(list.children[Math.max(chosen, 0)]);
});
document.addEventListener("click", (event) => { if (!event.target.closest("search")) close(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input")) { input.focus(); event.preventDefault(); }
});

// ---- plots ----
for (const plot of document.querySelectorAll("svg[data-plot]")) {
  const points = [...plot.querySelectorAll(".pt")];
  const readout = plot.closest("figure").querySelector(".readout");
  let at = points.length;
  const show = (i) => {
    for (const point of points) point.classList.remove("on");
    at = Math.min(Math.max(i, 0), points.length - 1);
    points[at].classList.add("on");
    readout.textContent = points[at].querySelector("title").textContent;
  };
  plot.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: points.length - 1 };
    if (event.key in steps) { show(steps[event.key]); event.preventDefault(); }
  });
  points.forEach((point, i) => point.addEventListener("pointerenter", () => show(i)));
}

// ---- lineage ----
for (const svg of document.querySelectorAll("svg[data-lineage]")) {
  const edges = [...svg.querySelectorAll(".edge")];
  const nodes = [...svg.querySelectorAll(".node")];
  const follow = (start, from, to) => {
    const seen = new Set([start]);
    for (const id of seen) for (const edge of edges) if (edge.dataset[from] === id) seen.add(edge.dataset[to]);
    return seen;
  };
  const light = (id) => {
    const down = id === null ? null : follow(id, "a", "b");
    const back = id === null ? null : follow(id, "b", "a");
    for (const node of nodes) {
      const isOn = id !== null && (down.has(node.dataset.n) || back.has(node.dataset.n));
      node.classList.toggle("on", isOn);
      node.classList.toggle("off", id !== null && !isOn);
    }
    for (const edge of edges) {
      const isOn = id !== null && (down.has(edge.dataset.a) || (back.has(edge.dataset.a) && back.has(edge.dataset.b)));
      edge.classList.toggle("on", isOn);
      edge.classList.toggle("off", id !== null && !isOn);
    }
  };
  for (const node of nodes) {
    node.addEventListener("pointerenter", () => light(node.dataset.n));
    node.addEventListener("focus", () => light(node.dataset.n));
    node.addEventListener("pointerleave", () => light(null));
    node.addEventListener("blur", () => light(null));
  }
}

// ---- how long ago ----
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
for (const time of document.querySelectorAll("dd > time, .attention time")) {
  const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
  const unit = UNITS.find(([, length]) => seconds >= length);
  if (!(seconds >= 60) || unit === undefined) continue;
  const small = document.createElement("small");
  small.textContent = new Intl.RelativeTimeFormat("en", { numeric: "always" }).format(-Math.floor(seconds / unit[1]), unit[0]);
  time.after(small);
}
