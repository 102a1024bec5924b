"""The conventions of kinks and edges in the readers that test_conventions and test_reevaluate leave: programs, explain, copies."""

import math
import pickle

import pytest
from oracles import bits
from test_reevaluate import CONVENTIONS

from engine import Value, explain, gradient
from engine.functions import function
from engine.ops import TABLE
from engine.program import compile  # noqa: A004
from engine.why.remarks import by_convention, edges


def recorded(name, args):
    """A node over leaves, its leaves, and what recording raises in its place."""
    vs = [[Value(x) for x in p] if isinstance(p, list) else Value(p) for p in args]
    leaves = [v for p in vs for v in (p if isinstance(p, list) else [p])]
    try:
        return function(name)(*vs), leaves, None
    except ArithmeticError as refusal:
        return None, leaves, type(refusal)


def flat(args):
    return [x for p in args for x in (p if isinstance(p, list) else [p])]


def inside(args):
    """Other arguments of the same form, at which everything is smooth."""
    numbers = iter([0.5, 0.25, 0.75, 0.4, 0.6])
    return [[next(numbers) for _ in p] if isinstance(p, list) else next(numbers) for p in args]


EDGES = [  # the value is a number, but a derivative recorded elsewhere holds 1/y or log(a): there it is recorded anew
    ("hypot", [0.0, 0.0]),
    ("sqrt", [0.0]),
    *(("pow", args) for args in ([0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [-2.0, 3.0], [0.0, 0.5], [0.0, 1.5])),
]


def by_error(derivatives):
    """The kind of error with which they refuse to be evaluated at the present numbers."""
    try:
        for g in derivatives:
            g.recompute()
    except ArithmeticError as refusal:
        return type(refusal)
    return None


@pytest.mark.parametrize("backend", ["python", "native"])
@pytest.mark.parametrize(("name", "args", "value", "partials"), CONVENTIONS, ids=lambda p: str(p))
def test_a_program_compiled_elsewhere_has_the_bits_of_the_graph_there(name, args, value, partials, backend):
    """Value and gradient, compiled where all is smooth, run where a convention decides; or the same error."""
    if backend == "native":
        pytest.importorskip("llvmlite")
    y, leaves, _ = recorded(name, inside(args))
    live = [g for g in gradient(y, leaves) if g.op is not None or g in leaves]
    program = compile([y, *live], leaves, backend=backend)
    there, _, refusal = recorded(name, args)
    for v, x in zip(leaves, flat(args), strict=True):
        v.data = x
    assert (refusal is None and (name, args) in EDGES) == (by_error(live) is not None and refusal is None)
    if refusal := refusal or by_error(live):
        with pytest.raises(refusal):
            program(*flat(args))
        return
    wanted = [g.recompute().data for g in [y, *live]]
    assert bits(wanted[0]) == bits(there.data)
    assert [*map(bits, program(*flat(args)))] == [*map(bits, wanted)]


KINKS = [  # row, arguments, the argument, what the convention gives it
    ("relu", [0.0], 0, 0.0),
    ("leaky_relu", [0.0, 0.25], 0, 0.25),
    ("absolute", [0.0], 0, 0.0),
    ("maximum", [2.0, 2.0], 0, 0.5),
    ("maximum", [2.0, 2.0], 1, 0.5),
    ("minimum", [2.0, 2.0], 1, 0.5),
    ("largest", [[1.0, 4.0, 4.0]], 2, 0.5),
    ("hypot", [0.0, 0.0], 0, 0.0),
    ("sqrt", [0.0], 0, math.inf),
    ("pow", [0.0, 0.5], 0, math.inf),
    ("pow", [0.0, 0.0], 1, -math.inf),
    ("pow", [-2.0, 3.0], 1, math.nan),
    ("where", [1.0, 5.0, 7.0], 1, 1.0),
    ("where", [1.0, 5.0, 7.0], 2, 0.0),
    ("hinge", [[0.5], [2.0]], 0, 0.0),
]


@pytest.mark.parametrize(("name", "args", "k", "slope"), KINKS, ids=lambda p: str(p))
def test_explain_tells_the_convention_where_it_decides(name, args, k, slope):
    y, leaves, _ = recorded(name, args)
    leaves[k].label = "p"
    told = explain(leaves[k], y)
    text = " ".join(str(told).split())
    assert told.total == slope or (slope != slope and told.total != told.total)
    assert "is set by convention:" in text
    assert " ".join(TABLE[name].convention.split()) in text.replace("convention ", "")
    assert by_convention(next(e for e in edges(y) if e.arg is leaves[k]))


@pytest.mark.parametrize(("name", "args", "k", "slope"), KINKS, ids=lambda p: str(p))
def test_a_copy_keeps_what_the_convention_gave(name, args, k, slope):
    y, leaves, _ = recorded(name, args)
    other, others = pickle.loads(pickle.dumps((y, leaves)))
    for root, vs in ((y, leaves), (other, others)):
        root.backward(seed=2.0)
        assert vs[k].grad == 2 * slope or (slope != slope and vs[k].grad != vs[k].grad)
