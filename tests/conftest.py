"""Profiles, the way to the oracles, and the fixtures that keep one test from touching the next."""

import random
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings


sys.path.insert(0, str(Path(__file__).parent))  # so that a test can `import oracles`

from pages import browser, visit  # noqa: F401  (fixtures)

import engine.errors
from engine.formula import LATEX, TEXT
from engine.ops import TABLE
from engine.source import NAMES


signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C is ignored where a shell began the tests in the background
# The same examples in every run, however long a busy machine takes over them; --hypothesis-profile=anew looks for others.
settings.register_profile("anew", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("anew"), derandomize=True)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """What was told once already, separate for each test: the warning about replaced gradients is among it."""
    monkeypatch.setattr(engine.errors, "told_once", once := {"replaced"})
    return once


@pytest.fixture
def table():
    """The table, in which a test may write rows: whatever it adds is gone afterwards, its functions too."""
    registries = [TABLE, TEXT, LATEX, NAMES]
    before = [dict(r) for r in registries]
    yield TABLE
    for r, kept in zip(registries, before, strict=True):
        if r is not NAMES:  # functions written during the test from other rows may stay
            r.clear()
            r.update(kept)
    for name in set(NAMES) - set(before[-1]):
        if not any(name.startswith(f"{row}_") for row in TABLE):
            del NAMES[name]


@pytest.fixture
def global_random_untouched():
    """The random numbers of everybody, Python's and NumPy's, are where they were after a test."""
    import numpy as np

    before = random.getstate(), np.random.get_state()[1].tolist()
    yield
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
