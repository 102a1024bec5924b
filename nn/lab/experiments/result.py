"""What an experiment returns: a table, a figure made on request, and the sentence that the numbers support."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from os import PathLike
from pathlib import Path
from textwrap import fill
from typing import Any

from nn.display import result_html
from nn.files import write
from nn.lab.animation import moving
from nn.lab.plots import figure
from nn.lab.table import aligned, cell


WIDE = 100  # characters of a line of the sentence


@dataclass(frozen=True, repr=False)
class Result:
    """An experiment that was run; `numbers` holds what the sentence was computed from.

    >>> result = Result("halves", "1/2 and 1/4", ("n", "1/n"), [(2, 0.5), (4, 0.25)], "It falls.", lambda figure: None)
    >>> print(result.table)
    n   1/n
    2   0.5
    4  0.25
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    sentence: str
    draw: Callable[[Any], object] = field(repr=False, compare=False)
    numbers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    size: tuple[float, float] = (7.2, 4.0)
    cites: tuple[str, ...] = ()  # the rows and equations of the notes that it runs
    animate: Callable[[Any], Iterator[object]] | None = field(default=None, repr=False, compare=False)  # a frame at each turn

    @property
    def table(self) -> str:
        """The rows under their column names, as text."""
        return aligned(self.columns, self.rows)

    def figure(self) -> Any:
        """A matplotlib Figure; raises ImportError if the extra `plots` is missing."""
        made = figure(*self.size)
        made.suptitle(self.title, fontsize=11, fontweight="bold")
        self.draw(made)
        return made

    def animation(self) -> bytes:
        """What moves, as a GIF, the same bytes every time; raises ValueError for an experiment in which nothing does."""
        if self.animate is None:
            raise ValueError(f"{self.name} has no animation; figure() draws it")
        return moving(self.animate, *self.size, self.title)

    def save(self, folder: str | PathLike[str]) -> list[Path]:
        """Write NAME.txt, NAME.png and, of what moves, NAME.gif into `folder`, made if need be; returns their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        contents = {"txt": f"{self}\n".encode(), "png": self._png()}
        if self.animate is not None:
            contents["gif"] = self.animation()
        return [write(folder / f"{self.name}.{kind}", content) for kind, content in contents.items()]

    def _png(self) -> bytes:
        png = BytesIO()
        self.figure().savefig(png, format="png")
        return png.getvalue()

    def _repr_html_(self) -> str:
        try:
            png = self._png()
        except ImportError:  # the numbers and the sentence need no extra
            png = None
        cells = [[cell(x) for x in row] for row in self.rows]
        return result_html(f"{self.name}: {self.title}", self.columns, cells, self.sentence, png)

    def __repr__(self) -> str:
        return f"<experiment {self.name}: {self.sentence}>"

    def __str__(self) -> str:
        of = f"  [{', '.join(self.cites)}]" if self.cites else ""
        return f"{self.name}: {self.title}{of}\n\n{self.table}\n\n{fill(self.sentence, WIDE, break_long_words=False, break_on_hyphens=False)}"
