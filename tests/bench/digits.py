"""Digits, 64-32-10, 30 epochs sample by sample: seconds from command to accuracy, beside others.

    python tests/bench/digits.py [--epochs 30]

`python -m nn train digits --hidden 32 --epochs 30` in a fresh process: it reads the data, builds, compiles
and verifies, trains, measures and writes model, curves, graph and explanation. The same with `--backend graph`
on a few epochs, scaled; micrograd on a slice of samples, scaled (`work.py`: sigmoid units, sums of squares; a
node there costs what any costs); scikit-learn's `MLPClassifier(solver="sgd", batch_size=1)` with the same
units, rows and learning rate, its import and the reading of the data included as they are in ours.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path


sys.path[:0] = [str(Path(__file__).resolve().parent)]

from tables import busy, progress, table  # noqa: E402


HERE = Path(__file__).resolve().parent
ROWS = 1437  # that are trained on; 360 are held out
SLICE = 30  # samples of micrograd
SKLEARN = """
import json, time, warnings
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
x, t = load_digits(return_X_y=True)
x = (x - x.mean()) / x.std()
a, b, c, d = train_test_split(x, t, train_size=ROWS, random_state=0, stratify=t)
warnings.simplefilter("ignore")
net = MLPClassifier((32,), activation="tanh", solver="sgd", batch_size=1, alpha=0.0, learning_rate_init=0.05,
                    momentum=0.0, max_iter=EPOCHS, tol=0.0, n_iter_no_change=EPOCHS + 1, random_state=0)
net.fit(a, c)
print(net.score(b, d))
"""


def timed(*command: str) -> tuple[float, str]:
    """Seconds of a whole process, and what it printed."""
    env = os.environ | {"PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - began, done.stdout


def trained(backend: str, epochs: int, out: str) -> tuple[float, str]:
    """Seconds of our command, and the accuracy it prints."""
    line = ["-m", "nn", "train", "digits", "--hidden", "32", "--epochs", str(epochs), "--backend", backend]
    seconds, printed = timed(*line, "--out", out)
    found = re.search(r"held-out accuracy ([\d.]+)", printed)
    return seconds, found[1] if found else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    epochs = parser.parse_args().epochs
    rows = []
    with tempfile.TemporaryDirectory() as out:
        ours = []
        for backend in ("native", "python"):
            if backend == "python" or find_spec("llvmlite"):
                progress(backend)
                runs = [trained(backend, epochs, out) for _ in range(3 if backend == "native" else 1)]
                seconds, accuracy = min(runs)
                ours.append(seconds)
                rows.append([f"python -m nn train digits --backend {backend}", f"{seconds:,.1f}", accuracy, "measured"])
        progress("graph")
        one, _ = trained("graph", 1, out)
        three, _ = trained("graph", 3, out)
        seconds = one + (three - one) / 2 * (epochs - 1)
        rows.append(["the same with --backend graph", f"{seconds:,.1f}", "", "from 1 and 3 epochs, the same digits"])
    if find_spec("sklearn"):
        progress("scikit-learn")
        seconds, printed = timed("-c", SKLEARN.replace("ROWS", str(ROWS)).replace("EPOCHS", str(epochs)))
        rows.append(["scikit-learn MLPClassifier, batch_size=1", f"{seconds:,.1f}", f"{float(printed):.4f}", "measured"])
    if find_spec("micrograd"):
        progress("micrograd")
        _, printed = timed(str(HERE / "work.py"), "micrograd", "64-32-10", str(SLICE), "on")
        seconds = json.loads(printed)["us"] * 1e-6 * ROWS * epochs
        rows.append(["micrograd", f"{seconds:,.0f}", "", f"from {SLICE} samples, a bare process"])
    progress("")
    first = ours[0]
    print(f"Digits, 64-32-10, {ROWS:,} samples one by one, {epochs} epochs: seconds from command to accuracy.\n")
    lines = [[name, s, f"{float(s.replace(',', '')) / first:,.1f}", accuracy, how] for name, s, accuracy, how in rows]
    print(table(["", "seconds", "x", "held-out accuracy", ""], lines))
    print(busy().rstrip())


if __name__ == "__main__":
    main()
