"""Model files that are damaged, one kind each; and what may happen while a file is written."""

import json
import math
import resource
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from nn import MLP, data, load, load_predictor, save
from nn.files import _sum


def model(seed=7):
    return MLP(3, [4, 2], activation="relu", output="softmax", seed=seed)


def rows():
    (train,) = data.standardise(data.Dataset("r", [((1, 2, 3), 0), ((3, 1, 4), 1)], ("a", "b", "c"), ("no", "yes")))
    return train


def bits(m):
    return [struct.pack("<d", p.data) for p in m.parameters()]


class File:
    """The parts of a good file, to be spoiled one by one and put together again, with a checksum that fits."""

    def __init__(self, content):
        n = struct.unpack("<Q", content[:8])[0]
        self.content, self.header, self.body = content, json.loads(content[8 : 8 + n]), content[8 + n :]
        self.said = json.loads(self.header["__metadata__"]["nodegrad"])
        self.tensors = safetensors.numpy.load(content)

    def joined(self, text=None, length=None):
        text = json.dumps(self.header).encode() if text is None else text
        return struct.pack("<Q", len(text) if length is None else length) + text + self.body

    def described(self, text=None):
        """With the changed description, and its checksum."""
        if text is None:
            said = {key: x for key, x in self.said.items() if key != "sha256"}
            text = json.dumps(said | {"sha256": _sum(said, self.tensors)})
        return safetensors.numpy.save(self.tensors, metadata={"nodegrad": text})

    def without_sum(self, **changes):
        """With another checksum, or none."""
        del self.said["sha256"]
        return self.described(json.dumps(self.said | changes))


def entry(header, **changes):
    header["layers.0.weight"].update(changes)


def architecture(**changes):
    return lambda f: f.said["architecture"].update(changes) or f.described()


def prepared(**changes):
    return lambda f: f.said["rows"].update(changes) or f.described()


def weight(x):
    def spoil(f):
        f.tensors["layers.1.bias"] = np.array([0.5, x])
        return f.described()

    return spoil


def swapped(f):
    a, b = f.header["layers.0.weight"], f.header["layers.1.weight"]
    a["data_offsets"], b["data_offsets"] = b["data_offsets"], a["data_offsets"]
    return f.joined()


def rewritten(**tensors):
    return lambda f: f.tensors.update(tensors) or f.described()


def without(name):
    return lambda f: f.tensors.pop(name) is None or f.described()


def header(change):
    return lambda f: change(f.header) or f.joined()


DAMAGE = {
    "nothing in it": lambda f: b"",
    "half a length": lambda f: f.content[:5],
    "cut in the header": lambda f: f.content[:100],
    "cut in the numbers": lambda f: f.content[:-9],
    "a number cut off": lambda f: f.content[:-8],
    "a number more": lambda f: f.content + bytes(8),
    "twice": lambda f: f.content * 2,
    "zeros instead": lambda f: bytes(len(f.content)),
    "text": lambda f: b"a model\n",
    "a pickle": lambda f: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.",
    "a zip, as torch.save writes": lambda f: b"PK\x03\x04" + bytes(200),
    "line ends changed": lambda f: f.content.replace(b"\n", b"\r\n") + b"\r\n",
    "read as text": lambda f: f.content.decode("latin-1").encode("utf-8"),
    "length too large": lambda f: f.joined(length=10**6),
    "length negative": lambda f: f.joined(length=2**64 - 1),
    "length too small": lambda f: f.joined(length=40),
    "header not JSON": lambda f: f.joined(b"{layers}"),
    "header a list": lambda f: f.joined(b"[]"),
    "header 200,000 deep": lambda f: f.joined(b"[" * 200_000),
    "a tensor named twice": lambda f: f.joined(json.dumps(f.header).encode().replace(b"layers.1.bias", b"layers.0.bias")),
    "no metadata": header(lambda h: h.pop("__metadata__") and None),
    "no description": header(lambda h: h["__metadata__"].pop("nodegrad") and None),
    "no checksum": lambda f: f.without_sum(),
    "a false checksum": lambda f: f.without_sum(sha256="0" * 64),
    "offsets past the end": header(lambda h: entry(h, data_offsets=[0, 10**9])),
    "offsets backwards": header(lambda h: entry(h, data_offsets=[96, 0])),
    "offsets of two tensors swapped": swapped,
    "rows and columns swapped": header(lambda h: entry(h, shape=[3, 4])),
    "a shape that does not fit": header(lambda h: entry(h, shape=[4, 4])),
    "numbers as integers": header(lambda h: entry(h, dtype="I64")),
    "an unknown type": header(lambda h: entry(h, dtype="F65")),
    "another number": lambda f: f.content[:-1] + bytes([f.content[-1] ^ 1]),
    "single precision": rewritten(**{"layers.1.bias": np.zeros(2, np.float32)}),
    "booleans": rewritten(**{"layers.1.bias": np.zeros(2, bool)}),
    "one weight missing": rewritten(**{"layers.1.bias": np.zeros(1)}),
    "a tensor too deep": rewritten(**{"layers.1.bias": np.zeros((2, 1))}),
    "a tensor too many": rewritten(**{"layers.2.bias": np.zeros(2)}),
    "a tensor missing": without("layers.1.bias"),
    "NaN": weight(math.nan),
    "inf": weight(math.inf),
    "-inf": weight(-math.inf),
    "description not JSON": lambda f: f.described("{"),
    "description null": lambda f: f.described("null"),
    "description without format": lambda f: f.said.pop("format") and f.described(),
    "a later format": lambda f: f.said.update(format=2) or f.described(),
    "something more described": lambda f: f.said.update(more=1) or f.described(),
    "a key twice": lambda f: f.described('{"format": 1, ' + json.dumps(f.said)[1:]),
    "no activation": lambda f: f.said["architecture"].pop("activation") and f.described(),
    "an option more": architecture(dropout=0.5),
    "another activation": lambda f: f.content.replace(b"relu", b"tanh"),
    "an unknown activation": architecture(activation="swish"),
    "an unknown output": architecture(output="cubic"),
    "layers a number": architecture(layers=2),
    "layers null": architecture(layers=None),
    "no layers": architecture(layers=[]),
    "layers that fill the memory": architecture(layers=[10**9, 2]),
    "negative units": architecture(layers=[-4, 2]),
    "units a fraction": architecture(layers=[4.5, 2]),
    "nin true": architecture(nin=True),
    "bias a text": architecture(bias="no"),
    "bias left out": architecture(bias=False),
    "expand a number": architecture(expand=1),
    "skip null": architecture(skip=None),
    "a feature missing": prepared(features=["a", "b"]),
    "features that are no names": prepared(features=[1, 2, 3]),
    "a class too many": prepared(classes=["no", "yes", "maybe"]),
    "a mean missing": prepared(mean=[1.0, 2.0]),
    "a mean NaN": prepared(mean=[1.0, math.nan, 2.0]),
    "a scale of zero": prepared(scale=[1.0, 0.0, 2.0]),
    "a scale without means": prepared(mean=[]),
    "something more said of the rows": prepared(unit="cm"),
    "nothing said of the classes": lambda f: f.said["rows"].pop("classes") and f.described(),
    "rows null": lambda f: f.said.update(rows=None) or f.described(),
}


def test_there_are_many_kinds():
    assert len(DAMAGE) >= 60


@pytest.mark.parametrize("spoil", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_refused_with_a_reason(tmp_path, spoil):
    path = tmp_path / "m.safetensors"
    good = save(model(), path, dataset=rows()).read_bytes()
    assert bits(load_predictor(path).model) == bits(model())
    path.write_bytes(spoiled := spoil(File(good)))
    assert spoiled != good
    for read in load, load_predictor:
        with pytest.raises(ValueError, match=r"m\.safetensors is not a model saved by nodegrad: .*\S"):
            read(path)
    assert path.read_bytes() == spoiled


def test_this_puts_together_files_that_load(tmp_path):
    """Else the tests above would refuse for another reason than theirs."""
    path = tmp_path / "m.safetensors"
    f = File(save(model(), path, dataset=rows()).read_bytes())
    for whole in f.joined(), f.described():
        path.write_bytes(whole)
        assert bits(load(path)) == bits(model())


# ---- rows as they were measured


def test_the_file_holds_what_raw_rows_need(tmp_path):
    raw = data.iris()
    train, test = data.standardise(*data.split(raw))
    saved = MLP(4, [3], output="softmax", seed=2)
    predictor = load_predictor(save(saved, tmp_path / "m.safetensors", dataset=test))
    assert (predictor.mean, predictor.scale) == (train.mean, train.scale)
    assert (predictor.features, predictor.classes) == (raw.features, raw.classes)
    (again,) = (data.Dataset("again", raw.rows, raw.features, raw.classes),)
    _, standardised = data.standardise(data.split(raw)[0], again)
    for (x, _), (z, _) in zip(raw.rows[::10], standardised.rows[::10], strict=True):
        expected = [o.data for o in saved(z)]
        assert predictor(x) == expected
        assert predictor(dict(zip(raw.features, x, strict=True))) == expected
        assert predictor.tell(x) == raw.classes[expected.index(max(expected))]


def test_rows_that_do_not_fit_a_predictor(tmp_path):
    predictor = load_predictor(save(model(), tmp_path / "m.safetensors", dataset=rows()))
    for row, told in (
        ([1, 2], "row 0: x has 2 numbers, expected 3"),
        ([1, 2, math.nan], r"row 0: x\[2\] is nan"),
        ({"a": 1, "b": 2}, "the row has a, b; its features are a, b, c"),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "the row has a, b, c, d"),
    ):
        with pytest.raises(ValueError, match=told):
            predictor(row)
    with pytest.raises(TypeError, match=r"row 0: x\[0\] is 'x'"):
        predictor(["x", 1, 2])
    alone = save(MLP(2, [1]), tmp_path / "alone.safetensors")
    with pytest.raises(ValueError, match="was saved without dataset=, so it knows no features; load gives the model alone"):
        load_predictor(alone)
    numbers = load_predictor(save(MLP(2, [1]), alone, dataset=data.XOR()))
    assert numbers([0.5, 2]) == [o.data for o in MLP(2, [1])([0.5, 2])]
    with pytest.raises(ValueError, match="to give numbers, not classes"):
        numbers.tell([0.5, 2])


def test_a_dataset_that_does_not_fit_is_not_saved(tmp_path):
    for dataset, told in (
        (data.XOR(), "the rows have 2 features, and the model takes 3"),
        (data.Dataset("r", [((1, 2, 3), 0)], classes=("a", "b", "c")), "the rows have 3 classes, and the model 2 outputs"),
    ):
        with pytest.raises(ValueError, match=told):
            save(model(), tmp_path / "m.safetensors", dataset=dataset)
    with pytest.raises(TypeError, match="dataset is list; write the Dataset"):
        save(model(), tmp_path / "m.safetensors", dataset=[((1, 2, 3), 0)])
    assert list(tmp_path.iterdir()) == []


# ---- while it is written


def test_a_process_killed_while_saving_leaves_a_whole_model():
    script = Path(__file__).parent / "bench" / "kills.py"
    run = subprocess.run([sys.executable, script, "--kills", "30"], capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout + run.stderr
    assert ", 0 anything else;" in run.stdout


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.safetensors"
    old = save(model(), path).read_bytes()
    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) - 1, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save(model(8), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_two_writers_at_once_leave_one_of_their_models(tmp_path):
    path = tmp_path / "m.safetensors"
    both = [bits(model(seed)) for seed in (1, 2)]
    save(model(1), path)
    writers = [threading.Thread(target=lambda s=seed: [save(model(s), path) for _ in range(30)]) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    found = []
    while any(writer.is_alive() for writer in writers):
        found.append(bits(load(path)))
    assert all(f in both for f in found)
    assert bits(load(path)) in both
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


# ---- PyTorch


def test_the_tensors_load_in_pytorch_by_name(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)])

        def forward(self, x):
            return torch.softmax(self.layers[1](torch.relu(self.layers[0](x))), -1)

    path = save(model(), tmp_path / "m.safetensors", dataset=rows())
    net = Net().double()
    net.load_state_dict(load_file(path), strict=True)
    assert [struct.pack("<d", v) for layer in net.layers for p in (layer.weight, layer.bias) for v in p.flatten().tolist()] == bits(model())
    x = [0.25, -1.5, 2.0]
    assert net(torch.tensor(x, dtype=torch.float64)).tolist() == pytest.approx([o.data for o in model()(x)], rel=1e-14)
