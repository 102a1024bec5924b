"""explore: a page on which a gradient graph can be walked through, self-contained and without a kernel.

In a notebook it is an iframe with its own document inside; where scripts are not trusted, the picture
that stands within the iframe element is shown instead. The page asks the network for nothing.
"""

from __future__ import annotations

import json
import math
import tempfile
import webbrowser
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from engine.formula import text
from engine.graph import topological
from engine.ops import Row
from engine.value import Steep, Value
from engine.view.draw import FULL, GraphTooLarge
from engine.view.groups import Grouping, grouped
from engine.view.javascript import script, supported
from engine.view.marks import operation, visible
from engine.view.picture import pictured, title as titled
from engine.view.record import Node, Record, checked_roots, record
from engine.view.svg import svg_text
from engine.whole import counted, whole


MOST_ARROWS = 150  # in the picture that stands in for a page


def explore(
    root: Value,
    *,
    select: Value | None = None,
    collapse: str | None = "auto",
    names: Mapping[str, object] | None = None,
    title: str | None = None,
    height: int = 480,
    limit: int | None = 3000,
) -> Explorer:
    """The graph below `root` as a page: click a node for the sum behind its gradient, step the backward pass.

    `select` is chosen when the page opens. `collapse` folds the units of a network ("unit"), or nothing
    (None); "auto" folds above 40 nodes; any unit can be unfolded in place. `names` maps names to Values,
    `height` is in pixels. The graph is not touched. Raises TypeError for a root that is no Value,
    StaleGraph if a leaf was changed after recording, GraphTooLarge above `limit` nodes.

    >>> w = Value(0.5, "w")
    >>> loss = (w * 3 - 1) ** 2
    >>> loss.backward()
    >>> explore(loss)
    <explorer: gradient graph: 4 nodes, 3 edges, root=0.25>
    """
    if collapse not in ("auto", "unit", None):
        raise ValueError(f"collapse must be 'auto', 'unit' or None, not {collapse!r}")
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be text, not {title!r}")
    for name, count, least in (("height", height, 1), ("limit", limit, 0)):
        if not (count is None and name == "limit"):
            whole(name, count, least)
    (root,) = only(checked_roots(root))
    if limit is not None and (nodes := len(topological(root))) > limit:  # told before all of them are read
        raise GraphTooLarge(f"the page would hold {counted(nodes, 'node')}, more than limit={limit}: explore a node further down, or write limit=None")
    seen = record(root, names=names)
    folded = collapse == "unit" or (collapse == "auto" and len(seen.nodes) > FULL)
    chosen = None if select is None else int(seen.find(select).id[1:])
    return Explorer(seen, folded, chosen, visible(title or titled(seen)), height)


def only(roots: list[Value]) -> list[Value]:
    """The one root; a page has one backward pass."""
    if len(roots) != 1:
        raise TypeError(f"explore takes one root, not {len(roots)}: add them up, or explore them one by one")
    return roots


class Explorer:
    """The page of a gradient graph; `explore` makes it. A notebook shows it, `save` writes it, `open` opens it."""

    def __init__(self, seen: Record, folded: bool, chosen: int | None, title: str, height: int) -> None:
        self._seen, self._units, self._title, self._height = seen, grouped(seen, "unit"), title, height
        self.data = page_data(seen, self._units, folded, chosen, title)

    def __repr__(self) -> str:
        return f"<explorer: {self._title}>"

    @property
    def svg(self) -> str:
        """The picture that stands in for the page where it cannot run: as the page opens, or by layers if that is too much."""
        views = [self._units] if self.data["folded"] else [grouped(self._seen, None), self._units]
        view = next((v for v in views if len(v.arrows) <= MOST_ARROWS), None) or grouped(self._seen, "layer")
        return svg_text(pictured(self._seen, view, show=("data", "grad", "local")))

    @property
    def html(self) -> str:
        """The page: one document, with everything in it."""
        page = files("engine.view") / "page"
        return Template((page / "page.html").read_text("utf-8")).substitute(
            title=escape(self._title),
            style=(page / "page.css").read_text("utf-8"),
            graph=embedded(self.data),
            rows=script([*rows_of(self._seen).values()]) if self.data["whatif"] else "const ROWS = {};",
            scripts="".join((page / f"{name}.js").read_text("utf-8") for name in ("graph", "layout", "page")),
        )

    def _repr_html_(self) -> str:
        picture = b64encode(self.svg.encode()).decode()
        name = escape(self._title)
        image = f'<img alt="{name}" src="data:image/svg+xml;base64,{picture}" style="max-width:100%">'
        style = f"width:100%;height:{self._height}px;border:1px solid #777;border-radius:6px"
        page = escape(self.html, quote=False).replace("'", "&#x27;")  # in single quotes: a page has many double ones
        return f"<iframe srcdoc='{page}' sandbox=\"allow-scripts\" title=\"{name}\" style=\"{style}\">{image}</iframe>"

    def save(self, path: str | Path) -> Path:
        """Write the page to `path`; any browser opens it."""
        path = Path(path)
        path.write_text(self.html, encoding="utf-8", newline="\n")
        return path

    def open(self) -> Path:
        """Open the page in the browser, from a temporary file."""
        with tempfile.NamedTemporaryFile(prefix="gradient-", suffix=".html", delete=False) as file:
            path = self.save(file.name)
        webbrowser.open(path.as_uri())
        return path


def page_data(seen: Record, units: Grouping, folded: bool, chosen: int | None, title: str) -> dict[str, Any]:
    """The record as the page reads it, nodes column by column; gradients are not in it, they follow.

    Nodes are numbers and constants texts; so are the numbers that JSON lacks.
    """
    groups = [g for g in units.groups if g.title]
    unit_of = {n.id: k for k, g in enumerate(groups) for n in g.members}
    rows = rows_of(seen)
    partials = [v.partials if v is not None else () for v in seen.values]
    return {
        "title": title,
        "backward": seen.backward,
        "root": int(seen.roots[0][1:]),
        "select": chosen,
        "folded": folded,
        "whatif": all(map(supported, rows.values())),
        "units": [visible(g.title) for g in groups],
        "nodes": {
            "name": [visible(n.name) for n in seen.nodes],
            "op": [n.op for n in seen.nodes],
            "sign": ["" if n.op is None else operation(n.op, n.args) for n in seen.nodes],
            "unit": [unit_of.get(n.id) for n in seen.nodes],
            "data": [number(n.data) for n in seen.nodes],
            "args": [arguments(n, v) for n, v in zip(seen.nodes, seen.values, strict=True)],
            "partials": [[None if d is None else number(d) for d in ds] for ds in partials],
        },
        "steep": [[int(e.target[1:]), e.position] for e in seen.edges if isinstance(e.partial, Steep)],
        "rows": {
            name: {
                "args": list(row.args),
                "vector": list(row.vector),
                "value": text(row.value),
                "partials": [text(p) for p in row.partials],
                "convention": row.convention,
            }
            for name, row in rows.items()
        },
    }


def rows_of(seen: Record) -> dict[str, Row]:
    """The rows of the operations in a graph, by name."""
    return {v.op.name: v.op for v in seen.values if v is not None and v.op is not None}


def arguments(n: Node, v: Value | None) -> list[list[int | str]]:
    """The arguments of a node, in one list for each symbol of its row."""
    position = iter(n.args)
    return [[reference(next(position)) for _ in group] for group in (v._groups() if v is not None else ())]


def reference(arg: str | float) -> int | str:
    """An argument: the position of a node, or a constant as text."""
    return int(arg[1:]) if isinstance(arg, str) else str(number(arg))


def number(x: float) -> float | str:
    """A number that JSON can hold; NaN, infinities and minus zero as JavaScript's `Number` reads them."""
    if math.isnan(x):
        return "NaN"
    if math.isinf(x) or x == 0:
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(x, "-0" if math.copysign(1, x) < 0 else 0)
    return int(x) if abs(x) < 1e15 and x == int(x) else x  # 1 is shorter than 1.0, and the same number in JSON


def embedded(data: Any) -> str:
    """JSON that may stand inside a script element: no `<` in it, so no end tag, whatever a label says."""
    content = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return content.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

