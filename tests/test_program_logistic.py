"""The logistic function from a table, where a program need not be strict: its digits, and what lies beyond the table."""

from __future__ import annotations

import math
from array import array
from decimal import Context, Decimal
from random import Random
from typing import Any

import pytest

from engine import Value, compile, gradient, log, sigmoid  # noqa: A004
from engine.program import Program, build, logistic, straight


pytest.importorskip("llvmlite")
DIGITS = Context(prec=50)


def exact(a: float) -> tuple[Decimal, Decimal]:
    power = DIGITS.exp(Decimal(a))
    return DIGITS.divide(power, 1 + power), DIGITS.divide(1, 1 + power)


@pytest.fixture(scope="module")
def pair() -> Program:
    x = Value(0.25, "x")
    program = compile([sigmoid(x), sigmoid(-x)], [x], backend="native", strict=False)
    assert program.remark == ""
    return program


def test_both_are_within_two_ulp_wherever_the_table_is(pair: Program) -> None:
    random = Random(0)
    numbers = [random.uniform(-12.0, 12.0) for _ in range(4000)]
    numbers += [k / 128 for k in range(-1536, 1537, 3)]  # points, and the middles between them
    numbers += [0.0, -0.0, 5e-324, -1e-300, 12.0, -12.0]
    worst = 0.0
    for a in numbers:
        for found, true in zip(pair(a), exact(a), strict=True):
            worst = max(worst, abs(float((Decimal(found) - true) / Decimal(math.ulp(float(true))))))
    assert 0.5 < worst < 1.6


@pytest.mark.parametrize("a", [math.nextafter(12.0, 13.0), -math.nextafter(12.0, 13.0), 15.5, -16.0, -31.5, 32.0, 33.1, -64.25, 700.0, -746.0, 1e19, -1e300, math.inf, -math.inf, math.nan])
def test_beyond_the_table_it_is_computed(pair: Program, a: float) -> None:
    x = Value(0.25, "x")
    expected = compile([sigmoid(x), sigmoid(-x)], [x], backend="python")(a)
    assert pair(a) == pytest.approx(expected, rel=5e-16, abs=0.0, nan_ok=True)


def test_what_is_left_of_1_is_that_of_the_graph() -> None:
    """t - o of a unit that is nearly right: a bit of o is a large part of it."""
    x = Value(0.25, "x")
    outputs = [1.0 - sigmoid(x), -log(sigmoid(x)), (1.0 - sigmoid(x)) ** 2, 1.0 - sigmoid(-x)]
    fast, graph = compile(outputs, [x], backend="native", strict=False), compile(outputs, [x], backend="python")
    assert (fast.remark, "getelementptr double, ptr %mem" in fast.llvm) == ("", True)
    random = Random(1)
    for a in [random.uniform(-40.0, 40.0) for _ in range(4000)]:
        assert fast(a) == pytest.approx(graph(a), rel=1e-9, abs=0.0)


def test_the_table_is_read_and_nothing_is_divided(pair: Program) -> None:
    inside = pair.llvm.partition("beyond:")[0]
    assert "fdiv" not in inside
    assert "getelementptr double, ptr %mem" in inside
    assert logistic.table() == logistic.table()
    assert logistic.table()[0] % 64 == 0


def chain(backend: str) -> tuple[Program, Any]:
    """A neuron on a neuron, whose error may be refused: log of a column."""
    x, t, eta, w, v = (Value(k, s) for k, s in ((0.5, "x"), (0.75, "t"), (0.25, "eta"), (0.5, "w"), (-1.5, "v")))
    E = (sigmoid(v * sigmoid(w * x)) - t) ** 2 + 0.125 * log(x * x)
    new = [p - eta * g for p, g in zip((w, v), gradient(E, [w, v]), strict=True)]
    program = compile([E, eta, *new], [x, t, eta, w, v], backend=backend, strict=backend == "python")
    return program, program.scanner({2: 1, 3: 2, 4: 3}, [0])


@pytest.mark.parametrize("far", [(), (0,), (3,), (1, 2, 4), (0, 1, 2, 3, 4)])
def test_rows_within_and_beyond_follow_one_another(far: tuple[int, ...]) -> None:
    rows = array("d", [x for k in range(5) for x in ((100.0 + k if k in far else 0.5 + 0.25 * k), 0.125 * k)])
    found = []
    for backend in ("python", "native"):
        program, scan = chain(backend)
        state = array("d", [0.25, 0.5, -1.5])
        (losses,) = scan(rows, state)
        assert (program.backend, program.remark) == (backend, "")
        found.append([*state, *losses])
    assert found[1] == pytest.approx(found[0], rel=1e-14)
    assert found[0][2] != -1.5


@pytest.mark.parametrize("far", [0.75, 90.0])
def test_what_is_refused_leaves_the_state_of_the_row_before(far: float) -> None:
    states = []
    for backend in ("python", "native"):
        _, scan = chain(backend)
        state = array("d", [0.25, 0.5, -1.5])
        with pytest.raises(ArithmeticError, match="log"):
            scan(array("d", [far, 0.25, 0.0, 0.5, 1.0, 1.0]), state)
        states.append(state.tolist())
    assert states[1] == pytest.approx(states[0], rel=1e-14)
    assert states[0][2] != -1.5


def test_a_wrong_table_is_noticed_when_a_program_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    address, numbers = logistic.table()
    broken = array("d", [x * (1 + 1e-6) for x in numbers])
    skipped = (address - numbers.buffer_info()[0]) // 8
    monkeypatch.setattr(straight, "table", lambda: (broken.buffer_info()[0] + 8 * skipped, broken))
    build.BUILT.clear()
    x = Value(0.25, "x")
    program = compile([sigmoid(x)], [x], backend="native", strict=False)
    build.BUILT.clear()
    assert program(0.25) == pytest.approx([0.5621765008857981], rel=1e-15)
    assert program.remark.startswith("not straight: output 0 is")
