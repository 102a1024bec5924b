"""The command line: `python -m engine "tanh(w*x + b)" w=0.5 x=1 b=0.1` evaluates, differentiates and explains."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from engine import Value, draw, explain, explore, listing, tree
from engine.console import output, shows
from engine.expression import FUNCTIONS, parse


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 2 with one line that says what was wrong."""
    args = _parser().parse_args(argv)
    try:
        with output(to_the_end=bool(args.draw or args.explore)):
            _run(args)
    except BrokenPipeError:
        return 0
    except (ValueError, TypeError, ArithmeticError, OSError, ImportError) as error:
        what = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        print(f"engine: {what}", file=sys.stderr)
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        name, _, rest = message.partition(": ")
        if name == "unrecognized arguments" and not rest.startswith("--"):
            message += '; what begins with - is taken for an option; put an expression in brackets, as in "(-x)"'
        self.exit(2, f"engine: {message}; --help tells more\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m engine",
        description="Evaluate an expression, differentiate it by every name in it, and say why each gradient is what it is.",
        epilog=f"Functions: {', '.join(FUNCTIONS)}. Conditions: where(x > 0, a, b).",
    )
    add = parser.add_argument
    add("expression", help='such as "tanh(w*x + b)"')
    add("values", nargs="*", default=[], metavar="name=value", help="the number of each name")
    add("--explain", metavar="NAME", action="append", default=[], help="derive d result / d NAME, step by step")
    add("--draw", metavar="FILE", help="write the gradient graph as SVG")
    add("--explore", metavar="FILE", help="write the page on which the backward pass can be stepped")
    add("--tree", action="store_true", help="print the graph as a tree")
    add("--list", action="store_true", help="print the graph line by line")
    return parser


def _run(args: argparse.Namespace) -> None:
    names: dict[str, Value] = {}
    for name, v in map(_named, args.values):
        if name in names:
            raise ValueError(f"{name} is given twice, as {names[name].data:.6g} and {v.data:.6g}; give each name once")
        names[name] = v
    if args.draw and Path(args.draw).suffix.lower() != ".svg":
        raise ValueError(f"--draw {args.draw}: pictures are written as SVG; end the name with .svg")
    y = parse(args.expression, names)
    y.backward()
    print(f"{args.expression} = {y.data:.6g}")
    for name, v in names.items():
        print(f"  d/d{name} = {'0 (it is not used)' if v.grad is None else format(v.grad, '.6g')}")
    for name in args.explain:
        if name not in names:
            raise ValueError(f"--explain {name}: there is no such name; choose from {', '.join(names) or 'none'}")
        if names[name].grad is None:
            raise ValueError(f"--explain {name}: {args.expression} does not use it, so that its derivative is 0 and there is nothing to derive")
        print(f"\n{explain(names[name], y)}")
    plain = not shows("├─ × η δ − ∂")
    if args.tree:
        print(f"\n{tree(y, ascii=plain)}")
    if args.list:
        print(f"\n{listing(y, ascii=plain)}")
    if args.draw:
        _save(args.draw, draw(y).save_svg, "the gradient graph")
    if args.explore:
        _save(args.explore, explore(y).save, "the page: open it in a browser")


def _named(item: str) -> tuple[str, Value]:
    name, sign, number = item.partition("=")
    if not sign or not name.isidentifier():
        raise ValueError(f"{item!r} is not name=value, such as w=0.5")
    try:
        x = float(number)
    except ValueError:
        raise ValueError(f"{name}={number!r}: a number was expected, such as {name}=0.5") from None
    if math.isinf(x) and "inf" not in number.lower():
        raise ValueError(f"{name}={number} is too large for a float, the largest is 1.8e308; write {name}=inf if that is meant")
    return name, Value(x, name)


def _save(file: str, write: Callable[[Path], object], what: str) -> None:
    path = Path(file)
    try:
        write(path)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from None
    print(f"{path}  {what}")


if __name__ == "__main__":
    sys.exit(main())
