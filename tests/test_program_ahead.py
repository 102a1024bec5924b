"""Two rows in one pass over the weights: the numbers of one row at a time, wherever a run ends or is refused."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trainings import Training, agree_however_many_rows

from engine import Value, compile, dot, gradient, log, tanh  # noqa: A004
from engine.program import Program, ahead, build, updated, verify, waiting
from engine.program.schedule import Schedule


pytest.importorskip("llvmlite")
INF, NAN = float("inf"), float("nan")
CLOSE = 1e-11  # relative; a row's step moves the weights by 1e-3 and more


@pytest.fixture(autouse=True)
def eight_are_many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Updates wait for two rows from eight numbers on, and no test runs what another has built."""
    monkeypatch.setattr(waiting, "MANY", 8)
    monkeypatch.setattr(ahead, "LARGE", 8)
    monkeypatch.setattr(build, "narrow", lambda tape, plan: False)  # loops, however small
    build.BUILT.clear()
    yield
    build.BUILT.clear()


def pairs(program: Program, scan: Any) -> list[bool]:
    """For each update that waits, whether it waits for two rows."""
    return [w.ahead is not None for w in Schedule(program._tape, scan._plan, strict=False).waiting.values()]


# ---- networks


@pytest.mark.parametrize("sizes", [[3, 4, 2], [5, 8, 2], [9, 13, 3], [2, 17, 5, 1], [16, 24, 10], [2, 31, 1], [40, 150, 3]])
@pytest.mark.parametrize("bias", [True, False])
def test_a_network_trains_as_on_the_graph_however_many_rows_it_does(sizes: list[int], bias: bool) -> None:
    settings: dict[str, Any] = {"activation": "sigmoid", "output": "sigmoid", "bias": bias}
    fast, graph = (Training(sizes, "sse", **settings) for _ in range(2))
    steps = agree_however_many_rows(fast, graph, [3, 1, 1, 4, 0, 2, 5], CLOSE)
    step = steps.steps[1]
    assert (step.program.remark, pairs(step.program, step.rows)) == ("", [True])


def test_small_layers_and_other_optimisers_do_one_row_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings, expected in (({"momentum": 0.9}, [[], [False]]), ({"weight_decay": 0.01}, [[], [False]])):
        fast, graph = (Training([9, 16, 3], "sse", **settings) for _ in range(2))
        steps = fast.compiled("native", strict=False)
        steps.run(graph.order(), 1, fast.update)
        for k in graph.order():
            graph.update([k])
        assert fast.weights() == pytest.approx(graph.weights(), rel=CLOSE)
        assert pairs(steps.steps[1].program, steps.steps[1].rows) in expected
    monkeypatch.setattr(ahead, "LARGE", 9 * 16 + 1)
    steps = Training([9, 16, 3], "sse").compiled("native", strict=False)
    steps.run([0, 1], 1, lambda batch, k: None)
    assert pairs(steps.steps[1].program, steps.steps[1].rows) == [False]


# ---- any numbers


class Layer:
    """Units net_j = w_j x, E = the sum of their losses, and a step that `step` makes of a weight and its slope."""

    def __init__(self, units: int, inputs: int, loss: Callable[[Any], Any], step: Callable[[Any, Any, Any], Any]) -> None:
        x = [Value(0.25 + k, f"x{k}") for k in range(inputs)]
        w = [[Value(0.5 - 0.0625 * (j + k), f"w{j}{k}") for k in range(inputs)] for j in range(units)]
        weights = [v for line in w for v in line]
        E = sum(loss(dot(line, x)) for line in w)
        eta = Value(0.125, "eta")
        new = [step(v, g, eta) for v, g in zip(weights, gradient(E, weights), strict=True)]
        self.inputs, self.outputs = [*x, eta, *weights], [E, eta, *new]
        self.fed = {inputs + k: 1 + k for k in range(1 + len(weights))}
        self.start = array("d", [0.125, *(v.data for v in weights)])

    def scan(self, backend: str) -> tuple[Program, Any]:
        program = compile(self.outputs, self.inputs, backend=backend, strict=backend == "python")
        return program, program.scanner(self.fed, [0])

    def both(self, rows: list[float], **how: Any) -> Iterator[list[float]]:
        """The state and the losses after these rows, one row at a time and two."""
        for backend in ("python", "native"):
            program, scan = self.scan(backend)
            state = array("d", self.start)
            (losses,) = scan(array("d", rows), state, **how)
            assert (program.backend, program.remark) == (backend, "")
            yield [*state, *losses]


def down(w: Any, slope: Any, eta: Any) -> Any:
    return w - eta * slope


STEPS: dict[str, tuple[Callable[[Any, Any, Any], Any], list[bool]]] = {  # and what waits: for two rows?
    "w - eta g": (down, [True]),
    "w + (-g) eta": (lambda w, g, eta: w + (-g) * eta, [True]),
    "-(eta g) + w": (lambda w, g, eta: -(eta * g) + w, [True]),
    "w / 2 - eta g": (lambda w, g, eta: w * 0.5 - eta * g, [False]),
    "eta g - w": (lambda w, g, eta: eta * g - w, [False]),
    "w - eta tanh g": (lambda w, g, eta: w - eta * tanh(g), []),
    "w - eta g g": (lambda w, g, eta: w - eta * (g * g), []),
    "w - g / 8": (lambda w, g, eta: w - g / 8.0, []),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("units", [8, 13])
def test_what_a_step_must_be(name: str, units: int) -> None:
    step, expected = STEPS[name]
    layer = Layer(units, 3, lambda net: tanh(net) * 0.75, step)
    rows = [0.5, -1.0, 2.0, 0.75, 3.0, -0.25, 1.5, 0.25, -0.5, 1.0, 1.25, 0.5, -0.75, 1.0, 0.25]
    for last in range(3, 18, 3):
        python, native = layer.both(rows[:last])
        assert native == pytest.approx(python, rel=CLOSE)
    assert pairs(*layer.scan("native")) == expected


@pytest.mark.parametrize("units", [4, 13, 16])
@pytest.mark.parametrize("order", [None, [2, 2, 0, 5, 1, 3, 4, 2]])
def test_infinite_and_missing_numbers_in_rows(units: int, order: list[int] | None) -> None:
    layer = Layer(units, 3, lambda net: tanh(net) * 0.75, down)
    rows = [0.5, -0.0, 2.0, 1e-310, 3.0, -1e300, -0.0, 0.0, -0.0, 4.0, INF, 0.5, 1.0, NAN, 1.0, 0.25, 0.5, 0.75]
    for last in range(3, 19, 3):  # ends at each of them
        visits = None if order is None else [k for k in order if 3 * k < last]
        python, native = layer.both(rows[:last], order=visits)
        assert native == pytest.approx(python, rel=CLOSE, nan_ok=True)


@pytest.mark.parametrize("units", [8, 13])
@pytest.mark.parametrize(
    ("x", "eta", "slope"),
    [
        ([1e-200, 2e-200, -1e-200], 1.0, 1e300),  # x x' is below all floats, and the slope makes up for it
        ([1e-250, 3e-250, 2e-250], 1e150, 1e150),
        ([1e-100, 1e-100, 3e-100], 1e300, 1e-200),  # the slope times x x' is, and the slope times x is not
        ([1e-100, 1e-100, 3e-100], 1e-200, 1e300),
        ([1e200, 2e200, 3e200], 1e-100, 1e-150),  # above
        ([1e-154, 1e-160, 3e-161], 1e150, 1e3),  # at the end, where digits go missing
        ([0.0, 0.0, 0.0], 1e300, 1e3),
        ([1e-300, 1e-300, 1e-300], 1e200, 1e100),
    ],
)
def test_products_at_the_ends_of_the_floats(units: int, x: list[float], eta: float, slope: float) -> None:
    layer = Layer(units, 3, lambda net: tanh(net) * slope, down)
    layer.start = array("d", [eta, *(1e-3 * w for w in layer.start[1:])])
    rows = [*x, *x, 0.5, 0.25, -1.0]
    for last in range(3, len(rows) + 1, 3):
        python, native = layer.both(rows[:last])
        assert native == pytest.approx(python, rel=1e-9, abs=0.0)


@pytest.mark.parametrize("units", [8, 13])
def test_a_product_of_rows_that_the_slope_takes_below_all_floats(units: int) -> None:
    """d x is a float, and so is eta (d x); d times x x' is none, though eta would bring it back."""
    layer = Layer(units, 3, lambda net: net * net * 2.0**-101, down)
    layer.start = array("d", [2.0**600, *(w * 2.0**-250 for w in layer.start[1:])])
    rows = [x * 2.0**-250 for x in (0.5, 0.25, -1.0, 0.75, 1.0, -0.5, 0.25, -0.75, 1.0, 0.5, 0.5, 1.0, -0.25, 1.0, 0.5)]
    for last in range(3, 18, 3):
        python, native = layer.both(rows[:last])
        assert native == pytest.approx(python, rel=1e-9, abs=0.0)
        assert abs(python[1]) > 2.0**-260


@pytest.mark.parametrize("refused", range(6))
def test_a_row_that_is_refused_meets_the_weights_that_the_rows_before_have_left(refused: int) -> None:
    layer = Layer(16, 3, lambda net: log(net * net) * 0.25, down)
    rows = array("d", [0.5, 1.0, 2.0, 1.5, 0.25, 0.5, 0.75, 0.5, 1.0, 0.5, 1.5, 0.25, 1.0, 0.5, 0.25])
    rows = rows[: 3 * refused] + array("d", [0.0] * 3) + rows[3 * refused :]
    states = []
    for backend in ("python", "native"):
        _, scan = layer.scan(backend)
        state = array("d", layer.start)
        with pytest.raises(ArithmeticError, match="log"):
            scan(rows, state)
        states.append(state.tolist())
    assert states[1] == pytest.approx(states[0], rel=CLOSE)
    assert refused == 0 or states[0][1] != layer.start[1]


@pytest.mark.parametrize("units", [4, 8, 13])
def test_the_old_weight_of_a_row_may_be_kept_or_told(units: int) -> None:
    for name in ("kept", "told"):
        layer = Layer(units, 3, lambda net: tanh(net) * 0.75, down)
        old, weight = Value(7.0, "old"), layer.inputs[9]
        layer.inputs, layer.outputs = [*layer.inputs, old], [*layer.outputs, weight if name == "kept" else old * 1.0]
        layer.fed[len(layer.inputs) - 1], layer.start = len(layer.outputs) - 1, array("d", [*layer.start, 7.0])
        collected = [0]
        if name == "told":
            layer.outputs, collected = [*layer.outputs, weight], [0, len(layer.outputs)]
        rows = array("d", [0.5, -1.0, 2.0, 0.75, 3.0, -0.25, 1.5, 0.25, -0.5, 1.0, 1.25, 0.5, -0.75, 1.0, 0.25])
        found = []
        for backend in ("python", "native"):
            program = compile(layer.outputs, layer.inputs, backend=backend, strict=backend == "python")
            state = array("d", layer.start)
            columns = program.scan(rows, state, feedback=layer.fed, collect=collected)
            assert (program.backend, program.remark) == (backend, "")  # right at once
            found.append([*state, *(x for column in columns for x in column)])
        assert found[1] == pytest.approx(found[0], rel=CLOSE)


# ---- the proof


@pytest.mark.parametrize("many", [0, 10_000])
def test_a_pass_that_makes_up_for_two_rows_is_noticed_if_it_is_wrong_in_large_graphs_too(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MANY", many)
    right = updated.UpdatedSums._updated
    monkeypatch.setattr(updated.UpdatedSums, "_updated", lambda self, w, due: right(self, w, [(u, "%before") for u, _ in due]))
    layer = Layer(8, 3, lambda net: tanh(net) * 0.75, down)
    program, _ = layer.scan("native")
    assert program.remark.startswith("not rolled: 5 rows in one go give")


def test_a_product_that_is_wrong_is_noticed_when_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, fast = Training([9, 16, 3], "sse"), Training([9, 16, 3], "sse")
    right = updated.UpdatedSums._inner_product
    monkeypatch.setattr(updated.UpdatedSums, "_inner_product", lambda self, column, terms: right(self, column, terms - 1))
    steps, order = fast.compiled("native", strict=False), graph.order()
    assert steps.run(order, 1, fast.update) == pytest.approx([graph.update([k]) for k in order], rel=CLOSE)
    assert "rows in one go" in steps.steps[1].program.remark
