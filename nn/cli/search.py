"""python -m nn search: many trainings over seeds, learning rates and hidden units, as one table."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from nn import save
from nn.cli.defaults import Defaults
from nn.cli.folder import RUN, RUNS, fill, filling, image
from nn.cli.numbers import count, rate, seed
from nn.cli.problem import HELD_OUT, Problem, brief, check_size, problem
from nn.files import libraries
from nn.lab import between, grid, random_search
from nn.losses import LOSSES
from nn.modules import ACTIVATIONS


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "search",
        help="many trainings over seeds, learning rates and hidden units, as one table",
        description="Train once for every learning rate, number of hidden units and seed (a grid); or with --random N draw N "
        "settings between the smallest and the largest of each, learning rates evenly in the exponent.",
        epilog="A search with --out that was interrupted goes on where it was, when it is started again.",
        formatter_class=Defaults,
    )
    add = parser.add_argument
    add("dataset", help="as for train")
    add("--target", help="the column to predict (CSV files)")
    add("--hidden", type=count, nargs="+", default=[4, 8], metavar="N", help="units of the hidden layer to try")
    add("--lr", type=rate, nargs="+", default=[0.01, 0.1], metavar="ETA", help="learning rates to try")
    add("--seeds", type=count, default=3, help="trainings of each setting, from seeds 0, 1, ...")
    add("--random", type=count, metavar="N", help="draw N settings instead of trying all")
    add("--activation", default="tanh", choices=list(ACTIVATIONS), help="of the hidden layer")
    add("--output", choices=[*ACTIVATIONS, "softmax"], help="activation of the output layer")
    add("--loss", choices=list(LOSSES), help="the error on one sample")
    add("--epochs", type=count, default=30, help="passes over the training rows")
    add("--held-out", type=float, default=HELD_OUT, help="share of the rows kept for testing, which ranks the runs")
    add("--seed", type=seed, default=0, help="decides the split, and what is drawn")
    add("--jobs", type=count, metavar="N", help="processes to run in; by default this one alone")
    add("--out", type=Path, help="folder for the best model, the table, a figure and every run")
    parser.set_defaults(run=run, interrupted="what was done is kept with --out")


def run(args: argparse.Namespace) -> None:
    """Search, print the table, and write the folder."""
    task = problem(args.dataset, args.target, args.output, args.loss, args.held_out, args.seed)
    for hidden in args.hidden:
        check_size(len(task.dataset.features), [hidden, task.nout])
    if args.out is not None:
        libraries()
    with filling(args.out, keep=RUN):
        _run(args, task)


def _run(args: argparse.Namespace, task: Problem) -> None:
    options: dict[str, Any] = {
        "validation": task.test if task.held_out else None, "executor": args.jobs, "activation": args.activation,
        "output": task.output, "loss": task.loss, "epochs": args.epochs,
    }  # fmt: skip
    if args.out is not None:
        options["file"] = args.out / RUNS
    if args.random is None:
        results = grid(task.train, {"lr": args.lr, "hidden": args.hidden}, args.seeds, **options)
    else:
        space = {"lr": _between(args.lr, log=True), "hidden": _between(args.hidden)}
        results = random_search(task.train, space, args.random, args.seeds, seed=args.seed, **options)
    best = results.best
    print(f"{task.dataset!r}: {len(task.train)} rows to train on, {len(task.test) if task.held_out else 'none'} held out\n")
    told = "\n\n".join([str(results.sorted()), *([] if args.random else [results.by("hidden"), results.by("lr")])])
    print(f"{told}\n")
    setting = ", ".join(f"{name}={x:g}" for name, x in best.setting.items())
    print(f"best of {len(results)}: {setting}, {'held-out' if task.held_out else 'training'} loss {brief(getattr(best, results.measure))}")
    blind = task.blind(task.test)
    if 0 < blind <= getattr(best, results.measure):
        told_of = f"the best loss is no better than the {brief(blind)} of one answer for every row"
        print(f"nn search: {told_of}; try other --lr, more --epochs or more --hidden units", file=sys.stderr)
    if args.out is not None:
        best_model: Any = results.model(best)
        files: dict[str, Any] = {
            "model.safetensors": (partial(save, best_model, dataset=task.test), f"the best model: {setting}"),
            "table.txt": (f"{told}\n".encode(), "the runs, the best first"),
            RUNS: (lambda path: path, "every run with its weights; the same search, started again, goes on from it"),
            "runs.png": (image(results.plot("lr", by="hidden").figure), "every run by its learning rate"),
        }
        fill(args.out, f"{len(results)} trainings on {args.dataset}, best loss {brief(getattr(best, results.measure))}", files)


def _between(values: list[Any], log: bool = False) -> Any:
    low, high = min(values), max(values)
    if log and low == 0 < high:
        raise ValueError(f"--random draws learning rates evenly in the exponent, which begins above 0; write --lr with a smallest rate above 0, not 0 and {high:g}")
    return [low] if low == high else between(low, high, log=log)
