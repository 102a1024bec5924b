"""XOR from many starts on a Dask cluster of two processes, one of which is killed midway.

    python tests/bench/cluster.py [--starts 200] [--epochs 2000]

Ends with exit code 1 if a run is lost or done twice, or if a success rate is off by more than 4 points.
"""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path


sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import starts  # noqa: E402
from distributed import Client, LocalCluster  # noqa: E402

from nn import data  # noqa: E402
from nn.lab import restarts  # noqa: E402


EXPECTED = {2: 73.0, 3: 97.5, 4: 100.0}  # percent of starts that end with an SSE below 0.1


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=2000)
    choice = parser.parse_args()
    wrong = 0
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=logging.CRITICAL
    )
    with cluster, Client(cluster) as client:
        for hidden, expected in EXPECTED.items():
            seen, killed = [], []

            def midway(run, seen=seen, killed=killed):
                seen.append(run.seed)
                if len(seen) == choice.starts // 2:
                    killed.append(next(iter(client.run(os.getpid).values())))
                    os.kill(killed[0], signal.SIGKILL)

            begun = time.perf_counter()
            results = restarts(
                data.XOR(), choice.starts, model=starts.drawn, hidden=hidden, loss="sse", lr=0.5, epochs=choice.epochs,
                order="given", backend="python", executor=client.get_executor(), callbacks=[midway],
            )  # fmt: skip
            took = time.perf_counter() - begun
            lost, double = len(set(range(choice.starts)) - set(seen)), len(seen) - len(set(seen))
            share = 100 * results.share(below=0.1 / 4)
            wrong += bool(lost or double or results.failed) or abs(share - expected) > 4
            print(
                f"H = {hidden}: {len(results)} results, {lost} lost, {double} double, {len(results.failed)} failed; "
                f"worker {killed[0]} killed after {choice.starts // 2}; success {share:.1f} % (expected {expected}); {took:.0f} s"
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
