"""The built-in layout: nothing overlaps, edges go round boxes, layers stand where least squares wants them."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings, strategies as st
from work import calls

from engine.view.layout import NODE_GAP, Plan, depths, layout


def random_dag(seed: int, nodes: int, edges: int) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    rng = random.Random(seed)
    sizes = [(rng.uniform(30, 140), rng.uniform(16, 90)) for _ in range(nodes)]
    pairs = [sorted(rng.sample(range(nodes), 2)) for _ in range(edges)]
    return sizes, [(a, b) for a, b in pairs]


def on_curve(route):
    """Points along the Bezier curves of a route."""
    for k in range(0, len(route) - 3, 3):
        p = route[k : k + 4]
        for t in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            yield tuple(sum(w * q[axis] for w, q in zip(weights, p, strict=True)) for axis in (0, 1))


def overlap(a, b, gap: float = 0.0) -> bool:
    """Whether two (centre, size) boxes overlap, or are nearer than `gap`."""
    return all(abs(a[0][i] - b[0][i]) < (a[1][i] + b[1][i]) / 2 + gap - 1e-6 for i in (0, 1))


GRAPHS = [
    (seed, n, round(n * density)) for seed, (n, density) in enumerate([(5, 1), (12, 1.5), (25, 2), (60, 1.3)] * 3)
]


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("graph", GRAPHS)
def test_nothing_overlaps_and_edges_go_round_boxes(graph, labelled, rankdir):
    sizes, edges = random_dag(*graph)
    labels = [(42.0, 14.0) if labelled else None for _ in edges]
    plan = layout(sizes, edges, labels, rankdir)
    boxes = list(zip(plan.centers, sizes, strict=True))
    for a, b in itertools.combinations(boxes, 2):
        assert not overlap(a, b)
    for (x, y), (w, h) in boxes:
        assert w / 2 - 1e-6 <= x <= plan.width - w / 2 + 1e-6
        assert h / 2 - 1e-6 <= y <= plan.height - h / 2 + 1e-6
    texts = [(p, size) for p, size in zip(plan.labels, labels, strict=True) if p]
    assert len(texts) == labelled * len(edges)
    for a, b in itertools.combinations(texts, 2):
        assert not overlap(a, b)
    assert not any(overlap(a, b) for a in texts for b in boxes)
    for (s, t), route in zip(edges, plan.routes, strict=True):
        for p in on_curve(route):
            assert not any(overlap((p, (0, 0)), boxes[i]) for i in range(len(boxes)) if i not in (s, t))


@pytest.mark.parametrize(("rankdir", "axis", "sign"), [("LR", 0, 1), ("RL", 0, -1), ("TB", 1, 1), ("BT", 1, -1)])
def test_every_edge_points_in_the_direction(rankdir, axis, sign):
    sizes, edges = random_dag(4, 20, 40)
    plan = layout(sizes, edges, rankdir=rankdir)
    for (s, t), route in zip(edges, plan.routes, strict=True):
        steps = [sign * (b[axis] - a[axis]) for a, b in itertools.pairwise(route)]
        assert min(steps) >= -1e-6
        assert route[0][axis] == pytest.approx(plan.centers[s][axis] + sign * sizes[s][axis] / 2)
        assert route[-1][axis] == pytest.approx(plan.centers[t][axis] - sign * sizes[t][axis] / 2)


def test_uses_of_one_argument_are_drawn_apart():
    plan = layout([(50, 40), (50, 40)], [(0, 1), (0, 1)])
    (a, b), (c, d) = ((r[0], r[-1]) for r in plan.routes)
    assert abs(a[1] - c[1]) >= 8
    assert abs(b[1] - d[1]) >= 8


def test_edges_meet_at_a_node_in_the_order_in_which_they_come():
    edges = [(i, 6) for i in (4, 1, 5, 0, 3, 2)] + [(6, i) for i in (9, 7, 8)]
    plan = layout([(40, 30)] * 10, edges)
    into = sorted((plan.centers[s][1], r[-1][1]) for (s, t), r in zip(edges, plan.routes, strict=True) if t == 6)
    out = sorted((plan.centers[t][1], r[0][1]) for (s, t), r in zip(edges, plan.routes, strict=True) if s == 6)
    for ends in (into, out):
        ports = [port for _, port in ends]
        assert ports == sorted(set(ports))


def test_a_node_stands_as_near_to_its_users_as_they_allow():
    assert depths(5, [(0, 1), (1, 2), (2, 3), (4, 3)]) == [0, 1, 2, 3, 2]
    assert depths(4, [(0, 3), (0, 1), (1, 2), (2, 3)]) == [0, 1, 2, 3]


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="without circles"):
        layout([(10, 10)] * 3, [(0, 1), (1, 2), (2, 1)])


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="LR, RL, TB or BT, not 'up'"):
        layout([(10, 10)], [], rankdir="up")


def test_nothing_and_a_single_node():
    assert layout([], []).centers == ()
    assert layout([(30, 20)], []).centers == ((15, 10),)


def crossings(plan, edges) -> int:
    """Pairs of edges between the same layers whose ends are in opposite order."""
    found = 0
    for (a, b), (c, d) in itertools.combinations(edges, 2):
        same = plan.centers[a][0] == plan.centers[c][0] and plan.centers[b][0] == plan.centers[d][0]
        if same and len({a, b, c, d}) == 4:
            found += (plan.centers[a][1] - plan.centers[c][1]) * (plan.centers[b][1] - plan.centers[d][1]) < 0
    return found


def test_a_tangled_tree_is_untangled():
    rng = random.Random(2)
    leaves = list(range(16))
    rng.shuffle(leaves)
    edges, level, fresh = [], leaves, 16
    while len(level) > 1:
        parents = list(range(fresh, fresh + len(level) // 2))
        edges += [(child, parents[k // 2]) for k, child in enumerate(level)]
        rng.shuffle(parents)
        fresh, level = fresh + len(parents), parents
    index_order = list(range(16))
    assert leaves != index_order
    assert crossings(layout([(40, 20)] * fresh, edges), edges) == 0


def test_units_of_a_dense_network_keep_their_order():
    edges = [(i, 3 + j) for i in range(3) for j in range(4)] + [(3 + j, 7) for j in range(4)]
    plan = layout([(60, 30)] * 8, edges)
    heights = [y for _, y in plan.centers]
    assert heights[:3] == sorted(heights[:3])
    assert heights[3:7] == sorted(heights[3:7])


def cheapest(wants, weights, offsets) -> float:
    """The least cost of a layer, found by trying every way to glue neighbours together."""
    n = len(wants)
    best = float("inf")
    for cuts in itertools.product([False, True], repeat=n - 1):
        bounds = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), n]
        at: list[float] = []
        for lo, hi in itertools.pairwise(bounds):
            w = weights[lo:hi]
            mean = sum(a * (b - c) for a, b, c in zip(w, wants[lo:hi], offsets[lo:hi], strict=True)) / sum(w)
            at += [mean + offset for offset in offsets[lo:hi]]
        if all(
            b - a >= d - c - 1e-9
            for (a, b), (c, d) in zip(itertools.pairwise(at), itertools.pairwise(offsets), strict=True)
        ):
            best = min(best, sum(w * (a - b) ** 2 for w, a, b in zip(weights, at, wants, strict=True)))
    return best


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-200, 200), st.floats(0.5, 9), st.floats(10, 80)), min_size=1, max_size=6))
def test_a_layer_is_placed_at_the_least_squares_optimum(items):
    wants, weights, heights = (list(column) for column in zip(*items, strict=True))
    plan = Plan([(10.0, h) for h in heights], [], [])
    row, at = list(range(len(items))), [0.0] * len(items)
    plan.settle(row, at, wants, weights)
    offsets = [0.0]
    for a, b in itertools.pairwise(heights):
        offsets.append(offsets[-1] + (a + b) / 2 + NODE_GAP)
    assert all(at[i + 1] - at[i] >= offsets[i + 1] - offsets[i] - 1e-7 for i in range(len(at) - 1))
    cost = sum(w * (a - b) ** 2 for w, a, b in zip(weights, at, wants, strict=True))
    assert cost == pytest.approx(cheapest(wants, weights, offsets), rel=1e-9, abs=1e-6)


def test_the_same_graph_has_the_same_layout():
    sizes, edges = random_dag(11, 40, 70)
    assert layout(sizes, edges) == layout(list(sizes), list(edges))


def test_the_work_grows_with_the_nodes():
    def work(n):
        rng = random.Random(0)
        near = [rng.randrange(i + 1, min(i + 40, n)) for i in range(n - 1)]
        far = [rng.randrange(i + 1, min(i + 40, n)) for i in range(0, n - 1, 3)]
        edges = [*enumerate(near), *zip(range(0, n - 1, 3), far, strict=True)]
        return calls(lambda: layout([(120, 40)] * n, edges))

    assert work(2047) < 6 * work(512)


def test_a_long_chain_that_shares_a_leaf_stays_cheap():
    """Each of 3,000 steps uses node 0: places for all long edges would be 4.5 million."""
    edges = [(k, k + 1) for k in range(1, 3000)] + [(0, k) for k in range(1, 3001)]
    plan = Plan([(60, 30)] * 3001, edges, [None] * len(edges))
    assert len(plan.sizes) < 80_000
    assert len(layout([(60, 30)] * 3001, edges).routes) == len(edges)
