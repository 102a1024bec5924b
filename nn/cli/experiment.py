"""python -m nn experiment: the claims of the notes, run."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import Any

from nn.cli.folder import CONTENTS, filling
from nn.files import write
from nn.lab.experiments import ALL


def add(commands: Any) -> None:
    """Add the command to the parser."""
    width = max(map(len, ALL))
    listed = "\n".join(f"  {name:{width}}  {str(f.__doc__).splitlines()[0]}" for name, f in ALL.items())
    parser = commands.add_parser(
        "experiment",
        help="run a claim of the notes: a table, a sentence that its numbers support, a figure",
        description="Every experiment shows a case and its counter-case, and takes its numbers from seeds: the same numbers "
        "every time.\nThe sentence under a table is computed from it.",
        epilog=f"experiments:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="names from the list below, or all")
    parser.add_argument("--out", type=Path, help="folder for NAME.txt, NAME.png, NAME.gif of what moves, and contents.txt")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the experiments, print each when it is done, and write its table and figure."""
    names = list(ALL) if "all" in args.names else list(dict.fromkeys(args.names))
    for name in names:
        if name not in ALL:
            near = difflib.get_close_matches(name, ALL, n=1)
            raise ValueError(f"there is no experiment {name!r}{f' (did you mean {near[0]}?)' if near else ''}; there are {', '.join(ALL)}, and all")
    with filling(args.out):
        _run(args, names)


def _run(args: argparse.Namespace, names: list[str]) -> None:
    if args.out is not None:
        args.interrupted = f"the experiments printed above are in {args.out}"
    for k, name in enumerate(names):
        result = ALL[name]()
        print(f"{result}\n" if k < len(names) - 1 or args.out else result, flush=True)
        if args.out is not None:
            paths = result.save(args.out)
            write(args.out / CONTENTS, _contents(args.out))
            print("".join(f"  {path}\n" for path in paths), flush=True)


def _contents(out: Path) -> bytes:
    """What the folder holds, of this run and of those before it; a table begins with the name and the title."""
    lines = ["Experiments of the notes: tables and figures", ""]
    for name in ALL:
        files = [f"{name}.{kind}" for kind in ("txt", "png", "gif") if (out / f"{name}.{kind}").exists()]
        if f"{name}.txt" in files:
            title = (out / f"{name}.txt").read_text("utf-8", "replace").split("\n")[0].removeprefix(f"{name}: ").split("  [")[0]
            lines.append(f"{', '.join(files)}  {title}")
    return ("\n".join(lines) + "\n").encode()
