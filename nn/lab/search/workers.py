"""Doing a job many times, on any `concurrent.futures.Executor`: nothing lost, nothing twice.

A worker that dies takes no result with it but that of its own run, which is tried again. A process pool dies
with its worker; if the pool is ours a new one takes its place.
"""

from __future__ import annotations

import math
import multiprocessing
import pickle
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TypeAlias
from uuid import uuid4

from nn.lab.search.job import Job, Run, Setting
from nn.numbers import integer


Take: TypeAlias = Callable[[int, Run], bool]  # gets each run when it is done; True ends the search
Where: TypeAlias = Executor | int | Callable[[], Executor] | None
TRIES = 3  # of a run whose worker dies; the last is made while no other run is under way, so that it is its own fault


def carry_out(job: Job, settings: Mapping[int, Setting], where: Where, take: Take) -> None:
    """Do `job` for every setting, and give each run to `take` as soon as it is done, whatever the order.

    `where` is None for this process, a number of processes to start, an Executor, or a function that makes one.
    Raises RuntimeError if an executor that is not ours breaks. Whatever ends the work early, what was done by
    then has been taken.
    """
    if where is None:
        for k, setting in settings.items():
            if take(k, job(setting)):
                return
        return
    if (processes := integer(where)) is not None or isinstance(where, bool):
        if not processes or processes < 1:
            raise ValueError(f"executor is {where!r}; a number of processes is 1 or more")
        where = partial(ProcessPoolExecutor, processes, multiprocessing.get_context("spawn"))
    given = where if isinstance(where, Executor) else None
    if given is None and not callable(where):
        raise TypeError(f"executor is {where!r}; write None, a number of processes, an Executor, or a function that makes one")
    work = _Work(job, settings, take)
    while work.waiting:
        pool = given or where()  # type: ignore[operator]
        if not isinstance(pool, Executor):
            raise TypeError(f"the function given as executor made {pool!r}, which is no concurrent.futures.Executor")
        over = False
        try:
            work.on(pool)
            over = True
        except BrokenExecutor as error:
            if given is not None:
                raise RuntimeError(
                    f"the executor broke, as a worker died, and cannot be mended ({error}); give executor= a number of "
                    "processes, or a function that makes executors: then a new one takes its place"
                ) from error
            if work.breaks >= TRIES and not work.done:
                raise RuntimeError(
                    f"workers died {work.breaks} times before a single run was done ({error}); functions for them stand in "
                    "a module of their own, not in a notebook, and a script that starts processes does so under "
                    'if __name__ == "__main__":'
                ) from error
        finally:
            if given is None:
                pool.shutdown(wait=over)


def attempt(job: Job, setting: Setting, which: str) -> Run:
    """One run of `job`; `which`, of search and try, makes it a task of its own, where a scheduler knows tasks by their arguments.

    A Dask scheduler answers the same task with the failure that it remembers: a run that only stood beside the one
    that killed a worker would be given up without being tried again. And it may forget a task that is
    asked for again while its cancellation is on the way, as when an interrupted search goes on.
    """
    return job(setting)


class _Work:
    """The runs that wait and those under way."""

    def __init__(self, job: Job, settings: Mapping[int, Setting], take: Take) -> None:
        self.job, self.settings, self.take = job, settings, take
        self.waiting = deque(settings)
        self.strikes: Counter[int] = Counter()
        self.under_way: dict[Future[Run], int] = {}
        self.done = self.breaks = 0
        self.name = uuid4().hex

    def on(self, pool: Executor) -> None:
        """All runs on one pool; raises BrokenExecutor when it breaks, with its runs waiting again."""
        if isinstance(pool, ProcessPoolExecutor):
            self._can_be_sent()
        arrived: SimpleQueue[Future[Run]] = SimpleQueue()
        most = 2 * getattr(pool, "_max_workers", math.inf)  # when a pool breaks, all that is under way is suspect
        self.under_way = {}
        try:
            while self.waiting or self.under_way:
                while self.waiting and len(self.under_way) < (1 if self._last_try(self.waiting[0]) else most):
                    k = self.waiting[0]
                    self._submit(pool, k).add_done_callback(arrived.put)
                    self.waiting.popleft()
                    if self._last_try(k):
                        break
                if self._receive(arrived.get()):
                    self.waiting.clear()
                    return
        except BrokenExecutor:
            self.breaks += 1
            self._collect()
            for k in self.under_way.values():
                self._again(k, f"its worker died, {TRIES} times")
            raise
        finally:
            self._collect()
            for future in self.under_way:
                future.cancel()

    def _submit(self, pool: Executor, k: int) -> Future[Run]:
        try:
            future = pool.submit(attempt, self.job, self.settings[k], f"{self.name} {self.strikes[k]}")
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            raise _cannot_be_sent("a run", error) from error
        self.under_way[future] = k
        return future

    def _last_try(self, k: int) -> bool:
        return self.strikes[k] == TRIES - 1

    def _receive(self, future: Future[Run]) -> bool:
        """Take the run that a future brings, or let it wait for another try; BrokenExecutor if its pool broke."""
        try:
            problem = future.exception()  # never one of training: those are data of the run
        except CancelledError as error:
            problem = error
        if isinstance(problem, BrokenExecutor):
            raise problem
        k = self.under_way[future]
        if problem is None:
            over = self.take(k, future.result())  # and only then let go of: if an interrupt comes now, `_collect` takes it
            del self.under_way[future]
            self.done += 1
            return over
        del self.under_way[future]
        return self._again(k, f"it could not be done, {TRIES} times: {type(problem).__name__}: {problem}")

    def _again(self, k: int, reason: str) -> bool:
        """Let a run wait for another try, or give it up."""
        self.strikes[k] += 1
        if self.strikes[k] < TRIES:
            self.waiting.append(k)
            return False
        return self.take(k, Run(dict(self.settings[k]), error=f"lost: {reason}"))

    def _collect(self) -> None:
        """Take the runs that are done, though their turn has not come."""
        for future in [f for f in self.under_way if f.done() and not f.cancelled() and f.exception() is None]:
            self._receive(future)

    def _can_be_sent(self) -> None:
        """ValueError, before the start, for what processes cannot send to each other."""
        for what, x in (("the model's function", self.job.factory), ("what varies or is fixed", (self.job.options, self.settings))):
            try:
                pickle.dumps(x)
            except Exception as error:
                raise _cannot_be_sent(what, error) from error


def _cannot_be_sent(what: str, error: Exception) -> ValueError:
    return ValueError(
        f"{what} cannot be sent to another process ({error}): write its functions with def at the top of a module, or "
        "take threads, executor=ThreadPoolExecutor()"
    )
