"""The rules of the house: who may import whom, what is public, what a file may not contain."""

import ast
import graphlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import engine
import nn.losses
from engine import Value
from engine.ops import TABLE


ROOT = Path(engine.__file__).parents[1]

# Each file and each room of the engine imports only what stands before it.
ORDER = ["console", "label", "mode", "formula", "ops", "errors", "whole", "ieee", "source", "graph", "value", "recording"]
ORDER += ["functions", "derivatives", "copying", "naming", "calls", "transforms", "critical"]
ORDER += ["trust", "why", "learn", "view", "program", "__init__", "expression", "__main__"]
LOCAL = {  # imports inside functions that look up instead, and why
    ("value", "recording"): "recompute records again",
    ("value", "copying"): "copy and pickle make Values",
}
ROWS = {"engine.formula", "engine.functions", "engine.ops"}  # what it takes to write a row
BESIDE = {"nn/losses.py": ROWS, "nn/numbers.py": {"engine.whole"}, "nn/compiled.py": {"engine.program"}, "nn/display.py": {"engine.view.display"}}  # what nn imports beside public names
TAUGHT = {"answers", "checks", "cutting", "diagnosis", "drill", "judging", "mistakes", "plain"}  # what the lessons of nn stand on
BESIDE["nn/__main__.py"] = {"engine.console"}
BESIDE |= {f"nn/learn/{name}.py": {f"engine.learn.{t}" for t in TAUGHT} | {"engine.ops"} for name in ("blanks", "exercise", "lessons", "plain", "code_slips")}
LONGEST = 400


def sources(*folders):
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


def names(paths):
    return [str(p.relative_to(ROOT)) for p in paths]


def module(path):
    """engine/view/draw.py is engine.view.draw; engine/__init__.py is engine.__init__."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {module(p) for p in sources("engine", "nn")}


def imports(tree):
    """Every module imported in `tree`, with the statement; a name that is a module itself counts as one."""
    for n in ast.walk(tree):
        if isinstance(n, ast.Import):
            yield from ((alias.name, n) for alias in n.names)
        elif isinstance(n, ast.ImportFrom):
            assert n.level == 0, "imports are absolute"
            inside = {f"{n.module}.{alias.name}" for alias in n.names}
            submodules = {m for m in inside if m in MODULES or f"{m}.__init__" in MODULES}
            yield from ((m, n) for m in submodules)
            if submodules != inside:
                yield n.module, n


def full(name):
    """A package is its __init__."""
    return f"{name}.__init__" if f"{name}.__init__" in MODULES else name


def room(name):
    """The file or folder of the engine in which a module lives: engine.view.draw is in view."""
    return name.split(".")[1]


def unconditional(tree):
    """The statements that run when the module is imported; `if TYPE_CHECKING:` does not."""
    return {s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)}


def for_types(tree):
    blocks = [s for s in tree.body if isinstance(s, ast.If) and ast.unparse(s.test) == "TYPE_CHECKING"]
    return {s for block in blocks for s in ast.walk(block)}


# ---- layers


@pytest.mark.parametrize("path", sources("engine"), ids=names(sources("engine")))
def test_the_engine_imports_downwards_only(path):
    here = module(path)
    assert room(here) in ORDER, f"a new file of the engine: write {room(here)} where it belongs in ORDER"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_import, types = unconditional(tree), for_types(tree)
    for name, statement in imports(tree):
        if not name.startswith("engine"):
            assert name.split(".")[0] != "nn", f"{here} imports {name}: the engine knows nothing of nn"
            continue
        there = room(full(name))
        if there == room(here) or statement in types or ORDER.index(there) < ORDER.index(room(here)):
            continue
        assert statement not in at_import, f"{here} imports {name}, which stands above it"
        assert (room(here), there) in LOCAL, f"{here} imports {name} in a function; LOCAL must say why"


@pytest.mark.parametrize("folder", ["engine/trust", "engine/why", "engine/view", "engine/program", "nn"])
def test_inside_a_room_imports_run_in_no_circle(folder):
    users = {}
    for path in sources(folder):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_import = unconditional(tree)
        found = {full(name) for name, statement in imports(tree) if statement in at_import}
        users[module(path)] = {m for m in found if m.startswith(folder.replace("/", ".") + ".")} - {module(path)}
    assert len(list(graphlib.TopologicalSorter(users).static_order())) >= len(users) > 1


def test_every_exception_is_needed():
    looked_up = set()
    for path in sources("engine"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_import, types = unconditional(tree), for_types(tree)
        for name, statement in imports(tree):
            if name.startswith("engine.") and statement not in at_import | types:
                pair = room(module(path)), room(full(name))
                if pair[0] != pair[1] and ORDER.index(pair[1]) > ORDER.index(pair[0]):
                    looked_up.add(pair)
    assert looked_up == set(LOCAL)
    assert {p for p in BESIDE if (ROOT / p).exists()} == set(BESIDE)


@pytest.mark.parametrize("path", sources("nn"), ids=names(sources("nn")))
def test_nn_imports_public_names_of_the_engine_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = BESIDE.get(str(path.relative_to(ROOT)), set())
    for n in ast.walk(tree):
        if isinstance(n, ast.ImportFrom) and n.module == "engine":
            assert {alias.name for alias in n.names} <= set(engine.__all__)
        elif isinstance(n, ast.ImportFrom) and n.module.startswith("engine."):
            assert n.module in allowed, f"{path.name} imports {n.module}"
        elif isinstance(n, ast.Import):
            assert not any(alias.name.startswith("engine.") for alias in n.names)
        elif isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "engine":
            assert n.attr in engine.__all__, f"{path.name} uses engine.{n.attr}"


# ---- dependencies


def foreign(statement):
    """The modules outside the standard library and this project that are loaded after `statement`."""
    loaded = "json.dumps([*set(sys.modules) - before])"
    program = f"import json, sys; before = set(sys.modules); {statement}; print({loaded})"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=600
    )
    tops = {name.split(".")[0] for name in json.loads(run.stdout)}
    return tops - set(sys.stdlib_module_names) - {"engine", "nn"}


@pytest.mark.parametrize("package", ["engine", "nn"])
def test_only_the_standard_library_is_needed(package):
    assert foreign(f"import {package}") == set()
    # without site-packages nothing else can even be found
    bare = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {package}; print({package}.__name__)"
    run = subprocess.run([sys.executable, "-I", "-S", "-c", bare], capture_output=True, text=True, timeout=600)
    assert (run.stdout, run.stderr) == (f"{package}\n", "")


def test_this_would_notice_another_library():
    assert "numpy" in foreign("import engine, numpy")


# ---- the table and what is public


METHODS = [
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "softplus",
    "relu",
    "leaky_relu",
    "absolute",
]
INSIDE = {"azmul", "eq", "largest", "total"}  # rows that only formulas use


def test_every_row_has_its_operator_or_function():
    a, b = Value(0.5), Value(0.75)
    nodes = [a + b, a - b, a * b, a / b, a**b, -a, abs(a), a < b, a <= b, a > b, a >= b]
    nodes += [getattr(engine, f)(a) for f in METHODS]
    nodes += [engine.maximum(a, b), engine.minimum(a, b), engine.hypot(a, b), engine.where(a < b, a, b)]
    nodes += [
        engine.dot([a], [b]),
        engine.affine([[a]], [b], [a])[0],
        engine.logsumexp([a, b]),
        *engine.softmax([a, b]),
    ]
    nodes += [loss([a], [1]) for loss in nn.losses.LOSSES.values()]
    assert {n.op.name for n in nodes} | INSIDE == set(TABLE)


def test_public_names_are_sorted_documented_and_all_there():
    assert engine.__all__ == sorted(engine.__all__)
    for name in engine.__all__:
        doc = getattr(engine, name).__doc__
        assert doc, f"engine.{name} needs a docstring"
        assert doc.strip().splitlines()[0]
    public = {name for name, x in vars(engine).items() if not name.startswith("_") and not isinstance(x, type(sys))}
    assert public - {"TYPE_CHECKING", "import_module"} == set(engine.__all__)
    for name in nn.__all__:
        assert getattr(nn, name).__doc__, f"nn.{name} needs a docstring"


def test_what_is_imported_later_is_imported_when_asked_for_and_no_module_hides_it():
    rooms = {room(m) for m in MODULES if m.startswith("engine.")}
    assert set(engine._HOME) <= set(engine.__all__) - rooms, "a module of that name would stand in its place"
    ask = "import sys, engine; before = set(sys.modules); engine.draw; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert "engine.view.draw" in found
    assert not {m for m in found if m.startswith(("engine.trust", "engine.program"))}
    with pytest.raises(AttributeError, match="no attribute 'gradchek'"):
        _ = engine.gradchek


# ---- what a file may not contain


@pytest.mark.parametrize("path", sources("engine", "nn"), ids=names(sources("engine", "nn")))
def test_a_file_is_short_says_what_it_is_and_asserts_nothing(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(source)), "a file opens with what it is"
    found = [n.lineno for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Assert)]
    assert found == [], "an assert vanishes under python -O: raise an error with a sentence"


TEXTS = {".py", ".md", ".toml", ".ipynb", ".js", ".css", ".html", ".c", ".yml", ".cfg", ".txt", ""}


def test_no_file_knows_the_machine_it_was_written_on():
    places = "|".join(f"/{place}/" for place in ("work", "home", "root", "Users"))
    tops = [p for p in ROOT.iterdir() if p.is_file()] + [
        p for folder in ("engine", "nn", "tests", "notebooks", ".ci") for p in (ROOT / folder).rglob("*") if p.is_file()
    ]
    known = []
    for path in tops:
        if "__pycache__" not in path.parts and path.suffix in TEXTS and path.name != ".git":
            text = path.read_text(encoding="utf-8", errors="replace")
            known += [
                f"{path.relative_to(ROOT)}: {line}"
                for line in text.splitlines()
                if re.search(rf"(?<![\w.)\]])({places})", line)
            ]
    assert known == []
