"""Factories and steps for searches, in a module that worker processes can import."""

import os
import signal
import time
from pathlib import Path

from nn import MLP
from nn.init import generator, uniform


def drawn(seed, hidden=2):
    """2-H-1 with sigmoids; every weight and every bias from (-1, 1)."""
    model = MLP(2, [hidden, 1], activation="sigmoid", output="sigmoid")
    random = generator(seed)
    for p in model.parameters():
        p.data = uniform(random, 2, hidden)
    return model


def deadly(seed, folder, times):
    """Seed 3 kills its own process, the first so many times."""
    if seed == 3:
        marks = Path(folder)
        n = len(list(marks.glob("death*")))
        if n < times:
            (marks / f"death{n}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return drawn(seed)


def deadly_later(seed, folder, times):
    """As `deadly`, when the worker is long up: a nanny gives up a worker that dies while it starts."""
    if seed == 3:
        time.sleep(1.5)
    return deadly(seed, folder, times)


def odd(seed):
    """Odd seeds fail."""
    if seed % 2:
        raise OSError("no model today")
    return drawn(seed)


def leaving(seed):
    """Ends its process instead of making a model."""
    raise SystemExit(3)
