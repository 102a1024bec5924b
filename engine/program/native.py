"""LLVM text as machine code that runs in this process, by way of llvmlite (the extra `native`)."""

from __future__ import annotations

import ctypes
from array import array
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import starmap
from queue import SimpleQueue
from typing import Any
from weakref import ref

from engine.program.lowering import NotLowered, Text
from engine.program.plan import Run, Runner, address
from engine.program.undisturbed import undisturbed


CACHE_LINE = 64  # bytes
LINES = 50_000  # of text, above which LLVM takes minutes, and at twice as many the whole stack of a thread


def available() -> bool:
    """Whether llvmlite is installed."""
    return find_spec("llvmlite") is not None


class MachineCode:
    """The function `run` of one module of LLVM text, optimised for this processor.

    What LLVM holds for it belongs to `_held`, never to a cycle of objects: the collector would free the
    parts in any order, and a context freed before the engine that uses it ends the process. Code that is
    gone is freed, in order, when the next is built, so memory holds at most that much more than is in use.
    """

    def __init__(self, text: Text) -> None:
        if (lines := text.text.count("\n")) > LINES:
            raise NotLowered(f"{lines:,} lines of machine code: more than {LINES:,} take too long to make")
        self.text, self.room, self.table, self.packed = text
        pointers, counts = [ctypes.c_void_p] * 5, [ctypes.c_int64] * 3
        self.run = ctypes.CFUNCTYPE(ctypes.c_int64, *pointers, *counts)(undisturbed(self._build))

    def _build(self) -> int:
        """Where the machine code of `run` lies."""
        _free_gone()
        llvm, machine = _llvm(), _machine()  # a machine of its own: the engine frees it
        context = llvm.create_context()
        module = llvm.parse_assembly(self.text, context=context)
        module.verify()
        tuning = llvm.create_pipeline_tuning_options(speed_level=3)
        tuning.slp_vectorization, tuning.loop_vectorization = self.packed, True
        builder = llvm.create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(module, builder)
        engine = llvm.create_mcjit_compiler(module, machine)  # holds the code, and from now on the module
        self._key = ref(self, _gone.put)  # in C: a handler cannot interrupt it, the collector may call it at any time
        _held[self._key] = engine, module, context
        engine.finalize_object()
        return int(engine.get_function_address("run"))

    def assembly(self) -> str:
        """The machine code as text."""
        return undisturbed(lambda: str(_machine().emit_assembly(_held[self._key][1])))


_held: dict[ref[MachineCode], tuple[Any, Any, Any]] = {}  # engine, module, context
_gone: SimpleQueue[ref[MachineCode]] = SimpleQueue()


def _free_gone() -> None:
    """Free the machine code that nobody has any more: the engine with its module before the context."""
    while not _gone.empty():
        engine, _, context = _held.pop(_gone.get())
        engine.close()
        context.close()


def native_runner(code: MachineCode) -> Runner:
    """The runner that calls the machine code; the lock of the interpreter is open meanwhile."""
    spare: list[array[float]] = []  # rooms of runs that have ended; each thread takes its own

    def go(run: Run, start: int, stop: int) -> int:
        room = spare.pop() if spare else array("d", bytes(8 * code.room + CACHE_LINE))
        aligned = code.table or -(-address(room) // CACHE_LINE) * CACHE_LINE
        order = None if run.order is None else address(run.order)
        places = address(run.rows), order, address(run.state), address(run.collected), aligned
        run.done.extend(starmap(code.run, [(*places, start, stop, run.n)]))  # in C: no handler comes between
        spare.append(room)
        return run.done[0]

    return go


@cache
def _llvm() -> Any:
    try:
        llvm = import_module("llvmlite.binding")
    except ImportError:
        raise ImportError(
            'backend="native" needs llvmlite, which is not installed: pip install "nodegrad[native]"; '
            'backend="python" needs nothing'
        ) from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def _machine() -> Any:
    """The processor at hand, with all that it can do."""
    llvm = _llvm()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)
