"use strict";
// The page of one gradient graph. Everything it shows comes from the JSON above: nodes in topological
// order, each with its arguments and the local partial on each of these edges. What is computed here is
// the chain rule, once (adjoints), and for the what-if field the rows themselves (ROWS).

const graph = JSON.parse(document.getElementById("graph").textContent);
const nodes = graph.nodes, root = graph.root;
const $ = id => document.getElementById(id);
const svg = document.querySelector("#stage svg");

// ---- numbers and names ------------------------------------------------------------------------------

const MINUS = "\u2212";
function show(x, signed = false, digits = 4) {
  if (x === null || x === undefined) return "\u2013";
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "inf").replace("-", MINUS);
  let s = Number(x.toPrecision(digits));
  s = Math.abs(s) >= 1e6 || Math.abs(s) < 1e-4 ? s.toExponential().replace("e+", "e") : String(s);
  return (signed && x > 0 ? "+" : "") + s.replace(/-/g, MINUS);
}
const nameOf = i => nodes[i].name || `v${i}`;
const sum = (xs, f) => xs.reduce((s, x) => s + f(x), 0);

// ---- the graph --------------------------------------------------------------------------------------

// one edge per use: an argument that stands twice has two
const edges = [], into = nodes.map(() => []), outOf = nodes.map(() => []);
nodes.forEach((n, target) => n.args.flat().forEach((source, position) => {
  if (typeof source !== "number") return;  // a constant is a string
  const e = {source, target, partial: Number(n.partials[position]), position};
  edges.push(e); into[target].push(e); outOf[source].push(e);
}));
nodes.forEach(n => { n.data = Number(n.data); if (n.grad !== null) n.grad = Number(n.grad); });
const share = (partial, adjoint) => adjoint === 0 ? 0 : partial * adjoint;  // 0 times infinity is no use
const flow = e => nodes[e.target].grad === null ? null : share(e.partial, nodes[e.target].grad);
// the backward pass handles inner nodes from the root down, and each of them hands on to its arguments
const order = nodes.map((n, i) => i).filter(i => nodes[i].args.length && nodes[i].grad !== null).reverse();

function above(i) {  // everything on a path from node i to the root
  const reach = new Set([i]), stack = [i];
  while (stack.length) for (const e of outOf[stack.pop()]) if (!reach.has(e.target)) { reach.add(e.target); stack.push(e.target); }
  return reach;
}

function countPaths(i) {  // exactly, however many
  const count = new Array(nodes.length).fill(0n);
  count[root] = 1n;
  for (let n = root - 1; n >= i; n--) count[n] = outOf[n].reduce((s, e) => s + count[e.target], 0n);
  return count[i];
}

function topPaths(i, k) {  // best first: a path is extended by the most that is left of any way to the root
  const best = new Array(nodes.length).fill(0);
  best[root] = 1;
  for (let n = root - 1; n >= i; n--) best[n] = Math.max(0, ...outOf[n].map(e => Math.abs(e.partial) * best[e.target]));
  const found = [], open = [{at: i, product: 1, bound: best[i], via: [i]}];
  for (let tries = 0; open.length && found.length < k && tries < 5000; tries++) {
    let top = 0;
    for (let j = 1; j < open.length; j++) if (open[j].bound > open[top].bound) top = j;
    const path = open.splice(top, 1)[0];
    if (path.at === root) { found.push(path); continue; }
    for (const e of outOf[path.at]) {
      const product = path.product * e.partial;
      open.push({at: e.target, product, bound: Math.abs(product) * best[e.target], via: [...path.via, e.target]});
    }
  }
  return found;
}

// ---- what if a leaf were another number -------------------------------------------------------------

let changed = null;  // node -> its new number
function whatIf(leaf, number) {
  const now = nodes.map(n => n.data);
  now[leaf] = number;
  const cone = above(leaf);
  nodes.forEach((n, i) => {
    if (i === leaf || !cone.has(i)) return;
    const read = a => typeof a === "number" ? now[a] : Number(a);
    now[i] = Number(ROWS[n.op](...n.args.map((g, k) => graph.rows[n.op].vector[k] ? g.map(read) : read(g[0]))));
  });
  changed = new Map([...cone].sort((a, b) => a - b).map(i => [i, now[i]]));
}

// ---- boxes: nodes, or units folded into one ---------------------------------------------------------

let unfolded = new Set(graph.folded ? [] : graph.groups.map((g, k) => k));
let boxes = [], arrows = [], boxOf = [];

function build() {
  boxes = []; boxOf = new Array(nodes.length);
  nodes.forEach((n, i) => {
    const g = n.group;
    if (g === null || unfolded.has(g)) { boxOf[i] = boxes.length; boxes.push({members: [i], group: null, key: `n${i}`}); return; }
    let b = boxes.findIndex(box => box.group === g);
    if (b < 0) { b = boxes.length; boxes.push({members: [], group: g, key: `g${g}`}); }
    boxes[b].members.push(i); boxOf[i] = b;
  });
  const merged = new Map();
  for (const e of edges) {
    const s = boxOf[e.source], t = boxOf[e.target];
    if (s === t) continue;
    const key = boxes[s].group === null && boxes[t].group === null ? `${s} ${t} ${e.position}` : `${s} ${t}`;
    if (!merged.has(key)) merged.set(key, {source: s, target: t, edges: []});
    merged.get(key).edges.push(e);
  }
  arrows = [...merged.values()];
  for (const b of boxes) fill(b);
  layout();
}

function fill(b) {  // the rows of text in a box: [left, right, class of the right cell, node whose gradient it is]
  if (b.group === null) {
    const n = nodes[b.members[0]];
    b.head = [n.name || (n.op ? "" : "leaf"), n.sign || ""];
    b.rows = [[`data ${show(n.data)}`, `grad ${show(n.grad, true)}`, b.members[0]]];
  } else {
    const inside = new Set(b.members);
    const results = b.members.filter(i => nodes[i].args.length && (nodes[i].name || outOf[i].some(e => !inside.has(e.target)))).reverse();
    b.head = [graph.groups[b.group], `${b.members.length} nodes`];
    b.rows = results.slice(0, 4).map(i => [`${nameOf(i)} ${show(nodes[i].data)}`, show(nodes[i].grad, true), i]);
  }
  const width = s => 7 * [...s].length + 14;
  b.head[0] = [...b.head[0]].length > 26 ? [...b.head[0]].slice(0, 25).join("") + "\u2026" : b.head[0];
  b.left = Math.max(...b.rows.map(r => width(r[0])), 40);
  b.w = Math.max(b.left + Math.max(...b.rows.map(r => width(r[1]))), width(b.head[0]) + width(b.head[1]), 60);
  b.h = 20 * (1 + b.rows.length);
}

// ---- a layered layout: arrows to the right, neighbours near each other ------------------------------

function layout() {
  const next = boxes.map(() => []), before = boxes.map(() => []), waiting = boxes.map(() => 0);
  for (const a of arrows) { next[a.source].push(a.target); before[a.target].push(a.source); waiting[a.target]++; }
  const layer = boxes.map(() => 0), ready = boxes.map((b, i) => i).filter(i => !waiting[i]), sorted = [];
  while (ready.length) {
    const i = ready.shift(); sorted.push(i);
    for (const t of next[i]) { layer[t] = Math.max(layer[t], layer[i] + 1); if (!--waiting[t]) ready.push(t); }
  }
  for (const i of sorted.reverse()) if (next[i].length && !before[i].length) layer[i] = Math.min(...next[i].map(t => layer[t])) - 1;
  const columns = [];
  boxes.forEach((b, i) => (columns[layer[i]] ??= []).push(i));
  const place = boxes.map(() => 0);
  const number = column => column.forEach((i, k) => { place[i] = k - column.length / 2; });
  columns.forEach(number);
  const mean = (is, otherwise) => is.length ? sum(is, i => place[i]) / is.length : otherwise;
  for (let sweep = 0; sweep < 6; sweep++) {  // barycentres, to the right and back
    const neighbours = sweep % 2 ? next : before;
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const wish = new Map(column.map(i => [i, mean(neighbours[i], place[i])]));
      column.sort((a, b) => wish.get(a) - wish.get(b) || a - b);
      number(column);
    }
  }
  const gap = 14;
  let x = 0;
  for (const column of columns) {
    const w = Math.max(...column.map(i => boxes[i].w));
    let y = -sum(column, i => boxes[i].h + gap) / 2;
    for (const i of column) { const b = boxes[i]; b.x = x + (w - b.w) / 2; b.y = y; y += b.h + gap; }
    x += w + 60 + Math.min(140, 5 * Math.sqrt(arrows.length));
  }
  const middle = i => boxes[i].y + boxes[i].h / 2;
  for (let round = 0; round < 8; round++) for (const column of round % 2 ? [...columns].reverse() : columns) {
    const wish = column.map(i => {  // where the neighbours want it, without passing its own
      const around = [...next[i], ...before[i]];
      return around.length ? sum(around, middle) / around.length - boxes[i].h / 2 : boxes[i].y;
    });
    column.forEach((i, k) => { boxes[i].y = k ? Math.max(wish[k], boxes[column[k - 1]].y + boxes[column[k - 1]].h + gap) : wish[k]; });
    const shift = sum(column, i => boxes[i].y) / column.length - wish.reduce((s, y) => s + y, 0) / column.length;
    for (const i of column) boxes[i].y -= shift;
  }
}

// ---- drawing ----------------------------------------------------------------------------------------

const make = (parent, tag, attributes = {}, text = null) => {
  const e = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", tag));
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== null) e.textContent = text;
  return e;
};
const largestFlow = Math.max(1e-300, ...edges.map(flow).filter(Number.isFinite).map(Math.abs));
const largestGrad = Math.max(1e-300, ...nodes.filter((n, i) => i !== root).map(n => Math.abs(n.grad ?? 0)).filter(Number.isFinite));
function tint(grad) {
  if (grad === null || grad === 0) return "transparent";
  if (!Number.isFinite(grad)) return "var(--broken)";
  return `rgba(var(--${grad > 0 ? "blue" : "orange"}), ${(0.25 + 0.75 * Math.sqrt(Math.min(1, Math.abs(grad) / largestGrad))).toFixed(2)})`;
}

let canvas, chosen = null;
function draw() {
  svg.replaceChildren();
  canvas = make(svg, "g");
  for (const a of arrows) {
    const s = boxes[a.source], t = boxes[a.target];
    const [x1, y1, x2, y2] = [s.x + s.w, s.y + s.h / 2, t.x, t.y + t.h / 2 + spread(a)];
    const bend = Math.max(30, (x2 - x1) / 2), f = a.edges.every(e => flow(e) !== null) ? sum(a.edges, flow) : null;
    const width = f ? 0.6 + 3.4 * Math.sqrt(Math.min(1, Math.abs(f) / largestFlow)) : 0.6;
    a.line = make(canvas, "path", {class: `arrow ${f > 0 ? "plus" : f < 0 ? "minus" : ""}`, "stroke-width": width.toFixed(2),
      d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`});
    a.text = null;
    if (arrows.length <= 60 && a.edges.length === 1)
      a.text = make(canvas, "text", {class: "local", x: x1 + (x2 - x1) * 0.5, y: (y1 + y2) / 2 + 4, "text-anchor": "middle"}, show(a.edges[0].partial, true));
  }
  boxes.forEach((b, k) => {
    const label = b.group === null ? `${nameOf(b.members[0])}, data ${show(nodes[b.members[0]].data)}, grad ${show(nodes[b.members[0]].grad, true)}`
      : `${graph.groups[b.group]}, ${b.members.length} nodes, folded`;
    const g = b.element = make(canvas, "g", {class: "box", transform: `translate(${b.x} ${b.y})`, tabindex: 0, role: "button", "aria-label": label});
    if (b.members.includes(root)) g.classList.add("root");
    make(g, "rect", {width: b.w, height: b.h, rx: 3, fill: "var(--box)"});
    make(g, "rect", {width: b.w, height: 20, rx: 3, fill: b.group !== null ? "var(--group)" : nodes[b.members[0]].args.length ? "var(--box)" : "var(--leaf)"});
    make(g, "text", {class: "name", x: 7, y: 14}, b.head[0]);
    make(g, "text", {class: "faint", x: b.w - 7, y: 14, "text-anchor": "end"}, b.head[1]);
    b.rows.forEach(([left, right, i], r) => {
      const y = 20 * (r + 1);
      make(g, "rect", {x: b.left, y, width: b.w - b.left, height: 20, fill: tint(nodes[i].grad)});
      make(g, "text", {x: 7, y: y + 14}, left);
      make(g, "text", {class: "grad", x: b.w - 7, y: y + 14, "text-anchor": "end"}, right);
    });
    make(g, "rect", {class: "frame", width: b.w, height: b.h, rx: 3});
    g.onclick = () => choose(k);
    g.ondblclick = () => toggle(k);
    g.onkeydown = event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.shiftKey ? toggle(k) : choose(k); } };
    g.onmouseenter = g.onfocus = () => light(k);
    g.onmouseleave = g.onblur = () => light(chosen === null ? null : boxes.findIndex(box => box.members.includes(chosen)));
  });
  mark();
}
function spread(a) {  // arguments arrive side by side, in order
  const all = arrows.filter === undefined ? [] : (a.siblings ??= arrows.filter(other => other.target === a.target));
  return all.length < 2 ? 0 : (all.indexOf(a) / (all.length - 1) - 0.5) * Math.min(boxes[a.target].h - 8, 12 * (all.length - 1));
}

function light(k) {  // every path from box k to the root
  svg.classList.toggle("lit", k !== null && k >= 0);
  if (k === null || k < 0) return;
  const on = new Set(boxes[k].members.flatMap(i => [...above(i)]).map(i => boxOf[i]));
  boxes.forEach((b, j) => b.element.classList.toggle("on", on.has(j)));
  for (const a of arrows) {
    const lit = on.has(a.source) && on.has(a.target);
    a.line.classList.toggle("on", lit);
    a.text?.classList.toggle("on", lit);
  }
}

function mark() {  // what is chosen, and how far the backward pass has come
  const done = new Set([root, ...order.slice(0, at).flatMap(i => into[i].map(e => e.source))]);
  const now = at ? order[at - 1] : null;
  for (const b of boxes) {
    b.element.classList.toggle("chosen", chosen !== null && b.members.includes(chosen));
    b.element.classList.toggle("waiting", at < order.length && !b.members.some(i => done.has(i)));
    b.element.classList.toggle("now", stepping && now !== null && b.members.includes(now));
  }
}

function toggle(k) {  // fold or unfold the unit of box k, in place
  const g = nodes[boxes[k].members[0]].group;
  if (g === null) return;
  unfolded.has(g) ? unfolded.delete(g) : unfolded.add(g);
  redraw();
}
function redraw() { build(); draw(); fit(); foldLabel(); if (chosen !== null) light(boxOf[chosen]); }

// ---- looking around ---------------------------------------------------------------------------------

let view = {x: 0, y: 0, scale: 1};
const move = () => canvas.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
function fit() {
  const {width, height} = svg.getBoundingClientRect();
  const [x0, y0] = [Math.min(...boxes.map(b => b.x)), Math.min(...boxes.map(b => b.y))];
  const [x1, y1] = [Math.max(...boxes.map(b => b.x + b.w)), Math.max(...boxes.map(b => b.y + b.h))];
  view.scale = Math.min((width - 24) / (x1 - x0), (height - 44) / (y1 - y0), 1.4);
  view.x = (width - view.scale * (x0 + x1)) / 2;
  view.y = (height - 20 - view.scale * (y0 + y1)) / 2;
  move();
}
svg.onwheel = event => {
  event.preventDefault();
  const box = svg.getBoundingClientRect(), [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const factor = Math.exp(-event.deltaY / 400), scale = Math.min(8, Math.max(0.02, view.scale * factor));
  view.x = x - (x - view.x) * scale / view.scale; view.y = y - (y - view.y) * scale / view.scale; view.scale = scale;
  move();
};
svg.onpointerdown = event => {
  if (event.target.closest(".box")) return;
  svg.classList.add("dragging"); svg.setPointerCapture(event.pointerId);
  svg.onpointermove = e => { view.x += e.movementX; view.y += e.movementY; move(); };
};
svg.onpointerup = () => { svg.classList.remove("dragging"); svg.onpointermove = null; };

// ---- the panel --------------------------------------------------------------------------------------

const panel = $("panel");
const put = (tag, text, parent = panel) => { const e = parent.appendChild(document.createElement(tag)); e.textContent = text; return e; };
function table(heads, rows, last = null) {
  const t = put("table", "");
  const tr = (cells, tag, cls = "") => { const r = put("tr", "", t); r.className = cls; cells.forEach(c => put(tag, c, r)); return r; };
  tr(heads, "th");
  rows.forEach(r => tr(r, "td"));
  if (last) tr(last, "td", "sum");
  return t;
}

function choose(k) {
  const inside = boxes[k].members;
  const results = inside.filter(i => nodes[i].args.length);
  pick(boxes[k].group === null || !results.length ? inside[0] : results[results.length - 1]);
}

function pick(i) {
  chosen = i; changed = null;
  light(boxOf[i]); mark(); describe();
}

function describe() {
  const i = chosen, n = nodes[i];
  panel.replaceChildren();
  put("h2", `${nameOf(i)}${n.op ? " = " + n.op : ""}`);
  put("p", `data ${show(n.data, false, 7)}    d ${nameOf(root)} / d ${nameOf(i)} = ${show(n.grad, true, 7)}`);
  if (n.op) {
    const row = graph.rows[n.op];
    put("code", `y = ${row.value}`); put("br", "");
    row.partials.forEach((p, k) => { put("code", `dy/d${row.args[k]} = ${p}`); put("br", ""); });
    if (row.convention) put("p", `by convention, ${row.convention}`);
  }
  if (!graph.backward) put("p", "backward() has not been run: there are no gradients yet").className = "notice";
  else sumOfUses(i, n);
  if (!n.args.length) whatIfField(i, n);
  const members = boxes[boxOf[i]].group === null ? [] : boxes[boxOf[i]].members;
  if (members.length) {
    put("h3", "in this unit (Shift+Enter or a double click unfolds it)");
    for (const j of members.slice(0, 40)) { const b = put("button", nameOf(j)); b.onclick = () => pick(j); b.style.margin = "1px"; }
  }
}

function sumOfUses(i, n) {
  put("h3", "why: one row for each use, local partial times the user's gradient");
  const uses = outOf[i].map(e => ({e, product: flow(e)}));
  const rows = uses.slice(0, 200).map(({e, product}) => [nameOf(e.target), show(e.partial, true), show(nodes[e.target].grad, true), show(product, true)]);
  if (i === root) rows.unshift(["(the root itself)", "", "", "+1"]);
  table(["user", "local", "user's grad", "product"], rows, ["sum", "", "", show(n.grad, true)]).id = "uses";
  const count = countPaths(i);
  put("h3", `${count} path${count === 1n ? "" : "s"} to ${nameOf(root)}` + (count > 1n ? ", the strongest first" : ""));
  table(["path", "product"], topPaths(i, 6).map(p => [p.via.map(nameOf).join(" \u2192 "), show(p.product, true)]));
}

function whatIfField(i, n) {
  put("h3", "what if it were another number?");
  if (!graph.whatif) { put("p", "one of the rows here cannot be computed in a page"); return; }
  const field = put("input", "");
  field.type = "number"; field.step = "any"; field.id = "whatif"; field.value = changed ? changed.get(i) : n.data;
  field.setAttribute("aria-label", `another number for ${nameOf(i)}`);
  const result = put("div", "");
  const update = () => {
    result.replaceChildren();
    if (field.value === "" || Number(field.value) === n.data) { changed = null; return; }
    whatIf(i, Number(field.value));
    const rows = [...changed].filter(([j]) => nodes[j].name || j === root).slice(-40);
    result.append(table(["node", "was", "would be"], rows.map(([j, x]) => [nameOf(j), show(nodes[j].data, false, 6), show(x, false, 6)])));
  };
  field.oninput = update;
}

// ---- the backward pass, step by step ----------------------------------------------------------------

let at = order.length, stepping = false;
function soFar(i, steps) {  // the gradient of node i after that many steps
  const handled = new Set(order.slice(0, steps));
  return sum(outOf[i].filter(e => handled.has(e.target)), flow) + (i === root ? 1 : 0);
}
function go(step) {
  at = Math.min(order.length, Math.max(0, step)); stepping = true;
  $("step").value = at;
  $("count").textContent = `${at} of ${order.length}`;
  mark();
  panel.replaceChildren();
  put("h2", `backward pass, step ${at} of ${order.length}`);
  const say = put("p", ""); say.id = "say";
  if (!at) { say.textContent = `It starts at the root: d ${nameOf(root)} / d ${nameOf(root)} = 1. Nothing else has a gradient yet.`; return; }
  const i = order[at - 1], n = nodes[i], given = into[i];
  say.textContent = `${nameOf(i)} has its whole gradient, ${show(n.grad, true)}: every user of it has been handled. ` +
    `As the result of ${n.op} it hands on local partial \u00d7 ${show(n.grad, true)} to ${given.length} argument${given.length === 1 ? "" : "s"}.`;
  table(["argument", "local", "adds", "grad so far"],
    given.slice(0, 200).map(e => [nameOf(e.source), show(e.partial, true), show(flow(e), true), show(soFar(e.source, at), true)]));
  const box = boxes[boxOf[i]].element;
  svg.classList.remove("lit");
  box.parentNode && light(boxOf[i]);
}
function run() {  // forth to the next place that was asked for
  const kind = $("stop").value, bound = Number($("bound").value);
  const stops = g => kind === "big" ? Math.abs(g) > bound : kind === "zero" ? g === 0 : kind === "nan" ? !Number.isFinite(g) : false;
  for (let s = at >= order.length ? 0 : at; s < order.length; s++)
    if (into[order[s]].some(e => stops(soFar(e.source, s + 1)))) return go(s + 1);
  go(order.length);
}

// ---- controls ---------------------------------------------------------------------------------------

function foldLabel() {
  $("fold").hidden = !graph.groups.length;
  $("fold").textContent = unfolded.size < graph.groups.length ? "unfold all" : "fold units";
}
$("fold").onclick = () => { unfolded = unfolded.size < graph.groups.length ? new Set(graph.groups.map((g, k) => k)) : new Set(); redraw(); };
$("fit").onclick = fit;
$("step").max = order.length; $("step").value = at;
$("step").oninput = () => go(Number($("step").value));
$("back").onclick = () => go(at - 1);
$("forth").onclick = () => go(at >= order.length && !stepping ? 0 : at + 1);
$("run").onclick = run;
$("stop").onchange = () => { $("bound").hidden = $("stop").value !== "big"; };
document.onkeydown = event => {
  if (event.target.matches("input, select")) return;
  const keys = {ArrowRight: () => go(stepping ? at + 1 : 0), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(order.length),
    Escape: () => { chosen = null; stepping = false; at = order.length; light(null); mark(); welcome(); }};
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
};
addEventListener("resize", fit);

function welcome() {
  panel.replaceChildren();
  put("h2", graph.title);
  if (!graph.backward) put("p", "backward() has not been run: there are no gradients yet").className = "notice";
  put("p", "Choose a box to see why its gradient is that number. The arrow keys step the backward pass; Home is its start. " +
    "Tab moves from box to box, Enter chooses, Shift+Enter folds and unfolds a unit. Wheel and drag zoom and move.");
}

$("title").textContent = graph.title;
$("count").textContent = `${order.length} steps`;
if (!order.length) for (const id of ["step", "back", "forth", "run", "stop"]) $(id).disabled = true;
$("legend").innerHTML = graph.backward
  ? '<b style="background: rgb(var(--blue))">+</b> positive <b style="background: rgb(var(--orange))">\u2212</b> negative, dashed \u00b7 width: gradient flowing back \u00b7 on arrows: d result / d argument'
  : "backward() has not been run: no gradients";
svg.setAttribute("aria-label", graph.title);
welcome(); build(); draw(); fit(); foldLabel();
if (graph.select !== null) pick(graph.select);
document.documentElement.dataset.ready = "yes";
