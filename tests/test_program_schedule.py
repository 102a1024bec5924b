"""Schedules: what becomes a loop and what does not, and that the numbers are right and lie where a loop finds them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

import pytest
from trainings import Training

from engine import Value, affine, compile, dot  # noqa: A004
from engine.program import build
from engine.program.schedule import Schedule
from engine.program.tasks import Sums


pytest.importorskip("llvmlite")


@pytest.fixture(autouse=True)
def loops_however_small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short programs are scheduled too, and no test runs what another has built."""
    monkeypatch.setattr(build, "narrow", lambda tape, plan: False)
    build.BUILT.clear()
    yield
    build.BUILT.clear()


def some(n: int, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [random.choice((-1, 1)) * random.uniform(0.5, 2.0) for _ in range(n)]


def leaves(n: int, letter: str) -> list[Value]:
    return [Value(0.5 + k / 8, f"{letter}{k}") for k in range(n)]


@pytest.mark.parametrize(("terms", "loops"), [(32, ["5 x dot"]), (33, ["dot"] * 5)])
def test_sums_without_a_pattern_are_a_loop_while_they_are_short(terms: int, loops: list[str]) -> None:
    x = leaves(40, "x")
    random = Random(0)
    chosen = [([random.randrange(40) for _ in range(terms)], [random.randrange(40) for _ in range(terms)]) for _ in range(5)]
    program = compile([dot([x[i] for i in p], [x[j] for j in q]) for p, q in chosen], x, backend="native")
    numbers = some(40)
    expected = [math.fsum(numbers[i] * numbers[j] for i, j in zip(p, q, strict=True)) for p, q in chosen]
    assert program(numbers) == pytest.approx(expected, rel=1e-13)
    assert (program.remark, program.inspect().loops) == ("", loops)


@pytest.mark.parametrize(("terms", "loops"), [(64, ["dot"]), (65, ["1 x dot of 65"])])
def test_a_sum_alone_is_a_loop_if_it_is_long(terms: int, loops: list[str]) -> None:
    w, x = leaves(terms, "w"), leaves(terms, "x")
    program = compile([dot(w, x)], [*w, *x], backend="native")
    W, X = some(terms), some(terms, 2)
    assert program([*W, *X]) == pytest.approx([math.fsum(p * q for p, q in zip(W, X, strict=True))], rel=1e-13)
    assert (program.remark, program.inspect().loops) == ("", loops)


@pytest.mark.parametrize(
    ("units", "samples", "loops"),
    [(8, 1, ["8 x net of 5"]), (8, 3, ["8 x net of 5"] * 3), (3, 4, ["4 x net of 5"] * 3), (3, 3, ["9 x net"])],
)
def test_a_batch_is_a_loop_for_each_sample_or_for_each_unit(units: int, samples: int, loops: list[str]) -> None:
    w, b = [leaves(5, f"w{j}_") for j in range(units)], leaves(units, "b")
    x = [leaves(5, f"x{s}_") for s in range(samples)]
    program = compile([y for row in x for y in affine(w, row, b)], [v for line in (*w, b, *x) for v in line], backend="native")
    W, B, X = some(5 * units), some(units, 2), some(5 * samples, 3)
    expected = [B[j] + math.fsum(W[5 * j + i] * X[5 * s + i] for i in range(5)) for s in range(samples) for j in range(units)]
    assert program([*W, *B, *X]) == pytest.approx(expected, rel=1e-13)
    assert (program.remark, program.inspect().loops) == ("", loops)


@pytest.mark.parametrize("biases", [1, 2, 3])
def test_a_few_biases_that_are_computed_before_reach_the_loop_of_their_sums(biases: int) -> None:
    w, x, p = [leaves(6, f"w{j}_") for j in range(8)], leaves(6, "x"), leaves(biases + 1, "p")
    b = [p[k] * p[k + 1] for k in range(biases)]  # too few for a loop of their own
    outputs = affine(w, x, [b[j * biases // 8] for j in range(8)])
    program = compile(outputs, [v for line in (*w, x, p) for v in line], backend="native")
    W, X, P = some(48), some(6, 2), some(biases + 1, 3)
    expected = [
        P[j * biases // 8] * P[j * biases // 8 + 1] + math.fsum(W[6 * j + i] * X[i] for i in range(6)) for j in range(8)
    ]
    assert program([*W, *X, *P]) == pytest.approx(expected, rel=1e-13)
    assert (program.remark, program.inspect().loops) == ("", ["mul"] * biases + ["8 x net of 6"])


@pytest.mark.parametrize("factors", [1, 2, 3])
def test_a_few_numbers_that_are_computed_before_reach_the_loop_that_reads_them_in_turn(factors: int) -> None:
    x, p = leaves(8, "x"), leaves(factors + 1, "p")
    c = [p[k] - p[k + 1] for k in range(factors)]
    program = compile([x[j] * c[j * factors // 8] for j in range(8)], [*x, *p], backend="native")
    X, P = some(8), some(factors + 1, 2)
    assert program([*X, *P]) == [X[j] * (P[j * factors // 8] - P[j * factors // 8 + 1]) for j in range(8)]
    assert (program.remark, program.inspect().loops) == ("", ["sub"] * factors + ["8 x mul"])


def test_weights_that_are_read_by_rows_and_by_columns_lie_both_ways() -> None:
    training = Training([9, 16, 8], "sse")
    steps = training.compiled("native")
    steps.run(training.order(), 1, training.update)
    schedule = Schedule(steps.steps[1].program._tape, steps.steps[1].rows._plan)
    sums = [task for task in schedule.early if isinstance(task, Sums)]
    assert [(len(task.members), task.terms) for task in sums] == [(16, 9), (8, 16), (16, 8)]  # net_h, net_o, dE/do_h
    for task in sums:
        assert {affine.outer for affine in task.vectors.values()} == {0, 1}  # one number for all members, or neighbours
