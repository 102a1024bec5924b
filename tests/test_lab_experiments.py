"""The experiments: their numbers against those of the notes' companion, their sentences, tables, figures and files."""

import math
from io import BytesIO

import pytest
from PIL import Image as image

from nn.init import xavier
from nn.lab.descent import Descent, of_model
from nn.lab.experiments import ALL
from nn.lab.experiments.checks import difference_quotients
from nn.lab.experiments.escapes import double_well, local_minimum
from nn.lab.experiments.one_neuron import (
    minimum,
    redundant_data,
    single_gradients,
    small_steps,
    smaller_steps,
    two_walks,
)
from nn.lab.experiments.overfitting import overfitting
from nn.lab.experiments.patterns import other_patterns
from nn.lab.experiments.restarts import many_starts, restarts, wider_nets
from nn.lab.experiments.result import Result
from nn.lab.experiments.saddles import saddle_points
from nn.lab.experiments.searches import grid_or_random, grid_over_weights
from nn.lab.experiments.skip_scales import skip_scales
from nn.lab.experiments.skips import skip_connections
from nn.lab.experiments.slopes import chain_ratios, saturation, sse_or_bce, vanishing_gradient
from nn.lab.experiments.symmetry import broken_symmetry, symmetry


def near(*numbers, rel=2e-6):
    return pytest.approx(numbers, rel=rel)


def test_saturation():
    result = saturation()
    assert result.numbers["slopes"][1:5] == near(0.104994, 0.0176627, 0.00246651, 4.53958e-5, rel=4e-6)
    assert result.numbers["slopes"][5:] == near(8.533048e-17, 8.533048e-17, rel=1e-6)
    assert result.numbers["naive"][5:] == [0.0, pytest.approx(8.533048e-17, rel=1e-6)]
    assert result.numbers["zero_from"] == pytest.approx(36.74, abs=0.005)
    assert result.sentence.endswith("of the points above it loses z = 37.")
    assert "loses z = 37, 40." in saturation((0.0, 37.0, 40.0)).sentence
    assert "loses z = 37" in result.sentence
    assert "loses none" in saturation((0.0, 2.0)).sentence


def test_vanishing_gradient():
    result = vanishing_gradient(seeds=5)
    chains = list(zip(*result.rows, strict=True))
    assert chains[1] == near(1.057542e-1, 2.803072e-2, 6.505558e-3, 3.313287e-4, 3.760879e-6, 1.898954e-7, rel=1e-6)
    assert (chains[3][-1], chains[4][-1]) == near(5.9e-14, 5.3e-2, rel=0.01)
    ratios = result.numbers["ratios"]
    assert ratios["sigmoid"] > 1000 > 100 > ratios["sigmoid + skip"] > ratios["tanh"] > ratios["tanh + skip"]
    assert list(vanishing_gradient(depths=(1, 2)).numbers["ratios"].values()) == near(36_068, 56.1, 2.44, 1.35, rel=2e-3)
    own = vanishing_gradient(depths=(1, 2), init=lambda seed: xavier).numbers["ratios"]
    assert own["sigmoid"] == pytest.approx(15_181, rel=1e-4)
    assert chain_ratios() == list(result.numbers["shares"].values()) == near(0.189, 9.2e-3, 2.3e-5, 1.5e-10, rel=0.015)


def test_sse_or_bce():
    numbers = sse_or_bce().numbers
    assert numbers["slopes"]["sse"] == pytest.approx([-0.000091, -0.013207, -0.184956, -0.25], abs=5e-7)
    assert numbers["slopes"]["bce"] == pytest.approx([-0.999955, -0.993307, -0.880797, -0.5], abs=5e-7)
    assert numbers["steps"] == {"sse": [43, 119, 1542], "bce": [12, 16, 19]}
    assert numbers["peak"] == pytest.approx(-math.log(2), abs=6e-4)


def test_single_gradients():
    numbers = single_gradients().numbers
    assert numbers["E0"] == pytest.approx(2.900679, abs=5e-7)
    assert numbers["cosines"] == pytest.approx([0.887, 0.695, -0.432, -0.462, 0.719, 0.902], abs=5e-4)
    assert numbers["gap"] < 1e-14
    assert numbers["uphill"] == [3, 4]


def test_small_steps_average_and_large_ones_do_not():
    result = small_steps()
    assert result.numbers["gaps"] == near(3.95e-2, 1.08e-2, 2.79e-3, 7.07e-4, 1.78e-4, 4.46e-5, rel=2e-3)
    assert all(3.9 < ratio < 4.1 for ratio in result.numbers["ratios"][2:])
    assert "it is of the order" in result.sentence
    assert "it is not of the order" in small_steps((6.0, 3.0)).sentence


def test_redundant_data():
    weights, least = minimum()
    assert weights == pytest.approx([1.032790, 0.0], abs=1e-6)
    assert least == pytest.approx(0.947680, abs=5e-7)
    result = redundant_data()
    assert [row[2] for row in result.numbers["rows"]] == [24, 240, 2400]
    assert all(20 <= row[3] <= 24 for row in result.numbers["rows"])
    assert [row[1:3] for row in result.numbers["alone"]] == [(0.2, 54), (1.0, 12)]  # and then SGD is not faster
    assert [row[3] for row in result.numbers["alone"]] == [pytest.approx(55, abs=3), pytest.approx(10, abs=1)]
    assert "hardly fewer" in result.sentence


def test_two_walks_end_in_the_same_minimum():
    numbers = two_walks().numbers
    assert numbers["kind"].kind == "minimum"
    assert 6 * numbers["kind"].value == pytest.approx(6 * 0.947680, abs=5e-6)
    sgd, batch, wild, jumping = (row[4] for row in numbers["rows"])
    assert max(batch, jumping) < 1e-5 < sgd < 0.01 < 0.05 < wild
    assert numbers["rows"][0][3] > 5 * numbers["rows"][1][3]


def test_a_step_for_one_pattern_harms_others_and_small_ones_average():
    numbers = other_patterns().numbers
    assert numbers["ratios"] == pytest.approx([3.86, 3.92, 3.96, 3.98], abs=0.09)
    assert numbers["harmed"] >= 1
    for k, line in enumerate(numbers["harm"]):
        assert line[k] < 0
    rates = [0.4, 0.2, 0.1, 0.05, 0.025]
    for seed in (1, 3):  # of the order of eta^2 from any start
        assert other_patterns(rates, seed=seed).numbers["ratios"][-1] == pytest.approx(4, abs=0.06)
    assert "not small enough" in other_patterns((4.0, 2.0)).sentence


def test_grid_or_random_search():
    narrow, wide = grid_or_random(repeats=20).rows
    assert 1.5 * narrow[2] < narrow[3] < 2 * wide[3] < wide[2]  # each is the better one in one of the two ranges
    assert int(narrow[4].split()[0]) < 10 < int(wide[4].split()[0])


def test_a_grid_over_weights_is_the_surface_and_costs_a_power():
    result = grid_over_weights()
    assert result.numbers["counts"] == {"one neuron": 2, "2-2-1 (XOR)": 9, "2-10-1": 41, "4-8-3 (iris)": 67, "64-32-10 (digits)": 2410}
    assert [row[2] for row in result.rows[1:3]] == ["10^9", "10^41"]
    w, b = result.numbers["at"]
    by_hand = sum((1 / (1 + math.exp(-w * x - b)) - t) ** 2 for x, t in zip((-2, -1, -0.5, 0.5, 1, 2), (0, 0, 1, 0, 1, 1), strict=True))
    assert result.numbers["E"] == pytest.approx(by_hand, rel=1e-12)
    assert 0.947680 < by_hand < 0.949
    assert result.rows[2][3] == "3.2e24 years"  # 10^41 / 10^9 a second / 3.16e7 seconds a year


def test_overfitting():
    small, large = overfitting().rows
    assert large[2] < 0.01 < small[2]
    assert large[3] > 1.0 > small[3]
    assert large[4] < 0.45
    assert large[5] < 200
    assert "is the worse net" in overfitting().sentence
    assert "no harm" in overfitting(n=200, noise=0.05, epochs=200).sentence


def test_skip_scales():
    numbers = skip_scales(gains=(0.25, 1.0, 3.0), seeds=3, slices=1, depth=8, width=4, steps=4000, points=9).numbers
    assert numbers["trained"][True][1] == 3
    assert numbers["trained"][False][0] == 0
    few, some, many = ([m[k][0] for m in numbers["minima"].values()] for k in range(3))
    assert max(few) < min(many)
    assert max(some) <= max(many)


def test_smaller_steps():
    result = smaller_steps()
    assert result.numbers["excess"] == near(0.0730, 0.0351, 0.0175, 0.0089, 0.0046, rel=0.12)
    assert "is in proportion" in result.sentence


def test_symmetry():
    numbers = symmetry().numbers
    for start in ("all 1/2", "all 0"):
        _, _, spread, _, E = numbers[start]
        assert (spread, E) == (0.0, pytest.approx(1.0, abs=0.01))
    assert numbers["all 0"][3] == 0.0
    assert numbers["W equal, V not"][:2] == near(1.720858, 0.948975, rel=5e-7)
    assert numbers["random, seed 1"][:2] == near(-1.399463, 1.357442, rel=5e-7)
    assert numbers["W equal, V not"][4] < 1e-9
    assert numbers["random, seed 1"][4] < 1e-9
    assert numbers["W12 a millionth off"][2] == pytest.approx(2.9e-4, abs=5e-6)
    assert numbers["W12 a millionth off"][4] > 0.9


def test_what_breaks_the_symmetry():
    result = broken_symmetry()
    rows = {row[0]: row[1:] for row in result.numbers["rows"]}
    for start in ("W equal, V equal", "all 0", "all 0, sigmoid"):
        assert max(result.numbers["spreads"][start]) == 0.0
        assert rows[start][2] == pytest.approx(1.0, abs=0.01)
        assert rows[start][3:] == (0, "none")
    for start, found in (("W equal, V random", 1.32), ("W random, V equal", 2.44), ("W random, V random", 2.44)):
        assert rows[start][2] < 1e-9
        assert rows[start][3] >= 45
        least, most = map(float, rows[start][4].split(" to "))
        assert 0.5 < least < found < most < 4
    assert rows["all 0"][1] == 0.0 < 0.5 < rows["all 0, sigmoid"][1]
    assert "one of W and V different is as good as both" in result.sentence


def test_restarts():
    result = restarts(hidden=(2, 3), seeds=200)
    assert 0.69 <= result.numbers["shares"][2] <= 0.77
    assert 0.94 <= result.numbers["shares"][3] <= 1.0
    stuck = [E for E in result.numbers["ends"][2] if E >= 0.1]
    assert all(0.49 < E < 0.69 for E in stuck)
    spreads = wider_nets(hidden=(2, 8), seeds=40).numbers["spreads"]
    assert spreads[0] > 0.4 > 0.1 > spreads[1]
    ends = many_starts().numbers["ends"]
    assert sum(E < 0.0026 for E in ends) == 31
    assert all(E < 0.0026 or 0.503 < E < 0.669 for E in ends)


def test_local_minimum():
    result = local_minimum()
    numbers = result.numbers
    assert numbers["points"] == pytest.approx([-0.068955, 0.295707, 2.197225], abs=5e-7)
    assert [k.kind for k in numbers["kinds"]] == ["minimum", "maximum", "minimum"]
    assert [k.value for k in numbers["kinds"]] == pytest.approx([0.925231, 1.256876, 0.81], abs=5e-7)
    assert [k.eigenvalues[0] for k in numbers["kinds"]] == pytest.approx([13.94, -6.04, 0.081], abs=5e-3)
    eta, ends, last, reshuffled, replaced = zip(*numbers["rows"], strict=True)
    assert eta == (0.02, 0.05, 0.1, 0.3, 0.5)
    assert (ends[:3], ends[4]) == (near(-0.069, -0.069, -0.069, rel=1e-3), pytest.approx(2.197, abs=5e-4))
    assert (reshuffled[:3], reshuffled[4]) == ((0, 0, 0), 100)
    assert 91 <= reshuffled[3] <= 99
    assert (replaced[0], replaced[3:]) == (0, (100, 100))
    assert 9 <= replaced[1] <= 23
    assert replaced[2] >= 94
    low, high = map(float, last[3].split(" to "))
    assert low < -0.35 < -0.022 < 0.11 < high < numbers["points"][1]  # it swings in the bowl of the minimum and never settles
    assert max(numbers["adrift"][e] for e in eta if e != 0.3) < 1e-12 < 0.01 < numbers["adrift"][0.3]
    assert "With eta = 0.3 it does not settle" in result.sentence
    assert numbers["stays"] == 0


def test_double_well():
    numbers = double_well().numbers
    assert (numbers["rest"], numbers["top"], numbers["deep"]) == near(0.96015, 0.0754, -1.0356, rel=1e-3)
    loud, quiet = zip(*((r[2], r[3]) for r in numbers["rows"]), strict=True)
    assert (loud, quiet) == ((0, 1, 93, 97), (0, 0, 0, 28))


def balls(pictures, frame):
    """How far to the right the two balls of the left half stand, in pixels."""
    pictures.seek(frame)
    shown, found = pictures.convert("RGB"), {}
    for name, colour in (("batch", (0, 158, 115)), ("SGD", (204, 121, 167))):
        close = lambda p, colour=colour: sum(abs(a - b) for a, b in zip(p, colour, strict=True)) < 20
        columns = [x for x in range(shown.width // 2 - 20) for y in range(shown.height) if close(shown.getpixel((x, y)))]
        found[name] = (min(columns) + max(columns)) / 2
    return found


def test_the_animation_of_the_double_well_is_the_same_bytes_and_shows_who_crosses():
    made = double_well(seeds=2)
    film = made.animation()
    assert film == made.animation()
    pictures = image.open(BytesIO(film))
    assert pictures.n_frames == 81
    first, last = (balls(pictures, frame) for frame in (1, 80))
    assert first["batch"] == last["batch"] == pytest.approx(first["SGD"], abs=60)
    assert last["SGD"] < last["batch"] - 200  # in the other well, to the left
    with pytest.raises(ValueError, match=r"saturation has no animation; figure\(\) draws it"):
        saturation().animation()


def test_saddle_points():
    numbers = saddle_points().numbers
    assert (numbers["saddle"].kind, numbers["saddle"].eigenvalues) == ("saddle", [-2.0, 2.0])
    assert (numbers["bowl"].kind, numbers["bowl"].eigenvalues) == ("minimum", [2.0, 2.0])
    assert numbers["net"].gradient == [0.0] * 9
    assert numbers["net"].eigenvalues == pytest.approx([0.0] * 8 + [8.0], abs=1e-12)  # only E''(b_o) = 4 * 2
    assert numbers["net"].kind == "degenerate"
    assert numbers["stuck"].kind == "not stationary"
    assert 0.5 < numbers["stuck"].value < 0.67
    assert 0.018 < math.hypot(*numbers["stuck"].gradient) < 0.096
    assert abs(numbers["stuck"].eigenvalues[0]) < 1e-4
    # y grows by 1 + 2 eta each step, so it passes 1 after ln(1 / y0) / ln(1 + 2 eta) steps
    assert numbers["steps"] == [math.floor(math.log(1 / y) / math.log(1.1)) + 1 for y in (1e-1, 1e-2, 1e-4, 1e-8, 1e-12)]
    assert numbers["never"]


def test_skip_connections():
    numbers = skip_connections(seeds=3, slices=1, points=9, lr=0.02, steps=1500).numbers  # at larger rates the last bits decide
    assert numbers["trained"] == {False: 0, True: 3}


def test_difference_quotients():
    numbers = difference_quotients().numbers
    assert numbers["central"][:6] == near(2.0e-3, 1.9e-5, 1.9e-7, 1.9e-9, 1.2e-11, 6.6e-12, rel=0.04)
    assert min(numbers["forward"]) > 2.2e-8
    assert numbers["orders"] == pytest.approx((2, 1), abs=0.02)


# ---- the walk, and what is returned


def test_a_descent_takes_the_steps_of_the_graph():
    from nn import MLP, SGD, losses

    model = MLP(2, [2, 1], activation="sigmoid", seed=5)
    start = [p.data for p in model.parameters()]
    path = of_model(model, "sse").path(start, [[0.3, -0.7, 0.9], [1.1, 0.2, -0.4]], [0, 1, 1], lr=0.3)
    for x, t in (([0.3, -0.7], [0.9]), ([1.1, 0.2], [-0.4]), ([1.1, 0.2], [-0.4])):
        losses.sse(model(x), t).backward()
        SGD(model.parameters(), 0.3).step()
        model.zero_grad()
    assert path[0] == start
    assert path[-1] == [p.data for p in model.parameters()]


QUICK = {
    "skip_scales": {"gains": (0.5, 1.0), "seeds": 1, "slices": 1, "depth": 3, "width": 3, "steps": 200, "points": 5},
    "skip_connections": {"seeds": 1, "slices": 1, "depth": 3, "steps": 200, "points": 5},
    "restarts": {"seeds": 8, "epochs": 300},
    "vanishing_gradient": {"seeds": 2},
    "wider_nets": {"hidden": (2, 3), "seeds": 8, "epochs": 300},
    "local_minimum": {"seeds": 5, "epochs": 50},
    "double_well": {"seeds": 5},
    "grid_or_random": {"repeats": 3, "epochs": 100},
    "smaller_steps": {"steps": 600},
    "overfitting": {"epochs": 50},
    "symmetry": {"epochs": 100},
    "broken_symmetry": {"epochs": 100, "draws": 3},
}


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_text_and_picture(name, tmp_path):
    pytest.importorskip("matplotlib")
    results = [ALL[name](**QUICK.get(name, {})) for _ in range(2)]
    made = [result.save(tmp_path / part) for part, result in zip(("first", "second"), results, strict=True)]
    assert [p.name for p in made[0]] == [f"{name}.{kind}" for kind in ("txt", "png", "gif")[: len(made[0])]]
    assert (len(made[0]) == 3) == (name == "double_well")
    for a, b in zip(*made, strict=True):
        assert a.read_bytes() == b.read_bytes()
    text = made[0][0].read_text()
    assert text.startswith(f"{name}: {results[0].title}  [")
    assert results[0].cites
    told = text.split("\n\n")[-1]
    assert " ".join(told.split()) == results[0].sentence
    assert max(map(len, told.splitlines())) <= 100
    assert len(results[0].rows) >= 2
    assert all(len(row) == len(results[0].columns) for row in results[0].rows)
    assert all(ax.get_xlabel() or ax.get_title() or ax.get_ylabel() for ax in results[0].figure().axes)


def test_every_experiment_bears_its_name():
    for f in ALL.values():  # --help shows the first line, and nothing of the next
        assert f.__doc__.splitlines()[0].endswith("."), f
    assert {name: f.__name__ for name, f in ALL.items()} == {name: name for name in ALL}
    assert isinstance(small_steps(), Result)
    assert Descent.__doc__
