"""Interrupts and the garbage collector, at any moment, never end the process: each case runs in one of its own."""

import sys
from weakref import ref

import pytest
from apart import apart

from engine.program.undisturbed import undisturbed


pytest.importorskip("llvmlite")

CYCLE = '''
import gc
from engine.program.lowering import Text
from engine.program.native import MachineCode, _held

TEXT = """define i64 @run(ptr %a, ptr %b, ptr %c, ptr %d, ptr %e, i64 %f, i64 %g, i64 %h) {
  %s = add i64 %f, NUMBER
  ret i64 %s
}"""
for k in range(12):
    cycle = [MachineCode(Text(TEXT.replace("NUMBER", str(k))))]
    cycle.append(cycle)
    assert cycle[0].run(None, None, None, None, None, 30, 0, 0) == 30 + k
    del cycle
    gc.collect()
assert len(_held) == 1, len(_held)  # the last one waits for the next build
'''

STORM = """
import gc, math, signal, time
from random import Random
from engine import Value, compile
from engine.program import build, native

def ring(*_):
    raise KeyboardInterrupt

build.KEPT = 2  # machine code is let go of soon
signal.signal(signal.SIGALRM, ring)
random, interrupts, built, end = Random(3), 0, 0, time.monotonic() + 6.0
while interrupts < 5 or (interrupts < 60 and time.monotonic() < end):
    x = Value(2.0, "x")
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.1))
        late = time.monotonic() + 30.0  # Python may have dropped it, where a collected object's `__del__` ran
        while time.monotonic() < late:
            k = random.random()
            p = compile((k * x).tanh() + x, inputs=[x], backend="native")
            assert abs(p(2.0) - 2.0 - math.tanh(2.0 * k)) < 1e-12
            cycle = [p, p._called().code]
            cycle.append(cycle)
            del cycle, p
            built += 1
    except KeyboardInterrupt:
        interrupts += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    gc.collect()
x = Value(2.0, "x")
assert compile(x * 5.0, inputs=[x], backend="native")(3.0) == 15.0
assert len(native._held) <= 8, (interrupts, built, len(native._held))
"""

WITHIN = """
import gc
from engine import Value, compile
from engine.program.undisturbed import undisturbed

class Last:  # what the collector finds while machine code is built, and what compiles as it goes
    def __del__(self):
        x = Value(2.0, "x")
        seen.append(compile(x * 5.0 + x.sin(), inputs=[x], backend="native")(0.0))

def cycle():
    last = Last()
    last.self = last

seen = []
gc.disable()
cycle()
undisturbed(gc.collect)
assert seen == [0.0], seen
assert undisturbed(lambda: undisturbed(lambda: 7)) == 7
"""


@pytest.mark.parametrize(
    "script", [CYCLE, WITHIN, pytest.param(STORM, marks=pytest.mark.skipif(sys.platform == "win32", reason="no setitimer"))]
)
def test_the_process_lives_on(script):
    apart(script)


def test_an_error_comes_back_without_what_it_held():
    class Held:
        pass

    seen = []

    def work():
        held = Held()
        seen.append(ref(held))
        raise ZeroDivisionError("in the other thread")

    with pytest.raises(ZeroDivisionError, match="in the other thread"):
        undisturbed(work)
    assert seen[0]() is None
    assert undisturbed(lambda: 7) == 7  # and the next piece of work is done
