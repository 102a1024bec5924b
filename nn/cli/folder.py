"""Folders of runs: model.safetensors, run.json with what made it, and contents.txt, which says what each file holds."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Any

from nn import MLP, Epoch, History, load
from nn.cli.lock import locked
from nn.cli.problem import Problem, problem
from nn.files import load_predictor, write
from nn.lab.lines import opened, sealed
from nn.lab.plots import axes
from nn.numbers import counted
from nn.predictor import Predictor


MODEL, RUN, RUNS, CONTENTS = "model.safetensors", "run.json", "runs.jsonl", "contents.txt"
MADE_FROM = ("dataset", "target", "output", "loss", "held_out", "seed")
TRAINED_WITH = ("lr", "epochs", "batch_size", "order", "momentum", "weight_decay", "schedule")  # keywords of fit


@dataclass(frozen=True)
class Saved:
    """A model from disk with what is known of its training.

    `rows` knows how the inputs were prepared, if the file does; `settings` is empty where no run.json stands beside it.
    """

    path: Path
    model: MLP
    rows: Predictor | None
    settings: Mapping[str, Any]
    history: History

    def weight(self, name: str) -> str:
        """The name of a weight as the model has it: w_h2_1,h1_3 is w[h2_1,h1_3], without signs that a shell reads."""
        names = {_bare(n): n for n, _ in self.model.named_parameters()}
        if _bare(name) in names:
            return names[_bare(name)]
        near = difflib.get_close_matches(name, names.values(), n=1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"the model has no weight {name!r}{guess}; it has {', '.join(list(names.values())[:12])}{', ...' * (len(names) > 12)}")

    def problem(self, dataset: str | None = None, loss: str | None = None) -> Problem:
        """The rows that it was trained and tested on, or those of another data set; ValueError if neither is known."""
        if dataset is None and not self.settings:
            raise ValueError(f"{self.path} has no {RUN} beside it that would say what it was trained on; name a --dataset")
        if dataset is None:
            known = {key: self.settings[key] for key in MADE_FROM}
            found = problem(known.pop("dataset"), **known)
        else:
            found = problem(dataset, None, self.model.output, loss)
        if len(found.dataset.features) != self.model.nin or found.nout != self.model.nout:
            raise ValueError(
                f"{found.dataset!r} has {counted(len(found.dataset.features), 'feature')} and {counted(found.nout, 'output')}, the model {self.model.nin} and {self.model.nout}"
            )
        return found


def _bare(name: str) -> str:
    """The name of a weight without brackets."""
    return name.removesuffix("]").replace("[", "_", 1)


def read(path: Path) -> Saved:
    """The model at `path`, a file or the folder of a run; raises ValueError, with the reason, for what is none."""
    file = path / MODEL if path.is_dir() else path
    if not file.exists():
        raise ValueError(f"there is no model at {file}; python -m nn train DATASET --out FOLDER makes one")
    model, beside, rows = load(file), file.parent / RUN, None
    with suppress(ValueError):  # saved without a data set
        rows = load_predictor(file)
    if not beside.exists():
        return Saved(file, model, rows, {}, History())
    try:
        content = beside.read_bytes().rstrip()
        found = json.loads(content)
        if isinstance(found, dict) and "crc32" in found:  # once there was none
            opened(content)
        if not isinstance(found, dict):
            raise ValueError(f"it holds {found!r:.40}, not an object")
        settings = found["settings"]
        {key: settings[key] for key in (*MADE_FROM, *TRAINED_WITH, "init")}
        if odd := [key for key in ("epochs", "batch_size") if type(settings[key]) is not int or settings[key] < 1]:
            raise ValueError(f"{odd[0]} is {settings[odd[0]]!r}")
        history = History([Epoch(**epoch) for epoch in found["epochs"]])
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"{beside} is not what train wrote: {reason}; move it away, or train again") from None
    return Saved(file, model, rows, settings, history)


def described(settings: Mapping[str, Any], history: History) -> bytes:
    """The content of run.json, with its checksum."""
    text = json.dumps({"settings": settings, "epochs": [vars(e) for e in history.epochs]}, indent=1)
    return sealed(text.removesuffix("\n}") + "}")


def ready(out: Path, keep: str | None = None) -> None:
    """Refuse before the work what would be refused after it: no matplotlib, a folder that cannot be written.

    A folder with the file `keep` holds what another command made, whose model would be lost.
    """
    axes()
    if keep is not None and (out / keep).exists():
        raise ValueError(f"{out} holds {keep} of another command, to which its model belongs; give --out another folder")
    try:
        there = next(folder for folder in (out, *out.parents) if folder.exists())
        write(there / f".{token_hex(8)}", b"").unlink()
    except OSError as error:
        raise OSError(f"cannot write to {out}: {error.strerror}; give --out another folder") from None


@contextmanager
def filling(out: Path | None, keep: str | None = None) -> Iterator[None]:
    """A folder that is `ready`, and this command's alone until the block ends; nothing without `out`.

    A second command would mix its files with ours. A folder that was made here and stayed empty goes again.
    """
    if out is None:
        yield
        return
    ready(out, keep)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with locked(out):
            yield
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def image(figure: Any, kind: str = "png") -> bytes:
    """A figure as the bytes of a picture file; a PNG is the same for the same figure."""
    figure.savefig(made := BytesIO(), format=kind)
    return made.getvalue()


def listed(file: Path, what: str) -> None:
    """Add a file to the contents.txt beside it, if there is one that does not list it yet."""
    contents = file.parent / CONTENTS
    told = contents.read_bytes() if contents.exists() else b""
    if told and not any(line.startswith(f"{file.name}  ".encode()) for line in told.splitlines()):
        write(contents, told + f"{file.name}  {what}\n".encode())


def fill(out: Path, title: str, files: Mapping[str, tuple[bytes | Callable[[Path], Path], str]]) -> None:
    """Write `files`, name to what it is and its content or what writes it, and contents.txt; then print each.

    Not in between: whoever reads the output may close it early, as `head` does.
    """
    for name, (content, _) in files.items():
        content(out / name) if callable(content) else write(out / name, content)
    lines = [title, "", *(f"{name}  {what}" for name, (_, what) in files.items())]
    write(out / CONTENTS, ("\n".join(lines) + "\n").encode())
    for name, (_, what) in files.items():
        print(f"  {out / name}  {what}")
    print(f"  {out / CONTENTS}  this list")
