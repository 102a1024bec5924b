"""What a notebook shows of the objects of nn: pictures and plain tables, nothing that has to be trusted."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from engine import draw
from engine.view.display import table


if TYPE_CHECKING:
    from nn.dataset import Dataset
    from nn.history import History

MOST_ROWS = 8  # of a table that are shown


def module_html(module: Any) -> str | None:
    """The network as a picture; None, and so its text, if its parameters do not tell of units or it cannot be drawn."""
    try:
        bundle: dict[str, str] = draw(module)._repr_mimebundle_()
    except (ImportError, TypeError, ValueError):
        return None
    return bundle.get("text/html")


def history_html(history: History) -> str | None:
    """The epochs as a table, the middle of a long training left out; None if there are none."""
    told = history.epochs
    if not told:
        return None
    columns = [c for c in ("lr", "loss", "validation_loss", "accuracy") if any(getattr(e, c) is not None for e in told)]
    cells = [[str(e.epoch), *(_number(getattr(e, c)) for c in columns)] for e in told]
    return table(repr(history), ["epoch", *(c.replace("_", " ") for c in columns)], _ends(cells))


def dataset_html(rows: Dataset) -> str:
    """The first and last rows as a table, inputs under their names, then the target."""
    wide = rows.features[:MOST_ROWS]
    more = ["…"] * (len(rows.features) > MOST_ROWS)
    cells = []
    for k in range(len(rows)) if len(rows) <= MOST_ROWS else [*range(MOST_ROWS - 2), len(rows) - 1]:
        x, t = rows[k]
        target = ", ".join(map(_number, t)) if isinstance(t, tuple) else rows.classes[t] if rows.classes else str(t)
        cells.append([str(k), *map(_number, x[: len(wide)]), *more, target])
    if len(rows) > MOST_ROWS:
        cells.insert(-1, ["…"] * len(cells[0]))
    return table(repr(rows), ["row", *wide, *more, "target"], cells)


def result_html(caption: str, columns: Sequence[str], cells: Sequence[Sequence[str]], sentence: str, png: bytes | None) -> str:
    """An experiment: its table, the sentence that the numbers support, and its figure where there is one."""
    image = ""
    if png is not None:
        data = b64encode(png).decode()
        image = f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}" style="max-width:100%">'
    return f"{table(caption, columns, cells)}<p>{escape(sentence)}</p>{image}"


def _ends(cells: list[list[str]]) -> Sequence[list[str]]:
    if len(cells) <= MOST_ROWS:
        return cells
    return [*cells[: MOST_ROWS - 3], ["…"] * len(cells[0]), *cells[-2:]]


def _number(x: float | None) -> str:
    return "" if x is None else f"{x:.6g}"
