"""Models on disk: safetensors, with the architecture in the metadata and PyTorch's names and shapes.

A file is written beside its place and then renamed, so what is there is always a whole model.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from operator import mul
from pathlib import Path
from typing import Any

from nn.modules import MLP


KEY = "nodegrad"
ARCHITECTURE = ("nin", "layers", "activation", "output", "bias", "expand", "skip")


def save(model: MLP, path: str | os.PathLike[str]) -> Path:
    """Write `model` to `path`, and return the path.

    Raises ImportError if the extra `files` is missing, ValueError if a weight is not finite, OSError if
    the file cannot be written; what was at `path` is then still there.

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
    tensors = {name: numpy.array(t, dtype=numpy.float64) for name, t in model.state_dict().items()}
    architecture = {key: model.config[key] for key in ARCHITECTURE}
    content = safetensors.save(tensors, metadata={KEY: json.dumps({"format": 1, "architecture": architecture})})
    return write(path, content)


def load(path: str | os.PathLike[str]) -> MLP:
    """The model in the file at `path`; raises ValueError, with the reason, for a file that is not a whole model."""
    _, safetensors = libraries()
    content = Path(path).read_bytes()
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        described = json.loads(header["__metadata__"][KEY])
        described = {"skip": False} | described["architecture"]  # files from before there was skip
        architecture = {key: described[key] for key in ARCHITECTURE}
        sizes = [architecture["nin"], *architecture["layers"]]
        if 8 * sum(map(mul, sizes, sizes[1:])) > len(content):  # before memory is filled with it
            raise ValueError(f"layers of {sizes} do not fit into {len(content)} bytes")
        tensors = {name: t.tolist() for name, t in safetensors.load(content).items()}
        model = MLP(**architecture)
        model.load_state_dict(tensors)
    except Exception as error:  # whatever is wrong with a file, it is the file's fault
        raise ValueError(f"{os.fspath(path)} is not a model saved by nodegrad: {error}") from None
    return model


def write(path: str | os.PathLike[str], content: bytes) -> Path:
    """Put `content` at `path`, all of it or none: into a file beside it first, then renamed."""
    path = Path(path)
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
