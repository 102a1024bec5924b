"""The command line: `python -m nn train DATASET` trains a network and writes what is worth looking at."""

from __future__ import annotations

import argparse
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

from engine import Value, draw, explain
from nn import MLP, data, fit, save
from nn.files import libraries, write
from nn.init import INITIALISERS
from nn.lab.plots import axes, loss_curves
from nn.losses import LOSSES, loss_function
from nn.modules import ACTIVATIONS
from nn.optim import SCHEDULES
from nn.train import BACKENDS, INDEX_LOSSES, ORDERS


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 2 with one line that says what was wrong."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except BrokenPipeError:
        return 0
    except (ValueError, TypeError, OSError, ImportError, ArithmeticError) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        print(f"nn {args.command}: {error}{notes}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"nn {args.command}: interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help tells more\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m nn", description="Train a small network, one sample at a time, and look inside.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    train = commands.add_parser(
        "train",
        help="train on a data set and write model, curves, gradient graph and explanation",
        description="Train a multi-layer perceptron by per-sample stochastic gradient descent. Classes get a softmax "
        "output and cross entropy, numbers a linear output and half_sse, unless you say otherwise.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = train.add_argument
    add("dataset", help="iris, digits, wine, breast_cancer, moons, and, or, xor, or a CSV file")
    add("--target", help="the column to predict: its name, or its position from 0 (CSV files)")
    add("--hidden", type=int, nargs="*", default=[8], metavar="N", help="units of each hidden layer")
    add("--activation", default="tanh", choices=list(ACTIVATIONS), help="of the hidden layers")
    add("--output", choices=[*ACTIVATIONS, "softmax"], help="activation of the output layer")
    add("--loss", choices=list(LOSSES), help="the error on one sample")
    add("--init", default="xavier", choices=list(INITIALISERS), help="initial weights")
    add("--epochs", type=int, default=30, help="passes over the training rows")
    add("--lr", type=float, default=0.05, help="learning rate, eta in the notes")
    add("--batch-size", type=int, default=1, help="rows for one update")
    add("--order", default="shuffled", choices=ORDERS, help="of the rows in an epoch")
    add("--momentum", type=float, default=0.0, help="of the running sum of gradients")
    add("--weight-decay", type=float, default=0.0, help="pull of every weight towards 0")
    add("--schedule", default="constant", choices=list(SCHEDULES), help="of the learning rate over the epochs")
    add("--backend", default="auto", choices=BACKENDS, help="what runs the steps; the numbers are the same")
    add("--held-out", type=float, default=0.2, help="share of the rows kept for testing")
    add("--seed", type=int, default=0, help="decides split, initial weights and order")
    add("--out", type=Path, help="folder for model.safetensors, curves.png, graph.svg and explanation.txt")
    train.set_defaults(run=_train)
    return parser


def _train(args: argparse.Namespace) -> None:
    target = int(args.target) if args.target and args.target.lstrip("-").isdecimal() else args.target
    dataset = data.load(args.dataset, target=target)
    if args.out is not None:
        _ready(args.out)
    train, test = _parts(dataset, args)
    classes = len(dataset.classes)
    output = args.output or ("softmax" if classes else "linear")
    loss = args.loss or {"softmax": "cross_entropy", "sigmoid": "bce"}.get(output, "half_sse")
    if classes and loss not in INDEX_LOSSES:
        train, test = train.one_hot(), test.one_hot()
    t = train[0][1]
    nin, nout = len(dataset.features), classes or (1 if isinstance(t, int) else len(t))
    model = MLP(nin, [*args.hidden, nout], activation=args.activation, output=output, init=args.init, seed=args.seed)
    weights = len(model.parameters())
    held_out = "none" if test is train else len(test)
    print(f"{dataset!r}: {len(train)} rows to train on, {held_out} held out")
    print(f"{model!r}: {weights} weights, {loss}, {'one sample' if args.batch_size == 1 else args.batch_size} an update")
    history = fit(
        model,
        train,
        loss=loss,
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
    which = "training" if test is train else "held-out"
    print(f"loss {brief(history.loss[0])} -> {brief(last.loss)}, {which} loss {brief(last.validation_loss)}")
    if last.accuracy is not None:
        right = round(last.accuracy * len(test))
        print(f"{which} accuracy {last.accuracy:.4f} ({right} of {len(test)} right)")
    if args.out is not None:
        _write(args, model, history, test, loss)


def brief(x: float | None) -> str:
    """A loss in four decimals, or in powers of ten where it has run away."""
    return "-" if x is None else f"{x:.4f}" if abs(x) < 1e6 else f"{x:.1e}"


def _parts(dataset: data.Dataset, args: argparse.Namespace) -> tuple[data.Dataset, data.Dataset]:
    """Training and held-out rows, standardised; a truth table has no row to spare and is both."""
    if len(dataset) <= 4:
        return dataset, dataset
    train, test = data.split(dataset, held_out=args.held_out, seed=args.seed)
    if args.dataset.lower() == "digits":  # already between 0 and 1
        return train, test
    return tuple(data.standardise(train, test))  # type: ignore[return-value]


def _ready(out: Path) -> None:
    """Refuse before the work what would be refused after it: a missing extra, a folder that cannot be written."""
    libraries()
    axes()
    try:
        there = next(folder for folder in (out, *out.parents) if folder.exists())
        write(there / ".writable", b"").unlink()
    except OSError as error:
        raise OSError(f"cannot write to {out}: {error.strerror}; give --out another folder") from None


def _write(args: argparse.Namespace, model: MLP, history: Any, test: data.Dataset, loss: str) -> None:
    loss_of = loss_function(loss)
    x, t = max(test, key=lambda row: loss_of(model(row[0]), row[1]).data)
    E = loss_of(model(x), t)
    E.backward()
    sample = f"The row with the largest loss: x = ({', '.join(f'{i:.4g}' for i in x)}), target {t}, E = {E.data:.4g}"
    first, last = model.layers[0].neurons[0], model.layers[-1].neurons[0]
    weights: list[Value] = [last.w[0], first.w[0]][: len(model.layers)]
    explanation = "\n\n".join([sample, *(str(explain(w, E, notes="LEC", eta=args.lr)) for w in weights)])
    graph = draw(E, collapse="unit").svg
    loss_curves(history).figure.savefig(curves := BytesIO(), format="png")
    args.out.mkdir(parents=True, exist_ok=True)
    written = [
        (save(model, args.out / "model.safetensors", dataset=test), "the model: load it with nn.load_predictor"),
        (write(args.out / "curves.png", curves.getvalue()), "loss and held-out accuracy by epoch"),
        (write(args.out / "graph.svg", graph.encode()), "the gradient graph of the worst held-out sample"),
        (write(args.out / "explanation.txt", f"{explanation}\n".encode()), "two of its weights, derivative by derivative"),
    ]
    for path, what in written:
        print(f"  {path}  {what}")


if __name__ == "__main__":
    sys.exit(main())
