"""Data sets, row checks, splits and standardising: exact numbers, and every error's text."""

import math
import os
import pickle
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from statistics import fmean, pstdev

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nn import MLP, data, fit
from nn.data import Dataset, check_rows, load, moons, split, standardise
from nn.dataset import same_columns


pytestmark = pytest.mark.usefixtures("global_random_untouched")
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def fruit():
    rows = [((150, 7), 0), ((120, 9), 1), ((130, 8), 0)]
    return Dataset("fruit", rows, features=("weight", "size"), classes=("apple", "pear"))


def labelled(*counts):
    """A Dataset with so many rows of class 0, 1, ..., every x different."""
    targets = [k for k, count in enumerate(counts) for _ in range(count)]
    return Dataset("labelled", [((float(i),), k) for i, k in enumerate(targets)], classes=("a", "b", "c")[:len(counts)])


# Dataset

def test_dataset_is_a_sequence_of_converted_rows():
    rows = fruit()
    assert len(rows) == 3
    assert rows[1] == ((120.0, 9.0), 1)
    assert rows[-1] == list(rows)[2] == ((130.0, 8.0), 0)
    assert type(rows[0][0][0]) is float
    assert [t for _, t in reversed(rows)] == [0, 1, 0]
    assert rows.index(((120.0, 9.0), 1)) == 1
    with pytest.raises(IndexError):
        rows[3]


def test_slice_is_a_dataset_with_the_same_names():
    part = fruit()[1:]
    assert isinstance(part, Dataset)
    assert part == Dataset("fruit", fruit().rows[1:], ("weight", "size"), ("apple", "pear"))
    assert len(fruit()[5:]) == 0


def test_repr_is_short_and_counts():
    assert repr(fruit()) == "Dataset('fruit', 3 rows, 2 features, 2 classes)"
    assert repr(fruit()[:1]) == "Dataset('fruit', 1 row, 2 features, 2 classes)"
    assert repr(data.OR()) == "Dataset('OR', 4 rows, 2 features, 1 target)"
    assert repr(Dataset("two", [((1,), (2, 3))])) == "Dataset('two', 1 row, 1 feature, 2 targets)"
    assert repr(Dataset("none", [])) == "Dataset('none', 0 rows, 0 features)"


def test_dataset_is_frozen_and_pickles():
    with pytest.raises(AttributeError):
        fruit().rows = ()
    assert pickle.loads(pickle.dumps(fruit())) == fruit()


def test_features_are_numbered_if_left_out():
    assert Dataset("a", [((1, 2, 3), (0,))]).features == ("x1", "x2", "x3")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"rows": [((1, 2), (3,))], "features": ("a",)}, r"row 0: x has 2 numbers, expected 1: \(1, 2\)"),
    ({"rows": [((1,), 0), ((2,), 2)], "classes": ("a", "b")}, r"row 1: t is 2, outside the class indices 0\.\.1"),
    ({"rows": [((1,), (0, 1)), ((2,), (1, 1))], "classes": ("a", "b")}, r"row 1: t is \(1\.0, 1\.0\), not a single 1"),
    ({"rows": [((1,), (.5, .5))], "classes": ("a", "b")}, r"row 0: t is \(0\.5, 0\.5\), not a single 1 among zeros"),
    ({"rows": [((1,), (0, 1, 0))], "classes": ("a", "b")}, "row 0: t has 3 numbers, expected 2"),
])
def test_dataset_refuses_rows_that_contradict_its_names(arguments, message):
    with pytest.raises(ValueError, match=message):
        Dataset("wrong", **arguments)


def test_dataset_refuses_indices_without_names():
    with pytest.raises(TypeError, match=r"row 0: t is 1, .* write \(1,\); a class index needs cross_entropy and the"):
        Dataset("wrong", [((1,), 1)])


def test_one_hot():
    coded = Dataset("a", [((1,), 2), ((2,), 0)], classes=("r", "g", "b")).one_hot()
    assert [t for _, t in coded] == [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0)]
    assert coded.classes == ("r", "g", "b")
    assert [x for x, _ in coded] == [(1.0,), (2.0,)]
    for raw in coded, data.XOR():
        with pytest.raises(ValueError, match=r"has targets such as \(0\.0.*\); one_hot\(\) codes class indices"):
            raw.one_hot()


# check_rows

@pytest.mark.parametrize("rows", [
    [([1, 2], [3]), ((4.0, 5), (6,))],
    [[(1, 2), (3,)], [(4, 5), (6,)]],
    (pair for pair in [((1, 2), (3,)), ((4, 5), (6,))]),
    list(zip(np.array([[1, 2], [4, 5]]), np.array([[3], [6]], dtype=np.float32), strict=True)),
    [((np.int64(1), np.float32(2)), (np.array(3),)), (np.array([4., 5.]), (Fraction(12, 2),))],
    [((True, 2), (3,)), ((4, np.float64(5)), (6,))],
    Dataset("a", [((1, 2), (3,)), ((4, 5), (6,))]),
])
def test_accepted_rows_become_float_tuples(rows):
    checked = check_rows(rows, nin=2, nout=1)
    assert checked == [((1.0, 2.0), (3.0,)), ((4.0, 5.0), (6.0,))]
    assert {type(v) for x, t in checked for v in x + t} == {float}
    assert {type(v) for row in checked for v in (row, *row)} == {tuple}


def test_accepted_class_indices_become_ints():
    checked = check_rows([((.5,), np.int8(2)), ((.5,), np.array(0)), ((.5,), 1)], nin=1, classes=3)
    assert [t for _, t in checked] == [2, 0, 1]
    assert {type(t) for _, t in checked} == {int}


@given(st.lists(st.tuples(st.tuples(FINITE, FINITE), st.tuples(FINITE)), min_size=1))
def test_checking_keeps_every_bit(rows):
    for given_rows in rows, [(np.array(x), np.array(t)) for x, t in rows]:
        assert repr(check_rows(given_rows, 2, 1)) == repr(rows)


def test_widths_left_open_are_those_of_the_first_row():
    assert check_rows([((1,), (2, 3)), ((4,), (5, 6))], None) == [((1.0,), (2.0, 3.0)), ((4.0,), (5.0, 6.0))]
    with pytest.raises(ValueError, match=r"row 1: x has 2 numbers, expected 1: \(4, 4\)"):
        check_rows([((1,), (2, 3)), ((4, 4), (5, 6))], None)
    with pytest.raises(ValueError, match=r"row 1: t has 1 number, expected 2: \(5,\)"):
        check_rows([((1,), (2, 3)), ((4,), (5,))], None)
    with pytest.raises(ValueError, match=r"row 0: x has 0 numbers, expected at least 1: \(\)"):
        check_rows([((), (2,))], None)


GOOD = ((1.0, 2.0), (0.5,))


@pytest.mark.parametrize(("row", "error", "message"), [
    (5.0, TypeError, r"row 1 is 5\.0, not a pair \(x, t\)"),
    ("ab", TypeError, r"row 1 is 'ab', not a pair"),
    (((1, 2),), TypeError, r"row 1 is \(\(1, 2\),\), not a pair"),
    ((1, 2, 3), TypeError, r"row 1 is \(1, 2, 3\), not a pair"),
    ({"x": 1, "t": 2}, TypeError, r"row 1 is {.*}, not a pair"),
    (np.eye(3), TypeError, r"row 1 is \[\[1\.0.*, not a pair \(x, t\); for arrays X and T write zip\(X, T, strict=True\)"),
    ((0.5, (1,)), TypeError, r"row 1: x is 0\.5, not a sequence of numbers; write \(0\.5,\)$"),
    (((1, 2), 0.5), TypeError, r"row 1: t is 0\.5, not a sequence of numbers; write \(0\.5,\); a class index needs"),
    (((1, 2), np.float64(0.5)), TypeError, r"row 1: t is 0\.5, not a sequence of numbers; write \(0\.5,\)"),
    (("12", (1,)), TypeError, "row 1: x is '12', not a sequence of numbers$"),
    (((1, 2), None), TypeError, "row 1: t is None, not a sequence of numbers$"),
    (({1, 2}, (1,)), TypeError, r"row 1: x is {1, 2}, not a sequence"),
    (((1,), (1,)), ValueError, r"row 1: x has 1 number, expected 2: \(1,\)"),
    (((1, 2, 3), (1,)), ValueError, r"row 1: x has 3 numbers, expected 2: \(1, 2, 3\)"),
    (((1, 2), ()), ValueError, r"row 1: t has 0 numbers, expected 1: \(\)"),
    (((1, 2), (1, 0)), ValueError, r"row 1: t has 2 numbers, expected 1: \(1, 0\)"),
    (((1, "2"), (1,)), TypeError, r"row 1: x\[1\] is '2' of type str; write a number"),
    (((None, 2), (1,)), TypeError, r"row 1: x\[0\] is None of type NoneType; write a number"),
    (((1, 2), (1j,)), TypeError, r"row 1: t\[0\] is 1j of type complex; write a number"),
    ((np.array([1, 2j]), (1,)), TypeError, r"row 1: x\[0\] is \(1\+0j\) of type complex"),
    ((np.array(["1", "2"]), (1,)), TypeError, r"row 1: x\[0\] is '1' of type str"),
    ((np.ones((2, 1)), (1,)), TypeError, r"row 1: x\[0\] is \[1\.0\] of type list"),
    (((1, math.nan), (1,)), ValueError, r"row 1: x\[1\] is nan; write a finite number"),
    (((1, 2), (-math.inf,)), ValueError, r"row 1: t\[0\] is -inf; write a finite number"),
    ((np.array([np.inf, 2]), (1,)), ValueError, r"row 1: x\[0\] is inf; write a finite number"),
    (((1, 10**400), (1,)), ValueError, r"row 1: x\[1\] is 1000.*000; write a finite number"),
])
def test_refused_rows(row, error, message):
    with pytest.raises(error, match=message):
        check_rows([GOOD, row], nin=2, nout=1)


@pytest.mark.parametrize(("t", "error", "message"), [
    (2.0, TypeError, r"row 1: t is 2\.0, not a class index; write 2$"),
    (np.float64(1), TypeError, r"row 1: t is 1\.0, not a class index; write 1$"),
    (True, TypeError, "row 1: t is True, not a class index; write 1$"),
    (np.False_, TypeError, "row 1: t is False, not a class index; write 0$"),
    (1.5, TypeError, r"row 1: t is 1\.5, not a class index; write an int from 0 to 2$"),
    (math.nan, TypeError, "row 1: t is nan, not a class index; write an int from 0 to 2$"),
    (math.inf, TypeError, "row 1: t is inf, not a class index; write an int from 0 to 2$"),
    ("setosa", TypeError, "row 1: t is 'setosa', not a class index; write an int from 0 to 2$"),
    (None, TypeError, "row 1: t is None, not a class index"),
    ((0.0, 1.0, 0.0), TypeError, r"row 1: t is \(0\.0, 1\.0, 0\.0\), not a class index"),
    (3, ValueError, r"row 1: t is 3, outside the class indices 0\.\.2$"),
    (-1, ValueError, r"row 1: t is -1, outside the class indices 0\.\.2$"),
])
def test_refused_class_indices(t, error, message):
    with pytest.raises(error, match=message):
        check_rows([((1.0,), 0), ((1.0,), t)], nin=1, classes=3)


@pytest.mark.parametrize("rows", [[], (), np.empty((0, 2)), Dataset("none", [])])
def test_no_rows_are_refused(rows):
    with pytest.raises(ValueError, match=r"there are no rows; at least one pair \(x, t\) is needed"):
        check_rows(rows, nin=2)


def test_rows_must_be_iterable():
    with pytest.raises(TypeError, match=r"rows are 3\.5, not a sequence of pairs"):
        check_rows(3.5, nin=2)


# Sets made here

def test_truth_tables():
    inputs = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    for table, name, outputs in (data.AND, "AND", (0., 0., 0., 1.)), (data.OR, "OR", (0., 1., 1., 1.)), \
                                (data.XOR, "XOR", (0., 1., 1., 0.)):
        made = table()
        assert (made.name, made.features, made.classes) == (name, ("x1", "x2"), ())
        assert list(made) == [(x, (t,)) for x, t in zip(inputs, outputs, strict=True)]


@pytest.mark.parametrize("n", [2, 3, 7, 200])
def test_moons_without_noise_are_two_half_circles(n):
    made = moons(n, noise=0.0)
    assert [t for _, t in made] == [i % 2 for i in range(n)]
    upper, lower = ([x for x, t in made if t == k] for k in (0, 1))
    assert (len(upper), len(lower)) == ((n + 1) // 2, n // 2)
    if n % 2 == 0:    # the lower moon is the upper one turned about (1/2, 1/4)
        assert [(1 - a, 0.5 - b) for a, b in upper] == lower
    for centre, sign, moon in ((0.0, 0.0), 1, upper), ((1.0, 0.5), -1, lower):
        assert all(math.dist(x, centre) == pytest.approx(1, abs=1e-15) for x in moon)
        assert all(sign * (x[1] - centre[1]) >= 0 for x in moon)
        angles = [math.atan2(sign * (x[1] - centre[1]), sign * (x[0] - centre[0])) for x in moon]
        steps = np.diff(angles)
        assert angles[0] == pytest.approx(0, abs=1e-12)
        assert len(moon) == 1 or angles[-1] == pytest.approx(math.pi)
        assert len(moon) == 1 or steps == pytest.approx(math.pi / (len(moon) - 1))


def test_moons_noise_has_the_stated_spread():
    clean, noisy = moons(2000, noise=0, seed=3), moons(2000, noise=0.3, seed=3)
    shifts = [b - a for (x, _), (y, _) in zip(clean, noisy, strict=True) for a, b in zip(x, y, strict=True)]
    assert pstdev(shifts) == pytest.approx(0.3, rel=0.05)
    assert fmean(shifts) == pytest.approx(0, abs=0.02)


def test_moons_depend_on_the_seed_alone():
    assert moons(20, seed=5) == moons(20, seed=5)
    assert moons(20, seed=5) != moons(20, seed=6)
    assert (len(moons()), moons().classes) == (200, ("upper", "lower"))


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"n": 1}, ValueError, "n must be a whole number >= 2, not 1"),
    ({"n": 20.0}, ValueError, r"n must be a whole number >= 2, not 20\.0"),
    ({"noise": -0.1}, ValueError, r"noise is -0\.1, but a standard deviation is 0 or more"),
    ({"noise": math.nan}, ValueError, "noise is nan; write a finite number"),
    ({"noise": "much"}, TypeError, "noise is 'much' of type str; write a number"),
    ({"seed": None}, ValueError, "seed must be a whole number >= 0, not None"),
    ({"seed": -1}, ValueError, "seed must be a whole number >= 0, not -1"),
])
def test_moons_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        moons(**arguments)


# Sets bundled with scikit-learn

@pytest.mark.parametrize(("name", "rows", "features", "counts"), [
    ("iris", 150, 4, [50, 50, 50]),
    ("digits", 1797, 64, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
    ("wine", 178, 13, [59, 71, 48]),
    ("breast_cancer", 569, 30, [212, 357]),
])
def test_bundled_sets(name, rows, features, counts):
    made = load(name)
    classes = Counter(t for _, t in made)
    assert (made.name, len(made), len(made.features), len(made.classes)) == (name, rows, features, len(counts))
    assert [classes[k] for k in range(len(counts))] == counts
    assert {type(t) for _, t in made} == {int}
    assert {type(v) for x, _ in made for v in x} == {float}
    assert {type(text) for text in made.features + made.classes} == {str}


def test_bundled_values():
    assert data.iris()[0] == ((5.1, 3.5, 1.4, 0.2), 0)
    assert data.iris()[149] == ((5.9, 3.0, 5.1, 1.8), 2)
    assert data.iris().classes == ("setosa", "versicolor", "virginica")
    assert data.breast_cancer().classes == ("malignant", "benign")
    assert data.wine()[0][0][12] == 1065.0
    digit = data.digits()[0]
    assert digit[1] == 0
    assert digit[0][:8] == (0.0, 0.0, 5 / 16, 13 / 16, 9 / 16, 1 / 16, 0.0, 0.0)
    assert {v * 16 for x, _ in data.digits() for v in x} == set(range(17))


@pytest.mark.parametrize("name", ["iris", "digits", "wine", "breast_cancer"])
def test_missing_scikit_learn_names_the_extra(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=rf'^{name} comes with scikit-learn; .* pip install "nodegrad\[data\]"$'):
        load(name)
    assert len(load("xor")) == 4


def test_importing_the_module_imports_neither_numpy_nor_scikit_learn():
    code = ("import sys, nn.data as d; d.check_rows(d.moons(10), 2, classes=2); "
            "print(sorted({'numpy', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_load_by_name_in_any_case():
    assert load("XOR") == load("xor") == data.XOR()
    assert load("Iris") == data.iris()
    assert [load(name).name.lower() for name in data.SETS] == list(data.SETS)


@pytest.mark.parametrize(("name", "guess"), [
    ("irsi", r" \(did you mean 'iris'\?\)"), ("Digit", r" \(did you mean 'digits'\?\)"),
    ("breast cancer", r" \(did you mean 'breast_cancer'\?\)"), ("zzzz", ""), ("", ""),
])
def test_unknown_names_are_refused_with_the_closest(name, guess):
    names = "and, or, xor, moons, iris, digits, wine, breast_cancer"
    with pytest.raises(ValueError, match=rf"no data set '{name}'{guess}; write one of {names}, or a \.csv path"):
        load(name)


def test_load_refuses_a_target_for_a_named_set():
    with pytest.raises(ValueError, match="target='species' is for CSV files; the data set iris has its own targets"):
        load("iris", target="species")


# split

def count(part):
    classes = Counter(t for _, t in part)
    return [classes[k] for k in range(len(part.classes))]


def test_stratified_split_of_iris_and_digits():
    train, test = split(data.iris())
    assert (count(train), count(test)) == ([40, 40, 40], [10, 10, 10])
    train, test = split(data.iris(), held_out=0.25, seed=3)
    assert (count(train), count(test)) == ([37, 37, 37], [13, 13, 13])
    train, test = split(data.digits())
    assert count(test) == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]
    assert count(train) == [142, 146, 142, 146, 145, 146, 145, 143, 139, 144]
    assert (train.name, train.features, train.classes) == ("digits", data.digits().features, data.digits().classes)


def test_one_hot_targets_are_stratified_too():
    train, test = split(data.iris().one_hot(), seed=4)
    assert Counter(t for _, t in test) == {(1.0, 0.0, 0.0): 10, (0.0, 1.0, 0.0): 10, (0.0, 0.0, 1.0): 10}
    assert (train, test) == tuple(part.one_hot() for part in split(data.iris(), seed=4))


def test_split_without_strata_is_a_plain_shuffle():
    train, test = split(data.iris(), held_out=0.3, stratify=False, seed=1)
    assert (len(train), len(test)) == (105, 45)
    assert count(test) != [15, 15, 15]
    train, test = split(Dataset("raw", [((i,), (i % 2,)) for i in range(10)]), held_out=0.3)
    assert (len(train), len(test)) == (7, 3)


@given(st.lists(st.integers(2, 30), min_size=2, max_size=3), st.floats(0.3, 0.7), st.integers(0, 9))
def test_every_row_is_in_exactly_one_part(counts, held_out, seed):
    whole = labelled(*counts)
    train, test = split(whole, held_out, seed)
    assert sorted(train.rows + test.rows) == sorted(whole.rows)
    assert all(abs(held - held_out * n) <= 0.5 for held, n in zip(count(test), counts, strict=True))
    raw = Dataset("raw", [(x, (float(t),)) for x, t in whole])
    train, test = split(raw, held_out, seed)
    assert sorted(train.rows + test.rows) == sorted(raw.rows)
    assert abs(len(test) - held_out * len(raw)) <= 0.5


def test_a_shuffle_without_strata_may_not_lose_a_class_silently():
    outcomes = Counter()
    for seed in range(40):    # class b has 2 rows among 10, and half of the rows are held out
        try:
            train, _ = split(labelled(8, 2), held_out=0.5, seed=seed, stratify=False)
            outcomes["split"] += 1
            assert min(count(train)) > 0
        except ValueError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 2
    assert outcomes["split"] > 20


def test_split_depends_on_the_seed_alone():
    assert split(data.iris(), seed=7) == split(data.iris(), seed=7)
    assert split(data.iris(), seed=7) != split(data.iris(), seed=8)
    train, _ = split(data.iris(), seed=7)
    order = [t for _, t in train]
    assert order != sorted(order), "rows grouped by class would make per-sample steps one-sided"


def test_split_is_the_same_in_every_process():
    code = "from nn.data import *; print(hash(tuple(x for x, _ in split(moons(50), seed=2)[1])))"
    runs = [subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
                           capture_output=True, text=True, check=True) for seed in ("1", "2")]
    assert {int(run.stdout) for run in runs} == {hash(tuple(x for x, _ in split(moons(50), seed=2)[1]))}


@pytest.mark.parametrize(("whole", "arguments", "error", "message"), [
    (fruit(), {"held_out": 0}, ValueError, r"held_out is 0; write a part between 0 and 1, such as 0\.2"),
    (fruit(), {"held_out": 1.0}, ValueError, r"held_out is 1\.0; write a part between 0 and 1"),
    (fruit(), {"held_out": -0.2}, ValueError, r"held_out is -0\.2; write a part"),
    (fruit(), {"held_out": 30}, ValueError, "held_out is 30; write a part"),
    (fruit(), {"held_out": math.nan}, ValueError, "held_out is nan; write a finite number"),
    (fruit(), {"held_out": "0.2"}, TypeError, r"held_out is '0\.2' of type str; write a number"),
    (fruit(), {"seed": 1.5}, ValueError, r"seed must be a whole number >= 0, not 1\.5"),
    (fruit(), {"held_out": 0.1}, ValueError,
     r"held_out=0\.1 of Dataset\('fruit', .*\) leaves 3 rows for training and 0 rows held out; each needs"),
    (data.OR(), {"held_out": 0.9}, ValueError, r"leaves 0 rows for training and 4 rows held out"),
    (Dataset("none", []), {}, ValueError, "leaves 0 rows for training and 0 rows held out"),
    (labelled(9, 1), {"held_out": 0.5}, ValueError,
     r"training would have no row of class 'b' with held_out=0\.5; hold out less"),
    (labelled(9, 1).one_hot(), {"held_out": 0.6}, ValueError,
     r"training would have no row of class 'b' with held_out=0\.6"),
    ([((1,), 0)] * 9, {}, TypeError, r"split takes a Dataset, got \[.*\]; write Dataset\('mine', rows\)"),
])
def test_split_refuses(whole, arguments, error, message):
    with pytest.raises(error, match=message):
        split(whole, **arguments)


# standardise

def test_standardise_exactly():
    train = Dataset("a", [((1, 10), (0,)), ((3, 30), (1,)), ((5, 20), (1,)), ((7, 20), (0,))])
    test = Dataset("b", [((9, 0), (1,))])
    first, second = standardise(train, test)
    assert first.mean == second.mean == (4.0, 20.0)
    assert first.scale == second.scale == (math.sqrt(5), math.sqrt(50))
    assert first[0] == ((-3 / math.sqrt(5), -10 / math.sqrt(50)), (0.0,))
    assert second[0] == ((5 / math.sqrt(5), -20 / math.sqrt(50)), (1.0,))
    assert (first.name, second.name) == ("a", "b")
    assert train.mean == train.scale == (), "the Datasets given are left as they are"


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_standardised_training_part_has_mean_0_and_deviation_1(name):
    train, test = split(load(name), seed=1)
    first, second = standardise(train, test)
    for column in zip(*[x for x, _ in first], strict=True):
        assert fmean(column) == pytest.approx(0, abs=1e-13)
        assert pstdev(column) == pytest.approx(1, rel=1e-12)
    matrix = np.array([x for x, _ in train])
    assert np.array([x for x, _ in second]) == pytest.approx(
        (np.array([x for x, _ in test]) - matrix.mean(axis=0)) / matrix.std(axis=0), rel=1e-9)
    assert [t for _, t in second] == [t for _, t in test]
    assert first[:3].mean == first.mean


def test_mean_and_scale_give_the_inputs_back():
    whole = data.iris()
    [made] = standardise(whole)
    for (x, _), (z, _) in zip(whole, made, strict=True):
        assert [m + s * v for v, m, s in zip(z, made.mean, made.scale, strict=True)] == pytest.approx(x, rel=1e-14)


def test_means_run_from_the_first_row_to_the_last():
    column = [1e16, 1.0, -1e16, 1.0]    # left to right 1.0, exactly 2.0
    [made] = standardise(Dataset("a", [((v,), (0,)) for v in column]))
    assert made.mean == (0.25,)


@pytest.mark.parametrize("value", [0.1, 1e300, -7.0])
def test_a_constant_column_becomes_0_and_is_named(value):
    train = Dataset("a", [((value, float(i)), (0,)) for i in range(10)], features=("still", "moving"))
    with pytest.warns(UserWarning, match="^constant in the training rows, left at 0: still$") as caught:
        first, second = standardise(train, Dataset("b", [((value, 9.0), (0,))], features=("still", "moving")))
    assert caught[0].filename == __file__
    assert {x[0] for x, _ in first} == {0.0}
    assert second[0][0][0] == 0.0
    assert (first.mean[0], first.scale[0]) == (value, 1.0)
    assert len({x[1] for x, _ in first}) == 10


def test_constant_pixels_of_the_digits_are_named():
    with pytest.warns(UserWarning, match="left at 0: pixel_0_0, pixel_4_0, pixel_4_7$"):
        standardise(data.digits())


@given(st.lists(st.tuples(st.floats(-1e6, 1e6)), min_size=2, max_size=20, unique=True))
def test_standardised_columns_keep_their_order(xs):
    if pstdev([x for (x,) in xs]) < 1e-100:
        return
    [made] = standardise(Dataset("a", [(x, (1.0,)) for x in xs]))
    zs = [x for x, _ in made]
    assert all((a <= b) == (c <= d) or c == d for a, c in zip(xs, zs, strict=True) for b, d in zip(xs, zs, strict=True))


def test_a_class_that_training_misses_is_named():
    rows = [((float(i), 1.0 - i), i % 3) for i in range(6)]
    train = Dataset("a", [row for row in rows if row[1] != 1], classes=("no", "perhaps", "yes"))
    other = Dataset("b", rows, classes=("no", "perhaps", "yes"))
    for one, two in ((train, other), (train.one_hot(), other.one_hot())):
        with pytest.warns(UserWarning, match="^no training row has the class perhaps, but rows beside them have$") as caught:
            first, second = standardise(one, two)
        assert caught[0].filename == __file__
        assert (len(first), len(second)) == (4, 6)
    standardise(other, train)    # the other way round nothing is missing


@pytest.mark.parametrize("changes", [{"features": ("x2", "x1")}, {"classes": ("yes", "no")}, {"mean": (1.0, 0.0), "scale": (1.0, 1.0)}])
def test_columns_that_mean_something_else_are_refused(changes):
    train = Dataset("a", [((1, 2), 0), ((2, 4), 1)], features=("x1", "x2"), classes=("no", "yes"))
    same_columns(train, train[:1])
    with pytest.raises(ValueError, match=rf"^Dataset\('a', 2 rows, .*\) has the {next(iter(changes))} \(.*\), training has \("):
        same_columns(train, replace(train, **changes))
    model = MLP(2, [2], output="softmax")
    with pytest.raises(ValueError, match="training has"):
        fit(model, train, validation=replace(train, **changes), loss="cross_entropy", lr=0.1, epochs=1)
    assert [p.data for p in model.parameters()] == [p.data for p in MLP(2, [2], output="softmax").parameters()]


@pytest.mark.parametrize(("parts", "error", "message"), [
    ((Dataset("none", []),), ValueError, r"Dataset\('none', 0 rows, 0 features\) has no rows to take means from"),
    ((data.XOR(), Dataset("b", [((1,), (0,))])), ValueError,
     r"Dataset\('b', .*\) has the features \('x1',\), training has \('x1', 'x2'\)"),
    ((data.XOR(), *standardise(data.XOR())), ValueError,
     "is standardised already; standardise the data as they were read"),
    ((split(data.iris()),), TypeError, r"standardise takes Datasets, got \(.*\); write standardise\(\*split\(data\)\)"),
    ((Dataset("a", [((1e200,), (0,)), ((-1e200,), (0,))]),), ValueError,
     r"x1: the squares of its spread, from -1e\+200 to 1e\+200"),
    ((Dataset("a", [((0,), (0,)), ((1e-200,), (0,))]),), ValueError,
     r"x1: the squares of its spread, from 0\.0 to 1e-200, leave"),
])
def test_standardise_refuses(parts, error, message):
    with pytest.raises(error, match=message), warnings.catch_warnings(action="error"):
        standardise(*parts)
