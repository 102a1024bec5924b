"""Data for per-sample SGD: rows (x, t), toy sets made here, scikit-learn's bundled sets, CSV files, split, standardise.

A row is a pair `(x, t)`: `x` a tuple of floats, `t` a tuple of floats or, for `cross_entropy`, an int class index.
"""

import csv
import difflib
import importlib
import io
import math
import os
import random
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeAlias, overload


Target: TypeAlias = tuple[float, ...] | int
Row: TypeAlias = tuple[tuple[float, ...], Target]
Lines: TypeAlias = list[tuple[int, list[str]]]    # of a CSV file: line number and cells
Place: TypeAlias = tuple[str, int, str, str]      # of a cell: file, line number, column name and the cell
StrPath: TypeAlias = str | os.PathLike[str]


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
        features, classes, rows = tuple(self.features), tuple(self.classes), tuple(self.rows)
        if rows:
            pairs, width = _pairs(rows), len(classes) or None
            indexed = classes and not isinstance(pairs[0][1], tuple | list)
            rows = tuple(check_rows(pairs, len(features) or None, width, width if indexed else None))
            features = features or _numbered(len(rows[0][0]))
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
        parts = [_count(len(self), "row"), _count(len(self.features), "feature")]
        if self.classes:
            parts.append(_count(len(self.classes), "class", "classes"))
        elif self.rows and isinstance(t := self.rows[0][1], tuple):
            parts.append(_count(len(t), "target"))
        return f"Dataset({self.name!r}, {', '.join(parts)})"

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


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _numbered(n: int) -> tuple[str, ...]:
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
    for i, (x, t) in enumerate(_pairs(rows)):
        inputs = _numbers(x, nin, f"row {i}: x")
        if classes is not None:
            checked.append((inputs, _index(t, classes, f"row {i}: t")))
        else:
            targets = _numbers(t, nout, f"row {i}: t", "; a class index needs cross_entropy and the classes' names")
            checked.append((inputs, targets))
            nout = len(targets)
        nin = len(inputs)
    return checked


def _pairs(rows: Iterable[Any]) -> list[tuple[Any, Any]]:
    if not isinstance(rows, Iterable):
        raise TypeError(f"rows are {short(rows)}, not a sequence of pairs (x, t)")
    pairs: list[tuple[Any, Any]] = []
    for i, row in enumerate(rows):
        pair = _plain(row)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"row {i} is {short(pair)}, not a pair (x, t); for arrays X and T write list(zip(X, T))")
        pairs.append((_plain(pair[0]), _plain(pair[1])))
    if not pairs:
        raise ValueError("there are no rows; at least one pair (x, t) is needed")
    return pairs


def _plain(value: Any) -> Any:
    """A NumPy array or scalar as lists and Python numbers (NumPy need not be imported), anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def _numbers(values: Any, width: int | None, where: str, hint: str = "") -> tuple[float, ...]:
    if isinstance(values, Real):
        raise TypeError(f"{where} is {values!r}, not a sequence of numbers; write ({values!r},){hint}")
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise TypeError(f"{where} is {short(values)}, not a sequence of numbers")
    if not values or width not in (None, len(values)):
        expected = "at least 1" if width is None else width
        raise ValueError(f"{where} has {_count(len(values), 'number')}, expected {expected}: {short(values)}")
    return tuple([v if type(v) is float and math.isfinite(v) else _number(v, f"{where}[{i}]")
                  for i, v in enumerate(values)])


def _number(value: Any, where: str) -> float:
    plain = _plain(value)
    if not isinstance(plain, Real):
        raise TypeError(f"{where} is {short(plain)} of type {type(plain).__name__}; write a number")
    try:
        number = float(plain)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{where} is {short(plain)}; write a finite number")
    return number


def _index(value: Any, classes: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
        advice = int(value) if whole else f"an int from 0 to {classes - 1}"
        raise TypeError(f"{where} is {short(value)}, not a class index; write {advice}")
    if not 0 <= value < classes:
        raise ValueError(f"{where} is {value}, outside the class indices 0..{classes - 1}")
    return value


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
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n is {n!r}; write an int of 2 or more")
    if _number(noise, "noise") < 0:
        raise ValueError(f"noise is {noise!r}, but a standard deviation is 0 or more")
    rng = _generator(seed)
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


def _generator(seed: int) -> random.Random:
    if not isinstance(seed, int) or seed < 0:    # Random(None) cannot be repeated, and Random(-1) equals Random(1)
        raise ValueError(f"seed is {seed!r}; write an int of 0 or more")
    return random.Random(seed)


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


# CSV files

FEW = 20    # integer targets with at most so many different values, each twice on average, are taken for classes


def read_csv(path: StrPath, *, target: str | int | None, classification: bool | None = None) -> Dataset:
    """A CSV file as a Dataset; every column but the target is a feature.

    `target` is a column's name or index (from 0, or negative from the end). The first line names the columns; if all
    its cells are numbers it is data, and the columns are x1, x2, ... Blank lines are left out. Targets that are text,
    or integers with few values (at most 20, each twice on average), become class indices, with the classes in
    alphabetical or numerical order; other numbers become (t,). `classification` decides instead if it is not None.

    ValueError with file, line, column and value: no such file, not UTF-8, empty, only a header, bad names, unknown
    target, a line of another length, text or nothing where a number belongs, NaN, infinity, a single class.
    """
    file = os.fspath(path)
    names, lines = _header(file, _lines(file))
    column = _column(file, names, target)
    for line, cells in lines:
        if len(cells) != len(names):
            found = f"{_count(len(cells), 'cell')}, expected {len(names)}"
            raise ValueError(f"{file}, line {line} has {found}: {short(cells)}")
    targets, classes = _targets([(file, line, names[column], cells[column]) for line, cells in lines], classification)
    others = [j for j in range(len(names)) if j != column]
    xs = [tuple([_cell(file, line, names[j], cells[j]) for j in others]) for line, cells in lines]
    rows = list(zip(xs, targets, strict=True))
    return Dataset(Path(file).stem, rows, tuple([names[j] for j in others]), classes)


def _lines(file: str) -> Lines:
    """The stripped cells of every line that has any text."""
    try:
        text = Path(file).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line, byte = error.object.count(b"\n", 0, error.start) + 1, error.object[error.start]
        raise ValueError(f"{file}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    lines: Lines = []
    start = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                lines.append((start, stripped))
            start = reader.line_num + 1    # not simply the next number: a quoted cell may span several lines
    except csv.Error as error:
        raise ValueError(f"{file}, line {start}: wrongly quoted cell ({error})") from error
    return lines


def _header(file: str, lines: Lines) -> tuple[Sequence[str], Lines]:
    """The names of the columns and the lines of data."""
    if not lines:
        raise ValueError(f"{file} is empty; write a line of column names, then one line per row")
    line, first = lines[0]
    numbers = [_parse(cell) for cell in first]
    if None not in numbers and numbers != list(range(len(first))):    # 0, 1, 2, ... may be names: refused below
        return _numbered(len(first)), lines
    for j, (name, number) in enumerate(zip(first, numbers, strict=True)):
        where = f"{file}, line {line}, column {j}"
        if not name:
            raise ValueError(f"{where} has no name in the header; write one, or drop a column of row numbers")
        if number is not None:    # else a file without header would lose its first row silently
            raise ValueError(f"{where}: {name} is a number, not a name; write a header line, or rename the column")
        if name in first[:j]:
            raise ValueError(f"{where}: the header has {name!r} twice; rename one")
    if len(lines) == 1:
        raise ValueError(f"{file} has only a header, {', '.join(first)}; write one line per row below it")
    return first, lines[1:]


def _column(file: str, names: Sequence[str], target: str | int | None) -> int:
    if len(names) == 1:
        raise ValueError(f"{file} has one column, {names[0]!r}; it needs features and a target, separated by commas")
    if isinstance(target, str) and target in names:
        return names.index(target)
    if isinstance(target, int) and -len(names) <= target < len(names):
        return target % len(names)
    raise ValueError(f"target is {target!r}, which is no column of {file}; write one of the names {', '.join(names)} "
                     f"or an index from {-len(names)} to {len(names) - 1}")


def _parse(cell: str) -> int | float | None:
    """The number in a cell, an int if it is written as one; None for text."""
    try:
        number = float(cell.replace("_", "?"))    # Python reads 1_000 as a number, other programs do not
    except ValueError:
        return None
    return int(cell) if cell.lstrip("+-").isdigit() and math.isfinite(number) else number


def _cell(file: str, line: int, name: str, cell: str) -> float:
    number = _parse(cell)
    if number is None or not math.isfinite(number):
        kind = "number" if number is None else "finite number"
        wrong = f"{cell!r} is not a {kind}" if cell else "the cell is empty"
        raise ValueError(f"{file}, line {line}, column {name!r}: {wrong}; correct it, or leave the line or column out")
    return float(number)


def _targets(places: list[Place], classification: bool | None) -> tuple[Sequence[Target], tuple[str, ...]]:
    """The targets, and the names of their classes unless they are numbers to be predicted."""
    numbers = [_parse(cell) for *_, cell in places]
    for place, number in zip(places, numbers, strict=True):
        if number is not None or not place[-1]:
            _cell(*place)    # NaN, infinity and nothing are no classes either
    if classification is None:
        classification = _are_classes(places, numbers)
    if not classification:
        return [(_cell(*place),) for place in places], ()
    labels: list[Any] = [cell for *_, cell in places] if None in numbers else numbers
    values = sorted(set(labels))
    if len(values) == 1:
        file, _, name, _ = places[0]
        raise ValueError(f"{file}, column {name!r}: every target is {values[0]!r}; two classes or more are needed")
    index = {value: k for k, value in enumerate(values)}
    return [index[label] for label in labels], tuple([str(value).removesuffix(".0") for value in values])


def _are_classes(places: list[Place], numbers: list[int | float | None]) -> bool:
    texts = [place for place, number in zip(places, numbers, strict=True) if number is None]
    if 0 < len(texts) < len(places):
        file, line, name, cell = texts[0]
        raise ValueError(f"{file}, line {line}, column {name!r}: {cell!r} is not a number, but other targets are; "
                         "correct it, or write classification=True if all are names of classes")
    few = len(set(numbers)) <= min(FEW, len(numbers) // 2)
    return bool(texts) or (few and all(isinstance(number, int) for number in numbers))


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
    if not 0 < _number(held_out, "held_out") < 1:
        raise ValueError(f"held_out is {held_out!r}; write a part between 0 and 1, such as 0.2")
    order = list(range(len(dataset)))
    _generator(seed).shuffle(order)
    groups: dict[Any, list[int]] = {}
    for i in order:
        groups.setdefault(dataset.rows[i][1] if stratify and dataset.classes else None, []).append(i)
    held = {i for group in groups.values() for i in group[:math.floor(held_out * len(group) + 0.5)]}
    train = [dataset.rows[i] for i in order if i not in held]
    test = [dataset.rows[i] for i in order if i in held]
    if not train or not test:
        raise ValueError(f"held_out={held_out} of {dataset!r} leaves {_count(len(train), 'row')} for training and "
                         f"{_count(len(test), 'row')} held out; each needs at least one")
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
    in `train`, and a warning names it. ValueError for no rows, other features, or Datasets standardised before.

    >>> train, test = standardise(Dataset("a", [((1,), (0,)), ((5,), (1,))]), Dataset("b", [((4,), (1,))]))
    >>> train.mean, train.scale, [x for x, t in train], test[0]
    ((3.0,), (2.0,), [(-1.0,), (1.0,)], ((0.5,), (1.0,)))
    """
    for data in (train, *others):
        if not isinstance(data, Dataset):
            raise TypeError(f"standardise takes Datasets, got {short(data)}; write standardise(*split(data))")
        if data.features != train.features:
            raise ValueError(f"{data!r} has the features {short(data.features)}, training has {short(train.features)}")
        if data.scale:
            raise ValueError(f"{data!r} is standardised already; standardise the data as they were read")
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
