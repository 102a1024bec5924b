"""Every table, one after another, each by a script of its own and in processes of its own.

    python tests/bench/everything.py            what `make bench` runs; under ten minutes on a quiet machine
    python tests/bench/everything.py --quick    fewer repeats, two or three minutes
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path


HERE = Path(__file__).resolve().parent
TABLES = {  # title: script, its arguments, and those with --quick
    "The eager walk beside micrograd": ("eager.py", [], ["--quick"]),
    "What derivatives cost": ("gradient.py", ["--quick"], ["--quick"]),
    "Compiled training beside C, arrays and other graphs": ("native.py", [], ["--quick"]),
    "How it scales": ("scaling.py", ["--plot", "scaling.png"], ["--quick", "--plot", "scaling.png"]),
    "Digits, from command to accuracy": ("digits.py", [], []),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    quick = parser.parse_args().quick
    failed = []
    began = time.perf_counter()
    for title, (script, args, fewer) in TABLES.items():
        print(f"\n{title}\n{'=' * len(title)}\n", flush=True)
        if subprocess.run([sys.executable, str(HERE / script), *(fewer if quick else args)], check=False).returncode:
            failed.append(script)
    print(f"\nAll of it took {(time.perf_counter() - began) / 60:.1f} minutes.")
    if failed:
        print(f"These did not end well: {', '.join(failed)}.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
