"""A look into programs: every intermediate of a compiled step by id and label, its loops, and its graph again."""

from __future__ import annotations

import importlib.util
import math
import pickle
from array import array

import pytest

from engine import Value, dot, draw, exp, gradient, primitive, tanh
from engine.graph import topological
from engine.program import Miscompiled, Program, compile  # noqa: A004
from engine.program.plan import Run
from engine.trust.primitive import forget
from nn import MLP, losses


NATIVE = pytest.param("native", marks=pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="no llvmlite"))
BACKENDS = ["python", NATIVE]
LN2, LN3 = math.log(2), math.log(3)
WEIGHTS = [-LN3, -2 * LN3, LN2, 2 * LN2, -4 * LN2, 3 * LN2, 4 * LN3, -3 * LN3]


def training_step(backend: str, sizes: tuple[int, ...] = (2, 2, 2)) -> tuple[Program, list[Value]]:
    """E and the weights after a step of 1/2, of a sigmoid network without biases."""
    model = MLP(sizes[0], list(sizes[1:]), activation="sigmoid", output="sigmoid", bias=False)
    weights = model.parameters()
    x = [Value(0.25 + k, f"x{k + 1}") for k in range(sizes[0])]
    t = [Value(1.0, f"t{k + 1}") for k in range(sizes[-1])]
    E = losses.sse(model(x), t)
    new = [w - 0.5 * g for w, g in zip(weights, gradient(E, weights), strict=True)]
    for w, v in zip(weights, new, strict=True):
        v.label = f"{w.label}'"
    inputs = [*weights, *x, *t]
    return compile([E, *new], inputs, backend=backend), topological(E, *new)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_intermediate_of_the_worked_example_is_seen(backend: str) -> None:
    program, _ = training_step(backend)
    seen = program.inspect(*WEIGHTS, 3.0, -2.0, 1.0, 1.0)
    by_hand = {
        "net_h1": LN3, "net_h2": -LN2, "o_h1": 3 / 4, "o_h2": 1 / 3, "net_o1": -2 * LN2, "net_o2": 2 * LN3,
        "o_o1": 1 / 5, "o_o2": 9 / 10, "E": 13 / 20, "dE/do_o1": -8 / 5, "dE/do_o2": -1 / 5, "dE/dnet_o1": -32 / 125,
        "dE/dnet_o2": -9 / 500, "dE/do_h1": 128 * LN2 / 125 - 9 * LN3 / 125, "dE/do_h2": 27 * LN3 / 500 - 96 * LN2 / 125,
        "dE/dw_o1,h1": -24 / 125, "dE/dw_o2,h2": -3 / 500, "dE/dw_h1,x1": 72 * LN2 / 125 - 81 * LN3 / 2000,
        "w_o1,h1'": -4 * LN2 + 12 / 125,
    }  # fmt: skip
    assert {label: seen[label].value for label in by_hand} == pytest.approx(by_hand, rel=1e-12, abs=0)
    assert [seen[i.id] for i in seen] == seen.instructions
    assert [seen[k].label for k in seen["net_h1"].arguments] == ["w_h1,x1", "w_h1,x2", "x1", "x2"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_numbers_it_shows_the_recorded_ones_bit_for_bit(backend: str) -> None:
    program, nodes = training_step(backend)
    seen = program.inspect()
    recorded = {str(n.label): n.data for n in nodes if n.label is not None}
    assert {i.label: i.value for i in seen if i.label} == recorded


def test_the_source_of_a_training_step_is_the_derivation_in_order() -> None:
    program, _ = training_step("python")
    lines = [" ".join(line.split()) for line in program.source.splitlines()]
    for line in (
        "net_o1 = w_o1_h1 * o_h1 + w_o1_h2 * o_h2 # LEC-4",
        "o_o1 = sigmoid(net_o1) # LEC-3",
        "E = (t1 - o_o1) * (t1 - o_o1) + (t2 - o_o2) * (t2 - o_o2) # LEC-2",
        "dE_do_o1 = -2.0 * (t1 - o_o1) # S63-h",
        "dE_dnet_o1 = o_o1 * sigmoid(-net_o1) * dE_do_o1 # LEC-5, 1 - o = sigmoid(-net)",
        "dE_do_h1 = w_o2_h1 * dE_dnet_o2 + w_o1_h1 * dE_dnet_o1 # LEC-12",
        "dE_dw_h1_x2 = x2 * dE_dnet_h1 # LEC-11",
        "w_h1_x1_new = w_h1_x1 - 0.5 * dE_dw_h1_x1 # S63-c",
    ):
        assert line in lines


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_graph_of_an_inspection_is_that_of_the_program_at_its_numbers(backend: str) -> None:
    w, x = Value(2.0, "w"), Value(3.0, "x")
    y = 0.3 * (w * x).tanh()
    y.label = "y"
    (again,) = compile([y], [w, x], backend=backend).inspect(0.5, 1.5).graph
    by_label = {n.label: n for n in topological(again)}
    assert by_label["y"] is again
    again.backward()
    assert again.data == 0.3 * math.tanh(0.75)
    assert by_label["w"].grad == pytest.approx(0.3 * 1.5 * (1 - math.tanh(0.75) ** 2), rel=1e-14)
    assert "5 nodes" in repr(draw(again))


def test_loops_and_machine_code_are_shown() -> None:
    pytest.importorskip("llvmlite")
    program, _ = training_step("native", (24, 16, 8))
    seen = program.inspect()
    assert seen.loops[:2] == ["16 x dot of 24", "16 x sigmoid with 16 x sigmoid"]
    assert "384 x sub" in seen.loops
    assert {"run:", "rows:"} & {line.strip() for line in program.assembly.splitlines()}
    assert training_step("python", (24, 16, 8))[0].inspect().loops == []


def test_flops_are_those_counted_by_hand() -> None:
    w, x = [Value(0.5 + k) for k in range(3)], [Value(1.5 - k) for k in range(3)]
    products_and_sums = compile([dot(w, x)], [*w, *x], backend="python").inspect()
    assert (products_and_sums.flops, products_and_sums.bytes) == (3 + 2, 8 * 7)
    difference = compile([2.5 * (w[0] - x[0])], [w[0], x[0]], backend="python").inspect()
    assert (difference.flops, difference.bytes) == (2, 8 * 3)


@pytest.mark.parametrize("which", [-1, 3, "w", "twice"])
def test_what_is_not_there_or_not_one_is_told(which: int | str) -> None:
    a, b = Value(2.0, "twice"), Value(3.0, "twice")
    seen = compile([a * b], [a, b], backend="python").inspect()
    with pytest.raises(LookupError, match=r"ids run from 0 to 2|no instruction has the label 'w'|choose an id of \[0, 1\]"):
        seen[which]


def test_an_inspection_refuses_what_the_graph_refuses_and_wrong_code() -> None:
    x = Value(2.0, "x")
    program = compile([x.log() * 3], [x], backend="python")
    with pytest.raises(ArithmeticError, match=r"log\(x=-2\.5\)"):
        program.inspect(-2.5)

    def wrong(run: Run, start: int, stop: int) -> int:
        run.collected[0], run.done[0] = 0.25, stop
        return stop

    program._called().runner = wrong
    with pytest.raises(Miscompiled, match=r"output 0 of the compiled run is 0\.25"):
        program.inspect(2.5)


# ---- what programs must bear


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_output_may_be_listed_twice(backend: str) -> None:
    x = Value(0.5, "x")
    y = x * x
    program = compile([y, y, x], [x], backend=backend)
    assert program(1.5) == [2.25, 2.25, 1.5]
    assert program.scan(array("d", [3.0]), collect=[1, y]) == [array("d", [9.0])] * 2


def test_an_input_is_fed_back_once() -> None:
    x, w = Value(0.5, "x"), Value(2.0, "w")
    program = compile([x * w, x + w], [x, w], backend="python")
    with pytest.raises(ValueError, match="names the input 0 twice"):
        program.scan(array("d", [1.0]), array("d", [0.0, 0.0]), feedback={x: 0, 0: 1})


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_that_was_pickled_runs_again(backend: str) -> None:
    program, _ = training_step(backend)
    numbers = [*WEIGHTS, 3.0, -2.0, 1.0, 1.0]
    again = pickle.loads(pickle.dumps(program))
    assert (again(numbers), again.source, repr(again)) == (program(numbers), program.source, repr(program))


@pytest.fixture
def forgotten():
    """Rows that a test adds are gone afterwards."""
    yield
    forget("double_tanh", "error_function")


@pytest.mark.usefixtures("forgotten")
def test_a_primitive_of_formulas_runs_as_machine_code_and_one_of_python_says_why_not() -> None:
    pytest.importorskip("llvmlite")
    lowered = primitive("double_tanh", lambda a: 2 * tanh(a), lambda y, a: 2 * (1 - tanh(a) ** 2))
    opaque = primitive("error_function", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))
    x = Value(0.75, "x")
    programs = [compile([f(x)], [x], backend="native") for f in (lowered, opaque)]
    assert [p.backend for p in programs] == ["native", "python"]
    assert programs[1].remark == "the row 'error_function' uses 'error_function', which has no machine code"
    assert [p(0.3) for p in programs] == [[2 * math.tanh(0.3)], [math.erf(0.3)]]
    assert ["double_tanh(x)" in programs[0].source, "error_function(x)" in programs[1].source] == [True, True]
