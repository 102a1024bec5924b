"""Formulas: one object for equal ones, folded once, written so that brackets say what is meant."""

import copy
import itertools
import math
import pickle
import re

import pytest
from hypothesis import assume, given, settings, strategies as st
from oracles import bits

from engine.formula import (
    ATOM,
    POWER,
    PRODUCT,
    REDUCTIONS,
    SUM,
    Formula,
    Itself,
    Notation,
    Phrase,
    computed,
    each,
    fold,
    formula,
    function,
    infix,
    largest,
    latex,
    rebuild,
    symbol,
    text,
    total,
    where,
    writer,
    written,
)
from engine.ieee import FLOATS, divide, evaluate, power
from engine.ops import TABLE
from engine.source import Body, opened, python, steep


a, b, c, y = map(symbol, "abcy")
w, x = symbol("w", vector=True), symbol("x", vector=True)
exp, log, absolute, tanh = map(function, ("exp", "log", "absolute", "tanh"))


# ---- what a formula is


def test_equal_formulas_are_one_object():
    assert a * b + 1 is a * b + 1.0
    assert symbol("a") is a
    assert formula(2) is formula(2.0)
    assert formula(a) is a
    assert formula(0.0) is not formula(-0.0)
    assert formula(math.nan) is formula(math.nan)
    assert a + b is not b + a
    assert symbol("w") is not w
    assert symbol("w", vector=True) is w


def test_two_minus_signs_are_none():
    minus = -a
    assert -minus is a
    assert -(-minus) is minus  # noqa: B002
    assert absolute(-a) is absolute(a)
    assert absolute(-minus) is absolute(a)
    assert -(a - b) is not b - a


def test_every_operator_is_an_operation():
    operations = {
        "add": [a + b, a + 2, 2 + a],
        "sub": [a - b, a - 2, 2 - a],
        "mul": [a * b, a * 2, 2 * a],
        "div": [a / b, a / 2, 2 / a],
        "pow": [a**b, a**2],
        "neg": [-a],
        "lt": [a < b, a < 2],
        "le": [a <= b],
        "gt": [a > b],
        "ge": [a >= b],
        "eq": [a.equals(b), a.equals(2)],
    }
    for op, formulas in operations.items():
        assert {f.op for f in formulas} == {op}
    assert (2 - a).args == (formula(2), a)
    assert (a - 2).args == (a, formula(2))
    assert where(a > 0, 1, b).args == (a > 0, formula(1), b)


def test_a_formula_of_a_vector_stands_for_its_elements_until_it_is_summed():
    assert (w * x + 1).vector
    assert exp(x).vector
    assert not total(w * x).vector
    assert not largest(x).vector
    assert (x - largest(x)).vector
    assert not (a + b).vector
    assert {"total", "largest"} == REDUCTIONS


def test_what_is_no_number_is_no_formula():
    with pytest.raises(ValueError, match="could not convert string to float: 'z'"):
        a + "z"
    with pytest.raises(TypeError):
        a + None


@pytest.mark.parametrize(
    "f", [a, w, formula(-0.0), a * b - exp(-a) / 3, total(w * x) + b, written(1 - y * y, (1 - y) * (1 + y))]
)
def test_copies_and_pickles_are_the_same_object(f):
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.deepcopy(f) is f
    assert copy.copy(f) is f


# ---- reading


def test_a_shared_part_is_read_once():
    f = exp(a + b)
    for _ in range(60):
        f = f + f  # 2^60 paths
    count = itertools.count()

    def read(op, *args):
        next(count)
        return 0

    fold(f, {"a": 1, "b": 2}, read)
    assert next(count) == 62


def test_a_memo_is_shared_between_readings():
    seen = []
    memo = {}
    for f in (exp(a) * 2, exp(a) + b):
        fold(f, {"a": 0.5, "b": 1.5}, lambda op, *args: seen.append(op) or FLOATS[op](*args), memo=memo)
    assert seen.count("exp") == 1
    assert memo[exp(a)] == math.exp(0.5)


def test_of_two_forms_the_one_that_is_asked_for():
    f = 2 * written(1 - a * a, (1 - a) * (1 + a))
    read = lambda op, *args: FLOATS[op](*args)
    assert fold(f, {"a": 3.0}, read) == fold(f, {"a": 3.0}, read, shown=True) == -16.0
    trace = []
    fold(f, {"a": 3.0}, lambda op, *args: trace.append(op) or 0.0, shown=True)
    assert trace == ["number", "number", "mul", "sub", "mul"]
    assert computed(f) is 2 * ((1 - a) * (1 + a))
    assert text(f) == "2*(1 - a*a)"
    assert written(a, b).op == "written"


def test_a_symbol_without_a_meaning_is_an_error():
    with pytest.raises(KeyError):
        fold(a + b, {"a": 1.0}, lambda op, *args: 0)


def test_each_lists_every_part_once():
    f = a * b + a * b / exp(a * b)
    assert each(f)[0] is f
    assert len(each(f)) == len(set(each(f))) == 6
    assert {g.args[0] for g in each(f) if g.op == "symbol"} == {"a", "b"}


def test_symbols_stand_for_themselves_or_are_replaced():
    f = a * b + total(w)
    assert fold(f, Itself(f), rebuild) is f
    assert fold(f, Itself(f, {"a": c}), rebuild) is c * b + total(w)


def test_opened_has_operations_of_the_machine_alone():
    for row in TABLE.values():
        for f in (row.value, *row.partials):
            used = {g.op for g in each(opened(f))} - {"symbol", "number"}
            assert used <= {*FLOATS, "total", "largest"}
            assert "written" not in used
    assert opened(TABLE["tanh"].value).op == "tanh"


def test_a_partial_is_steep_if_it_divides_or_takes_a_logarithm_or_a_power():
    for f in (1 / a, log(a), function("log1p")(a), a**b, total(1 / x), written(a, 1 / a)):
        assert steep(f)
    for f in (a * b, exp(a), tanh(a), written(1 / a, a), where(a > 0, 1, b)):
        assert not steep(f)


# ---- text


TEXTS = [
    (a + b - c, "a + b - c", "a + b - c"),
    (a - (b - c), "a - (b - c)", "a - (b - c)"),
    (a - (b + c), "a - (b + c)", "a - (b + c)"),
    (a * b * c, "a*b*c", r"a\,b\,c"),
    (a * (b * c), "a*(b*c)", r"a\,(b\,c)"),
    (a / b / c, "a/b/c", r"\frac{\frac{a}{b}}{c}"),
    (a / (b * c), "a/(b*c)", r"\frac{a}{b\,c}"),
    (a * b / c, "a*b/c", r"\frac{a\,b}{c}"),
    (a / (b - 1), "a/(b - 1)", r"\frac{a}{b - 1}"),
    ((a + b) * (1 - c), "(a + b)*(1 - c)", r"(a + b)\,(1 - c)"),
    (-a / b, "-a/b", r"\frac{-a}{b}"),
    (-(a / b), "-a/b", r"-\frac{a}{b}"),
    (-(a + b), "-(a + b)", "-(a + b)"),
    (a * -b, "a*(-b)", r"a\,(-b)"),
    (-2 * (a - b), "-2*(a - b)", r"-2\,(a - b)"),
    (a * -2, "a*(-2)", r"a\,(-2)"),
    ((a + b) ** 2, "(a + b)**2", "(a + b)^{2}"),
    (-(a**2), "-a**2", "-a^{2}"),
    ((-a) ** 2, "(-a)**2", "(-a)^{2}"),
    (a**b**c, "a**b**c", "a^{b^{c}}"),
    ((a**b) ** c, "(a**b)**c", "(a^{b})^{c}"),
    (a ** (b - 1), "a**(b - 1)", "a^{b - 1}"),
    (a**-b, "a**(-b)", "a^{-b}"),
    (exp(a) ** 2, "exp(a)**2", "(e^{a})^{2}"),
    (exp(a + b), "exp(a + b)", "e^{a + b}"),
    (log(a * b), "log(a*b)", r"\ln (a\,b)"),
    (log(a) * b, "log(a)*b", r"\ln a\,b"),
    (log(a**2), "log(a**2)", r"\ln a^{2}"),
    (tanh(-a), "tanh(-a)", r"\tanh (-a)"),
    (absolute(a - b), "|a - b|", r"\left|a - b\right|"),
    (a * function("sigmoid")(-a), "a*sigmoid(-a)", r"a\,\sigma(-a)"),
    (function("net")(w, x, b), "net(w_i, x_i, b)", r"\operatorname{net}(w_{i}, x_{i}, b)"),
    (where(a > 0, a, b * a), "a if a > 0 else b*a", r"\begin{cases}a & a > 0\\b\,a\end{cases}"),
    (where(a > 0, 1, where(a < 0, -1, 0)), "1 if a > 0 else -1 if a < 0 else 0", None),
    (where(a > 0, b > 1, b), "b > 1 if a > 0 else b", None),
    (2 * where(a > 0, 1, b), "2*(1 if a > 0 else b)", None),
    (where(where(a > 0, 0, 1) > 0, 1, b), "1 if (0 if a > 0 else 1) > 0 else b", None),
    (a.equals(b), "a == b", "a = b"),
    (a <= b, "a <= b", r"a \le b"),
    (formula(0.5) * a, "0.5*a", r"0.5\,a"),
    (formula(1e-9) + formula(3), "1e-09 + 3", "1e-09 + 3"),
    (total(w * x) + b, "sum_k(w_k*x_k) + b", r"\sum_k w_{k}\,x_{k} + b"),
    (total(w + x), "sum_k(w_k + x_k)", r"\sum_k (w_{k} + x_{k})"),
    (x / total(x), "x_i/sum_k(x_k)", r"\frac{x_{i}}{\sum_k x_{k}}"),
    (exp(x - largest(x)), "exp(x_i - max_k(x_k))", r"e^{x_{i} - \max_k(x_{k})}"),
    (function("softplus")(a), "softplus(a)", r"\operatorname{softplus}(a)"),
    (function("sqrt")(a * a + b * b), "sqrt(a*a + b*b)", r"\sqrt{a\,a + b\,b}"),
]


@pytest.mark.parametrize(("f", "plain", "tex"), TEXTS, ids=[str(k) for k in range(len(TEXTS))])
def test_text_and_latex(f, plain, tex):
    assert text(f) == str(f) == repr(f) == plain
    if tex is not None:
        assert latex(f) == tex


def test_names_replace_symbols():
    f = total(w * x) - a / b
    assert text(f, a="y_1", w="w_1k", b="net_j") == "sum_k(w_1k*x_k) - y_1/net_j"
    assert latex(f, a="y_1", b=r"\mathrm{net}_j") == r"\sum_k w_{k}\,x_{k} - \frac{y_1}{\mathrm{net}_j}"
    assert text(a * b, a="t{0}", b="}{") == "t{0}*}{"  # names are written as they are


def test_an_operation_without_a_notation_is_written_as_a_call():
    f = function("mystery")(a, b + 1)
    assert text(2 * f) == "2*mystery(a, b + 1)"
    assert latex(f) == r"\operatorname{mystery}(a, b + 1)"
    assert latex(Formula("my_op", a)) == r"\operatorname{my\_op}(a)"


def test_a_writer_of_one_s_own():
    write = writer(
        {"add": infix("{} plus {}", SUM), "mul": Notation("{} times {}", PRODUCT, (PRODUCT, PRODUCT + 1))}, "<{}>"
    )
    read = lambda f: fold(f, {s: Phrase(s) for s in "abc"}, write)
    assert read((a + b) * c + exp(a)) == "(a plus b) times c plus <exp>(a)"
    assert read(a * b).binds == PRODUCT
    assert read(exp(a)).binds == ATOM
    assert POWER > PRODUCT > SUM


NUMBERS = st.sampled_from([1.0, 2.0, 3.0, 0.5, -1.0, -2.5, 0.1])
FORMULAS = st.recursive(
    st.one_of(st.sampled_from([a, b, c]), NUMBERS.map(formula)),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["add", "sub", "mul", "div"]), inner, inner).map(lambda f: Formula(*f)),
        st.tuples(inner, st.sampled_from([2.0, 3.0, -1.0])).map(lambda f: f[0] ** f[1]),
        inner.map(lambda f: -f),
        inner.map(exp),
        inner.map(absolute),
        st.tuples(inner, inner, inner, inner).map(lambda f: where(f[0] < f[1], f[2], f[3])),
    ),
    max_leaves=12,
)
SYMBOLS = {"a": 0.75, "b": -1.5, "c": 2.25}


@settings(max_examples=300)
@given(FORMULAS)
def test_the_text_of_a_formula_means_what_the_formula_means(f):
    """Python's own brackets are the oracle: the text, evaluated, has every bit."""
    names = SYMBOLS | {"exp": math.exp, "absolute": abs}
    source = re.sub(r"\|([^|]*)\|", r"absolute(\1)", str(f))
    source = re.sub(r"(?<![\w.])(\d+\.?\d*(?:e[-+]?\d+)?)", r"float(\1)", source)  # ints have no -0
    assume(str(f).count("|") <= 2)  # bars inside bars cannot be told apart
    try:
        want = _plainly(f)
    except (ArithmeticError, ValueError):
        return
    assert bits(float(eval(source, {}, names))) == bits(want), source


@settings(max_examples=300)
@given(FORMULAS)
def test_the_python_of_a_formula_has_the_bits_of_its_careful_reading(f):
    f = opened(f)
    body = Body([f], dict.fromkeys("abc") | {s: s for s in "abc"}, {})
    body.local("y", f)
    names = dict(SYMBOLS, exp=math.exp, power=math.pow)
    try:
        exec("\n".join(body.lines), {}, names)
    except (ArithmeticError, ValueError):
        return
    assert bits(float(names["y"])) == bits(float(evaluate(f, SYMBOLS))), body.lines


def _plainly(f):
    """The number of a formula by Python's own arithmetic, written out."""
    if f.op == "symbol":
        return SYMBOLS[f.args[0]]
    if f.op == "number":
        return f.args[0]
    if f.op == "where":
        condition, p, q = f.args
        return _plainly(p if _plainly(condition) else q)
    p, *q = map(_plainly, f.args)
    return {
        "add": lambda: p + q[0],
        "sub": lambda: p - q[0],
        "mul": lambda: p * q[0],
        "div": lambda: p / q[0],
        "pow": lambda: p ** q[0],
        "neg": lambda: -p,
        "lt": lambda: p < q[0],
        "exp": lambda: math.exp(p),
        "absolute": lambda: abs(p),
    }[f.op]()


def test_python_source_keeps_the_order_of_operations():
    write = lambda f: fold(f, {s: Phrase(s) for s in "abc"}, python)
    assert write(a - (b - c)) == "a - (b - c)"
    assert write(where(a > 0, b, c) * b) == "(b if a > 0 else c) * b"
    assert write(-(a * b)) == "-a * b"
    assert write(absolute(a + b)) == "abs(a + b)"


# ---- the numbers of the machine


def test_ieee_division_and_powers_never_raise():
    inf, nan = math.inf, math.nan
    for p, q, want in [
        (1.0, 0.0, inf),
        (1.0, -0.0, -inf),
        (-1.0, 0.0, -inf),
        (0.0, 0.0, nan),
        (nan, 0.0, nan),
        (inf, 0.0, inf),
        (6.0, -4.0, -1.5),
    ]:
        assert bits(divide(p, q)) == bits(want)
    for p, q, want in [
        (0.0, -1.0, inf),
        (-0.0, -1.0, -inf),
        (-0.0, -2.0, inf),
        (0.0, -0.5, inf),
        (-8.0, 1 / 3, nan),
        (1e200, 2.5, inf),
        (-1e200, 3.0, -inf),
        (-1e200, 4.0, inf),
        (2.0, 0.5, math.sqrt(2)),
        (-2.0, 3.0, -8.0),
    ]:
        assert bits(power(p, q)) == bits(want)
    for name, p, want in [
        ("log", 0.0, -inf),
        ("log", -1.0, nan),
        ("log1p", -1.0, -inf),
        ("log1p", -2.0, nan),
        ("exp", 1000.0, inf),
        ("expm1", 1000.0, inf),
        ("sqrt", -1.0, nan),
        ("sin", inf, nan),
        ("cos", -inf, nan),
    ]:
        assert bits(FLOATS[name](p)) == bits(want)
    assert bits(FLOATS["total"]([-0.0])) == bits(-0.0)
    assert FLOATS["total"]([1e16, 1.0, -1e16]) == 0.0
    assert math.isnan(FLOATS["largest"]([1.0, nan, 2.0]))
    assert FLOATS["largest"]([-3.0, -1.0, -2.0]) == -1.0
    assert math.isnan(FLOATS["largest"]([nan, 1.0]))
