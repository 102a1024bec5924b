"""`draw`: the gradient graph of a Value as a picture, in a notebook or in a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.graph import topological
from engine.label import Role
from engine.value import Value
from engine.view.dot import EDGE, GRAPH, NODE
from engine.view.groups import Group, Grouping, folded, grouped, near
from engine.view.highlight import Wish, carried, wanted
from engine.view.network import Network, network_of_graph, network_of_model, network_picture
from engine.view.picture import Picture, pictured
from engine.view.record import Record, checked_roots, record
from engine.whole import whole
from engine.why import Explanation, Paths


if TYPE_CHECKING:
    from engine.view.gradgraph import GradGraph

FULL = 40  # nodes that are still drawn one by one
UNITS = 60  # boxes of a drawing per unit
ABREAST = 10  # units in a layer of it; two single Values count as one
CHOICES = {
    "collapse": ("auto", None, "unit", "layer", "network"),
    "rankdir": ("LR", "RL", "TB", "BT"),
    "engine": ("auto", "dot", "wasm", "builtin"),
}


class GraphTooLarge(ValueError):
    """A drawing would have more boxes than anyone can read."""


def draw(
    root: Any,
    *,
    format: str = "svg",  # noqa: A002 - graphviz's and micrograd's word
    rankdir: str = "LR",
    names: Mapping[str, object] | None = None,
    collapse: str | None = "auto",
    focus: Value | None = None,
    hops: int = 2,
    highlight: Wish = None,
    show: Collection[str] = ("data", "grad", "local"),
    constants: bool = False,
    precision: int = 4,
    limit: int | None = 500,
    engine: str = "auto",
) -> GradGraph:
    """The graph below `root` (a Value, several, a model, or a compiled program) as a `graphviz.Digraph` that shows itself anywhere.

    Each box is a Value with its data and its gradient d root / d Value; each arrow is one use, with its
    local partial. The gradients are those of `root` alone, computed for the picture; `.grad` is neither
    read nor changed, except that a root without one is drawn as "backward() not run yet". A model of `nn`
    is drawn as a network, units and weights, with the gradients of its latest backward pass.

    `draw(loss).save_svg("loss.svg")` writes the picture, with or without Graphviz's program `dot`.

    - `rankdir`: the direction of the arrows: LR, RL, TB or BT; `format`: what `render` writes.
    - `names`: names for Values, by which they are drawn: {"w": w}, or `locals()`.
    - `collapse`: None draws every Value; "unit" and "layer" draw those of a network as one box each;
      "auto" takes the first of these that can be read. "network" draws one call of a network as its units
      and weights, and of a model with wide layers None draws every unit.
    - `focus`, `hops`: draw only what is at most `hops` arrows away from this Value.
    - `highlight`: a Value, several, or `explain(w, root)`: every edge on its paths to the root is drawn with its
      factor, coloured by what it carries of the gradient; in a network the weights themselves are marked.
    - `show`: any of "data", "grad", "local". `constants`: draw numbers of the expression as boxes too.
    - `precision`: significant digits. `limit`: the most boxes that are drawn; None for no limit.
    - `engine`: "dot", "wasm", "builtin", or "auto": the first of them that works here.

    Raises TypeError for a root that is no Value, StaleGraph if a leaf was changed after recording,
    GraphTooLarge above `limit`, ValueError for a focus or highlight that the root does not depend on.

    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> loss = (w * x - 1) ** 2
    >>> loss.backward()
    >>> draw(loss)
    <gradient graph: 5 nodes, 4 edges, root=0.25>
    """
    show = (show,) if isinstance(show, str) else tuple(show)
    checked(show, precision, hops, limit, collapse=collapse, rankdir=rankdir, engine=engine)
    if focus is not None and not isinstance(focus, Value):
        raise TypeError(f"focus must be a Value of the graph, not {focus!r}")
    marked = wanted(highlight)
    net: Network | None = None
    loops: Mapping[Value, str] = {}
    if hasattr(root, "folded"):
        root, loops = root.folded()
        show = tuple(s for s in show if s != "grad")  # a program is run, not walked back
    if hasattr(root, "named_parameters"):
        if focus is not None or collapse in ("unit", "layer"):
            raise ValueError("a model is drawn as a network: focus=, collapse='unit' and collapse='layer' are for its graphs")
        net = network_of_model(root)
    else:
        roots = checked_roots(root)
        if focus is None and not loops and collapse in ("auto", None):
            told_if_too_large(roots, collapse, limit)
        seen = record(roots, names=names, constants=constants)
        if collapse == "network":
            net = network_of_graph(seen)
    if net is not None:
        path = isinstance(highlight, Explanation | Paths)
        picture = network_picture(net, marked, show=show, precision=precision, whole=collapse is None, downstream=path)
        checked_size(len(picture.boxes), limit)

        def sketch() -> Picture:
            return picture

    else:
        sketch = graph_sketch(seen, collapse, focus, hops, marked, show, precision, limit, loops)
    from engine.view.gradgraph import GradGraph  # imports graphviz

    attributes = {"graph_attr": {"rankdir": rankdir, **GRAPH}, "node_attr": NODE, "edge_attr": EDGE}
    return GradGraph(sketch=sketch, drawn_by=engine, format=format, **attributes)


def graph_sketch(
    seen: Record,
    collapse: str | None,
    focus: Value | None,
    hops: int,
    highlight: tuple[Value, ...],
    show: Collection[str],
    precision: int,
    limit: int | None,
    loops: Mapping[Value, str],
) -> Callable[[], Picture]:
    """What makes the picture of a recorded graph, collapsed, focused and highlighted as `draw` was asked to; `loops` are folded."""
    center = None if focus is None else seen.find(focus)
    if collapse == "auto":
        grouping = folded(seen, loops) if loops else readable(seen) if center is None else grouped(seen, None)
    else:
        grouping = grouped(seen, collapse)
    middle: Group | None = None
    if center is not None:
        middle = next(g for g in grouping.groups if center in g.members)
        grouping = near(grouping, middle, hops)
    checked_size(len(grouping.groups), limit)
    nodes = [seen.find(v) for v in highlight]
    return partial(
        pictured,
        seen,
        grouping,
        show=show,
        precision=precision,
        focus=middle.id if middle else "",
        marked=[n.id for n in nodes],
        carried=carried(seen, nodes) if nodes else None,
    )


def checked_size(boxes: int, limit: int | None) -> None:
    """Raise GraphTooLarge for more boxes than anyone can read, with advice."""
    if limit is not None and boxes > limit:
        raise GraphTooLarge(
            f"the drawing would have {boxes} boxes, more than limit={limit}: write collapse='unit' or "
            "collapse='layer' for a network, focus=v (with hops=2) for the surroundings of a Value v, or limit=None"
        )


def told_if_too_large(roots: Sequence[Value], collapse: str | None, limit: int | None) -> None:
    """Raise GraphTooLarge where every node would be a box, before all of them are read."""
    nodes = topological(*roots)
    if collapse is None or not any(isinstance(v.label, Role) for v in nodes):
        checked_size(len(nodes), limit)


draw_dot = draw


def readable(seen: Record) -> Grouping:
    """Every node if they are few; else per unit, else per layer, where roles tell units and layers."""
    if len(seen.nodes) <= FULL or all(n.scope is None for n in seen.nodes):
        return grouped(seen, None)
    units = grouped(seen, "unit")
    abreast: dict[str, float] = {}
    for g in units.groups:
        if (scope := g.outputs[0].scope) is not None:
            abreast[scope.layer] = abreast.get(scope.layer, 0) + (1 if g.title else 0.5)
    if len(units.groups) <= UNITS and max(abreast.values(), default=0) <= ABREAST:
        return units
    return min(units, grouped(seen, "layer"), key=lambda grouping: len(grouping.groups))


def checked(show: Collection[str], precision: object, hops: object, limit: object, **choices: object) -> None:
    """Raise ValueError for an argument that `draw` does not know."""
    for name, choice in choices.items():
        if choice not in CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, CHOICES[name]))}, not {choice!r}")
    if unknown := [s for s in show if s not in ("data", "grad", "local")]:
        raise ValueError(f"show must be some of 'data', 'grad', 'local', not {unknown[0]!r}")
    for name, number, least in (("precision", precision, 1), ("hops", hops, 0), ("limit", limit, 0)):
        if not (number is None and name == "limit"):
            whole(name, number, least)
