"""A picture in the DOT language: boxes as Graphviz's HTML tables, arrows in the order of arguments.

The lines are written here and not by `graphviz`, which looks at every attribute for what to quote and
takes longer for it than for all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from engine.view.boxes import Box, Cell, Tile
from engine.view.marks import FAINT, INK, PAPER, WHITE
from engine.view.picture import Line, Picture


GRAPH = {"outputorder": "edgesfirst", "bgcolor": "transparent", "fontname": "Helvetica", "fontsize": "11"}
GRAPH |= {"labelloc": "b", "labeljust": "l", "nodesep": "0.2", "pad": "0.2"}
NODE = {"shape": "plain", "fontname": "Helvetica", "fontsize": "12"}
EDGE = {"arrowsize": "0.6", "fontname": "Helvetica", "fontsize": "11", "fontcolor": FAINT}
PORTS = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}  # arrows leave and enter there
MOST_ORDERED = 150  # arrows up to which arguments keep their order; more would leave `dot` no room
TILE = 14  # width and height of a tile


def setting(picture: Picture) -> str:
    """The statement of what the whole drawing has: its legend, and room for its arrows."""
    crowd = len(picture.lines) / len(picture.boxes)  # crowded layers need more room, more still with labels
    ranksep = max(0.5, crowd / 1.6 if any(n.label for n in picture.lines) else crowd / 3)
    ordering = " ordering=in" if len(picture.lines) <= MOST_ORDERED else ""
    label = f"label={legend_label(picture.legend)} " if picture.legend else ""
    return f"\tgraph [{label}ranksep={ranksep:.2f}{ordering}]\n"


def statements(picture: Picture, rankdir: str) -> Iterator[str]:
    """A statement for each box and each arrow."""
    leave, enter = PORTS[rankdir]
    for b in picture.boxes:
        yield f"\t{b.id} [label={box_label(b)} id={b.id}]\n"
    if len(picture.lines) > MOST_ORDERED:
        for column in picture.columns:
            yield f"\t{{rank=same edge [style=invis] {' -> '.join(column)}}}\n"
    for k, n in enumerate(picture.lines):
        yield f"\t{n.source}:{leave} -> {n.target}:{enter} [{pen(n)} id=e{k}]\n"


def pen(n: Line) -> str:
    """The attributes of an arrow."""
    label = f"{arrow_label(n.label)} " if n.label else ""
    return f'{label}color="{n.color}" penwidth={n.width:g}{" style=dashed" if n.dashed else ""}'


def arrow_label(text: str) -> str:
    r"""A label that is no table: `dot` would read its backslashes and entities.

    >>> arrow_label('a\n\\E "&"')
    'label=" a \\n \\\\E \\"&amp;\\" "'
    """
    plain = text.replace("&", "&amp;").replace("\\", r"\\").replace('"', r"\"").replace("\n", r" \n ")
    return f'label=" {plain} "'


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
