"""`python -m nn explain`, `plot`, `experiment`, `search`: what they print and write, and one line for whatever is wrong."""

import json
import re
import shutil
import sys

import numpy as np
import pytest

from nn import MLP, data, fit, load, losses, save
from nn.__main__ import EXAMPLES, main
from nn.files import load_predictor
from nn.lab import landscape
from nn.lab.experiments import ALL
from nn.lab.experiments.one_neuron import small_steps
from nn.lab.plots import axes


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process: its exit status, stdout, and the lines of stderr."""
    monkeypatch.setenv("CI", "true")

    def run(*args):
        try:
            status = main([str(a) for a in args])
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out, err.splitlines()

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "moons"
    assert main(["train", "moons", "--hidden", "4", "--epochs", "8", "--lr", "0.1", "--seed", "2", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def moons(trained, tmp_path):
    """The folder of a run on moons, to change as you like."""
    return shutil.copytree(trained, tmp_path / "moons")


def refused(result, told):
    status, out, err = result
    assert (status, out, len(err)) == (2, "", 1), (status, out, err)
    assert told in err[0]
    assert "Traceback" not in err[0]


def slope(model, x, t, loss, weight):
    """dE/dw by a central difference."""
    w, h, E = dict(model.named_parameters())[weight], 1e-6, []
    kept = w.data
    for at in (kept + h, kept - h):
        w.data = at
        E.append(getattr(losses, loss)(model(x), t).data)
    w.data = kept
    return (E[0] - E[1]) / (2 * h)


# ---- run.json


def test_a_run_says_what_made_it(moons):
    found = json.loads((moons / "run.json").read_text())
    train, test = data.standardise(*data.split(data.moons(), held_out=0.2, seed=2))
    saved = load_predictor(moons / "model.safetensors")
    assert (saved.mean, saved.scale, saved.classes) == (train.mean, train.scale, ("upper", "lower"))
    model = MLP(2, [4, 2], output="softmax", seed=2)
    history = fit(model, train, loss="cross_entropy", lr=0.1, epochs=8, validation=test, seed=2)
    assert [e["loss"] for e in found["epochs"]] == history.loss
    assert [e["accuracy"] for e in found["epochs"]] == history.accuracy
    listed = [line.split()[0] for line in (moons / "contents.txt").read_text().splitlines()[2:]]
    assert sorted([*listed, "contents.txt"]) == sorted(p.name for p in moons.iterdir())


# ---- explain


def test_explain_tells_the_derivative_of_the_worst_held_out_row(run, moons):
    status, out, err = run("explain", moons, "w_h2,x1", "--notes", "LEC")
    assert (status, err) == (0, [])
    model = load(moons / "model.safetensors")
    test = data.standardise(*data.split(data.moons(), held_out=0.2, seed=2))[1]
    x, t = max(test, key=lambda row: losses.cross_entropy(model(row[0]), row[1]).data)
    assert out.startswith(f"row {test.rows.index((x, t))} of the held-out rows 0 to 39, the worst: x = ({x[0]:.4g}, {x[1]:.4g}), target {t} ({('upper', 'lower')[t]}, t_o{t + 1} = 1), ")
    (told,) = re.findall(r"^dE/dw_h2,x1 = (\S+)", out, re.MULTILINE)
    assert float(told) == pytest.approx(slope(model, x, t, "cross_entropy", "w_h2,x1"), rel=1e-4)
    assert "0.1 ×" in out  # the step with the rate of the training


def test_explain_takes_a_numbered_row_and_a_row_of_your_own(run, moons):
    model = load(moons / "model.safetensors")
    train, test = data.standardise(*data.split(data.moons(), held_out=0.2, seed=2))
    x, t = test[7]
    raw = [m + s * v for v, m, s in zip(x, train.mean, train.scale, strict=True)]
    expected = slope(model, x, t, "cross_entropy", "b_o1")
    rows = [["--sample", 7], ["--row=" + ",".join(map(repr, raw)), "--t", t], ["--row=" + ",".join(map(repr, raw)), "--t", ("upper", "lower")[t]]]
    for options in rows:
        status, out, err = run("explain", moons / "model.safetensors", "b_o1", *options)
        assert (status, err) == (0, [])
        (told,) = re.findall(r"^dE/db_o1 = (\S+)", out, re.MULTILINE)
        assert float(told) == pytest.approx(expected, rel=1e-4)
    assert r"\frac" in run("explain", moons, "b_o1", "--latex")[1]


def test_weights_of_deeper_nets_need_no_brackets(run, tmp_path):
    assert run("train", "moons", "--hidden", 3, 2, "--epochs", 2, "--out", tmp_path)[0] == 0
    for bare, name in (("w_h2_1,h1_3", "w[h2_1,h1_3]"), ("b_h2_2", "b[h2_2]"), ("w_o1,h2_1", "w[o1,h2_1]"), ("b_o2", "b_o2")):
        status, out, err = run("explain", tmp_path, bare)
        assert (status, err) == (0, [])
        assert run("explain", tmp_path, name)[1] == out
        assert f"\ndE/d{name} = " in out
    drawn = [run("plot", tmp_path, "landscape", "--points", 3, "--along", *along)[1] and (tmp_path / "landscape.png").read_bytes()
             for along in (("w_h1_1,x1", "b_h2_1"), ("w[h1_1,x1]", "b[h2_1]"))]  # fmt: skip
    assert drawn[0] == drawn[1]
    assert run("plot", tmp_path, "weights", "--weights", "w_h2_1,h1_3")[0] == 0
    refused(run("explain", tmp_path, "w_h2_1,h1_4"), "the model has no weight 'w_h2_1,h1_4' (did you mean w[h2_1,h1_")


def test_explain_of_a_lone_model_needs_rows(run, tmp_path):
    path = save(MLP(2, [3, 1], output="sigmoid", seed=1), tmp_path / "lone.safetensors")
    refused(run("explain", path, "w_o1,h1"), "has no run.json beside it that would say what it was trained on; name a --dataset")
    status, out, _ = run("explain", path, "w_o1,h1", "--dataset", "xor", "--sample", 2)
    assert status == 0
    model = load(path)
    (told,) = re.findall(r"^dE/dw_o1,h1 = (\S+)", out, re.MULTILINE)
    assert float(told) == pytest.approx(slope(model, (1.0, 0.0), (1.0,), "bce", "w_o1,h1"), rel=1e-4)
    for t in ("0.25", "1"):
        status, out, _ = run("explain", path, "w_o1,h1", "--row=-0.5,2", "--t", t, "--loss", "sse")
        (told,) = re.findall(r"^dE/dw_o1,h1 = (\S+)", out, re.MULTILINE)
        assert float(told) == pytest.approx(slope(model, (-0.5, 2.0), (float(t),), "sse", "w_o1,h1"), rel=1e-4)
    refused(run("explain", path, "w_o1,h1", "--dataset", "iris"), "has 4 features and")
    refused(run("explain", path, "w_o1,h1", "--dataset", "moons"), "has 2 features and 2 outputs, the model 2 and 1")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("w_o1,h9", "no weight 'w_o1,h9' (did you mean w_o1,h"),
        ("w_o1,h1 --sample 40", "--sample is 40, and the rows are numbered from 0 to 39"),
        ("w_o1,h1 --sample -1", "--sample is -1"),
        ("w_o1,h1 --row 1,2,3 --t 0", "--row has 3 numbers, and the model takes 2: x1, x2"),
        ("w_o1,h1 --row 1,x --t 0", "--row is '1,x', not numbers"),
        ("w_o1,h1 --row 1,nan --t 0", "x[1] is nan; write a finite number"),
        ("w_o1,h1 --row 1,2", "a row of your own needs its target"),
        ("w_o1,h1 --row 1,2 --t middle", "--t is 'middle', which is no class; write upper, lower"),
        ("w_o1,h1 --row 1,2 --t 2", "2, outside the class indices 0..1"),
        ("w_o1,h1 --row 1,2 --t 0 --sample 3", "give one or the other"),
        ("w_o1,h1 --row 1,2 --t 0 --dataset moons", "give one or the other"),
        ("w_o1,h1 --t 0", "--t is the target of a --row"),
        ("w_o1,h1 --notes MIT", "invalid choice: 'MIT'"),
    ],
)
def test_what_explain_refuses(run, moons, args, told):
    refused(run("explain", moons, *args.split()), told)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"lr": 0.1,', b'"lr": 0.2,'),
        (b'"epochs": 8,', b'"epochs": 9,'),
        (b'"epoch": 7', b'"epoch":  7'),
        (b"\n", b"\r\n"),
    ],
    ids=repr,
)
def test_an_edited_run_is_told(run, moons, old, new):
    content = (moons / "run.json").read_bytes()
    assert old in content
    (moons / "run.json").write_bytes(content.replace(old, new))
    refused(run("explain", moons, "w_o1,h1"), "run.json is not what train wrote: it was changed after it was written: its checksum is another; move it away")


def test_a_run_of_once_has_no_checksum(run, moons):
    status, told, _ = run("explain", moons, "w_o1,h1")
    content = json.loads((moons / "run.json").read_bytes())
    assert list(content) == ["settings", "epochs", "crc32"]
    del content["crc32"]
    (moons / "run.json").write_text(json.dumps(content, indent=1))
    assert run("explain", moons, "w_o1,h1") == (0, told, [])
    assert status == 0


@pytest.mark.parametrize("content", [b"", b"{}", b'{"settings": {}, "epochs": []}', b"\xff", b'{"settings": 3, "epochs": [1]}'])
def test_a_damaged_run_is_told(run, moons, content):
    (moons / "run.json").write_bytes(content)
    refused(run("explain", moons, "w_o1,h1"), "run.json is not what train wrote")
    (moons / "model.safetensors").write_bytes(b"nothing")
    refused(run("plot", moons, "curves"), "is not a model saved by nodegrad")


# ---- plot


@pytest.mark.parametrize("kind", ["curves", "boundary", "landscape", "walks", "saturation", "gradients", "weights", "spread"])
def test_plots_of_a_run(run, moons, tmp_path, kind):
    status, out, err = run("plot", moons, kind, *(["--points", 5] if kind in ("landscape", "walks") else []))
    assert (status, out, err) == (0, f"{moons / kind}.png\n", [])
    first = (moons / f"{kind}.png").read_bytes()
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    other = tmp_path / "deeper" / "other.png"
    assert run("plot", moons, kind, *(["--points", 5] if kind in ("landscape", "walks") else []), "--out", other)[0] == 0
    assert other.read_bytes() == first


def test_a_picture_that_is_a_folder_is_told_by_its_own_name(run, moons, tmp_path):
    (tmp_path / "a.png").mkdir()
    status, _, err = run("plot", moons, "curves", "--out", tmp_path / "a.png")
    assert (status, err) == (2, [f"nn plot: {tmp_path / 'a.png'}: it is a folder; name a file in it"])
    assert [p.name for p in tmp_path.iterdir() if not p.is_dir()] == []


def test_a_model_of_one_command_is_not_replaced_by_another(run, tmp_path):
    train, search = ("train", "xor", "--epochs", 1, "--out"), ("search", "xor", "--epochs", 1, "--out")
    assert run(*train, tmp_path / "a")[0] == run(*search, tmp_path / "b")[0] == 0
    for command, folder, keeps in ((search, tmp_path / "a", "run.json"), (train, tmp_path / "b", "runs.jsonl")):
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        refused(run(*command, folder), f"{folder} holds {keeps} of another command, to which its model belongs; give --out another folder")
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


@pytest.mark.parametrize(("name", "begins"), [("a.svg", b"<?xml"), ("a.PDF", b"%PDF"), ("a.PNG", b"\x89PNG")])
def test_a_picture_is_what_its_name_says(run, moons, tmp_path, name, begins):
    assert run("plot", moons, "curves", "--out", tmp_path / name)[0] == 0
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_flat_landscape_is_called_flat(run, moons, monkeypatch, tmp_path):
    assert run("train", "moons", "--activation", "relu", "--init", "zeros", "--epochs", 2, "--out", tmp_path)[0] == 0
    drawn = []
    monkeypatch.setattr("nn.cli.plot.image", lambda figure, kind: drawn.append(figure) or b"")
    for folder in (tmp_path, moons):
        assert run("plot", folder, "landscape", "--points", 3)[0] == 0
    flat, sloping = (figure.axes[0].get_title() for figure in drawn)
    assert flat == "around the trained weights (dot); flat, E is the same everywhere"
    assert "inside" in sloping


def test_a_landscape_has_the_trained_weights_in_its_middle_and_directions_of_its_own_for_every_seed(run, moons, monkeypatch):
    asked, drawn, plain = [], [], landscape.plane
    monkeypatch.setattr("nn.lab.landscape.plane", lambda *args, **kw: asked.append(kw) or plain(*args, **kw | {"points": 3}))
    monkeypatch.setattr("nn.cli.plot.image", lambda figure, kind: drawn.append(figure.axes[0]) or b"")
    for seed in range(4):
        assert run("plot", moons, "landscape", "--seed", seed)[0] == 0
    assert run("plot", moons, "landscape", "--along", "w_o1,h2", "w_h1,x1", "--points", 401, "--reach", 2.5)[0] == 0
    assert len({kw[name] for kw in asked[:4] for name in ("first", "second")}) == 8  # no direction is drawn twice
    assert [(kw["points"], kw["reach"]) for kw in asked] == [(41, 1.0)] * 4 + [(401, 2.5)]
    for ax, half in ((drawn[0], 1.0), (drawn[-1], 2.5)):
        assert (ax.get_xlim(), ax.get_ylim()) == ((-half, half), (-half, half))
        assert [(*map(float, x), *map(float, y)) for x, y in (line.get_data() for line in ax.get_lines())] == [(0.0, 0.0)]
    assert (drawn[0].get_xlabel(), drawn[0].get_ylabel()) == ("first random direction", "second random direction")
    assert (drawn[-1].get_xlabel(), drawn[-1].get_ylabel()) == ("along w_o1,h2", "along w_h1,x1")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("landscape --along w_h1,x1 w_o9,h1", "the model has no weight 'w_o9,h1'"),
        ("landscape --seed -3", "--seed: write a whole number >= 0, not -3"),
        ("landscape --points 1", "points must be a whole number >= 2, not 1"),
        ("landscape --reach 0", "reach must be a number above 0, not 0.0"),
        ("landscape --points 402", "--points is 402, and a side of the picture has at most 401"),
        ("landscape --along w_h1,x1 w_h1,x1", "--along names w_h1,x1 twice; a landscape is drawn along two different weights"),
        ("walks --points 0", "points must be a whole number >= 2, not 0"),
        ("weights --weights w_h1,x1 w_h9,x1", "the model has no weight 'w_h9,x1' (did you mean w_h4,x1?); it has w_h1,x1, w_h1,x2, w_h2,x1, "),
        ("histogram", "invalid choice: 'histogram'"),
        ("curves --out a.xyz", "--out a.xyz: a picture's name ends with .png, .svg or .pdf"),
        ("curves --out folder/", "a picture's name ends with .png, .svg or .pdf"),
        ("curves --out /dev/null/x/y.png", "cannot write to"),
    ],
)
def test_what_plot_refuses(run, moons, args, told):
    before = sorted(p.name for p in moons.iterdir())
    refused(run("plot", moons, *args.split()), told)
    assert sorted(p.name for p in moons.iterdir()) == before


def test_the_walk_of_sgd_is_that_of_the_run(moons, monkeypatch, run):
    kept = {}
    ax = axes()
    monkeypatch.setattr("nn.lab.plots.surface", lambda made, paths, kept=kept: kept.update(paths) or ax)
    assert run("plot", moons, "walks", "--points", 3)[0] == 0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("first principal direction of the walks", "second principal direction")
    train, _ = data.standardise(*data.split(data.moons(), held_out=0.2, seed=2))
    start = MLP(2, [4, 2], output="softmax", seed=2)
    whole = kept.pop("full batch: steps on the sum of 160 rows")
    assert list(kept) == ["SGD"]
    assert kept["SGD"][0] == whole[0] == [p.data for p in start.parameters()]
    assert kept["SGD"][-1] == [p.data for p in load(moons / "model.safetensors").parameters()]
    assert (len(kept["SGD"]), len(whole)) == (8 * len(train) + 1, 9)
    from_the_end = np.array([*whole, *kept["SGD"]]) - kept["SGD"][-1]
    spread = np.linalg.eigvalsh(from_the_end.T @ from_the_end)  # in ascending order
    assert f"this plane holds {100 * (spread[-2] + spread[-1]) / spread.sum():.0f} % of the walks" in ax.get_title()


def test_a_walk_of_more_numbers_than_are_kept_is_refused(moons, monkeypatch, run):
    numbers = 8 * 160 * 22  # epochs, rows, weights
    told = "the walk of this run has 28,160 numbers, more than the 28,159 that are kept; train fewer epochs or weights"
    with monkeypatch.context() as patch:
        patch.setattr("nn.cli.plot.LARGEST", numbers - 1)
        refused(run("plot", moons, "walks", "--points", 2), told)
        patch.setattr("nn.cli.plot.LARGEST", numbers)
        assert run("plot", moons, "walks", "--points", 2)[0] == 0
    content = json.loads((moons / "run.json").read_text())
    del content["crc32"]  # as it was once written, so that a change is not seen
    content["settings"]["epochs"] = 6000
    (moons / "run.json").write_text(json.dumps(content))
    refused(run("plot", moons, "walks"), "the walk of this run has 21,120,000 numbers, more than the 20,000,000 that are kept")


def test_walks_are_shown_whole_or_as_far_as_is_asked(moons, monkeypatch, run):
    halves = []

    def look(made, paths):
        places = [abs(x) for path in paths.values() for w in path for x in made.project(w)]
        halves.append((made.a[-1], made.b[-1]))
        assert max(places) == pytest.approx(1.0, rel=1e-9)  # the walk that goes farthest is the unit of the plane
        return axes()

    monkeypatch.setattr("nn.lab.plots.surface", look)
    for reach in ([], ["--reach", 1], ["--reach", 2.5], ["--reach", 0.5]):
        assert run("plot", moons, "walks", "--points", 3, *reach)[0] == 0
    assert halves == [(1.2 * r, 1.2 * r) for r in (1.0, 1.0, 2.5, 0.5)]


def test_what_is_drawn_step_by_step_is_the_run(moons, monkeypatch, run):
    given = {}
    for name in ("gradient_sizes", "trajectories", "spread"):
        monkeypatch.setattr(f"nn.lab.plots.{name}", lambda x, stride, unit="step", name=name: given.update({name: (x, stride)}) or axes())
    for kind in ("gradients", "weights", "spread"):
        assert run("plot", moons, kind)[0] == 0
    train, _ = data.standardise(*data.split(data.moons(), held_out=0.2, seed=2))
    model, walk, sizes = MLP(2, [4, 2], output="softmax", seed=2), [], []
    stride = -(-8 * len(train) // 500)
    kept = fit(model, train, loss="cross_entropy", lr=0.1, epochs=8, seed=2, backend="graph", record="updates").updates
    for update in list(kept)[::stride]:
        walk.append((update.old["w_h1,x1"], update.old["w_h2,x1"], update.old))
        sizes.append([abs(g) for name, g in update.gradient.items() if name.startswith("w_h")])
    paths, apart = given["trajectories"], given["spread"]
    assert paths[1] == apart[1] == stride
    assert paths[0]["w_h1,x1"][:-1] == [w for w, _, _ in walk]
    assert paths[0]["w_h2,x1"][:-1] == [w for _, w, _ in walk]
    last = load(moons / "model.safetensors")
    far = lambda w: max(max(w[f"w_h{j},{x}"] for j in (1, 2, 3, 4)) - min(w[f"w_h{j},{x}"] for j in (1, 2, 3, 4)) for x in ("x1", "x2"))
    assert apart[0]["hidden layer 1"][:-1] == [far(w) for _, _, w in walk]
    if (8 * len(train) - 1) % stride == 0:
        assert paths[0]["w_h1,x1"][-1] == last.layers[0].neurons[0].w[0].data
    drawn, across = given["gradient_sizes"]
    window = across // stride
    assert len(drawn) <= 100
    assert drawn[1][0] == pytest.approx(np.mean(sizes[window : 2 * window]), rel=1e-12)


def test_a_run_that_is_not_that_of_its_settings_is_not_drawn_again(moons, run):
    content = json.loads((moons / "run.json").read_text())
    del content["crc32"]  # as it was once written, so that a change is not seen
    content["settings"]["lr"] = 0.11
    (moons / "run.json").write_text(json.dumps(content))
    refused(run("plot", moons, "weights"), "trained again, w_h1,x1 ends at ")
    for key, odd in (("epochs", "many"), ("batch_size", 0)):
        damaged = {**content, "settings": {**content["settings"], key: odd}}
        (moons / "run.json").write_text(json.dumps(damaged))
        for kind in ("weights", "walks"):
            refused(run("plot", moons, kind), f"is not what train wrote: {key} is {odd!r}; move it away")
    del content["settings"]["init"]
    (moons / "run.json").write_text(json.dumps(content))
    refused(run("plot", moons, "weights"), "is not what train wrote: 'init' is missing; move it away, or train again")


def test_units_that_start_equal_have_no_spread(run, tmp_path):
    assert run("train", "xor", "--hidden", 3, "--init", "zeros", "--epochs", 5, "--out", tmp_path / "equal")[0] == 0
    assert run("plot", tmp_path / "equal", "spread")[0] == 0
    assert run("train", "xor", "--hidden", 1, "--epochs", 5, "--out", tmp_path / "one")[0] == 0
    refused(run("plot", tmp_path / "one", "spread"), "a spread is that of two units of a hidden layer")


def test_the_folder_is_whole_though_nobody_reads_the_output(run, tmp_path, monkeypatch):
    def closed(*args, **rest):
        raise BrokenPipeError

    monkeypatch.setattr("nn.cli.folder.print", closed, raising=False)
    run("train", "xor", "--epochs", 2, "--out", tmp_path / "cut")
    assert sorted(p.name for p in (tmp_path / "cut").iterdir()) == [
        "contents.txt", "curves.png", "explanation.txt", "graph.svg", "model.safetensors", "run.json"
    ]  # fmt: skip


def test_a_boundary_needs_two_inputs_and_curves_a_history(run, tmp_path):
    refused(run("plot", tmp_path / "nowhere", "curves"), "there is no model at ")
    path = save(MLP(4, [3, 3], output="softmax"), tmp_path / "lone.safetensors")
    refused(run("plot", path, "curves"), "has no run.json beside it, which would hold the losses")
    refused(run("plot", path, "walks"), "has no run.json beside it, which would say where it started")
    assert run("train", "iris", "--epochs", 1, "--out", tmp_path / "iris")[0] == 0
    refused(run("plot", tmp_path / "iris", "boundary"), "the model takes 4; train one on two of them")
    refused(run("plot", tmp_path / "iris", "landscape", "--points", 100000), "--points is 100000, and a side of the picture has at most 401")
    refused(run("plot", tmp_path / "iris", "walks", "--points", 402), "--points is 402")
    refused(run("plot", tmp_path / "iris", "landscape", "--along", "b_h1", "b_h1"), "--along names b_h1 twice")


@pytest.mark.parametrize("command", ["train", "plot", "search"])
def test_help_tells_the_defaults_that_are_something(run, command):
    told = " ".join(run(command, "--help")[1].split())
    assert "None" not in told
    assert {"train": "(default: 0.05)", "plot": "(default: 41)", "search": "(default: [4, 8])"}[command] in told


def test_the_first_round_of_the_help_learns_what_it_trains(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rounds = [line.split("   ")[0].split()[3:] for line in EXAMPLES.splitlines() if line.startswith("  python -m nn ")]
    assert [line[0] for line in rounds] == ["train", "explain", "plot", "experiment", "search"]
    told = [run(*line) for line in rounds]
    assert [(status, err) for status, _, err in told] == [(0, [])] * 5
    assert "training accuracy 1.0000 (4 of 4 right)" in told[0][1]
    assert "held-out" not in (tmp_path / "run/xor/contents.txt").read_text()


def test_the_explanation_of_a_run_is_of_an_input_that_is_not_zero(run, tmp_path):
    assert run("train", "digits", "--hidden", 2, "--epochs", 1, "--out", tmp_path)[0] == 0
    told = (tmp_path / "explanation.txt").read_text()
    inputs = [float(i) for i in told[told.index("(") + 1 : told.index(")")].split(",")]
    seen = next(k for k, i in enumerate(inputs, 1) if i)
    assert seen > 1
    assert f"\ndE/dw_h1,x{seen} = " in told
    assert f"\ndE/dw_h1,x{seen} = 0 " not in told


# ---- experiment


def test_an_experiment_prints_its_table_and_sentence(run, tmp_path):
    status, out, err = run("experiment", "small_steps", "saturation", "--out", tmp_path / "x")
    assert (status, err) == (0, [])
    assert str(small_steps()) in out
    assert out.index("small_steps: ") < out.index("saturation: ")
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == sorted(
        ["small_steps.txt", "small_steps.png", "saturation.txt", "saturation.png", "contents.txt"]
    )
    assert (tmp_path / "x" / "small_steps.txt").read_text() == f"{small_steps()}\n"
    assert "saturation.txt, saturation.png  A saturated" in (tmp_path / "x" / "contents.txt").read_text()
    assert run("experiment", "small_steps")[1] == f"{small_steps()}\n"


def test_the_contents_of_a_folder_are_those_of_every_round(run, moons, tmp_path):
    for name in ("sse_or_bce", "saturation"):
        assert run("experiment", name, "--out", tmp_path)[0] == 0
    listed = (tmp_path / "contents.txt").read_text().splitlines()[2:]
    assert listed == [f"{name}.txt, {name}.png  {ALL[name]().title}" for name in ("saturation", "sse_or_bce")]
    for _ in range(2):
        for kind in ("curves", "saturation"):
            assert run("plot", moons, kind)[0] == 0
    listed = (moons / "contents.txt").read_text().splitlines()
    assert listed[-1] == "saturation.png  the rows on which each unit has lost its slope"
    assert sum(line.startswith("curves.png  ") for line in listed) == sum(line.startswith("saturation.png  ") for line in listed) == 1


def test_the_boundary_of_nets_is_at_zero(run, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("nn.lab.plots.decision_boundary", lambda *args, **kw: asked.append(kw["boundary"]) or axes())
    for loss, output in (("bce_with_logits", "linear"), ("sse", "linear")):
        assert run("train", "xor", "--loss", loss, "--output", output, "--epochs", 1, "--out", tmp_path)[0] == 0
        assert run("plot", tmp_path, "boundary")[0] == 0
    assert asked == [0.0, None]


def test_a_regression_has_a_response_and_no_accuracy(run, tmp_path, monkeypatch):
    (tmp_path / "r.csv").write_text("a,b,y\n" + "".join(f"{k},{k * k % 7},{1.5 * k}\n" for k in range(12)))
    assert run("train", tmp_path / "r.csv", "--target", "y", "--epochs", 2, "--out", tmp_path / "o")[0] == 0
    assert "curves.png  losses by epoch\n" in (tmp_path / "o" / "contents.txt").read_text()
    drawn = []
    monkeypatch.setattr("nn.cli.plot.image", lambda figure, kind: drawn.append(figure) or b"")
    assert run("plot", tmp_path / "o", "boundary")[0] == 0
    assert [ax.get_ylabel() for ax in drawn[0].axes] == ["input b, standardised", "output; in the dots, the target"]


def test_all_experiments_are_run_by_all(run, monkeypatch):
    for name in ALL:
        monkeypatch.setitem(ALL, name, lambda name=name: f"<{name}>")
    assert run("experiment", "all")[1].split() == [f"<{name}>" for name in ALL]


def test_what_experiment_refuses(run, tmp_path, monkeypatch):
    refused(run("experiment", "small_steps", "symetry"), "there is no experiment 'symetry' (did you mean symmetry?)")
    refused(run("experiment"), "required: NAME")
    refused(run("experiment", "small_steps", "--out", "/dev/null/x"), "cannot write to")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    refused(run("experiment", "small_steps", "--out", tmp_path / "x"), 'plots need matplotlib: pip install "nodegrad[plots]"')
    assert not (tmp_path / "x").exists()
    assert run("experiment", "small_steps")[0] == 0  # a table needs no figure


def test_an_interrupt_keeps_the_experiments_that_are_done(run, tmp_path, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setitem(ALL, "saturation", interrupt)
    status, _, err = run("experiment", "small_steps", "saturation", "--out", tmp_path)
    assert (status, err) == (130, [f"nn experiment: interrupted; the experiments printed above are in {tmp_path}"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["contents.txt", "small_steps.png", "small_steps.txt"]


# ---- search


def test_search_tries_every_setting_and_keeps_the_best(run, tmp_path):
    args = ["search", "xor", "--hidden", 2, 3, "--lr", 0.1, 0.5, "--seeds", 2, "--epochs", 60, "--output", "sigmoid", "--out", tmp_path / "s"]
    status, out, err = run(*args)
    assert (status, err) == (0, [])
    ends = {}
    for lr in (0.1, 0.5):
        for hidden in (2, 3):
            for seed in (0, 1):
                model = MLP(2, [hidden, 1], output="sigmoid", seed=seed)
                fit(model, data.XOR(), loss="bce", lr=lr, epochs=60, seed=seed)
                ends[lr, hidden, seed] = np.mean([losses.bce(model(x), t).data for x, t in data.XOR()]), model
    (lr, hidden, seed), (E, model) = min(ends.items(), key=lambda end: end[1][0])
    assert f"best of 8: lr={lr:g}, hidden={hidden}, seed={seed}, training loss {E:.4f}" in out
    assert load(tmp_path / "s" / "model.safetensors").state_dict() == model.state_dict()
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == ["contents.txt", "model.safetensors", "runs.jsonl", "runs.png", "table.txt"]
    runs = (tmp_path / "s" / "runs.jsonl").read_bytes()
    assert run(*args)[1] == out  # started again it has nothing to do
    assert (tmp_path / "s" / "runs.jsonl").read_bytes() == runs


def test_a_search_is_ranked_by_the_rows_it_did_not_train_on(run):
    status, out, err = run("search", "moons", "--hidden", 3, "--lr", 0.05, 0.5, "--seeds", 2, "--epochs", 2, "--seed", 4)
    assert (status, err) == (0, [])
    train, test = data.standardise(*data.split(data.moons(), held_out=0.2, seed=4))
    ends = []
    for lr in (0.05, 0.5):
        for seed in (0, 1):
            model = MLP(2, [3, 2], output="softmax", seed=seed)
            fit(model, train, loss="cross_entropy", lr=lr, epochs=2, seed=seed)
            E = (np.mean([losses.cross_entropy(model(x), t).data for x, t in rows]) for rows in (test, train))
            ends.append((*E, lr, seed))
    E, _, lr, seed = min(ends)
    assert f"160 rows to train on, {len(test)} held out\n" in out
    assert f"best of 4: lr={lr:g}, hidden=3, seed={seed}, held-out loss {E:.4f}" in out
    first = dict(zip(*(line.split() for line in out.split("\n\n")[1].splitlines()[:2]), strict=True))
    assert [float(first[name]) for name in ("validation_loss", "loss")] == pytest.approx(min(ends)[:2], rel=1e-5)


def test_a_search_of_few_words_has_two_sizes_two_rates_and_three_seeds(run):
    status, out, _ = run("search", "xor", "--epochs", 1)
    assert status == 0
    tried = re.findall(r"^ *([\d.]+) +(\d) +(\d)  +[\d.]+", out.partition("\n\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert sorted(tried) == [(lr, hidden, seed) for lr in ("0.01", "0.1") for hidden in "48" for seed in "012"]


def test_a_random_search_draws_between(run):
    status, out, err = run("search", "moons", "--random", 5, "--seeds", 1, "--hidden", 2, 6, "--lr", 0.01, 1, "--epochs", 2)
    assert (status, err) == (0, [])
    drawn = re.findall(r"^ *([\d.]+) +(\d) +0 ", out, re.MULTILINE)
    assert len(drawn) == 5
    assert all(0.01 <= float(lr) <= 1 and 2 <= int(hidden) <= 6 for lr, hidden in drawn)
    assert len({lr for lr, _ in drawn}) == 5


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("irsi", "did you mean 'iris'?"),
        ("xor --lr 0.1 -1", "--lr: write a number >= 0, not -1"),
        ("xor --hidden 0 2", "--hidden: write a whole number >= 1, not 0"),
        ("xor --seeds 0", "--seeds: write a whole number >= 1, not 0"),
        ("xor --epochs 0", "--epochs: write a whole number >= 1, not 0"),
        ("xor --random 0", "--random: write a whole number >= 1, not 0"),
        ("xor --out /dev/null/x", "cannot write to"),
        ("xor --seeds 1000000000", "this search has 4,000,000,000 runs, more than the 1,000,000 of a table; write fewer seeds"),
        ("xor --hidden 3 1000000000", "this network has 4,000,000,001 weights, more than the 10,000,000"),
        ("xor --random 3 --lr 0 1", "write --lr with a smallest rate above 0, not 0 and 1"),
    ],
)
def test_what_search_refuses(run, args, told):
    status, out, err = run("search", *args.split(), *([] if "--epochs" in args else ["--epochs", 2]))
    assert out == ""
    assert status == 2
    assert len(err) == 1
    assert told in err[0]


def test_a_search_of_which_no_run_is_better_than_one_answer_says_so(run):
    told = "nn search: the best loss is no better than the {} of one answer for every row; try other --lr, more --epochs or more --hidden units"
    assert run("search", "xor", "--lr", 50, "--seeds", 2, "--epochs", 3)[::2] == (0, [told.format("0.1250")])
    assert run("search", "iris", "--lr", 1000, "--seeds", 1, "--epochs", 1)[::2] == (0, [told.format("1.0986")])
    assert run("search", "iris", "--lr", 1000, 0.1, "--seeds", 1, "--epochs", 1)[::2] == (0, [])


# ---- help


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", ["python -m nn explain run/xor w_o1,h1 --notes LEC", "a first round", "experiment", "search", "plot"]),
        ("explain", ["factor by factor", "to unit j from i", "--sample", "--row", "--notes"]),
        ("plot", ["normalised unit by unit", "where it is exact", "--along"]),
        ("experiment", ["counter-case", *ALL]),
        ("search", ["a grid", "--random N", "goes on where it was", "--jobs"]),
    ],
)
def test_help_teaches(run, command, words):
    status, out, err = run(*command.split(), "--help")
    assert (status, err) == (0, [])
    for word in words:
        assert word in " ".join(out.split())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "run.json is not what train wrote: 'settings' is missing; move it away, or train again"),
        ("[1, 2]", "run.json is not what train wrote: it holds [1, 2], not an object; move it away"),
        ("{", "run.json is not what train wrote: Expecting property name"),
    ],
)
def test_a_run_json_by_another_hand_is_told_in_words(content, told, run, tmp_path):
    save(MLP(2, [1], seed=0), tmp_path / "model.safetensors")
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    refused(run("explain", tmp_path, "w_o1,x1"), told)
