"""Dataset and check_rows: rows (x, t) for per-sample SGD, checked where they enter.

A row is a pair `(x, t)`: `x` a tuple of floats, `t` a tuple of floats or, for `cross_entropy`, an int class index.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from numbers import Real
from reprlib import repr as short
from typing import Any, TypeAlias, overload

from nn.numbers import counted, number, plain


Target: TypeAlias = tuple[float, ...] | int
Row: TypeAlias = tuple[tuple[float, ...], Target]


@dataclass(frozen=True, repr=False)
class Dataset(Sequence[Row]):
    """Rows (x, t) with the names of their columns; a slice is a Dataset again.

    `features` names the entries of x (x1, x2, ... if left out). `classes` names the classes if the targets are class
    indices or their 0-1 coding. `mean` and `scale` are empty until `standardise` fills them. The rows are checked and
    converted by `check_rows`: a Dataset never holds text, NaN or rows of different lengths.

    >>> data = Dataset("fruit", [((150, 7), 0), ((120, 9), 1)], features=("weight", "size"), classes=("apple", "pear"))
    >>> data, data[0], data[1:]
    (Dataset('fruit', 2 rows, 2 features, 2 classes), ((150.0, 7.0), 0), Dataset('fruit', 1 row, 2 features, 2 classes))
    """

    name: str
    rows: Sequence[Row]
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        features, classes = _names("features", self.features), _names("classes", self.classes)
        rows: Any = tuple(self.rows if isinstance(self.rows, Iterable) else as_pairs(self.rows))  # the latter refuses
        if rows:
            pairs, width = as_pairs(rows), len(classes) or None
            indexed = classes and not isinstance(pairs[0][1], tuple | list)
            rows = tuple(check_rows(pairs, len(features) or None, width, width if indexed else None))
            features = features or numbered(len(rows[0][0]))
            for i, (_, t) in enumerate(rows if classes else ()):
                if isinstance(t, tuple) and (t.count(1.0), t.count(0.0)) != (1, len(t) - 1):
                    raise ValueError(f"row {i}: t is {short(t)}, not a single 1 among zeros; "
                                     "leave `classes` empty unless each row has one class")
        for field, value in ("features", features), ("classes", classes), ("rows", rows):
            object.__setattr__(self, field, value)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...
    def __getitem__(self, index: int | slice) -> "Row | Dataset":
        return replace(self, rows=self.rows[index]) if isinstance(index, slice) else self.rows[index]

    def __repr__(self) -> str:
        parts = [counted(len(self), "row"), counted(len(self.features), "feature")]
        if self.classes:
            parts.append(counted(len(self.classes), "class", "classes"))
        elif self.rows and isinstance(t := self.rows[0][1], tuple):
            parts.append(counted(len(t), "target"))
        return f"Dataset({self.name!r}, {', '.join(parts)})"

    def _repr_html_(self) -> str:
        return import_module("nn.display").dataset_html(self)  # type: ignore[no-any-return]

    def one_hot(self) -> "Dataset":
        """The same rows with each class index k as K numbers: t_k = 1, the others 0 (the K-class coding of ESL 11.3).

        K sigmoid outputs and `sse` need this form. ValueError if the targets are not class indices.

        >>> Dataset("two", [((0.5,), 1), ((0.1,), 0)], classes=("no", "yes")).one_hot().rows
        (((0.5,), (0.0, 1.0)), ((0.1,), (1.0, 0.0)))
        """
        coded: list[Row] = []
        for x, t in self.rows:
            if isinstance(t, tuple):
                raise ValueError(f"{self!r} has targets such as {short(t)}; one_hot() codes class indices")
            coded.append((x, tuple([float(k == t) for k in range(len(self.classes))])))
        return replace(self, rows=coded)


def same_columns(train: Dataset, *others: Dataset, stacklevel: int = 3) -> None:
    """Refuse rows whose columns, classes or scales are not those of training: their numbers would mean something else.

    ValueError says what differs; a warning names classes of `others` that no training row has.

    >>> same_columns(Dataset("a", [((0.5,), 0)], classes=("no", "yes")), Dataset("b", [((1,), 0)], classes=("yes", "no")))
    Traceback (most recent call last):
    ValueError: Dataset('b', 1 row, 1 feature, 2 classes) has the classes ('yes', 'no'), training has ('no', 'yes')
    """
    for data in others:
        for what in "features", "classes", "mean", "scale":
            mine, its = getattr(train, what), getattr(data, what)
            if mine != its:
                raise ValueError(f"{data!r} has the {what} {short(its)}, training has {short(mine)}")
    known = {t for _, t in train}
    new = {t for data in others for _, t in data} - known if train.classes else set()
    if new:
        names = [train.classes[t.index(1.0) if isinstance(t, tuple) else t] for t in new]
        warnings.warn(f"no training row has the class {', '.join(sorted(names))}, but rows beside them have", stacklevel=stacklevel)


def _names(what: str, names: Any) -> tuple[str, ...]:
    """The names as a tuple; TypeError for a text, whose letters are no names, and for what is no text among them."""
    found = tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else (None,)
    if not all(isinstance(name, str) for name in found):
        raise TypeError(f"{what} are {short(names)}, not names; write ('first', 'second')")
    return tuple(map(str, found))


def numbered(n: int) -> tuple[str, ...]:
    return tuple([f"x{i}" for i in range(1, n + 1)])


# Checking rows

def check_rows(rows: Iterable[Any], nin: int | None, nout: int | None = None, classes: int | None = None) -> list[Row]:
    """The rows as pairs of float tuples (or class indices), or an error that says which row is wrong and how.

    With `classes` every target is an int in 0..classes-1, otherwise a sequence of `nout` numbers; a width of None is
    that of the first row. NumPy arrays and scalars, lists, ints and bools are converted. TypeError for a wrong kind of
    thing (text, None, complex, no pair); ValueError for a wrong length, NaN, infinity, a wrong index, or no rows.

    >>> check_rows([([1, 2], 0)], nin=2, classes=3)
    [((1.0, 2.0), 0)]
    >>> check_rows([((1.0, 2.0), (0.5,)), ((1.0,), (0.5,))], nin=2, nout=1)
    Traceback (most recent call last):
    ValueError: row 1: x has 1 number, expected 2: (1.0,)
    """
    checked: list[Row] = []
    for i, (x, t) in enumerate(as_pairs(rows)):
        inputs = _numbers(x, nin, f"row {i}: x")
        if classes is not None:
            checked.append((inputs, _index(t, classes, f"row {i}: t")))
        else:
            targets = _numbers(t, nout, f"row {i}: t", "; a class index needs cross_entropy and the classes' names")
            checked.append((inputs, targets))
            nout = len(targets)
        nin = len(inputs)
    return checked


def as_pairs(rows: Iterable[Any]) -> list[tuple[Any, Any]]:
    """The rows as pairs of what is to be checked, arrays as lists; TypeError for what is no pair, ValueError for no rows."""
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        reads = f"; data.load({rows!r}) reads a data set" if isinstance(rows, str) else ""
        raise TypeError(f"rows are {short(rows)}, not a sequence of pairs (x, t){reads}")
    pairs: list[tuple[Any, Any]] = []
    for i, row in enumerate(rows):
        pair = plain(row)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"row {i} is {short(pair)}, not a pair (x, t); for arrays X and T write zip(X, T, strict=True)")
        if isinstance(pair[0], Real) and isinstance(plain(pair[1]), Real):
            raise TypeError(f"row {i} is {short(pair)}, two numbers; write (({pair[0]!r},), ({pair[1]!r},)) for one input and "
                            "one target, or zip(X, T, strict=True) for inputs X and targets T apart")
        pairs.append((plain(pair[0]), plain(pair[1])))
    if not pairs:
        read = "; what is read once, as zip, may have been read before: write list(rows)" if isinstance(rows, Iterator) else ""
        raise ValueError(f"there are no rows; at least one pair (x, t) is needed{read}")
    return pairs


def _numbers(values: Any, width: int | None, where: str, hint: str = "") -> tuple[float, ...]:
    if isinstance(values, Real):
        raise TypeError(f"{where} is {values!r}, not a sequence of numbers; write ({values!r},){hint}")
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise TypeError(f"{where} is {short(values)}, not a sequence of numbers")
    if not values or width not in (None, len(values)):
        expected = "at least 1" if width is None else width
        raise ValueError(f"{where} has {counted(len(values), 'number')}, expected {expected}: {short(values)}")
    return tuple([v if type(v) is float and math.isfinite(v) else number(v, f"{where}[{i}]")
                  for i, v in enumerate(values)])


def _index(value: Any, classes: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
        advice = int(value) if whole else f"an int from 0 to {classes - 1}"
        raise TypeError(f"{where} is {short(value)}, not a class index; write {advice}")
    if not 0 <= value < classes:
        raise ValueError(f"{where} is {value}, outside the class indices 0..{classes - 1}")
    return value
