"""A job: what all runs of a search share; called with a setting it trains one model. A run: what came of it.

Both are pickled on the way to another process and back, so they hold data and names of functions only.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

from nn.dataset import Dataset
from nn.losses import loss_function
from nn.modules import MLP, Module
from nn.numbers import at_least_zero, integer, whole
from nn.optim import Diverged, schedule_function
from nn.scores import scores as scores_of
from nn.train import fit


Setting: TypeAlias = Mapping[str, Any]  # the seed, and the hyperparameters that vary
Factory: TypeAlias = Callable[..., Module]  # (seed=..., **options) -> the untrained model

BELONGS_ELSEWHERE = {
    "seed": "write seeds=, the training seeds, instead",
    "record": "a search keeps no record; train the setting you want to see alone, with fit(record=...)",
    "callbacks": "the callbacks of a search get whole runs",
    "progress": "the bar of a search counts runs",
    "validation": "write it as a keyword of the search",
}


def _keywords(f: Callable[..., Any]) -> set[str]:
    """The names of keyword-only parameters."""
    return {name for name, p in inspect.signature(f).parameters.items() if p.kind is p.KEYWORD_ONLY}


TRAINING = _keywords(fit) - set(BELONGS_ELSEWHERE)  # what goes to fit; the rest goes to the model
ARCHITECTURE = _keywords(MLP) - {"seed"} | {"hidden"}
CHECKS: dict[str, Callable[[Any], object]] = {  # of options that all runs share, before the first of them
    "loss": loss_function,
    "schedule": schedule_function,
    **{name: partial(whole, name) for name in ("epochs", "batch_size")},
    **{name: partial(at_least_zero, name) for name in ("lr", "momentum", "weight_decay")},
}


@dataclass(frozen=True)
class Run:
    """One training of a search: its setting, and how it ended.

    Losses are means over rows, by the weights after the last update. `error` is the reason why a run failed:
    its losses are None then, and `weights` those of before the step that failed.
    """

    setting: Setting
    loss: float | None = None
    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    error: str = ""
    weights: tuple[float, ...] = field(default=(), repr=False)
    seconds: float = field(default=0.0, repr=False, compare=False)

    @property
    def seed(self) -> int:
        """What decided the initial weights and the order of the rows."""
        return int(self.setting["seed"])

    @property
    def lost(self) -> bool:
        """Whether it was never done: its worker died again and again."""
        return self.error.startswith("lost: ")


@dataclass(frozen=True)
class Job:
    """Trains a model on `rows` for any setting; `factory` makes the model, an MLP if it is None."""

    rows: Dataset
    validation: Dataset | None
    factory: Factory | None
    options: Setting

    def check(self, varies: set[str]) -> None:
        """Raise TypeError or ValueError for options that no run could take; `varies` are the names of the space."""
        names = varies | set(self.options)
        for name in names & set(BELONGS_ELSEWHERE):
            raise TypeError(f"{name} is no option of a single run: {BELONGS_ELSEWHERE[name]}")
        own = names - TRAINING
        if self.factory is None:
            for name in sorted(own - ARCHITECTURE):
                guess = difflib.get_close_matches(name, TRAINING | ARCHITECTURE, n=1)
                hint = f"did you mean {guess[0]}?" if guess else f"there are {', '.join(sorted(TRAINING | ARCHITECTURE))}"
                raise TypeError(f"unknown option {name!r}; {hint}")
            if "hidden" not in names:
                raise TypeError("the model needs hidden, as in hidden=8 or hidden=[8, 4]; or give model= a function that makes it")
        else:
            try:
                inspect.signature(self.factory).bind(seed=0, **dict.fromkeys(own))
            except TypeError as error:
                taken = ", ".join(["seed", *sorted(own)])
                raise TypeError(f"model= must be a function that takes {taken} as keywords, and {self.factory!r} does not: {error}") from None
        if missing := [name for name in ("loss", "lr", "epochs") if name not in names]:
            raise TypeError(f"training needs {missing[0]}: give it as a keyword, or among what varies")
        for name in CHECKS.keys() & self.options.keys():
            CHECKS[name](self.options[name])
        if self.factory is None and not varies & ARCHITECTURE:
            self.model({"seed": 0})

    def model(self, setting: Setting) -> Module:
        """The untrained model of a setting."""
        options = {name: x for name, x in {**self.options, **setting}.items() if name not in TRAINING}
        if self.factory is not None:
            return self.factory(**options)
        hidden = options.pop("hidden")
        t = self.rows[0][1]
        nout = len(self.rows.classes) if isinstance(t, int) else len(t)
        layers = [hidden] if integer(hidden) is not None else list(hidden)
        return MLP(len(self.rows.features), [*layers, nout], **options)

    def __call__(self, setting: Setting) -> Run:
        """Train the model of a setting; whatever goes wrong is the run's error."""
        begun = perf_counter()
        weights: tuple[float, ...] = ()
        scores: Any = (None, None, None, None)
        problem = ""
        try:
            chosen = {name: x for name, x in {**self.options, **setting}.items() if name in TRAINING}
            model = self.model(setting)
            try:
                fit(model, self.rows, seed=setting["seed"], progress=False, **chosen)
            finally:
                weights = tuple([p.data for p in model.parameters()])
            loss_of = loss_function(chosen["loss"])
            held_out = (None, None) if self.validation is None else scores_of(model, list(self.validation), loss_of)
            scores = (*scores_of(model, list(self.rows), loss_of), *held_out)
            if not all(math.isfinite(x) for x in scores if x is not None):
                raise Diverged(f"after the last update the loss is {scores[0]}, held out {scores[2]}")
        except Exception as error:
            notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
            problem = f"{type(error).__name__}: {error}{notes}"
            scores = (None, None, None, None)
        loss, accuracy, held_out_loss, held_out_accuracy = scores
        seconds = perf_counter() - begun
        return Run(dict(setting), loss, accuracy, held_out_loss, held_out_accuracy, problem, weights, seconds)
