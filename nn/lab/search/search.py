"""restarts, grid, random_search: one job, many settings, one table of results."""

from __future__ import annotations

import inspect
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from numbers import Real
from random import Random
from typing import Any, TypeAlias, TypeVar

from nn.dataset import Dataset, as_pairs, same_columns
from nn.given import functions
from nn.init import generator
from nn.lab.search.job import Factory, Job, Run, Setting
from nn.lab.search.journal import Journal
from nn.lab.search.results import Results
from nn.lab.search.workers import Where, carry_out
from nn.numbers import integer, plain, whole
from nn.progress import bar


Callback: TypeAlias = Callable[[Run], object]
Draw: TypeAlias = Callable[[Random], Any]
F = TypeVar("F", bound=Callable[..., Results])
LARGEST = 100_000  # settings of a grid
MOST = 1_000_000  # runs of a search


def _search(
    rows: Iterable[Any],
    varies: Iterable[str],
    combinations: Iterable[Setting],
    seeds: int | Iterable[int],
    *,
    model: Factory | None = None,
    validation: Iterable[Any] | None = None,
    executor: Where = None,
    file: str | os.PathLike[str] | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    **options: Any,
) -> Results:
    """One training for each combination of what varies, with each seed, unless the file holds it."""
    job = _job(rows, validation, model, options, set(varies))
    settings, told = _with_seeds(list(combinations), seeds), functions(callbacks)
    runs: dict[int, Run] = {}
    journal = None if file is None else Journal(file, job)
    if journal is not None:
        keys = [journal.key(setting) for setting in settings]
        if len(set(keys)) < len(keys):
            raise ValueError(f"two settings look the same in {file}; give its functions names of their own")
        runs = {k: run for k, key in enumerate(keys) if (run := journal.found(key, settings[k])) is not None}

    def results() -> Results:
        return Results([runs[k] for k in sorted(runs)], job, len(settings))

    def take(k: int, run: Run) -> bool:
        if k in runs:
            return False
        runs[k] = run
        if journal is not None and not run.lost:
            journal.append(run)
        shown.update()
        wishes = [callback(run) for callback in told]  # each is called, whatever another wishes
        return True in wishes

    with bar(progress, len(settings), "runs") as shown:
        shown.update(len(runs))
        try:
            carry_out(job, {k: setting for k, setting in enumerate(settings) if k not in runs}, executor, take)
        except KeyboardInterrupt:
            if journal is not None:
                journal.complete(runs.values())
            warnings.warn(f"interrupted: {len(runs)} of {len(settings)} runs are done, and returned", RuntimeWarning, stacklevel=3)
        except BaseException as error:
            error.results = results()  # type: ignore[attr-defined]
            error.add_note(f"{len(runs)} of {len(settings)} runs were done; they are in this error's `results`")
            raise
    return results()


def _with_its_keywords(f: F) -> F:
    """`f`, whose `**options` are those of `_search`, shown with their names to `help` and to completion."""
    own, all_of_them = inspect.signature(f), inspect.signature(_search).parameters.values()
    parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters += [p for p in all_of_them if p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    f.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return f


@_with_its_keywords
def restarts(rows: Iterable[Any], seeds: int | Iterable[int] = 10, **options: Any) -> Results:
    """The same training from many starts: once for each seed, or for the seeds 0, 1, ..., n - 1 if `seeds` is a number n.

    Run s is `fit(MLP(nin, [*hidden, nout], seed=s, ...), rows, seed=s, ...)`, bit for bit, on any executor; `options`
    are the keywords of `fit` (loss, lr and epochs must be among them) and of MLP, with `hidden` for the hidden layers.
    Or `model(seed=s, ...)` makes the model; it gets all options that are not `fit`'s.

    `executor` is None for this process, a number of processes to start, or any `concurrent.futures.Executor`, such as a
    Dask cluster's `client.get_executor()`; or a function that makes one. A run whose worker dies is done again. With
    `file` every finished run is kept in that file as a line of JSON, and not done again when the search is repeated.
    Callbacks get each `Run` as it finishes, and end the search by returning True.

    A run that fails is a row with its reason. Ctrl-C ends the search early: the runs that are done are returned, with a
    warning. Any other error that ends it has them as its `results`. TypeError or ValueError for options that no run
    could take.

    >>> from nn import data
    >>> restarts(data.XOR(), seeds=4, hidden=2, output="sigmoid", loss="bce", lr=0.5, epochs=200).share(below=0.1)
    0.5
    """
    return _search(rows, (), [{}], seeds, **options)


@_with_its_keywords
def grid(rows: Iterable[Any], space: Mapping[str, Sequence[Any]], seeds: int | Iterable[int] = 1, **options: Any) -> Results:
    """Every combination of the values in `space`, each with every seed; the rest as for `restarts`.

    >>> from nn import data
    >>> space = {"lr": [0.1, 0.5], "hidden": [2, 3]}
    >>> grid(data.XOR(), space, output="sigmoid", loss="bce", epochs=100)
    Results(4 runs, best loss 0.0278 with lr=0.5, hidden=3, seed=0)
    """
    axes = {name: _axis(name, values) for name, values in _space(space).items()}
    if (size := math.prod(map(len, axes.values()))) > LARGEST:
        raise ValueError(f"this grid has {size:,} settings, which is too many to try; random_search tries as many as you like")
    settings = (dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
    return _search(rows, axes, settings, seeds, **options)


@_with_its_keywords
def random_search(
    rows: Iterable[Any],
    space: Mapping[str, Sequence[Any] | Draw],
    runs: int = 20,
    seeds: int | Iterable[int] = 1,
    *,
    seed: int = 0,
    **options: Any,
) -> Results:
    """`runs` settings drawn from `space`, each with every seed; the rest as for `restarts`.

    A value of the space is a list, from which one is chosen, or a function of a `random.Random`, such as
    `between(0.01, 1.0, log=True)`. `seed` decides what is drawn; the first n draws do not depend on `runs`.
    With few hyperparameters that matter, draws try more values of each than a grid of equal cost
    (Bergstra and Bengio, JMLR 2012).

    >>> from nn import data
    >>> space = {"lr": between(0.1, 2.0, log=True), "hidden": [2, 3, 4]}
    >>> random_search(data.XOR(), space, runs=4, output="sigmoid", loss="bce", epochs=100)
    Results(4 runs, best loss 0.0116 with lr=1.25493, hidden=3, seed=0)
    """
    runs = whole("runs", runs)
    draws = {name: v if callable(v) else _axis(name, v) for name, v in _space(space).items()}
    return _search(rows, draws, _drawn(draws, runs, generator(seed)), seeds, **options)


def _drawn(draws: Mapping[str, Any], runs: int, random: Random) -> Iterator[Setting]:
    """So many different settings; ValueError if there are not as many."""
    settings: list[Setting] = []
    for _ in range(100 * runs):
        drawn = {name: v(random) if callable(v) else random.choice(v) for name, v in draws.items()}
        if drawn not in settings:
            settings.append(drawn)
            yield drawn
        if len(settings) == runs:
            return
    raise ValueError(f"only {len(settings)} different settings can be drawn from this space, not {runs}; grid tries them all")


def between(low: float, high: float, log: bool = False) -> Draw:
    """For `random_search`: any number from `low` to `high`, a whole one if both are; with `log` evenly in the exponent.

    >>> random = Random(1)
    >>> [round(between(0.01, 1.0, log=True)(random), 4) for _ in range(3)], between(2, 5)(random)
    ([0.0186, 0.4953, 0.3369], 4)
    """
    low, high = plain(low), plain(high)
    if not all(isinstance(x, Real) and math.isfinite(x) for x in (low, high)) or not low < high or (log and low <= 0):
        raise ValueError(f"between({low!r}, {high!r}) is empty or endless; write two numbers, the smaller first{', above 0' * log}")
    ints = isinstance(low, int) and isinstance(high, int)

    def draw(random: Random) -> Any:
        if ints and not log:
            return random.randint(int(low), int(high))
        x = math.exp(random.uniform(math.log(low), math.log(high))) if log else random.uniform(low, high)
        return round(x) if ints else x

    return draw


def _job(
    rows: Iterable[Any], validation: Iterable[Any] | None, factory: Factory | None, options: Setting, varies: set[str]
) -> Job:
    if factory is not None and not callable(factory):
        raise TypeError(f"model is {factory!r}; write a function that takes seed= and returns an untrained model")
    job = Job(_dataset(rows), None if validation is None else _dataset(validation), factory, dict(options))
    if job.validation is not None and isinstance(rows, Dataset) and isinstance(validation, Dataset):
        same_columns(rows, validation, stacklevel=4)
    if both := varies & set(options):
        raise TypeError(f"{sorted(both)[0]} is given as an option, and also varies")
    job.check(varies)
    return job


def _dataset(rows: Iterable[Any]) -> Dataset:
    """Rows as a Dataset, whose classes are numbered if the targets are class indices."""
    if isinstance(rows, Dataset) and rows:
        return rows
    found = as_pairs(rows)
    targets = [t for _, t in found]
    indices = [t for t in targets if isinstance(t, int) and not isinstance(t, bool)]
    names = tuple(map(str, range(max(indices) + 1))) if len(indices) == len(targets) else ()
    return Dataset("rows", found, classes=names)


def _with_seeds(settings: Sequence[Setting], seeds: int | Iterable[int]) -> list[Setting]:
    many = integer(seeds)
    if many is not None and many * len(settings) > MOST:
        raise ValueError(f"this search has {many * len(settings):,} runs, more than the {MOST:,} of a table; write fewer seeds")
    given: Any = plain(seeds) if many is None else range(many)
    chosen = [whole("a seed", s, 0) for s in given] if isinstance(given, Iterable) and not isinstance(given, str) else []
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds is {seeds!r}; write a number >= 1, or different seeds")
    return [{**setting, "seed": s} for setting in settings for s in chosen]


def _space(space: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(space, Mapping) or not space:
        raise TypeError(f'the space is {space!r}; write what varies, as in {{"lr": [0.1, 0.5], "hidden": [2, 3]}}')
    if not all(isinstance(name, str) for name in space):
        raise TypeError(f"the space is {space!r}, whose names are not all texts")
    if "seed" in space:
        raise TypeError("seed is not part of the space; write seeds=, with which every setting is trained")
    return space


def _axis(name: str, values: Any) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} varies over {values!r}; write a list of values")
    found = [plain(x) for x in values]
    if not found or any(x in found[:k] for k, x in enumerate(found)):
        raise ValueError(f"{name} varies over {found}; write one value or more, each once")
    return found
