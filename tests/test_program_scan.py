"""Programs: what compile accepts, what scan does with buffers, and the source that a learner reads."""

from __future__ import annotations

import importlib.util
import math
import threading
from array import array

import numpy as np
import pytest

import engine
from engine import Value, gradient
from engine.program import compile  # noqa: A004


NATIVE = pytest.param("native", marks=pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="no llvmlite"))
BACKENDS = ["python", NATIVE]


def compile_sum(backend: str) -> engine.Program:
    s, x = Value(0.0, "s"), Value(1.0, "x")
    return compile([s + x], [s, x], backend=backend)


def steps_of_one_weight(backend: str):
    """E = (t - w x)^2 and the weight after a step of 1/8."""
    w, x, t = Value(0.5, "w"), Value(2.0, "x"), Value(3.0, "t")
    E = (t - w * x) ** 2
    (g,) = gradient(E, [w])
    new = w - 0.125 * g
    return compile([E, new], [w, x, t], backend=backend), (w, new, E)


@pytest.mark.parametrize("backend", BACKENDS)
def test_scan_carries_the_state_and_collects(backend: str) -> None:
    program, (w, new, E) = steps_of_one_weight(backend)
    rows = np.array([[2.0, 3.0], [-1.0, 2.0], [0.5, -4.0]])
    state = array("d", [0.5])
    losses, weights = program.scan(rows, state, feedback={w: new}, collect=[E, new])
    expected, v = [], 0.5
    for x, t in rows:
        expected.append((t - v * x) ** 2)
        v = v - 0.125 * (-2 * x * (t - v * x))
    assert losses.tolist() == pytest.approx(expected, rel=1e-14)
    assert state[0] == weights[-1] == pytest.approx(v, rel=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_order_says_which_rows_come(backend: str) -> None:
    x = Value(1.0)
    program = compile([x * 3], [x], backend=backend)
    assert program.scan(array("d", [1.0, 2.0, 4.0]), collect=[0], order=[2, 0, 2])[0].tolist() == [12.0, 3.0, 12.0]
    with pytest.raises(ValueError, match="rows from 0 to 2, and has 0 to 3"):
        program.scan(array("d", [1.0, 2.0, 4.0]), collect=[0], order=[0, 3])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_refused_row_raises_the_graphs_error_and_leaves_the_state_as_it_met_it(backend: str) -> None:
    s, x = Value(1.0, "s"), Value(2.0, "x")
    program = compile([s + x.log()], [s, x], backend=backend)
    state = array("d", [0.0])
    with pytest.raises(ValueError, match=r"log\(x=-1.0\): outside the domain"):
        program.scan(array("d", [1.0, math.e, -1.0, 1.0]), state, feedback={0: 0})
    assert state[0] == 1.0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("rows", "state", "error", "message"),
    [
        ([1.0, 2.0], array("d", [0.0]), TypeError, "rows must be a contiguous buffer of float64"),
        (np.zeros((2, 2), dtype=np.float32), array("d", [0.0]), TypeError, "holds 'f'"),
        (np.zeros((2, 2), dtype=int), array("d", [0.0]), TypeError, "holds 'l'"),
        (np.zeros((2, 4))[:, ::2], array("d", [0.0]), ValueError, "strides"),
        (np.zeros((2, 3)), array("d", [0.0]), ValueError, r"2 numbers a row, and this buffer has the shape \(2, 3\)"),
        (array("d", [1.0] * 3), array("d", [0.0]), ValueError, "2 numbers a row"),
        (np.zeros((2, 2)), np.zeros(2), ValueError, "1 number, one for each fed back, not 2"),
        (np.zeros((2, 2)), memoryview(bytes(8)).cast("d"), ValueError, "read-only"),
        (np.zeros((2, 2)), None, ValueError, "1 number, one for each fed back, not 0"),
    ],
)
def test_a_wrong_buffer_is_refused(backend: str, rows: object, state: object, error: type, message: str) -> None:
    program, (w, new, E) = steps_of_one_weight(backend)
    with pytest.raises(error, match=message):
        program.scan(rows, state, feedback={w: new}, collect=[E])


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_order_that_is_changed_meanwhile_was_read_before(backend: str) -> None:
    program, feedback = compile_sum(backend), {0: 0}
    order = array("q", range(1000))

    def progress(k: int) -> None:
        order[:] = array("q", [10**15]) if backend == "native" else array("q")

    state = array("d", [0.0])
    program.scan(array("d", range(1000)), state, feedback=feedback, order=order, progress=progress)
    assert state[0] == 499500.0
    assert program.scan(array("d", range(1000)), state, feedback=feedback, collect=[0], order=b"\x01\x02")[0].tolist() == [499501.0, 499503.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_without_rows_are_counted_and_may_have_an_order(backend: str) -> None:
    s = Value(0.0, "s")
    scan = compile([s + 1.0], [s], backend=backend).scanner({0: 0}, [0])
    for runs, order, expected in ((3, None, [1.0, 2.0, 3.0]), (3, [2, 2], [1.0, 2.0]), (0, None, []), (0, [], [])):
        state = array("d", [0.0])
        assert scan(runs, state, order=order)[0].tolist() == expected
        assert state[0] == len(expected)
    with pytest.raises(ValueError, match="rows from 0 to 2, and has 3 to 3"):
        scan(3, array("d", [0.0]), order=[3])
    with pytest.raises(ValueError, match="a number of runs is 0 or more, not -1"):
        scan(-1, array("d", [0.0]))


def test_rows_and_state_must_not_overlap() -> None:
    program, (w, new, _) = steps_of_one_weight("python")
    numbers = np.ones(4)
    with pytest.raises(ValueError, match="share memory"):
        program.scan(numbers, numbers[1:2], feedback={w: new})


def test_read_only_rows_are_read() -> None:
    program, _ = steps_of_one_weight("python")
    rows = np.ones((2, 3))
    rows.flags.writeable = False
    assert program.scan(rows, collect=[0])[0].tolist() == [0.0, 0.0]


def test_compile_says_what_it_cannot_compile() -> None:
    x, z = Value(1.0, "x"), Value(2.0, "z")
    y = x * x
    with pytest.raises(ValueError, match="made by 'mul', and an input is a leaf"):
        compile([y + 1], [y], backend="python")
    with pytest.raises(ValueError, match="does not depend on any of the inputs"):
        compile([y], [z], backend="python")
    with pytest.raises(TypeError, match="an output must be a Value of the graph, not 3"):
        compile([y, 3], [x], backend="python")  # type: ignore[list-item]
    with pytest.raises(ValueError, match="listed twice"):
        compile([y], [x, x], backend="python")
    with pytest.raises(ValueError, match="unknown backend 'c'"):
        compile([y], [x], backend="c")
    with pytest.raises(TypeError, match=r"takes 1 number \(x\), not 2"):
        compile([y], [x], backend="python")(1.0, 2.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stale_graph_is_named(backend: str) -> None:
    k, x = Value(2.0, "k"), Value(3.0, "x")
    y = (k * 3) * x
    k.data = 5.0
    with pytest.raises(engine.errors.StaleGraph, match=r"'k' was changed to 5\.0"):
        compile([y], [x], backend=backend)
    x.data = 4.0
    with pytest.raises(engine.errors.StaleGraph):
        compile([x * 2 + y], [k, x], backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stale_graph_is_named_though_one_of_its_shape_was_built_before(backend: str) -> None:
    for changed in (False, True):
        k, x = Value(2.0 if changed else 5.0, "k"), Value(3.0, "x")
        y = k * x + 0.625
        if not changed:
            assert compile([y], [x], backend=backend)(4.0) == [20.625]
            continue
        k.data = 5.0
        with pytest.raises(engine.errors.StaleGraph, match=r"'k' or 'x' was changed to 5\.0, 3\.0"):
            compile([y], [x], backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_branches_are_chosen_anew(backend: str) -> None:
    x = Value(2.0, "x")
    outputs = [x.relu(), abs(x), engine.maximum(x, 1.0), engine.where(x < 0, x * 10, x), gradient(x.relu(), [x])[0]]
    program = compile(outputs, [x], backend=backend)
    assert program(-3.0) == [0.0, 3.0, 1.0, -30.0, 0.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_constants_zero_and_minus_zero_are_two(backend: str) -> None:
    x = Value(1.0, "x")
    program = compile([x * 0.0, x * -0.0, 0.0 - x * 0.0, x + math.inf, x * 1.0], [x], backend=backend)
    assert [math.copysign(1.0, y) for y in program(2.0)] == [1.0, -1.0, 1.0, 1.0, 1.0]
    assert program(math.nan)[4] != program(math.nan)[4]


def test_labels_become_names_and_never_code() -> None:
    a, b, c = Value(1.0, "x"), Value(2.0, "x"), Value(3.0, "import os\nx=1; sigmoid")
    y = engine.sigmoid(a * b + c)
    y.label = "lambda"
    program = compile([y], [a, b, c], backend="python")
    assert program(1.0, 2.0, 3.0) == [engine.sigmoid(5.0)]
    assert "def program(x, x_1, import_os_x_1_sigmoid):" in program.source
    assert "lambda_2 = sigmoid(x * x_1 + import_os_x_1_sigmoid)" in program.source


def test_deep_and_wide_graphs_compile() -> None:
    x = Value(0.5, "x")
    y = x
    for _ in range(5000):
        y = y * 0.999 + 1e-3
    wide = engine.dot([x] * 3000, [y] * 3000)
    assert compile([wide], [x], backend="python")(0.5) == [wide.data]


def test_threads_run_programs_at_once() -> None:
    pytest.importorskip("llvmlite")
    program, (w, new, _) = steps_of_one_weight("native")
    rows = np.full((200_000, 2), 0.001)
    results = []

    def work() -> None:
        state = array("d", [0.5])
        program.scan(rows, state, feedback={w: new})
        results.append(state[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(results)) == 1


def test_the_repr_has_no_address_and_llvm_is_shown() -> None:
    pytest.importorskip("llvmlite")
    program, _ = steps_of_one_weight("native")
    assert repr(program) == f"Program(3 inputs, {program.nodes} nodes, 2 outputs, backend='native')"
    assert "fmul double" in program.llvm
    assert "w * x" in program.source


def test_the_exponential_of_many_lanes_is_within_two_ulp() -> None:
    pytest.importorskip("llvmlite")
    x = [Value(0.1 * k) for k in range(8)]
    program = compile([v.exp() for v in x], x, backend="native", strict=False)
    assert "bitcast <8 x i64>" in program.llvm
    numbers = np.random.default_rng(0).uniform(-745.0, 709.0, (500, 8)).tolist()
    for row in numbers:
        for a, y in zip(row, program(row), strict=True):
            assert abs(y - math.exp(a)) <= 2 * math.ulp(math.exp(a)), a
    ends = program([math.nan, -math.inf, -800.0, 0.0, -0.0, 1e-300, -745.1, 709.78])
    assert ends[0] != ends[0]
    assert ends[1:6] == [0.0, 0.0, 1.0, 1.0, 1.0]
    with pytest.raises(OverflowError, match="too large for a float"):
        program([710.0] * 8)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_of_state_alone_is_run_a_number_of_times(backend: str) -> None:
    a, b = Value(0.0, "a"), Value(1.0, "b")
    program = compile([b * 1, a + b], [a, b], backend=backend)
    state = array("d", [0.0, 1.0])
    (seen,) = program.scan(10, state, feedback={0: 0, 1: 1}, collect=[0])
    assert seen.tolist() == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    assert state.tolist() == [55.0, 89.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_updates_that_need_one_anothers_old_numbers_get_them(backend: str) -> None:
    a, b = ([Value(float(k), f"{s}{k}") for k in range(8)] for s in "ab")
    new = [p + q for p, q in zip(a, b, strict=True)] + [q - p for p, q in zip(a, b, strict=True)]
    program = compile(new, [*a, *b], backend=backend)
    state = array("d", [*range(8), *range(10, 18)])
    program.scan(3, state, feedback={k: k for k in range(16)})
    x, y = np.arange(8.0), np.arange(10.0, 18.0)
    for _ in range(3):
        x, y = x + y, y - x
    assert state.tolist() == [*x, *y]
    assert program.remark == ""  # right at once, not by the fallback that a refused proof leads to
