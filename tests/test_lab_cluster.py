"""A search on a Dask cluster of two processes: the same bits, nothing lost and nothing twice, whoever dies."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest


pytestmark = pytest.mark.skipif(find_spec("distributed") is None, reason='needs a Dask cluster: pip install "dask[distributed]"')
HERE = Path(__file__).parent
START, WORK = 300, 1200  # seconds until both workers are there, and until all is done, on a machine that is busy
STARTS = 3  # a cluster that does not start is the machine's affair; what a started one answers counts, once and for all


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the searches of on_a_cluster.py came to."""
    for _ in range(STARTS):
        answer, log = searched(tmp_path_factory.mktemp("cluster"))
        if answer is not None:
            return answer
    pytest.fail(f"no cluster started within {START} s, {STARTS} times:\n{log[-4000:]}")


def searched(folder):
    """The answer of one process, or None if its cluster did not start; and what it wrote to stderr."""
    log = folder / "log.txt"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]), "PYTHONFAULTHANDLER": "1"}
    with open(log, "w") as stderr:
        process = subprocess.Popen(
            [sys.executable, HERE / "on_a_cluster.py", folder], env=environment, cwd=folder, text=True,
            stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
        lines = Queue()
        reader = Thread(target=lambda: [*map(lines.put, process.stdout), lines.put("")], daemon=True)
        reader.start()
        try:
            with contextlib.suppress(Empty):
                if lines.get(timeout=START) != "started\n":
                    return None, log.read_text()
                try:
                    answer = lines.get(timeout=WORK)
                except Empty:
                    os.kill(process.pid, signal.SIGABRT)  # faulthandler writes where it stands
                    process.wait(60)
                    pytest.fail(f"the searches did not end within {WORK} s:\n{log.read_text()[-6000:]}")
                assert process.wait(WORK) == 0, log.read_text()[-6000:]
                return json.loads(answer), log.read_text()
            return None, log.read_text()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join()
            process.stdout.close()


def test_two_hundred_restarts_with_one_worker_killed_midway(told):
    found = told["one_worker_killed"]
    assert len(found["killed"]) == 1
    assert len(found["workers"]) == 2
    assert found["killed"][0] not in found["workers"], "a new worker took its place"
    assert sorted(found["seen"]) == list(range(200)), "none lost, none twice"
    assert found["seeds"] == list(range(200))
    assert found["failed"] == 0
    assert found["lines"] == 1 + 200
    assert found["success"] == pytest.approx(0.73, abs=0.04)
    assert found["same"] is True


@pytest.mark.parametrize("where", ["control_c", "control_c_at_a_terminal"])
def test_control_c_keeps_what_is_done_and_the_search_goes_on(told, where):
    found = told[where]
    done = len(found["first"])
    assert 8 <= done < 48
    assert found["told"] == [f"interrupted: {done} of 48 runs are done, and returned"]
    assert sorted(found["first"] + found["again"]) == list(range(48)), "what is in the file is not done again"
    assert found["seeds"] == list(range(48))
    assert found["same"] is True


def test_a_run_that_kills_every_worker_is_a_row(told):
    found = told["a_deadly_run"]
    assert found["lost"] == [3]
    assert "KilledWorker" in found["error"]
    assert found["others"] is True
