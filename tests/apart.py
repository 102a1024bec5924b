"""Python text, run in a process of its own.

A signal that comes at any moment must find only the project's code at work there. In the process of the tests it may
come while a callback of the garbage collector runs (Hypothesis has one), where Python ignores what is raised.
"""

import subprocess
import sys
from pathlib import Path


def apart(script: str, timeout: float = 600) -> None:
    """Run `script`, which may import the test files, and fail with what it printed unless it ended well."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script],
        cwd=Path(__file__).parent, capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
