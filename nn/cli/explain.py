"""python -m nn explain: why the derivative of a saved model's weight is that number, on a row of your choice."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import explain
from nn.cli.folder import Saved, read
from nn.cli.numbers import rate
from nn.cli.problem import named_target
from nn.data import check_rows
from nn.losses import LOSSES, loss_function
from nn.modules import MLP
from nn.numbers import counted
from nn.train import INDEX_LOSSES


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "explain",
        help="why dE/dw of a saved model is that number, on a row of your choice",
        description="The derivative of the error by one weight, factor by factor, with the numbers of one row: the chain rule "
        "from E back to the weight, the deltas, the step that it makes, and a difference quotient beside it.",
        epilog="Without --row or --sample it is the row with the largest error. Weights are named as in the notes, to unit j "
        "from i: w_o1,h1 is output 1 from hidden unit 1, b_h2 the bias of hidden unit 2. In deeper nets w[h2_1,h1_3] is unit 1 "
        "of hidden layer 2 from unit 3 of layer 1; w_h2_1,h1_3 is read as well, since shells have a meaning for brackets.",
    )
    add = parser.add_argument
    add("model", type=Path, help="the folder of a run, or a .safetensors file")
    add("weight", help="such as w_o1,h1 or b_h1")
    add("--notes", choices=["LEC", "S63", "SX", "ESL"], help="in the notation of these notes; without, in plain terms")
    add("--row", metavar="NUMBERS", help="the inputs of a row of your own, as in 5.1,3.5,1.4,0.2, in the units of the data set; --row=-1,2 if the first is negative")
    add("--t", metavar="TARGET", help="the target of --row: a class by name or index, or numbers as in 0,1")
    add("--dataset", help="take rows of this data set, if the model has no run.json beside it")
    add("--sample", type=int, metavar="N", help="the row of this number, from 0: of the held-out rows, or of a truth table's four")
    add("--loss", choices=list(LOSSES), help="the error, if not that of the training")
    add("--eta", type=rate, help="learning rate of the step that is shown, if not that of the training")
    add("--latex", action="store_true", help="as LaTeX")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the explanation."""
    saved = read(args.model)
    model, named = saved.model, dict(saved.model.named_parameters())
    weight = named[saved.weight(args.weight)]
    loss = args.loss or saved.settings.get("loss") or {"softmax": "cross_entropy", "sigmoid": "bce"}.get(model.output, "half_sse")
    loss_of = loss_function(loss)
    if args.row is not None:
        x, t = _own(args, saved, loss)
        told, classes = "your row", saved.rows.classes if saved.rows else ()
    else:
        if args.t is not None:
            raise ValueError("--t is the target of a --row of your own; leave it out, or give the row")
        task = saved.problem(args.dataset, loss)
        rows = task.test if loss in INDEX_LOSSES or not task.dataset.classes or not isinstance(task.test[0][1], int) else task.test.one_hot()
        errors = [loss_of(model(x), t).data for x, t in rows]
        n = args.sample if args.sample is not None else max(range(len(rows)), key=errors.__getitem__)
        if not 0 <= n < len(rows):
            raise ValueError(f"--sample is {n}, and the rows are numbered from 0 to {len(rows) - 1}")
        (x, t), classes = rows[n], task.dataset.classes
        told = f"row {n} of the {'held-out ' * task.held_out}rows 0 to {len(rows) - 1}{', the worst' if args.sample is None else ''}"
    E = loss_of(model(x), t)
    E.backward()
    eta = args.eta if args.eta is not None else saved.settings.get("lr")
    found = explain(weight, E, notes=args.notes, eta=eta)
    outputs = ", ".join(f"{o.data:.4g}" for o in model(x))
    print(f"{told}: x = ({', '.join(f'{v:.4g}' for v in x)}), target {named_target(t, classes)}, output ({outputs}), {loss} E = {E.data:.6g}\n")
    print(found.latex() if args.latex else found)


def _own(args: argparse.Namespace, saved: Saved, loss: str) -> tuple[Sequence[float], Any]:
    """The row that was typed, on the scale on which the model was trained, and its target."""
    if args.sample is not None or args.dataset is not None:
        raise ValueError("--row is a row of your own, so --sample and --dataset have nothing to say; give one or the other")
    if args.t is None:
        raise ValueError("a row of your own needs its target: --t 1, or --t setosa")
    x, rows = _numbers(args.row, "--row"), saved.rows
    if len(x) != saved.model.nin:
        names = f": {', '.join(rows.features)}" if rows else ""
        raise ValueError(f"--row has {counted(len(x), 'number')}, and the model takes {saved.model.nin}{names}")
    if rows and rows.scale:
        x = [(v - m) / s for v, m, s in zip(x, rows.mean, rows.scale, strict=True)]
    return check_rows([(x, _target(args.t, saved.model, rows.classes if rows else (), loss))], saved.model.nin,
                      None if loss in INDEX_LOSSES else saved.model.nout, saved.model.nout if loss in INDEX_LOSSES else None)[0]  # fmt: skip


def _target(text: str, model: MLP, classes: Sequence[str], loss: str) -> Any:
    if text in classes or (loss in INDEX_LOSSES and text.isdecimal()):
        k = classes.index(text) if text in classes else int(text)
        return k if loss in INDEX_LOSSES else [float(j == k) for j in range(model.nout)]
    if loss in INDEX_LOSSES:
        raise ValueError(f"--t is {text!r}, which is no class; write {', '.join(classes) or f'a number from 0 to {model.nout - 1}'}")
    return _numbers(text, "--t")


def _numbers(text: str, name: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not numbers; write them as in 0.5,-1,2") from None
