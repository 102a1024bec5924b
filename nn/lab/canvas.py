"""What figures are drawn on and with: colours, axes and figures that show themselves; needs the extra `plots`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


BLUE, ORANGE, GREY = "#0877bd", "#d9730d", "#666666"  # told apart by every kind of colour vision
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe and Ito's, for lines


def axes(ax: Any = None) -> Any:
    """`ax` itself, or those of a new figure; TypeError for what is none, ImportError if the extra `plots` is missing."""
    if ax is not None:
        if not hasattr(ax, "get_figure"):
            raise TypeError(f"ax is {ax!r:.60}; give the Axes to draw on, as those of plt.subplots(), or leave it out")
        return ax
    made = figure()
    from nn.lab.shown import Axes

    return made.add_subplot(axes_class=Axes)


def figure(width: float = 6.4, height: float = 3.8) -> Any:
    """An empty Figure of that many inches, which no global state knows; ImportError without the extra `plots`."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ImportError('plots need matplotlib: pip install "nodegrad[plots]"') from None
    from nn.lab.shown import Figure

    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def tidy(ax: Any, x: str, y: str) -> Any:
    """Name both axes, and take away the lines of the frame that carry no scale."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)  # no line across a bar
    return ax


def logarithmic(ax: Any, ticks: Sequence[float]) -> Any:
    """A logarithmic x axis with these ticks, written out, and no others."""
    ax.set_xscale("log")
    ax.set_xticks(list(ticks), [f"{x:g}" for x in ticks])
    ax.set_xticks([], minor=True)
    return ax
