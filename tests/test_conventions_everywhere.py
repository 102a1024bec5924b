"""The conventions of kinks and edges in the readers that test_conventions and test_reevaluate leave: programs, explain, copies."""

import copy
import math
import pickle

import pytest
from oracles import bits
from test_program_random import AWKWARD, a_graph
from test_reevaluate import CONVENTIONS, INF

from engine import Value, explain, gradient, hypot
from engine.errors import DomainError, PoleError, RangeError
from engine.functions import function
from engine.graph import topological
from engine.ops import TABLE
from engine.program import compile  # noqa: A004
from engine.trust.reevaluate import reevaluate
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


def derivatives(y, leaves, orders):
    """Y and all its derivatives up to that order, order by order."""
    found = last = [y]
    for _ in range(orders):
        last = [g for d in last if (below := reaching(leaves, d)) for g in gradient(d, below)]
        found = [*found, *last]
    return found


def reaching(leaves, y):
    nodes = set(topological(y))
    return [v for v in leaves if v in nodes]


def moved(leaves, numbers):
    for v, x in zip(leaves, numbers, strict=True):
        v.data = x


def recomputed(nodes, leaves, numbers):
    moved(leaves, numbers)
    return [n.recompute().data for n in nodes]


def copied(copier):
    def reader(nodes, leaves, numbers):
        return recomputed(*copier((nodes, leaves)), numbers)

    return reader


def reread(nodes, leaves, numbers):
    moved(leaves, numbers)
    return [reevaluate(n, float).value for n in nodes]


def compiled(backend, copier=lambda pair: pair):
    def reader(nodes, leaves, numbers):
        nodes, leaves = copier((nodes, leaves))
        live = [n for n in nodes if reaching(leaves, n)]  # a program has no constant outputs
        program = compile(live, leaves, backend=backend)
        assert (program.backend, program.remark) == (backend, "")
        found = dict(zip(live, program(*numbers), strict=True))
        return [found.get(n, n.data) for n in nodes]

    return reader


def pickled(pair):
    return pickle.loads(pickle.dumps(pair))


READERS = {
    "recompute": recomputed,
    "deepcopy": copied(copy.deepcopy),
    "pickle": copied(pickled),
    "python": compiled("python"),
    "native": compiled("native"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("upstream", [-2.5, 0.0])
@pytest.mark.parametrize(("name", "args", "value", "partials"), CONVENTIONS, ids=lambda p: str(p))
def test_derivatives_made_elsewhere_are_what_they_are_when_made_there(name, args, value, partials, upstream, reader):
    """To the third order, made where all is smooth, read where a convention decides; or the same error as the value."""
    if "native" in reader:
        pytest.importorskip("llvmlite")
    orders, numbers = 3, [*flat(args), upstream]
    y, leaves, _ = recorded(name, inside(args))
    leaves.append(Value(1.5))
    elsewhere = derivatives(y * leaves[-1], leaves, orders)
    y, at, refusal = recorded(name, args)
    if refusal:
        with pytest.raises(refusal):
            READERS[reader](elsewhere, leaves, numbers)
        return
    at.append(Value(upstream))
    there = derivatives(y * at[-1], at, orders)
    there[0].backward()
    first = dict(zip(reaching(at, there[0]), there[1:], strict=False))
    assert all(bits(g.data + 0.0) == bits(v.grad + 0.0) for v, g in first.items())
    assert [*map(bits, READERS[reader](elsewhere, leaves, numbers))] == [bits(d.data) for d in there]


SLOPES = [  # a function of one number and the point, then the derivatives there by hand
    (lambda x: x.sqrt(), 0.0, [INF, -INF, INF]),
    (lambda x: x**0.5, 0.0, [INF, -INF, INF]),
    (lambda x: x**1.5, 0.0, [0.0, INF, -INF]),
    (lambda x: x**3, 0.0, [0.0, 0.0, 6.0]),
    (lambda x: x**3, -2.0, [12.0, -12.0, 6.0]),
    (lambda x: x**1, 0.0, [1.0]),
    (lambda x: 1 - x.sqrt() * 3, 0.0, [-INF, INF]),
    (lambda x: x.sqrt() * 0, 0.0, [0.0]),
    (lambda x: hypot(x, x * 0), 0.0, [0.0]),
    (lambda x: hypot(x, 4.0), 0.0, [0.0, 0.25]),
    (lambda x: x.exp(), -INF, [0.0, 0.0, 0.0]),
    (lambda x: abs(x), 0.0, [0.0, 0.0]),
]


OTHERS = {"pickle, native": compiled("native", pickled), "reevaluate": reread}


@pytest.mark.parametrize("reader", [*READERS, *OTHERS])
@pytest.mark.parametrize("k", range(len(SLOPES)))
def test_slopes_at_edges_by_hand(k, reader):
    if "native" in reader:
        pytest.importorskip("llvmlite")
    f, there, slopes = SLOPES[k]
    x = Value(0.75)
    found = (READERS | OTHERS)[reader](derivatives(f(x), [x], len(slopes)), [x], [there])
    assert found[1:] == slopes


REFUSED = [
    (lambda x: 1 / x, 0.0, PoleError),
    (lambda x: x.log(), -1.0, DomainError),
    (lambda x: x.sqrt(), -1.0, DomainError),
    (lambda x: x.exp(), 710.0, RangeError),
    (lambda x: x.exp().sqrt() / x, 0.0, PoleError),
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_what_a_user_wrote_raises_as_ever(k, reader):
    """Alone, beside its derivative, and where a derivative computes the same."""
    if "native" in reader:
        pytest.importorskip("llvmlite")
    f, there, refusal = REFUSED[k]
    for orders in (0, 1, 2):
        x = Value(0.75)
        with pytest.raises(refusal):
            READERS[reader](derivatives(f(x), [x], orders), [x], [there])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("first", ["user", "gradient"])
def test_the_same_operation_of_a_user_and_of_a_derivative(first, reader):
    """They are one instruction of a program, which raises; of the derivative alone it does not."""
    if "native" in reader:
        pytest.importorskip("llvmlite")
    x = Value(0.75)
    mine = 1 / x if first == "user" else None
    _, d = derivatives(x.log(), [x], 1)
    mine = mine or 1 / x
    assert READERS[reader]([d * 2], [x], [0.0]) == [INF]
    with pytest.raises(PoleError):
        READERS[reader]([d * 2, mine], [x], [0.0])


def test_machine_code_of_derivatives_does_not_look_for_what_raises():
    pytest.importorskip("llvmlite")
    x = Value(0.75)
    _, d = derivatives(x.log(), [x], 1)
    assert "fcmp uge" not in compile(d * 2, [x], backend="native").llvm
    assert "fcmp uge" in compile(1 / x * 2, [x], backend="native").llvm


def test_a_derivative_a_user_goes_on_with_raises_where_the_user_does():
    x = Value(0.75)
    (d,) = gradient(x.sqrt(), [x])
    y = 1 / (d - 1)
    x.data = 0.0
    assert y.recompute().data == 0.0
    x.data = 0.25
    with pytest.raises(PoleError):
        y.recompute()
    assert (d.data, y.data) == (INF, 0.0)


@pytest.mark.parametrize("seed", range(60))
def test_derivatives_of_random_graphs_recomputed_at_awkward_numbers(seed):
    inputs, (y, *_), random = a_graph(seed)
    leaves = reaching(inputs, y)
    if not leaves:
        return
    found = derivatives(y, leaves, 2)
    for _ in range(8):
        numbers = [random.choice([*AWKWARD, 2.0, -0.5]) for _ in leaves]
        nodes, at = copy.deepcopy((found, leaves))
        moved(at, numbers)
        try:
            nodes[0].recompute()
        except ArithmeticError:
            continue
        there = derivatives(nodes[0], at, 2)
        assert [bits(n.recompute().data) for n in nodes] == [bits(d.data) for d in there], numbers


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
