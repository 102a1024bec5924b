"""Figures and axes that a notebook shows as they are, whether or not it was told `%matplotlib inline`."""

from __future__ import annotations

from io import BytesIO

from matplotlib import axes, figure


class Figure(figure.Figure):
    """A Figure that shows itself."""

    def _repr_png_(self) -> bytes:
        self.savefig(png := BytesIO(), format="png")
        return png.getvalue()


class Axes(axes.Axes):
    """Axes that show their figure."""

    def _repr_png_(self) -> bytes:
        self.figure.savefig(png := BytesIO(), format="png")
        return png.getvalue()
