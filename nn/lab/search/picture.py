"""The picture of a search: every run is a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nn.lab.plots import COLOURS, axes, logarithmic, tidy
from nn.lab.table import cell


if TYPE_CHECKING:
    from nn.lab.search.results import Results

WIDE = 20.0  # largest over smallest, from which the scale of the losses is logarithmic
DECADE = 9.99  # and that of what was tried


def points(results: Results, x: str | None, ax: Any, by: str | None) -> Any:
    """The measure of each run by rank or over the column `x`, coloured by the column `by`; failed runs are crosses."""
    if not results:
        raise ValueError("there are no runs to plot")
    ordered = results.sorted()
    ranks = {id(run): k for k, run in enumerate(ordered, 1)}
    places, ticks = ([ranks[id(run)] for run in results], None) if x is None else _places([results.value(run, x) for run in results])
    heights = [getattr(run, results.measure) for run in results]
    _, order = (None, [""]) if by is None else _places(found := [results.value(run, by) for run in results])
    groups = [""] * len(results) if by is None else [cell(x) for x in found]
    order = order or [cell(x) for x in sorted(set(found))]
    ax = axes(ax)
    for k, group in enumerate(order):
        mine = [(p, h) for p, h, g in zip(places, heights, groups, strict=True) if g == group and h is not None]
        ax.plot(*(zip(*mine, strict=True) if mine else ([], [])), linestyle="", marker="os^Dv*"[k % 6], color=COLOURS[k % 6],
                markersize=5, alpha=0.85, label=f"{by} = {group}")  # fmt: skip
    ends = [h for h in heights if h is not None]
    if ends and min(ends) > 0 and max(ends) / min(ends) > WIDE:
        ax.set_yscale("log")
    if lost := [p for p, h in zip(places, heights, strict=True) if h is None]:
        top = ax.get_xaxis_transform()  # x in its own scale, y from 0 to 1
        ax.plot(lost, [0.97] * len(lost), "x", color="black", transform=top, label="failed", markersize=6)
    if by or lost:
        handles = [h for h in ax.get_lines() if by or h.get_label() == "failed"]
        ax.legend(handles=handles, frameon=True, framealpha=0.9)
    tidy(ax, "runs, from best to worst" if x is None else x, results.measure.replace("_", " ").replace("validation", "held-out"))
    if ticks is not None:
        ax.set_xticks(range(len(ticks)), ticks)
    elif x is not None:
        few = sorted(set(places)) if len(set(places)) <= 8 else None
        if min(places) > 0 and max(places) / min(places) > DECADE:
            logarithmic(ax, few) if few and _apart(few) else ax.set_xscale("log")
        elif few and all(isinstance(v, int) for v in few):
            ax.set_xticks(few)
    return ax


def _apart(ticks: Sequence[float]) -> bool:
    """Whether all can be written under a logarithmic axis and none on another."""
    logs = [math.log(x) for x in ticks]
    return all(b - a > (logs[-1] - logs[0]) / 9 for a, b in pairwise(logs)) and max(len(f"{x:g}") for x in ticks) <= 7


def _places(values: Sequence[Any]) -> tuple[list[Any], list[str] | None]:
    """Numbers as they are; anything else side by side, in order of appearance, with its text under it."""
    if all(isinstance(v, int | float) for v in values):
        return list(values), None
    texts = [cell(v) for v in values]
    ticks = list(dict.fromkeys(texts))
    return [ticks.index(text) for text in texts], ticks
