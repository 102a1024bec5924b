"""Figures of training: `ax=None` in, the Axes out; needs the extra `plots`."""

from __future__ import annotations

from typing import Any

from nn.train import History


BLUE, ORANGE, GREY = "#0877bd", "#d9730d", "#666666"  # told apart by every kind of colour vision


def loss_curves(history: History, ax: Any = None) -> Any:
    """The loss of every epoch, training and held-out, and the held-out accuracy on a second axis.

    >>> from nn import MLP, data, fit
    >>> history = fit(MLP(2, [3, 1]), data.XOR(), loss="sse", lr=0.1, epochs=3)
    >>> loss_curves(history).get_xlabel()
    'epoch'
    """
    ax = axes(ax)
    number = [e.epoch + 1 for e in history.epochs]
    ax.plot(number, history.loss, color=BLUE, linewidth=2, label="training loss")
    held_out = [e.validation_loss for e in history.epochs]
    if None not in held_out:
        ax.plot(number, held_out, color=ORANGE, linewidth=2, linestyle="--", label="held-out loss")
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean loss per sample")
    ax.set_ylim(bottom=0)
    ax.margins(x=0.02)
    ax.spines[["top", "right"]].set_visible(False)
    lines = ax.get_lines()
    if None not in history.accuracy and history.accuracy:
        right = ax.twinx()
        right.plot(number, history.accuracy, color=GREY, linewidth=1.5, linestyle=":", label="held-out accuracy")
        right.set_ylim(0, 1.02)
        right.set_ylabel("held-out accuracy")
        right.spines[["top", "left"]].set_visible(False)
        lines = [*lines, *right.get_lines()]
    ax.legend(lines, [line.get_label() for line in lines], frameon=False, loc="center right")
    return ax


def axes(ax: Any = None) -> Any:
    """`ax` itself, or those of a new figure; raises ImportError if the extra `plots` is missing."""
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError('plots need matplotlib: pip install "nodegrad[plots]"') from None
    return Figure(figsize=(6.4, 3.8), dpi=120, layout="constrained").add_subplot()
