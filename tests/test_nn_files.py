"""Models on disk: the same bits back, PyTorch's names and shapes, and nothing but whole models."""

import builtins
import errno
import json
import math
import os
import random
import re
import stat
import struct

import numpy as np
import pytest
import safetensors.numpy

from nn import MLP, Layer, init, load, save
from nn.files import write


def model(**options):
    options = {"activation": ["relu", "tanh"], "output": "softmax", "seed": 7} | options
    return MLP(3, [4, 2, 3], **options)


def bits(m):
    return [struct.pack("<d", p.data) for p in m.parameters()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def content(path):
    """The bytes of a good file."""
    return save(model(), path).read_bytes()


def parts(content):
    n = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + n]), content[8 + n :]


def joined(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def tampered(content, **changes):
    """The file with other words in the description of its architecture."""
    header, body = parts(content)
    described = json.loads(header["__metadata__"]["nodegrad"])
    described["architecture"].update(changes)
    header["__metadata__"]["nodegrad"] = json.dumps(described)
    return joined(header, body)


# ---- round trips


@pytest.mark.parametrize("options", [
    {}, {"bias": False}, {"expand": True}, {"activation": "leaky_relu", "output": "linear"}, {"init": init.constant(0.5)},
], ids=["default", "no bias", "expand", "other", "own init"])  # fmt: skip
def test_what_is_saved_is_loaded(path, options):
    saved = model(**options)
    assert save(saved, path) == path
    loaded = load(path)
    assert bits(loaded) == bits(saved)
    assert repr(loaded) == repr(saved)
    assert [layer.activation for layer in loaded.layers] == [layer.activation for layer in saved.layers]
    assert [layer.expand for layer in loaded.layers] == [layer.expand for layer in saved.layers]
    assert [name for name, _ in loaded.named_parameters()] == [name for name, _ in saved.named_parameters()]
    x = [0.3, -1.5, 2.0]
    assert [o.data.hex() for o in loaded(x)] == [o.data.hex() for o in saved(x)]


def test_every_float_survives_in_every_bit(path):
    special = [-0.0, 0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308,
               0.1, math.pi, math.nextafter(1.0, 2.0), 2.0**-1074 * 3]  # fmt: skip
    saved, generator = model(), random.Random(1)
    for k, p in enumerate(saved.parameters()):
        p.data = special[k] if k < len(special) else generator.uniform(-1, 1) * 10.0 ** generator.randint(-300, 300)
    save(saved, path)
    assert bits(load(str(path))) == bits(saved)


def test_the_file_is_pytorchs_in_names_shapes_and_type(content):
    tensors = safetensors.numpy.load(content)
    assert {name: (t.shape, t.dtype) for name, t in tensors.items()} == {
        "layers.0.weight": ((4, 3), np.float64), "layers.0.bias": ((4,), np.float64),
        "layers.1.weight": ((2, 4), np.float64), "layers.1.bias": ((2,), np.float64),
        "layers.2.weight": ((3, 2), np.float64), "layers.2.bias": ((3,), np.float64),
    }  # fmt: skip
    assert tensors["layers.1.weight"][1, 3] == model().layers[1].weight[1][3].data


def test_the_same_model_is_the_same_file(path, content):
    assert save(model(), path).read_bytes() == content


def test_the_file_can_be_read_by_others(path):
    before = os.umask(0o022)
    try:
        save(model(), path)
    finally:
        os.umask(before)
    assert oct(path.stat().st_mode & 0o777) == "0o644"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


# ---- files that are no models


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} is not a model saved by nodegrad: ") as told:
        load(path)
    return str(told.value)


def test_truncated_anywhere(path, content):
    for n in {*range(0, len(content), 23), *range(20), len(content) - 1, len(content) - 8}:
        refused(path, content[:n])


def test_with_more_at_the_end(path, content):
    refused(path, content + b"\0" * 8)


def test_a_flipped_bit_is_refused_wherever_it_is(path, content):
    generator = random.Random(2)
    for _ in range(150):
        k = generator.randrange(8 * len(content))
        spoiled = bytearray(content)
        spoiled[k // 8] ^= 1 << k % 8
        path.write_bytes(spoiled)
        with pytest.raises(ValueError, match="is not a model saved by nodegrad"):
            load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"x,y\n1,2\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, b"\xff" * 64, b"PK\x03\x04" + b"\0" * 60,
        struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 4) + b"null", struct.pack("<Q", 2) + b"[]",
    ],
    ids=["empty", "text", "csv", "png", "ones", "zip", "no tensors", "null", "list"],
)  # fmt: skip
def test_foreign_files(path, content):
    refused(path, content)


def test_safetensors_of_somebody_else(path):
    tensors = {name: np.array(t) for name, t in model().state_dict().items()}
    refused(path, safetensors.numpy.save(tensors))
    refused(path, safetensors.numpy.save(tensors, metadata={"format": "pt"}))
    refused(path, safetensors.numpy.save(tensors, metadata={"nodegrad": "{}"}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"layers": [4, 2, 2]}, "layers.2.weight needs 2 entries, not 3"),
        ({"layers": [4, 2], "activation": "tanh"}, "the state dict has"),
        ({"layers": [4, 10**5, 3]}, "layers of [3, 4, 100000, 3] do not fit into "),
        ({"nin": 10**5}, "layers of [100000, 4, 2, 3] do not fit into "),
        ({"layers": "423"}, ""),
        ({"nin": None}, ""),
        ({"layers": [4, 2, 3, 2], "activation": "tanh"}, "the state dict lacks"),
        ({"nin": 2}, "layers.0.weight needs 2 entries, not 3"),
        ({"nin": -1}, "nin must be a whole number >= 1, not -1"),
        ({"bias": False}, "the state dict has"),
        ({"activation": "swish"}, "unknown activation 'swish'"),
        ({"output": "cubic"}, "unknown output 'cubic'"),
    ],
)
def test_an_architecture_that_does_not_fit(path, content, changes, told):
    assert told in refused(path, tampered(content, **changes))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite(path, content, bad):
    header, body = parts(content)
    start = header["layers.1.bias"]["data_offsets"][0]
    spoiled = joined(header, body[:start] + struct.pack("<d", bad) + body[start + 8 :])
    assert f"layers.1.bias: b[h2_1] needs a finite number, not {bad}" in refused(path, spoiled)


def test_a_wrong_shape(path, content):
    header, body = parts(content)
    header["layers.0.weight"]["shape"] = [3, 4]
    assert "layers.0.weight needs 4 entries, not 3" in refused(path, joined(header, body))


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        load(path)


# ---- what is not saved


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_model_that_could_not_be_loaded_is_not_saved(path, content, bad):
    spoiled = model()
    spoiled.parameters()[1].data = bad
    with pytest.raises(ValueError, match=re.escape("w[h1_1,x2] is not finite, and such a model cannot be loaded")):
        save(spoiled, path)
    assert path.read_bytes() == content


def test_only_an_MLP_is_saved(path):
    for other in (Layer(2, 1), {"layers.0.weight": [[1.0]]}, None):
        with pytest.raises(TypeError, match="save takes an MLP, not "):
            save(other, path)
    assert not path.exists()


# ---- all or nothing


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError("disk full")], ids=["interrupt", "disk full"])
def test_an_interrupted_write_leaves_the_old_file(monkeypatch, path, content, step, interruption):
    def stop(*args):
        raise interruption

    monkeypatch.setattr(os, step, stop)
    with pytest.raises((KeyboardInterrupt, OSError)):
        save(model(seed=8), path)
    monkeypatch.undo()
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert bits(load(path)) == bits(model())


def test_a_new_model_replaces_the_old_one(path, content):
    save(model(seed=8), path)
    assert path.read_bytes() != content
    assert bits(load(path)) == bits(model(seed=8))


def test_write_at_impossible_places(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    for place in ("file/x", "missing/x", "folder"):
        with pytest.raises(OSError):  # noqa: PT011
            write(tmp_path / place, b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


# ---- through links, with the mode that is there


def test_a_link_stays_one_and_the_file_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("store/real")
    (tmp_path / "second").symlink_to(tmp_path / "link")
    for name, content in (("link", b"new"), ("second", b"newer")):
        assert write(tmp_path / name, content) == tmp_path / name
        assert (tmp_path / "store" / "real").read_bytes() == content
    assert [os.readlink(tmp_path / name) for name in ("link", "second")] == ["store/real", str(tmp_path / "link")]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["link", "real", "second", "store"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_keeps_its_mode(tmp_path, mode):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(mode)
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        write(tmp_path / name, b"new")
        assert oct((tmp_path / "file").stat().st_mode & 0o7777) == oct(mode)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, "0o644"), (0o002, "0o664"), (0o077, "0o600")])
def test_a_new_file_takes_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write(tmp_path / "file", b"new")
    finally:
        os.umask(before)
    assert oct((tmp_path / "file").stat().st_mode & 0o7777) == mode


def test_a_private_file_is_never_readable_by_others_on_the_way(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(0o600)
    modes = []

    def fsync(descriptor):
        modes.append(oct(os.fstat(descriptor).st_mode & 0o7777))

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "file", b"new")
    assert modes == ["0o600"]


def test_a_file_of_somebody_else_stays_his(tmp_path):
    owner = (1234, 4321) if os.geteuid() == 0 else (os.geteuid(), [os.getegid(), *os.getgroups()][-1])  # only root gives files away
    (tmp_path / "file").write_bytes(b"old")
    os.chown(tmp_path / "file", *owner)
    write(tmp_path / "file", b"new")
    found = (tmp_path / "file").stat()
    assert (found.st_uid, found.st_gid) == owner


def test_a_file_that_is_read_only_is_left_alone(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(0o444)
    (tmp_path / "link").symlink_to("file")
    for name, told in (("file", "it is read-only; name another, or chmod u.w: '.*file'"), ("link", "the file it leads to, .*file, is read-only; .*: '.*link'")):
        with pytest.raises(PermissionError, match=told):
            write(tmp_path / name, b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link"]


def test_a_file_that_its_owner_alone_may_write(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, how: False)
    with pytest.raises(PermissionError, match="read-only"):
        write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_link_to_nothing_makes_the_file_it_names(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store/real")
    write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "store" / "real").read_bytes() == b"new"
    (tmp_path / "astray").symlink_to("gone/real")
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*gone', where the link leads; make it first.*astray"):
        write(tmp_path / "astray", b"new")
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match=r"symbolic links.*round") as told:
        write(tmp_path / "round", b"new")
    assert told.value.errno == errno.ELOOP
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["astray", "link", "real", "round", "store"]


def test_a_folder_is_no_place_for_a_file(tmp_path):
    (tmp_path / "link").symlink_to(".")
    for place in (tmp_path, tmp_path / "link"):
        with pytest.raises(IsADirectoryError, match="it is a folder; name a file in it"):
            write(place, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["link"]


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(tmp_path / "pipe", b"new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


def test_a_device_is_written_to():
    """A terminal, in whose folder nobody can make a file: a mistake cannot replace a device of this machine."""
    ours, theirs = os.openpty()
    try:
        write(os.ttyname(theirs), b"new")
        assert os.read(ours, 10) == b"new"
    finally:
        os.close(ours)
        os.close(theirs)


# ---- without the extra

@pytest.mark.parametrize("missing", ["safetensors", "numpy"])
def test_a_missing_extra(monkeypatch, path, content, missing):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == missing:
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    expected = re.escape('model files need safetensors: pip install "nodegrad[files]"')
    with pytest.raises(ImportError, match=expected):
        save(model(), path)
    with pytest.raises(ImportError, match=expected):
        load(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none" / "model.safetensors"
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*none' to write into; make it first: '.*model\.safetensors'"):
        save(MLP(2, [1], seed=0), path)
    assert not path.parent.exists()


def test_what_cannot_be_written_is_told_with_the_path_that_was_given(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        save(MLP(2, [1]), tmp_path / "folder")
    assert caught.value.filename == str(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    with pytest.raises(OSError, match="too long") as other:
        save(MLP(2, [1]), tmp_path / ("a" * 300))
    assert other.value.filename == str(tmp_path / ("a" * 300))
