"use strict";
// A layered drawing, after Sugiyama, by the steps of the picture that stands in for the page: the longest
// path gives each box its layer; long edges get a place in the layers they cross, labels one of their own;
// sweeps of barycentres undo crossings; each layer then moves to where its neighbours want it.

const LAYER_GAP = 40, LABEL_GAP = 12, EDGE_GAP = 8, PORT_GAP = 12;
const SPARE = 8;  // places for long edges, per box and edge; beyond that the longest run straight

// sizes: [width, height] of each box; edges: [source, target]; labels: [width, height] or null for each edge.
// gaps: between the boxes of a layer, at most between layers, and the share (`room`) of the usual gaps between them.
// Gives the centre of each box, a path for each edge, the centre of each label.
function layered(sizes, edges, labels, gaps) {
  const count = sizes.length, step = labels.some(l => l) ? 2 : 1;
  sizes = [...sizes];
  const layer = depths(count, edges).map(d => step * d);
  const labelItem = edges.map(() => null);
  const chains = chained();
  const before = sizes.map(() => []), after = sizes.map(() => []);
  for (const chain of chains) for (let k = 1; k < chain.length; k++) {
    if (layer[chain[k]] - layer[chain[k - 1]] !== 1) continue;
    after[chain[k - 1]].push(chain[k]); before[chain[k]].push(chain[k - 1]);
  }
  let rows = firstRows();
  uncross();
  const y = settled();
  const {x, bounds} = spread();
  const ports = ported();
  return {
    boxes: sizes.slice(0, count).map((size, i) => [x[i], y[i]]),
    paths: chains.map((chain, e) => curve(route(chain, e))),
    labels: labelItem.map(d => d === null ? null : [x[d], y[d]]),
  };

  function chained() {  // for each edge the items from source to target; a label is the last before the target
    const found = edges.map(edge => [...edge]);
    const span = edges.map(([s, t]) => layer[t] - layer[s]);
    let spare = 1000 + SPARE * (count + edges.length);
    for (const e of [...edges.keys()].sort((a, b) => span[a] - span[b])) {
      const [s, t] = edges[e], through = [];
      spare -= span[e] - 1;
      for (let at = spare < 0 ? layer[t] - 1 : layer[s] + 1; at < layer[t] && at > layer[s]; at++) {
        const isLabel = labels[e] && at === layer[t] - 1;
        if (isLabel) labelItem[e] = sizes.length;
        through.push(sizes.length);
        sizes.push(isLabel ? labels[e] : [0, 0]);
        layer.push(at);
      }
      found[e] = [s, ...through, t];
    }
    return found;
  }

  function firstRows() {  // each layer as given, the places of an edge where its source stands
    const origin = sizes.map((size, i) => i), found = [];
    for (const chain of chains) for (const d of chain.slice(1, -1)) origin[d] = chain[0];
    for (const i of [...origin.keys()].sort((a, b) => origin[a] - origin[b] || a - b)) (found[layer[i]] ??= []).push(i);
    return found;
  }

  function uncross() {  // to and fro, each layer ordered by the barycentres of its neighbours; the best is kept
    const place = sizes.map(() => 0), number = row => row.forEach((i, p) => { place[i] = p; });
    let best = rows.map(row => [...row]), fewest = crossings(place, number);
    for (let turn = 0; turn < (sizes.length < 1000 ? 24 : 8) && fewest; turn++) {
      const near = turn % 2 ? before : after;
      rows.forEach(number);
      for (const row of turn % 2 ? rows : [...rows].reverse()) {
        const wish = new Map(row.map(i => [i, near[i].length ? mean(near[i], j => place[j]) : place[i]]));
        row.sort((a, b) => wish.get(a) - wish.get(b));
        number(row);
      }
      const now = crossings(place, number);
      if (now < fewest) { best = rows.map(row => [...row]); fewest = now; }
    }
    rows = best;
  }

  function crossings(place, number) {  // pairs of edges that cross: inversions, counted in a Fenwick tree
    let crossed = 0;
    rows.forEach(number);
    for (let r = 0; r + 1 < rows.length; r++) {
      const tree = new Int32Array(rows[r + 1].length + 1);
      let seen = 0;
      for (const i of rows[r]) {
        for (const j of after[i]) {
          crossed += seen;
          for (let p = place[j] + 1; p; p &= p - 1) crossed -= tree[p];
        }
        seen += after[i].length;
        for (const j of after[i]) for (let p = place[j] + 1; p < tree.length; p += p & -p) tree[p]++;
      }
    }
    return crossed;
  }

  function settled() {
    const at = sizes.map(() => 0), pull = sizes.map((size, i) => i < count ? 1 : 8);  // long edges: straight
    for (const row of rows) settle(row, at, row.map(() => 0), row.map(() => 1));
    const turns = sizes.length < 5000 ? 9 : 5;
    for (let turn = 0; turn < turns; turn++) for (const row of turn % 2 ? rows : [...rows].reverse()) {
      const wants = [], weights = [];
      for (const i of row) {
        const near = 3 * turn >= 2 * turns ? [...before[i], ...after[i]] : turn % 2 ? before[i] : after[i];
        const weight = near.reduce((s, j) => s + pull[j], 0);
        wants.push(near.length ? near.reduce((s, j) => s + at[j] * pull[j], 0) / weight : at[i]);
        weights.push(near.length ? weight * pull[i] : 0.1);
      }
      settle(row, at, wants, weights);
    }
    return at;
  }

  function settle(row, at, wants, weights) {  // as near to where it wants as order and sizes allow: isotonic regression
    const offsets = [], blocks = [];  // a block: what its items want on average, its weight, how many they are
    row.forEach((i, k) => {
      const a = row[k - 1], gap = a < count && i < count ? gaps.box : EDGE_GAP;
      offsets.push(k ? offsets[k - 1] + (sizes[a][1] + sizes[i][1]) / 2 + gap : 0);
      let block = [wants[k] - offsets[k], weights[k], 1];
      while (blocks.length && blocks[blocks.length - 1][0] >= block[0]) {
        const [m, w, n] = blocks.pop();
        block = [(m * w + block[0] * block[1]) / (w + block[1]), w + block[1], n + block[2]];
      }
      blocks.push(block);
    });
    let k = 0;
    for (const [m, , n] of blocks) for (const end = k + n; k < end; k++) at[row[k]] = m + offsets[k];
  }

  function spread() {  // positions along the edges; steep edges get more room
    const steepest = rows.map(() => 0), found = [];
    after.forEach((near, i) => { for (const j of near) steepest[layer[i]] = Math.max(steepest[layer[i]], Math.abs(y[i] - y[j])); });
    let start = 0;
    rows.forEach((row, r) => {
      const width = row.reduce((w, i) => Math.max(w, sizes[i][0]), 0);
      const least = gaps.room * (step === 1 ? LAYER_GAP : LABEL_GAP + Math.min(steepest[r] / 4, 12));
      found.push([start, start + width]);
      start += width + Math.min(Math.max(least, steepest[r] / 5), gaps.most);
    });
    return {x: layer.map(at => (found[at][0] + found[at][1]) / 2), bounds: found};
  }

  function ported() {  // where each edge leaves and enters: side by side, in the order in which they come
    const ends = edges.map(([s, t]) => [y[s], y[t]]);
    for (const end of [0, 1]) {
      const meeting = sizes.slice(0, count).map(() => []);
      edges.forEach((edge, e) => meeting[edge[end]].push(e));
      meeting.forEach((es, i) => {
        const next = e => y[chains[e][end ? chains[e].length - 2 : 1]];
        es.sort((a, b) => next(a) - next(b) || a - b);
        const gap = Math.min(PORT_GAP, 0.8 * sizes[i][1] / es.length);
        es.forEach((e, k) => { ends[e][end] += (k - (es.length - 1) / 2) * gap; });
      });
    }
    return ends;
  }

  function route(chain, e) {  // the points an edge runs through; level beside a box and under its label
    const [s, t] = edges[e], [leave, enter] = ports[e];
    const points = [[x[s] + sizes[s][0] / 2, leave], [bounds[layer[s]][1], leave]];
    for (const d of chain.slice(1, -1)) {
      const half = sizes[d][0] / 2, [left, right] = d === labelItem[e] ? [x[d] - half, x[d] + half] : bounds[layer[d]];
      points.push([left, y[d]], [right, y[d]]);
    }
    points.push([bounds[layer[t]][0], enter], [x[t] - sizes[t][0] / 2, enter]);
    return points;
  }
}

const mean = (is, f) => is.reduce((s, i) => s + f(i), 0) / is.length;

// The layer of each box: as near to its users as they allow.
function depths(count, edges) {
  const args = Array.from({length: count}, () => []), waiting = new Array(count).fill(0);
  for (const [s, t] of edges) { args[t].push(s); waiting[s]++; }
  const height = new Array(count).fill(0);  // longest path to a box without users
  const ready = [...waiting.keys()].filter(i => !waiting[i]);
  for (const i of ready) for (const j of args[i]) {
    height[j] = height[i] + 1;  // the last user to come is the highest
    if (!--waiting[j]) ready.push(j);
  }
  const top = height.reduce((a, b) => Math.max(a, b), 0);
  return height.map(h => top - h);
}

// A smooth line through points ordered by x, never leaving the band between two of them.
function curve(points) {
  points = points.filter((p, k) => !k || p[0] > points[k - 1][0] + 1e-9);
  const slope = k => {
    if (!k || k === points.length - 1) return 0;
    const [[a, b], [c, d], [e, f]] = points.slice(k - 1, k + 2), left = (d - b) / (c - a), right = (f - d) / (e - c);
    return left * right > 0 ? 2 * left * right / (left + right) : 0;
  };
  const px = n => Math.round(n * 10) / 10;
  let path = `M${px(points[0][0])} ${px(points[0][1])}`;
  for (let k = 1; k < points.length; k++) {
    const [[a, b], [c, d]] = points.slice(k - 1, k + 1), third = (c - a) * 0.4;
    path += `C${px(a + third)} ${px(b + slope(k - 1) * third)} ${px(c - third)} ${px(d - slope(k) * third)} ${px(c)} ${px(d)}`;
  }
  return path;
}
