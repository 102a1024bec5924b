"""The bar that shows how far the work is."""

from __future__ import annotations

import os
import sys
from typing import Any


def bar(progress: bool | None, total: int, unit: str) -> Any:
    """A tqdm bar of `total` steps, shown if `progress` is True, or by default on a terminal."""
    from tqdm import tqdm  # imported when used

    if progress is None:
        progress = sys.stderr.isatty() and "CI" not in os.environ
    return tqdm(total=total, disable=not progress, unit=f" {unit}", dynamic_ncols=True)
