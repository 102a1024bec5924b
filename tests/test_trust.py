"""Random graphs of up to 200 nodes beside five independent oracles; `make trust` takes 10,000 of them."""

import random

import pytest
from five_oracles import ORACLES, Trial
from programs import random_program


def gradient(program):
    leaves, y = program.recorded()
    y.backward()
    return [0.0 if v.grad is None else v.grad for v in leaves]


@pytest.mark.parametrize("block", range(10))
def test_five_oracles_agree_with_the_gradient_of_random_graphs(block):
    for k in range(30 * block, 30 * block + 30):
        program = random_program(random.Random(f"suite {k}"))
        ratios = Trial(program, k).ratios(gradient(program))
        assert list(ratios) == ORACLES
        assert max(ratios.values()) <= 1, (k, ratios, program)


def test_every_oracle_sees_an_error():
    seen = dict.fromkeys(ORACLES, 0)
    for k in range(40):
        program = random_program(random.Random(f"suite {k}"))
        g = gradient(program)
        if abs(g[0]) < 1e-3:
            continue
        ratios = Trial(program, k).ratios([g[0] * (1 + 1e-5), *g[1:]])
        for name in ORACLES:
            seen[name] += ratios[name] > 1
        assert ratios["digits"] > 100
    assert min(seen.values()) > 10, seen


def test_a_program_of_a_seed_is_always_the_same():
    one, other, third = (repr(random_program(random.Random(s))) for s in (1, 1, 2))
    assert one == other != third
