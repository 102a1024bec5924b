"""A small network to differentiate by hand: clean numbers, on which every catalogued slip gives one of its own.

Inputs are whole, hidden weights are logarithms of whole numbers, and so is each weight into an output times
what it multiplies: every output of a unit is a fraction.

>>> E = network(seed=1)
>>> E.label.kind, 0.1 < E.data < 2
('E', True)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from random import Random

from engine import Value
from engine.learn.diagnosis import Diagnosis
from engine.learn.drill import drill
from engine.learn.mistakes import slips
from nn.init import generator
from nn.losses import sse
from nn.modules import MLP


TRIES = 2000
APART = 2e-3  # relative: a number given with four digits still tells one slip from another


def network(seed: int = 0) -> Value:
    """E of a network with two inputs, two hidden and two output units, found so that no two slips look alike.

    Raises ValueError for a seed that is no whole number of 0 or more.
    """
    random = generator(seed)
    for _ in range(TRIES):
        E = drawn(random)
        if clean(E):
            return E
    raise LookupError(f"no network with clean numbers was found from seed {seed}; another seed will do")


def drawn(random: Random) -> Value:
    """Hidden weights are logarithms, and what a hidden unit sends to an output is one as well."""
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", bias=False)
    x = [float(random.choice((-3, 2, 3))) for _ in range(2)]
    hidden, out = model.layers
    for unit in hidden.weight:
        for p in unit:
            p.data = random.choice((-1, 1)) * math.log(random.choice((2, 3, 4, 9)))
    h = [o.data for o in hidden(x)]
    for unit in out.weight:
        for p, h_i in zip(unit, h, strict=True):
            p.data = random.choice((-1, 1)) * math.log(random.choice((2, 3, 4, 5))) / h_i
    E: Value = sse(model(x), [float(random.randint(0, 1)) for _ in range(2)])
    return E


def clean(E: Value) -> bool:
    """Whether no unit is saturated and, at every weight, the slips and the right number lie apart."""
    nodes = parts(E)
    if any(not 0.1 <= n.data <= 0.9 for n in nodes if getattr(n.label, "kind", "") == "o"):
        return False
    E.backward()
    for w in (n for n in nodes if getattr(n.label, "kind", "") == "w"):
        values = [w.grad or 0.0, *(s.value for s in slips(w, E) if s.mistake.key != "delta")]
        if any(math.isclose(p, q, rel_tol=APART, abs_tol=1e-6) for p, q in combinations(values, 2)):
            return False
    return True


def parts(E: Value) -> list[Value]:
    """The nodes of a network."""
    found = {E: None}
    for n in (stack := [E]):
        fresh = [p for p in n.args if isinstance(p, Value) and p not in found]
        found.update(dict.fromkeys(fresh))
        stack += fresh
    return list(found)


def told(E: Value) -> str:
    """The numbers that the drill starts from."""
    weights = {str(n.label): n for n in parts(E) if getattr(n.label, "kind", "") == "w"}
    outputs = {str(n.label): n for n in parts(E) if getattr(n.label, "kind", "") == "o"}
    lines = ["E = sum_k (t_k - o_k)^2 of a network of sigmoids; answers: -0.192, -24/125 or -2*(1 - 0.2)*0.16*0.75"]
    for names in (weights, outputs):
        lines.append("   ".join(f"{k} = {v.data:.6f}" for k, v in sorted(names.items())[:4]))
        if len(names) > 4:
            lines.append("   ".join(f"{k} = {v.data:.6f}" for k, v in sorted(names.items())[4:]))
    net = next(n for n in parts(E) if str(n.label) == "net_h1")
    x = [p for p in net.args if not isinstance(p, Value)]
    loss = [p for p in E.args if not isinstance(p, Value)]
    lines.append(f"x = {tuple(x)}   t = {tuple(loss)}   E = {E.data:.6f}; an empty answer leaves one out")
    return "\n".join(lines)


def drill_of_a_network(
    seed: int = 0, ask: Callable[[str], str] = input, tell: Callable[[str], object] = print
) -> list[Diagnosis]:
    """Ask for every partial of such a network in turn; each answer is diagnosed, and nothing is kept.

    In a cell: `found = drill_of_a_network(seed=1)`.
    """
    E = network(seed)
    tell(told(E))
    return drill(E, ask, tell)
