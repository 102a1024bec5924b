"""python -m nn plot: figures of a saved run."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from nn import MLP, History, fit
from nn.cli.defaults import Defaults
from nn.cli.folder import TRAINED_WITH, Saved, image, listed, read, ready
from nn.cli.numbers import seed
from nn.files import write
from nn.lab import course, landscape, plots
from nn.lab.boundary import of_classes
from nn.lab.recorder import Recorder
from nn.losses import loss_function
from nn.scores import NO_IS_NEGATIVE


ENDINGS = (".png", ".svg", ".pdf")
SHOWN = 500  # updates, at most, of which gradients and weights are drawn
COLUMNS = 100  # of the heat map, at most, each the mean of several updates
FINEST = 401  # points of a landscape's side: a picture has not many more pixels
LARGEST = 20_000_000  # numbers of a walk that is kept whole


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plot",
        help="curves, decision boundary, error landscape, gradients, weights of a saved run",
        description="A figure of a run that train wrote. curves: the losses by epoch. boundary: what a network of two inputs "
        "tells at every point. landscape: the mean training error around its weights, along two random directions "
        "normalised unit by unit, or along two weights (--along w_o1,h1 w_h1,x1), where it is exact. walks: SGD and the full batch, "
        "started again from the first weights of the run, on the plane that holds most of both. saturation: the share "
        "of rows on which a sigmoid or tanh unit has lost its slope. gradients, weights, spread: the run is trained again, bit for "
        "bit, and drawn step by step: the mean |dE/dw| of every layer; the weights of --weights, by default those from the first "
        "input to the first two units; the largest difference of two units of a hidden layer.",
        formatter_class=Defaults,
    )
    add = parser.add_argument
    add("folder", metavar="RUN", type=Path, help="the folder of a run")
    add("kind", choices=list(DRAWN), help="what to draw")
    add("--along", nargs=2, metavar="WEIGHT", help="the two weights of a landscape")
    add("--weights", nargs="+", metavar="WEIGHT", help="whose paths are drawn, as in w_h1,x1 b_h1")
    add("--points", type=int, default=41, help="of a landscape's side")
    add("--reach", type=float, default=1.0, help="of a landscape to either side")
    add("--seed", type=seed, default=0, help="decides the random directions of a landscape")
    add("--out", type=Path, help="the picture's file, if not RUN/KIND.png; its name ends with .png, .svg or .pdf")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Draw, and write the picture's file."""
    if args.out is not None and args.out.suffix.lower() not in ENDINGS:
        raise ValueError(f"--out {args.out}: a picture's name ends with {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    saved = read(args.folder)
    out = args.out or saved.path.parent / f"{args.kind}.png"
    ready(out.parent)
    figure = DRAWN[args.kind](saved, args)
    out.parent.mkdir(parents=True, exist_ok=True)
    print(write(out, image(figure, out.suffix.lower()[1:])))
    listed(out, WHAT[args.kind])


def _curves(saved: Saved, args: argparse.Namespace) -> Any:
    if not saved.history.epochs:
        raise ValueError(f"{saved.path} has no run.json beside it, which would hold the losses; train with --out")
    try:
        held_out = saved.problem().held_out
    except (ValueError, OSError):  # the losses are known, the file of the rows has gone
        held_out = True
    return plots.loss_curves(saved.history, held_out=held_out).figure


def _boundary(saved: Saved, args: argparse.Namespace) -> Any:
    task = saved.problem()
    rows = replace(task.train, rows=(*task.train, *(task.test if task.held_out else ())))
    if not of_classes(rows):
        return plots.response(saved.model, rows).figure
    return plots.decision_boundary(saved.model, rows, boundary=0.0 if loss_function(task.loss) in NO_IS_NEGATIVE else None).figure


def _landscape(saved: Saved, args: argparse.Namespace) -> Any:
    _checked(args)
    task = saved.problem()
    first, second = map(saved.weight, args.along) if args.along else (2 * args.seed, 2 * args.seed + 1)
    made = landscape.plane(
        saved.model, task.train, loss=task.loss, first=first, second=second, points=args.points, reach=args.reach
    )
    ax = plots.surface(made)
    ax.plot([0], [0], "o", color="white", markeredgecolor="black", markersize=6)
    if not args.along:
        ax.set_xlabel("first random direction")
        ax.set_ylabel("second random direction")
    n = len(made.minima())
    inside = "flat, E is the same everywhere" if made.flat else {0: "no minimum inside", 1: "one minimum inside"}.get(n, f"{n} minima inside")
    ax.set_title(f"around the trained weights (dot); {inside}", fontsize=9)
    return ax.figure


def _checked(args: argparse.Namespace) -> None:
    """Refuse a grid that would take hours, and a plane that is a line."""
    if args.points > FINEST:
        raise ValueError(f"--points is {args.points}, and a side of the picture has at most {FINEST}")
    if args.along and args.along[0] == args.along[1]:
        raise ValueError(f"--along names {args.along[0]} twice; a landscape is drawn along two different weights")


def _walks(saved: Saved, args: argparse.Namespace) -> Any:
    _checked(args)
    start, task, settings = _start(saved), saved.problem(), saved.settings
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
    whole = f"full batch: steps on the sum of {len(task.train)} rows"
    ax = plots.surface(made, {"SGD": paths["SGD"], whole: paths["full batch"]})
    ax.set_xlabel("first principal direction of the walks")
    ax.set_ylabel("second principal direction")
    ax.set_title(f"from the first weights: this plane holds {100 * share:.0f} % of the walks (dots: their ends)", fontsize=9)
    return ax.figure


def _saturation(saved: Saved, args: argparse.Namespace) -> Any:
    return plots.saturation(saved.model, saved.problem().train).figure


def _gradients(saved: Saved, args: argparse.Namespace) -> Any:
    history = _again(saved)
    window = -(-len(course.layer_gradients(history)) // COLUMNS)  # a single row's gradient says little of its layer
    return plots.gradient_sizes(course.layer_gradients(history, window), stride=window * course.stride(history)).figure


def _weights(saved: Saved, args: argparse.Namespace) -> Any:
    units = saved.model.layers[0].neurons[:2]
    history = _again(saved)
    names = list(map(saved.weight, args.weights)) if args.weights else [name for name, p in saved.model.named_parameters() if any(p is unit.w[0] for unit in units)]
    return plots.trajectories(course.weight_paths(history, names), stride=course.stride(history)).figure


def _spread(saved: Saved, args: argparse.Namespace) -> Any:
    history = _again(saved)
    return plots.spread(course.unit_spreads(history), stride=course.stride(history), unit="step").figure


def _start(saved: Saved) -> MLP:
    """The model with the weights that the run began with."""
    if not saved.settings:
        raise ValueError(f"{saved.path} has no run.json beside it, which would say where it started; train with --out")
    config: dict[str, Any] = {key: saved.model.config[key] for key in ("nin", "layers", "activation", "output", "bias", "skip")}
    return MLP(**config, init=saved.settings["init"], seed=saved.settings["seed"])


def _again(saved: Saved) -> History:
    """The training of the run, repeated with a record; ValueError if it ends elsewhere."""
    model, task, settings = _start(saved), saved.problem(), saved.settings
    updates = settings["epochs"] * -(-len(task.train) // settings["batch_size"])
    history = fit(
        model, task.train, loss=task.loss, seed=settings["seed"], record=Recorder(every=-(-updates // SHOWN)),
        **{key: settings[key] for key in TRAINED_WITH},
    )  # fmt: skip
    for (name, p), q in zip(model.named_parameters(), saved.model.parameters(), strict=True):
        if p.data != q.data:
            raise ValueError(f"trained again, {name} ends at {p.data!r}, and is {q.data!r} in {saved.path}: it is not the model of that run.json")
    return history


DRAWN = {
    "curves": _curves, "boundary": _boundary, "landscape": _landscape, "walks": _walks, "saturation": _saturation,
    "gradients": _gradients, "weights": _weights, "spread": _spread,
}  # fmt: skip
WHAT = {
    "curves": "losses and accuracy by epoch", "boundary": "what the network tells at every point", "landscape": "the mean training error around the weights",
    "walks": "SGD and the full batch from the first weights", "saturation": "the rows on which each unit has lost its slope",
    "gradients": "the mean |dE/dw| of every layer, step by step", "weights": "some weights, step by step",
    "spread": "the largest difference of two units, step by step",
}  # fmt: skip
