"""The notebooks run from a clean kernel, offline, and print what they printed when they were committed."""

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pytest

from engine.learn.ledger import LEDGER


nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
traitlets = pytest.importorskip("traitlets")

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PATIENCE = 600  # seconds that a kernel may take to start, and a cell to end, on a machine that is busy
# no network: a socket to anywhere but this machine fails; and matplotlib, the first time on a machine, keeps to itself that it looks for fonts
PRELUDE = """
import logging as _logging
import socket as _socket
_logging.getLogger("matplotlib").setLevel(_logging.ERROR)
_connect = _socket.socket.connect
def _local(self, address):
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1"):
        raise OSError("no network in notebooks")
    return _connect(self, address)
_socket.socket.connect = _local
"""


def texts(cell):
    """What a cell printed and showed as text; pictures are left to the tests of the views."""
    shown: list[str] = []
    printed = ""  # in whatever pieces it came
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            printed += "".join(output["text"])
        else:
            data = output.get("data", {})
            shown += [data[kind] for kind in ("text/plain", "text/latex", "text/markdown") if kind in data]
    return [printed, *("".join(s) for s in shown)]


@pytest.fixture
def options(monkeypatch):
    """How to run a notebook without anything from this user's home, and without a port that somebody else might take first."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the name of a socket has to be short
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", folder)
        monkeypatch.setenv("JUPYTER_CONFIG_DIR", folder)
        monkeypatch.setenv("IPYTHONDIR", folder)
        sockets = {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" and len(folder) < 80 else {}
        config = traitlets.config.Config({"KernelManager": sockets})
        yield {"kernel_name": "python3", "timeout": PATIENCE, "startup_timeout": PATIENCE, "config": config}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_from_a_clean_kernel_and_prints_the_same(path, options):
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    fresh.cells.insert(0, nbformat.v4.new_code_cell(PRELUDE))
    start = perf_counter()
    nbclient.NotebookClient(fresh, resources={"metadata": {"path": FOLDER}}, **options).execute()
    print(f"{path.stem}: {perf_counter() - start:.1f} s")
    for old, new in zip(committed.cells, fresh.cells[1:], strict=True):
        assert texts(old) == texts(new), f"in the cell that begins {old.source[:60]!r}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_is_committed_with_outputs_small_and_without_addresses(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any(cell.outputs for cell in code)
    assert path.stat().st_size < 300_000
    printed = "".join(t for cell in code for t in texts(cell))
    assert not re.search(r"0x[0-9a-f]{6,}", printed), "an address changes with every run"


def tags(cell):
    """The ids of the ledger that a cell is about: its lines `# eq: S63-5, LEC-6`."""
    return [key.strip() for line in re.findall(r"^# eq: (.*)$", cell.source, re.M) for key in line.split(",")]


def test_there_are_ten():
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{k:02}" for k in range(10)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_its_cells_are_few_and_short_and_name_equations_that_there_are(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert len(code) <= 14
    for cell in code:
        lines = [line for line in cell.source.splitlines() if not line.startswith("# eq: ")]
        assert len(lines) <= 12, cell.source
        assert set(tags(cell)) <= set(LEDGER), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_prints_no_number_unasserted_and_never_waits(path):
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert sum("assert " in source for source in code) >= 2
    assert not re.search(r"\binput\(|urllib|requests|time\.time|open\(", "\n".join(code))


def test_every_line_of_the_ledger_has_a_cell_in_the_notebook_that_it_names():
    found = {path.stem[:2]: {t for c in nbformat.read(path, as_version=4).cells for t in tags(c)} for path in NOTEBOOKS}
    assert [key for key, entry in LEDGER.items() if key not in found[entry.notebook]] == []


UPTO = {"00": 0, "01": 3, "02": 8, "03": 6, "04": 10, "05": 11, "06": 12, "07": 12, "08": 13, "09": 13}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_judges_the_learners_own_file_up_to_its_lesson(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code" and "import check\n" in cell.source]
    assert [cell.source.splitlines()[-1] for cell in cells] == [f"check({UPTO[path.stem[:2]]})"]
    assert texts(cells[0]) == ["", "my_engine.py is not here; python -m engine.learn start writes it"]
