"""Sums that a row makes for the next: the numbers of one row at a time, wherever a run ends, saturates or is refused."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_program_ahead import STEPS, down
from trainings import Training, agree_however_many_rows

from engine import Value, compile, dot, gradient, log, sigmoid, tanh  # noqa: A004
from engine.program import Program, build, early
from engine.program.straight import logistics


pytest.importorskip("llvmlite")
INF, NAN = math.inf, math.nan
CLOSE = 1e-11  # relative; a row's step moves the weights by 1e-3 and more


def made_early(program: Program, scan: Any) -> int:
    return len(early.find_early(program._tape, scan._plan, logistics(program._tape)))


@pytest.mark.parametrize("sizes", [[2, 2, 2], [1, 1], [3, 2, 1], [2, 3, 2, 1], [2, 2, 2, 2], [4, 1, 4]])
@pytest.mark.parametrize("bias", [True, False])
def test_a_network_trains_as_on_the_graph_however_many_rows_it_does(sizes: list[int], bias: bool) -> None:
    settings: dict[str, Any] = {"activation": "sigmoid", "output": "sigmoid", "bias": bias}
    fast, graph = (Training(sizes, "sse", lr=0.5, **settings) for _ in range(2))
    steps = agree_however_many_rows(fast, graph, [3, 1, 1, 4, 0, 2, 5], CLOSE)
    step = steps.steps[1]
    assert (step.program.remark, made_early(step.program, step.rows)) == ("", sizes[1])
    assert f"%early{len(step.program._tape.inputs)} = phi" in step.rows.runner.__closure__[0].cell_contents.text


@pytest.mark.parametrize("settings", [{"momentum": 0.9}, {"weight_decay": 0.01}, {"activation": "tanh"}, {"output": "softmax"}])
def test_others_wait_for_their_row(settings: dict[str, Any]) -> None:
    loss = "cross_entropy" if settings.get("output") else "sse"
    fast, graph = (Training([2, 3, 2], loss, **{"activation": "sigmoid"} | settings) for _ in range(2))
    steps = fast.compiled("native", strict=False)
    steps.run(graph.order(), 1, fast.update)
    for k in graph.order():
        graph.update([k])
    assert fast.weights() == pytest.approx(graph.weights(), rel=CLOSE)
    assert made_early(steps.steps[1].program, steps.steps[1].rows) == (3 if loss == "cross_entropy" else 0)


class Unit:
    """E of what `loss` makes of units w x, and a step; one row at a time in Python, early in machine code."""

    def __init__(self, loss: Callable[[Any], Any], step: Callable[[Any, Any, Any], Any] = down) -> None:
        x = [Value(0.25 + k, f"x{k}") for k in range(3)]
        w = [[Value(0.5 - 0.25 * (j + k), f"w{j}{k}") for k in range(3)] for j in range(2)]
        weights = [v for line in w for v in line]
        eta = Value(0.125, "eta")
        E = loss([dot(line, x) for line in w])
        new = [step(v, g, eta) for v, g in zip(weights, gradient(E, weights), strict=True)]
        self.inputs, self.outputs = [*x, eta, *weights], [E, eta, *new]
        self.fed = {3 + k: 1 + k for k in range(7)}
        self.start = array("d", [0.125, *(v.data for v in weights)])

    def both(self, rows: list[float], early: int, **how: Any) -> Iterator[list[float]]:
        for backend in ("python", "native"):
            program = compile(self.outputs, self.inputs, backend=backend, strict=backend == "python")
            scan, state = program.scanner(self.fed, [0]), array("d", self.start)
            assert (program.backend, program.remark, made_early(program, scan)) == (backend, "", early)
            (losses,) = scan(array("d", rows), state, **how)
            yield [*state, *losses]


def squares(nets: list[Any]) -> Any:
    return sum((sigmoid(net) - 0.25) ** 2 for net in nets)


@pytest.mark.parametrize("name", STEPS)
def test_what_a_step_must_be(name: str) -> None:
    step, waits = STEPS[name]
    rows = [0.5, -1.0, 2.0, 0.75, 3.0, -0.25, 1.5, 0.25, -0.5, 1.0, 1.25, 0.5, -0.75, 1.0, 0.25]
    for last in range(3, 18, 3):
        python, native = Unit(squares, step).both(rows[:last], 2 if waits == [True] else 0)
        assert native == pytest.approx(python, rel=CLOSE)


@pytest.mark.parametrize("order", [None, [2, 2, 0, 5, 1, 3, 4, 2]])
def test_infinite_missing_huge_and_tiny_numbers_in_rows(order: list[int] | None) -> None:
    rows = [0.5, -0.0, 2.0, 1e-310, 3.0, -1e300, 1e200, 1e180, -1e190, 4.0, INF, 0.5, 1.0, NAN, 1.0, 60.0, 0.5, -75.0]
    for last in range(3, 19, 3):
        visits = None if order is None else [k for k in order if 3 * k < last]
        python, native = Unit(squares).both(rows[:last], 2, order=visits)
        assert native == pytest.approx(python, rel=CLOSE, nan_ok=True)


def test_where_the_state_stays_in_memory_no_sum_is_made_early(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.program import straight

    monkeypatch.setattr(straight, "REGISTERS", 6)  # of a state of seven
    build.BUILT.clear()
    unit, states = Unit(squares), []
    for backend in ("python", "native"):
        program = compile(unit.outputs, unit.inputs, backend=backend, strict=backend == "python")
        scan, state = program.scanner(unit.fed, [0]), array("d", unit.start)
        (losses,) = scan(array("d", [0.5, -1.0, 2.0, 0.75, 3.0, -0.25, 1.5, 0.25, -0.5]), state)
        assert (program.backend, program.remark) == (backend, "")
        states.append([*state, *losses])
    text = scan.runner.__closure__[0].cell_contents.text
    build.BUILT.clear()
    assert "%early" not in text
    assert states[1] == pytest.approx(states[0], rel=CLOSE)


@pytest.mark.parametrize("refused", range(5))
def test_a_row_that_is_refused_meets_the_weights_that_the_rows_before_have_left(refused: int) -> None:
    x, w, eta = Value(0.25, "x"), Value(0.5, "w"), Value(0.25, "eta")
    E = (sigmoid(dot([w], [x])) - 0.75) ** 2 + 0.125 * log(x)
    rows, states = [0.5, 1.0, 2.0, 0.75], []
    rows.insert(refused, 0.0)
    for backend in ("python", "native"):
        program = compile([E, eta, w - eta * gradient(E, [w])[0]], [x, eta, w], backend=backend, strict=backend == "python")
        scan, state = program.scanner({1: 1, 2: 2}, [0]), array("d", [0.25, 0.5])
        assert (program.backend, program.remark, made_early(program, scan)) == (backend, "", 1)
        with pytest.raises(ArithmeticError, match="log"):
            scan(array("d", rows), state)
        states.append(state.tolist())
    assert states[1] == pytest.approx(states[0], rel=CLOSE)
    assert refused == 0 or states[0][1] != 0.5


OTHERS: dict[str, Callable[[Any], Any]] = {
    "a product": lambda nets: squares(nets) + nets[0] * nets[1],
    "a hyperbolic tangent": lambda nets: squares([tanh(n) for n in nets]),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_else_reads_a_sum_has_the_one_of_its_row(name: str) -> None:
    python, native = Unit(OTHERS[name]).both([0.5, -1.0, 2.0, 0.75, 3.0, -0.25, 1.5, 0.25, -0.5], 0)
    assert native == pytest.approx(python, rel=CLOSE)


def test_a_sum_that_is_wrong_is_noticed_when_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.program import straight

    right = straight.row_to_come
    monkeypatch.setattr(straight, "row_to_come", lambda low, e, known, old, tape, coming: right(low, e, known, known[e.weight], tape, coming))
    build.BUILT.clear()
    unit = Unit(squares)
    program = compile(unit.outputs, unit.inputs, backend="native", strict=False)
    program.scanner(unit.fed, [0])
    build.BUILT.clear()
    assert "rows in one go" in program.remark
