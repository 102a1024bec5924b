"""Histories on disk: JSON lines that can be read by eye, whole or refused.

The first line tells the model, the loss and the optimiser; then a line for each row, each epoch and each
update; the last one has their number and the SHA-256 of all before it. Each has a checksum of its own too, which
tells the line that was edited. Floats are written so that they
are read back bit for bit; an infinity is "inf" or "-inf", a number that is none (no gradient, a loss without a value) null.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from array import array
from pathlib import Path
from typing import Any

from nn.files import ARCHITECTURE, write
from nn.history import Epoch, History
from nn.lab.lines import is_sealed, opened, sealed
from nn.lab.recorder.log import Log, Whole
from nn.losses import LOSSES
from nn.modules import MLP, Module
from nn.numbers import counted
from nn.optim import SGD


FORMAT = 1
INFINITIES = {"inf": math.inf, "-inf": -math.inf}
LOSSES_OF_EPOCHS = "loss", "validation_loss"


class Misfit(ValueError):
    """A model or a loss that the history is not of."""


def save(history: History, path: str | os.PathLike[str]) -> Path:
    """See History.save."""
    log = history._log
    own = {k: log.model.config[k] for k in ARCHITECTURE} if type(log.model) is MLP else None
    head = {
        "nodegrad": "history", "format": FORMAT, "model": own, "loss": loss_name(log.loss), "parameters": log.names, **log.sgd,
        "backend": log.backend, "strict": log.strict, "every": log.every, "megabytes": log.megabytes,
        "lrs": list(log.lrs[: len(log.firsts)]), "firsts": list(log.firsts), "now": _listed(log.now),
        "marks": {str(k): _listed(state) for k, state in log.marks.items()},
    }  # fmt: skip
    lines = [_line(head)]
    lines += [_line({"x": list(x), "t": t if isinstance(t, int) else list(t)}) for x, t in log.rows]
    lines += [_line(vars(e) | {key: _written(getattr(e, key)) for key in LOSSES_OF_EPOCHS}) for e in history.epochs]
    shown: Any = None  # the state after the last whole update, which is the old one of the next
    for k in range(log.made):
        line = {"step": k, "rows": log.batch(k), "before": _written(log.before[k]), "after": _written(log.after[k])}
        if (w := log.wholes.get(k)) is not None:
            if w.old is not shown:
                line["old"] = _listed(w.old)
            line |= {"gradient": _listed(w.gradient), "new": _listed(w.new)}
            if w.losses is not None:
                line["losses"] = [_listed(w.losses[0]), _listed(w.losses[1])]
            shown = w.new
        lines.append(_line(line))
    body = b"".join(lines)
    return write(path, body + _line({"end": log.made, "sha256": hashlib.sha256(body).hexdigest()}))


def loss_name(loss: Any) -> str | None:
    """What a loss is called; None if it is a user's own, or there is none."""
    return loss if isinstance(loss, str) else next((k for k, f in LOSSES.items() if f is loss), None)


def load(path: str | os.PathLike[str], model: Any = None, loss: Any = None) -> History:
    """See History.load."""
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"model is {model!r}; give the model that was trained, or leave it out")
    content = Path(path).read_bytes()
    try:
        return _history(content, model, loss)
    except Misfit as error:
        raise ValueError(f"{os.fspath(path)} does not fit what was given with it: {error}") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"{os.fspath(path)} is not a history saved by nodegrad: {reason}") from None


def _history(content: bytes, model: Any, loss: Any) -> History:
    if not content.endswith(b"\n"):
        raise ValueError("the last line is cut off")
    body = content[: content[:-1].rfind(b"\n") + 1]
    each = body.splitlines()
    marked = any(is_sealed(line) for line in each[:1])
    end = _parsed(content[len(body) :], 0, marked)
    if "sha256" not in end:
        raise ValueError("its last lines are missing")
    head, *lines = (_parsed(line, k, marked) for k, line in enumerate(each, 1))
    if end["sha256"] != hashlib.sha256(body).hexdigest():
        what = "its lines are not all those that were written, or not in their order" if marked else "it was changed after it was written"
        raise ValueError(f"{what}: the checksum of all is another{', and its lines have none that would say where' * (not marked)}")
    if head.get("nodegrad") != "history" or head.get("format") != FORMAT:
        raise ValueError(f"the first line is not that of a history of format {FORMAT}")
    rows = [(tuple(_floats(line["x"])), _target(line["t"])) for line in lines if "x" in line]
    epochs = [Epoch(**line | {key: INFINITIES.get(line[key], line[key]) for key in LOSSES_OF_EPOCHS}) for line in lines if "epoch" in line]
    updates = [line for line in lines if "step" in line]
    if [u["step"] for u in updates] != list(range(end["end"])) or len(rows) + len(epochs) + len(updates) != len(lines):
        raise ValueError("its updates are not those that its last line counts")
    return History(epochs, _log(head, rows, updates, model, loss))


def _log(head: dict[str, Any], rows: list[Any], updates: list[dict[str, Any]], model: Any, loss: Any) -> Log:
    made = None if head["model"] is None else MLP(**{key: head["model"][key] for key in ARCHITECTURE})
    model = made if model is None else model
    loss = head["loss"] if loss is None else loss
    known = model is not None and loss is not None
    parameters = model.parameters() if known else []
    sgd = SGD(parameters, 0.0, head["momentum"], head["weight_decay"], head["nesterov"])
    log = Log(model if known else None, rows, loss, sgd, head["backend"], head["strict"], head["every"], head["megabytes"])
    if known and log.names != head["parameters"]:
        raise Misfit(f"it is of {_brief(head['parameters'])}, and the model has {_brief(log.names)}")
    if made is not None and type(model) is MLP and _computes(model) != _computes(made):
        raise Misfit(f"it is of {made!r}, and the model is {model!r}")
    if head["loss"] is not None and loss_name(loss) != head["loss"]:
        raise Misfit(f"its loss is {head['loss']}, and the one given is {loss_name(loss) or 'another'}: leave out loss=")
    log.names = head["parameters"]
    n = len(log.names)
    width = 2 * n if sgd.momentum else n
    log.lrs, log.firsts = array("d", _floats(head["lrs"])), array("q", head["firsts"])
    firsts = list(log.firsts)
    if len(log.lrs) != len(firsts) or firsts != sorted(firsts) or (updates and firsts[:1] != [0]) or (firsts and not 0 <= firsts[-1] <= len(updates)):
        raise ValueError("its epochs do not begin where its updates do")
    log.marks = {int(k): _state(s, width) for k, s in head["marks"].items()}
    if updates and 0 not in log.marks:
        raise ValueError("the first weights are missing")
    shown: Any = None
    for k, line in enumerate(updates):
        if not line["rows"] or not all(type(i) is int and 0 <= i < len(rows) for i in line["rows"]):
            raise ValueError(f"update {k} is of rows {line['rows']}, and there are {len(rows)}")
        log.indices.extend(line["rows"])
        log.ends.append(len(log.indices))
        log.before.append(_number(line["before"]))
        log.after.append(_number(line["after"]))
        if "new" in line:
            old = _state(line["old"], width) if "old" in line else shown
            if old is None:
                raise ValueError(f"the weights before update {k} are missing")
            each = tuple(_state(part, len(rows), True) for part in line["losses"]) if "losses" in line else None
            kept = Whole(old, _state(line["gradient"], n, True), _state(line["new"], width), each)  # type: ignore[arg-type]
            log.wholes[k] = kept
            shown = kept.new
    log.last = len(updates), _state(head["now"], width) if head["now"] or updates else array("d")
    if known and updates:
        for p, w in zip(parameters, log.now[:n], strict=True) if head["model"] is not None else ():
            p.data = w
    return log


def _line(x: dict[str, Any]) -> bytes:
    return sealed(json.dumps(x, allow_nan=False))


def _parsed(line: bytes, k: int, marked: bool) -> dict[str, Any]:
    which = f"line {k}" if k else "the last line"
    try:
        text = opened(line) if marked else line
    except ValueError as error:
        raise ValueError(f"{which}: {error}") from None
    try:
        found = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise ValueError(f"{which} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{which} is {type(found).__name__}, not an object")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _written(x: float | None) -> float | str | None:
    return None if x is None or math.isnan(x) else x if math.isfinite(x) else str(x)


def _listed(numbers: array[float]) -> list[float | str | None]:
    return [*numbers] if math.isfinite(sum(numbers)) else [_written(x) for x in numbers]


def _number(x: Any) -> float:
    if x is None:
        return math.nan
    return INFINITIES[x] if x in ("inf", "-inf") else _floats([x])[0]


def _floats(numbers: Any) -> list[float]:
    if not isinstance(numbers, list) or not all(type(x) in (float, int) and math.isfinite(x) for x in numbers):
        raise ValueError("a list of finite numbers was expected")
    return [float(x) for x in numbers]


def _state(numbers: Any, n: int, holes: bool = False) -> array[float]:
    found = [_number(x) for x in numbers] if holes else _floats(numbers)
    if len(found) != n:
        raise ValueError(f"{len(found)} where {counted(n, 'number')} should be")
    return array("d", found)


def _computes(model: MLP) -> list[Any]:
    """What a model of given parameters does with them."""
    return [[layer.activation for layer in model.layers], *(model.config[key] for key in ("expand", "skip"))]


def _brief(names: list[str]) -> str:
    return f"{counted(len(names), 'parameter')}, {names[0]} to {names[-1]}" if names else "no parameters"


def _target(t: Any) -> Any:
    return t if type(t) is int else tuple(_floats(t))
