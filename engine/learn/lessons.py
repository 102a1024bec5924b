"""Lessons 0 to 5, on my_engine.py: what a Value remembers, local derivatives, the chain rule; 6 is in numeric.

The numbers are chosen so that slips give other numbers: what arrives from above is 0.7, arguments are 2
and -3, a node is used twice, in both orders.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from engine.learn.checks import Check, Fact, Lesson, check


LESSONS = (
    Lesson(0, "red is normal", ()),
    Lesson(1, "a Value remembers how it was made", ("S63-a", "S63-b", "LEC-4")),
    Lesson(2, "local derivatives", ("LEC-5",)),
    Lesson(3, "the chain rule on a graph", ("LEC-12", "S63-r")),
    Lesson(4, "the rest of algebra", ("LEC-13",)),
    Lesson(5, "sigmoid and tanh", ("S63-e", "S63-j", "LEC-7", "LEC-8", "SX-4")),
    Lesson(6, "trust but verify", ()),
)
CHECKS: list[Check] = []
lesson = {n.number: partial(check, n.number, book=CHECKS) for n in LESSONS}
Facts = Iterator[Fact]


@lesson[0]("red is normal", "", "ready")
def here_is_the_file(m: Any) -> Facts:
    yield Fact("ready", m.ready, "1")


# ---- 1: a Value remembers


@lesson[1]("the number of a + b", "S63-b", "row add, y")
def sum_is_a_number(m: Any) -> Facts:
    """a = 2    b = -3"""
    yield Fact("y of the row add", m.read(m.TABLE["add"], [[m.Value(2.0)], [m.Value(-3.0)]])[0], "2 + (-3)")
    yield Fact("y at a = 0.5, b = 1.25", m.read(m.TABLE["add"], [[m.Value(0.5)], [m.Value(1.25)]])[0], "0.5 + 1.25")


@lesson[1]("the number of a * b", "LEC-4", "row mul, y")
def product_is_a_number(m: Any) -> Facts:
    """a = 2    b = -3"""
    yield Fact("y of the row mul", m.read(m.TABLE["mul"], [[m.Value(2.0)], [m.Value(-3.0)]])[0], "2 * (-3)")
    yield Fact("y at a = 0.5, b = 1.25", m.read(m.TABLE["mul"], [[m.Value(0.5)], [m.Value(1.25)]])[0], "0.5 * 1.25")


@lesson[1]("y = a * b remembers its row", "S63-b", "record; row mul, y; row add, y")
def remembers_its_row(m: Any) -> Facts:
    """a = 2    b = -3    y = a * b    z = y + a"""
    a, b = m.Value(2.0), m.Value(-3.0)
    y = a * b
    z = y + a
    yield Fact("y.op", y.op, "the row mul")
    yield Fact("z.op", z.op, "the row add")


@lesson[1]("y = a * b remembers a, then b", "S63-b", "record; row mul, y")
def remembers_the_order(m: Any) -> Facts:
    """a = 2    b = -3    y = a * b"""
    a, b = m.Value(2.0, "a"), m.Value(-3.0, "b")
    yield Fact("y.args", told((a * b).args), "(a, b)")


@lesson[1]("a * a uses a twice, so it has two edges", "S63-b, LEC-12".replace(", ", ";"), "record; row mul, y")
def remembers_both_edges(m: Any) -> Facts:
    """a = 5    y = a * a"""
    a = m.Value(5.0, "a")
    yield Fact("y.args", told((a * a).args), "(a, a)")


@lesson[1]("a number in an expression stays in the record", "S63-b", "record; row mul, y")
def remembers_numbers(m: Any) -> Facts:
    """b = -3    y = -4 * b"""
    yield Fact("y.args", told((-4 * m.Value(-3.0, "b")).args), "(-4, b)")


def told(args: Any) -> str:
    """Arguments by their labels, numbers as numbers, what is nested as nested."""
    if isinstance(args, tuple | list | set | frozenset):
        inside = ", ".join(sorted(map(told, args)) if isinstance(args, set | frozenset) else map(told, args))
        return {tuple: f"({inside})", list: f"[{inside}]"}.get(type(args), f"{{{inside}}}")
    return f"{args:g}" if isinstance(args, int | float) else str(getattr(args, "label", args))[:20]


# ---- 2: local derivatives


@lesson[2]("d(a + b)/da", "LEC-5", "row add, dy/da; record")
def slope_of_a_sum_by_a(m: Any) -> Facts:
    """a = 2    b = -3    y = a + b"""
    yield Fact("dy/da", (m.Value(2.0) + m.Value(-3.0)).partials[0], "1")
    yield Fact("dy/da at a = 0.5, b = 1.25", (m.Value(0.5) + m.Value(1.25)).partials[0], "1")


@lesson[2]("d(a + b)/db", "LEC-5", "row add, dy/db; record")
def slope_of_a_sum_by_b(m: Any) -> Facts:
    """a = 2    b = -3    y = a + b"""
    yield Fact("dy/db", (m.Value(2.0) + m.Value(-3.0)).partials[1], "1")
    yield Fact("dy/db at a = 0.5, b = 1.25", (m.Value(0.5) + m.Value(1.25)).partials[1], "1")


@lesson[2]("d(a b)/da", "LEC-5", "row mul, dy/da; record")
def slope_of_a_product_by_a(m: Any) -> Facts:
    """a = 2    b = -3    y = a * b"""
    yield Fact("dy/da", (m.Value(2.0) * m.Value(-3.0)).partials[0], "b = -3")


@lesson[2]("d(a b)/db", "LEC-5", "row mul, dy/db; record")
def slope_of_a_product_by_b(m: Any) -> Facts:
    """a = 2    b = -3    y = a * b"""
    yield Fact("dy/db", (m.Value(2.0) * m.Value(-3.0)).partials[1], "a = 2")


@lesson[2]("the same rule where a and b are equal", "LEC-5", "row mul, dy/da; row mul, dy/db; record")
def slopes_elsewhere(m: Any) -> Facts:
    """a = 4    y = a * a"""
    a = m.Value(4.0)
    yield Fact("dy/da, left", (a * a).partials[0], "the other factor = 4")
    yield Fact("dy/da, right", (a * a).partials[1], "the other factor = 4")


# ---- 3: the chain rule


PASS = "Value.backward; Value.backward, start; topological"


@lesson[3]("every node once, arguments first", "LEC-12", "topological")
def each_node_once(m: Any) -> Facts:
    """a = 2, b = -3, c = a * b, d = c + a      n0 = 1, n1 = n0 + n0, ... n10"""
    a, b = m.Value(2.0, "a"), m.Value(-3.0, "b")
    c = a * b
    c.label = "c"
    yield Fact("nodes in topological(c)", len(m.topological(c)), "3")
    yield Fact("nodes in topological(d)", len(m.topological(c + a)), "4")
    yield Fact("the last of topological(c)", str(m.topological(c)[-1].label), "c")
    chain = [m.Value(1.0, "n0")]
    for k in range(10):
        chain.append(chain[-1] + chain[-1])
        chain[-1].label = f"n{k + 1}"
    found = [str(getattr(n, "label", n)) for n in m.topological(chain[-1])]
    yield Fact("nodes in topological(n10)", len(found), "11")
    if len(found) == len(chain):
        yield Fact("their order", " ".join(found[:12]), " ".join(f"n{k}" for k in range(11)))


@lesson[3]("dE/da through out = a * b", "LEC-5", PASS)
def upstream(m: Any) -> Facts:
    """a = 2    b = -3    out = -6    dE/dout = 0.7 (arrives from above)"""
    a, b = m.Value(2.0), m.Value(-3.0)
    out = a * b
    out.backward(0.7)
    yield Fact("out.grad", out.grad, "the seed = 0.7")
    yield Fact("a.grad", a.grad, "dE/dout × dout/da = 0.7 × (-3)")
    yield Fact("b.grad", b.grad, "dE/dout × dout/db = 0.7 × 2")
    yield Fact("a.data afterwards", a.data, "2: a pass changes no number")


DIAMOND = """a = 2, b = -3     {0}     L = e*d = -6
b ──(×a)──> d ──(×e)──> L       dL/dd × dd/db =  1 × 2 =  2
b ──(+4)──> e ──(×d)──> L       dL/de × de/db = -6 × 1 = -6"""


def b_is_used_twice(m: Any) -> Facts:
    a, b = m.Value(2.0), m.Value(-3.0)
    d = a * b
    e = b + 4
    (e * d).backward()
    yield Fact("b.grad", b.grad, "2 + (-6)")


def b_is_used_twice_the_other_way(m: Any) -> Facts:
    a, b = m.Value(2.0), m.Value(-3.0)
    e = b + 4
    d = a * b
    (e * d).backward()
    yield Fact("b.grad", b.grad, "2 + (-6)")


b_is_used_twice.__doc__ = DIAMOND.format("d = a*b = -6     e = b+4 = 1")
b_is_used_twice_the_other_way.__doc__ = DIAMOND.format("e = b+4 = 1     d = a*b = -6")
lesson[3]("b is used twice", "S63-r; LEC-12", PASS)(b_is_used_twice)
lesson[3]("b is used twice, the other path first", "S63-r; LEC-12", PASS)(b_is_used_twice_the_other_way)


@lesson[3]("b is used at two depths", "LEC-12; S63-v", "topological; Value.backward; Value.backward, start")
def used_at_two_depths(m: Any) -> Facts:
    """a = 3    b = a + 1 = 4    c = b * 2 = 8    d = b * c = 32"""
    a = m.Value(3.0)
    b = a + 1
    c = b * 2
    (b * c).backward()
    yield Fact("a.grad", a.grad, "c + b × 2 = 8 + 4 × 2")


@lesson[3]("a second pass gives the same numbers", "LEC-12", "Value.backward, start; Value.backward; topological")
def twice_the_same(m: Any) -> Facts:
    """a = 2    d = 3 * a    E = 5 * d    E.backward() and once more"""
    a = m.Value(2.0)
    d = 3 * a
    E = 5 * d
    E.backward()
    E.backward()
    yield Fact("a.grad", a.grad, "5 × 3")


@lesson[3]("a chain of 5,000 nodes", "LEC-12", "topological; Value.backward; Value.backward, start", slow=True)
def a_long_chain(m: Any) -> Facts:
    """y = x + 1 + 1 + ... + 1"""
    x = y = m.Value(3.0)
    for _ in range(5000):
        y = y + 1
    y.backward()
    yield Fact("x.grad", x.grad, "1")


# ---- 4: the rest of algebra


@lesson[4]("a - b, from both sides", "LEC-13", "row sub, dy/da; row sub, dy/db")
def difference(m: Any) -> Facts:
    """a = 2    b = -3    y = a - b    dE/dy = 0.7"""
    a, b = m.Value(2.0), m.Value(-3.0)
    (a - b).backward(0.7)
    yield Fact("a.grad", a.grad, "dE/dy × dy/da = 0.7 × 1")
    yield Fact("b.grad", b.grad, "dE/dy × dy/db = 0.7 × (-1)")
    a, b = m.Value(0.5), m.Value(1.25)
    (a - b).backward()
    yield Fact("dy/da at a = 0.5, b = 1.25", a.grad, "1")
    yield Fact("dy/db at a = 0.5, b = 1.25", b.grad, "-1")


@lesson[4]("-a", "LEC-13", "row neg, dy/da")
def negative(m: Any) -> Facts:
    """a = 2    y = -a    dE/dy = 0.7"""
    a = m.Value(2.0)
    (-a).backward(0.7)
    yield Fact("a.grad", a.grad, "dE/dy × dy/da = 0.7 × (-1)")
    a = m.Value(0.5)
    (-a).backward()
    yield Fact("dy/da at a = 0.5", a.grad, "-1")


@lesson[4]("a / b by a", "LEC-13; LEC-14", "row div, dy/da")
def quotient_by_a(m: Any) -> Facts:
    """a = 2    b = -4    y = a / b = -0.5    dE/dy = 0.7"""
    a, b = m.Value(2.0), m.Value(-4.0)
    (a / b).backward(0.7)
    yield Fact("a.grad", a.grad, "dE/dy × 1/b = 0.7 × (-0.25)")
    a, b = m.Value(0.5), m.Value(1.25)
    (a / b).backward()
    yield Fact("dy/da at a = 0.5, b = 1.25", a.grad, "1/b = 0.8")


@lesson[4]("3 / b by b", "LEC-15", "row div, dy/db")
def quotient_by_b(m: Any) -> Facts:
    """b = -4    y = 3 / b = -0.75    dE/dy = 0.7"""
    b = m.Value(-4.0)
    (3 / b).backward(0.7)
    yield Fact("b.grad", b.grad, "dE/dy × -3/b**2 = 0.7 × (-3) / 16")
    a, b = m.Value(0.5), m.Value(1.25)
    (a / b).backward()
    yield Fact("dy/db at a = 0.5, b = 1.25", b.grad, "-a/b**2 = -0.32")


@lesson[4]("a**3, a**-1, a**0", "S63-h; LEC-15", "row pow, dy/da")
def power(m: Any) -> Facts:
    """a = 1.5    y = a**3        dE/dy = 0.7
    a = -2     y = a**-1 = -0.5
    """
    a = m.Value(1.5)
    (a**3).backward(0.7)
    yield Fact("a.grad of a**3", a.grad, "dE/dy × 3 a**2 = 0.7 × 3 × 2.25")
    for x, b, slope in ((2.25, 1.5, "1.5 a**0.5 = 2.25"), (0.0, 2.0, "2 a = 0"), (0.0, 1.0, "1 a**0 = 1")):
        a = m.Value(x)
        (a**b).backward()
        yield Fact(f"d(a**{b:g})/da at a = {x:g}", a.grad, slope)
    a = m.Value(-2.0)
    (a**-1).backward(0.7)
    yield Fact("a.grad of a**-1", a.grad, "dE/dy × (-1) a**-2 = 0.7 × (-1) × 0.25")
    for x in (3.0, 0.0):
        a = m.Value(x)
        (a**0).backward()
        yield Fact(f"d(a**0)/da at a = {x:g}", a.grad, "0, as a**0 = 1 for every a")


@lesson[4]("all of it at once", "LEC-12; S63-h", "row pow, dy/da")
def all_at_once(m: Any) -> Facts:
    """x = -4   z = 2*x + 2 + x = -10   q = z*x = 40   h = z**2   y = h + q + q*x
    dz/dx = 3    dq/dx = 3 × x + z = -22    dh/dx = 2z × 3 = -60
    """
    x = m.Value(-4.0)
    z = 2 * x + 2 + x
    q = z * x
    h = z**2
    (h + q + q * x).backward()
    yield Fact("x.grad", x.grad, "dh/dx + dq/dx + dq/dx × x + q = -60 - 22 + 88 + 40")


@lesson[4]("exp(a)", "LEC-7", "row exp, dy/da")
def exponential(m: Any) -> Facts:
    """a = -3    y = exp(a) = 0.049787    dE/dy = 0.7"""
    a = m.Value(-3.0)
    a.exp().backward(0.7)
    yield Fact("a.grad", a.grad, f"dE/dy × y = 0.7 × {math.exp(-3)!r:.10}")
    a = m.Value(0.5)
    a.exp().backward()
    yield Fact("dy/da at a = 0.5", a.grad, "exp(0.5) = 1.64872127")


@lesson[4]("log(a)", "LEC-13; LEC-14", "row log, dy/da")
def logarithm(m: Any) -> Facts:
    """a = 4    y = log(a) = 1.386294    dE/dy = 0.7"""
    a = m.Value(4.0)
    a.log().backward(0.7)
    yield Fact("a.grad", a.grad, "dE/dy × 1/a = 0.7 × 0.25")
    a = m.Value(0.5)
    a.log().backward()
    yield Fact("dy/da at a = 0.5", a.grad, "1/a = 2")


# ---- 5: sigmoid and tanh


@lesson[5]("the sigmoid, near and far", "S63-e; LEC-9", "row sigmoid, y")
def sigmoid_is_a_number(m: Any) -> Facts:
    """y = 1/(1 + exp(-a))"""
    yield Fact("sigmoid(0)", m.Value(0.0).sigmoid().data, "1 / 2")
    yield Fact("sigmoid(ln 3)", m.Value(math.log(3)).sigmoid().data, "3 / 4")
    yield Fact("sigmoid(-ln 4)", m.Value(-math.log(4)).sigmoid().data, "1 / 5")
    yield Fact("sigmoid(-40)", m.Value(-40.0).sigmoid().data, f"exp(-40) = {math.exp(-40):.6g}")
    yield Fact("sigmoid(800)", m.Value(800.0).sigmoid().data, "1")
    yield Fact("sigmoid(-800)", m.Value(-800.0).sigmoid().data, "0")


@lesson[5]("the slope of the sigmoid", "S63-j; LEC-7; LEC-8", "row sigmoid, dy/da; row sigmoid, y")
def sigmoid_slope(m: Any) -> Facts:
    """a = ln 3    y = 3/4    dE/dy = 0.7"""
    a = m.Value(math.log(3))
    a.sigmoid().backward(0.7)
    yield Fact("a.grad", a.grad, "dE/dy × y(1 - y) = 0.7 × 0.75 × 0.25")
    for z, slope in ((0.0, "1 / 4"), (2.0, "0.104994"), (-2.0, "0.104994")):
        a = m.Value(z)
        a.sigmoid().backward()
        yield Fact(f"sigmoid'({z:g})", a.grad, slope)


@lesson[5]("the slope of tanh", "SX-4; SX-6", "row tanh, dy/da")
def tanh_slope(m: Any) -> Facts:
    """a = ln 2    y = 0.6    dE/dy = 0.7"""
    a = m.Value(math.log(2))
    a.tanh().backward(0.7)
    yield Fact("a.grad", a.grad, "dE/dy × (1 - y**2) = 0.7 × 0.64")
    for z, slope in ((0.0, "1"), (-2.0, f"1 - {math.tanh(2):.9f}**2")):
        a = m.Value(z)
        a.tanh().backward()
        yield Fact(f"tanh'({z:g})", a.grad, slope)
