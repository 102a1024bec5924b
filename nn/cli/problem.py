"""What a data set asks of a network: its rows in two parts, the output layer, the loss; and numbers in brief."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nn import data
from nn.dataset import Dataset
from nn.losses import loss_function
from nn.scores import blind_loss
from nn.train import INDEX_LOSSES


MOST_WEIGHTS = 10_000_000
HELD_OUT = 0.2  # the share of the rows kept for testing, unless another is asked for

@dataclass(frozen=True)
class Problem:
    """Rows to train on and to test with, prepared for a network with this output and this loss."""

    dataset: Dataset
    train: Dataset
    test: Dataset
    output: str
    loss: str
    target: str | int | None

    @property
    def held_out(self) -> bool:
        """Whether the rows for testing are others than those for training."""
        return self.test is not self.train

    @property
    def nout(self) -> int:
        """The number of outputs."""
        t = self.train[0][1]
        return len(self.dataset.classes) or (1 if isinstance(t, int) else len(t))

    def blind(self, rows: Dataset) -> float:
        """The mean loss on `rows` of one answer for every row, which any use of the inputs should better."""
        return blind_loss(self.train, rows, loss_function(self.loss), self.nout)


def problem(
    name: str, target: str | None = None, output: str | None = None, loss: str | None = None, held_out: float = HELD_OUT, seed: int = 0
) -> Problem:
    """The data set of that name or file, split and standardised; classes get softmax and cross entropy, numbers half_sse.

    >>> problem("xor", output="sigmoid").loss
    'bce'
    """
    column = int(target) if target and target.lstrip("-").isdecimal() else target
    dataset = data.load(name, target=column)
    train, test = _parts(dataset, name, held_out, seed)
    classes = len(dataset.classes)
    output = output or ("softmax" if classes else "linear")
    loss = loss or {"softmax": "cross_entropy", "sigmoid": "bce"}.get(output, "half_sse")
    if classes and loss not in INDEX_LOSSES:
        coded = train.one_hot()
        train, test = coded, coded if test is train else test.one_hot()
    return Problem(dataset, train, test, output, loss, column)


def _parts(dataset: Dataset, name: str, held_out: float, seed: int) -> tuple[Dataset, Dataset]:
    """Training and held-out rows, standardised; a truth table has no row to spare and is both.

    ValueError if it is to hold out another share than the usual one, which it cannot.
    """
    if len(dataset) <= 4:
        if held_out != HELD_OUT:
            raise ValueError(f"--held-out is {held_out}, and {dataset.name} has {len(dataset)} rows, too few to hold any out: it is "
                             "trained and measured on all; leave --held-out out")  # fmt: skip
        return dataset, dataset
    train, test = data.split(dataset, held_out=held_out, seed=seed)
    if name.lower() == "digits":  # already between 0 and 1
        return train, test
    return tuple(data.standardise(train, test))  # type: ignore[return-value]


def check_size(nin: int, layers: Sequence[int]) -> None:
    """ValueError for a network that no memory holds, with a Value for each of its weights.

    >>> check_size(2, [10**9, 1])
    Traceback (most recent call last):
    ...
    ValueError: this network has 4,000,000,001 weights, more than the 10,000,000 that are trained here; write fewer --hidden units
    """
    weights = sum((n + 1) * m for n, m in zip([nin, *layers], layers, strict=False))
    if weights > MOST_WEIGHTS:
        raise ValueError(f"this network has {weights:,} weights, more than the {MOST_WEIGHTS:,} that are trained here; write fewer --hidden units")


def brief(x: float | None) -> str:
    """A loss in four decimals, or in powers of ten where it has run away, or all but vanished.

    >>> brief(0.25), brief(3e9), brief(6.2e-33), brief(0.0), brief(None)
    ('0.2500', '3.0e+09', '6.2e-33', '0.0000', '-')
    """
    return "-" if x is None else f"{x:.4f}" if x == 0 or 1e-3 <= abs(x) < 1e6 else f"{x:.1e}"


def named_target(t: Any, classes: Sequence[str]) -> str:
    """A target in words: a class with its name and its output, whose numbers count from 0 and from 1; or plain numbers.

    >>> named_target(1, ["setosa", "versicolor"]), named_target(5, "0123456789")
    ('1 (versicolor, t_o2 = 1)', '5 (t_o6 = 1)')
    >>> named_target((1.0,), []), named_target((0.0, 1.5), [])
    ('1', '(0, 1.5)')
    """
    if isinstance(t, int):
        named = f"{classes[t]}, " if t < len(classes) and classes[t] != str(t) else ""
        return f"{t} ({named}t_o{t + 1} = 1)"
    numbers = [f"{number:.6g}" for number in t]
    return numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"
