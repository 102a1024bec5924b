"""What runs a plan of a tape: native code if it is wanted and right, else Python. It is proved before it is run, and kept."""

from __future__ import annotations

import gc
import hashlib
import marshal
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

from engine.program import native
from engine.program.families import narrow
from engine.program.lowering import NotLowered
from engine.program.plan import Plan, Runner, python_runner
from engine.program.python import python_function, python_source
from engine.program.rolled import rolled
from engine.program.straight import straight
from engine.program.tape import Tape
from engine.program.verify import Miscompiled, cases, first_difference
from engine.recording import check_fresh
from engine.value import Value


STRAIGHT = 1_500  # instructions, above which LLVM takes too long over code without loops
KEPT = 64  # built in this process, that wait to be used again


class Built(NamedTuple):
    """What runs a plan, its machine code if it has some, and why another backend was taken than the one asked for."""

    runner: Runner
    code: native.MachineCode | None
    remark: str


BUILT: OrderedDict[bytes, Built] = OrderedDict()  # by the shape of the graph; the one built first is dropped first


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No cycles are made while many nodes and steps are, and to look for them takes longer than the work."""
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()


class Builder:
    """Of one graph: its tape, and where the walk has been, against which all that is built is proved."""

    def __init__(self, outputs: Sequence[Value], inputs: Sequence[Value], nodes: Sequence[Value], strict: bool) -> None:
        self.tape = Tape(outputs, inputs, nodes)
        self._cases = cases(outputs, inputs, nodes)
        self._outputs, self._strict = outputs, strict

    @cached_property
    def source(self) -> str:
        """The tape as readable Python."""
        return python_source(self.tape)

    def built(self, plan: Plan, backend: str) -> Built:
        """What runs the plan, proved to be the graph: also what was built before, for another graph of this shape."""
        key = self._key(plan, backend)
        found = BUILT.get(key)
        if found is None or self._difference(found.runner, plan):
            with collector_at_rest():
                found = BUILT[key] = self._build(plan, backend)
            if len(BUILT) > KEPT:
                BUILT.popitem(last=False)
        return found

    def _build(self, plan: Plan, backend: str) -> Built:
        remark = ""
        forms = [rolled, straight] if len(self.tape.steps) <= STRAIGHT else [rolled]
        if backend == "native" and narrow(self.tape, plan):
            forms.reverse()
        for form in forms if backend == "native" else ():
            try:
                code = native.MachineCode(form(self.tape, plan, self._strict))
                runner = native.native_runner(code)
                if not (difference := self._difference(runner, plan)):
                    return Built(runner, code, remark)
                remark = f"not {form.__name__}: {difference}"
            except NotLowered as reason:
                remark = str(reason)
        digest = self._key(plan, "python")[:8].hex()
        runner = python_runner(python_function(self.source, f"<program {digest}>"), plan)
        if difference := self._difference(runner, plan):
            raise Miscompiled(f"compile: the program is not the graph: {difference}; nothing was run")
        return Built(runner, None, remark)

    def _difference(self, runner: Runner, plan: Plan) -> str:
        """How the runner differs from the graph, or nothing; raises StaleGraph if it is the graph that has changed."""
        difference = first_difference(runner, plan, self._cases, self.tape, self._strict)
        if difference:
            check_fresh(*self._outputs)
        return difference

    def _key(self, plan: Plan, backend: str) -> bytes:
        """A name for what is built; graphs of the same shape have the same."""
        tape = self.tape
        labels = tuple(map(str, (*tape.inputs, *(s.label for s in tape.steps)))) if backend != "native" else ()
        strict = self._strict or backend == "python"
        return hashlib.sha256(marshal.dumps((tape.key(), tuple(plan), backend, strict, labels), 2)).digest()
