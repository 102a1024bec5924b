"use strict";
// One gradient graph, read from the JSON of the page: nodes in topological order, each with its arguments
// and the local partial on each of these edges. What is computed from them is the chain rule, once
// (handOn), the paths to the root, and for the what-if field the rows themselves (ROWS).

const graph = JSON.parse(document.getElementById("graph").textContent);
const root = graph.root, columns = graph.nodes;
const nodes = columns.data.map((data, i) => ({
  name: columns.name[i], op: columns.op[i], sign: columns.sign[i], unit: columns.unit[i],
  data: Number(data), args: columns.args[i],
}));

// ---- numbers and names ------------------------------------------------------------------------------

const MINUS = "\u2212", NONE = "\u2013", DOTS = "\u2026", TIMES = "\u00d7";
function show(x, signed = false, digits = 4) {
  if (x === null) return NONE;
  if (x === 0) return "0";
  if (Number.isNaN(x)) return "nan";
  const sign = x < 0 ? MINUS : signed ? "+" : "";
  if (!Number.isFinite(x)) return sign + "inf";
  const [mantissa, exponent] = Math.abs(x).toExponential(digits - 1).split("e").map(Number);
  return sign + (exponent < -4 || exponent >= digits ? `${mantissa}e${exponent}`.replace("-", MINUS) : Number(Math.abs(x).toPrecision(digits)));
}
const nameOf = i => nodes[i].name || `v${i}`;
const called = i => nodes[i].name || (nodes[i].op ? `v${i} (${nodes[i].sign})` : `v${i}`);
const count = (n, what) => `${n.toLocaleString("en")} ${what}${n == 1 ? "" : "s"}`;  // == for a BigInt, too
const sum = (xs, f) => xs.reduce((s, x) => s + f(x), 0);
const most = (xs, f) => xs.reduce((m, x) => Math.max(m, f(x)), 0);

// ---- the graph and its gradients --------------------------------------------------------------------

// One edge per use: an argument that stands twice has two. A constant is a string and has none.
const edges = [], into = nodes.map(() => []), outOf = nodes.map(() => []);
const steep = new Set(graph.steep.map(String));
nodes.forEach((n, target) => n.args.flat().forEach((source, position) => {
  if (typeof source !== "number") return;
  const partial = Number(columns.partials[target][position]);
  const e = {source, target, partial, position, steep: steep.has(`${target},${position}`)};
  edges.push(e); into[target].push(e); outOf[source].push(e);
}));

// The chain rule. A steep edge (an infinite partial) hands nothing on from a gradient of exactly zero.
const product = (e, gradient) => e.steep && gradient === 0 ? 0 : e.partial * gradient;
function handOn(grads, i) { for (const e of into[i]) grads[e.source] += product(e, grads[i]); }

// The backward pass handles every result from the root down; each hands on to its arguments.
const order = graph.backward ? [...nodes.keys()].filter(i => nodes[i].args.length).reverse() : [];
function gradients(steps) {
  const grads = new Float64Array(nodes.length);
  grads[root] = 1;
  for (let s = 0; s < steps; s++) handOn(grads, order[s]);
  return grads;
}
const final = gradients(order.length);
const grad = i => graph.backward ? final[i] : null;
const flow = e => graph.backward ? product(e, final[e.target]) : null;

// The steps at which a node is handled, its gradient begins, and its gradient is whole.
const handled = nodes.map(() => Infinity), reached = nodes.map(() => Infinity), whole = nodes.map(() => 0);
order.forEach((i, s) => {
  handled[i] = s + 1;
  for (const e of into[i]) { reached[e.source] = Math.min(reached[e.source], s + 1); whole[e.source] = s + 1; }
});
reached[root] = 0;

// ---- paths ------------------------------------------------------------------------------------------

function above(starts) {  // everything on a path from one of the nodes to the root
  const reach = new Set(starts), stack = [...starts];
  while (stack.length) for (const e of outOf[stack.pop()]) if (!reach.has(e.target)) { reach.add(e.target); stack.push(e.target); }
  return reach;
}

function countPaths(i) {  // exactly, however many
  const paths = new Array(nodes.length).fill(0n);
  paths[root] = 1n;
  for (let n = root - 1; n >= i; n--) for (const e of outOf[n]) paths[n] += paths[e.target];
  return paths[i];
}

// The k paths of largest product, best first: of all beginnings the one with the largest bound grows on,
// and the bound is exact, so no others are followed. Of equals the one nearest to the root.
const times = (p, q) => p && q ? p * q : 0, size = x => Number.isNaN(x) ? Infinity : Math.abs(x);
function topPaths(i, k) {
  const best = new Array(nodes.length).fill(0), found = [];
  best[root] = 1;
  for (let n = root - 1; n >= i; n--) best[n] = most(outOf[n], e => times(size(e.partial), best[e.target]));
  const open = [{at: i, size: 1, bound: best[i], edge: null, from: null}];
  while (open.length && found.length < k) {
    let top = 0;
    open.forEach((o, j) => { if (o.bound > open[top].bound || o.bound === open[top].bound && o.at > open[top].at) top = j; });
    const path = open.splice(top, 1)[0];
    if (path.at === root) found.push(finished(path, i));
    else for (const edge of outOf[path.at]) {
      const grown = times(path.size, size(edge.partial));
      open.push({at: edge.target, size: grown, bound: times(grown, best[edge.target]), edge, from: path});
    }
  }
  return found;
}
function finished(path, i) {  // multiplied from the root down, as the chain rule does
  const via = [];
  let total = 1;
  for (let p = path; p.edge; p = p.from) { total = p.edge.partial * total; via.unshift(p.at); }
  return {via: [i, ...via], product: total};
}

// ---- what if a leaf were another number -------------------------------------------------------------

let changed = null;  // node -> its new number
function whatIf(leaf, number) {
  const cone = above([leaf]);
  changed = new Map([[leaf, number]]);
  const now = a => typeof a !== "number" ? Number(a) : changed.has(a) ? changed.get(a) : nodes[a].data;
  nodes.forEach((n, i) => {
    if (i === leaf || !cone.has(i)) return;
    changed.set(i, ROWS[n.op](...n.args.map((group, k) => graph.rows[n.op].vector[k] ? group.map(now) : now(group[0]))));
  });
}
