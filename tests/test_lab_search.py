"""Searches: every run as a lone run, on any executor; nothing lost, nothing twice; the table of results."""

import itertools
import json
import math
import os
import random
import signal
import threading
from collections import Counter
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import active_children, get_context

import pytest
import starts
from apart import apart
from searched import SHORT, bits, started

from nn import MLP, data, fit
from nn.lab import between, grid, random_search, restarts
from nn.lab.experiments.restarts import final_errors
from nn.lab.search import Results, Run
from nn.lab.search.journal import Journal
from nn.lab.search.workers import carry_out


processes = partial(ProcessPoolExecutor, 2, get_context("spawn"))


# ---- a run is a lone run, wherever it runs


def test_a_run_is_a_lone_run_bit_for_bit():
    train, held_out = data.split(data.moons(24, seed=1), 0.5)
    options = {"loss": "cross_entropy", "lr": 0.3, "epochs": 4, "momentum": 0.5}
    results = restarts(train, [7, 3], validation=held_out, hidden=[4, 3], activation="relu", output="softmax", **options)
    assert [run.seed for run in results] == [7, 3]
    for run in results:
        model = MLP(2, [4, 3, 2], activation="relu", output="softmax", seed=run.seed)
        history = fit(model, train, validation=held_out, seed=run.seed, **options)
        assert bits(run.weights) == bits([p.data for p in model.parameters()])
        assert (run.validation_loss, run.validation_accuracy) == (history.epochs[-1].validation_loss, history.accuracy[-1])
        assert run.loss == fit(model, train, loss="cross_entropy", lr=0.0, epochs=1, order="given").loss[0]
        rebuilt = results.model(run)
        assert bits([p.data for p in rebuilt.parameters()]) == bits(run.weights)
        assert repr(rebuilt) == repr(model)


def test_the_seconds_of_a_run_are_those_from_its_start_to_its_end(monkeypatch):
    clock = iter([100.0, 102.5, 110.0, 110.25])
    monkeypatch.setattr("nn.lab.search.job.perf_counter", lambda: next(clock))
    assert [run.seconds for run in started(2)] == [2.5, 0.25]


@pytest.mark.parametrize("where", ["threads", "processes", "a number"])
def test_the_same_seeds_give_the_same_results_on_every_executor(where):
    here = started(6)
    if where == "a number":
        assert list(started(6, executor=2)) == list(here)
        return
    with ThreadPoolExecutor(3) if where == "threads" else processes() as executor:
        there = started(6, executor=executor)
        assert executor.submit(int).result() == 0, "an executor that was given stays open"
    assert list(there) == list(here)
    assert [bits(run.weights) for run in there] == [bits(run.weights) for run in here]
    assert len({run.weights for run in here}) == 6


def test_the_order_of_arrival_does_not_matter():
    class Backwards(Executor):
        """Does its work in reverse, when the last of it has come."""

        def __init__(self, n):
            self.n, self.work = n, []

        def submit(self, f, *args):
            self.work.append((future := Future(), f, args))
            if len(self.work) == self.n:
                for future, f, args in reversed(self.work):
                    future.set_result(f(*args))
            return self.work[-1][0] if len(self.work) < self.n else self.work[self.n - 1][0]

    seen = []
    results = started(5, executor=Backwards(5), callbacks=[lambda run: seen.append(run.seed)])
    assert sorted(seen) == [0, 1, 2, 3, 4]
    assert list(results) == list(started(5))


def test_the_ends_are_those_of_the_experiment_that_runs_one_compiled_program():
    ends = final_errors(2, 4, 300, 0.5, starts.uniform)
    results = started(4, epochs=300)
    assert [4 * run.loss for run in results] == pytest.approx(ends, rel=1e-12)


# ---- workers that die


def test_a_run_whose_worker_dies_is_done_again(tmp_path):
    results = restarts(data.XOR(), 12, model=starts.deadly, folder=str(tmp_path), times=2, executor=2, **SHORT)
    assert len(list(tmp_path.glob("death*"))) == 2
    assert [run.seed for run in results] == list(range(12))
    assert [run.weights for run in results] == [run.weights for run in started(12)]


def test_a_run_that_kills_every_worker_is_a_row_and_nobody_else_is_lost(tmp_path):
    file = tmp_path / "runs.jsonl"
    options = {"model": starts.deadly, "folder": str(tmp_path), "times": 3, "file": file}
    results = restarts(data.XOR(), 8, executor=2, **options, **SHORT)
    assert [run.seed for run in results.failed] == [3]
    assert results[3].error == "lost: its worker died, 3 times"
    assert results[3].lost
    assert [run.weights for run in results if run.seed != 3] == [run.weights for run in started(8) if run.seed != 3]
    assert len(file.read_text().splitlines()) == 1 + 7, "what was lost is not kept, so that it is done when asked again"
    again = restarts(data.XOR(), 8, **options, **SHORT)
    assert not again.failed
    assert list(again) == list(restarts(data.XOR(), 8, **options, **SHORT))


def test_an_executor_that_breaks_and_is_not_ours_leaves_what_was_done(tmp_path):
    with processes() as executor, pytest.raises(RuntimeError, match=r"cannot be mended .*; give executor= a number") as told:
        restarts(data.XOR(), 40, model=starts.deadly, folder=str(tmp_path), times=9, executor=executor,
                 file=tmp_path / "runs.jsonl", **SHORT)  # fmt: skip
    kept = told.value.results
    assert 3 not in [run.seed for run in kept]
    assert kept.missing == 40 - len(kept)
    assert f"{len(kept)} of 40 runs were done; they are in this error's `results`" in told.value.__notes__
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1 + len(kept)


def test_the_last_try_of_a_run_is_made_when_no_other_is_under_way():
    taken, tries, beside, under_way = {}, Counter(), [], []

    class Pool(Executor):
        """Run 0 breaks it, and what is under way; the others end at their second try."""

        _max_workers = 1  # two runs are under way

        def __init__(self):
            self.pending = []
            under_way.append(0)

        def submit(self, f, job, setting, which):
            under_way[-1] += 1
            tries[setting["seed"]] += 1
            future = Future()
            if setting["seed"] == 0:
                beside.append(sorted(taken))
                for broken in (*self.pending, future):
                    broken.set_exception(BrokenExecutor("a worker died"))
            elif tries[setting["seed"]] == 2:
                future.set_result(f(job, setting, which))
            else:
                self.pending.append(future)
            return future

    carry_out(Run, {k: {"seed": k} for k in range(3)}, Pool, lambda k, run: bool(taken.update({k: run})))
    assert beside == [[], [], [1, 2]]
    assert under_way == [2, 2, 3]
    assert (taken[0].error, taken[1].error, taken[2].seed) == ("lost: its worker died, 3 times", "", 2)


def test_workers_killed_from_outside():
    killed, others = [], active_children()

    def kill(run):
        alive = [child.pid for child in active_children() if child not in others and child.pid not in killed]
        if len(killed) < 2 and run.seed >= (5, 15)[len(killed)] and alive:
            killed.append(alive[0])
            os.kill(killed[-1], signal.SIGKILL)

    results = started(24, executor=2, callbacks=[kill])
    assert len(killed) == 2
    assert list(results) == list(started(24))


def test_a_run_that_leaves_its_process_is_a_row():
    with processes() as executor:
        (run,) = restarts(data.XOR(), 1, model=starts.leaving, executor=executor, **SHORT)
    assert run.error == "lost: it could not be done, 3 times: SystemExit: 3"


# ---- Ctrl-C, and other ends


@pytest.mark.parametrize("executor", [None, 2], ids=["here", "processes"])
def test_after_an_interrupt_the_runs_so_far_are_returned(tmp_path, executor):
    file = tmp_path / "runs.jsonl"

    def interrupt(run):
        if len(file.read_text().splitlines()) == 6:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(RuntimeWarning, match=r"^interrupted: \d+ of 60 runs are done, and returned$"):
        results = started(60, executor=executor, callbacks=[interrupt], file=file)
    assert 5 <= len(results) < 60
    assert results.missing == 60 - len(results)
    assert repr(results).startswith(f"Results({len(results)} of 60 runs, best loss ")
    assert len({json.dumps(json.loads(line)["setting"]) for line in file.read_text().splitlines()[1:]}) == len(results)
    ran = []
    rest = started(60, callbacks=[lambda run: ran.append(run.seed)], file=file)
    assert sorted([*ran, *(run.seed for run in results)]) == list(range(60))
    assert list(rest) == list(started(60))


@pytest.mark.parametrize("written", [False, True])
def test_an_interrupt_between_the_end_of_a_run_and_its_line_in_the_file(tmp_path, monkeypatch, written):
    write, lines = Journal._write, []

    def interrupted(journal, line):
        lines.append(line)
        if written or len(lines) != 4:  # the first line is the search's
            write(journal, line)
        if len(lines) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "_write", interrupted)
    file, again = tmp_path / "runs.jsonl", []
    with pytest.warns(RuntimeWarning, match="interrupted: 3 of 6 runs are done, and returned"):
        first = started(6, file=file)
    assert list(started(6, file=file, callbacks=[lambda run: again.append(run.seed)])) == list(started(6))
    assert [run.seed for run in first] + again == [0, 1, 2, 3, 4, 5]


def test_an_interrupt_before_a_run_is_taken_does_not_lose_it():
    taken, settings = {}, {k: {"seed": k} for k in range(4)}

    def take(k, run):
        if k == 2 and "interrupted" not in taken:
            taken["interrupted"] = True
            raise KeyboardInterrupt
        taken[k] = run
        return False

    with ThreadPoolExecutor(1) as pool, pytest.raises(KeyboardInterrupt):
        carry_out(lambda setting: Run(setting), settings, pool, take)
    assert taken[2].seed == 2


def interrupted_while_waiting():
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))

    def first(run, done=[]):  # noqa: B006
        done.append(run)
        if len(done) == 1:  # not earlier: on a busy machine the search might not have begun
            timer.start()

    with ThreadPoolExecutor(1) as executor, pytest.warns(RuntimeWarning, match="interrupted"):
        results = started(4000, executor=executor, epochs=20, callbacks=[first])
    assert 0 < len(results) < 4000


def test_an_interrupt_while_waiting():
    apart("import test_lab_search; test_lab_search.interrupted_while_waiting()")


@pytest.mark.parametrize("executor", [None, 2], ids=["here", "processes"])
def test_a_callback_ends_the_search(executor):
    results = started(50, executor=executor, callbacks=[lambda run: run.seed == 3, lambda run: None])
    assert 3 in [run.seed for run in results]
    assert len(results) < 50
    assert len({run.seed for run in results}) == len(results)


def test_an_error_of_a_callback_leaves_what_was_done():
    def wrong(run):
        if run.seed == 2:
            raise LookupError("where?")

    with pytest.raises(LookupError) as told:
        started(9, callbacks=[wrong])
    assert [run.seed for run in told.value.results] == [0, 1, 2]


# ---- runs that fail


def test_runs_that_diverge_or_err_are_rows():
    results = grid(data.XOR(), {"lr": [0.1, 0.2]}, [0, 1], model=starts.odd, loss="sse", epochs=3)
    assert [bool(run.error) for run in results] == [False, True, False, True]
    assert results[1].error == "OSError: no model today"
    diverged = grid(data.XOR(), {"lr": [0.1, 1e308]}, hidden=2, loss="sse", epochs=50, output="linear")
    assert diverged[1].error.startswith(("Diverged: ", "OverflowError: "))
    assert "update 0 (epoch 0, row " in diverged[1].error
    assert diverged[1].loss is None
    assert all(map(math.isfinite, diverged[1].weights)), "the weights of before that step"
    assert diverged.best == diverged[0]
    assert repr(diverged).startswith("Results(2 runs, 1 failed, best loss ")
    assert diverged.share(below=1e9) == 0.5
    with pytest.raises(ValueError, match=r"no run succeeded, so none is best: Diverged|no run succeeded.*OverflowError"):
        _ = diverged.failed.best


# ---- options that no run could take


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"lrr": 1}, "unknown option 'lrr'; did you mean lr"),
        ({"colour": 1}, "unknown option 'colour'; there are activation, backend, "),
        ({"seed": 1}, "seed is no option of a single run: write seeds="),
        ({"record": "losses"}, "record is no option of a single run: a search keeps no record"),
        ({"lr": None}, "training needs lr"),
        ({"hidden": None}, "the model needs hidden, as in hidden=8"),
        ({"model": starts.drawn, "units": 3}, "model= must be a function that takes .*seed.*units.* as keywords"),
        ({"model": "drawn"}, "model is 'drawn'; write a function"),
        ({"executor": "dask"}, "executor is 'dask'; write None, a number of processes"),
        ({"executor": 0}, "executor is 0; a number of processes is 1 or more"),
        ({"executor": dict}, "the function given as executor made {}, which is no"),
        ({"seeds": 0}, "seeds is 0; write a number >= 1, or different seeds"),
        ({"seeds": [1, 1]}, r"seeds is \[1, 1\]"),
        ({"seeds": [-1]}, "seed must be a whole number >= 0, not -1"),
        ({"rows": []}, "there are no rows"),
        ({"rows": [((1, 2), (1,)), ((1,), (1,))]}, "row 1: x has 1 number, expected 2"),
    ],
)  # fmt: skip
def test_what_no_run_could_take(options, told):
    options = {"rows": data.XOR(), "hidden": 2, **SHORT} | options
    if "model" in options:
        del options["hidden"]
    with pytest.raises((ValueError, TypeError), match=told):
        restarts(**{name: x for name, x in options.items() if x is not None})


def test_held_out_rows_that_mean_something_else_are_refused():
    other = replace(data.XOR(), features=("b", "a"))
    with pytest.raises(ValueError, match=r"has the features \('b', 'a'\), training has "):
        started(1, validation=other)


def test_what_cannot_be_sent_to_another_process_is_told_before_the_start():
    with pytest.raises(ValueError, match=r"the model's function cannot be sent to another process .*with def at the top") as told:
        started(2, model=lambda seed: starts.drawn(seed), executor=2)
    assert len(told.value.results) == 0
    assert len(started(2, model=lambda seed: starts.drawn(seed), executor=lambda: ThreadPoolExecutor(1))) == 2


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({}, "the space is {}; write what varies"),
        ({"lr": 0.5}, "lr varies over 0.5; write a list of values"),
        ({"loss": "sse"}, "loss varies over 'sse'"),
        ({"lr": []}, r"lr varies over \[\]"),
        ({"lr": [1, 1.0]}, "each once"),
        ({"seed": [1]}, "seed is not part of the space"),
        ({"epochs": [1]}, "epochs is given as an option, and also varies"),
        ({"lr": [1], "lrr": [1]}, "unknown option 'lrr'"),
    ],
)  # fmt: skip
def test_what_is_no_space(space, told):
    for search in (grid, random_search):
        with pytest.raises((ValueError, TypeError), match=told):
            search(data.XOR(), space, hidden=2, loss="sse", epochs=1)


def test_a_grid_that_is_too_large_is_refused_at_once():
    with pytest.raises(ValueError, match=r"this grid has 1,000,000,000 settings, .* random_search"):
        grid(data.XOR(), {f"w{k}": range(10) for k in range(9)}, loss="sse", lr=1, epochs=1)


# ---- spaces


def test_a_grid_has_every_combination_once():
    results = grid(data.XOR(), {"lr": [0.1, 0.5], "hidden": [2, [3, 2]]}, seeds=[4, 5], loss="sse", epochs=1)
    assert [tuple(run.setting.values()) for run in results] == [
        (lr, hidden, seed) for lr in (0.1, 0.5) for hidden in (2, [3, 2]) for seed in (4, 5)
    ]
    assert len(results.where(hidden=[3, 2], lr=0.5)) == 2
    assert results.model(results[2]).config["layers"] == [3, 2, 1]


def test_random_settings_depend_on_the_seed_alone():
    space = {"lr": between(0.01, 1.0, log=True), "hidden": between(2, 5), "momentum": [0.0, 0.5]}
    state = random.getstate()
    few, many = (random_search(data.XOR(), space, n, seed=3, loss="sse", epochs=1) for n in (3, 6))
    assert random.getstate() == state
    assert list(many[:3]) == list(few)
    assert list(random_search(data.XOR(), space, 3, seed=4, loss="sse", epochs=1)) != list(few)
    assert all(0.01 <= run.setting["lr"] <= 1 and run.setting["hidden"] in (2, 3, 4, 5) for run in many)
    with pytest.raises(ValueError, match="only 2 different settings can be drawn from this space, not 5; grid"):
        random_search(data.XOR(), {"lr": [0.1, 0.2]}, 5, hidden=2, loss="sse", epochs=1)


def test_between():
    generator = random.Random(0)
    wide = [between(1e-3, 10.0, log=True)(generator) for _ in range(4000)]
    assert 0.23 < sum(x < 0.01 for x in wide) / 4000 < 0.27
    assert {between(1, 3)(generator) for _ in range(60)} == {1, 2, 3}
    assert {between(1, 8, log=True)(generator) for _ in range(200)} == set(range(1, 9))
    mixed = [draw(generator) for draw in (between(1, 2.5), between(0.5, 3)) for _ in range(20)]
    assert all(0.5 <= x <= 3 and not float(x).is_integer() for x in mixed)
    for low, high, log in ((1, 1, False), (2, 1, False), (0, 1, True), (0.0, math.inf, False)):
        with pytest.raises(ValueError, match="is empty or endless"):
            between(low, high, log)


# ---- the table


def table():
    job = started(1).job
    runs = [Run({"lr": lr, "seed": s}, None if e else loss, weights=(0.0,) * 9, error=e)
            for lr, s, loss, e in ((0.1, 0, 0.3, ""), (0.1, 1, 0.1, ""), (1.0, 0, 0, "Diverged: far"), (1.0, 1, 0.2, ""))]  # fmt: skip
    return Results(runs, job)


def far_apart():
    """Losses of which one is more than twenty times another."""
    return Results([replace(run, loss=loss, error="") for run, loss in zip(table(), (0.3, 0.01, 0.2, 0.1), strict=True)], table().job)


def test_sorted_filtered_and_summed_up():
    results = table()
    assert [run.loss for run in results.sorted()] == [0.1, 0.2, 0.3, None]
    assert [run.loss for run in results.sorted(reverse=True)] == [0.3, 0.2, 0.1, None]
    assert [run.setting["lr"] for run in results.sorted("lr", reverse=True)] == [1.0, 1.0, 0.1, 0.1]
    assert [run.loss for run in results.where(lr=1.0)] == [None, 0.2]
    assert [run.loss for run in results.where(lambda run: run.loss > 0.15, lr=0.1)] == [0.3]
    assert results.best.loss == 0.1
    assert results.share(below=0.2) == 0.25
    assert results.columns == ["lr", "seed", "loss", "error"]
    assert results.rows()[2] == {"lr": 1.0, "seed": 0, "loss": None, "error": "Diverged: far"}
    assert results.by("lr").splitlines() == [
        "lr   runs  failed  least loss  median  largest", "0.1     2       0         0.1     0.2      0.3",
        "1       2       1         0.2     0.2      0.2",
    ]  # fmt: skip
    assert isinstance(results[1:], Results)
    assert "<td>Diverged: far</td>" in results._repr_html_()
    assert str(results.where(lr=7.0)) == "no runs"
    assert str(results).splitlines()[3] == "  1     0        Diverged: far"
    with pytest.raises(ValueError, match="the run has 0 weights, and its model 9: OSError: no model today"):
        results.model(Run({"seed": 0}, error="OSError: no model today"))
    with pytest.raises(ValueError, match="there is no column 'lrr'; there are lr, seed, loss, error, seconds"):
        results.sorted("lrr")


def test_what_was_tried_over_a_decade_is_drawn_over_decades():
    pytest.importorskip("matplotlib")
    for rates, scale in (([0.01, 0.02, 0.05], "linear"), ([0.01, 0.1], "log"), ([0.05, 0.1, 0.5, 1.0], "log"), ([0.0, 0.1], "linear")):
        ax = grid(data.XOR(), {"lr": rates}, hidden=2, loss="sse", epochs=1).plot("lr")
        assert ax.get_xscale() == scale
        if scale == "log":
            assert [t.get_text() for t in ax.get_xticklabels()] == [f"{x:g}" for x in rates]


@pytest.mark.parametrize("rates", [[0.006, 0.3, 0.31, 0.47], [0.01, 0.011, 1.0], [0.00598068, 0.0118617, 0.468524]])
def test_the_numbers_under_a_search_do_not_run_into_one_another(rates):
    pytest.importorskip("matplotlib")
    ax = grid(data.XOR(), {"lr": rates}, hidden=2, loss="sse", epochs=1).plot("lr")
    ax.figure.canvas.draw()
    shown = sorted((t.get_window_extent() for t in ax.get_xticklabels(which="both") if t.get_text()), key=lambda box: box.x0)
    assert len(shown) > 1
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(shown) if b.x0 < ax.bbox.x1)


def test_the_plot_shows_every_run():
    pytest.importorskip("matplotlib")
    results = table()
    ax = results.plot()
    assert (ax.get_yscale(), far_apart().plot().get_yscale()) == ("linear", "log")
    shown, crosses = ax.get_lines()
    assert sorted(zip(*shown.get_data(), strict=True)) == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert list(crosses.get_xdata()) == [4]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["failed"]
    assert results.plot("lr", ax=ax) is ax
    by = results.plot("seed", by="lr")
    assert list(by.get_xticks()) == [0, 1]
    first, second, failed = by.get_lines()
    assert [text.get_text() for text in by.get_legend().get_texts()] == ["lr = 0.1", "lr = 1", "failed"]
    assert [sorted(zip(*line.get_data(), strict=True)) for line in (first, second)] == [[(0, 0.3), (1, 0.1)], [(1, 0.2)]]
    assert list(failed.get_xdata()) == [0]
    assert [text.get_text() for text in far_apart().plot(by="lr").get_legend().get_texts()] == ["lr = 0.1", "lr = 1"]
    with pytest.raises(ValueError, match="no runs to plot"):
        results[:0].plot()
