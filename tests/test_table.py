"""Every row of the table, present and future: its numbers, its derivatives, its texts, its source.

The tests loop over the table, so that a new row is tested without another edit. Upstream gradients
are SEED, never 1, and the oracles are those of `oracles`: exact numbers of 50 and more digits, exact
differences, differences of floats, complex steps, the printed text.
"""

import ast
import copy
import itertools
import math
import pickle
import re

import mpmath as mp
import pytest
from oracles import Point, analytic, bits, complex_step, exact, points, printed, ulps, wild

import nn.losses  # its rows join the table
from engine import Leaves, Value, gradient
from engine.errors import DomainError, MathError, PoleError, RangeError
from engine.formula import (
    INDEX,
    LATEX,
    PRODUCT,
    SUM,
    TEXT,
    Notation,
    function as operation,
    infix,
    latex,
    symbol,
    text,
    total,
    where,
    written,
)
from engine.functions import function
from engine.ieee import value_and_partials
from engine.ops import TABLE, Row
from engine.source import MACHINE, recorder_source, value_source
from engine.value import Steep


SEED = 0.7
COMPOSED = {"gauss"}  # rows of numbers whose own steps amplify a rounding: they are measured like sums
UNIT = 2.0**-53  # the relative error of one rounding
SMALLEST = 1e-290  # below it doubles lose digits by being subnormal
assert nn.losses

every_row = pytest.mark.parametrize("row", list(TABLE.values()), ids=list(TABLE))


def value_of(row, args):
    return function(row.name)(*args)


def record(row, args, live=None):
    """A node of `row`, and a leaf for each argument at its place; with `live`, only those are leaves."""
    live = range(len(args)) if live is None else live
    made = [(list(map(Value, p)) if isinstance(p, list) else Value(p)) if i in live else p for i, p in enumerate(args)]
    leaves = {(i, k): made[i] if k is None else made[i][k] for i, k in Point(row, args).places() if i in live}
    return function(row.name)(*made), leaves


def inside(row):
    """The points at which the row has a value of moderate size, with that value."""
    for point in points(row):
        true = point.value()
        if mp.isfinite(true) and (true == 0 or SMALLEST < abs(true) < 1e300):
            yield point, true


def sensitivity(point, f):
    """Sum of |argument * derivative| of `f`, a function of the moved symbols: what input rounding could do."""
    with mp.workdps(point.digits):
        h = mp.mpf(10) ** (-point.digits // 3)
        s = mp.mpf(0)
        for i, k in point.places():
            x = point.args[i] if k is None else point.args[i][k]
            d = (f(point.moved((i, k), h)) - f(point.moved((i, k), -h))) / (2 * h)
            s += abs(x * d) if mp.isfinite(d) else 0
        return s


# ---- what every row has to pass


def check_value(row):
    """Values to 4 ulp; where there are sums, to 8(n + 2) roundings of their terms."""
    seen = 0
    for point, true in inside(row):
        got = value_of(row, point.args)
        node, _ = record(row, point.args)
        assert type(got) is float
        assert bits(node.data) == bits(got), point
        if not (got == 0 if true == 0 else ulps(got, true) <= 4):
            assert any(row.vector) or row.name in COMPOSED, (point, got, true)
            n = len(point.places())
            scale = abs(true) + sensitivity(point, lambda symbols: exact(row.value, symbols))
            assert abs(mp.mpf(got) - true) <= 8 * (n + 2) * UNIT * scale + point.noise, (point, got, true)
        seen += 1
    assert seen >= 10, f"only {seen} points lie in the domain of {row.name}"


def check_partials_exactly(row):
    """The row's own formula against exact differences of the shown value, both of 50 digits."""
    seen = dict.fromkeys(range(len(row.args)), 0)
    for point, _ in inside(row):
        for place in point.places():
            true = point.derivative(place)
            if true is not None:
                got = point.partial(place)
                if mp.isnan(got):  # as printed it has no meaning here, 0 * 0**-1 in pow
                    got = point.partial(place, shown=False)
                assert abs(got - true) <= mp.mpf(10) ** -20 * abs(true) + point.noise, (point, place, got, true)
                seen[place[0]] += 1
    assert min(seen.values()) >= 8, f"{row.name}: too few smooth points, {seen}"


def check_backward(row):
    """Gradients with an upstream gradient that is not 1: to 8 ulp, with sums to 16(n + 2) roundings."""
    seen = 0
    for point, _ in inside(row):
        node, leaves = record(row, point.args)
        node.backward(seed=SEED)
        for place, leaf in leaves.items():
            slope = point.derivative(place)
            if slope is None or not abs(slope) < 1e300:
                continue
            true = mp.mpf(SEED) * slope
            assert type(leaf.grad) is float
            if abs(true) < max(SMALLEST, point.noise):
                assert abs(leaf.grad) < max(SMALLEST, point.noise), (point, place, leaf.grad, true)
            elif ulps(leaf.grad, true) > 8:
                assert any(row.vector) or row.name in COMPOSED, (point, place, leaf.grad, true)
                scale = abs(slope) + sensitivity(
                    point, lambda symbols, place=place: _exact_partial(row, symbols, place)
                )
                error = 16 * (len(leaves) + 2) * UNIT * scale
                assert abs(mp.mpf(leaf.grad) - true) <= error, (point, place, leaf.grad, true)
            seen += 1
    assert seen >= 10


def _exact_partial(row, symbols, place):
    i, k = place
    read = exact(row.partials[i], {**symbols, "y": exact(row.value, symbols)})
    return read[k] if isinstance(read, list) else read


def check_float_differences(row):
    """The same gradients against central differences of the float function, extrapolated from two steps."""
    seen = 0
    for point in points(row, count=16, seed=1)[-24:]:
        for place in point.places():
            try:
                wide, narrow = (_difference(row, point, place, h) for h in (2e-4, 1e-4))
            except MathError:
                continue
            best, doubt = (4 * narrow - wide) / 3, abs(narrow - wide)
            if doubt > 1e-5 * (1 + abs(best)) or point.derivative(place) is None:
                continue  # too curved, or a kink
            node, leaves = record(row, point.args)
            node.backward(seed=SEED)
            assert leaves[place].grad == pytest.approx(SEED * best, rel=1e-7, abs=1e-8), (point, place)
            seen += 1
    assert seen >= 10


def _difference(row, point, place, h):
    i, k = place
    ends = []
    for step in (h, -h):
        args = copy.deepcopy(point.args)
        if k is None:
            args[i] += step
        else:
            args[i][k] += step
        ends.append((value_of(row, args), args[i] if k is None else args[i][k]))
    (high, right), (low, left) = ends
    return (high - low) / (right - left)


def check_complex_step(row):
    """The same gradients against complex steps, where the row is written in analytic functions."""
    if not analytic(row):
        return
    seen = 0
    for point, _ in inside(row):
        xs = [x for p in point.args for x in (p if isinstance(p, list) else [p])]
        if any(not 1e-3 <= abs(x) <= 20 for x in xs) or (row.name == "pow" and xs[0] < 0):
            continue
        node, leaves = record(row, point.args)
        node.backward(seed=SEED)
        for place, leaf in leaves.items():
            true = SEED * complex_step(point, place)
            assert leaf.grad == pytest.approx(true, rel=1e-9, abs=1e-12), (point, place)
            seen += 1
    assert seen >= 10


def check_two_forms(row):
    """The form that is shown equals the form that is computed, to 50 digits."""
    compared = 0
    for point, true in inside(row):
        for shown, computed in [
            (true, point.value(shown=False)),
            *((point.partial(place), point.partial(place, shown=False)) for place in point.places()),
        ]:
            if mp.isfinite(shown) and mp.isfinite(computed):
                assert abs(shown - computed) <= mp.mpf(10) ** -48 * abs(shown) + mp.mpf(10) ** -70, point
                compared += 1
    assert compared >= 20


def check_gradient_bits(row):
    """Partials read as Values have every bit of the partials recorded as floats."""
    for point, _ in inside(row):
        node, leaves = record(row, point.args)
        node.backward()
        derived = gradient(node, list(leaves.values()))
        assert [bits(d.data) for d in derived] == [bits(leaf.grad) for leaf in leaves.values()], point


def check_constants(row):
    """Whichever arguments are constants, the live ones get the same bits, by `gradient` too; a constant gets none."""
    everything = range(len(row.args))
    for point, _ in itertools.islice(inside(row), 0, None, 3):
        whole, all_leaves = record(row, point.args)
        whole.backward(seed=SEED)
        for n in everything:
            for live in itertools.combinations(everything, n + 1):
                node, leaves = record(row, point.args, live)
                node.backward(seed=SEED)
                assert bits(node.data) == bits(whole.data)
                grads = [leaf.grad for leaf in leaves.values()]
                assert list(map(bits, grads)) == [bits(all_leaves[p].grad) for p in leaves], point
                node.backward()
                derived = gradient(node, list(leaves.values()))  # a zero that is left out has no sign
                assert [bits(d.data + 0.0) for d in derived] == [bits(v.grad + 0.0) for v in leaves.values()], point
                for (i, k), arg, partial in zip(point.places(), node.args, node.partials, strict=True):
                    if i in live:
                        assert arg is leaves[i, k]
                        assert type(partial) is float
                    else:
                        assert type(arg) is float
                        assert arg == (point.args[i] if k is None else point.args[i][k])
                        assert partial is None


def check_mixed_vectors(row):
    """Numbers among the Values of one vector are constants; a vector of leaves known as such changes nothing."""
    for point, _ in itertools.islice(inside(row), 0, None, 7):
        whole, all_leaves = record(row, point.args)
        whole.backward(seed=SEED)
        mixed = [[Value(x) if k % 2 else x for k, x in enumerate(p)] if isinstance(p, list) else p for p in point.args]
        node = value_of(row, mixed)
        if isinstance(node, Value):
            node.backward(seed=SEED)
            for (i, k), arg, partial in zip(point.places(), node.args, node.partials, strict=True):
                if k is not None and k % 2:
                    assert bits(arg.grad) == bits(all_leaves[i, k].grad), point
                    assert type(partial) is float
                else:
                    assert (type(arg), partial) == (float, None)
        known = [Leaves(map(Value, p)) if isinstance(p, list) else Value(p) for p in point.args]
        node = value_of(row, known)
        node.backward(seed=SEED)
        grads = [v.grad for p in known for v in (p if isinstance(p, Leaves) else [p])]
        assert list(map(bits, grads)) == [bits(v.grad) for v in all_leaves.values()], point


def check_ieee(row):
    """Anywhere, infinities and NaN included: floats and nodes raise alike, and otherwise what the careful
    reading gives is what the generated Python recorded."""
    outcomes = set()
    for point in wild(row):
        try:
            y = value_of(row, point.args)
        except (DomainError, PoleError, RangeError) as error:
            outcomes.add("refused")
            for n in range(1, len(row.args) + 1):
                for live in itertools.combinations(range(len(row.args)), n):
                    with pytest.raises(type(error)):
                        record(row, point.args, live)
            continue
        outcomes.add("valued")
        node, leaves = record(row, point.args)
        assert bits(node.data) == bits(y)
        careful, slopes = value_and_partials(row, dict(zip(row.args, point.args, strict=True)))
        assert bits(careful) == bits(y), point
        for (i, k), recorded in zip(leaves, node.partials, strict=True):
            d = slopes[i] if not isinstance(slopes[i], list) else slopes[i][k]
            assert bits(recorded) == bits(d), (point, i, k)
    assert "valued" in outcomes
    assert not row.domain or "refused" in outcomes, "a row with a domain refuses what lies outside"


def check_text(row):
    """The text says what is shown: evaluated, it gives the shown numbers."""
    compared = 0
    for point, true in itertools.islice(inside(row), 0, None, 4):
        with mp.workdps(point.digits):
            symbols = point.moved()
            for f, want in [
                (row.value, true),
                *((f, exact(f, {**symbols, "y": true})) for f in row.partials),
            ]:
                got = printed(f, {**symbols, "y": true})
                for g, t in zip(*(z if isinstance(z, list) else [z] for z in (got, want)), strict=True):
                    if mp.isfinite(t):
                        assert abs(g - t) <= mp.mpf(10) ** -45 * (1 + abs(t)), (text(f), point)
                        compared += 1
    assert compared >= 5


def check_latex(row):
    """LaTeX that a renderer accepts: braces balanced, delimiters and environments in pairs, names replaced."""
    for f in (row.value, *row.partials):
        for s in (latex(f), text(f)):
            assert s
            assert INDEX not in s
            assert s.count("{") == s.count("}")
            assert s.count("(") == s.count(")")
            depth = list(itertools.accumulate({"{": 1, "}": -1}.get(c, 0) for c in s))
            assert min(depth) >= 0
            assert s.count(r"\left") == s.count(r"\right")
            assert s.count(r"\begin") == s.count(r"\end")
    names = {s: f"N_{{{k}}}" for k, s in enumerate(row.args)}
    renamed = latex(row.value, **names)
    assert all(name in renamed for s, name in names.items() if text(row.value) != text(row.value, **{s: "N"}))


def check_source(row):
    """The Python of a row: it can be read and run by itself, and has the bits of the function."""
    names = dict(MACHINE)
    exec(compile(value_source(row), row.name, "exec"), names)
    for point, _ in itertools.islice(inside(row), 0, None, 3):
        assert bits(names[f"{row.name}_f"](*point.args)) == bits(value_of(row, point.args)), point
    functions = [f.name for f in ast.parse(recorder_source(row)).body]
    assert functions
    assert all(f.startswith(f"{row.name}_") for f in functions)


def check_documentation(row):
    """The function's documentation is the row, its domain and its convention included."""
    f = function(row.name)
    assert f.__name__ == row.name
    assert f.__doc__.splitlines()[0] == f"y = {text(row.value)}"
    for s, p in zip(row.args, row.partials, strict=True):
        assert f"dy/d{s} = {text(p)}" in f.__doc__
    assert row.domain in f.__doc__
    assert row.convention in f.__doc__
    assert (
        repr(row)
        == f"<row {row.name}: "
        + ", ".join(
            [f"y = {text(row.value)}", *(f"dy/d{s} = {text(p)}" for s, p in zip(row.args, row.partials, strict=True))]
        )
        + ">"
    )


CHECKS = [check for name, check in globals().items() if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@every_row
def test_row(row, check):
    check(row)


# ---- saturation


SATURATED = [s * x for x in (10.0, 19.5, 36.7, 37.5, 40.0, 100.0, 345.0, 700.0) for s in (1, -1)]


@pytest.mark.parametrize("x", SATURATED)
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus"])
def test_saturated_values_and_derivatives_keep_their_digits(name, x):
    point = Point(TABLE[name], [x])
    v = Value(x)
    y = function(name)(v)
    y.backward(seed=SEED)
    for got, true in [(y.data, point.value()), (v.grad, mp.mpf(SEED) * point.derivative((0, None)))]:
        assert abs(mp.mpf(got) - true) <= abs(true) * 1e-13 + 5e-324, (name, x, got, true)


def test_the_printed_form_of_sigmoid_alone_would_have_lost_digits():
    v = Value(36.0)
    y = v.sigmoid()
    y.backward(seed=SEED)
    true = SEED * math.exp(-36.0)  # e/(1 + e)^2, where e^2 is too small to see
    assert v.grad == pytest.approx(true, rel=1e-14, abs=0)
    assert y.data * (1 - y.data) != pytest.approx(math.exp(-36.0), rel=1e-3, abs=0)


@pytest.mark.parametrize("gap", [0.0, 1.0, 30.0, 1000.0, 1e308])
@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0, -1e4])
def test_softmax_and_logsumexp_at_any_height(gap, shift):
    nets = [shift + gap, shift, shift]
    with mp.workdps(60):
        es = [mp.exp(mp.mpf(x) - mp.mpf(max(nets))) for x in nets]
        shares, level = [e / sum(es) for e in es], mp.mpf(max(nets)) + mp.log(sum(es))
    got = [function("softmax")(a, nets) for a in nets]
    assert all(abs(g - s) <= 4e-16 * s + 5e-324 for g, s in zip(got, shares, strict=True))
    assert abs(sum(got) - 1) <= 4e-16
    assert abs(function("logsumexp")(nets) - level) <= 4e-16 * abs(level)


# ---- a row added while the tests run


def test_a_new_row_is_all_it_takes(table):
    a, y = symbol("a"), symbol("y")
    sigmoid = operation("sigmoid")
    swish = Row("swish", a * sigmoid(a), sigmoid(a) * (1 + a * sigmoid(-a)), convention="no kinks at all")
    for check in CHECKS:
        check(swish)

    v = Value(0.5, "v")
    y = function("swish")(v)
    y.backward(seed=SEED)
    with mp.workdps(50):
        slope = mp.diff(lambda z: z / (1 + mp.exp(-z)), mp.mpf(0.5))
    assert ulps(v.grad, SEED * slope) <= 8
    assert gradient(gradient(y, [v])[0], [v])[0].data == pytest.approx(
        float(mp.diff(lambda z: z / (1 + mp.exp(-z)), mp.mpf(0.5), 2)), rel=1e-12
    )
    assert function("swish")(0.5) == y.data
    assert repr(y) == "Value(data=0.31123, grad=0.7, op='swish')"
    assert repr(swish) == "<row swish: y = a*sigmoid(a), dy/da = sigmoid(a)*(1 + a*sigmoid(-a))>"
    assert latex(swish.value) == r"a\,\sigma(a)"
    assert (text(swish.value, a="net_1"), y._op) == ("net_1*sigmoid(net_1)", "swish")
    again = pickle.loads(pickle.dumps(y))
    assert (again.data, again.op, again.args[0].grad) == (y.data, swish, v.grad)
    v.data = -2.0
    assert bits(y.recompute().data) == bits(function("swish")(-2.0))


def test_new_rows_of_two_numbers_and_of_vectors(table):
    a, b, y = map(symbol, "aby")
    w, x = symbol("w", vector=True), symbol("x", vector=True)
    exp, sqrt, log = map(operation, ("exp", "sqrt", "log"))
    rows = [
        Row("gauss", exp(-a * a / (2 * b * b)), -a * y / (b * b), a * a * y / (b * b * b), domain="b != 0"),
        Row("norm", sqrt(total(x * x)), written(x / y, where(y.equals(0), 0, x / y)), args=("x",)),
        Row(
            "mixture", log(total(w * exp(x))), exp(x - y), w * exp(x - y), args=("w", "x"), domain="the sum is positive"
        ),
    ]
    for row in rows:
        for check in CHECKS:
            check(row)
    assert "mixture" in table


def test_a_new_row_that_can_be_infinite_passes_an_adjoint_of_zero_as_zero(table):
    a, y = symbol("a"), symbol("y")
    Row("root", operation("sqrt")(a), 1 / (2 * y), domain="a >= 0")
    Row("entropy", a * operation("log")(1 + a), operation("log1p")(a) + a / (1 + a), domain="a > -1")
    for name, edge in [("root", 0.0), ("entropy", -0.9999999999999999)]:
        v = Value(edge)
        y = function(name)(v)
        assert isinstance(y._da, Steep) == math.isinf(y.partials[0])
        (0.0 * y).backward()
        assert v.grad == 0.0


def test_a_row_with_its_own_notation(table):
    a, b = symbol("a"), symbol("b")
    row = Row(
        "over",
        a / b,
        1 / b,
        -a / (b * b),
        text=infix("{} over {}", PRODUCT),
        latex=Notation(r"{{{} \over {}}}", SUM),
        domain="b != 0",
    )
    for check in CHECKS:
        if check is not check_text:  # "over" is not Python
            check(row)
    over = operation("over")
    assert text(over(a + b, over(a, b))) == "(a + b) over (a over b)"
    assert latex(1 - over(a, b)) == r"1 - ({a \over b})"
    assert function("over")(Value(3.0), Value(2.0))._op == "over"


# ---- rows that are wrong


WRONG = {
    "a slope off by 1e-12": (lambda a, y: (a * a, (2 + 2e-12) * a), "partials_exactly backward"),
    "a sign": (lambda a, y: (operation("cos")(a), operation("sin")(a)), "partials_exactly backward"),
    "a slope that loses digits": (
        lambda a, y: (a * (s := operation("sigmoid")(a)), y + s * (1 - y)),
        "backward",
    ),
    "two forms that differ": (lambda a, y: (written(a * 3, a * 3.0000000000000004), 3), "two_forms"),
    "a value that loses digits": (
        lambda a, y: (written(operation("expm1")(a), operation("exp")(a) - 1), y + 1),
        "value",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_row_does_not_pass(table, fault):
    formulas, caught_by = WRONG[fault]
    row = Row("wrong", *formulas(symbol("a"), symbol("y")))
    red = set()
    for check in CHECKS:
        try:
            check(row)
        except AssertionError:
            red.add(check.__name__.removeprefix("check_"))
    assert red >= {*caught_by.split()}


# ---- rows that are refused


REFUSED = [
    (lambda a, b: Row("mul", a * b, b, a), "there is a row 'mul' already; a new operation needs a new name"),
    (lambda a, b: Row("my row", a, 1), "the name of a row must be a Python name, not 'my row'"),
    (lambda a, b: Row("wide", a + b, 1, args=("a", "b")), "row wide: 2 arguments ('a', 'b') but 1 partials"),
    (lambda a, b: Row("many", a, 1, 1, 1, 1), "row many: 3 arguments ('a', 'b', 'c') but 4 partials"),
    (lambda a, b: Row("loose", a * b, b), "row loose: its formulas use ['b'], which are not among ('a',)"),
    (lambda a, b: Row("slope", a, symbol("z")), "row slope: its formulas use ['z'], which are not among ('a',)"),
    (
        lambda a, b: Row("result", symbol("y") * 2, 2, args=("y",)),
        "row result: no argument can be called 'y': y is the result and n the node",
    ),
    (
        lambda a, b: Row("node", symbol("n") * 2, 2, args=("n",)),
        "row node: no argument can be called 'n': y is the result and n the node",
    ),
]


@pytest.mark.parametrize(("make", "says"), REFUSED, ids=[says.split(":")[0] for _, says in REFUSED])
def test_a_bad_row_is_refused_and_leaves_no_trace(make, says):
    before = dict(TABLE), dict(TEXT), dict(LATEX)
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        make(symbol("a"), symbol("b"))
    assert before == (TABLE, TEXT, LATEX)
