"""`python -m engine.learn`: the next thing to do, one failure at a time."""

from __future__ import annotations

import argparse
import sys
from difflib import get_close_matches
from importlib import import_module
from textwrap import wrap
from typing import Any

from engine.console import output
from engine.learn.course import course, lessons
from engine.learn.desk import Desk
from engine.learn.telling import WIDTH, entry


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns 0 if all is passed, 1 if something is left, 2 if it was asked wrongly."""
    parser = argparse.ArgumentParser(prog="python -m engine.learn", description="Learning by tests: what to do next.")
    parser.add_argument("--impl", default="my_engine.py", metavar="FILE", help="the learner's file")
    parser.add_argument("--seconds", type=float, default=10.0, help="the longest that a check may take, of the processor's time")
    commands = parser.add_subparsers(dest="command", metavar="start|check|hint|show|map|eq|reset|drill|ledger")
    commands.add_parser("start", help="write my_engine.py, later my_nn.py")
    commands.add_parser("check", help="the checks up to a lesson").add_argument("lesson")
    commands.add_parser("hint", help="a hint for the next blank").add_argument("level", nargs="?", type=int, default=1)
    commands.add_parser("show", help="the shipped lines").add_argument("--give-up", action="store_true")
    commands.add_parser("map", help="all lessons, and how far you are")
    commands.add_parser("eq", help="an equation of the notes: what is exact, where it is learned, its checks").add_argument("id")
    commands.add_parser("reset", help="empty the blanks of a lesson").add_argument("lesson")
    drill = commands.add_parser("drill", help="every partial of a small network, asked in turn")
    drill.add_argument("--seed", type=int, default=0, help="decides the network and the questions (default: 0)")
    ledgers = commands.add_parser("ledger", help="every equation of the notes, on a live network")
    ledgers.add_argument("model", nargs="?", help="a model file; without one the 13/20 network")
    args = parser.parse_args(argv)
    try:
        with output(to_the_end=False):
            return run(args)
    except BrokenPipeError:
        return 1
    except (ValueError, TypeError, OSError, LookupError) as e:
        print("\n".join(wrap(f"engine.learn: {e}", WIDTH, subsequent_indent="  ")), file=sys.stderr)
        return 2


def run(args: argparse.Namespace) -> int:
    """Do what the command says."""
    done, said = True, ""
    if args.command == "eq":
        said = equation(args.id)
    elif args.command == "drill":
        return drilled(args.seed)
    elif args.command == "ledger":
        return ledger(args.model)
    else:
        desk = Desk(args.impl, number(args.lesson) if args.command == "check" else 99, args.seconds)
        if args.command in (None, "check"):
            done, said = desk.report()
        elif args.command == "reset":
            said = desk.reset(number(args.lesson))
        else:
            said = asked(desk, args)
    try:
        print(said)
    except UnicodeEncodeError:  # a terminal of ASCII alone
        print(said.translate(ASCII).encode("ascii", "replace").decode())
    return 0 if done else 1


def asked(desk: Desk, args: argparse.Namespace) -> str:
    """What a command that only tells has to say."""
    if args.command == "hint":
        return desk.hint(args.level)
    if args.command == "show":
        return desk.show(args.give_up)
    return desk.start() if args.command == "start" else desk.map()


ASCII = str.maketrans({"×": "*", "─": "-", "Σ": "sum", "−": "-", "–": "-", "δ": "delta ", "²": "**2"})


def number(text: str) -> int:
    """The number of a lesson, from 3 or L3."""
    last = lessons()[-1].number
    digits = text.strip().lstrip("Ll")
    if not digits.isdecimal() or int(digits) > last:
        raise ValueError(f"there is no lesson {text!r}; there are 0 to {last}")
    return int(digits)


def equation(name: str) -> str:
    """What the ledger says of an id: the note's notation, what is exact if it errs, where it is learned, and its checks."""
    book: dict[str, Any] = import_module("engine.learn.ledger").LEDGER
    found = {key.upper(): key for key in book}
    key = found.get(name.strip().upper(), "")
    if not key:
        near = [found[k] for k in get_close_matches(name.strip().upper(), found, 3, 0.6)]
        near = near or ["LEC-1 to LEC-16", "S63-a to S63-v", "SX-1 to SX-8", "ESL-12", "ERR-1 to ERR-19", "S0-1 to S0-38"]
        raise ValueError(f"no equation {name!r}; there are {', '.join(near)}, and all others in: python -m engine.learn ledger")
    e = book[key]
    checks = [c for c in course().checks if key in c.eq]
    lines = [f"{key}  {e.status}".ljust(WIDTH - 20) + f"lesson {e.lesson}, notebook {e.notebook}", *entry("says", e.says)]
    lines += entry("exact", e.exact) if e.exact else []
    lines += entry("explained", e.line)
    lines += entry("run", f"python -m nn experiment {e.shown}") if e.shown else []
    lines += entry("checks", ", ".join(f"L{c.lesson} {c.title}" for c in checks) or f"the ledger's own: python -m engine.learn ledger, line {key}")
    return "\n".join(lines)


def drilled(seed: int) -> int:
    """A drill on a small network."""
    room: Any = import_module("nn.learn.exercise")
    room.drill_of_a_network(seed)
    return 0


def ledger(model: str | None = None) -> int:
    """The equations of the notes on the network of a model file, or on the 13/20 network."""
    table: Any = import_module("engine.learn.ledger").table
    if model is None:
        print(table())
        return 0
    nn: Any = import_module("nn")
    net = nn.load(model)
    x, t = [0.5 * (-1) ** i * (i + 1) for i in range(net.nin)], [float(k == 0) for k in range(net.nout)]
    print(table(nn.losses.sse(net(x), t)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
