"""A search on a real Dask cluster: two worker processes on this machine, one of which is killed on the way.

    python -m pytest -o addopts= tests/bench/test_cluster.py

Apart from the other tests: a cluster wants the machine to itself while it starts.
"""

import logging
import os
import signal

import pytest
import starts

from nn import data
from nn.lab import restarts


distributed = pytest.importorskip("distributed", reason='needs a Dask cluster: pip install "dask[distributed]"')
SUCCESS = 0.1 / 4  # the mean of four losses whose sum is 0.1
OPTIONS = {"model": starts.drawn, "loss": "sse", "lr": 0.5, "order": "given", "backend": "python"}


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=logging.CRITICAL
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def test_two_hundred_restarts_with_one_worker_killed_midway(client, tmp_path):
    killed, seen = [], []

    def kill(run):
        seen.append(run.seed)
        if len(seen) == 60:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    file = tmp_path / "runs.jsonl"
    results = restarts(data.XOR(), 200, hidden=2, epochs=2000, executor=client.get_executor(), callbacks=[kill], file=file, **OPTIONS)
    assert len(killed) == 1
    assert killed[0] not in client.run(os.getpid).values()
    assert sorted(seen) == list(range(200)), "none lost, none twice"
    assert [run.seed for run in results] == list(range(200))
    assert not results.failed
    assert len(file.read_text().splitlines()) == 1 + 200
    assert results.share(below=SUCCESS) == pytest.approx(0.73, abs=0.04)
    few = restarts(data.XOR(), [0, 61, 199], hidden=2, epochs=2000, **OPTIONS)
    assert [results[s] for s in (0, 61, 199)] == list(few)


def test_a_run_that_kills_every_worker_is_a_row(client, tmp_path):
    results = restarts(data.XOR(), 6, **OPTIONS | {"model": starts.deadly}, folder=str(tmp_path), times=99, epochs=2,
                       executor=client.get_executor())  # fmt: skip
    assert [run.seed for run in results if run.lost] == [3]
    assert "KilledWorker" in results[3].error
    assert [run.weights for run in results if run.seed != 3] == [
        run.weights for run in restarts(data.XOR(), [0, 1, 2, 4, 5], hidden=2, epochs=2, **OPTIONS)
    ]
