"""Models on disk: safetensors, with the architecture in the metadata and PyTorch's names and shapes.

A file is written beside its place and then renamed, so what is there is always a whole model. A checksum of
numbers and metadata tells a file that was changed afterwards.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from operator import mul
from pathlib import Path
from typing import Any

from nn.dataset import Dataset
from nn.modules import MLP
from nn.predictor import Predictor


KEY, SUM = "nodegrad", "sha256"  # one entry of metadata, since safetensors writes several in any order
ARCHITECTURE = {"nin": int, "layers": list, "activation": str | list, "output": str, "bias": bool, "expand": bool, "skip": bool}
PREPARATION = ("features", "classes", "mean", "scale")


def save(model: MLP, path: str | os.PathLike[str], dataset: Dataset | None = None) -> Path:
    """Write `model` to `path`, and return the path.

    With `dataset`, the rows it was trained on, the file also holds the names of features and classes and, of
    standardised rows, mean and scale: `load_predictor` then takes rows as they were measured.

    Raises ImportError if the extra `files` is missing, ValueError if a weight is not finite or the dataset does not
    fit the model, OSError if the file cannot be written; what was at `path` is then still there.

    >>> import tempfile
    >>> model = MLP(2, [3, 1], seed=1)
    >>> path = save(model, os.path.join(tempfile.mkdtemp(), "model.safetensors"))
    >>> load(path).state_dict() == model.state_dict()
    True
    """
    numpy, safetensors = libraries()
    if not isinstance(model, MLP):
        raise TypeError(f"save takes an MLP, not {model!r}; its state_dict() holds the numbers of any module")
    if bad := [name for name, p in model.named_parameters() if not math.isfinite(p.data)]:
        raise ValueError(f"{bad[0]} is not finite, and such a model cannot be loaded; nothing was saved")
    said: dict[str, Any] = {"format": 1, "architecture": {key: model.config[key] for key in ARCHITECTURE}}
    if dataset is not None:
        predictor = Predictor.of(model, dataset)
        said["rows"] = {key: getattr(predictor, key) for key in PREPARATION}
    tensors = {name: numpy.array(t, dtype=numpy.float64) for name, t in model.state_dict().items()}
    said[SUM] = _sum(said, tensors)
    return write(path, safetensors.save(tensors, metadata={KEY: json.dumps(said)}))


def load(path: str | os.PathLike[str]) -> MLP:
    """The model in the file at `path`; raises ValueError, with the reason, for a file that is not a whole model."""
    return _load(path)[0]


def load_predictor(path: str | os.PathLike[str]) -> Predictor:
    """The model in the file at `path`, to be asked in the units of its data; ValueError as for `load`, or if it has none.

    >>> import tempfile
    >>> from nn import data
    >>> train, test = data.standardise(*data.split(data.iris()))
    >>> path = save(MLP(4, [3], output="softmax"), os.path.join(tempfile.mkdtemp(), "iris.safetensors"), dataset=train)
    >>> load_predictor(path).tell([5.1, 3.5, 1.4, 0.2]) in data.iris().classes
    True
    """
    rows = _load(path)[1]
    if rows is None:
        raise ValueError(f"{os.fspath(path)} was saved without dataset=, so it knows no features; load gives the model alone")
    return rows


def _load(path: str | os.PathLike[str]) -> tuple[MLP, Predictor | None]:
    _, safetensors = libraries()
    content = Path(path).read_bytes()
    try:
        text = content[8 : 8 + int.from_bytes(content[:8], "little")]
        metadata = _object("its beginning, the header,", text).get("__metadata__", {})
        if KEY not in metadata:
            raise ValueError(f"its metadata hold no {KEY!r}; it comes from another program")
        said = _object("its description", metadata[KEY])
        checksum = said.pop(SUM)
        if said["format"] != 1 or said.keys() - {"format", "architecture", "rows"}:
            raise ValueError("it was written in a later format")
        architecture = _architecture(said["architecture"])
        sizes = [architecture["nin"], *architecture["layers"]]
        if 8 * sum(map(mul, sizes, sizes[1:])) > len(content):  # before memory is filled with it
            raise ValueError(f"layers of {sizes} do not fit into {len(content)} bytes")
        tensors = safetensors.load(content)
        if other := [name for name, t in tensors.items() if str(t.dtype) != "float64"]:
            raise ValueError(f"{other[0]} holds {tensors[other[0]].dtype}, not float64")
        model = MLP(**architecture)
        model.load_state_dict({name: t.tolist() for name, t in tensors.items()})
        predictor = _predictor(model, said["rows"]) if "rows" in said else None
        if checksum != _sum(said, tensors):
            raise ValueError("it was changed after it was saved: its checksum is another")
    except KeyError as error:
        raise ValueError(f"{os.fspath(path)} is not a model saved by nodegrad: its description has no {error}") from None
    except Exception as error:  # whatever is wrong with a file, it is the file's fault
        raise ValueError(f"{os.fspath(path)} is not a model saved by nodegrad: {error}") from None
    return model, predictor


def _object(what: str, text: str | bytes) -> dict[str, Any]:
    """A JSON object, or the ValueError that says what is none."""
    try:
        found = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{what} is no JSON object")
    return found


def _architecture(said: Any) -> dict[str, Any]:
    """The keywords of MLP, each of its type."""
    if said.keys() != ARCHITECTURE.keys():
        raise ValueError(f"its architecture has {', '.join(said)}, not {', '.join(ARCHITECTURE)}")
    for key, kind in ARCHITECTURE.items():
        if not isinstance(said[key], kind):
            raise ValueError(f"{key} is {said[key]!r}")
    return dict(said)


def _predictor(model: MLP, said: Mapping[str, Any]) -> Predictor:
    if not isinstance(said, Mapping) or said.keys() != set(PREPARATION):
        raise ValueError(f"its rows are described by {said!r}, not {', '.join(PREPARATION)}")
    return Predictor(model, *(tuple(said[key]) for key in PREPARATION))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ; json alone would keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key is there twice, among {', '.join(key for key, _ in pairs)}")
    return found


def _sum(said: Mapping[str, Any], tensors: Mapping[str, Any]) -> str:
    """SHA-256 of the description and of every tensor, with its name and shape."""
    digest = hashlib.sha256(json.dumps(said).encode())
    for name in sorted(tensors):
        digest.update(f"\n{name} {tensors[name].shape} ".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()


def write(path: str | os.PathLike[str], content: bytes) -> Path:
    """Put `content` at `path`, all of it or none: into a file beside it first, then renamed."""
    path = Path(path)
    if path.parent.exists() and not path.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{str(path.parent)!r} is a file, not a folder", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {str(path.parent)!r} to write into; make it first", str(path))
    try:
        return _replaced(path, content)
    except OSError as error:  # in the name of the file that was asked for
        raise error if error.errno is None else type(error)(error.errno, error.strerror, str(path)) from None


def _replaced(path: Path, content: bytes) -> Path:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def libraries() -> tuple[Any, Any]:
    """NumPy and safetensors.numpy, or the ImportError that names the extra."""
    try:
        import numpy
        import safetensors.numpy
    except ImportError:
        raise ImportError('model files need safetensors: pip install "nodegrad[files]"') from None
    return numpy, safetensors.numpy
