"""What programs promise beside their numbers: rows of one's own, fallbacks, interrupts, threads, the cache, a measured limit."""

from __future__ import annotations

import importlib.util
import math
import signal
import threading
import time
from _thread import interrupt_main
from array import array
from random import Random
from typing import Any

import pytest
from apart import apart

import engine
from engine import Value, dot, draw, exp, gradient, primitive, sigmoid
from engine.graph import topological
from engine.program import Program, build, compile, native, rolled  # noqa: A004
from engine.program.plan import Plan
from engine.program.tape import Tape
from engine.trust.primitive import forget
from nn import MLP, SGD, Layer, fit, losses
from nn.compiled import CompiledSteps


NATIVE = pytest.param("native", marks=pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="no llvmlite"))
BACKENDS = ["python", NATIVE]


# ---- rows of one's own


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("units", [1, 24])
def test_a_row_of_ones_own_that_is_made_of_rows_is_compiled(backend: str, units: int) -> None:
    swish = primitive("swish", lambda a: a * sigmoid(a), lambda y, a: y + sigmoid(a) * (1 - y))
    try:
        w, x = [Value(0.1 * k - 0.7, f"w{k}") for k in range(units)], Value(3.0, "x")
        y = engine.dot([swish(v * x) for v in w], [0.5 + k for k in range(units)])
        program = compile([y, *gradient(y, w)], [*w, x], backend=backend)
        assert (program.backend, program.remark) == (backend, "")
        found = program(*(0.3 * k - 1.0 for k in range(units)), -2.0)
        nets = [(0.3 * k - 1.0) * -2.0 for k in range(units)]
        s = [1 / (1 + math.exp(-n)) for n in nets]
        by_hand = [-2.0 * (0.5 + k) * (p + n * p * (1 - p)) for k, (n, p) in enumerate(zip(nets, s, strict=True))]
        assert found[0] == pytest.approx(sum((0.5 + k) * n * p for k, (n, p) in enumerate(zip(nets, s, strict=True))), rel=1e-13)
        assert found[1:] == pytest.approx(by_hand, rel=1e-12)
    finally:
        forget("swish")


def test_a_row_that_is_python_through_and_through_runs_in_python_and_says_so() -> None:
    pytest.importorskip("llvmlite")
    erf = primitive("erf", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))
    try:
        x = Value(0.5, "x")
        y = erf(x) * 3
        program = compile([y, *gradient(y, [x])], [x], backend="native")
        assert program.backend == "python"
        assert program.remark == "the row 'erf' uses 'erf', which has no machine code"
        assert "remark=" in repr(program)
        assert program(0.25) == pytest.approx([3 * math.erf(0.25), 6 / math.sqrt(math.pi) * math.exp(-0.0625)], rel=1e-15)
    finally:
        forget("erf")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("forward", ["formula", "function"])
def test_another_row_of_the_same_name_is_another_program(backend: str, forward: str) -> None:
    found = []
    for factor in (2.0, 5.0):
        rule: Any = (lambda a: factor * a) if forward == "formula" else (lambda a: factor * math.fsum([a]))  # noqa: B023
        scaled = primitive("scaled", rule, lambda a: factor + 0 * a)  # noqa: B023
        x = Value(1.5, "x")
        found.append(compile([scaled(x)], [x], backend=backend)(3.0))
        forget("scaled")
    assert found == [[6.0], [15.0]]


# ---- what cannot be had


def test_without_llvmlite_native_says_what_to_install_and_auto_takes_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(native, "import_module", missing)
    monkeypatch.setattr(native, "find_spec", lambda name: None)
    native._llvm.cache_clear()
    try:
        x = Value(0.123, "without")
        with pytest.raises(ImportError, match=r'needs llvmlite, which is not installed: pip install "nodegrad\[native\]"'):
            compile([x * x + 0.0123], [x], backend="native")
        program = compile([x * x + 0.0123], [x])
        assert (program.backend, program(2.0)) == ("python", [4.0123])
    finally:
        native._llvm.cache_clear()


def test_what_has_no_loops_and_is_too_large_for_machine_code_runs_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.setattr(rolled, "LINES", 40)
    monkeypatch.setattr(build, "STRAIGHT", 40)
    x = Value(0.5, "x")
    y = x
    for k in range(60):
        y = (y * (0.9 + 1e-3 * k)).sin() if k % 3 else y + x
    program = compile([y], [x], backend="native")
    found = program(0.75)
    assert program.backend == "python"
    assert program.remark == "100 instructions belong to no loop; machine code of more than 40 takes too long to make"
    z = 0.75
    for k in range(60):
        z = math.sin(z * (0.9 + 1e-3 * k)) if k % 3 else z + 0.75
    assert found == [z]


def test_machine_code_of_too_many_lines_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.setattr(native, "LINES", 60)
    x = [Value(0.5 + k) for k in range(40)]
    program = compile([engine.logsumexp(x)], x, backend="native")
    assert program.backend == "python"
    assert "lines of machine code: more than 60 take too long to make" in program.remark
    assert program(*[0.0] * 40) == [math.log(40)]


SOFTMAX = """
from engine import Value, compile, softmax

n = 120
x = [Value(0.01 * k) for k in range(n)]
for strict in (True, False):
    program = compile(softmax(x), x, backend="native", strict=strict)
    found, expected = program(*(0.02 * k for k in range(n))), softmax([0.02 * k for k in range(n)])
    assert program.backend == "native" and not program.remark, program
    assert found == expected if strict else max(abs(p - q) for p, q in zip(found, expected)) < 1e-15
assert compile(softmax(x), x, backend="native").llvm.count("call double @exp") == 2 * n
"""


def test_a_softmax_of_many_classes_sums_once_and_leaves_llvm_its_stack() -> None:
    pytest.importorskip("llvmlite")
    apart(SOFTMAX)


@pytest.mark.parametrize(("calls", "packed"), [(60, True), (300, False)])
def test_vectors_are_not_looked_for_in_a_long_chain_of_refusals(calls: int, packed: bool) -> None:
    pytest.importorskip("llvmlite")
    x = Value(0.5, "x")
    y = x
    for k in range(calls):
        y = exp(y * (0.1 + 1e-4 * k))
    assert rolled.rolled(Tape([y], [x]), Plan((0,), collect=(0,))).packed == packed
    program, z = compile([y], [x], backend="native"), 0.25
    for k in range(calls):
        z = math.exp(z * (0.1 + 1e-4 * k))
    assert (program(0.25), program.backend, program.remark) == ([z], "native", "")
    with pytest.raises(OverflowError, match="exp"):
        program(1e5)


@pytest.mark.parametrize("strict", [True, False])
def test_a_few_units_of_many_inputs_are_loops(strict: bool) -> None:
    pytest.importorskip("llvmlite")
    w = [[Value(0.25 + 0.001 * (k * j % 7)) for k in range(300)] for j in range(3)]
    x = [Value(0.01 * k) for k in range(300)]
    outputs, inputs = [sigmoid(dot(line, x)) for line in w], [*x, *(v for line in w for v in line)]
    program = compile(outputs, inputs, backend="native", strict=strict)
    numbers = [0.002 * (k % 11) - 0.01 for k in range(1200)]
    expected = compile(outputs, inputs, backend="python")(numbers)
    assert program(numbers) == (expected if strict else pytest.approx(expected, rel=1e-12))
    assert len(program.llvm.splitlines()) < 1_000


def test_few_instructions_of_many_operands_are_built_when_they_are_run() -> None:
    def layer(n: int) -> Program:
        x, w = [[Value(0.25 + k, s) for k in range(n)] for s in "xw"]
        return compile([dot(w, x), *w], [*x, *w], backend="python")

    assert (len(layer(30)._scans), len(layer(600)._scans)) == (1, 0)
    assert layer(600)(*[0.5] * 1200)[0] == 150.0


# ---- interrupts, threads, the cache


def sums(backend: str, factor: float = 1.0) -> tuple[Program, dict[int, int]]:
    total, x = Value(0.0, "total"), Value(1.0, "x")
    return compile([total * factor + x], [total, x], backend=backend), {0: 0}


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_leaves_the_state_of_the_last_visit_and_the_run_can_go_on(backend: str) -> None:
    program, feedback = sums(backend, 0.999)
    random = Random(1)
    rows = array("d", [random.random() for _ in range(5000)])
    whole, state, done = array("d", [0.5]), array("d", [0.5]), 0
    program.scan(rows, whole, feedback=feedback)

    def progress(k: int) -> None:
        nonlocal done
        done += k
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        program.scan(rows, state, feedback=feedback, progress=progress)
    assert 0 < done < 5000
    so_far = array("d", [0.5])
    program.scan(rows[:done], so_far, feedback=feedback)
    assert state == so_far
    program.scan(rows[done:], state, feedback=feedback)
    assert state == whole


def interrupted_amid_a_block(backend: str, milliseconds: int) -> None:
    visits = Value(0.0, "visits")
    scan = compile([visits + 1.0], [visits], backend=backend).scanner({0: 0})
    state: array[float] = array("d", [0.0])
    told: list[int] = []

    def interrupt() -> None:
        while not told:
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)
        interrupt_main()

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        scan(10**12, state, progress=told.append)
    assert state[0] == sum(told) > 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("milliseconds", [3, 20, 45, 90])
def test_ctrl_c_amid_a_block_tells_of_every_visit_that_the_state_has_seen(backend: str, milliseconds: int) -> None:
    apart(f"import test_program_promises; test_program_promises.interrupted_amid_a_block({backend!r}, {milliseconds})")


@pytest.mark.parametrize("backend", BACKENDS)
def test_separate_programs_are_built_and_run_by_threads_at_once(backend: str) -> None:
    rows = array("d", [0.25 * (k % 7) for k in range(20_000)])

    def result(factor: float) -> float:
        program, feedback = sums(backend, factor)
        state = array("d", [1.0])
        program.scan(rows, state, feedback=feedback)
        return state[0]

    factors = [0.5 + 0.0625 * k for k in range(6)]
    expected, found = [result(f) for f in factors], dict.fromkeys(factors, 0.0)
    build.BUILT.clear()

    def work(f: float) -> None:
        found[f] = result(f)

    threads = [threading.Thread(target=work, args=(f,)) for f in factors]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [found[f] for f in factors] == expected
    assert len(set(expected)) == 6


def test_programs_of_the_same_shape_are_built_once_and_the_oldest_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    built: list[int] = []
    plain = build.Builder._build
    monkeypatch.setattr(build.Builder, "_build", lambda self, *what: built.append(1) or plain(self, *what))
    monkeypatch.setattr(build, "KEPT", 2)
    build.BUILT.clear()
    assert [sums("native", 0.75)[0](1.0, 2.0) for _ in range(3)] == [[2.75]] * 3
    assert len(built) == 1
    for factor in (0.25, 0.375, 0.75):
        assert sums("native", factor)[0](1.0, 2.0) == [factor + 2.0]
    assert len(built) == 4  # the first had to go for the third
    assert len(build.BUILT) == 2


# ---- networks of every kind


ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu", "softplus", "linear")
WIDTHS = {"equal": lambda most, random: min(most, 5), "unit": lambda most, random: 1, "ragged": lambda most, random: random.randint(1, most)}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("depth", range(1, 13))
def test_networks_of_every_depth_width_activation_and_loss(backend: str, depth: int) -> None:
    names = sorted(set(losses.LOSSES) - {"cross_entropy_with_logits"})
    for k, (kind, width) in enumerate(WIDTHS.items()):
        random = Random(f"{depth} {kind}")
        sizes = [width(max(3, 24 // depth), random) for _ in range(depth + 1)]
        loss = names[(depth * len(WIDTHS) + k) % len(names)]
        if loss == "cross_entropy":
            sizes[-1] = max(2, sizes[-1])
        output = {"bce": "sigmoid", "cross_entropy": "softmax"}.get(loss, "linear")
        hidden = [ACTIVATIONS[(depth + k + j) % len(ACTIVATIONS)] for j in range(depth - 1)]
        ends = []
        for compiled in (False, True):
            model = MLP(sizes[0], sizes[1:], activation=hidden, output=output, seed=depth)
            rows: list[Any] = []
            numbers = Random(depth)
            for _ in range(3):
                t: Any = numbers.randrange(sizes[-1])
                if loss != "cross_entropy":
                    t = tuple(numbers.choice((-1.0, 1.0) if loss == "hinge" else (0.0, 1.0)) for _ in range(sizes[-1]))
                rows.append((tuple(numbers.gauss(0, 1) for _ in range(sizes[0])), t))
            fit(model, rows, loss=loss, lr=0.02, epochs=2, backend=backend if compiled else "graph", seed=1)
            ends.append([p.data for p in model.parameters()])
        assert ends[0] == ends[1], (sizes, loss, hidden)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 3, 16])
def test_shared_weights_and_repeated_arguments(backend: str, n: int) -> None:
    ends = []
    for how in ("graph", backend):
        layer, out = Layer(n, n, activation="tanh", seed=1), Layer(n, 1, seed=2)
        parameters = [*layer.parameters(), *out.parameters()]

        def objective(batch: Any, layer: Layer = layer, out: Layer = out) -> Value:
            t, h = batch[0][1], list(batch[0][0])
            for _ in range(3):
                h = layer(h)
            (o,) = out([h[0], *h[:-1]])  # one of them twice
            return losses.sse([o], t) + 0.1 * engine.dot([o, o], [o, o])

        sgd = SGD(parameters, 0.05)
        rows = [([0.1 * k + 0.05 * i for i in range(n)], [float(k % 2)]) for k in range(4)]
        if how == "graph":
            for x, t in rows:
                E = objective([(x, t)])
                sgd.zero_grad()
                E.backward()
                sgd.step()
        else:
            model = MLP(n, [1])  # tells how wide rows are
            steps = CompiledSteps(model, rows, objective, sgd, how, True)
            steps.run(range(4), 1, lambda *_: None)
            assert steps.steps[1].program.remark == ""
        ends.append([p.data for p in parameters])
    assert ends[0] == ends[1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_held_out_rows_are_judged_to_the_same_digits(backend: str) -> None:
    random = Random(0)
    rows = [([random.gauss(0, 1) for _ in range(40)], random.randrange(5)) for _ in range(130)]
    told = []
    for how in ("graph", backend):
        model = MLP(40, [20, 5], output="softmax", seed=0)
        history = fit(model, rows[:20], loss="cross_entropy", lr=0.1, epochs=2, backend=how, validation=rows[20:], seed=0)
        told.append([(e.loss, e.validation_loss, e.accuracy) for e in history.epochs])
    assert told[0] == told[1]
    assert told[0][0] != told[0][1]


# ---- looking in


def step_of(sizes: tuple[int, ...], backend: str) -> Program:
    model = MLP(sizes[0], list(sizes[1:]), activation="sigmoid", output="sigmoid")
    weights = model.parameters()
    x, t = [Value(0.25 + 0.01 * k) for k in range(sizes[0])], [Value(1.0) for _ in range(sizes[-1])]
    E = losses.sse(model(x), t)
    new = [w - 0.5 * g for w, g in zip(weights, gradient(E, weights), strict=True)]
    return compile([E, *new], [*weights, *x, *t], backend=backend)


def test_loops_are_folded_in_the_picture_and_hold_every_instruction_once() -> None:
    pytest.importorskip("llvmlite")
    program = step_of((24, 16, 8), "native")
    outputs, loops = program.folded()
    assert [v.data for v in outputs] == [v.data for v in program._outputs]
    titles = set(loops.values())
    assert {title.split(": ")[1] for title in titles} == {t for t in program.loops if " x " in t}
    inner = [v for v in topological(*outputs) if v.op is not None]
    assert len(set(loops) & set(inner)) == len(loops)
    source = draw(program, limit=60).source
    assert "loop 1: 16 x net of 24" in source
    assert source == draw(program, limit=60).source


def test_a_program_without_loops_is_drawn_as_its_graph() -> None:
    x = Value(0.5, "x")
    y = (x * x).tanh()
    assert "3 nodes" in repr(draw(compile(y, [x], backend="python")))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_limit_of_the_machine_is_measured(backend: str) -> None:
    pytest.importorskip("llvmlite")
    seen = step_of((24, 16, 8), backend).inspect()
    found = seen.roofline()
    assert found.flops == seen.flops / found.seconds
    assert found.bytes == seen.bytes / found.seconds
    assert 0 < found.fraction < 1
    assert found.fraction == max(found.flops / found.peak_flops, found.bytes / found.peak_bytes)
    assert str(found).endswith("of what this machine can do")
    assert bool(seen.assembly) == bool(seen.llvm) == (backend == "native")


def test_a_program_is_drawn_without_gradients_which_it_has_not() -> None:
    w, x = Value(0.5, "w"), Value(-1.5, "x")
    program = compile(w * x, [w, x], backend="python")
    drawn = draw(program).svg
    assert "grad –" not in drawn
    assert "not run yet" not in drawn
    assert "not run yet" in draw(w * x).svg
    assert "not run yet" not in draw(w * x, show=("data", "local")).svg
    assert "label=<<TABLE" not in draw(w * x, show="data").source.splitlines()[1]  # an empty table is an error of dot


def test_a_call_with_too_few_numbers_names_them() -> None:
    w, x = Value(0.5, "w"), Value(-1.5, "x")
    with pytest.raises(TypeError, match=r"the program takes 2 numbers \(w, x\), not 1"):
        compile(w * x, [w, x], backend="python")(1.0)
    nameless = [Value(0.5), Value(0.25)]
    with pytest.raises(TypeError, match="the program takes 2 numbers, not 3"):
        compile(nameless[0] * nameless[1], nameless, backend="python")(1.0, 2.0, 3.0)
