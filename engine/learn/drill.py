"""The drill: every partial of a graph asked in turn, from the root down, and each answer diagnosed.

It asks by `input` and tells by `print`; others can be passed, so it runs in a cell and from a pipe.
Nothing is stored: the diagnoses are returned.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.graph import topological
from engine.learn.diagnosis import Diagnosis, diagnose
from engine.learn.mistakes import named
from engine.value import CONSTANT, Value
from engine.why.cone import edges


def drill(
    root: Value, ask: Callable[[str], str] = input, tell: Callable[[str], object] = print, eta: float = 0.5
) -> list[Diagnosis]:
    """Ask for d root / d n at every node with a name, users before what they use; returns the diagnoses.

    An empty answer leaves a node out, an answer that cannot be read is asked again, Ctrl-D and Ctrl-C end
    the drill. Raises TypeError if `root` is no Value, ValueError if no node below it has a name.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> answers = iter(["2", "-3"])
    >>> found = drill(a * b, ask=lambda question: next(answers))
    right: d root/d b = 2
    right: d root/d a = -3
    2 of 2 right
    """
    if not isinstance(root, Value):
        raise TypeError(f"drill: the root is a Value, not {root!r:.60}")
    differentiable = {root} | {e.arg for n in topological(root) if n.op is not None for e in edges(n)}
    nodes = [n for n in reversed(topological(root)) if n in differentiable and n is not root]
    nodes = [n for n in nodes if n.label is not None and n.label is not CONSTANT]
    if not nodes:
        raise ValueError('drill: no node below the root has a name to ask for; write Value(2.0, "a")')
    found: list[Diagnosis] = []
    try:
        for n in nodes:
            if (d := asked(n, root, ask, tell, eta)) is not None:
                found.append(d)
                tell(str(d))
    except (EOFError, KeyboardInterrupt):
        tell("\nstopped here")
    tell(f"{sum(d.right for d in found)} of {len(found)} right")
    return found


def asked(
    n: Value, root: Value, ask: Callable[[str], str], tell: Callable[[str], object], eta: float
) -> Diagnosis | None:
    """The diagnosis of the first answer that can be read; None for an empty one."""
    name = named(root) if root.label is not None else "root"
    while answer := ask(f"d {name}/d {named(n)} = ").strip():
        try:
            return diagnose(answer, of=n, root=root, eta=eta)
        except ValueError as e:
            tell(str(e))
    return None
