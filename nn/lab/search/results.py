"""Results: the runs of a search as a table that sorts, filters, plots and rebuilds its models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from statistics import median
from typing import Any, overload

from nn.lab.search.job import Job, Run
from nn.lab.search.picture import points
from nn.lab.table import aligned, cell
from nn.modules import Module
from nn.numbers import counted, number


NUMBERS = ("loss", "accuracy", "validation_loss", "validation_accuracy")
SHOWN = 20  # rows of a long table


class Results(Sequence[Run]):
    """The runs that are done, in the order of their settings; a slice, a filter, a sorting is a Results again.

    `missing` is the number of runs that were asked for and are not here, after an interrupt say.

    >>> from nn import data
    >>> from nn.lab import restarts
    >>> results = restarts(data.XOR(), seeds=3, hidden=2, loss="sse", lr=0.5, epochs=200, output="sigmoid")
    >>> results
    Results(3 runs, best loss 0.00381 with seed=2)
    >>> print(results.sorted())
    seed        loss  accuracy
       2  0.00380553         1
       1  0.00393552         1
       0   0.0048544         1
    >>> round(results.model()([1.0, 0.0])[0].data, 3)
    0.947
    """

    def __init__(self, runs: Iterable[Run], job: Job, asked: int | None = None) -> None:
        self.runs, self.job = tuple(runs), job
        self.missing = 0 if asked is None else asked - len(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Run | Results:
        return self._some(self.runs[index]) if isinstance(index, slice) else self.runs[index]

    @property
    def measure(self) -> str:
        """What ranks the runs: the held-out loss if rows were held out, or else the training loss."""
        return "loss" if self.job.validation is None else "validation_loss"

    @property
    def best(self) -> Run:
        """The run with the smallest `measure`, the first of equals; ValueError if no run succeeded."""
        runs = [run for run in self.runs if not run.error]
        if not runs:
            why = self.runs[0].error if self.runs else "there are none"
            raise ValueError(f"no run succeeded, so none is best: {why}")
        return min(runs, key=lambda run: getattr(run, self.measure))

    @property
    def failed(self) -> Results:
        """The runs that failed; their `error` says why."""
        return self._some(run for run in self.runs if run.error)

    def model(self, run: Run | None = None) -> Module:
        """The trained model of a run, of the best by default, bit for bit as it was trained."""
        run = self.best if run is None else run
        if not isinstance(run, Run):
            raise TypeError(f"a run of the search is needed, such as results[0], not {run!r}")
        model = self.job.model(run.setting)
        parameters = model.parameters()
        if len(parameters) != len(run.weights):
            raise ValueError(f"the run has {len(run.weights)} weights, and its model {len(parameters)}: {run.error or 'it is not of this search'}")
        for p, w in zip(parameters, run.weights, strict=True):
            p.data = w
        return model

    def where(self, condition: Callable[[Run], bool] | None = None, **setting: Any) -> Results:
        """The runs with this setting for which `condition` holds: `where(lr=0.5)`, `where(lambda run: run.loss < 0.1)`.

        Failed runs have no loss, so a condition is asked of the others only.
        """
        if condition is not None and not callable(condition):
            raise TypeError(f"a condition is a function of a run, not {condition!r}; a setting is written as where(lr=0.5)")
        found = [run for run in self.runs if all(self.value(run, k) == x for k, x in setting.items())]
        return self._some(run for run in found if condition is None or (not run.error and condition(run)))

    def sorted(self, by: str | None = None, reverse: bool = False) -> Results:
        """By a column, `measure` by default; failed runs last."""
        by = by or self.measure
        have = [run for run in self.runs if self.value(run, by) is not None]
        rest = [run for run in self.runs if self.value(run, by) is None]
        return self._some([*sorted(have, key=lambda run: self.value(run, by), reverse=reverse), *rest])

    def share(self, below: float) -> float:
        """The share of all runs whose `measure` is smaller than `below`; failed runs count as not."""
        below = number(below, "below")
        if not self.runs:
            raise ValueError("the share of no runs at all is not a number")
        return len(self.where(lambda run: getattr(run, self.measure) < below)) / len(self.runs)

    def by(self, name: str) -> str:
        """A table with a row for each value of a hyperparameter: runs, failed, and the least, median and largest `measure`."""
        rows, values = [], []
        for run in self.runs:
            if (value := self.value(run, name)) not in values:
                values.append(value)
        for value in values:
            mine = self.where(**{name: value})
            ends = sorted(getattr(run, self.measure) for run in mine if not run.error)
            rows.append((cell(value), len(mine), len(mine.failed), *((ends[0], median(ends), ends[-1]) if ends else (None,) * 3)))
        return aligned((name, "runs", "failed", f"least {self.measure}", "median", "largest"), rows)

    @property
    def columns(self) -> list[str]:
        """The names of what varies, then of what was measured."""
        varies = list(dict.fromkeys(name for run in self.runs for name in run.setting))
        measured = [name for name in NUMBERS if any(getattr(run, name) is not None for run in self.runs)]
        return [*varies, *measured, *["error"] * any(run.error for run in self.runs)]

    def rows(self) -> list[dict[str, Any]]:
        """The runs as dicts: what `pandas.DataFrame` takes."""
        return [{name: self.value(run, name) for name in self.columns} for run in self.runs]

    def plot(self, x: str | None = None, ax: Any = None, by: str | None = None) -> Any:
        """Every run as a point: its `measure` by rank, or over the column `x`, in a colour for each value of `by`.

        Failed runs are crosses at the top. Returns the Axes; ImportError without the extra `plots`.
        """
        return points(self, x, ax, by)

    def _some(self, runs: Iterable[Run]) -> Results:
        return Results(runs, self.job)

    def value(self, run: Run, name: str) -> Any:
        """What a run has in a column; ValueError, with the columns, for one that is not there."""
        if name in run.setting:
            return run.setting[name]
        if name in (*NUMBERS, "error", "seconds"):
            return getattr(run, name)
        raise ValueError(f"there is no column {name!r}; there are {', '.join([*self.columns, 'seconds'])}")

    def _cells(self) -> tuple[list[str], list[list[Any]]]:
        columns = self.columns
        return columns, [[_brief(self.value(run, name)) for name in columns] for run in self.runs[:SHOWN]]

    def __str__(self) -> str:
        if not self.runs:
            return "no runs"
        more = len(self) - SHOWN
        return aligned(*self._cells()) + (f"\n... and {more} more" if more > 0 else "")

    def _repr_html_(self) -> str:
        columns, rows = self._cells()
        head = "".join(f"<th>{escape(name)}</th>" for name in columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell(x))}</td>' for x in row)}</tr>" for row in rows)
        return f"<table><caption>{escape(repr(self))}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        told = [counted(len(self), "run") if not self.missing else f"{len(self)} of {len(self) + self.missing} runs"]
        if failed := len(self.failed):
            told.append(f"{failed} failed")
        if len(self) > failed:
            best = self.best
            setting = ", ".join(f"{k}={cell(x)}" for k, x in best.setting.items())
            told.append(f"best {self.measure.replace('_', ' ')} {getattr(best, self.measure):.3g} with {setting}")
        return f"Results({', '.join(told)})"


def _brief(x: Any) -> Any:
    """A cell of a table; a list as text, a reason cut short."""
    x = str(x) if isinstance(x, list | tuple) else x
    return x if not isinstance(x, str) or len(x) <= 60 else x[:57] + "..."
