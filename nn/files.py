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
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
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
    """Put `content` at `path`, all of it or none: into a file beside it first, then renamed.

    A link stays one, and the file that it leads to is replaced. That keeps its mode and owner; a new file takes the
    umask. What is there and no file, as a pipe or a device, is written to as it is. Raises OSError, and leaves what
    was there, for a folder, a file that is read-only, or where no file can be made.
    """
    path = Path(path)
    old = _there(path)
    try:
        if old is None or stat.S_ISREG(old.st_mode):
            _replaced(Path(os.path.realpath(path)), content, old)
        else:
            path.write_bytes(content)
    except OSError as error:  # in the name of the file that was asked for
        raise error if error.errno is None else type(error)(error.errno, error.strerror, str(path)) from None
    return path


def _there(path: Path) -> os.stat_result | None:
    """What is at `path`, None for nothing; raises OSError if no file can be written there."""
    link, place = path.is_symlink(), Path(os.path.realpath(path))
    try:
        old = path.stat()
    except FileNotFoundError:
        if not place.parent.is_dir():
            told = f"{str(place.parent)!r}, where the link leads" if link else f"{str(path.parent)!r} to write into"
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {told}; make it first", str(path)) from None
        return None
    except NotADirectoryError:
        file = next(folder for folder in path.parents if folder.exists())
        raise NotADirectoryError(errno.ENOTDIR, f"{str(file)!r} is a file, not a folder", str(path)) from None
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it", str(path))
    if not (old.st_mode & 0o222 and os.access(place, os.W_OK)):  # nobody's to write, or not ours
        what = f"the file it leads to, {place}," if link else "it"
        raise PermissionError(errno.EACCES, f"{what} is read-only; name another, or chmod u+w", str(path))
    return old


def _replaced(place: Path, content: bytes, old: os.stat_result | None) -> None:
    """A new file at `place`, with mode and owner of the `old` one if there was one."""
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    mode = 0o666 if old is None else 0o600  # 0o666 less the umask; what replaces a private file is private from the start
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            _like(old, temporary)
        os.replace(temporary, place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _like(old: os.stat_result, new: Path) -> None:
    """Give a file owner, as far as one may, and mode of another."""
    made = new.stat()
    if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.chown(new, old.st_uid, old.st_gid)
    os.chmod(new, stat.S_IMODE(old.st_mode))


def libraries() -> tuple[Any, Any]:
    """NumPy and safetensors.numpy, or the ImportError that names the extra."""
    try:
        import numpy
        import safetensors.numpy
    except ImportError:
        raise ImportError('model files need safetensors: pip install "nodegrad[files]"') from None
    return numpy, safetensors.numpy
