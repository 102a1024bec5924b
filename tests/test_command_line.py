"""`python -m nn train`: what it prints and writes, and one line for whatever is wrong."""

import os
import re
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from nn import MLP, accuracy, data, fit, load, losses, predict
from nn.__main__ import main
from nn.cli import lock
from nn.cli.folder import filling


ROOT = Path(__file__).parent.parent
WRITTEN = ["contents.txt", "curves.png", "explanation.txt", "graph.svg", "model.safetensors", "run.json"]


def python(*args, **options):
    environment = {**os.environ, "CI": "true"}
    return subprocess.run(
        [sys.executable, "-m", "nn", *args], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600,
        check=False, **options,
    )  # fmt: skip


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process: its exit status, and the lines that it wrote to stdout and to stderr."""
    monkeypatch.setenv("CI", "true")

    def run(*args):
        try:
            status = main([str(a) for a in args])
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out.splitlines(), err.splitlines()

    return run


@pytest.fixture
def flowers(tmp_path):
    """A CSV file of iris flowers by name."""
    path = tmp_path / "flowers.csv"
    iris = data.iris()
    lines = ["sepal_length,sepal_width,petal_length,petal_width,species"]
    lines += [",".join([*map(str, x), iris.classes[t]]) for x, t in iris]
    path.write_text("\n".join(lines) + "\n")
    return path


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def held_out(dataset, seed=0, share=0.2):
    return data.standardise(*data.split(dataset, held_out=share, seed=seed))[1]


# ---- what it writes


def test_iris_end_to_end(run, tmp_path):
    out = tmp_path / "run" / "iris"
    status, lines, err = run("train", "iris", "--hidden", 8, "--epochs", 40, "--out", out)
    assert (status, err) == (0, [])
    assert lines[0] == "Dataset('iris', 150 rows, 4 features, 3 classes): 120 rows to train on, 30 held out"
    assert lines[1] == (
        "MLP(4, [8, 3], activation='tanh', output='softmax'): 67 weights, cross_entropy, one sample an update"
    )
    model = load(out / "model.safetensors")
    test = held_out(data.iris())
    right = round(accuracy(model, test) * 30)
    assert right >= 28
    assert lines[3] == f"held-out accuracy {right / 30:.4f} ({right} of 30 right)"
    mean = sum(losses.cross_entropy(model(x), t).data for x, t in test) / 30
    first, last, tested = map(float, re.findall(r"\d+\.\d{4}", lines[2]))
    assert tested == pytest.approx(mean, abs=5e-5)
    assert last < first / 3
    assert files(out) == WRITTEN
    assert sorted(line.split()[0] for line in lines[4:]) == [str(out / name) for name in WRITTEN]

    picture = (out / "curves.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture[12:16] == b"IHDR"
    assert struct.unpack(">II", picture[16:24]) == (768, 456)
    assert picture[-8:-4] == b"IEND"
    assert len(picture) > 10_000

    svg = ElementTree.parse(out / "graph.svg").getroot()
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(svg.iter())) > 100

    x, t = max(test, key=lambda row: losses.cross_entropy(model(row[0]), row[1]).data)  # the worst
    losses.cross_entropy(model(x), t).backward()
    told = dict(re.findall(r"^dE/d(w_\S+) = (\S+)", (out / "explanation.txt").read_text(), re.MULTILINE))
    assert list(told) == ["w_o1,h1", "w_h1,x1"]
    weights = dict(model.named_parameters())
    for name, number in told.items():
        assert float(number) == pytest.approx(weights[name].grad, rel=1e-3)


@pytest.mark.parametrize(("hidden", "boxes"), [(12, 15), (13, 14)])
def test_the_graph_of_a_run_can_be_seen_at_once(run, tmp_path, hidden, boxes):
    assert run("train", "moons", "--hidden", hidden, "--epochs", 1, "--out", tmp_path)[0] == 0
    assert len(re.findall(r' id="(?:g|u|n|more_)\d+"', (tmp_path / "graph.svg").read_text())) == boxes


def test_the_same_command_writes_the_same_bytes(run, tmp_path):
    for name in ("a", "b"):
        assert run("train", "xor", "--hidden", 3, "--epochs", 5, "--seed", 4, "--out", tmp_path / name)[0] == 0
    assert run("train", "xor", "--hidden", 3, "--epochs", 5, "--seed", 5, "--out", tmp_path / "c")[0] == 0
    for file in WRITTEN:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / WRITTEN[4]).read_bytes() != (tmp_path / "c" / WRITTEN[4]).read_bytes()


def test_a_second_run_replaces_the_files_of_the_first(run, tmp_path):
    for seed in (1, 2):
        assert run("train", "and", "--hidden", "--epochs", 3, "--seed", seed, "--out", tmp_path)[0] == 0
    assert files(tmp_path) == WRITTEN
    assert len(load(tmp_path / "model.safetensors").layers) == 1


def test_a_folder_that_another_command_fills_is_told_at_once_and_free_when_that_is_killed(run, tmp_path):
    out = tmp_path / "a"
    command = [sys.executable, "-m", "nn", "train", "moons", "--epochs", "1000000", "--backend", "graph", "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as first:
        try:
            until = time.monotonic() + 600
            while files(tmp_path) != ["a", "a/.lock"]:
                assert first.poll() is None
                assert time.monotonic() < until, files(tmp_path)
                time.sleep(0.05)
            for other in (("train", "xor", "--epochs", 1), ("search", "xor", "--epochs", 1), ("experiment", "symmetry")):
                status, lines, err = run(*other, "--out", out)
                told = f"nn {other[0]}: another command fills {out} at this moment; wait until it is done, or give --out another folder"
                assert (status, lines, err) == (2, [], [told])
            assert run("train", "xor", "--epochs", 1, "--out", tmp_path / "b")[0] == 0
        finally:
            first.kill()
    assert run("train", "xor", "--epochs", 1, "--out", out)[0] == 0
    assert files(out) == WRITTEN


def test_one_at_a_time_has_a_folder(tmp_path):
    """Eight threads that come and go: never two inside, and nothing of them stays."""
    inside, most, turns, told = [0], [0], [0], []

    def come_and_go():
        for _ in range(100):
            try:
                with filling(tmp_path):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    time.sleep(0.0005)
                    inside[0] -= 1
                    turns[0] += 1
            except ValueError as error:
                told.append(str(error).partition(";")[0])

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (most[0], turns[0] + len(told)) == (1, 800)
    assert turns[0] > 1
    assert set(told) <= {f"another command fills {tmp_path} at this moment"}
    assert files(tmp_path) == []


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_none(tmp_path, monkeypatch):
    is_ours, removed = lock._is_ours, []

    def late(descriptor):
        if not removed:
            removed.append((tmp_path / ".lock").unlink())
        return is_ours(descriptor)

    monkeypatch.setattr(lock, "_is_ours", late)
    with lock.locked(tmp_path), pytest.raises(ValueError, match="another command fills"), lock.locked(tmp_path):
        pass
    assert (removed, files(tmp_path)) == ([None], [])


def test_a_command_that_fails_leaves_no_folder_that_it_made(run, tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("there", "a", "b/c"):
        status, _, err = run("train", "wine", "--hidden", 10**6, 10**6, "--out", tmp_path / name)
        assert (status, len(err)) == (2, 1), err
    assert files(tmp_path) == ["there"]


def test_without_out_nothing_is_written(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines, err = run("train", "xor", "--epochs", 30)
    assert (status, len(lines), err) == (0, 4, [])
    assert files(tmp_path) == []


def test_options_reach_the_training(run, tmp_path):
    status, lines, _ = run(
        "train", "moons", "--hidden", 6, 4, "--activation", "relu", "--output", "sigmoid", "--loss", "mse",
        "--init", "he", "--epochs", 12, "--lr", 0.3, "--batch-size", 4, "--order", "given", "--momentum", 0.5,
        "--weight-decay", 1e-4, "--schedule", "cosine", "--held-out", 0.25, "--seed", 3, "--out", tmp_path,
    )  # fmt: skip
    assert status == 0
    assert lines[0].endswith("150 rows to train on, 50 held out")
    assert lines[1] == "MLP(2, [6, 4, 2], activation='relu', output='sigmoid'): 56 weights, mse, 4 an update"

    train, test = (part.one_hot() for part in data.split(data.moons(), held_out=0.25, seed=3))
    train, test = data.standardise(train, test)
    model = MLP(2, [6, 4, 2], activation="relu", output="sigmoid", init="he", seed=3)
    fit(
        model, train, loss="mse", lr=0.3, epochs=12, batch_size=4, order="given", momentum=0.5, weight_decay=1e-4,
        schedule="cosine", seed=3,
    )  # fmt: skip
    assert load(tmp_path / "model.safetensors").state_dict() == model.state_dict()
    assert f"held-out accuracy {accuracy(model, test):.4f}" in lines[3]
    assert re.search(r"η dE/dw = \S+ - 0\.3 × ", (tmp_path / "explanation.txt").read_text())  # the step that lr makes


@pytest.mark.parametrize(
    ("options", "guess", "remedy"),
    [
        ("iris --lr 1e10", "1.0986", "a smaller --lr, as 0.05"),
        ("iris --lr 3", "1.0986", "a smaller --lr, as 0.05"),
        ("iris --momentum 2 --epochs 2", "1.0986", "a --momentum below 1, as 0.9"),
        ("iris --lr 0", "1.0986", "a --lr above 0"),
        ("iris --weight-decay 1", "1.0986", "a smaller --weight-decay, more --epochs, another --lr or another --seed"),
        ("xor --hidden", "0.1250", "a hidden layer, as --hidden 4, more --epochs, another --lr or another --seed"),
        ("xor --epochs 3", "0.1250", "more --epochs, another --lr or another --seed"),  # 1/2 of 1/4, the variance
    ],
)
def test_a_training_that_ends_no_better_than_one_answer_says_so(run, options, guess, remedy):
    status, lines, err = run("train", *options.split())
    assert status == 0
    end = re.search(r"-> (\S+),", lines[2])[1]
    assert err == [f"nn train: the loss ends at {end}, no better than the {guess} of one answer for every row; try {remedy}"]


@pytest.mark.parametrize("options", ["iris --epochs 1", "moons", "xor --epochs 30", "xor --output linear --loss bce_with_logits --seed 1", "or"])
def test_a_training_that_learned_says_nothing(run, options):
    assert run("train", *options.split())[::2] == (0, [])


def test_where_one_answer_is_exact_nothing_is_said_of_it(run, tmp_path):
    (tmp_path / "same.csv").write_text("x,t\n" + "".join(f"{x},2.5\n" for x in range(8)))
    assert run("train", tmp_path / "same.csv", "--target", "t", "--epochs", 2)[::2] == (0, [])


# ---- CSV files


def test_a_csv_file_end_to_end(run, flowers, tmp_path):
    out = tmp_path / "out"
    status, lines, err = run("train", flowers, "--target", "species", "--epochs", 30, "--out", out)
    assert (status, err) == (0, [])
    assert lines[0] == "Dataset('flowers', 150 rows, 4 features, 3 classes): 120 rows to train on, 30 held out"
    assert files(out) == WRITTEN
    test = held_out(data.read_csv(flowers, target="species"))
    assert f"held-out accuracy {accuracy(load(out / 'model.safetensors'), test):.4f} " in lines[3]
    for target in (4, -1):
        assert run("train", flowers, "--target", target, "--epochs", 30)[1][1:4] == lines[1:4]


def test_a_csv_file_of_numbers_to_predict(run, tmp_path):
    path = tmp_path / "line.csv"
    points = [(a / 7, b / 3) for a in range(8) for b in range(6)]
    path.write_text("a,b,y\n" + "".join(f"{a},{b},{2 * a - b + 0.5}\n" for a, b in points))
    out = tmp_path / "out"
    status, lines, _ = run("train", path, "--target", "y", "--hidden", "--epochs", 60, "--lr", 0.05, "--out", out)
    assert status == 0
    assert lines[1].startswith("MLP(2, [1], activation='tanh', output='linear'): 3 weights, half_sse")
    assert not any(line.startswith("held-out accuracy") for line in lines)
    model = load(out / "model.safetensors")
    for x, (t,) in held_out(data.read_csv(path, target="y")):
        assert predict(model, x)[0] == pytest.approx(t, abs=1e-6)
    assert (out / "explanation.txt").read_text().count("dE/dw_o1,x1 = ") == 1


def test_a_csv_file_called_digits_is_standardised_too(run, tmp_path, flowers):
    other = flowers.rename(tmp_path / "digits.csv")
    _, lines, _ = run("train", other, "--target", "species", "--epochs", 3, "--out", tmp_path / "out")
    model = load(tmp_path / "out" / "model.safetensors")
    test = held_out(data.read_csv(other, target="species"))
    assert f"held-out accuracy {accuracy(model, test):.4f} " in lines[3]
    assert accuracy(model, test) > 0.7


# ---- what is wrong is told in one line


def refused(result, *told):
    """Exit status 2, one line on stderr that holds what is `told`."""
    status, _, err = result
    assert status == 2
    assert len(err) == 1, err
    for words in told:
        assert words in err[0]
    assert "Traceback" not in err[0]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("", ["required: command", "--help tells more"]),
        ("train", ["required: dataset", "--help tells more"]),
        ("learn iris", ["invalid choice: 'learn'", "train"]),
        ("train iris --bogus", ["unrecognized arguments: --bogus", "--help tells more"]),
        ("train irsi", ["nn train: there is no data set 'irsi' (did you mean 'iris'?); write one of and, or, xor, "]),
        ("train iris --target species", ["target='species' is for CSV files"]),
        ("train missing.csv --target y", ["missing.csv cannot be read: No such file or directory"]),
        ("train iris --lr -0.1", ["train: argument --lr: write a number >= 0, not -0.1; --help tells more"]),
        ("train iris --lr nan", ["argument --lr: write a number >= 0, not nan"]),
        ("train iris --lr fast", ["--lr: write a number >= 0, not fast"]),
        ("train iris --hidden 8 0", ["--hidden: write a whole number >= 1, not 0"]),
        ("train iris --hidden 2.5", ["--hidden: write a whole number >= 1, not 2.5"]),
        ("train iris --epochs 0", ["--epochs: write a whole number >= 1, not 0"]),
        ("train iris --batch-size -3", ["--batch-size: write a whole number >= 1, not -3"]),
        ("train iris --hidden 1000000 1000000", ["this network has 1,000,009,000,003 weights, more than the 10,000,000"]),
        ("train iris --weight-decay inf", ["--weight-decay: write a number >= 0, not inf"]),
        ("train iris --momentum -1", ["--momentum: write a number >= 0, not -1"]),
        ("train iris --seed -1", ["--seed: write a whole number >= 0, not -1"]),
        ("train iris --held-out 1", ["held_out is 1.0; write a part between 0 and 1"]),
        ("train iris --held-out 0.001", ["held_out=0.001 of Dataset('iris'", "each needs at least one"]),
        ("train iris --activation swish", ["--activation: invalid choice: 'swish'", "leaky_relu"]),
        ("train iris --loss l2", ["--loss: invalid choice: 'l2'", "half_sse"]),
        ("train iris --loss hinge", ["row 0: hinge: targets are -1 or 1, not"]),
        ("train xor --loss cross_entropy --output linear --lr 5", ["outputs are probabilities, from 0 to 1, not "]),
        ("train moons --init zeros --lr 1e200 --output linear --loss sse", ["no weight was changed; try a smaller lr, as 1e+199"]),
    ],
)
def test_bad_arguments(run, tmp_path, args, told):
    status, out, err = run(*args.split(), *(["--out", tmp_path / "out"] if "train " in args else []))
    refused((status, out, err), *told)
    assert files(tmp_path) == []
    assert not (("argument" in err[0] or "this network" in err[0]) and out)  # told before any work


@pytest.mark.parametrize(
    ("content", "target", "told"),
    [
        ("a,b,y\n1,2,3.5\n1,x,4\n", "y", "file.csv, line 3, column 'b': 'x' is not a number"),
        ("a,b,y\n1,2,3.5\n1,nan,4\n", "y", "file.csv, line 3, column 'b': 'nan' is not a finite number"),
        ("a,b,y\n1,2,3.5\n1,,4\n", "y", "file.csv, line 3, column 'b': the cell is empty"),
        ("a,b,y\n1,2,3\n1,3\n", "y", "file.csv, line 3 has 2 cells, expected 3"),
        ("a,b,y\n1,2,3\n", "z", "target is 'z', which is no column of "),
        ("a,b,y\n1,2,3\n", "7", "target is 7, which is no column of "),
        ("a,b,y\n1,2,3\n", None, "say which column of "),
        ("", "y", "file.csv is empty"),
        ("a,b,y\n", "y", "file.csv has only a header"),
        ("\xff\xfe", "y", "is not UTF-8"),
    ],
)
def test_bad_csv_files(run, tmp_path, content, target, told):
    path = tmp_path / "file.csv"
    path.write_bytes(content.encode("latin-1"))
    options = [] if target is None else ["--target", target]
    refused(run("train", path, *options, "--out", tmp_path / "out"), told)
    assert files(tmp_path) == ["file.csv"]


@pytest.mark.parametrize("place", ["file", "file/below", "/dev/null", "/dev/null/below", "/proc/nodegrad"])
def test_folders_that_cannot_be_written(run, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    out = tmp_path / place  # an absolute place stays what it is
    status, lines, err = run("train", "digits", "--out", out)
    refused((status, lines, err), f"nn train: cannot write to {out}: ", "; give --out another folder")
    assert ("'file' is a file" in err[0].replace(f"{tmp_path}/", "")) == place.startswith("file")
    assert lines == []  # told before any work
    assert (tmp_path / "file").read_text() == "mine"
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("module", "args", "told"),
    [
        ("sklearn.datasets", ["train", "iris"], 'pip install "nodegrad[data]"'),
        ("matplotlib.figure", ["train", "xor", "--out", "out"], 'plots need matplotlib: pip install "nodegrad[plots]"'),
        ("safetensors.numpy", ["train", "xor", "--out", "out"], 'need safetensors: pip install "nodegrad[files]"'),
        ("safetensors.numpy", ["search", "xor", "--out", "out"], 'need safetensors: pip install "nodegrad[files]"'),
    ],
)
def test_missing_extras(run, monkeypatch, tmp_path, module, args, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    status, lines, err = run(*args)
    refused((status, lines, err), told)
    assert lines == []  # told before any work
    assert files(tmp_path) == []


def test_truth_tables_need_no_extra(run, monkeypatch):
    for module in ("sklearn.datasets", "matplotlib.figure", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, module, None)
    assert run("train", "xor", "--epochs", 3)[0] == 0


def test_an_interrupt_writes_nothing(run, monkeypatch, tmp_path):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("nn.cli.train.fit", interrupt)
    status, _, err = run("train", "xor", "--out", tmp_path / "out")
    assert (status, err) == (130, ["nn train: interrupted; nothing was written"])
    assert files(tmp_path) == []


def test_a_drawing_that_fails_leaves_nothing_half_written(run, monkeypatch, tmp_path):
    def fail(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr("nn.cli.train.draw", fail)
    refused(run("train", "xor", "--epochs", 30, "--out", tmp_path / "out"), "no space left")
    assert files(tmp_path) == []


# ---- help


def test_help_teaches(run):
    status, lines, err = run("--help")
    assert (status, err) == (0, [])
    assert "train" in " ".join(lines)
    status, lines, err = run("train", "--help")
    assert (status, err) == (0, [])
    text = " ".join(" ".join(lines).split())
    for option in (
        "--target", "--hidden", "--activation", "--output", "--loss", "--init", "--epochs", "--lr", "--batch-size",
        "--order", "--momentum", "--weight-decay", "--schedule", "--held-out", "--seed", "--out",
    ):  # fmt: skip
        assert option in text
    for words in (
        "per-sample stochastic gradient descent", "breast_cancer, moons, and, or, xor, or a CSV file",
        "learning rate, eta in the notes (default: 0.05)",
        "decides split, initial weights and order (default: 0)", "Classes get a softmax output and cross entropy",
    ):  # fmt: skip
        assert words in text
    assert set(data.SETS) <= set(re.findall(r"\w+", text))


# ---- as a process of its own


def test_as_a_process(tmp_path):
    options = ["--hidden", "3", "--epochs", "200", "--lr", "0.5", "--loss", "bce", "--output", "sigmoid", "--out"]
    done = python("train", "xor", *options, str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "training accuracy 1.0000 (4 of 4 right)" in done.stdout
    assert "4 rows to train on, none held out" in done.stdout
    assert files(tmp_path / "out") == WRITTEN


def test_a_constant_column_is_told_and_trained_around(tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text("a,b,y\n" + "".join(f"{k % 7},3,{'uv'[k % 7 > 2]}\n" for k in range(40)))
    done = python("train", str(path), "--target", "y", "--epochs", "9", "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "nn train: constant in the training rows, left at 0: b\n")
    assert files(tmp_path / "out") == WRITTEN


def test_errors_of_a_process(tmp_path):
    for args in (["train", "irsi"], ["train", "iris", "--out", "/dev/null/x"], []):
        done = python(*args)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"[^\n]+\n", done.stderr)
        assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_written_to_is_nothing_to_tell(tmp_path, monkeypatch):
    for name in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/dev/null")
    done = python("train", "xor", "--epochs", "30", "--out", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path) == WRITTEN


def test_a_reader_that_went_away():
    there, here = os.pipe()
    os.close(there)
    try:
        command = [sys.executable, "-m", "nn", "train", "xor", "--epochs", "2"]
        done = subprocess.run(command, cwd=ROOT, stdout=here, stderr=subprocess.PIPE, text=True, timeout=600)
    finally:
        os.close(here)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("command", ["train", "search"])
@pytest.mark.parametrize("share", ["2", "0.5", "nan"])
def test_a_share_of_a_truth_table_is_not_silently_ignored(command, share, run):
    refused(run(command, "xor", "--held-out", share), f"--held-out is {float(share)}, and XOR has 4 rows, too few to hold any out")


@pytest.mark.parametrize("jobs", [0, -2])
def test_no_processes_are_refused_by_the_name_of_the_option(jobs, run):
    refused(run("search", "xor", "--jobs", jobs), f"--jobs: write a whole number >= 1, not {jobs}")
