"""What the experiments are given: refused in a sentence, or answered with a true one."""

from fractions import Fraction
from inspect import signature

import pytest

from nn import Diverged
from nn.lab.experiments import ALL
from nn.lab.experiments.arguments import checked


WRONG = {
    int: [0, -1, 0.5, 2.0, float("nan"), True, "abc", None, (3,)],
    float: [-1, -0.5, float("nan"), float("inf"), 10**400, True, "abc", None, (0.5,)],
    tuple: [(), 1, 0.5, "abc", None, ("a",), (float("nan"),), (float("inf"), 1.0), (3, 3), (None, None)],
}
ARGUMENTS = [(name, p) for name, f in ALL.items() for p in signature(f).parameters.values()]


@pytest.mark.parametrize(("name", "p"), [pytest.param(n, p, id=f"{n}-{p.name}") for n, p in ARGUMENTS])
def test_every_argument_is_of_the_kind_of_its_default(name, p):
    if p.default is None:
        wrong = [3, "abc"]
    else:
        wrong = WRONG[type(p.default)]
        wrong = [-1, *wrong[2:]] if p.name == "seed" else wrong if p.name == "noise" else [0, *wrong]
    for x in wrong:
        with pytest.raises(ValueError, match=rf"^{p.name} is .*; write (a|2|3|whole|pairs|different) ?"):
            ALL[name](**{p.name: x})


def test_numbers_of_other_kinds_are_taken_as_they_are():
    @checked(noise=0, rates=2)
    def given(rates=(0.5, 0.25), starts=(-1.0, 2.0), sizes=(1, 2), noise=0.5, seed=0):
        return rates, starts, sizes, noise, seed

    numpy = pytest.importorskip("numpy")
    found = given(numpy.array([1.0, 2.0]), [numpy.int64(-3)], range(2, 4), Fraction(1, 4), numpy.int64(7))
    assert found == ((1.0, 2.0), (-3.0,), (2, 3), 0.25, 7)
    assert [type(x) for x in (found[0][0], found[1][0], found[4])] == [float, float, int]
    assert given(noise=0)[3] == 0.0
    with pytest.raises(ValueError, match=r"^noise is -0\.5; write a finite number >= 0$"):
        given(noise=-0.5)
    with pytest.raises(ValueError, match=r"^sizes is \(0, 2\); write whole different numbers >= 1, as \(1, 2\)$"):
        given(sizes=[0, 2])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("two_walks", {"eta": 0.5, "large": 0.5}, "large is 0.5; write a rate above eta, 0.5"),
        ("redundant_data", {"eta": 1e-6, "seeds": 1}, r"with eta = 1e-06 E is not within 5 % of its minimum after 200 steps"),
        ("redundant_data", {"rates": (1e300,), "seeds": 1}, r"with eta = 1e\+300 E is not within 5 % of its minimum"),
        ("small_steps", {"rates": (1e-300, 1e-301)}, "with eta = 1e-300 both ends are the same in floats"),
        ("other_patterns", {"rates": (0.1, 1e-300)}, "with eta = 1e-300 both ends are the same in floats"),
        ("saddle_points", {"lr": 1e-6}, r"from 0\.1 beside the saddle \|y\| is not above 1 after 600 steps"),
        ("grid_or_random", {"ranges": ((1.0, 0.1),)}, "ranges is .*write pairs of numbers"),
        ("difference_quotients", {"powers": 400}, "powers is 400; write 300 or less"),
        ("skip_connections", {"seeds": 2}, "slices is 4; write a number up to seeds, 2"),
        ("skip_scales", {"seeds": 2}, "slices is 3; write a number up to seeds, 2"),
    ],
)
def test_what_cannot_be_told_is_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        ALL[name](**options)


@pytest.mark.parametrize(("name", "options"), [("symmetry", {"lr": 5.0}), ("broken_symmetry", {"lr": 5.0, "draws": 1}), ("double_well", {"rates": (0.1, 9.0)})])
def test_descent_that_runs_away_is_told(name, options):
    with pytest.raises(Diverged, match=r"^descent with the learning rate [59] runs away: a weight is no longer finite; write a smaller rate$"):
        ALL[name](**options)


def test_where_nothing_is_learned_the_sentence_says_so():
    assert ALL["symmetry"](epochs=1).sentence == (
        "Units that start equal stay equal to the last bit in all 1/2 and all 0. XOR is learned from none of them by epoch 1."
    )
    assert ALL["broken_symmetry"](epochs=1, draws=2).sentence.startswith("XOR is learned from none of them by epoch 1. The units stay")
    assert ALL["many_starts"](epochs=1, seeds=3).sentence.startswith("None of 3 starts learns XOR by epoch 1; they end between 1.0")
    assert ALL["restarts"](epochs=1, seeds=3).sentence.endswith("None learns it by epoch 1.")
    assert "SGD escapes in no run. The full batch jumps out with none" in ALL["local_minimum"](rates=(1e-4,), seeds=2).sentence


def test_what_takes_too_many_steps_is_not_counted_as_done():
    found = ALL["sse_or_bce"](starts=(-5.0, -20.0))
    assert "16 instead of 119 from -5, 31 instead of more than 5,000 from -20" in found.sentence
    assert found.rows[-1][1:3] == (-20.0, "more than 5,000")


def test_the_order_of_arguments_is_no_matter():
    for name, key, numbers in (("small_steps", "rates", (0.1, 0.2, 0.05)), ("other_patterns", "rates", (0.1, 0.4)), ("vanishing_gradient", "depths", (5, 1, 3))):
        options = {"init": lambda seed: lambda random, nin, nout: 0.5} if name == "vanishing_gradient" else {}
        one, other = (ALL[name](**{key: order}, **options).sentence for order in (numbers, sorted(numbers, reverse=True)))
        assert one == other
    assert [r[0] for r in ALL["wider_nets"](hidden=(3, 2), seeds=2, epochs=1).rows] == [2, 3]


def test_every_sample_once_is_every_sample_once():
    found = ALL["redundant_data"](copies=(2,), rates=(0.5,), seeds=3)
    assert [r[:3] for r in found.rows] == [(2, 0.5, 48), (1, 0.5, 24)]
    assert "instead of 24 (eta = 0.5)" in found.sentence


def test_the_slope_at_0_is_that_at_0():
    assert ALL["saturation"](points=(3.0,)).sentence.startswith("The slope falls from 0.25 at 0 ")
