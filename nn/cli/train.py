"""python -m nn train: a data set, a network, a training, and a folder of what is worth looking at."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from engine import Value, draw, explain
from nn import MLP, Epoch, fit, save
from nn.cli.defaults import Defaults
from nn.cli.folder import RUNS, described, fill, filling, image
from nn.cli.numbers import count, rate, seed
from nn.cli.problem import HELD_OUT, Problem, brief, check_size, named_target, problem
from nn.files import libraries
from nn.init import INITIALISERS
from nn.lab.plots import loss_curves
from nn.losses import LOSSES, loss_function
from nn.modules import ACTIVATIONS
from nn.numbers import counted
from nn.optim import SCHEDULES
from nn.train import BACKENDS, ORDERS


LR = 0.05  # unless you say otherwise
ABREAST = 12  # units of a layer, up to which each is drawn with all its weights


def add(commands: Any) -> None:
    """Add the command to the parser."""
    train = commands.add_parser(
        "train",
        help="train on a data set, and write model, curves, gradient graph and explanation",
        description="Train a multi-layer perceptron by per-sample stochastic gradient descent. Classes get a softmax "
        "output and cross entropy, numbers a linear output and half_sse, unless you say otherwise.",
        formatter_class=Defaults,
    )
    add = train.add_argument
    add("dataset", help="iris, digits, wine, breast_cancer, moons, and, or, xor, or a CSV file")
    add("--target", help="the column to predict: its name, or its position from 0 (CSV files)")
    add("--hidden", type=count, nargs="*", default=[8], metavar="N", help="units of each hidden layer")
    add("--activation", default="tanh", choices=list(ACTIVATIONS), help="of the hidden layers")
    add("--output", choices=[*ACTIVATIONS, "softmax"], help="activation of the output layer")
    add("--loss", choices=list(LOSSES), help="the error on one sample")
    add("--init", default="xavier", choices=list(INITIALISERS), help="initial weights")
    add("--epochs", type=count, default=30, help="passes over the training rows")
    add("--lr", type=rate, default=LR, help="learning rate, eta in the notes")
    add("--batch-size", type=count, default=1, help="rows for one update")
    add("--order", default="shuffled", choices=ORDERS, help="of the rows in an epoch")
    add("--momentum", type=rate, default=0.0, help="of the running sum of gradients")
    add("--weight-decay", type=rate, default=0.0, help="pull of every weight towards 0")
    add("--schedule", default="constant", choices=list(SCHEDULES), help="of the learning rate over the epochs")
    add("--backend", default="auto", choices=BACKENDS, help="what runs the steps; the numbers are the same")
    add("--held-out", type=float, default=HELD_OUT, help="share of the rows kept for testing")
    add("--seed", type=seed, default=0, help="decides split, initial weights and order")
    add("--out", type=Path, help="folder for model.safetensors, run.json, curves.png, graph.svg, explanation.txt and contents.txt")
    train.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Train, print how it went, and write the folder."""
    task = problem(args.dataset, args.target, args.output, args.loss, args.held_out, args.seed)
    if args.out is not None:
        libraries()
    with filling(args.out, keep=RUNS):
        _run(args, task)


def _run(args: argparse.Namespace, task: Problem) -> None:
    train, test = task.train, task.test
    nin, layers = len(task.dataset.features), [*args.hidden, task.nout]
    check_size(nin, layers)
    model = MLP(
        nin, layers, activation=args.activation, output=task.output, init=args.init,
        seed=args.seed,
    )  # fmt: skip
    weights = len(model.parameters())
    print(f"{task.dataset!r}: {len(train)} rows to train on, {len(test) if task.held_out else 'none'} held out")
    print(f"{model!r}: {counted(weights, 'weight')}, {task.loss}, {'one sample' if args.batch_size == 1 else args.batch_size} an update")
    history = fit(
        model,
        train,
        loss=task.loss,
        lr=args.lr,
        epochs=args.epochs,
        batch_size=args.batch_size,
        order=args.order,
        momentum=args.momentum,
        weight_decay=args.weight_decay,
        schedule=args.schedule,
        backend=args.backend,
        validation=test,
        seed=args.seed,
    )
    last = history.epochs[-1]
    which = "held-out" if task.held_out else "training"
    print(f"loss {brief(history.loss[0])} -> {brief(last.loss)}, {which} loss {brief(last.validation_loss)}")
    if last.accuracy is not None:
        right = round(last.accuracy * len(test))
        print(f"{which} accuracy {last.accuracy:.4f} ({right} of {len(test)} right)")
    _tell_if_useless(args, last, task)
    if args.out is not None:
        _write(args, model, history, task)


def _tell_if_useless(args: argparse.Namespace, last: Epoch, task: Problem) -> None:
    """Say so if the network ends no better than one answer for every row, on both parts, and what to try."""
    blind = task.blind(task.train)
    if not 0 < blind <= last.loss or (last.validation_loss or 0.0) < task.blind(task.test):
        return
    if args.momentum >= 1:
        remedy = "a --momentum below 1, as 0.9"
    elif args.lr == 0:
        remedy = "a --lr above 0"
    elif last.loss > 2 * blind:
        remedy = f"a smaller --lr, as {min(args.lr / 10, LR):.3g}"
    else:
        remedy = f"{'a hidden layer, as --hidden 4, ' * (not args.hidden)}{'a smaller --weight-decay, ' * (args.weight_decay > 0)}more --epochs, another --lr or another --seed"
    told = f"the loss ends at {brief(last.loss)}, no better than the {brief(blind)} of one answer for every row; try {remedy}"
    print(f"nn train: {told}", file=sys.stderr)


def _write(args: argparse.Namespace, model: MLP, history: Any, task: Problem) -> None:
    loss_of = loss_function(task.loss)
    x, t = max(task.test, key=lambda row: loss_of(model(row[0]), row[1]).data)
    E = loss_of(model(x), t)
    E.backward()
    sample = f"The row with the largest loss: x = ({', '.join(f'{i:.4g}' for i in x)}), target {named_target(t, task.dataset.classes)}, E = {E.data:.4g}"
    first, last = model.layers[0].neurons[0], model.layers[-1].neurons[0]
    seen = next((k for k, i in enumerate(x) if i), 0)  # an input of 0 would make a derivative of 0
    weights: list[Value] = [first.w[seen]] if first is last else [last.w[0], first.w[seen]]
    explanation = "\n\n".join([sample, *(str(explain(w, E, notes="LEC", eta=args.lr)) for w in weights)])
    settings = {
        "dataset": args.dataset, "target": args.target, "output": task.output, "loss": task.loss, "held_out": args.held_out,
        "seed": args.seed, "lr": args.lr, "epochs": args.epochs, "batch_size": args.batch_size, "order": args.order,
        "momentum": args.momentum, "weight_decay": args.weight_decay, "schedule": args.schedule, "init": args.init,
    }  # fmt: skip
    whose, which = ("held-out sample", "held-out") if task.held_out else ("sample", "training")
    files: dict[str, Any] = {
        "model.safetensors": (partial(save, model, dataset=task.test), "the model: load it with nn.load_predictor, ask it with python -m nn explain"),
        "run.json": (described(settings, history), "every setting, and the losses of every epoch"),
        "curves.png": (image(loss_curves(history, held_out=task.held_out).figure), f"losses{f' and {which} accuracy' * (history.epochs[-1].accuracy is not None)} by epoch"),
        "graph.svg": (draw(E, collapse="unit" if max(len(layer.neurons) for layer in model.layers) <= ABREAST else "network").svg.encode(), f"the gradient graph of the worst {whose}"),
        "explanation.txt": (f"{explanation}\n".encode(), "two of its weights, derivative by derivative"),
    }
    fill(args.out, f"{model!r} trained on {args.dataset}, {args.epochs} epochs, seed {args.seed}", files)
