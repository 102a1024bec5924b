"""Recording and its upkeep: arguments that are refused, graphs gone stale, evaluating again, no_grad."""

import math
import re
import threading

import numpy
import pytest
from oracles import bits

import engine
from engine import (
    Leaves,
    Value,
    affine,
    dot,
    exp,
    gradient,
    hypot,
    leaky_relu,
    log,
    logsumexp,
    maximum,
    no_grad,
    recording,
    relu,
    softmax,
    sqrt,
    tanh,
    where,
)
from engine.errors import DomainError, MathError, PoleError, StaleGraph
from engine.functions import function
from engine.graph import below, leaves, topological
from engine.recording import check_fresh


def everything(root):
    """Every number recorded in the graph, as bits."""
    return [(bits(n.data), *("" if d is None else bits(d) for d in n.partials)) for n in topological(root)]


# ---- vectors


def test_a_vector_may_mix_numbers_and_values_and_come_from_any_iterable():
    a, b = Value(2.0), Value(-1.0)
    for w in ([a, b, 3], (a, b, 3.0), (v for v in (a, b, 3))):
        y = dot(w, [1, 10, 100])
        y.backward(seed=0.5)
        assert (y.data, a.grad, b.grad) == (292.0, 0.5, 5.0)
    assert dot([1, 2], [3, 4]) == 11.0
    assert type(dot([1, 2], [3, 4])) is float
    assert logsumexp(iter([0.0, 0.0])) == math.log(2)


ONE_BY_ONE = "a Value is one scalar: take the elements one by one, as in [v * x for x in array]"
REFUSED = {
    "lengths": (lambda v: dot([v, v], [1.0]), ValueError, "dot: its vectors have different lengths, 1 and 2"),
    "long": (lambda v: dot([1.0], [v, v, v]), ValueError, "dot: its vectors have different lengths, 1 and 3"),
    "bias": (lambda v: function("net")([v], [1, 2], v), ValueError, "net: its vectors have different lengths, 1 and 2"),
    "empty": (lambda v: dot([], []), ValueError, "dot: an empty sequence has no value; give at least one number"),
    "no logits": (
        lambda v: softmax([]),
        ValueError,
        "softmax: an empty sequence has no value; give at least one number",
    ),
    "scalar": (
        lambda v: dot(v, [1.0]),
        TypeError,
        "dot: a sequence of numbers or Values was expected, not Value(data=2, grad=–, label='v')",
    ),
    "number": (lambda v: logsumexp(3.0), TypeError, "logsumexp: a sequence of numbers or Values was expected, not 3.0"),
    "None": (lambda v: dot([v], None), TypeError, "dot: a sequence of numbers or Values was expected, not None"),
    "text": (
        lambda v: dot("ab", [v, v]),
        TypeError,
        "dot: a number was expected, not 'a' of type str; write float('a') if the text is a number",
    ),
    "nested": (
        lambda v: dot([[1.0]], [v]),
        TypeError,
        f"dot: a number was expected, not [1.0] of type list; {ONE_BY_ONE}",
    ),
    "vector for a number": (
        lambda v: hypot([1.0], v),
        TypeError,
        f"hypot: a number was expected, not [1.0] of type list; {ONE_BY_ONE}",
    ),
    "one of two": (lambda v: hypot(v), TypeError, "hypot takes 2 arguments (a, b), not 1"),
    "three of two": (lambda v: maximum(v, 1, 2), TypeError, "maximum takes 2 arguments (a, b), not 3"),
    "none of three": (lambda v: function("where")(), TypeError, "where takes 3 arguments (c, a, b), not 0"),
    "biases": (
        lambda v: affine([[v]], [1.0], [1.0, 2.0]),
        ValueError,
        "affine: 2 biases for 1 unit; give one for each, or none",
    ),
    "inputs": (
        lambda v: affine([[v, v], [v]], [1.0, 2.0]),
        ValueError,
        "affine: a unit with 1 weight cannot take 2 inputs",
    ),
    "known inputs": (
        lambda v: affine([Leaves([v, v, v])], [1.0, 2.0], [v]),
        ValueError,
        "affine: a unit with 3 weights cannot take 2 inputs",
    ),
    "no inputs": (
        lambda v: affine([[v]], []),
        ValueError,
        "affine: an empty sequence has no value; give at least one number",
    ),
}


@pytest.mark.parametrize(("use", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_arguments_are_refused_with_a_sentence(use, kind, says):
    v = Value(2.0, "v")
    with pytest.raises(kind, match=f"^{re.escape(says)}$"):
        use(v)
    assert (v.data, v.grad) == (2.0, None)


# ---- affine


@pytest.mark.parametrize("live_inputs", [True, False])
@pytest.mark.parametrize("known", [Leaves, list])
@pytest.mark.parametrize("biased", [True, False])
def test_affine_is_one_node_a_unit_with_the_bits_of_plus_and_times(live_inputs, known, biased):
    numbers = [[0.1, -0.7, 1.3], [2.1, 0.3, -0.2]]
    xs = [0.9, -1.1, 0.37]

    def graph(nodes):
        ws = [known(map(Value, unit)) for unit in numbers]
        bs = [Value(0.05), Value(-0.6)] if biased else None
        inputs = list(map(Value, xs)) if live_inputs else xs
        units = nodes(ws, inputs, bs)
        y = units[0].tanh() * units[1]
        y.backward(seed=0.7)
        live = [*ws[0], *ws[1], *(bs or []), *(inputs if live_inputs else [])]
        return y, units, [v.grad for v in live], [d.data for d in gradient(y, live)]

    def expanded(ws, inputs, bs):
        sums = [w[0] * inputs[0] + w[1] * inputs[1] + w[2] * inputs[2] for w in ws]
        return [s + b for s, b in zip(sums, bs, strict=True)] if bs else sums

    y, units, grads, derived = graph(affine)
    z, _, expanded_grads, expanded_derived = graph(expanded)
    assert [u.op.name for u in units] == ["net" if biased else "dot"] * 2
    assert bits(y.data) == bits(z.data)
    assert list(map(bits, grads)) == list(map(bits, expanded_grads))
    assert list(map(bits, derived)) == list(map(bits, expanded_derived))


def test_affine_on_numbers_gives_numbers():
    got = affine([[1, 2.0], (3.0, 4)], [10, 1], [0.5, -0.5])
    assert got == [12.5, 33.5]
    assert list(map(type, got)) == [float, float]
    assert affine([[0.1, 0.2]], [0.3, 0.4]) == [0.1 * 0.3 + 0.2 * 0.4]
    assert [v.data for v in affine([[1.0, 2.0]], [Value(3.0), 4.0], [0.5])] == [11.5]
    assert [v.data for v in affine([[Value(1.0), 2.0]], [3.0, 4.0], [0.5])] == [11.5]
    assert [v.data for v in affine([Leaves([Value(1.0)])], [3.0], [0.5])] == [3.5]
    assert [v.data for v in affine([[1.0]], [3.0], [Value(0.5)])] == [3.5]


# ---- stale graphs


def two_layers():
    w, b = Value(0.3, "w"), Value(-0.1, "b")
    h = tanh(w * 2 + b)
    return w, b, h, log(h * h + 1) + dot([h, w], [b, 2.0])


@pytest.mark.parametrize("change", [0.30000000000000004, -0.3, 0.0, math.nan])
def test_a_changed_leaf_is_noticed_and_named(change):
    w, b, h, y = two_layers()
    check_fresh(y)
    w.data = change
    says = (
        f"'w' was changed to {change!r} after the graph was recorded: its user 'mul' holds 0.6 and would now be "
        f"{change * 2!r}. Call recompute() on the root to evaluate the graph again."
    )
    for use in (lambda: gradient(y, [b]), lambda: check_fresh(y), lambda: gradient(h, [w, b])):
        with pytest.raises(StaleGraph, match=f"^{re.escape(says)}$"):
            use()
    w.data = 0.3
    check_fresh(y)


def test_every_leaf_of_a_vector_is_named():
    w, x = [Value(1.0, "w1"), Value(2.0)], [3.0, 4.0]
    y = dot(w, x)
    w[1].data = 9.0
    with pytest.raises(
        StaleGraph,
        match=r"^'w1' or a leaf was changed to 1\.0, 9\.0 after .*'dot' holds 11\.0 and would now be 39\.0\.",
    ):
        gradient(y, w)


def test_an_inner_node_changed_by_hand_is_noticed():
    _, b, h, y = two_layers()
    h.data += 1e-9
    with pytest.raises(
        StaleGraph, match=r"^an inner node was changed by hand after the graph was recorded: 'tanh' holds"
    ):
        gradient(y, [b])


def test_an_inner_node_changed_by_hand_is_not_taken_for_its_leaf():
    w, x = Value(2.0, "w"), Value(3.0, "x")
    h = w * x
    y = h * h + 1
    h.data = 7.0
    by_hand = r"^an inner node was changed by hand after the graph was recorded: 'mul' holds 7\.0 and would now be 6\.0\. "
    with pytest.raises(StaleGraph, match=by_hand):
        gradient(y, [w])
    assert y.recompute().data == 37.0
    w.data = 2.5
    with pytest.raises(StaleGraph, match=r"^'w' or 'x' was changed to 2\.5, 3\.0 .*: its user 'mul' holds 6\.0"):
        gradient(y, [w])


NO_NUMBERS = ["2.0", None, 1j, [2.0], Value(2.0), numpy.float32(2.0), numpy.array([2.0])]


@pytest.mark.parametrize("wrong", NO_NUMBERS, ids=lambda x: type(x).__name__)
def test_data_that_is_no_number_is_told_before_it_reaches_a_gradient(wrong):
    w = Value(1.0, "w")
    y = w * 2
    w.data = wrong
    says = r"^'w' has \.data: a number was expected, not .* of type .*; "
    for use in (lambda: gradient(y, [w]), y.recompute, lambda: check_fresh(y), w.backward):
        with pytest.raises(TypeError, match=says):
            use()
    assert (y.data, w.grad) == (2.0, None)
    w.data = 3
    assert y.recompute().data == 6.0


def test_a_complex_number_never_becomes_a_gradient():
    w, b = Value(1.0, "w"), Value(2.0)
    w.data = 1j
    for y in (w * 2 + b, dot([w, b], [b, w]), (w - b) / 4):
        with pytest.raises(TypeError, match=r"^'w' has \.data: a number was expected, not 1j of type complex; only real"):
            y.backward()
        assert (w.grad, b.grad) == (None, None)


def test_a_change_that_changes_no_number_is_not_stale():
    x = Value(-1.0)
    y = relu(x) * 3
    x.data = -2.0
    assert gradient(y, [x])[0].data == 0.0
    z = Value(0.0)
    w = z + 1
    z.data = -0.0  # 1 all the same
    assert gradient(w, [z])[0].data == 1.0


def test_a_change_of_a_partial_alone_is_stale():
    x, z = Value(2.0, "x"), Value(0.0, "z")
    y = x * z
    x.data = 5.0  # y is 0 all the same, but dy/dz is not 2
    with pytest.raises(StaleGraph, match=r"^'x' or 'z' was changed to 5\.0, 0\.0 after"):
        gradient(y, [z])


def test_a_changed_sign_of_zero_is_stale():
    z = Value(0.0, "z")
    w = z * 2
    z.data = -0.0
    with pytest.raises(StaleGraph, match=r"^'z' was changed to -0\.0"):
        gradient(w, [z])


def test_nan_is_like_itself():
    n = Value(math.nan)
    y = n * n + 2
    check_fresh(y)
    assert math.isnan(gradient(y, [n])[0].data)


def test_a_leaf_outside_the_domain_is_told():
    x = Value(2.0, "x")
    y = log(x)
    x.data = -2.0
    with pytest.raises(DomainError, match=r"^log\(x=-2\.0\): outside the domain"):
        gradient(y, [x])


def test_backward_stays_with_the_recorded_numbers():
    w, b, _, y = two_layers()
    y.backward(seed=0.7)
    before = w.grad, b.grad
    w.data, b.data = 5.0, -7.0
    y.backward(seed=0.7)
    assert (w.grad, b.grad) == before


def test_graphs_with_infinities_are_not_stale():
    x = Value(0.0, "x")
    (d,) = gradient(sqrt(x), [x])
    assert d.data == math.inf
    check_fresh(d)
    (dd,) = gradient(d, [x])
    assert dd.data == -math.inf
    check_fresh(dd)
    assert bits(d.recompute().data) == bits(math.inf)
    big = Leaves([Value(1e308), Value(1e308)])
    y = dot(big, [10.0, 10.0])
    check_fresh(y)
    assert y.recompute().data == math.inf
    assert [v.data for v in gradient(y, big)] == [10.0, 10.0]
    e = 1e308 * Value(100.0)
    check_fresh(tanh(e) + e * 0.5)


# ---- evaluating again


def program(xs):
    a, b, c = xs
    h = tanh(a * b - c / 2) + where(a < b, a**2, b**3)
    k = hypot(h, c) * softmax([a, h, 1.0])[1] + logsumexp([a, b, c])
    return maximum(k, leaky_relu(a - c, 0.2)) / (1 + abs(b)) + dot([a, 2.0, k], [h, c, 3.0])


def test_recompute_is_recording_again_in_every_bit():
    vs = [Value(x, s) for x, s in zip((0.3, -0.8, 1.7), "abc", strict=True)]
    y = program(vs)
    for numbers in [(0.9, 0.1, -2.0), (-3.0, 2.0, 0.5), (0.3, -0.8, 1.7), (1e200, 1e-200, -0.0)]:
        for v, x in zip(vs, numbers, strict=True):
            v.data = x
        assert y.recompute() is y
        fresh = program([Value(x) for x in numbers])
        assert everything(y) == everything(fresh)
        y.backward(seed=0.7)
        fresh.backward(seed=0.7)
        assert [bits(v.grad) for v in vs] == [bits(v.grad) for v in leaves(fresh)]
        check_fresh(y)


def test_recompute_keeps_structure_gradients_and_labels():
    w, _, h, y = two_layers()
    y.label = "E"
    y.backward()
    nodes, grads = topological(y), [n.grad for n in topological(y)]
    w.data = 0.5
    y.recompute()
    assert topological(y) == nodes
    assert [n.grad for n in nodes] == grads
    assert y.label == "E"
    assert h.data == math.tanh(0.9)


@pytest.mark.parametrize("x", [-1.0, 0.0, 1e-320])
def test_recompute_changes_nothing_if_it_raises(x):
    a, b = Value(4.0, "a"), Value(3.0, "b")
    y = dot([a * 2, b], [b, 5.0]) + exp(b) + log(a) / (a * a * b)
    before = everything(y)
    b.data = 7.0
    a.data = x
    with pytest.raises(MathError) as again:
        y.recompute()
    with pytest.raises(MathError) as anew:
        dot([a * 2, b], [b, 5.0]) + exp(b) + log(a) / (a * a * b)
    assert (type(again.value), str(again.value)) == (type(anew.value), str(anew.value))
    a.data, b.data = 4.0, 3.0
    assert everything(y) == before


def test_recompute_below_one_node_only():
    a, b = Value(2.0), Value(3.0)
    left, right = a * 5, b * 7
    y = left + right
    a.data = b.data = 1.0
    left.recompute()
    assert (left.data, right.data, y.data) == (5.0, 21.0, 31.0)
    y.recompute()
    assert (left.data, right.data, y.data) == (5.0, 7.0, 12.0)


def test_a_leaf_recomputes_to_itself():
    a = Value(2.0)
    assert a.recompute() is a
    assert a.data == 2.0


def test_a_square_root_that_becomes_steep_and_back():
    x = Value(4.0)
    y = 0 * sqrt(x)
    for number, partial in [(0.0, math.inf), (9.0, 1 / 6)]:
        x.data = number
        y.recompute().backward()
        assert y.args[1].partials == (partial,)
        assert x.grad == 0.0


# ---- walks


def test_walks_are_in_the_order_of_creation():
    b, a = Value(1.0, "b"), Value(2.0, "a")
    s = a * b
    y = dot([s, a, 3.0], [b, s, 1.0])
    assert topological(y) == [b, a, s, y]
    assert list(leaves(y)) == [b, a]
    assert set(below(y)) == {a, b, s, y}
    assert below(y)[0] is y
    assert topological(a, y, s) == [b, a, s, y]
    assert list(leaves(Value(3.0) * 2, a))[1:] == [] or list(leaves(a)) == [a]


# ---- no_grad


def test_no_grad_nests_and_ends_with_exceptions():
    assert recording()
    with no_grad():
        assert not recording()
        with no_grad():
            assert not recording()
        assert not recording()
        with pytest.raises(PoleError), no_grad():
            Value(1.0) / 0
        assert not recording()
    assert recording()
    one = no_grad()
    with one, one:
        assert not recording()
    assert recording()


def test_no_grad_leaves_expressions_of_values_alone():
    with no_grad():
        x = Value(2.0)
        y = x * x
    y.backward(seed=0.5)
    assert x.grad == 2.0


def test_no_grad_decorates_functions_even_recursive_ones():
    @no_grad()
    def depth(n):
        """How deep."""
        return [recording(), *(depth(n - 1) if n else [])]

    assert depth(3) == [False] * 4
    assert depth.__name__ == "depth"
    assert recording()


def test_no_grad_is_separate_for_each_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(recording()))
        thread.start()
        thread.join()
        seen.append(recording())
    assert seen == [True, False]


def test_a_generator_closes_what_it_opened():
    def numbers():
        with no_grad():
            yield recording()

    g = numbers()
    assert next(g) is False
    g.close()
    assert recording()


def test_functions_document_themselves():
    assert engine.log.__doc__ == "y = log(a)\ndy/da = 1/a\ndefined for a > 0"
    assert engine.hypot.__doc__.splitlines() == [
        "y = sqrt(a*a + b*b)",
        "dy/da = a/y",
        "dy/db = b/y",
        "both partials are 0 at (0, 0)",
    ]
    assert str(engine.tanh.__signature__) == "(a, /)"
    assert engine.hypot.__qualname__ == "hypot"
