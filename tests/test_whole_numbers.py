"""Wherever a whole number is asked for, one of any kind does, as NumPy's, and nothing else does."""

from fractions import Fraction

import pytest

from engine import Value, draw, explain, explore, grad, gradcheck, reevaluate, top_paths, tree
from engine.program import compile  # noqa: A004
from nn import MLP, Neuron, data, fit, optim
from nn.init import generator
from nn.lab import between, course, grid, landscape, plots, random_search, restarts
from nn.lab.recorder import Recorder


np = pytest.importorskip("numpy")

x = Value(1.5, "x")
y = x * x + x
y.backward()
XOR = {"hidden": 2, "loss": "sse", "lr": 0.5, "epochs": 2}


def model(**options):
    return MLP(2, [2, 1], seed=0, **options)


def trained(**options):
    made = model()
    return fit(made, data.XOR(), **{"loss": "sse", "lr": 0.5, "epochs": 2} | options).loss, made.state_dict()


def recorded(every=1):
    recorder = Recorder(every=every)
    return fit(model(), data.XOR(), loss="sse", lr=0.5, epochs=2, record=recorder)


def undone(n):
    history = recorded()
    history.undo(n)
    history.undo(1)
    history.redo(n)
    return history.at, history.log.model.state_dict()


def gone(n):
    history = recorded()
    history.go_to(n)
    return history.at, type(history.at)


def drawn(axes):
    return [line.get_xydata().tolist() for line in axes.get_lines()]


TAKES = {  # name: (a function of a whole number, the least one that is accepted)
    "top_paths k": (lambda n: list(top_paths(x, y, k=n)), 1),
    "explain paths": (lambda n: explain(x, y, paths=n).text(), 1),
    "tree depth": (lambda n: tree(y, depth=n), 0),
    "draw precision": (lambda n: draw(y, precision=n, engine="builtin").svg, 1),
    "draw hops": (lambda n: draw(y, focus=x, hops=n, engine="builtin").svg, 0),
    "draw limit": (lambda n: draw(y, limit=n + 20, engine="builtin").svg, None),
    "explore height": (lambda n: repr(explore(y, height=n)), 1),
    "gradcheck nodes": (lambda n: str(gradcheck(y, nodes=n)), 1),
    "reevaluate digits": (lambda n: str(reevaluate(y, "mpmath", digits=n).value), 1),
    "grad argnums": (lambda n: grad(lambda a, b, c, d: a * b * c * d, argnums=n)(2.0, 3.0, 5.0, 7.0), None),
    "inspection": (lambda n: compile(y, [x], backend="python").inspect(1.5)[n - 3].id, None),
    "nin": (lambda n: MLP(n, [2]).state_dict(), 1),
    "units": (lambda n: MLP(2, [n, 1]).state_dict(), 1),
    "neuron": (lambda n: Neuron(n).state_dict(), 1),
    "seed of a model": (lambda n: MLP(2, [2], seed=n).state_dict(), 0),
    "generator": (lambda n: generator(n).random(), 0),
    "epochs": (lambda n: trained(epochs=n), 1),
    "batch_size": (lambda n: trained(batch_size=n), 1),
    "seed of fit": (lambda n: trained(seed=n), 0),
    "schedule": (lambda n: trained(schedule=optim.step(n), epochs=5), 1),
    "moons": (lambda n: data.moons(n).rows, 2),
    "split": (lambda n: data.split(data.moons(20), seed=n)[1].rows, 0),
    "every": (lambda n: recorded(n).kept, 1),
    "undo and redo": (undone, 1),
    "go_to": (gone, 0),
    "harm of a step": (lambda n: repr(recorded().harm(n)), 0),
    "harm of rows": (lambda n: repr(recorded().harm(rows=[n])), 0),
    "why": (lambda n: recorded().why("b_o1", n).text(), 0),
    "window": (lambda n: course.layer_gradients(recorded(), n), 1),
    "seeds": (lambda n: restarts(data.XOR(), n, **XOR).runs, 1),
    "each seed": (lambda n: restarts(data.XOR(), [n], **XOR).runs, 0),
    "grid seeds": (lambda n: grid(data.XOR(), {"hidden": [2]}, seeds=n, loss="sse", lr=0.5, epochs=2).runs, 1),
    "hidden": (lambda n: restarts(data.XOR(), 1, **XOR | {"hidden": n})[0].weights, None),
    "runs": (lambda n: random_search(data.XOR(), {"lr": between(0.1, 1.0)}, runs=n, hidden=2, loss="sse", epochs=2).runs, 1),
    "seed of a search": (lambda n: random_search(data.XOR(), {"lr": between(0.1, 1.0)}, runs=1, seed=n, hidden=2, loss="sse", epochs=2).runs, 0),
    "between": (lambda n: [between(n, n + 3)(generator(k)) for k in range(5)], None),
    "points of a line": (lambda n: landscape.line(model(), data.XOR(), loss="sse", points=n), 2),
    "points of a plane": (lambda n: landscape.plane(model(), data.XOR(), loss="sse", points=n).E, 2),
    "seed of a direction": (lambda n: landscape.line(model(), data.XOR(), loss="sse", direction=n, points=2), None),
    "name of a direction": (lambda n: landscape.plane(model(), data.XOR(), loss="sse", second=n, points=2).names, None),
    "epochs of descents": (lambda n: landscape.descents(model(), data.XOR(), loss="sse", lr=0.1, epochs=n), 1),
    "points of a boundary": (lambda n: plots.decision_boundary(model(), data.XOR(), points=n).get_xlim(), 2),
    "stride": (lambda n: drawn(plots.trajectories({"w": [0.5, 0.25, 1.0]}, stride=n)), 1),
    "stride of a spread": (lambda n: drawn(plots.spread({"w": [0.5, 0.25, 1.0]}, stride=n)), 1),
}


@pytest.mark.parametrize("name", TAKES)
def test_a_whole_number_of_numpy_is_one(name):
    takes, _ = TAKES[name]
    assert takes(np.int64(3)) == takes(np.array(3)) == takes(np.uint8(3)) == takes(3)


@pytest.mark.parametrize("name", [name for name, (_, least) in TAKES.items() if least is not None])
@pytest.mark.parametrize("wrong", [2.0, np.float64(2), Fraction(2), True, np.True_, "2", -1, np.int64(-1), float("nan")], ids=repr)
def test_and_nothing_else_is(name, wrong):
    takes, least = TAKES[name]
    with pytest.raises(ValueError, match=rf"whole number >= {least}|there is no update|this history has|rows are 0 to 3|write a number >= 1, or different seeds"):
        takes(wrong)
