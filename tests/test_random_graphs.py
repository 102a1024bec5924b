"""Random straight-line programs: against a naive twin, against HIPS autograd, against one another."""

import copy
import math
import pickle

import autograd
import pytest
from hypothesis import given, settings, strategies as st
from oracles import bits
from programs import ARITY, CONSTANTS, ENGINE, HIPS, TWIN, Program, duals, following

import engine
from engine import Value, dot, gradient
from engine.functions import function
from engine.graph import topological


INPUTS = st.lists(st.floats(-2, 2).map(lambda x: round(x, 3)), min_size=2, max_size=4)


@st.composite
def programs(draw, inputs=INPUTS, longest=14, steepest=1e6):
    """Straight-line programs that stay in smooth country; every instruction uses the one before."""
    inputs = draw(inputs)
    known, instructions = duals(inputs), []
    for _ in range(draw(st.integers(2, longest))):
        op = draw(st.sampled_from(sorted(TWIN)))
        args = [len(known) - 1]
        for _ in range(ARITY.get(op, 1) - 1):
            args.append(draw(st.one_of(st.integers(0, len(known) - 1), st.sampled_from(CONSTANTS))))
        args = draw(st.permutations(args))
        result = following(known, op, args, steepest)
        if result is not None:
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
    twin = program.run(TWIN, duals(program.inputs))[-1]
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
