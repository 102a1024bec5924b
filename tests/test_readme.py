"""The command lines that the README shows do what it says; its Python is run as doctests."""

import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import nn.__main__


ROOT = Path(__file__).parent.parent
LINES = (ROOT / "README.md").read_text().splitlines()
COMMANDS = [line.strip() for line in LINES if line.startswith("    python -m ")]
WRITTEN = {"model.safetensors", "run.json", "curves.png", "graph.svg", "explanation.txt", "contents.txt"}
SAYS = {  # what the other commands print
    "explain": "\ndE/dw_h1,x2 = ",
    "plot": "run/iris/landscape.png\n",
    "search": "best of 8: lr=",
    "experiment": "run/notes/local_minimum.png",
    "eq": "dE/do_j = Σ_k w_kj dE/dnet_k",
    "start": "my_engine.py written",
}
CSV = "length,width,species\n" + "\n".join(f"{k}.5,{(k * 7) % 10},{'ab'[k // 20]}" for k in range(40))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_line_runs(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "measurements.csv").write_text(CSV)
    _, _, package, *args = shlex.split(command)
    if "digits" in args:
        args[args.index("--epochs") + 1] = "1"  # the whole training takes a quarter of a minute
    if "run/iris" in args and args[0] != "train":
        nn.__main__.main(["train", "iris", "--hidden", "8", "--epochs", "2", "--out", "run/iris"])
        capsys.readouterr()
    assert import_module(f"{package}.__main__").main(args) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    if package == "nn" and args[0] == "train":
        assert {p.name for p in (tmp_path / args[args.index("--out") + 1]).iterdir()} == WRITTEN
        assert "held-out accuracy" in printed.out
    elif package != "engine":
        assert SAYS[args[0]] in printed.out
    else:
        assert "dy/dw = 0.711578" in printed.out
        assert "<script>" in (tmp_path / "page.html").read_text()


def test_make_demo_installs_what_the_examples_print():
    """The reports in 60 digits need mpmath, which the tests have anyway and a newcomer has only by the extra."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    every = re.search(r"\[(.*)\]", extras["all"][0]).group(1).split(",")
    assert "in 60 digits" in "\n".join(LINES)
    assert "mpmath" in {re.match(r"[\w-]+", need).group() for extra in every for need in extras[extra]}


def test_there_are_commands_and_every_make_target_exists():
    assert len(COMMANDS) >= 4
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = [line.split()[1] for line in LINES if line.startswith("    make ")]
    assert named == ["demo", "test", "bench", "notebook", "gallery", "lint"]
    assert set(named) <= set(targets)


def test_the_pictures_it_shows_are_there():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", "\n".join(LINES))
    assert pictures
    for path in pictures:
        assert (ROOT / path).read_text().startswith("<svg")
