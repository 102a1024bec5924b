"""Slices of the error surface: against sums on the graph, and directions whose lengths are computed again."""

import math

import numpy as np
import pytest
from numpy_twin import Twin

from nn import MLP, data
from nn.lab.landscape import Surface, critical, descents, line, mean_error, path_plane, plane, random_direction


ROWS = [((0.3, -0.7), (0.9,)), ((1.1, 0.2), (-0.4,)), ((-0.6, 0.8), (0.35,))]


def twin_error(model, weights):
    for p, w in zip(model.parameters(), weights, strict=True):
        p.data = w
    twin = Twin(model)
    return sum(twin.loss(x, t, "sse") for x, t in ROWS) / len(ROWS)


@pytest.mark.parametrize("skip", [False, True])
def test_a_surface_holds_the_mean_loss_at_its_points(skip):
    model = MLP(2, [2, 2, 1], seed=4, skip=skip)
    kept = [p.data for p in model.parameters()]
    s = plane(model, ROWS, loss="sse", first=3, second=5, points=5, reach=0.7)
    assert [p.data for p in model.parameters()] == kept
    assert s.a == pytest.approx([-0.7, -0.35, 0.0, 0.35, 0.7])
    for i, j in ((0, 0), (2, 2), (1, 4), (4, 3)):
        at = np.array(kept) + s.a[j] * np.array(s.first) + s.b[i] * np.array(s.second)
        assert s.E[i][j] == pytest.approx(twin_error(model, at), rel=1e-12)


def test_random_directions_have_the_length_of_every_unit():
    model = MLP(3, [4, 2], seed=2)
    d = random_direction(model, 7)
    assert d == random_direction(model, 7) != random_direction(model, 8)
    named = {str(p.label): (p.data, v) for p, v in zip(model.parameters(), d, strict=True)}
    for unit, sources in [(f"h{j}", "x1 x2 x3") for j in (1, 2, 3, 4)] + [(f"o{j}", "h1 h2 h3 h4") for j in (1, 2)]:
        pairs = [named[f"w_{unit},{i}"] for i in sources.split()]
        assert math.hypot(*(v for _, v in pairs)) == pytest.approx(math.hypot(*(w for w, _ in pairs)), rel=1e-12)
        assert named[f"b_{unit}"][1] == 0.0


def test_two_chosen_weights_give_the_exact_surface():
    model = MLP(2, [2, 1], seed=4)
    kept = [p.data for p in model.parameters()]
    s = plane(model, ROWS, loss="sse", first="w_h2,x1", second="b_o1", points=3, reach=0.5)
    kept[2] += 0.5
    kept[8] -= 0.5
    assert s.E[0][2] == pytest.approx(twin_error(model, kept), rel=1e-12)
    with pytest.raises(ValueError, match=r"no weight 'w_h3,x1'; it has w_h1,x1"):
        plane(model, ROWS, loss="sse", first="w_h3,x1")


def test_a_line_and_class_targets():
    model = MLP(2, [2, 1], output="sigmoid", seed=4)
    steps, E = line(model, data.moons(6), loss="bce", direction="b_h1", points=3, reach=2.0)
    assert steps == [-2.0, 0.0, 2.0]
    assert E[1] == pytest.approx(mean_error(model, data.moons(6), "bce")([p.data for p in model.parameters()]))


def test_the_plane_of_a_path_holds_a_path_that_lies_in_a_plane():
    p, q = np.array([1.0, 2.0, -1.0, 0.5]), np.array([0.3, -1.0, 2.0, 0.7])
    path = [(0.2 + p * math.cos(k / 3) * k + q * k * k / 5).tolist() for k in range(9)]
    centre, u, v, share = path_plane(path)
    assert share == pytest.approx(1.0, abs=1e-12)
    s = Surface([0.0], [0.0], [[0.0]], centre, u, v)
    for point in path:
        a, b = s.project(point)
        assert np.array(centre) + a * np.array(u) + b * np.array(v) == pytest.approx(np.array(point), abs=1e-10)
    with pytest.raises(ValueError, match="does not leave a line"):
        path_plane([[0.0, 1.0], [0.5, 1.0], [0.7, 1.0]])


def test_minima_lie_strictly_below_their_neighbours():
    E = [[5.0] * 5 for _ in range(5)]
    E[1][1] = E[3][2] = E[3][3] = 2.0
    E[0][4] = 0.0
    s = Surface([0.0] * 5, [0.0] * 5, E, [], [], [])
    assert s.minima() == [(1, 1)]


@pytest.mark.parametrize(("wrong", "told"), [
    ({"points": 1}, "points must be a whole number >= 2, not 1"),
    ({"reach": 0.0}, "reach must be a number above 0, not 0.0"),
    ({"first": [1.0]}, "a direction needs 9 numbers, one per parameter, not 1"),
    ({"first": "w_h1,x1", "second": "w_h1,x1"}, "first and second are both 'w_h1,x1', which is one direction"),
    ({"first": 1}, "first and second are both 1, which is one direction"),
    ({"centre": [1.0]}, "centre needs 9 numbers, one per parameter, not 1"),
])  # fmt: skip
def test_what_makes_no_slice_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        plane(MLP(2, [2, 1]), ROWS, loss="sse", **wrong)


@pytest.mark.parametrize("wrong", [1.5, True, None])
def test_what_is_no_direction_is_told(wrong):
    with pytest.raises(TypeError, match=f"a direction is a seed, the name of a weight, or 9 numbers, not {wrong}"):
        line(MLP(2, [2, 1]), ROWS, loss="sse", direction=wrong)


def test_a_slice_along_random_directions_says_their_seeds():
    assert plane(MLP(2, [2, 1]), ROWS, loss="sse", first=3, second="b_o1", points=2).names == ("random direction 3", "b_o1")


def test_a_point_of_an_oblique_plane_is_projected_to_its_own_coordinates():
    s = Surface([0.0], [0.0], [[0.0]], [0.5, -1.0, 2.0], [1.0, 2.0, 0.0], [1.5, -0.5, 1.0])
    assert s.project([0.5 + 0.7 - 1.3 * 1.5, -1.0 + 1.4 + 1.3 * 0.5, 2.0 - 1.3]) == pytest.approx((0.7, -1.3), rel=1e-12)
    with pytest.raises(ValueError, match="parallel"):
        Surface([0.0], [0.0], [[0.0]], [0.0, 0.0], [1.0, 2.0], [-2.0, -4.0]).project([1.0, 1.0])


@pytest.mark.parametrize("skip", [False, True])
def test_both_walks_start_at_the_model_and_take_its_gradients(skip):
    model = MLP(2, [2, 1], seed=4, skip=skip)
    kept = [p.data for p in model.parameters()]
    paths = descents(model, ROWS, loss="sse", lr=0.3, epochs=2, seed=5)
    assert [p.data for p in model.parameters()] == kept == paths["SGD"][0] == paths["full batch"][0]
    assert (len(paths["SGD"]), len(paths["full batch"])) == (7, 3)
    h, at = 1e-6, np.array(kept)
    slopes = [3 * (twin_error(model, at + h * e) - twin_error(model, at - h * e)) / (2 * h) for e in np.eye(len(kept))]
    assert np.array(paths["full batch"][1]) == pytest.approx(at - 0.3 * np.array(slopes), abs=1e-8)
    ends = [descents(model, ROWS, loss="sse", lr=eta, epochs=1, seed=5) for eta in (0.02, 0.01)]
    far, near = (math.dist(end["SGD"][-1], end["full batch"][-1]) for end in ends)
    assert far / near == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("skip", [False, True])
def test_a_critical_point_is_that_of_the_summed_error(skip):
    model = MLP(2, [2, 1], seed=4, skip=skip)
    kept = np.array([p.data for p in model.parameters()])
    point = critical(model, ROWS, loss="sse")
    assert [p.data for p in model.parameters()] == kept.tolist()
    assert point.value == pytest.approx(3 * twin_error(model, kept), rel=1e-12)

    def E(*moves):
        return 3 * twin_error(model, kept + sum(moves))

    h, unit = 1e-4, 1e-4 * np.eye(len(kept))
    second = [[(E(u, v) - E(u, -v) - E(-u, v) + E(-u, -v)) / (4 * h * h) for v in unit] for u in unit]
    assert point.eigenvalues == pytest.approx(np.linalg.eigvalsh(second).tolist(), abs=1e-5)


def test_kinds_of_critical_points():
    model = MLP(1, [1], init=0.0)  # o = w x + b on (1, 2) and (-1, 0): least squares at w = b = 1
    rows = [((1.0,), (2.0,)), ((-1.0,), (0.0,))]
    assert critical(model, rows, loss="sse").kind == "not stationary"
    for p in model.parameters():
        p.data = 1.0
    point = critical(model, rows, loss="sse")
    assert (point.kind, point.value, point.eigenvalues) == ("minimum", 0.0, pytest.approx([4.0, 4.0]))
