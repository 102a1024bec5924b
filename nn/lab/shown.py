"""Figures and axes that a notebook shows as they are, whether or not it was told `%matplotlib inline`."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from matplotlib.axes import Axes as PlainAxes
from matplotlib.figure import Figure as PlainFigure


class Figure(PlainFigure):
    """A Figure that shows itself."""

    def _repr_png_(self) -> bytes:
        return _png(self)


class Axes(PlainAxes):
    """Axes that show their figure."""

    def _repr_png_(self) -> bytes:
        return _png(self.figure)


def _png(figure: Any) -> bytes:
    figure.savefig(png := BytesIO(), format="png")
    return png.getvalue()
