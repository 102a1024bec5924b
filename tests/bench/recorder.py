"""The flight recorder on digits, 64-32-10: what it costs to record, and how long `why` and `harm` take to answer.

    python tests/bench/recorder.py [--epochs 12]
"""

import argparse
import time

from nn import MLP, History, data, fit
from nn.lab.recorder import Recorder


def timed(what, call):
    began = time.perf_counter()
    found = call()
    print(f"{what:<66}{time.perf_counter() - began:8.3f} s", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    train, _ = data.split(data.load("digits"), held_out=0.2, seed=0)
    options = {"loss": "cross_entropy", "lr": 0.05, "epochs": args.epochs, "backend": "native", "seed": 0}

    def run(record):
        model = MLP(64, [32, 10], output="softmax", seed=0)
        return fit(model, train, record=record, **options)

    timed("llvmlite and the first program", lambda: fit(MLP(2, [2, 1]), [([0.5, 1], [1.0])], loss="sse", lr=0.1, epochs=1, backend="native"))
    timed(f"{args.epochs} epochs of {len(train)} rows, not recorded", lambda: run(None))
    timed("the same, record='losses'", lambda: run("losses"))
    history = timed("the same, record='updates'", lambda: run("updates"))
    print(history.kept)
    last = len(history.updates) - 1
    timed("why('w_o9,h7', step=37), kept or not", lambda: history.why("w_o9,h7", step=37))
    timed("why('w_h5,x21', step=37), the same step again", lambda: history.why("w_h5,x21", step=37))
    timed(f"why('w_h5,x21', step={last})", lambda: history.why("w_h5,x21", step=last))
    timed("harm(step=37): one update, every row", lambda: history.harm(step=37))
    harm = timed("harm(): updates on many rows, the loss of every row", lambda: history.harm())
    print(harm)
    timed(f"go_to({last // 2})", lambda: history.go_to(last // 2))
    timed("go_to the end", lambda: history.go_to(last + 1))
    thousand = fit(MLP(64, [32, 10], output="softmax", seed=0), train[:1000], record=Recorder(), **(options | {"epochs": 1}))
    for backend in ("native", "python", "graph"):
        again = timed(f"1,000 steps replayed on {backend}", lambda backend=backend: thousand.replay(backend))
        print(f"  {thousand.compare(again)!r}")
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = timed("save, 1,000 whole updates", lambda: thousand.save(Path(folder) / "run.jsonl"))
        print(f"  {path.stat().st_size / 1e6:.0f} MB")
        loaded = timed("load", lambda: History.load(path))
        print(f"  {thousand.compare(loaded)!r}")


if __name__ == "__main__":
    main()
