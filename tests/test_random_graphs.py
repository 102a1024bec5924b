"""Random straight-line programs: against a naive twin, against HIPS autograd, against one another.

A program is a list of instructions over its inputs and earlier results. `Dual` runs it in forward
mode with rules written here by hand; nothing of the engine's table is in it. Programs keep to
|v| < 1e3, 0.2 away from poles and 0.05 away from kinks, so that every derivative is a plain number.
"""

import copy
import math
import pickle

import autograd
import autograd.numpy as anp
import pytest
from hypothesis import given, settings, strategies as st
from oracles import bits

import engine
from engine import Value, dot, gradient
from engine.functions import function
from engine.graph import topological


LIMIT, POLE, KINK = 1e3, 0.2, 0.05


# ---- the twin


class Dual:
    """A number, its derivative by every input, and the same with all signs taken as plus, which measures rounding."""

    def __init__(self, x, d, size):
        self.x, self.d, self.size = x, d, size

    @staticmethod
    def of(x, terms):
        """The number x that changes by the sum of slope times the change of each operand."""
        n = max(len(p.d) for _, p in terms)
        d = [sum(s * p.d[k] for s, p in terms if p.d) for k in range(n)]
        size = [sum(abs(s) * p.size[k] for s, p in terms if p.d) for k in range(n)]
        return Dual(x, d, size)


def rule(slopes):
    """An instruction of the twin from a function that gives the value and the slope by each operand."""

    def run(*ps):
        ps = [p if isinstance(p, Dual) else Dual(p, [], []) for p in ps]
        x, *ds = slopes(*(p.x for p in ps))
        return Dual.of(x, list(zip(ds, ps, strict=True)))

    return run


def logistic(p):
    return 1 / (1 + math.exp(-p))


def softmax_first(*xs):
    es = [math.exp(x) for x in xs]
    s = [e / sum(es) for e in es]
    return s[0], s[0] * (1 - s[0]), *(-s[0] * q for q in s[1:])


TWIN = {
    "add": rule(lambda p, q: (p + q, 1, 1)),
    "sub": rule(lambda p, q: (p - q, 1, -1)),
    "mul": rule(lambda p, q: (p * q, q, p)),
    "div": rule(lambda p, q: (p / q, 1 / q, -p / q**2)),
    "pow": rule(lambda p, q: (p**q, q * p ** (q - 1), p**q * math.log(p))),
    "square": rule(lambda p: (p**2, 2 * p)),
    "cube": rule(lambda p: (p**3, 3 * p**2)),
    "neg": rule(lambda p: (-p, -1)),
    "exp": rule(lambda p: (math.exp(p), math.exp(p))),
    "expm1": rule(lambda p: (math.exp(p) - 1, math.exp(p))),
    "log": rule(lambda p: (math.log(p), 1 / p)),
    "log1p": rule(lambda p: (math.log(1 + p), 1 / (1 + p))),
    "sqrt": rule(lambda p: (math.sqrt(p), 0.5 / math.sqrt(p))),
    "sin": rule(lambda p: (math.sin(p), math.cos(p))),
    "cos": rule(lambda p: (math.cos(p), -math.sin(p))),
    "tanh": rule(lambda p: (math.tanh(p), 1 / math.cosh(p) ** 2)),
    "sigmoid": rule(lambda p: (logistic(p), logistic(p) * logistic(-p))),
    "softplus": rule(lambda p: (math.log1p(math.exp(p)), logistic(p))),
    "relu": rule(lambda p: (max(p, 0.0), float(p > 0))),
    "leaky_relu": rule(lambda p, q: (p, 1, 0) if p > 0 else (q * p, q, p)),
    "absolute": rule(lambda p: (abs(p), math.copysign(1, p))),
    "maximum": rule(lambda p, q: (p, 1, 0) if p > q else (q, 0, 1)),
    "minimum": rule(lambda p, q: (p, 1, 0) if p < q else (q, 0, 1)),
    "less": rule(lambda p, q, r, s: (r, 0, 0, 1, 0) if p < q else (s, 0, 0, 0, 1)),
    "hypot": rule(lambda p, q: (math.hypot(p, q), p / math.hypot(p, q), q / math.hypot(p, q))),
    "dot2": rule(lambda p, q, r, s: (p * r + q * s, r, s, p, q)),
    "net2": rule(lambda p, q, r, s, t: (p * r + q * s + t, r, s, p, q, 1)),
    "logsumexp": rule(
        lambda *xs: (math.log(sum(map(math.exp, xs))), *(math.exp(x) / sum(map(math.exp, xs)) for x in xs))
    ),
    "softmax": rule(softmax_first),
}
ENGINE = {
    **{name: function(name) for name in TWIN if name in engine.ops.TABLE},
    "add": lambda p, q: p + q,
    "sub": lambda p, q: p - q,
    "mul": lambda p, q: p * q,
    "div": lambda p, q: p / q,
    "pow": lambda p, q: p**q,
    "square": lambda p: p**2,
    "cube": lambda p: p**3,
    "neg": lambda p: -p,
    "less": lambda p, q, r, s: engine.where(p < q, r, s),
    "dot2": lambda p, q, r, s: dot([p, q], [r, s]),
    "net2": lambda p, q, r, s, t: engine.affine([[p, q]], [r, s], [t])[0],
    "logsumexp": lambda *xs: engine.logsumexp(xs),
    "softmax": lambda *xs: engine.softmax(xs)[0],
}
HIPS = {
    **{
        name: getattr(anp, name)
        for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "maximum", "minimum")
    },
    **{name: ENGINE[name] for name in ("add", "sub", "mul", "div", "pow", "square", "cube", "neg")},
    "sigmoid": lambda p: 1 / (1 + anp.exp(-p)),
    "softplus": lambda p: anp.log(1 + anp.exp(p)),
    "relu": lambda p: anp.maximum(p, 0.0),
    "leaky_relu": lambda p, q: anp.where(p > 0, p, q * p),
    "absolute": anp.abs,
    "less": lambda p, q, r, s: anp.where(p < q, r, s),
    "hypot": lambda p, q: anp.sqrt(p * p + q * q),
    "dot2": lambda p, q, r, s: anp.dot(anp.array([p, q]), anp.array([r, s])),
    "net2": lambda p, q, r, s, t: anp.dot(anp.array([p, q]), anp.array([r, s])) + t,
    "logsumexp": lambda *xs: anp.log(anp.sum(anp.exp(anp.array(xs)))),
    "softmax": lambda *xs: anp.exp(xs[0]) / anp.sum(anp.exp(anp.array(xs))),
}
NEAR = {  # whether operands are too close to a pole, a kink or the end of the floats
    "div": lambda p, q: abs(q) < POLE,
    "pow": lambda p, q: p < POLE or p > 20 or abs(q) > 3,
    "exp": lambda p: p > 6,
    "expm1": lambda p: p > 6,
    "log": lambda p: p < POLE,
    "log1p": lambda p: p < POLE - 1,
    "sqrt": lambda p: p < POLE,
    "tanh": lambda p: abs(p) > 15,
    "sigmoid": lambda p: abs(p) > 15,
    "softplus": lambda p: abs(p) > 15,
    "relu": lambda p: abs(p) < KINK,
    "leaky_relu": lambda p, q: abs(p) < KINK,
    "absolute": lambda p: abs(p) < KINK,
    "maximum": lambda p, q: abs(p - q) < KINK,
    "minimum": lambda p, q: abs(p - q) < KINK,
    "less": lambda p, q, r, s: abs(p - q) < KINK,
    "hypot": lambda p, q: math.hypot(p, q) < POLE,
    "logsumexp": lambda *xs: max(map(abs, xs)) > 6,
    "softmax": lambda *xs: max(map(abs, xs)) > 6,
}
ARITY = dict.fromkeys(("add", "sub", "mul", "div", "pow", "leaky_relu", "maximum", "minimum", "hypot"), 2)
ARITY |= {"less": 4, "dot2": 4, "net2": 5, "logsumexp": 3, "softmax": 3}


class Program:
    """Inputs, and instructions as (operation, operands): an int is an earlier number, a float a constant."""

    def __init__(self, inputs, instructions):
        self.inputs, self.instructions = inputs, instructions

    def __repr__(self):
        n = len(self.inputs)
        lines = (
            f"v{n + k} = {op}({', '.join(f'v{a}' if isinstance(a, int) else str(a) for a in args)})"
            for k, (op, args) in enumerate(self.instructions)
        )
        return f"inputs {self.inputs}; " + "; ".join(lines)

    def run(self, operations, inputs):
        """Every number of the program, inputs first; the last one is the result."""
        known = list(inputs)
        for op, args in self.instructions:
            known.append(operations[op](*(known[a] if isinstance(a, int) else a for a in args)))
        return known

    def recorded(self, inputs=None):
        leaves = [Value(x) for x in inputs or self.inputs]
        return leaves, self.run(ENGINE, leaves)[-1]


CONSTANTS = st.sampled_from([0.5, -1.25, 2.0, 3.0, 0.1])


INPUTS = st.lists(st.floats(-2, 2).map(lambda x: round(x, 3)), min_size=2, max_size=4)


@st.composite
def programs(draw, inputs=INPUTS, longest=14, steepest=1e6):
    """Straight-line programs that stay in smooth country; every instruction uses the one before."""
    inputs = draw(inputs)
    known = [Dual(x, [float(k == i) for i in range(len(inputs))], [1.0] * len(inputs)) for k, x in enumerate(inputs)]
    instructions = []
    for _ in range(draw(st.integers(2, longest))):
        op = draw(st.sampled_from(sorted(TWIN)))
        args = [len(known) - 1]
        for _ in range(ARITY.get(op, 1) - 1):
            args.append(draw(st.one_of(st.integers(0, len(known) - 1), CONSTANTS)))
        args = draw(st.permutations(args))
        numbers = [known[a].x if isinstance(a, int) else a for a in args]
        try:
            if op in NEAR and NEAR[op](*numbers):
                continue
            result = TWIN[op](*(known[a] if isinstance(a, int) else a for a in args))
        except (ArithmeticError, ValueError):
            continue
        if abs(result.x) < LIMIT and max(map(abs, result.size), default=0) < steepest:
            known.append(result)
            instructions.append((op, args))
    return Program(inputs, instructions)


def grads(leaves):
    return [0.0 if v.grad is None else v.grad for v in leaves]


def reaching(leaves, y):
    """The leaves that y depends on."""
    nodes = set(topological(y))
    return [v for v in leaves if v in nodes]


# ---- against others


@settings(max_examples=200)
@given(programs(), st.sampled_from([0.7, -3.0, 1e-3]))
def test_against_the_naive_twin(program, seed):
    n = len(program.inputs)
    twin = program.run(
        TWIN,
        [
            Dual(x, [float(k == i) for i in range(n)], [float(k == i) for i in range(n)])
            for k, x in enumerate(program.inputs)
        ],
    )[-1]
    leaves, y = program.recorded()
    y.backward(seed=seed)
    assert y.data == pytest.approx(twin.x, rel=1e-9, abs=1e-7)
    for got, d, size in zip(grads(leaves), twin.d, twin.size, strict=True):
        assert abs(got - seed * d) <= abs(seed) * (1e-8 * size + 1e-10), program


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
@settings(max_examples=50)
@given(programs(longest=8), st.sampled_from([0.7, -3.0]))
def test_against_hips_autograd(program, seed):
    f = lambda *xs: seed * program.run(HIPS, xs)[-1]
    leaves, y = program.recorded()
    y.backward(seed=seed)
    slopes = autograd.grad(f, argnum=tuple(range(len(leaves))))(*program.inputs) if program.instructions else None
    if slopes is None:
        assert leaves[-1].grad == seed
        return
    assert grads(leaves) == pytest.approx([float(d) for d in slopes], rel=1e-7, abs=1e-7), program


@settings(max_examples=100)
@given(programs())
def test_gradient_has_the_bits_of_backward(program):
    leaves, y = program.recorded()
    y.backward()
    used = reaching(leaves, y)
    unsigned = lambda x: bits(x + 0.0)  # what the table says is zero is left out, whatever its sign
    assert [unsigned(d.data) for d in gradient(y, used)] == [unsigned(v.grad) for v in used], program


@settings(max_examples=40)
@given(programs(longest=8, steepest=100))
def test_second_derivatives_against_differences_of_first(program):
    leaves, y = program.recorded()
    used = reaching(leaves, y)
    firsts = gradient(y, used)
    hessian = [[gradient(f, [v])[0].data if v in set(topological(f)) else 0.0 for v in used] for f in firsts]
    for i in range(len(used)):
        for k in range(i):
            assert hessian[i][k] == pytest.approx(hessian[k][i], rel=1e-8, abs=1e-7 * (1 + abs(hessian[i][i]))), program
    h = 1e-5
    for k, v in enumerate(used):
        columns = []
        for step in (h, -h):
            moved = [u.data + step * (u is v) for u in leaves]
            others, z = program.recorded(moved)
            z.backward()
            columns.append([others[leaves.index(u)].grad or 0.0 for u in used])
        for i in range(len(used)):
            numeric = (columns[0][i] - columns[1][i]) / (2 * h)
            scale = 1 + max(abs(x) for row in hessian for x in row)
            assert abs(hessian[i][k] - numeric) <= 1e-4 * scale, (program, i, k)


# ---- against itself


@settings(max_examples=80)
@given(programs(), programs())
def test_evaluating_again_is_recording_again_in_every_bit(program, other):
    leaves, y = program.recorded()
    before = [(bits(n.data), n.partials) for n in topological(y)]
    numbers = (other.inputs * 2)[: len(leaves)]
    for v, x in zip(leaves, numbers, strict=True):
        v.data = x
    try:
        _, fresh = program.recorded(numbers)
    except engine.errors.MathError as refusal:
        with pytest.raises(type(refusal)):
            y.recompute()
        for v, x in zip(leaves, program.inputs, strict=True):
            v.data = x
        assert [(bits(n.data), n.partials) for n in topological(y)] == before
        return
    y.recompute()
    for n, m in zip(topological(y), topological(fresh), strict=True):
        assert bits(n.data) == bits(m.data)
        assert [d if d is None else bits(d) for d in n.partials] == [d if d is None else bits(d) for d in m.partials]


@settings(max_examples=40)
@given(programs())
def test_copies_have_every_bit(program):
    leaves, y = program.recorded()
    y.backward(seed=0.7)
    nodes = [(bits(n.data), n.grad, n.op) for n in topological(y)]
    for z, others in (copy.deepcopy((y, leaves)), pickle.loads(pickle.dumps((y, leaves)))):
        assert [(bits(n.data), n.grad, n.op) for n in topological(z)] == nodes
        z.backward(seed=0.7)
        assert [v.grad for v in others] == [v.grad for v in leaves]


@settings(max_examples=80)
@given(programs(), st.sampled_from([2.0, -0.5, 1024.0]))
def test_gradients_are_linear_in_the_seed(program, factor):
    leaves, y = program.recorded()
    y.backward()
    once = grads(leaves)
    y.backward(seed=factor)
    assert grads(leaves) == [factor * g for g in once]


PAIRS = INPUTS.flatmap(lambda xs: st.tuples(*[programs(st.just(xs), longest=8, steepest=1e3)] * 2))


@settings(max_examples=80)
@given(PAIRS)
def test_sums_products_and_quotients(pair):
    def run(combine):
        leaves = [Value(x) for x in pair[0].inputs]
        y = combine(*(program.run(ENGINE, leaves)[-1] for program in pair))
        y.backward()
        return y.data, grads(leaves)

    f, df = run(lambda f, g: f * 1.0)
    g, dg = run(lambda f, g: g * 1.0)
    close = lambda got, want: (
        got == pytest.approx(want, rel=1e-9, abs=1e-9 * (1 + max(map(abs, [*df, *dg])) * (1 + abs(f) + abs(g))))
    )
    assert close(run(lambda f, g: f + g)[1], [x + y for x, y in zip(df, dg, strict=True)])
    assert close(run(lambda f, g: f - g)[1], [x - y for x, y in zip(df, dg, strict=True)])
    assert close(run(lambda f, g: 3 * f)[1], [3 * x for x in df])
    assert close(run(lambda f, g: f * g)[1], [x * g + f * y for x, y in zip(df, dg, strict=True)])
    bottom = g * g + 1
    assert close(
        run(lambda f, g: f / (g * g + 1))[1],
        [x / bottom - f * 2 * g * y / bottom**2 for x, y in zip(df, dg, strict=True)],
    )
    t = math.tanh(f)
    outer = math.cos(t**2 + g)
    assert close(
        run(lambda f, g: (f.tanh() ** 2 + g).sin())[1],
        [outer * (2 * t * (1 - t * t) * x + y) for x, y in zip(df, dg, strict=True)],
    )


@settings(max_examples=80)
@given(programs(longest=10))
def test_a_part_that_is_built_again_gives_what_a_shared_one_gives(program):
    leaves, y = program.recorded()
    shared = y * y.tanh() + y
    shared.backward(seed=0.7)
    one = grads(leaves)
    copies = [program.run(ENGINE, leaves)[-1] for _ in range(3)]
    rebuilt = copies[0] * copies[1].tanh() + copies[2]
    rebuilt.backward(seed=0.7)
    assert bits(rebuilt.data) == bits(shared.data)
    assert grads(leaves) == pytest.approx(one, rel=1e-9, abs=1e-9 * (1 + max(map(abs, one))))


FLOATS = st.floats(-1e3, 1e3)


@settings(max_examples=200)
@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=5), FLOATS, st.floats(-3, 3))
def test_plus_and_times_have_the_bits_of_dot_and_net(pairs, bias, seed):
    def graph(build):
        ws, xs, b = [Value(w) for w, _ in pairs], [Value(x) for _, x in pairs], Value(bias)
        y = build(ws, xs, b)
        (y * y + ws[0]).backward(seed=seed)
        return [bits(y.data), *(bits(v.grad) for v in (*ws, *xs, b))]

    def expanded(ws, xs, b):
        y = ws[0] * xs[0]
        for w, x in zip(ws[1:], xs[1:], strict=True):
            y = y + w * x
        return y + b

    one = graph(expanded)
    assert one == graph(lambda ws, xs, b: dot(ws, xs) + b)
    assert one == graph(lambda ws, xs, b: function("net")(ws, xs, b))
    assert one == graph(lambda ws, xs, b: engine.affine([ws], xs, [b])[0])
    assert one == graph(lambda ws, xs, b: engine.affine([engine.Leaves(ws)], xs, [b])[0])


@settings(max_examples=50)
@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_a_permuted_sum_has_permuted_gradients(pairs, r):
    order = list(range(len(pairs)))
    r.shuffle(order)
    ws, xs = [Value(w) for w, _ in pairs], [Value(x) for _, x in pairs]
    dot(ws, xs).backward(seed=0.7)
    straight = grads([*ws, *xs])
    dot([ws[k] for k in order], [xs[k] for k in order]).backward(seed=0.7)
    assert grads([*ws, *xs]) == straight
