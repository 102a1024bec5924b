"use strict";
// The page: boxes and arrows that fold and unfold, light, a panel that explains, a backward pass in steps.
// The graph and its numbers are graph.js, where everything stands is layout.js. Nothing is fetched.

const $ = id => document.getElementById(id);
const svg = document.querySelector("#stage svg"), panel = $("panel");
const cut = (text, longest) => [...text].length > longest ? [...text].slice(0, longest - 1).join("") + DOTS : text;

// ---- boxes: nodes, or units folded into one ---------------------------------------------------------

const unfolded = new Set(graph.folded ? [] : graph.units.keys());
const COMPACT = 20, LABELLED = 60, HEADED = 200;  // boxes above which a unit is one line, arrows above which no label, no head
const ROW = 20, PAD = 7, LEGIBLE = 0.75, FARTHEST = 0.02;  // of a box in pixels; the least scale of the first view: 12 px are then 9; of any view
const WAYS = [{stacked: false, room: 1}, {stacked: true, room: 1}, {stacked: true, room: 0.6}, {stacked: true, room: 0.3}];  // to arrange them
const ARRANGED = 120;  // boxes up to which more ways than the first are tried
const SMALL = 40, NARROW = 720;  // boxes up to which a frame of so many pixels shows all of it at first, legible or not
let boxes = [], arrows = [], boxOf = [];

function build() {
  const folded = new Map(), merged = new Map();
  boxes = []; boxOf = [];
  nodes.forEach((n, i) => {
    const unit = n.unit === null || unfolded.has(n.unit) ? null : n.unit;
    if (!folded.has(unit) || unit === null) { folded.set(unit, boxes.length); boxes.push({unit, members: []}); }
    boxes[folded.get(unit)].members.push(i);
    boxOf.push(folded.get(unit));
  });
  for (const e of edges) {
    const source = boxOf[e.source], target = boxOf[e.target], single = boxes[source].unit === null && boxes[target].unit === null;
    if (source === target) continue;
    const key = single ? `${source} ${target} ${e.position}` : `${source} ${target}`;
    if (!merged.has(key)) merged.set(key, {source, target, edges: []});
    merged.get(key).edges.push(e);
  }
  arrows = [...merged.values()];
  boxes.forEach(examine);
  for (const a of arrows) { a.local = localOf(a); a.label = arrows.length > LABELLED || a.local === null ? null : show(a.local, true); }
  let best = null;
  for (const way of boxes.length <= ARRANGED ? WAYS : WAYS.slice(0, 1)) {  // the first in which all is legible at once
    arrange(way);
    const scale = fitting();
    if (scale >= LEGIBLE) return;
    if (best === null || (way.room === 1 || atOnce()) && scale > best.scale) best = {way, scale};
  }
  if (boxes.length <= ARRANGED) arrange(best.way);  // there is none: then with all the room, or with the least
}

// Text into the boxes, and everything to its place: stacked boxes are narrow and high, `room` is a share of the gaps.
function arrange({stacked, room}) {
  const dense = boxes.length > COMPACT && boxes.some(b => b.unit !== null), labels = arrows.map(a => a.label && [widthOf(a.label, "11px") + 2 + 6 * room, 14]);
  for (const b of boxes) fill(b, stacked, dense);
  const plan = layered(boxes.map(b => [b.w, b.h]), arrows.map(a => [a.source, a.target]), labels, {box: dense ? 7 : 16, most: (dense ? 80 : 120) * room, room});
  boxes.forEach((b, k) => { const [x, y] = plan.boxes[k]; b.x = x - b.w / 2; b.y = y - b.h / 2; });
  arrows.forEach((a, k) => { a.path = plan.paths[k]; a.place = plan.labels[k]; });
}

function examine(b) {  // what the box hands out, and the derivative of its one output by each member
  b.outputs = b.members.filter(i => i === root || outOf[i].some(e => boxOf[e.target] !== boxOf[i]));
  b.reach = new Map(b.members.map(i => [i, 0]));
  if (b.outputs.length !== 1) return;
  b.reach.set(b.outputs[0], 1);
  for (const i of [...b.members].reverse()) for (const e of into[i])
    if (b.reach.has(e.source)) b.reach.set(e.source, b.reach.get(e.source) + e.partial * b.reach.get(i));
}

// Between boxes with one output each there is one derivative; where there are more, no number stands for them.
function localOf(a) {
  const [s, t] = [boxes[a.source], boxes[a.target]];
  return s.outputs.length === 1 && t.outputs.length === 1 ? sum(a.edges, e => e.partial * t.reach.get(e.target)) : null;
}

const pen = document.createElement("canvas").getContext("2d");
const FAMILY = getComputedStyle(document.body).fontFamily;
function widthOf(text, font) { pen.font = `${font} ${FAMILY}`; return pen.measureText(text).width; }

// The text of a box: a head, then for each node shown its number and its gradient; a unit among many is one line.
function fill(b, stacked, dense) {
  b.digits = dense ? 3 : 4;
  b.head = b.unit === null ? headOf(nodes[b.members[0]]) : [cut(graph.units[b.unit], 26), count(b.members.length, "node")];
  if (b.unit === null) b.rows = [{i: b.members[0], left: "data ", right: "grad "}];
  else {
    const results = b.members.filter(i => nodes[i].args.length && (nodes[i].name || b.outputs.includes(i)));
    const shown = (results.length ? results : b.outputs).slice(dense ? -1 : -4).reverse();
    b.rows = shown.map(i => ({i, left: `${cut(nameOf(i), 18)} `, right: ""}));
  }
  b.flat = dense && b.unit !== null;
  if (b.flat) { b.rows[0].left = `${b.head[0].replace(/^unit /, "")} `; b.head = ["", ""]; }
  const left = most(b.rows, r => Math.max(...[show(nodes[r.i].data, false, b.digits), LEAST].map(s => widthOf(r.left + s, "12px")))) + 2 * PAD;
  const right = most(b.rows, r => Math.max(...[show(grad(r.i), true, b.digits), LEAST].map(s => widthOf(r.right + s, "12px")))) + 2 * PAD;
  const head = widthOf(b.head[0], "bold 12px") + widthOf(b.head[1], "12px") + 3 * PAD;
  b.stacked = stacked && b.unit === null;
  b.w = Math.ceil(Math.max(b.stacked ? Math.max(left, right) : left + right, head));
  b.split = b.stacked ? 0 : left;
  b.h = ROW * (b.rows.length + (b.flat ? 0 : 1) + (b.stacked ? 1 : 0));
}
const LEAST = `${MINUS}9e${MINUS}9`;  // room for this at least, for numbers that come later
const headOf = n => [cut(n.name, 26), n.op ? n.sign : n.name ? "" : "leaf"];

// ---- drawing ----------------------------------------------------------------------------------------

const make = (parent, tag, attributes = {}, text = null) => {
  const e = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", tag));
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (text !== null) e.textContent = text;
  return e;
};
const finite = x => Number.isFinite(x) ? Math.abs(x) : 0;
const largestFlow = most(edges, e => finite(flow(e))) || 1, largestGrad = most([...nodes.keys()], i => i === root ? 0 : finite(grad(i))) || 1;
const strength = (x, largest) => Math.sqrt(Math.min(1, Math.abs(x) / largest));
function tint(x) {
  if (x === null || x === 0) return x === 0 ? "var(--zero)" : "none";
  if (!Number.isFinite(x)) return "var(--broken)";
  return `rgba(var(--${x > 0 ? "blue" : "orange"}), ${(Math.ceil(4 * strength(x, largestGrad)) / 4).toFixed(2)})`;
}

let canvas, lines, over, notes;  // what moves and scales; in it all arrows, copies of those that are lit, labels that come and go
function redraw() {
  svg.replaceChildren();  // first of all: what loses the focus by it still knows the old boxes
  build();
  canvas = make(svg, "g"); lines = make(canvas, "g"); over = make(canvas, "g");
  svg.classList.toggle("many", arrows.length > HEADED);
  arrows.forEach(drawArrow);
  boxes.forEach(drawBox);
  notes = make(canvas, "g", {class: "notes"});
  lit = null;
  refresh();
}

function drawArrow(a) {
  const flows = a.edges.map(flow), one = boxes[a.source].outputs.length === 1;
  const total = !graph.backward ? 0 : one ? sum(flows, f => f) : flows.reduce((m, f) => finite(f) > finite(m) ? f : m);
  const mixed = !one && flows.some(f => f > 0) && flows.some(f => f < 0);
  const kind = !Number.isFinite(total) ? "broken" : mixed || !total ? "" : total > 0 ? "plus" : "minus";
  const width = kind === "broken" ? 2 : total ? 0.6 + 3.4 * strength(total, largestFlow) : 0.6;
  a.element = make(lines, "g", {class: `arrow ${kind}`});
  make(a.element, "path", {class: "line", d: a.path, "stroke-width": width.toFixed(2)});
  if (arrows.length <= HEADED) {  // an arrow ends level, in the numbers at the end of its path
    const [x, y] = a.path.split(/[ C]/).slice(-2).map(Number), long = 5 + width, half = 2.5 + 0.6 * width;
    make(a.element, "path", {class: "tip", d: `M${x} ${y}l${-long} ${half}v${-2 * half}z`});
  }
  if (!a.place) return;
  const [x, y] = a.place, w = widthOf(a.label, "11px") + 6;
  make(a.element, "rect", {class: "ground", x: x - w / 2, y: y - 7, width: w, height: 14});
  make(a.element, "text", {class: "local", x, y: y + 4, "text-anchor": "middle"}, a.label);
}

function drawBox(b, k) {
  const i = b.members[0], title = b.unit === null ? called(i) : `${graph.units[b.unit]}, folded, ${count(b.members.length, "node")}`;
  const told = b.rows.map(r => `${b.unit === null ? "" : nameOf(r.i) + " "}data ${show(nodes[r.i].data)}, grad ${show(grad(r.i), true)}`);
  const place = `translate(${b.x} ${b.y})`, name = [title, ...told].join(", ");
  const g = b.element = make(canvas, "g", {class: "box", transform: place, tabindex: 0, role: "button", "aria-label": name});
  g.classList.toggle("root", b.members.includes(root));
  make(g, "title", {}, [title, ...told].join("\n"));
  make(g, "rect", {class: "paper", width: b.w, height: b.h, rx: 3});
  if (!b.flat) {
    make(g, "rect", {class: b.unit !== null ? "unit" : nodes[i].args.length ? "inner" : "leaf", width: b.w, height: ROW, rx: 3});
    make(g, "text", {class: "name", x: PAD, y: 14}, b.head[0]);
    make(g, "text", {class: "faint", x: b.w - PAD, y: 14, "text-anchor": "end"}, b.head[1]);
  }
  b.rows.forEach((row, r) => {
    const y = ROW * (r + (b.flat ? 0 : 1)), below = b.stacked ? y + ROW : y;
    row.tint = make(g, "rect", {x: b.split, y: below, width: b.w - b.split, height: ROW});
    row.number = make(g, "text", {x: PAD, y: y + 14});
    row.grad = make(g, "text", b.stacked ? {x: PAD, y: below + 14} : {x: b.w - PAD, y: y + 14, "text-anchor": "end"});
  });
  make(g, "rect", {class: "frame", width: b.w, height: b.h, rx: 3});
  g.onclick = () => choose(k);
  g.ondblclick = () => toggle(k);
  g.onkeydown = event => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (event.shiftKey) toggle(k); else choose(k);
  };
  g.onmouseenter = () => light(k);
  g.onfocus = () => { light(k); if (g.matches(":focus-visible")) reveal(k); };
  g.onmouseleave = g.onblur = () => light(restingBox());
}

// Every number and mark in the picture, as it is after `at` steps and with what was changed; only what differs is touched.
function refresh() {
  const grads = at < order.length ? gradients(at) : final, now = stepping && at ? order[at - 1] : null;
  const waits = i => stepping && at < reached[i];
  for (const b of boxes) {
    set(b, "chosen", b.members.includes(chosen));
    set(b, "now", b.members.includes(now));
    set(b, "changed", changed !== null && b.members.some(i => changed.has(i)));
    set(b, "waiting", b.members.every(waits));
    for (const row of b.rows) {
      const i = row.i, data = changed?.has(i) ? changed.get(i) : nodes[i].data;
      if (!Object.is(row.data, data)) { row.data = data; row.number.textContent = fitted(row.left, data, false, "", b.digits, b.split || b.w); }
      const g = !graph.backward || at < reached[i] && at < order.length ? null : grads[i], part = g !== null && at < whole[i];
      if (row.told && Object.is(row.was, g) && row.part === part) continue;
      Object.assign(row, {told: true, was: g, part});
      row.grad.textContent = fitted(row.right, g, true, part ? DOTS : "", b.digits, b.w - b.split);
      row.tint.setAttribute("fill", tint(g));
    }
  }
  for (const a of arrows) {
    set(a, "now", a.edges.some(e => e.target === now));
    set(a, "waiting", stepping && a.edges.every(e => at < handled[e.target]));
  }
}
function fitted(before, x, signed, after, digits, room) {  // a number that came later has to do with the room there is
  const fits = text => widthOf(text, "12px") <= room - PAD;
  for (let d = digits; d; d--) { const text = before + show(x, signed, d) + after; if (fits(text)) return text; }
  return before + (x < 0 ? MINUS : signed ? "+" : "") + `${Math.abs(x).toExponential(0)}`.replace("e+", "e").replace("-", MINUS);
}
function set(thing, mark, value) { if (!!thing[mark] !== value) { thing[mark] = value; thing.element.classList.toggle(mark, value); } }

// ---- light: every path from a box to the root -------------------------------------------------------

let lit = null;  // the box that is lit
const restingBox = () => chosen !== null ? boxOf[chosen] : null;
function light(k) {
  if (k === lit) return;
  lit = k;
  notes.replaceChildren();
  const on = new Set();
  if (k !== null) for (const i of above(boxes[k].members)) on.add(boxOf[i]);
  const all = k === null || boxes[k].members.includes(root);  // every path ends there: nothing to dim
  boxes.forEach((b, j) => set(b, "dim", !all && !on.has(j)));
  lines.classList.toggle("dim", !all);  // one group at once: thousands of arrows one by one would take too long
  over.replaceChildren(...all ? [] : arrows.filter(a => on.has(a.source) && on.has(a.target)).map(a => a.element.cloneNode(true)));
  if (k === null) return;
  for (const a of arrows) if (!a.place && a.local !== null && (a.source === k || a.target === k) && notes.childElementCount < 100) note(a, a.source === k);
}
function note(a, forth) {  // the local partial of an arrow, at its other end, where there is room for it
  const [x, y] = forth ? a.path.split(/[ C]/).slice(-2).map(Number) : a.path.slice(1).split(/[ C]/).slice(0, 2).map(Number);
  make(notes, "text", {class: "local", x: x + (forth ? -9 : 5), y: y + 4, "text-anchor": forth ? "end" : "start"}, show(a.local, true));
}

function toggle(k) {  // fold or unfold the unit of box k in place: it stays where it is on the screen
  const first = boxes[k].members[0], unit = nodes[first].unit, {x, y} = boxes[k];
  if (unit === null) return;
  if (!unfolded.delete(unit)) unfolded.add(unit);
  const focused = boxes[k].element === document.activeElement;
  redraw(); foldLabel();
  const b = boxes[boxOf[first]];
  view.x += (x - b.x) * view.scale; view.y += (y - b.y) * view.scale;
  move();
  if (focused) b.element.focus({preventScroll: true});
  light(restingBox());
  if (chosen !== null) describe();
}

// ---- looking around ---------------------------------------------------------------------------------

let view = {x: 0, y: 0, scale: 1}, fittedFor = {width: 0, height: 0};  // the size of the stage that `view` was made for
function move() { canvas.setAttribute("transform", `translate(${view.x.toFixed(2)} ${view.y.toFixed(2)}) scale(${view.scale.toFixed(4)})`); }
const extent = () => [Math.min(...boxes.map(b => b.x)), Math.min(...boxes.map(b => b.y)), most(boxes, b => b.x + b.w), most(boxes, b => b.y + b.h)];
function fitting() {  // the scale at which all of it is seen
  const {width, height} = svg.getBoundingClientRect(), [x0, y0, x1, y1] = extent();
  return Math.max(FARTHEST, Math.min((width - 28) / (x1 - x0), (height - 28) / (y1 - y0), 1.4));
}
function fit(least = 0) {  // all of it; if that is smaller than `least`, the part around what is chosen, or the root's end
  const {width, height} = svg.getBoundingClientRect(), [x0, y0, x1, y1] = extent(), scale = Math.max(least, fitting());
  const center = boxes[boxOf[chosen ?? root]];
  const along = (size, low, high, middle) => scale * (high - low) <= size - 20 ? (size - scale * (low + high)) / 2
    : Math.min(14 - scale * low, Math.max(size - 14 - scale * high, size / 2 - scale * middle));
  view = {scale, x: along(width, x0, x1, center.x + center.w / 2), y: along(height, y0, y1, center.y + center.h / 2)};
  fittedFor = {width, height};
  move();
}
const atOnce = () => innerWidth <= NARROW && boxes.length <= SMALL && chosen === null;
const firstView = () => fit(atOnce() ? 0 : LEGIBLE);
function reveal(k) {  // bring a box into view, by the shortest way
  const {width, height} = svg.getBoundingClientRect(), b = boxes[k], margin = 24;
  const shift = (low, length, room) => Math.max(margin - low, 0) || Math.min(room - margin - low - length, 0);
  view.x += shift(view.x + b.x * view.scale, b.w * view.scale, width);
  view.y += shift(view.y + b.y * view.scale, b.h * view.scale, height);
  move();
}
function zoom(factor, x, y) {  // around a point of the screen
  const scale = Math.min(8, Math.max(FARTHEST, view.scale * factor));
  view = {scale, x: x - (x - view.x) * scale / view.scale, y: y - (y - view.y) * scale / view.scale};
  move();
}
function zoomMiddle(factor) { zoom(factor, svg.clientWidth / 2, svg.clientHeight / 2); }
svg.addEventListener("wheel", event => {
  const box = svg.getBoundingClientRect();
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
}, {passive: false});
svg.onpointerdown = event => {
  if (event.target.closest(".box")) return;
  svg.classList.add("dragging"); svg.setPointerCapture(event.pointerId);
  svg.onpointermove = e => { view.x += e.movementX; view.y += e.movementY; move(); };
};
svg.onpointerup = svg.onpointercancel = () => { svg.classList.remove("dragging"); svg.onpointermove = null; };
$("stage").onscroll = () => { $("stage").scrollTo(0, 0); };  // a focused box is brought into view by reveal, not by scrolling

// ---- the panel --------------------------------------------------------------------------------------

let chosen = null;  // a node
const put = (tag, text, parent = panel) => { const e = parent.appendChild(document.createElement(tag)); e.textContent = text; return e; };
function link(i, parent) { const b = put("button", called(i), parent); b.className = "link"; b.onclick = () => { pick(i); panel.focus(); }; return b; }
function table(heads, rows, parent = panel) {  // a number in a row is a node, everything else is text
  const t = put("table", "", put("div", "", parent));
  for (const [cells, tag] of [[heads, "th"], ...rows.map(r => [r, "td"])]) {
    const tr = put("tr", "", t);
    for (const c of cells) if (typeof c === "number") link(c, put(tag, "", tr)); else put(tag, c, tr);
  }
  return t;
}
function say(sentence) { $("live").textContent = sentence; }
function notice() { put("p", "backward() has not been run: there are no gradients yet").className = "notice"; }

function choose(k) {  // a folded unit stands for its result
  const b = boxes[k];
  pick(b.unit === null ? b.members[0] : b.rows[0].i);
}
function pick(i) {
  chosen = i; changed = null; stepping = false; at = order.length;
  showStep(); refresh(); light(boxOf[i]); reveal(boxOf[i]); describe();
  say(`${called(i)}: data ${show(nodes[i].data)}, gradient ${show(grad(i), true)}`);
}

function describe() {
  const i = chosen, n = nodes[i];
  panel.replaceChildren();
  put("h2", called(i) + (n.op ? ` = ${n.op}` : ""));
  put("p", `data ${show(n.data, false, 7)}`).className = "number";
  put("p", `d ${nameOf(root)} / d ${nameOf(i)} = ${show(grad(i), true, 7)}`).className = "number";
  if (graph.backward) sumOfUses(i); else notice();
  if (!n.args.length) whatIfField(i);
  else madeFrom(i);
  if (n.unit !== null) aboutUnit(i);
}

const ROWS_SHOWN = 24;
function sumOfUses(i) {  // of many uses the largest first, the rest added up
  const uses = outOf[i].map(e => ({e, product: flow(e)})), many = uses.length > ROWS_SHOWN;
  const sorted = many ? [...uses].sort((p, q) => size(q.product) - size(p.product)) : uses;
  const rows = sorted.slice(0, ROWS_SHOWN).map(({e, product}) =>
    [e.target, show(e.partial, true), `${TIMES} ${show(grad(e.target), true)}`, `= ${show(product, true)}`]);
  if (many) rows.push([`${DOTS} ${uses.length - ROWS_SHOWN} more`, "", "", `= ${show(sum(sorted.slice(ROWS_SHOWN), u => u.product), true)}`]);
  if (i === root) rows.unshift(["the root itself", "", "", "= +1"]);
  put("h3", i === root ? "why" : `why: ${count(uses.length, "use")}`);
  const t = table(["user", "local", `${TIMES} user's grad`, "= product"], [...rows, ["sum", "", "", `= ${show(grad(i), true)}`]]);
  t.id = "uses"; t.lastChild.className = "sum";
  if (i === root) return;
  const paths = countPaths(i);
  put("h3", `${count(paths, "path")} to ${nameOf(root)}` + (paths > 1n ? ", the strongest first" : ""));
  table(["path", "product"], topPaths(i, 6).map(p => [way(p.via), show(p.product, true)])).id = "paths";
}
function way(via) {  // what a path passes: what has a name, if anything has, and of a long path the ends
  const named = via.filter((i, k) => nodes[i].name && k && k < via.length - 1);
  const names = (named.length ? [via[0], ...named, via[via.length - 1]] : via).map(nameOf);
  return (names.length > 12 ? [...names.slice(0, 5), DOTS, ...names.slice(-5)] : names).join(" \u2192 ");
}

function madeFrom(i) {  // the arguments, and the row's formulas
  const n = nodes[i], row = graph.rows[n.op], rows = [];
  let position = 0;
  n.args.forEach((group, k) => group.forEach((a, j) => {
    const symbol = row.vector[k] ? `${row.args[k]}_${j + 1}` : row.args[k], partial = columns.partials[i][position++];
    const argument = typeof a === "number" ? [a, show(nodes[a].data)] : ["a constant", show(Number(a))];
    rows.push([symbol, ...argument, partial === null ? NONE : show(Number(partial), true)]);
  }));
  put("h3", "made from");
  table(["", "argument", "data", "local"], rows.slice(0, 60)).className = "args";
  if (rows.length > 60) put("p", `${DOTS} ${rows.length - 60} more`);
  const formulas = put("p", "");
  formulas.className = "formulas";
  put("code", `y = ${row.value}`, formulas);
  row.partials.forEach((p, k) => put("code", `dy/d${row.args[k]}${row.vector[k] ? "_i" : ""} = ${p}`, formulas));
  if (row.convention) put("p", `by convention, ${row.convention}`);
}

function aboutUnit(i) {
  const unit = nodes[i].unit, box = boxes[boxOf[i]];
  put("h3", graph.units[unit]);
  const b = put("button", box.unit === null ? "fold this unit" : "unfold this unit");
  b.id = "unit"; b.onclick = () => toggle(boxOf[i]);
  if (box.unit === null) return;
  const members = put("details", "");
  put("summary", `its ${count(box.members.length, "node")}`, members);
  members.open = box.members.length <= 12;
  for (const j of box.members) { link(j, members); put("span", " ", members); }
}

function whatIfField(i) {
  const n = nodes[i];
  put("h3", "what if it were another number?");
  if (!graph.whatif) { put("p", "one of the rows here cannot be computed in a page"); return; }
  const field = put("input", ""), result = put("div", "");
  Object.assign(field, {type: "number", step: "any", id: "whatif", value: n.data});
  field.setAttribute("aria-label", `another number for ${nameOf(i)}`);
  field.oninput = () => {
    result.replaceChildren();
    if (field.value === "" || Number(field.value) === n.data) { changed = null; refresh(); return; }
    whatIf(i, Number(field.value));
    refresh();
    const told = [...changed.keys()].filter(j => nodes[j].name && j !== i || j === root).reverse();
    table(["node", "was", "would be"], told.slice(0, 40).map(j => [j, show(nodes[j].data, false, 6), show(changed.get(j), false, 6)]), result);
    put("p", `${count(changed.size, "node")} would change. The gradients are those of ${nameOf(i)} = ${show(n.data)}.`, result);
    say(`${nameOf(root)} was ${show(nodes[root].data)}, would be ${show(changed.get(root))}`);
  };
}

function welcome() {
  panel.replaceChildren();
  put("h2", graph.title);
  if (!graph.backward) notice();
  put("p", "Choose a box to see why its gradient is that number.");
  const keys = [["\u2190 \u2192", "step the backward pass"], ["Home, End", "its start, its end"], ["Tab, Enter", "move to a box, choose it"],
    ["Shift+Enter", "fold or unfold a unit; also a double click"], ["+ \u2212 0", "zoom, and fit; also the wheel and dragging"], ["Esc", "back to this"]];
  table([], keys).className = "keys";
  const all = put("details", "");
  put("summary", `all ${nodes.length} nodes as a table`, all).id = "all";
  all.ontoggle = () => {
    if (all.childElementCount === 1) table(["node", "op", "data", "grad"], nodes.map((n, i) => [i, n.op ?? "leaf", show(n.data), show(grad(i), true)]), all);
  };
}

// ---- the backward pass, step by step ----------------------------------------------------------------

let at = order.length, stepping = false;
function showStep() { $("step").value = at; $("count").textContent = `${at} of ${order.length}`; }
function go(step, why = "") {
  at = Math.min(order.length, Math.max(0, step));
  stepping = true; chosen = null; changed = null;
  showStep(); refresh();
  panel.replaceChildren();
  put("h2", `backward pass, step ${at} of ${order.length}`);
  if (why) put("p", why).className = "notice";
  const sentence = put("p", ""), i = at ? order[at - 1] : root, given = into[i];
  sentence.id = "say";
  light(null); reveal(boxOf[i]);
  if (!at) sentence.textContent = `It starts at the root: d ${nameOf(root)} / d ${nameOf(root)} = 1. Nothing else has a gradient yet.`;
  else {
    sentence.textContent = `${called(i)} has its whole gradient, ${show(final[i], true)}: every user of it has been handled. ` +
      `As the result of ${nodes[i].op} it hands on local partial ${TIMES} ${show(final[i], true)} to ${count(given.length, "argument")}.`;
    const so = gradients(at);
    table(["argument", "local", "adds", "grad so far"], given.slice(0, 200).map(e =>
      [e.source, show(e.partial, true), show(flow(e), true), show(so[e.source], true) + (at < whole[e.source] ? DOTS : "")])).id = "adds";
    if (given.some(e => at < whole[e.source])) put("p", `${DOTS} more is to come from other users`);
  }
  say(sentence.textContent);
}

function run() {  // forth to the next step at which a gradient becomes whole that was asked for
  const kind = $("stop").value, bound = Number($("bound").value), start = at < order.length ? at : 0, grads = gradients(start);
  const wanted = (g, done) => kind === "big" ? done && Math.abs(g) > bound : kind === "zero" ? done && g === 0 : kind === "nan" && !Number.isFinite(g);
  for (let s = start; s < order.length; s++) {
    handOn(grads, order[s]);
    const hit = into[order[s]].find(e => wanted(grads[e.source], whole[e.source] === s + 1));
    if (hit) return go(s + 1, `Stopped: the gradient of ${called(hit.source)} is ${show(grads[hit.source], true)}.`);
  }
  go(order.length, kind === "end" ? "" : "Nothing stopped it.");
}

// ---- controls ---------------------------------------------------------------------------------------

function foldLabel() {
  $("fold").hidden = !graph.units.length;
  $("fold").textContent = unfolded.size < graph.units.length ? "unfold all" : "fold units";
}
$("fold").onclick = () => {
  if (unfolded.size < graph.units.length) graph.units.forEach((u, k) => unfolded.add(k)); else unfolded.clear();
  redraw(); firstView(); foldLabel(); light(restingBox());
  if (chosen !== null) describe();
};
$("fit").onclick = () => fit();
$("step").oninput = () => go(Number($("step").value));
$("back").onclick = () => go(at - 1);
$("forth").onclick = () => go(stepping || at < order.length ? at + 1 : 0);
$("run").onclick = run;
$("stop").onchange = () => { $("bound").style.visibility = $("stop").value === "big" ? "visible" : "hidden"; };
document.onkeydown = event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key !== "Escape" && event.target.matches("input, select")) return;
  const steps = {ArrowRight: () => $("forth").onclick(), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(order.length)};
  const looks = {"+": () => zoomMiddle(1.25), "-": () => zoomMiddle(0.8), "0": () => fit(),
    Escape: () => { chosen = changed = null; stepping = false; at = order.length; showStep(); refresh(); light(null); welcome(); }};
  const act = looks[event.key] ?? (order.length ? steps[event.key] : null);
  if (act) { event.preventDefault(); act(); }
};
function resized() {  // the page shows what one that had this size from the start would show
  const {width, height} = svg.getBoundingClientRect();
  if (width === fittedFor.width && height === fittedFor.height) return;
  if (boxes.length <= ARRANGED) {  // another way to arrange them may now be the best
    const focused = boxes.findIndex(b => b.element === document.activeElement);
    redraw();
    boxes[focused]?.element.focus({preventScroll: true});
    light(restingBox());
  }
  firstView();
}
new ResizeObserver(resized).observe(svg);  // not "resize", which need not come when a frame is given its size only after this ran

$("title").textContent = $("title").title = graph.title;
$("step").max = order.length;
if (!order.length) for (const id of ["step", "back", "forth", "run", "stop"]) $(id).disabled = true;
const swatch = (text, color, parent) => { put("b", text, parent).style.background = color; };
const legend = $("legend");
if (graph.backward) {
  swatch("+", "rgb(var(--blue))", legend); put("span", " positive ", legend);
  swatch(MINUS, "rgb(var(--orange))", legend); put("span", " negative, dashed; arrow width: gradient flowing back; on arrows: d result / d argument", legend);
} else put("span", "backward() has not been run: no gradients", legend);
svg.setAttribute("aria-label", graph.title);
$("stop").onchange(); showStep(); welcome(); redraw(); foldLabel(); firstView();
if (graph.select !== null) { pick(graph.select); firstView(); }
document.documentElement.dataset.ready = "yes";
