"""An update that waits for the next row's sums: the bits of one that does not, whatever the rows hold."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import pytest
from trainings import Training, a_training

from engine import Value, compile, dot, gradient, log, tanh  # noqa: A004
from engine.program import Program, build, rolled, waiting
from engine.program.schedule import Schedule


pytest.importorskip("llvmlite")
INF, NAN = float("inf"), float("nan")


@pytest.fixture(autouse=True)
def eight_are_many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Updates wait from eight numbers on, and no test runs what another has built."""
    monkeypatch.setattr(waiting, "MANY", 8)
    build.BUILT.clear()
    yield
    build.BUILT.clear()


def waits(program: Program, scan: Any) -> int:
    return len(Schedule(program._tape, scan._plan).waiting)


# ---- networks


@pytest.mark.parametrize("seed", [0, 3, 8, 12, 13, 14, 15, 18, 28, 31, 35])  # widths of 1 to 20, some with momentum
def test_a_network_trains_to_the_digits_of_the_graph(seed: int) -> None:
    graph, fast = a_training(seed), a_training(seed)
    steps, order = fast.compiled("native"), graph.order()
    expected = [graph.update([k]) for k in order]
    assert steps.run(order[:1], 1, fast.update) + steps.run(order[1:], 1, fast.update) == expected
    assert fast.weights() == graph.weights()
    step = steps.steps[1]
    assert (step.program.remark, waits(step.program, step.rows)) == ("", 1)


def test_without_strict_it_stays_close() -> None:
    settings: dict[str, Any] = {"activation": "sigmoid", "output": "softmax", "rows": 40}
    exact, fast = Training([16, 24, 10], "cross_entropy", **settings), Training([16, 24, 10], "cross_entropy", **settings)
    for training, strict in ((exact, True), (fast, False)):
        steps = training.compiled("native", strict)
        for epoch in range(5):
            steps.run(training.order(seed=epoch), 1, training.update)
        assert waits(steps.steps[1].program, steps.steps[1].rows) == 1
    assert fast.weights() != exact.weights()
    assert fast.weights() == pytest.approx(exact.weights(), rel=1e-9)


@pytest.mark.parametrize(("size", "settings"), [(2, {}), (1, {"weight_decay": 0.01})])
def test_weights_that_several_samples_or_terms_read(size: int, settings: dict[str, Any]) -> None:
    graph, fast = (Training([9, 16, 3], "sse", **settings) for _ in range(2))
    steps, order = fast.compiled("native"), graph.order()[:16]
    assert steps.run(order, size, fast.update) == [graph.update(order[k : k + size]) for k in range(0, 16, size)]
    assert fast.weights() == graph.weights()
    assert waits(steps.steps[size].program, steps.steps[size].rows) == 0  # they are read more than twice


# ---- any numbers


class Layer:
    """Units net_j = w_j x of one layer, E = the sum of their losses, and a step down its slope."""

    def __init__(self, units: int, inputs: int, loss: Any, extra: Any = None) -> None:
        self.x = [Value(0.25 + k, f"x{k}") for k in range(inputs)]
        self.w = [[Value(0.5 - 0.0625 * (j + k), f"w{j}{k}") for k in range(inputs)] for j in range(units)]
        weights = [w for line in self.w for w in line]
        E = sum(loss(dot(line, self.x)) for line in self.w)
        if extra is not None:
            E = E + extra(weights)
        self.eta = Value(0.125, "eta")
        new = [w - self.eta * g for w, g in zip(weights, gradient(E, weights), strict=True)]
        self.inputs, self.outputs, self.E = [*self.x, self.eta, *weights], [E, self.eta, *new], E
        self.fed = {inputs + k: 1 + k for k in range(1 + len(weights))}
        self.start = array("d", [0.125, *(w.data for w in weights)])

    def program(self, backend: str) -> Program:
        return compile(self.outputs, self.inputs, backend=backend)


def scanned(layer: Layer, backend: str, rows: list[float], collect: list[int], **how: Any) -> tuple[bytes, list[bytes], bool]:
    program = layer.program(backend)
    scan = program.scanner(layer.fed, collect)
    state = array("d", layer.start)
    found = scan(array("d", rows), state, **how)
    assert program.backend == backend
    assert program.remark == ""
    return state.tobytes(), [f.tobytes() for f in found], bool(waits(program, scan))


@pytest.mark.parametrize("units", [4, 13, 16])
@pytest.mark.parametrize("order", [None, [2, 2, 0, 5, 1, 3, 4, 2]])
def test_infinite_and_missing_numbers_in_rows(units: int, order: list[int] | None) -> None:
    layer = Layer(units, 3, lambda net: tanh(net) * 0.75)
    rows = [0.5, -0.0, 2.0, 1e-310, 3.0, -1e300, -0.0, 0.0, -0.0, 4.0, INF, 0.5, 1.0, NAN, 1.0, 0.25, 0.5, 0.75]
    for last in range(3, 19, 3):  # ends at each of them
        visits = None if order is None else [k for k in order if 3 * k < last]
        python = scanned(layer, "python", rows[:last], [0], order=visits)
        native = scanned(layer, "native", rows[:last], [0], order=visits)
        assert native == (python[0], python[1], True)


def test_a_row_that_is_refused_meets_the_weights_that_the_rows_before_have_left() -> None:
    layer = Layer(16, 3, lambda net: log(net * net) * 0.25)
    rows, states = array("d", [0.5, 1.0, 2.0, 1.5, 0.25, 0.5, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]), []
    for backend in ("python", "native"):
        program, state = layer.program(backend), array("d", layer.start)
        with pytest.raises(ArithmeticError, match="log"):
            program.scan(rows, state, feedback=layer.fed)
        states.append(state.tobytes())
        after = array("d", layer.start)
        program.scan(rows[:6], after, feedback=layer.fed)
        assert states[-1] == after.tobytes()
    assert states[0] == states[1] != layer.start.tobytes()


def test_what_else_reads_a_weight_or_is_told_its_number_does_not_wait() -> None:
    rows = [0.5, 1.0, 2.0, 1.5, 0.25, 0.5, 0.25, 0.75, -1.0]
    plain = Layer(16, 3, tanh)
    penalised = Layer(16, 3, tanh, lambda weights: 0.5 * dot(weights, weights))
    for layer, collect, expected in ((plain, [0], True), (plain, [0, 5], False), (plain, [1], True), (penalised, [0], False)):
        python, native = scanned(layer, "python", rows, collect), scanned(layer, "native", rows, collect)
        assert native == (python[0], python[1], expected)


def test_a_step_by_a_column_of_its_own_row_does_not_wait() -> None:
    rows = [0.5, 1.0, 2.0, 1.5, 0.25, 0.5, 0.25, 0.75, -1.0]
    layer = Layer(16, 3, tanh)
    weights = [w for line in layer.w for w in line]
    layer.outputs[2:] = [w - layer.x[1] * g for w, g in zip(weights, gradient(layer.E, weights), strict=True)]
    python, native = scanned(layer, "python", rows, [0]), scanned(layer, "native", rows, [0])
    assert native == (python[0], python[1], False)


@pytest.mark.parametrize("first", [4, 8])
def test_units_of_two_learning_rates_do_not_wait(first: int) -> None:
    rows = [0.5, 1.0, 2.0, 1.5, 0.25, 0.5, 0.25, 0.75, -1.0]
    layer = Layer(16, 3, tanh)
    weights = [w for line in layer.w for w in line]
    slopes = gradient(layer.E, weights)
    halves = [w - layer.eta * g for w, g in zip(weights, slopes, strict=True)], [w - 0.5 * (layer.eta * g) for w, g in zip(weights, slopes, strict=True)]
    layer.outputs[2:] = [*halves[0][: 3 * first], *halves[1][3 * first :]]
    python, native = scanned(layer, "python", rows, [0]), scanned(layer, "native", rows, [0])
    assert native == (python[0], python[1], False)


# ---- the proof


def test_a_program_that_is_right_row_by_row_and_not_in_one_go_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, fast = Training([9, 16, 3], "sse"), Training([9, 16, 3], "sse")
    plain = rolled._Writer._updated

    def negligent(self: Any, w: Any, due: Any) -> Any:
        fresh = plain(self, w, due)
        return lambda a, b: fresh(a, "0")  # every tile of units takes the numbers of the first

    monkeypatch.setattr(rolled._Writer, "_updated", negligent)
    steps, order = fast.compiled("native"), graph.order()
    assert steps.run(order, 1, fast.update) == [graph.update([k]) for k in order]
    assert "rows in one go" in steps.steps[1].program.remark
    assert fast.weights() == graph.weights()
