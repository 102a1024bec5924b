"""python -m nn plot: figures of a saved run."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from nn import MLP
from nn.cli.folder import Saved, png, read, ready
from nn.files import write
from nn.lab import landscape, plots


KINDS = ("curves", "boundary", "landscape", "walks", "saturation")
LARGEST = 20_000_000  # numbers of a walk that is kept whole


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plot",
        help="curves, decision boundary, error landscape or saturation of a saved run",
        description="A figure of a run that train wrote. curves: the losses by epoch. boundary: what a network of two inputs "
        "tells at every point. landscape: the mean training error around its weights, along two random directions "
        "normalised unit by unit, or along two weights (--along w_o1,h1 w_h1,x1), where it is exact. walks: SGD and the full batch, "
        "started again from the first weights of the run, on the plane that holds most of both. saturation: the share "
        "of rows on which a sigmoid or tanh unit has lost its slope.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("folder", metavar="RUN", type=Path, help="the folder of a run")
    add("kind", choices=KINDS, help="what to draw")
    add("--along", nargs=2, metavar="WEIGHT", help="the two weights of a landscape")
    add("--points", type=int, default=41, help="of a landscape's side")
    add("--reach", type=float, default=1.0, help="of a landscape to either side")
    add("--seed", type=int, default=0, help="decides the random directions of a landscape")
    add("--out", type=Path, help="the PNG file, if not RUN/KIND.png")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Draw, and write the PNG file."""
    saved = read(args.folder)
    out = args.out or saved.path.parent / f"{args.kind}.png"
    ready(out.parent)
    drawn = {"curves": _curves, "boundary": _boundary, "landscape": _landscape, "walks": _walks, "saturation": _saturation}
    figure = drawn[args.kind](saved, args)
    out.parent.mkdir(parents=True, exist_ok=True)
    print(write(out, png(figure)))


def _curves(saved: Saved, args: argparse.Namespace) -> Any:
    if not saved.history.epochs:
        raise ValueError(f"{saved.path} has no run.json beside it, which would hold the losses; train with --out")
    return plots.loss_curves(saved.history).figure


def _boundary(saved: Saved, args: argparse.Namespace) -> Any:
    task = saved.problem()
    ax = plots.decision_boundary(saved.model, [*task.train, *(task.test if task.held_out else ())])
    scale = ", standardised" if task.train.scale else ""
    ax.set_xlabel(f"input {task.dataset.features[0]}{scale}")
    ax.set_ylabel(f"input {task.dataset.features[1]}{scale}")
    return ax.figure


def _landscape(saved: Saved, args: argparse.Namespace) -> Any:
    task = saved.problem()
    first, second = args.along or (2 * args.seed, 2 * args.seed + 1)
    made = landscape.plane(
        saved.model, task.train, loss=task.loss, first=first, second=second, points=args.points, reach=args.reach
    )
    ax = plots.surface(made)
    ax.plot([0], [0], "o", color="white", markeredgecolor="black", markersize=6)
    if not args.along:
        ax.set_xlabel("first random direction")
        ax.set_ylabel("second random direction")
    n = len(made.minima())
    ax.set_title(f"around the trained weights (dot); {n} grid {'minimum' if n == 1 else 'minima'}", fontsize=9)
    return ax.figure


def _walks(saved: Saved, args: argparse.Namespace) -> Any:
    settings = saved.settings
    if not settings:
        raise ValueError(f"{saved.path} has no run.json beside it, which would say where it started; train with --out")
    config: dict[str, Any] = {key: saved.model.config[key] for key in ("nin", "layers", "activation", "output", "bias", "skip")}
    start, task = MLP(**config, init=settings["init"], seed=settings["seed"]), saved.problem()
    epochs, weights = settings["epochs"], len(start.parameters())
    if (kept := epochs * len(task.train) * weights) > LARGEST:
        raise ValueError(f"the walk of this run has {kept:,} numbers, more than the {LARGEST:,} that are kept; train fewer epochs or weights")
    paths = landscape.descents(start, task.train, loss=task.loss, lr=settings["lr"], epochs=epochs, seed=settings["seed"])
    for name, path in paths.items():
        if not all(map(math.isfinite, path[-1])):
            raise ValueError(f"the walk of {name} leaves the floats with lr={settings['lr']:g}; train with a smaller one")
    centre, first, second, share = landscape.path_plane([*paths["full batch"], *paths["SGD"]])
    made = landscape.plane(
        start, task.train, loss=task.loss, first=first, second=second, points=args.points, reach=1.2 * args.reach, centre=centre
    )
    ax = plots.surface(made, paths)
    ax.set_xlabel("first principal direction of the walks")
    ax.set_ylabel("second principal direction")
    ax.set_title(f"from the first weights: this plane holds {100 * share:.0f} % of the walks (dots: their ends)", fontsize=9)
    return ax.figure


def _saturation(saved: Saved, args: argparse.Namespace) -> Any:
    return plots.saturation(saved.model, saved.problem().train).figure
