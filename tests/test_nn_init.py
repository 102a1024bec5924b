"""Initial weights: their distributions, from a seed and nothing else."""

import math
import pickle
import re
from functools import partial
from random import Random
from statistics import NormalDist

import numpy as np
import pytest

from nn import MLP, Layer, Neuron, init


pytestmark = pytest.mark.usefixtures("global_random_untouched")
N = 20_000


def drawn(which, nin, nout, seed=0):
    random, draw = Random(seed), init.initialiser(which)
    return np.array([draw(random, nin, nout) for _ in range(N)])


def distance(xs, cdf):
    """Kolmogorov's: the largest gap between the shares below and the distribution's."""
    xs = np.sort(xs)
    expected = np.array([cdf(x) for x in xs])
    return max(np.abs(np.arange(1, N + 1) / N - expected).max(), np.abs(np.arange(N) / N - expected).max())


@pytest.mark.parametrize(
    ("which", "nin", "nout", "r"),
    [
        ("uniform", 3, 5, 1.0),
        ("xavier", 3, 5, math.sqrt(6 / 8)),
        ("xavier", 5, 3, math.sqrt(6 / 8)),
        ("xavier", 100, 10, math.sqrt(6 / 110)),
    ],
)
def test_uniform_ones(which, nin, nout, r):
    xs = drawn(which, nin, nout)
    assert -r <= xs.min() < -0.999 * r
    assert 0.999 * r < xs.max() <= r
    assert xs.mean() == pytest.approx(0.0, abs=4 * r / math.sqrt(3 * N))
    assert xs.std() == pytest.approx(r / math.sqrt(3), rel=0.02)
    assert distance(xs, lambda x: (x + r) / (2 * r)) < 1.63 / math.sqrt(N)  # one set in a hundred is farther


@pytest.mark.parametrize(
    ("which", "nin", "nout", "sigma"),
    [("normal", 3, 5, 1.0), ("he", 3, 5, math.sqrt(2 / 3)), ("he", 200, 5, 0.1)],
)
def test_normal_ones(which, nin, nout, sigma):
    xs = drawn(which, nin, nout, seed=1)
    assert xs.mean() == pytest.approx(0.0, abs=4 * sigma / math.sqrt(N))
    assert xs.std() == pytest.approx(sigma, rel=0.02)
    assert distance(xs, NormalDist(0.0, sigma).cdf) < 1.63 / math.sqrt(N)


def test_constants():
    assert set(drawn("zeros", 3, 5)) == {0.0}
    assert set(drawn(0.25, 3, 5)) == {0.25}
    assert set(drawn(init.constant(-2), 3, 5)) == {-2.0}
    assert type(init.constant(3)(Random(0), 1, 1)) is float


def test_names_stand_for_functions_of_that_name():
    for name in ("uniform", "normal", "xavier", "he", "zeros"):
        assert init.initialiser(name) is getattr(init, name)
        assert init.initialiser(getattr(init, name)) is getattr(init, name)
    assert len(init.INITIALISERS) == 5


@pytest.mark.parametrize("which", init.INITIALISERS)
def test_layers_draw_with_their_own_numbers_of_inputs_and_units(which):
    """Unit by unit and input by input, from one generator, layer after layer; biases are 0 and drawn from nothing."""
    model = MLP(4, [3, 5, 2], init=which, seed=11)
    generator = Random(11)
    for layer, (nin, nout) in zip(model.layers, [(4, 3), (3, 5), (5, 2)], strict=True):
        expected = [[init.INITIALISERS[which](generator, nin, nout) for _ in range(nin)] for _ in range(nout)]
        assert layer.state_dict() == {"weight": expected, "bias": [0.0] * nout}


def test_a_function_is_an_initialiser():
    seen = []

    def draw(random, nin, nout):
        seen.append((nin, nout))
        return 0.5

    assert {p.data for p in Layer(2, 3, bias=False, init=draw).parameters()} == {0.5}
    assert seen == [(2, 3)] * 6


def test_the_seed_decides_every_bit():
    state = MLP(3, [4, 2], seed=5).state_dict()
    assert MLP(3, [4, 2], seed=5).state_dict() == state
    assert MLP(3, [4, 2], seed=6).state_dict() != state
    assert Neuron(3, seed=5).state_dict() == Neuron(3, seed=Random(5)).state_dict()


def test_different_units_get_different_weights():
    for which in ("uniform", "normal", "xavier", "he"):
        weights = [p.data for p in MLP(3, [4, 2], bias=False, init=which).parameters()]
        assert len(set(weights)) == 20


def test_constant_initialisers_can_be_pickled():
    assert pickle.loads(pickle.dumps(init.constant(0.5)))(Random(0), 2, 3) == 0.5
    model = MLP(2, [2], init=init.constant(0.5))
    assert pickle.loads(pickle.dumps(model)).state_dict() == model.state_dict()


@pytest.mark.parametrize("bad", ["glorot", None, True, math.nan, math.inf, [0.5]])
def test_unknown_initialisers(bad):
    names = "he, normal, uniform, xavier, zeros"
    expected = f"unknown init {bad!r}; choose from {names}, or give a number for every weight"
    with pytest.raises(ValueError, match=re.escape(expected)):
        MLP(2, [2], init=bad)


@pytest.mark.parametrize("bad", [None, -1, 0.5, "7"])
def test_seeds_that_cannot_be_repeated(bad):
    for make in (partial(MLP, 2, [2]), partial(Layer, 2, 2), partial(Neuron, 2)):
        with pytest.raises(ValueError, match=re.escape(f"seed must be a whole number >= 0, not {bad!r}")):
            make(seed=bad)
