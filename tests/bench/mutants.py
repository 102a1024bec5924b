"""Changes the source in one place at a time, by rule, and sees whether a test turns red.

    python tests/bench/mutants.py [--count 100] [--seed 0] [--jobs 2] [--only TEXT] [--list]

The rules: another operator, a number one more, a sign dropped, a comparison or condition reversed,
one letter of a row for another, `=` for `+=`. The places: every formula of the table and of the
losses, `backward` and what it walks, `gradient` and what it builds. The checkout is copied; nothing
in it is touched. The test files most likely to notice run first, all others only if those are green.
Tests that are red without any change are told and left out: they would notice everything. Changes that
the table itself refuses when it is imported are counted apart, as they say nothing about the tests.
Of the changes that no test notices, those that change no number are told with the reason (EQUIVALENT).
Ends with exit code 1 if fewer than 98 % of the others are noticed, these among them.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue


ROOT = Path(__file__).parents[2]
PLACES = {  # file: the functions in it; None is everything that is not a docstring
    "engine/ops.py": None,
    "engine/value.py": ("backward", "_reached", "fill", "__mul__"),
    "engine/derivatives.py": None,
    "nn/losses.py": None,
}
FIRST = ["test_table", "test_conventions", "test_backward", "test_gradient", "test_nn_losses", "test_nn_gradients"]
FIRST += ["test_derivatives", "test_transforms", "test_trust", "test_random_graphs", "test_value", "test_recording", "test_house"]
OPERATORS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.Pow: ("**", "*")}
COMPARISONS = {ast.Gt: (">", "<="), ast.Lt: ("<", ">="), ast.GtE: (">=", ">"), ast.LtE: ("<=", "<")}
COMPARISONS |= {ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.Eq: ("==", "!="), ast.In: ("in", "not in")}
LETTERS = {"a": "b", "b": "a", "x": "w", "w": "x", "o": "t", "t": "o", "y": "a"}
SECONDS = 900
IMPORT = "refused on import"
EQUIVALENT = {  # changes that change no number, and why; those that are drawn are run all the same
    "where(q > p, q * sqrt(1 + p / q * (p / q)), a [+ -> -] b)": "only NaN comes there, and stays NaN",
    "where(b > a, b, where([a -> b].equals(b), a, a + b))": "past a > b and b > a it is false for a NaN, of either",
    "where(b < a, b, where([a -> b].equals(b), a, a + b))": "past a < b and b < a it is false for a NaN, of either",
}
BESIDE = ["test_explore_page", "test_explore_look", "test_notebooks"]  # minutes in a browser or a kernel; what they show is computed by the rest


@dataclass(frozen=True)
class Mutant:
    """One change: `old` at `start` of the file becomes `new`."""

    path: str
    start: int
    old: str
    new: str

    def applied(self, source):
        return source[: self.start] + self.new + source[self.start + len(self.old) :]

    def told(self, source):
        line = source.count("\n", 0, self.start)
        begin = source.rfind("\n", 0, self.start) + 1
        end = source.find("\n", self.start)
        text = (source[begin : self.start] + f"[{self.old} -> {self.new}]" + source[self.start + len(self.old) : end]).strip()
        at = text.find("[" + self.old)
        text = " ".join(text[max(0, at - 50) : at + 60].split())
        return f"{self.path}:{line + 1}  {text}"


def mutants(path):
    """Every change that a rule makes in a file."""
    source = (ROOT / path).read_text(encoding="utf-8")
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    place = lambda line, column: starts[line - 1] + column  # the sources are ASCII but for docstrings
    begin = lambda n: place(n.lineno, n.col_offset)
    end = lambda n: place(n.end_lineno, n.end_col_offset)

    def between(left, right, old, new):
        at = source.find(old, end(left), begin(right))
        if at >= 0:
            yield Mutant(path, at, old, new)

    tree = ast.parse(source)
    functions = PLACES[path]
    roots = [tree] if functions is None else [n for n in ast.walk(tree) if getattr(n, "name", None) in functions]
    skipped = {n for r in ast.walk(tree) for n in ast.walk(getattr(r, "returns", None) or ast.Pass())}
    skipped |= {n for r in ast.walk(tree) for n in ast.walk(getattr(r, "annotation", None) or ast.Pass())}
    rows = {n for r in ast.walk(tree) if isinstance(r, ast.Call) and getattr(r.func, "id", "") == "Row" for n in ast.walk(r)}
    for n in (n for root in roots for n in ast.walk(root)):
        if n in skipped:
            continue
        if isinstance(n, ast.BinOp) and type(n.op) in OPERATORS:
            yield from between(n.left, n.right, *OPERATORS[type(n.op)])
        elif isinstance(n, ast.Compare) and type(n.ops[0]) in COMPARISONS:
            yield from between(n.left, n.comparators[0], *COMPARISONS[type(n.ops[0])])
        elif isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.USub):
            yield Mutant(path, begin(n), "-", "")
        elif isinstance(n, ast.Constant) and type(n.value) in (int, float):
            yield Mutant(path, begin(n), source[begin(n) : end(n)], repr(n.value + 1))
        elif isinstance(n, ast.AugAssign):
            yield from between(n.target, n.value, "+=", "=")
        elif isinstance(n, ast.If | ast.IfExp):
            old = source[begin(n.test) : end(n.test)]
            yield Mutant(path, begin(n.test), old, f"not ({old})")
        elif isinstance(n, ast.Name) and n in rows and n.id in LETTERS and isinstance(n.ctx, ast.Load):
            yield Mutant(path, begin(n), n.id, LETTERS[n.id])


def compiles(m, source):
    try:
        compile(m.applied(source), m.path, "exec")
    except SyntaxError:
        return False
    return True


def all_mutants():
    found = []
    for path in PLACES:
        source = (ROOT / path).read_text(encoding="utf-8")
        found += [m for m in dict.fromkeys(mutants(path)) if compiles(m, source)]
    return found


def run(folder, *arguments):
    """The exit code of a run of tests, and those that failed; a file that cannot be imported counts as one."""
    beside = (f"--ignore=tests/{name}.py" for name in BESIDE)
    ask = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", *beside, *arguments]
    done = subprocess.run(ask, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    lines = [s for s in done.stdout.splitlines() if s.startswith(("FAILED ", "ERROR "))]
    return done.returncode, [s.split(" - ")[0].split(" ", 1)[1] for s in lines]


def red_already(folder):
    """The tests that fail without a change."""
    code, failed = run(folder)
    if code not in (0, 1) or bool(code) != bool(failed) or not all("::" in name for name in failed):
        sys.exit(f"the tests do not run without a change: exit code {code}, {failed[:3]}")
    return failed


def noticed(m, folders, left_out):
    """By which test a mutant is noticed; IMPORT if it cannot be imported, None if all is green."""
    folder = folders.get()
    path = Path(folder, m.path)
    source = path.read_text(encoding="utf-8")
    path.write_text(m.applied(source), encoding="utf-8")
    first = [f"tests/{name}.py" for name in FIRST]
    try:
        for tests in (first, [f"--ignore={name}" for name in first]):
            code, failed = run(folder, "-x", *(f"--deselect={name}" for name in left_out), *tests)
            if code:
                return failed[0] if failed and "::" in failed[0] else IMPORT
    except subprocess.TimeoutExpired:
        return f"no end within {SECONDS} s"
    finally:
        path.write_text(source, encoding="utf-8")
        folders.put(folder)
    return None


def copied(folder):
    ignored = shutil.ignore_patterns(".venv", ".git", "__pycache__", "run", ".*_cache", ".hypothesis")
    return shutil.copytree(ROOT, folder, ignore=ignored)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", metavar="TEXT", help="of those drawn, the ones described with TEXT")
    parser.add_argument("--list", action="store_true", help="only list the changes that would be made")
    choice = parser.parse_args()
    found = all_mutants()
    drawn = sorted(random.Random(choice.seed).sample(range(len(found)), min(choice.count, len(found))))
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in PLACES}
    drawn = [m for m in (found[k] for k in drawn) if choice.only in m.told(sources[m.path])]
    print(f"{len(drawn)} of {len(found)} possible changes, seed {choice.seed}.\n", flush=True)
    if choice.list:
        print(*(m.told(sources[m.path]) for m in drawn), sep="\n")
        return 0
    with tempfile.TemporaryDirectory() as top, ThreadPoolExecutor(choice.jobs) as pool:
        folders = Queue()
        for k in range(choice.jobs):
            folders.put(copied(Path(top, str(k))))
        left_out = red_already(Path(top, "0"))
        for name in left_out:
            print(f"left out, red without any change: {name}", flush=True)
        tests = []
        for m, test in zip(drawn, pool.map(lambda m: noticed(m, folders, left_out), drawn), strict=True):
            tests.append(test)
            told = m.told(sources[m.path])
            why = next((reason for place, reason in EQUIVALENT.items() if place in told), "")
            print(f"{'ALIVE' if test is None else 'red  '}  {told}  {test or why}", flush=True)
    judged = [test for test in tests if test != IMPORT]
    share = sum(test is not None for test in judged) / max(1, len(judged))
    print(f"\n{len(tests) - len(judged)} refused on import; of the other {len(judged)}, {share:.1%} noticed  (bar: 98 %)")
    return 0 if share >= 0.98 else 1


if __name__ == "__main__":
    sys.exit(main())
