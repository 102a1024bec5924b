"""The command line: `python -m nn train|explain|plot|experiment|search`, networks to train, question and compare."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from typing import NoReturn

from engine.console import output
from nn.cli import experiment, explain, plot, search, train


COMMANDS = (train, explain, plot, experiment, search)
EXAMPLES = """a first round:
  python -m nn train xor --hidden 3 --epochs 500 --lr 0.2 --out run/xor   train, and write what is worth looking at
  python -m nn explain run/xor w_o1,h1 --notes LEC                        why that derivative is that number
  python -m nn plot run/xor boundary                                      what the network tells, over its inputs
  python -m nn experiment symmetry                                        a claim of the notes, run
  python -m nn search xor --hidden 2 3 --lr 0.1 0.5 --seeds 5             many trainings, one table
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 2 with one line that says what was wrong."""
    args = _parser().parse_args(argv)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # its notes on folders and fonts tell nothing of the run
    try:
        with warnings.catch_warnings(), output(to_the_end=getattr(args, "out", None) is not None):
            warnings.showwarning = lambda message, *_, **__: print(f"nn {args.command}: {message}", file=sys.stderr)
            args.run(args)
    except BrokenPipeError:
        return 0
    except (ValueError, TypeError, OSError, ImportError, ArithmeticError) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        print(f"nn {args.command}: {_told(error)}{notes}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"nn {args.command}: interrupted; {args.interrupted}", file=sys.stderr)
        return 130
    return 0


def _told(error: Exception) -> object:
    """What an error says; of a file, its name and the reason without the number that the system gives it."""
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename and error.strerror else error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help tells more\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m nn",
        description="Train a small network, one sample at a time, and look inside.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(interrupted="nothing was written")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
