"""Rows that a test or a doctest adds to the table are gone when it ends, wherever it stands: README.md is one of them."""

import pytest

from engine.ops import TABLE
from engine.trust.primitive import _OWN, _erase


@pytest.fixture(autouse=True)
def own_rows_gone():
    """No test meets a row that another one added."""
    before = set(TABLE)
    yield
    for name in set(TABLE) - before:
        _OWN.pop(name, None)
        _erase(name)
