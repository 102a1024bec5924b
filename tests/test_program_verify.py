"""The proof that a program is the graph: what it notices of runners that are wrong in one way each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine import Value, log
from engine.graph import topological
from engine.program import verify
from engine.program.plan import Plan, Run, store
from engine.program.tape import Tape
from engine.program.verify import cases, first_difference


Numbers = Sequence[float]
Change = Callable[[int, Numbers, list[float]], list[float] | None]


class Graph:
    """E of a column x and a weight w, and the next w; `difference` is that of a runner which changes what the tape gives."""

    def __init__(self, E: Callable[[Any, Any], Any], x: float = 0.5, w: float = 100.0) -> None:
        inputs = [Value(x, "x"), Value(w, "w")]
        error = E(*inputs)
        outputs = [error, inputs[1] - 0.125 * error]
        self.tape, self.plan = Tape(outputs, inputs), Plan((0,), (1,), (1,), (0,))
        self.cases = cases(outputs, inputs, topological(*outputs))

    def difference(self, change: Change, strict: bool = True) -> str:
        """`change` gets how many rows came before in one go, the inputs and the outputs; None leaves the row to the tape."""

        def go(run: Run, start: int, stop: int) -> int:
            for r in range(start, stop):
                given = [run.rows[r], *run.state]
                try:
                    found = change(r - start, given, self.tape.run(given))
                except ArithmeticError:
                    return r
                if found is None:
                    return r
                store(self.plan, run, r, found)
            return stop

        return first_difference(go, self.plan, self.cases, self.tape, strict)


def square(x: Any, w: Any) -> Any:
    return (x * w - 3.0) ** 2


def test_what_is_right_passes_row_by_row_and_in_one_go() -> None:
    graph = Graph(square)
    assert graph.difference(lambda n, given, found: found) == ""
    assert graph.difference(lambda n, given, found: None) == ""  # every row is left to the tape
    assert graph.difference(lambda n, given, found: found, strict=False) == ""


@pytest.mark.parametrize("output", [0, 1])
def test_a_bit_is_noticed_in_every_output_and_1e_9_where_it_need_not_be_strict(output: int) -> None:
    def times(factor: float) -> Change:
        return lambda n, given, found: [x * factor if p == output else x for p, x in enumerate(found)]

    graph = Graph(square)
    assert graph.difference(times(1 + 2**-52)).startswith(f"output {output} is ")
    assert graph.difference(times(1 + 1e-10), strict=False) == ""
    assert graph.difference(times(1 + 1e-8), strict=False).startswith(f"output {output} is ")


def test_it_is_tried_at_the_recorded_numbers_near_them_and_around_0() -> None:
    graph = Graph(square, x=1e6, w=-1e4)
    recorded, near, wide, far = graph.cases
    assert recorded.numbers == [1e6, -1e4]
    assert all(0.0 < abs(a - b) < 0.1 for a, b in zip(near.numbers, recorded.numbers, strict=True))
    assert all(0.0 < abs(a - b) < 8.0 for a, b in zip(wide.numbers, recorded.numbers, strict=True))
    assert all(0.0 < abs(a) < 8.0 for a in far.numbers)
    for case in graph.cases:
        assert case.outputs == graph.tape.run(case.numbers)
        there = graph.difference(lambda n, given, found, at=case.numbers: [x + (given == at) * abs(x) for x in found])
        assert there.startswith("output "), case


def test_large_graphs_are_tried_at_two_points(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(Graph(square).cases) == 4
    monkeypatch.setattr(verify, "MANY", 3)
    assert len(Graph(square).cases) == 2


def test_what_the_graph_refuses_must_be_refused() -> None:
    graph = Graph(lambda x, w: log(x) * w, x=1e-3)
    assert None in [case.outputs for case in graph.cases]
    assert graph.difference(lambda n, given, found: found) == ""

    def bold(run: Run, start: int, stop: int) -> int:
        for r in range(start, stop):
            E = (math.log(run.rows[r]) if run.rows[r] > 0 else 0.0) * run.state[0]
            store(graph.plan, run, r, [E, run.state[0] - 0.125 * E])
        return stop

    assert first_difference(bold, graph.plan, graph.cases, graph.tape, strict=True) == "it does not notice what the graph refuses"


@pytest.mark.parametrize("E", [square, lambda x, w: log(x) * w], ids=["square", "one that refuses some of the rows"])
@pytest.mark.parametrize("late", [1, 2, 4])
def test_rows_in_one_go_are_the_same_rows(E: Callable[[Any, Any], Any], late: int) -> None:
    graph = Graph(E)
    for output in (0, 1):
        wrong = graph.difference(lambda n, given, found, at=output: [x + (n == late and p == at) for p, x in enumerate(found)])
        assert wrong.startswith("5 rows in one go give ")
    early = graph.difference(lambda n, given, found: found if n < late else None)
    assert early == f"5 rows in one go end at row {late}, and at row 5 one by one"
