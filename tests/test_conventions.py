"""The decided conventions: what raises and with which words, kinks, edges of domains, saturation, zeros.

The expected numbers are written out here, not computed by the engine.
"""

import builtins
import math
import re

import pytest
from oracles import bits

import nn.losses  # its rows raise, too
from engine import (
    Leaves,
    Value,
    absolute,
    dot,
    exp,
    expm1,
    gradient,
    hypot,
    leaky_relu,
    log,
    log1p,
    logsumexp,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    tanh,
    where,
)
from engine.errors import DomainError, MathError, PoleError, RangeError
from engine.functions import function


INF, NAN = math.inf, math.nan


def slopes(f, *args, seed=0.5):
    """The value and every derivative, times 2: the pass itself runs with a seed of one half."""
    vs = [Value(x) for x in args]
    y = f(*vs)
    y.backward(seed=seed)
    return y.data, [v.grad / seed for v in vs]


def of_x(expression):
    return eval(f"lambda x: {expression}", globals())


def same(got, want):
    assert list(map(bits, got)) == list(map(bits, want)), (got, want)


def derived(f, *args):
    """The same derivatives by `gradient`."""
    vs = [Value(x) for x in args]
    return [d.data for d in gradient(f(*vs), vs)]


# ---- what raises


POW = "pow needs a > 0, or a < 0 with a whole b, or a = 0 with b >= 0"
RAISING = [
    ("log(x)", 0.0, DomainError, "log(x=0.0): outside the domain; log needs a > 0"),
    ("log(x)", -1.0, DomainError, "log(x=-1.0): outside the domain; log needs a > 0"),
    ("log1p(x)", -1.0, DomainError, "log1p(x=-1.0): outside the domain; log1p needs a > -1"),
    ("sqrt(x)", -1.0, DomainError, "sqrt(x=-1.0): outside the domain; sqrt needs a >= 0"),
    ("sin(x)", INF, DomainError, "sin(x=inf): outside the domain"),
    ("x ** (1 / 3)", -8.0, DomainError, f"pow(x=-8.0, b=0.3333333333333333): outside the domain; {POW}"),
    ("x ** Value(0.5)", -8.0, DomainError, f"pow(x=-8.0, b=0.5): outside the domain; {POW}"),
    ("(-8.0) ** x", 0.25, DomainError, f"pow(a=-8.0, x=0.25): outside the domain; {POW}"),
    ("1 / x", 0.0, PoleError, "div(a=1.0, x=0.0): division by zero; div needs b != 0"),
    ("x / 0", 2.0, PoleError, "div(x=2.0, b=0.0): division by zero; div needs b != 0"),
    ("x / x", -0.0, PoleError, "div(x=-0.0, x=-0.0): division by zero; div needs b != 0"),
    ("x**-1", 0.0, PoleError, f"pow(x=0.0, b=-1.0): division by zero; {POW}"),
    ("x**-0.5", 0.0, PoleError, f"pow(x=0.0, b=-0.5): division by zero; {POW}"),
    ("0**x", -2.0, PoleError, f"pow(a=0.0, x=-2.0): division by zero; {POW}"),
    ("exp(x)", 1000.0, RangeError, "exp(x=1000.0): too large for a float; exp needs a < 709.79"),
    ("expm1(x)", 710.0, RangeError, "expm1(x=710.0): too large for a float; expm1 needs a < 709.79"),
    ("x**3", 1e200, RangeError, "pow(x=1e+200, b=3.0): too large for a float; the largest is 1.8e308"),
    ("10**x", 400.0, RangeError, "pow(a=10.0, x=400.0): too large for a float; the largest is 1.8e308"),
]


@pytest.mark.parametrize(("expression", "x", "kind", "says"), RAISING, ids=[f"{e} at {x}" for e, x, *_ in RAISING])
def test_a_node_raises_where_python_does_and_says_what_happened(expression, x, kind, says):
    with pytest.raises(kind, match=f"^{re.escape(says)}$") as refusal:
        of_x(expression)(Value(x, "x"))
    assert type(refusal.value) is kind
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize(
    ("kind", "builtin"), [(DomainError, ValueError), (PoleError, ZeroDivisionError), (RangeError, OverflowError)]
)
def test_the_errors_are_those_of_plain_floats(kind, builtin):
    assert issubclass(kind, builtin)
    assert issubclass(kind, MathError)
    assert issubclass(MathError, ArithmeticError)


@pytest.mark.parametrize("name", ["log", "log1p", "sqrt", "exp", "expm1", "sin", "cos", "tanh"])
def test_functions_raise_exactly_where_those_of_math_do(name):
    for x in [0.0, -0.0, -1.0, -1.3, 0.49, 0.99, 1.01, 709.7, 709.8, -745.2, 1e308, -1e308, 5e-324, INF, -INF, NAN]:
        f = function(name)
        try:
            want = getattr(math, name)(x)
        except (ValueError, OverflowError) as error:
            kind = ValueError if isinstance(error, ValueError) else OverflowError
            for argument in (x, Value(x)):
                with pytest.raises(kind):
                    f(argument)
        else:
            assert bits(f(x)) == bits(f(Value(x)).data) == bits(want)


@pytest.mark.parametrize("p", [0.0, -0.0, 1.0, -1.0, 0.3, -8.0, 2.0, 1e200, 5e-324, INF, -INF, NAN])
@pytest.mark.parametrize("q", [0.0, -0.0, 1.0, -1.0, 0.5, 1 / 3, 3.0, -2.0, 1e10, INF, -INF, NAN])
def test_powers_and_quotients_are_those_of_floats(p, q):
    for op, plain in [("pow", math.pow), ("div", lambda p, q: p / q)]:
        f = function(op)
        try:
            want = plain(p, q)
        except (ValueError, ArithmeticError):
            for args in [(Value(p), Value(q)), (Value(p), q), (p, Value(q)), (p, q)]:
                with pytest.raises(MathError):
                    f(*args)
        else:
            for args in [(Value(p), Value(q)), (Value(p), q), (p, Value(q))]:
                assert bits(f(*args).data) == bits(want)


def test_plain_numbers_raise_the_same_words_without_labels():
    for use, says in [
        (lambda: log(-1), "log(a=-1.0): outside the domain; log needs a > 0"),
        (lambda: function("div")(1, 0), "div(a=1.0, b=0.0): division by zero; div needs b != 0"),
        (lambda: exp(1000), "exp(a=1000.0): too large for a float; exp needs a < 709.79"),
    ]:
        with pytest.raises(MathError, match=f"^{re.escape(says)}$"):
            use()


def test_a_row_over_vectors_names_its_vectors():
    o = [Value(0.0, "o1"), Value(0.5)]
    says = "bce(o=(0.0, 0.5), t=(1.0, 1.0)): outside the domain; bce needs 0 < o < 1 (o = t is allowed)"
    for vector in (list, tuple, Leaves):
        with pytest.raises(DomainError, match=f"^{re.escape(says)}$"):
            function("bce")(vector(o), [1.0, 1.0])
    long = [Value(0.0)] + [Value(0.123456789)] * 30
    with pytest.raises(DomainError, match=r"^bce\(o=\(0\.0, 0\.123456789, .{0,60}\.\.\., t=") as refusal:
        function("bce")(long, [1.0] * 31)
    assert len(str(refusal.value)) < 250
    assert nn.losses.bce([Value(0.0), Value(1.0)], [0, 1]).data == 0.0


def test_never_a_complex_number():
    for use in (lambda: Value(-8.0) ** 0.5, lambda: (-8) ** Value(0.5), lambda: Value(-1.0) ** Value(1 / 3)):
        with pytest.raises(builtins.ValueError):
            use()


def test_a_failed_operation_leaves_its_operands_alone():
    x = Value(-1.0, "x")
    for use in (lambda: log(x), lambda: 1 / (x + 1), lambda: x**0.5):
        with pytest.raises(MathError):
            use()
    assert (x.data, x.grad, x.args) == (-1.0, None, ())


# ---- kinks


@pytest.mark.parametrize(
    ("expression", "x", "value", "slope"),
    [
        ("relu(x)", 0.0, 0.0, 0.0),
        ("relu(x)", -0.0, 0.0, 0.0),
        ("relu(x)", 5e-324, 5e-324, 1.0),
        ("relu(x)", -5e-324, 0.0, 0.0),
        ("relu(x)", NAN, NAN, 1.0),
        ("relu(x)", INF, INF, 1.0),
        ("relu(x)", -INF, 0.0, 0.0),
        ("leaky_relu(x)", 0.0, 0.0, 0.01),
        ("leaky_relu(x, 0.3)", -0.0, -0.0, 0.3),
        ("leaky_relu(x, 0.25)", -2.0, -0.5, 0.25),
        ("leaky_relu(x, 0.25)", 2.0, 2.0, 1.0),
        ("leaky_relu(x)", NAN, NAN, 0.01),
        ("absolute(x)", 0.0, 0.0, 0.0),
        ("absolute(x)", -0.0, 0.0, 0.0),
        ("absolute(x)", -2.5, 2.5, -1.0),
        ("absolute(x)", 2.5, 2.5, 1.0),
        ("absolute(x)", NAN, NAN, 0.0),
        ("maximum(x, x)", 3.0, 3.0, 1.0),
        ("maximum(x, 3)", 3.0, 3.0, 0.5),
        ("minimum(3, x)", 3.0, 3.0, 0.5),
        ("minimum(3, x)", 2.0, 2.0, 1.0),
        ("where(x > 0, x * 5, x * 7)", 0.0, 0.0, 7.0),
        ("where(x >= 0, x * 5, x * 7)", 0.0, 0.0, 5.0),
    ],
)
def test_kinks(expression, x, value, slope):
    y, got = slopes(of_x(expression), x)
    same([y, *got], [value, slope])
    same(derived(of_x(expression), x), [slope])


def test_a_tie_of_zeros_is_the_first_as_in_python():
    for f, python in ((maximum, max), (minimum, min)):
        for a, b in ((0.0, -0.0), (-0.0, 0.0)):
            assert bits(f(Value(a), b).data) == bits(f(a, b)) == bits(python(a, b)) == bits(a)


def test_hinge_at_its_kink_is_flat_in_the_target_too():
    o, t = Value(0.5), Value(2.0)
    function("hinge")([o], [t]).backward(seed=0.7)
    assert (o.grad, t.grad) == (0.0, 0.0)
    t.data = 1.75
    function("hinge")([o], [t]).backward(seed=0.5)
    assert (o.grad, t.grad) == (-0.875, -0.25)


def test_the_slope_of_a_leak():
    assert slopes(leaky_relu, -2.0, 0.25) == (-0.5, [0.25, -2.0])
    assert slopes(leaky_relu, 2.0, 0.25) == (2.0, [1.0, 0.0])
    assert slopes(leaky_relu, 0.0, 0.25) == (0.0, [0.25, 0.0])


@pytest.mark.parametrize(("f", "first"), [(maximum, [0.0, 1.0]), (minimum, [1.0, 0.0])])
def test_the_larger_and_the_smaller(f, first):
    assert slopes(f, 1.0, 2.0)[1] == first
    assert slopes(f, 2.0, 1.0)[1] == first[::-1]
    assert slopes(f, 2.0, 2.0)[1] == [0.5, 0.5]
    assert slopes(f, 0.0, -0.0)[1] == [0.5, 0.5]
    for pair in [(NAN, 1.0), (1.0, NAN), (NAN, NAN), (NAN, INF), (-INF, NAN)]:
        assert math.isnan(f(*map(Value, pair)).data)  # NaN wins
        assert math.isnan(f(*pair))
    assert slopes(f, 1.0, 1.0)[0] == 1.0


def test_the_largest_of_several_shares_its_slope():
    vs = [Value(x) for x in (2.0, 3.0, 1.0, 3.0)]
    y = function("largest")(vs)
    y.backward(seed=0.5)
    assert (y.data, [v.grad for v in vs]) == (3.0, [0.0, 0.25, 0.0, 0.25])
    assert [d.data for d in gradient(y, vs)] == [0.0, 0.5, 0.0, 0.5]


def test_only_the_chosen_branch_has_a_gradient():
    x, dead = Value(2.0), Value(NAN)
    y = where(x > 1, x * 3, dead)
    y.backward(seed=2.0)
    assert (x.grad, dead.grad) == (6.0, 0.0)
    z = where(x < 1, sqrt(x - 2), x)  # the dead branch has an infinite slope
    z.backward(seed=2.0)
    assert x.grad == 2.0
    assert where(NAN, 1.0, 2.0) == 1.0  # as `if` decides
    assert where(Value(0.0), Value(1.0), Value(2.0)).data == 2.0
    assert where(Value(NAN) < 1, Value(1.0), Value(2.0)).data == 2.0


def test_a_comparison_has_slopes_of_zero():
    x = Value(2.0)
    y = (x > 1) * x + (x <= 1) * 100
    y.backward(seed=0.5)
    assert x.grad == 0.5
    assert gradient(y, [x])[0].data == 1.0


# ---- edges of domains


@pytest.mark.parametrize(
    ("expression", "x", "value", "slope"),
    [
        ("sqrt(x)", 0.0, 0.0, INF),
        ("sqrt(x)", INF, INF, 0.0),
        ("x**0.5", 0.0, 0.0, INF),
        ("x**0.5", -0.0, 0.0, INF),
        ("x**1", 0.0, 0.0, 1.0),
        ("x**2", 0.0, 0.0, 0.0),
        ("x**3", 0.0, 0.0, 0.0),
        ("x**1.5", 0.0, 0.0, 0.0),
        ("x**0", 0.0, 1.0, 0.0),
        ("x**0", -3.0, 1.0, -0.0),
        ("x**0", INF, 1.0, 0.0),
        ("x**True", 5.0, 5.0, 1.0),
        ("x**2", -3.0, 9.0, -6.0),
        ("x**3", -2.0, -8.0, 12.0),
        ("x**-1", -2.0, -0.5, -0.25),
        ("x**-2", -2.0, 0.25, 0.25),
        ("0**x", 2.0, 0.0, 0.0),
        ("0**x", 0.5, 0.0, 0.0),
        ("1**x", 5.0, 1.0, 0.0),
        ("2**x", 3.0, 8.0, 8 * math.log(2)),
        ("(-2) ** x", 3.0, -8.0, NAN),
    ],
)
def test_roots_and_powers_at_the_edge(expression, x, value, slope):
    y, got = slopes(of_x(expression), x)
    same([y, *got], [value, slope])
    same(derived(of_x(expression), x), [slope])


@pytest.mark.parametrize(
    ("base", "exponent", "value", "by_base", "by_exponent"),
    [
        (-2.0, 3.0, -8.0, 12.0, NAN),
        (-2.0, 2.0, 4.0, -4.0, NAN),
        (-2.0, 0.0, 1.0, -0.0, NAN),
        (0.0, 3.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 0.0, 1.0, 0.0),
        (0.0, 0.5, 0.0, INF, 0.0),
        (0.0, 0.0, 1.0, 0.0, -INF),
        (2.0, 0.0, 1.0, 0.0, math.log(2)),
        (1.0, 7.0, 1.0, 7.0, 0.0),
    ],
)
def test_a_live_exponent_does_not_spoil_the_base(base, exponent, value, by_base, by_exponent):
    y, got = slopes(lambda a, b: a**b, base, exponent)
    same([y, *got], [value, by_base, by_exponent])
    same(derived(lambda a, b: a**b, base, exponent), [by_base, by_exponent])


def test_hypot_at_the_origin_and_far_out():
    assert slopes(hypot, 0.0, 0.0) == (0.0, [0.0, 0.0])
    assert slopes(hypot, 3.0, -4.0) == (5.0, [0.6, -0.8])
    assert slopes(hypot, 0.0, -2.0) == (2.0, [0.0, -1.0])
    for p, q, length in [(3.0, 4.0, 5.0), (4.0, -3.0, 5.0), (-1.0, 1.0, math.sqrt(2))]:
        for scale in (1e200, 1e-200, 1e-310):
            y, by = slopes(hypot, p * scale, q * scale)
            assert y == pytest.approx(length * scale, rel=1e-15 if scale > 1e-300 else 1e-12, abs=0)
            assert by == pytest.approx([p / length, q / length], rel=1e-12)
    assert hypot(INF, 1.0) == hypot(-1.0, -INF) == INF
    x = Value(0.0)
    sqrt(x * x).backward()  # for |x| write absolute(x) or hypot(x, 0): here 0 * inf has to be NaN
    assert math.isnan(x.grad)


def test_partials_are_ieee_numbers_where_values_are_finite():
    x = Value(0.0)
    assert sqrt(x).partials == (INF,)
    small = Value(1e-310)
    assert (1e-310 / small).data == 1.0
    assert (1e-310 / small).partials == (None, -INF)
    assert slopes(lambda a, b: a / b, 1e200, 1e200) == (1.0, [1e-200, -1e-200])
    assert slopes(lambda a, b: a / b, 5.0, 3.0) == (5 / 3, [1 / 3, -(5 / 3) / 3])


# ---- zero adjoints


@pytest.mark.parametrize(
    "expression",
    [
        "0 * sqrt(x)",
        "Value(0.0) * sqrt(x)",
        "sqrt(x) * sqrt(x) * 0",
        "x**0.5 * 0.0",
        "where(x > 1, sqrt(x), 0.0)",
        "maximum(sqrt(x), 1.0)",
        "relu(-sqrt(x))",
        "dot([sqrt(x), x], [0.0, 0.0])",
    ],
)
def test_an_adjoint_of_zero_contributes_zero(expression):
    assert slopes(of_x(expression), 0.0)[1] == [0.0]
    assert derived(of_x(expression), 0.0) == [0.0]


@pytest.mark.parametrize(("seed", "slope"), [(INF, INF), (-INF, -INF), (-2.0, -INF), (5e-324, INF), (0.0, 0.0), (NAN, NAN)])
def test_an_infinite_slope_times_any_adjoint(seed, slope):
    x = Value(0.0)
    sqrt(x).backward(seed=seed)
    same([x.grad], [slope])


def test_zero_times_infinity_in_higher_derivatives():
    x = Value(2.0)
    y = (x - 2) * log(x)
    (first,) = gradient(y, [x])
    (second,) = gradient(first, [x])
    assert first.data == math.log(2)
    assert second.data == 1.0  # 2 * (1/x), as (x - 2) * (-1/x^2) is zero
    edge = Value(0.0)
    (flat,) = gradient(edge**2 * sqrt(edge), [edge])  # 2.5 x^1.5
    assert flat.data == 0.0


# ---- far arguments


@pytest.mark.parametrize("x", [0.0, 1.0, 36.0, 37.0, 40.0, 500.0, 709.0, 745.0, 800.0, 1e308, INF])
def test_saturating_functions_never_overflow(x):
    small = math.exp(-x)
    assert slopes(sigmoid, x, seed=4) == (
        pytest.approx(1 / (1 + small)),
        [pytest.approx(small / (1 + small) ** 2, rel=1e-13, abs=0)],
    )
    assert slopes(sigmoid, -x, seed=4) == (
        pytest.approx(small / (1 + small), rel=1e-13, abs=0),
        [pytest.approx(small / (1 + small) ** 2, rel=1e-13, abs=0)],
    )
    square = math.exp(-2 * x)
    assert slopes(tanh, x, seed=4) == (math.tanh(x), [pytest.approx(4 * square / (1 + square) ** 2, rel=1e-13, abs=0)])
    assert slopes(tanh, -x, seed=4) == (
        -math.tanh(x),
        [pytest.approx(4 * square / (1 + square) ** 2, rel=1e-13, abs=0)],
    )
    assert slopes(softplus, x, seed=4) == (
        pytest.approx(x + math.log1p(small), rel=1e-15),
        [pytest.approx(1 / (1 + small), rel=1e-15)],
    )
    assert slopes(softplus, -x, seed=4) == (
        pytest.approx(math.log1p(small), rel=1e-15, abs=0),
        [pytest.approx(small / (1 + small), rel=1e-13, abs=0)],
    )


def test_exp_and_log_near_one_keep_their_digits():
    assert slopes(expm1, -30.0) == (math.expm1(-30.0), [math.exp(-30.0)])
    assert slopes(expm1, 1e-18) == (1e-18, [1.0])
    assert slopes(log1p, 1e-18) == (1e-18, [1.0])


@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0, 1e6])
def test_softmax_does_not_notice_a_shift(shift):
    def graph(move):
        nets = [Value(x) for x in (0.5, -1.25, 2.0)]
        outputs = softmax([move(n) for n in nets])
        dot(outputs, [1.0, -2.0, 0.5]).backward(seed=0.7)
        return [o.data for o in outputs], [n.grad for n in nets]

    outputs, grads = graph(lambda n: n)
    by_constant = graph(lambda n: n + shift)
    node = Value(shift)
    by_node = graph(lambda n: n + node)
    for shifted in (by_constant, by_node):
        assert shifted[0] == pytest.approx(outputs, rel=1e-9)
        assert shifted[1] == pytest.approx(grads, rel=1e-9)
    assert node.grad == pytest.approx(0.0, abs=1e-15)
    assert sum(outputs) == pytest.approx(1.0, rel=1e-15)
    es = [math.exp(x) for x in (0.5, -1.25, 2.0)]
    assert outputs == pytest.approx([e / sum(es) for e in es], rel=1e-15)


def test_softmax_of_two_is_a_sigmoid():
    a, b = Value(1.75), Value(-0.5)
    first = softmax([a, b])[0]
    first.backward(seed=0.7)
    y = sigmoid(Value(2.25))
    assert first.data == pytest.approx(y.data, rel=1e-15)
    slope = y.data * (1 - y.data)
    assert (a.grad, b.grad) == (pytest.approx(0.7 * slope, rel=1e-14), pytest.approx(-0.7 * slope, rel=1e-14))


def test_softmax_and_logsumexp_at_their_limits():
    assert [p.data for p in softmax([Value(1000.0), Value(-1000.0)])] == [1.0, 0.0]
    assert softmax([3.0]) == [1.0]
    assert softmax([5.0, 5.0, 5.0, 5.0]) == [0.25] * 4
    assert softmax([0.0, -INF]) == [1.0, 0.0]
    assert logsumexp([1000.0, 1000.0]) == 1000 + math.log(2)
    assert logsumexp([-1000.0, -1000.0]) == -1000 + math.log(2)
    assert logsumexp([Value(-2.5)]).data == -2.5
    x = [Value(1000.0), Value(0.0)]
    logsumexp(x).backward(seed=0.5)
    assert [v.grad for v in x] == [0.5, 0.0]


def test_infinities_and_nan_pass_through():
    x = Value(INF)
    assert (x + 1).data == (x * 2).data == INF
    assert math.isnan((x - x).data)
    assert (1 / x).data == 0.0
    assert (Value(1e308) * 10).data == INF  # as plain floats have it
    assert exp(Value(-INF)).data == 0.0
    n = Value(NAN)
    for f in (relu, tanh, sigmoid, softplus, absolute, exp, log, sqrt, sin, leaky_relu):
        assert math.isnan(f(n).data)
        assert math.isnan(f(NAN))
    assert math.isnan(logsumexp([0.0, NAN]))
    assert all(map(math.isnan, softmax([0.0, NAN])))


# ---- sums


def test_sums_run_from_left_to_right():
    big, one = Value(1e16), Value(1.0)
    assert dot([big, one, -big], [1.0, 1.0, 1.0]).data == 0.0
    assert dot([big, -big, one], [1.0, 1.0, 1.0]).data == 1.0
    assert function("total")([big, one, one, -big]).data == 0.0
    assert function("net")([one, big], [1.0, 1.0], -big).data == 0.0  # the bias last
    assert function("net")([big, -big], [1.0, 1.0], one).data == 1.0
    assert math.copysign(1, dot([Value(-0.0)], [1.0]).data) == -1  # a sum starts with its first term
    assert math.copysign(1, function("total")([-0.0, -0.0])) == -1


def test_contributions_are_added_from_the_last_user_to_the_first():
    x = Value(1.0)
    for uses, slope in [((1.0, 1e16, -1e16), 1.0), ((1e16, -1e16, 1.0), 0.0), ((1e16, 1.0, -1e16), 0.0)]:
        first, second, third = (x * use for use in uses)
        y = first + second + third
        y.backward()
        assert x.grad == slope
        assert gradient(y, [x])[0].data == slope
