"""Data sets for per-sample SGD: toy sets made here, scikit-learn's bundled sets, CSV files; split and standardise."""

import difflib
import importlib
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from reprlib import repr as short
from typing import Any

from nn.csv_file import StrPath, read_csv
from nn.dataset import Dataset, Row, check_rows, same_columns
from nn.init import generator
from nn.numbers import counted, number, whole


__all__ = ["AND", "OR", "XOR", "Dataset", "Row", "breast_cancer", "check_rows", "digits", "iris", "load", "moons",
           "read_csv", "split", "standardise", "wine"]


# Sets made here

def AND() -> Dataset:
    """The four rows of x1 AND x2, with t = (0.0,) or (1.0,)."""
    return _truth_table("AND", 0, 0, 0, 1)


def OR() -> Dataset:
    """The four rows of x1 OR x2, with t = (0.0,) or (1.0,)."""
    return _truth_table("OR", 0, 1, 1, 1)


def XOR() -> Dataset:
    """The four rows of x1 XOR x2, which no network without a hidden layer can learn.

    >>> XOR().rows
    (((0.0, 0.0), (0.0,)), ((0.0, 1.0), (1.0,)), ((1.0, 0.0), (1.0,)), ((1.0, 1.0), (0.0,)))
    """
    return _truth_table("XOR", 0, 1, 1, 0)


def _truth_table(name: str, *outputs: int) -> Dataset:
    inputs = (0, 0), (0, 1), (1, 0), (1, 1)
    return Dataset(name, [(x, (t,)) for x, t in zip(inputs, outputs, strict=True)])


def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two interleaved half circles of radius 1, the classes alternating row by row.

    Class 0 is (cos a, sin a), class 1 is (1 - cos a, 1/2 - sin a), with n/2 angles a evenly spaced from 0 to pi each;
    Gaussian noise of standard deviation `noise` is added to both coordinates.

    >>> moons(6, noise=0)[2:4].rows == (((math.cos(math.pi / 2), 1.0), 0), ((1 - math.cos(math.pi / 2), -0.5), 1))
    True
    """
    n = whole("n", n, 2)
    if number(noise, "noise") < 0:
        raise ValueError(f"noise is {noise!r}, but a standard deviation is 0 or more")
    rng = generator(seed)
    rows: list[Row] = []
    for i in range(n):
        k = i % 2
        steps = max(1, (n + 1 - k) // 2 - 1)
        angle = math.pi * (i // 2 / steps)    # the last is exactly pi
        x1, x2 = math.cos(angle), math.sin(angle)
        if k == 1:
            x1, x2 = 1 - x1, 0.5 - x2
        rows.append(((x1 + rng.gauss(0, noise), x2 + rng.gauss(0, noise)), k))
    return Dataset("moons", rows, classes=("upper", "lower"))


# Sets bundled with scikit-learn

def iris() -> Dataset:
    """Lengths and widths of iris flowers in cm; three species, 50 rows each.

    >>> iris()
    Dataset('iris', 150 rows, 4 features, 3 classes)
    """
    return _bundled("iris")


def digits() -> Dataset:
    """Handwritten digits, 8 x 8 pixels line by line, each a multiple of 1/16 from 0 to 1; ten classes."""
    return _bundled("digits", largest=16)


def wine() -> Dataset:
    """Chemical analyses of wine from three growers; the features differ in size (see `standardise`)."""
    return _bundled("wine")


def breast_cancer() -> Dataset:
    """Measures of cell nuclei, malignant or benign; the features differ in size (see `standardise`)."""
    return _bundled("breast_cancer")


def _bundled(name: str, largest: int = 1) -> Dataset:
    try:
        sets = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise ImportError(f'{name} comes with scikit-learn; install it with: pip install "nodegrad[data]"') from error
    bunch = getattr(sets, f"load_{name}")()
    rows = list(zip((bunch.data / largest).tolist(), bunch.target.tolist(), strict=True))
    return Dataset(name, rows, tuple(map(str, bunch.feature_names)), tuple(map(str, bunch.target_names)))


SETS = {"and": AND, "or": OR, "xor": XOR, "moons": moons, "iris": iris, "digits": digits, "wine": wine,
        "breast_cancer": breast_cancer}


def load(name_or_path: StrPath, target: str | int | None = None) -> Dataset:
    """A data set by its name, in upper or lower case, or a CSV file by its path (ends in .csv) and target column.

    ValueError for an unknown name lists the names; for CSV files see `read_csv`.

    >>> load("Xor")
    Dataset('XOR', 4 rows, 2 features, 1 target)
    """
    name = os.fspath(name_or_path)
    key = name.lower()
    if key.endswith(".csv"):
        return read_csv(name, target=target)
    if key not in SETS:
        closest = difflib.get_close_matches(key, SETS, n=1)
        guess = f" (did you mean {closest[0]!r}?)" if closest else ""
        raise ValueError(f"there is no data set {name!r}{guess}; write one of {', '.join(SETS)}, or a .csv path")
    if target is not None:
        raise ValueError(f"target={target!r} is for CSV files; the data set {name} has its own targets")
    return SETS[key]()


# Preparing data

def split(dataset: Dataset, held_out: float = 0.2, seed: int = 0, stratify: bool = True) -> tuple[Dataset, Dataset]:
    """The rows, shuffled, in two Datasets: for training, and held out for testing.

    About `held_out` of the rows are held out; with `stratify` about that part of every class, so that both parts have
    the classes in the same proportions (targets without classes are one group). ValueError if `held_out` is not
    between 0 and 1, if a part would be empty, or if training would miss a class.

    >>> split(iris(), held_out=0.2)
    (Dataset('iris', 120 rows, 4 features, 3 classes), Dataset('iris', 30 rows, 4 features, 3 classes))
    """
    if not isinstance(dataset, Dataset):
        raise TypeError(f"split takes a Dataset, got {short(dataset)}; write Dataset('mine', rows)")
    if not 0 < number(held_out, "held_out") < 1:
        raise ValueError(f"held_out is {held_out!r}; write a part between 0 and 1, such as 0.2")
    order = list(range(len(dataset)))
    generator(seed).shuffle(order)
    groups: dict[Any, list[int]] = {}
    for i in order:
        groups.setdefault(dataset.rows[i][1] if stratify and dataset.classes else None, []).append(i)
    held = {i for group in groups.values() for i in group[:math.floor(held_out * len(group) + 0.5)]}
    train = [dataset.rows[i] for i in order if i not in held]
    test = [dataset.rows[i] for i in order if i in held]
    if not train or not test:
        raise ValueError(f"held_out={held_out} of {dataset!r} leaves {counted(len(train), 'row')} for training and "
                         f"{counted(len(test), 'row')} held out; each needs at least one")
    trained = {t for _, t in train}
    for _, t in test:
        if dataset.classes and t not in trained:
            missing = dataset.classes[t.index(1.0) if isinstance(t, tuple) else t]
            raise ValueError(f"training would have no row of class {missing!r} with held_out={held_out}; "
                             "hold out less, with stratify=True")
    return replace(dataset, rows=train), replace(dataset, rows=test)


def standardise(train: Dataset, *others: Dataset) -> list[Dataset]:
    """All Datasets with z_i = (x_i - mean_i) / scale_i, where the training part has mean 0 and standard deviation 1.

    mean_i and scale_i (the population standard deviation) come from `train` alone and are kept in every result as
    `.mean` and `.scale`; x_i = mean_i + scale_i z_i gives the inputs back. A constant column has scale 1, becomes 0
    in `train`, and a warning names it, or a class that no training row has. ValueError for no rows, other features or
    classes, or Datasets standardised before.

    >>> train, test = standardise(Dataset("a", [((1,), (0,)), ((5,), (1,))]), Dataset("b", [((4,), (1,))]))
    >>> train.mean, train.scale, [x for x, t in train], test[0]
    ((3.0,), (2.0,), [(-1.0,), (1.0,)], ((0.5,), (1.0,)))
    """
    for data in (train, *others):
        if not isinstance(data, Dataset):
            raise TypeError(f"standardise takes Datasets, got {short(data)}; write standardise(*split(data))")
        if data.scale:
            raise ValueError(f"{data!r} is standardised already; standardise the data as they were read")
    same_columns(train, *others)
    mean, scale = _statistics(train)
    result = []
    for data in (train, *others):
        rows = [(tuple([(v - m) / s for v, m, s in zip(x, mean, scale, strict=True)]), t) for x, t in data]
        result.append(replace(data, rows=rows, mean=mean, scale=scale))
    return result


def _statistics(train: Dataset) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and population standard deviation of every column, summed from the first row to the last."""
    if not train.rows:
        raise ValueError(f"{train!r} has no rows to take means from")
    means, scales, constant = [], [], []
    for name, column in zip(train.features, zip(*[x for x, _ in train], strict=True), strict=True):
        low, high = min(column), max(column)
        if low == high:    # without this, the rounding of the mean would become a spread of 1
            mean, scale = low, 1.0
            constant.append(name)
        else:
            mean = _mean(column)
            scale = math.sqrt(_mean([(v - mean) * (v - mean) for v in column]))
        if not 0 < scale < math.inf:
            raise ValueError(f"{name}: the squares of its spread, from {low!r} to {high!r}, leave the range of floats; "
                             "write it in another unit")
        means.append(mean)
        scales.append(scale)
    if constant:
        warnings.warn(f"constant in the training rows, left at 0: {', '.join(constant)}", stacklevel=3)
    return tuple(means), tuple(scales)


def _mean(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values)
