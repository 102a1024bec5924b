"""One thing is told in the singular, wherever things are counted."""

import re

import pytest

from engine import Value, affine, draw, explore, gradcheck
from engine.program import compile  # noqa: A004
from nn import MLP, SGD, Module, data, fit, losses
from nn.lab import landscape


x = Value(1.5, "x")
y = x * 2
y.backward()
PROGRAM = compile(y, [x], backend="python")
ONE = MLP(1, [1], bias=False)
HISTORY = fit(ONE, [((1.0,), (1.0,))], loss="sse", lr=0.1, epochs=1, record="updates")


class Single(Module):
    def __init__(self):
        self.w = Value(0.5)


def refusal(call):
    with pytest.raises((TypeError, ValueError, IndexError)) as told:
        call()
    return str(told.value)


SAID = {
    "a program": (lambda: repr(PROGRAM), "Program(1 input, 1 node, 1 output, backend='python')"),
    "its inspection": (lambda: str(PROGRAM.inspect(2.0)), "; 1 flop, 16 bytes a run"),
    "its inputs": (lambda: refusal(lambda: PROGRAM(1, 2)), "the program takes 1 number (x), not 2"),
    "a picture": (lambda: repr(draw(x)), "<gradient graph: 1 node, 0 edges, x=1.5>"),
    "a page": (lambda: repr(explore(y)), "<explorer: gradient graph: 2 nodes, 1 edge, root=3>"),
    "a check": (lambda: repr(gradcheck(y)), "gradcheck passed: 1 derivative, 1 node, by"),
    "part of a check": (lambda: repr(gradcheck(y * x, nodes=1)), "gradcheck passed: 1 derivative, 1 of 2 nodes, by"),
    "a unit": (lambda: refusal(lambda: affine([[1.0]], [1.0], [1.0, 2.0])), "affine: 2 biases for 1 unit"),
    "a module": (lambda: repr(Single()), "Single(1 parameter)"),
    "an optimiser": (lambda: repr(SGD([x], 0.1)), "SGD(1 parameter, lr=0.1, momentum=0)"),
    "a history": (lambda: repr(HISTORY), "History(1 epoch, loss "),
    "what is kept": (lambda: HISTORY.kept, "1 update: rows, losses"),
    "its updates": (lambda: refusal(lambda: HISTORY.updates[4]), "of 1 update, 0 to 0, 4 is none"),
    "an input": (lambda: refusal(lambda: ONE([1.0, 2.0])), "the model takes 1 input, this sample has 2"),
    "a layer": (lambda: refusal(lambda: MLP(2, [2, 1], activation=["relu", "tanh"])), "2 activations for 1 hidden layer"),
    "a target": (lambda: refusal(lambda: losses.sse([x, y], [1.0])), "sse: 1 target for 2 outputs"),
    "an entry": (lambda: refusal(lambda: ONE.load_state_dict({"layers.0.weight": [[1.0, 2.0]]})), "layers.0.weight needs 1 entry, not 2"),
    "a point": (lambda: refusal(lambda: landscape.path_plane([[1.0, 2.0]])), "the path of 1 point does not"),
    "a data set": (lambda: repr(data.XOR()[:1]), "Dataset('XOR', 1 row, 2 features, 1 target)"),
}


@pytest.mark.parametrize("name", SAID)
def test_one_thing_is_told_in_the_singular(name):
    say, expected = SAID[name]
    said = say()
    assert expected in said
    assert not re.search(r"(?<![\d.,=])1 (nodes|edges|inputs|outputs|parameters|epochs|updates|rows|numbers|targets|points)", said)
