"""Programs: a graph, recorded once, run again at other inputs, as readable Python or at the speed of C."""

from engine.program.build import collector_at_rest
from engine.program.program import Program, compile  # noqa: A004
from engine.program.scan import Scan
from engine.program.verify import Miscompiled


__all__ = ["Miscompiled", "Program", "Scan", "collector_at_rest", "compile"]
