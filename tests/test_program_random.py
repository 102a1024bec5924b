"""Random graphs: a compiled program is the walk, bit for bit, and refuses what the walk refuses."""

from __future__ import annotations

import copy
import importlib.util
import math
import struct
from collections.abc import Callable
from random import Random

import pytest

import engine
from engine import Value, gradient, where
from engine.program import build, compile  # noqa: A004
from engine.program.tape import Tape


NEEDED = pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="no llvmlite")
FORMS = [("python", False), pytest.param("native", False, marks=NEEDED), pytest.param("native", True, marks=NEEDED)]
UNARY = ["exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tanh", "sigmoid", "softplus", "relu", "leaky_relu", "absolute"]
AWKWARD = [math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324, -2.2e-308, 1e308, -1e308, 1.0, -1.0, 710.0, -746.0]


def a_step(random: Random, known: list[Value]) -> Value:
    """One more operation over what is known."""
    a, b, c = (random.choice(known) for _ in range(3))
    kind = random.randrange(14)
    if kind < 5:
        return getattr(engine, random.choice(UNARY))(a)
    if kind < 8:
        return random.choice([a + b, a - b, a * b, a * 0.5, 2 - a, a / b, -a, a**2, a**3, a**-1, a**0.5, 2**a])
    if kind == 8:
        return engine.where(a < b, b, c)
    if kind == 9:
        return random.choice([engine.maximum, engine.minimum, engine.hypot])(a, b)
    some = [random.choice(known) for _ in range(random.randint(1, 5))]
    if kind == 10:
        return engine.dot(some, [random.choice(known) for _ in some])
    if kind == 11:
        return engine.affine([some], [random.uniform(-2, 2) for _ in some], [a])[0]
    return engine.logsumexp(some) if kind == 12 else random.choice(engine.softmax(some))


def a_graph(seed: int, steps: int = 12) -> tuple[list[Value], list[Value], Random]:
    """Inputs, and outputs among which are derivatives."""
    random = Random(seed)
    inputs = [Value(random.gauss(0.0, 1.5), f"x{k}") for k in range(random.randint(1, 4))]
    known = list(inputs)
    while len(known) < len(inputs) + steps:
        try:
            known.append(a_step(random, known))
        except ArithmeticError:
            continue
    y = known[-1]
    below = [x for x in inputs if x in engine.graph.below(y)]
    outputs = [y, random.choice(known[len(inputs) :])]
    if below and not seed % 3:
        outputs += [g for g in gradient(y, below) if set(engine.graph.below(g)) & set(inputs)]
    return inputs, outputs, random


def as_loops(assign: Callable[[object, str, object], None]) -> None:
    """Programs built from now on are loops, however short and narrow."""
    assign(build, "narrow", lambda tape, plan: False)
    build.BUILT.clear()


def bits(numbers: list[float]) -> list[bytes]:
    return [b"nan" if x != x else struct.pack("<d", x) for x in numbers]


def walked(outputs: list[Value], inputs: list[Value], numbers: list[float]) -> object:
    """What the graph itself says at `numbers`: the leaves of a copy changed, and every node evaluated again."""
    root, outputs, inputs = copy.deepcopy((sum(outputs), outputs, inputs))  # sums do not raise
    for v, x in zip(inputs, numbers, strict=True):
        v.data = x
    try:
        root.recompute()
    except ArithmeticError as error:
        return type(error)
    return bits([y.data for y in outputs])


def run(program: object, numbers: list[float]) -> object:
    try:
        return bits(program(numbers))  # type: ignore[operator]
    except ArithmeticError as error:
        return type(error)


@pytest.mark.parametrize(("backend", "loops"), FORMS)
@pytest.mark.parametrize("seed", range(60))
def test_a_program_is_the_walk_bit_for_bit(backend: str, loops: bool, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if loops:  # as wide layers are
        as_loops(monkeypatch.setattr)
    inputs, outputs, random = a_graph(seed)
    try:
        program = compile(outputs, inputs, backend=backend)
    except ValueError:  # an output that does not depend on the inputs
        return
    assert (program.backend, program.remark) == (backend, "")
    places = [[random.gauss(0.0, 2.0) for _ in inputs] for _ in range(6)]
    places += [[random.choice(AWKWARD) for _ in inputs] for _ in range(20)]
    for numbers in places:
        assert run(program, numbers) == walked(outputs, inputs, numbers), numbers


def test_what_a_constant_choice_leaves_out_is_not_there() -> None:
    x, chosen = Value(2.0, "x"), Value(1.0)
    left_out = (x + 1.0) * (x + 5.0)
    y = where(chosen, x * x * 3.0, left_out) - 7.0
    tape = Tape([y], [x])
    assert [(step.row.name, step.groups) for step in tape.steps] == [("mul", ((0,), (0,))), ("mul", ((1,), (-3,))), ("sub", ((2,), (-4,)))]
    assert tape.run([3.0]) == [20.0]


@pytest.mark.parametrize("backend", ["python", pytest.param("native", marks=NEEDED)])
def test_an_input_that_chooses_or_is_multiplied_is_none_of_the_constants(backend: str) -> None:
    x = Value(2.0, "x")
    program = compile([where(x, x + 5.0, x - 1.0), x * (x + 1.0)], [x], backend=backend)
    assert program(0.0) == [-1.0, 0.0]
    assert program(3.0) == [8.0, 12.0]
