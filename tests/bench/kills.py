"""A process that saves a model is killed at a random moment, again and again: what is on disk is a whole model.

    python tests/bench/kills.py [--kills 1000] [--seed 0]

Ends with exit code 1 if the file is ever anything but the old model or the new one, bit for bit.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path


sys.path[:0] = [str(Path(__file__).parents[2])]

from nn import MLP, load, save  # noqa: E402


def weights(model):
    return [p.data.hex() for p in model.parameters()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    choice = parser.parse_args()
    generator = random.Random(choice.seed)
    models = [MLP(64, [16, 10], seed=s) for s in (0, 1)]
    expected = [weights(model) for model in models]
    left = {"old": 0, "new": 0, "neither": 0}
    midway = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save(models[0], path)  # which imports what it needs
        begun = time.perf_counter()
        for _ in range(10):
            save(models[0], path)
        longest = 2 * (time.perf_counter() - begun) / 10 + 0.002
        old = 0
        for _ in range(choice.kills):
            moment = generator.uniform(0, longest)
            child = os.fork()
            if child == 0:
                save(models[1 - old], path)
                signal.pause()
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            found = weights(load(path))
            what = "old" if found == expected[old] else "new" if found == expected[1 - old] else "neither"
            left[what] += 1
            if what == "new":
                old = 1 - old
            for torn in path.parent.glob(".*"):  # it was killed between making this file and renaming it
                midway += 1
                torn.unlink()
    print(
        f"{choice.kills} kills within {1000 * longest:.1f} ms of the start of a save: {left['old']} left the old model, {left['new']} "
        f"the new one, {left['neither']} anything else; {midway} came while the new file was being written"
    )
    return 1 if left["neither"] else 0


if __name__ == "__main__":
    sys.exit(main())
