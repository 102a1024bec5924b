"""Searches on real Dask clusters, two worker processes on this machine: what came of them, as one line of JSON.

    python tests/on_a_cluster.py FOLDER

A process of its own, so that a cluster has one main module, one loop and one group of processes, whatever tests run
beside it. Prints "started" when the workers are there, and the line when all is done.
"""

import json
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import dask
import starts
from distributed import Client, LocalCluster

from nn import data
from nn.lab import restarts


OPTIONS = {"model": starts.drawn, "loss": "sse", "lr": 0.5, "order": "given", "backend": "python"}
XOR = OPTIONS | {"hidden": 2, "epochs": 2000}
MANY = 200
PATIENCE = "300s"  # where Dask would give up on a busy machine
CALM = {
    "distributed.comm.timeouts.connect": PATIENCE,
    "distributed.comm.timeouts.tcp": PATIENCE,
    "distributed.scheduler.worker-ttl": None,
    "distributed.admin.log-format": "%(message)s",
}


def same(runs):
    """Whether this process, alone, gets the same runs from the same settings, bit for bit."""
    return list(restarts(data.XOR(), [run.seed for run in runs], **XOR)) == list(runs)


def one_worker_killed(client, folder):
    """200 starts; the first worker is killed when 60 of them are done."""
    killed, seen = [], []

    def kill(run):
        seen.append(run.seed)
        if len(seen) == 60:
            killed.append(min(client.run(os.getpid).values()))
            os.kill(killed[0], signal.SIGKILL)

    file = folder / "killed.jsonl"
    results = restarts(data.XOR(), MANY, executor=client.get_executor(), callbacks=[kill], file=file, **XOR)
    client.wait_for_workers(2)
    return {
        "seen": seen,
        "seeds": [run.seed for run in results],
        "failed": len(results.failed),
        "lines": len(file.read_text().splitlines()),
        "success": results.share(below=0.1 / 4),  # the mean of four losses whose sum is 0.1
        "same": same([run for run in results if run.seed % 8 == 0]),
        "killed": killed,
        "workers": sorted(client.run(os.getpid).values()),
    }


def interrupted(client, file, whom):
    """48 starts; while some are under way, after 8, `whom` gets the signal of Ctrl-C."""
    done, timer = [], threading.Timer(0.05, whom, (signal.SIGINT,))

    def interrupt(run):
        done.append(run)
        if len(done) == 8:
            timer.start()
        if len(done) == 40:
            timer.join()  # the signal is late, on a busy machine: it comes now
            whom(signal.SIGINT)  # or came where Python drops what is raised, as in a `__del__`
            time.sleep(60)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        first = restarts(data.XOR(), 48, executor=client.get_executor(), callbacks=[interrupt], file=file, **XOR)
    return {"told": [str(w.message) for w in told if w.category is RuntimeWarning], "first": [run.seed for run in first]}


def gone_on(executor, file):
    """The search of `interrupted`, repeated with its file."""
    again = []
    results = restarts(data.XOR(), 48, executor=executor, callbacks=[lambda run: again.append(run.seed)], file=file, **XOR)
    return {"again": again, "seeds": [run.seed for run in results], "same": same([run for run in results if run.seed % 4 == 0])}


def control_c(client, folder):
    """Interrupted, and gone on at once on the same cluster, as if its workers were other machines."""
    file = folder / "interrupted.jsonl"
    found = interrupted(client, file, lambda number: os.kill(os.getpid(), number))
    return found | gone_on(client.get_executor(), file)


def control_c_at_a_terminal(client, folder):
    """Interrupted with all processes of its group, so that the cluster has no workers any more; gone on without it."""
    file = folder / "at_a_terminal.jsonl"
    found = interrupted(client, file, lambda number: os.killpg(os.getpgrp(), number))
    return found | gone_on(None, file)


def a_deadly_run(client, folder):
    """Six starts, of which seed 3 kills whatever worker tries it; the scheduler gives a task up with its first worker."""
    deadly = OPTIONS | {"model": starts.deadly_later, "folder": str(folder), "times": 99, "epochs": 2}
    results = restarts(data.XOR(), 6, executor=client.get_executor(), **deadly)
    alone = restarts(data.XOR(), [0, 1, 2, 4, 5], hidden=2, epochs=2, **OPTIONS)
    return {
        "lost": [run.seed for run in results if run.lost],
        "error": results[3].error,
        "others": [run.weights for run in results if run.seed != 3] == [run.weights for run in alone],
    }


def cluster(folder, failures):
    """Two workers of one thread each; a task is given up when more workers than `failures` have died of it."""
    # No limit of memory: Dask would pause or end workers of a machine that is full for other reasons.
    return LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=":0", memory_limit=None,
        local_directory=str(folder), scheduler_kwargs={"allowed_failures": failures},
    )  # fmt: skip


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # where it was ignored, as in the background of a shell
    folder = Path(sys.argv[1])
    dask.config.set(CALM)
    with cluster(folder, 3) as usual, cluster(folder, 0) as strict, Client(usual) as client, Client(strict) as other:
        client.wait_for_workers(2)
        other.wait_for_workers(2)
        print("started", flush=True)
        told = {"a_deadly_run": a_deadly_run(other, folder)}
        told |= {f.__name__: f(client, folder) for f in (one_worker_killed, control_c, control_c_at_a_terminal)}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
