"""A layered drawing of a directed graph, after Sugiyama: every edge points the same way.

The longest path gives each node its layer. Long edges get a place in the layers they cross, sweeps of
barycentres undo crossings, and each layer is then moved to where its neighbours want it, exactly, by
isotonic regression. Loops only, ties kept in index order: one graph has one drawing, on any machine.

    >>> plan = layout([(40, 20), (40, 20), (40, 20)], [(0, 2), (1, 2)])
    >>> [(round(x), round(y)) for x, y in plan.centers], round(plan.width), round(plan.height)
    ([(20, 10), (20, 46), (100, 28)], 120, 56)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass


Point = tuple[float, float]
Size = tuple[float, float]  # width and height; within this file: along the edges and across them

GAP = 40.0  # between layers, at least
LABEL_GAP = 18.0  # between a layer and the labels beside it, at least; steep edges get more
NODE_GAP = 16.0  # between neighbours in a layer
EDGE_GAP = 8.0  # between edges that cross a layer
PORT_GAP = 12.0  # between edges that meet at a node, at most
SPARE = 8  # places for long edges, per node and edge; beyond that the longest run straight


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes, in pixels from the top left corner; x to the right, y down."""

    width: float
    height: float
    centers: tuple[Point, ...]  # of each node
    routes: tuple[tuple[Point, ...], ...]  # of each edge: a point, then three for each Bezier curve
    labels: tuple[Point | None, ...]  # the centre of each edge's label


def layout(
    sizes: Sequence[Size], edges: Sequence[tuple[int, int]], labels: Sequence[Size | None] = (), rankdir: str = "LR"
) -> Layout:
    """Positions of nodes of these sizes, routes of `edges` (source, target), places for their labels.

    `rankdir` is the direction of the edges: LR, RL, TB or BT. Raises ValueError for a circle.
    """
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"rankdir must be LR, RL, TB or BT, not {rankdir!r}")
    upright, mirrored = rankdir in ("TB", "BT"), rankdir in ("RL", "BT")

    def turned(p: Point) -> Point:
        return (p[1], p[0]) if upright else p

    plan = Plan([turned(s) for s in sizes], edges, [s and turned(s) for s in labels or [None] * len(edges)])

    def placed(p: Point) -> Point:
        return turned((plan.length - p[0] if mirrored else p[0], p[1]))

    return Layout(
        *turned((plan.length, plan.breadth)),
        tuple(placed((plan.along[i], plan.across[i])) for i in range(len(sizes))),
        tuple(tuple(map(placed, curve(plan.route(e)))) for e in range(len(edges))),
        tuple(None if d is None else placed((plan.along[d], plan.across[d])) for d in plan.label_items),
    )


class Plan:
    """The drawing while it is made; its items are the nodes, then the places of edges in the layers they cross."""

    def __init__(self, sizes: Sequence[Size], edges: Sequence[tuple[int, int]], labels: Sequence[Size | None]) -> None:
        self.sizes = list(sizes)
        self.nodes = len(sizes)
        self.edges = edges
        step = 2 if any(labels) else 1  # with labels, every second layer is for them
        self.layer = [step * depth for depth in depths(len(sizes), edges)]
        self.label_items: list[int | None] = [None] * len(edges)
        self.chains = self.chained(labels)
        self.layers: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        self.before: list[list[int]] = [[] for _ in self.sizes]
        self.after: list[list[int]] = [[] for _ in self.sizes]
        for chain in self.chains:
            for a, b in itertools.pairwise(chain):
                if self.layer[b] - self.layer[a] == 1:
                    self.after[a].append(b)
                    self.before[b].append(a)
        origin = list(range(self.nodes)) + [0] * (len(self.sizes) - self.nodes)
        for chain in self.chains:
            for d in chain[1:-1]:
                origin[d] = chain[0]
        for i in sorted(range(len(self.sizes)), key=lambda i: (origin[i], i)):
            self.layers[self.layer[i]].append(i)
        self.uncross()
        self.across = self.settled()
        self.along, self.bounds = self.spread(step)
        self.length = self.bounds[-1][1] if self.bounds else 0.0
        self.breadth = max((y + s[1] / 2 for y, s in zip(self.across, self.sizes, strict=True)), default=0.0)
        self.ports = self.ported()

    def chained(self, labels: Sequence[Size | None]) -> list[list[int]]:
        """For each edge the items from source to target; a label is the item just before the target."""
        chains: list[list[int]] = [[s, t] for s, t in self.edges]
        spare = 1000 + SPARE * (self.nodes + len(self.edges))
        span = [self.layer[t] - self.layer[s] for s, t in self.edges]
        for e in sorted(range(len(chains)), key=span.__getitem__):
            spare -= span[e] - 1
            label = labels[e]
            s, t = chains[e]
            crossed = range(self.layer[s] + 1, self.layer[t])
            for at in crossed if spare >= 0 else crossed[-1:]:
                is_label = label is not None and at == self.layer[t] - 1
                if is_label:
                    self.label_items[e] = len(self.sizes)
                chains[e].insert(-1, len(self.sizes))
                self.sizes.append(label if is_label and label else (0.0, 0.0))
                self.layer.append(at)
        return chains

    # ---- the order within each layer

    def uncross(self) -> None:
        """Sweep to and fro, each layer ordered by the barycentres of its neighbours; keep the best order."""
        rounds = 12 if len(self.sizes) < 1000 else 4
        best, fewest = [list(row) for row in self.layers], self.crossings()
        for turn in range(2 * rounds):
            if not fewest:
                break
            rows, near = (self.layers[::-1], self.after) if turn % 2 == 0 else (self.layers, self.before)
            place = {i: p for row in rows for p, i in enumerate(row)}
            for row in rows:
                row.sort(key=lambda i: sum(place[j] for j in near[i]) / len(near[i]) if near[i] else place[i])
                place.update((i, p) for p, i in enumerate(row))
            if (now := self.crossings()) < fewest:
                best, fewest = [list(row) for row in self.layers], now
        self.layers = best

    def crossings(self) -> int:
        """How many pairs of edges cross: inversions, counted layer by layer in a Fenwick tree."""
        crossed = 0
        for row, following in zip(self.layers, self.layers[1:], strict=False):
            place = {i: p for p, i in enumerate(following, 1)}
            tree = [0] * (len(following) + 1)
            seen = 0
            for i in row:
                ends = [place[j] for j in self.after[i]]
                for p in ends:
                    crossed += seen
                    while p:
                        crossed -= tree[p]
                        p &= p - 1
                seen += len(ends)
                for p in ends:
                    while p < len(tree):
                        tree[p] += 1
                        p += p & -p
        return crossed

    # ---- positions

    def settled(self) -> list[float]:
        """The position of each item across its layer."""
        at = [0.0] * len(self.sizes)
        for row in self.layers:
            self.settle(row, at, [0.0] * len(row), [1.0] * len(row))
        pull = [1.0 if i < self.nodes else 8.0 for i in range(len(self.sizes))]  # long edges: straight
        turns = 9 if len(self.sizes) < 5000 else 5
        for turn in range(turns):  # to and fro, at last with a view to both sides
            both = 3 * turn >= 2 * turns
            rows = self.layers if turn % 2 else self.layers[::-1]
            for row in rows:
                wants, weights = [], []
                for i in row:
                    near = self.before[i] if turn % 2 else self.after[i]
                    if both:
                        near = self.before[i] + self.after[i]
                    weight = sum(pull[j] for j in near)
                    wants.append(sum(at[j] * pull[j] for j in near) / weight if near else at[i])
                    weights.append(weight * pull[i] if near else 0.1)
                self.settle(row, at, wants, weights)
        top = min((y - s[1] / 2 for y, s in zip(at, self.sizes, strict=True)), default=0.0)
        return [y - top for y in at]

    def settle(self, row: list[int], at: list[float], wants: list[float], weights: list[float]) -> None:
        """Put a layer as near (in least squares) to where it wants to be as order and sizes allow."""
        offsets = [0.0]
        for a, b in itertools.pairwise(row):
            gap = NODE_GAP if a < self.nodes and b < self.nodes else EDGE_GAP
            offsets.append(offsets[-1] + (self.sizes[a][1] + self.sizes[b][1]) / 2 + gap)
        blocks: list[tuple[float, float, int]] = []  # mean, weight, how many: pool adjacent violators
        for want, weight, offset in zip(wants, weights, offsets, strict=True):
            mean, count = want - offset, 1
            while blocks and blocks[-1][0] >= mean:
                m, w, n = blocks.pop()
                mean, weight, count = (m * w + mean * weight) / (w + weight), w + weight, n + count
            blocks.append((mean, weight, count))
        means = [mean for mean, _, count in blocks for _ in range(count)]
        for i, mean, offset in zip(row, means, offsets, strict=True):
            at[i] = mean + offset

    def spread(self, step: int) -> tuple[list[float], list[tuple[float, float]]]:
        """The position of each item along the edges, and the bounds of each layer; steep edges get room."""
        steepest = [0.0] * (len(self.layers) + 1)
        for i, near in enumerate(self.after):
            for j in near:
                steepest[self.layer[i]] = max(steepest[self.layer[i]], abs(self.across[i] - self.across[j]))
        bounds: list[tuple[float, float]] = []
        x = 0.0
        for row, steep in zip(self.layers, steepest, strict=False):
            width = max(self.sizes[i][0] for i in row)
            bounds.append((x, x + width))
            least = GAP if step == 1 else LABEL_GAP + min(steep / 4, 12.0)
            x += width + min(max(least, steep / 5), 3 * GAP)
        along = [sum(bounds[at]) / 2 for at in self.layer]
        return along, bounds

    # ---- routes

    def ported(self) -> list[tuple[float, float]]:
        """Where each edge leaves and enters, across: side by side, in the order in which they come."""
        ends: list[list[float]] = [[self.across[s], self.across[t]] for s, t in self.edges]
        for end in (0, 1):
            meeting: dict[int, list[int]] = {}
            for e, ends_of_edge in enumerate(self.edges):
                meeting.setdefault(ends_of_edge[end], []).append(e)
            for node, es in meeting.items():
                es.sort(key=lambda e: self.across[self.chains[e][-2 if end else 1]])
                gap = min(PORT_GAP, 0.8 * self.sizes[node][1] / len(es))
                for k, e in enumerate(es):
                    ends[e][end] += (k - (len(es) - 1) / 2) * gap
        return [(a, b) for a, b in ends]

    def route(self, e: int) -> list[Point]:
        """The points an edge runs through; level where it passes beside a node or under its label."""
        s, *through, t = self.chains[e]
        leave, enter = self.ports[e]
        points = [(self.along[s] + self.sizes[s][0] / 2, leave), (self.bounds[self.layer[s]][1], leave)]
        for d in through:
            left, right = self.bounds[self.layer[d]]
            if d == self.label_items[e]:
                half = self.sizes[d][0] / 2
                left, right = self.along[d] - half, self.along[d] + half
            points += [(left, self.across[d]), (right, self.across[d])]
        points += [(self.bounds[self.layer[t]][0], enter), (self.along[t] - self.sizes[t][0] / 2, enter)]
        return points


def depths(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each node, so that a node stands as near to its users as they allow."""
    users: list[list[int]] = [[] for _ in range(count)]
    arguments: list[list[int]] = [[] for _ in range(count)]
    for s, t in edges:
        users[s].append(t)
        arguments[t].append(s)
    waiting = [len(u) for u in users]
    height = [0] * count  # longest path to a node without users
    ready = [i for i in range(count) if not waiting[i]]
    for i in ready:
        for j in arguments[i]:
            height[j] = height[i] + 1  # the last user to come is the highest
            waiting[j] -= 1
            if not waiting[j]:
                ready.append(j)
    if len(ready) < count:
        raise ValueError("a layered drawing needs a graph without circles")
    top = max(height, default=0)
    return [top - h for h in height]


def curve(points: list[Point]) -> list[Point]:
    """A smooth line through points ordered by x, never leaving the band between two of them."""
    points = [p for k, p in enumerate(points) if k == 0 or p[0] > points[k - 1][0] + 1e-9]
    slopes = [0.0] * len(points)
    for k in range(1, len(points) - 1):
        (a, b), (c, d), (e, f) = points[k - 1 : k + 2]
        before, after = (d - b) / (c - a), (f - d) / (e - c)
        if before * after > 0:
            slopes[k] = 2 * before * after / (before + after)
    path = points[:1]
    for (a, b), (c, d), m, n in zip(points, points[1:], slopes, slopes[1:], strict=False):
        third = (c - a) * 0.4
        path += [(a + third, b + m * third), (c - third, d - n * third), (c, d)]
    return path
