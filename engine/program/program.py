"""compile: a graph, recorded once, as a program that runs at other inputs.

>>> from engine import gradient
>>> w, x = Value(2.0, "w"), Value(3.0, "x")
>>> y = (w * x).tanh()
>>> program = compile([y, *gradient(y, [w])], [w, x], backend="python")
>>> program
Program(2 inputs, 9 nodes, 2 outputs, backend='python')
>>> [round(v, 6) for v in program(0.5, 1.0)]
[0.462117, 0.786448]
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.errors import short
from engine.graph import topological
from engine.program import native
from engine.program.build import Builder, collector_at_rest
from engine.program.inspection import Inspection, folds, regraphed, tasks
from engine.program.plan import Plan, Run
from engine.program.scan import Scan
from engine.program.tape import check_values
from engine.program.verify import Miscompiled, agree
from engine.value import Value, number
from engine.whole import counted


BACKENDS = ("auto", "python", "native")
NOTHING = memoryview(array("d"))
SMALL = 1_000  # operands, up to which a program is built at once, and not when it is first run
ROWS = 4  # that a program is timed on: its inputs stay in the cache


def compile(  # noqa: A001
    outputs: Value | Sequence[Value],
    inputs: Sequence[Value],
    *,
    backend: str = "auto",
    strict: bool = True,
) -> Program:
    """The graph of `outputs` as a program of `inputs`, which are leaves; all other leaves are constants.

    `backend` is "python" (readable source, no dependency), "native" (machine code, needs llvmlite) or
    "auto": native where it is installed. The program is compared with the graph before anything is
    computed with it: bit for bit, or with `strict=False`, within 1e-9: sums and products may then be taken in
    another order, so that what cancels, overflows or underflows in one order need not in the other.
    It raises what recording the graph at the new inputs would raise; derivatives follow IEEE 754 there too.

    Raises ValueError for inputs that are no leaves and outputs that do not depend on the inputs,
    StaleGraph if a leaf was changed after recording, ImportError for a backend that is not installed.

    >>> w, x = Value(2.0, "w"), Value(3.0, "x")
    >>> program = compile(w * x + 1, [w, x], backend="python")
    >>> program(0.5, 4.0)
    3.0
    >>> print(program.source, end="")
    def program(w, x):
        v1 = w * x + 1.0
        return (v1,)
    """
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}; choose from {', '.join(BACKENDS)}")
    alone = outputs.__class__ is Value
    for what, given in (("a Value or a list of Values", () if alone else outputs), ("a list of its leaves, as in [x]", inputs)):
        if not isinstance(given, Iterable):
            raise TypeError(f"compile takes {what}, not {short(given)}: write compile(y, [x])")
    nodes: Any = [outputs] if alone else list(outputs)  # type: ignore[arg-type]
    with collector_at_rest():
        return Program(nodes, list(inputs), backend, strict, alone)


class Program:
    """A compiled graph: call it on numbers, or `scan` many rows. Made by `compile`."""

    def __init__(
        self,
        outputs: list[Value],
        inputs: list[Value],
        backend: str,
        strict: bool,
        alone: bool,
    ) -> None:
        check_values(outputs, inputs)
        self._builder = Builder(outputs, inputs, topological(*outputs), strict)
        self._tape = self._builder.tape
        self._inputs, self._outputs = inputs, outputs
        self._strict, self._alone = strict, alone
        self._scans: dict[tuple[Any, ...], Scan] = {}
        self.backend = backend if backend != "auto" else "native" if native.available() else "python"
        self.remark = ""  # why another backend was taken than the one asked for
        if self._tape.size <= SMALL:  # a scan has machine code of its own, and many programs are only scanned
            self._called()

    @property
    def nodes(self) -> int:
        """The number of instructions."""
        return len(self._tape.steps)

    @property
    def source(self) -> str:
        """The program as readable Python, whichever backend runs it."""
        return self._builder.source

    @property
    def llvm(self) -> str:
        """The LLVM text of the program; empty on the Python backend."""
        code = self._called().code
        return "" if code is None else code.text

    @property
    def assembly(self) -> str:
        """The machine code of the program as text; empty on the Python backend."""
        code = self._called().code
        return "" if code is None else code.assembly()

    @property
    def loops(self) -> list[str]:
        """What a call does, task by task, where loops were found in the graph again; empty where it is one straight line.

        >>> w, x = [Value(0.5) for _ in range(64)], Value(3.0)
        >>> program = compile([p * x for p in w], [*w, x], backend="native")
        >>> program.loops, program.inspect().loops == program.loops
        (['64 x mul'], True)
        """
        return tasks(self._tape, self._calling) if "@rows(" in self.llvm else []

    @property
    def _calling(self) -> Plan:
        return Plan(tuple(range(len(self._inputs))), collect=tuple(range(len(self._outputs))))

    def inspect(self, *numbers: Any) -> Inspection:
        """Every instruction with its number at these inputs, or at the recorded ones, and the code that runs it.

        The instructions are run one by one, and their outputs compared with those of the compiled run;
        Miscompiled tells of a difference, and what the graph refuses raises as it does there.

        >>> w, x = Value(2.0, "w"), Value(3.0, "x")
        >>> net = w * x
        >>> net.label = "net"
        >>> seen = compile(net.tanh(), [w, x], backend="python").inspect(0.5, 1.0)
        >>> seen["net"].value, seen[3].operation
        (0.5, 'tanh')
        >>> print(seen)
        Program(2 inputs, 2 nodes, 1 output, backend='python'); 2 flops, 24 bytes a run
         id  label  operation          value  from
          0  w                           0.5
          1  x                             1
          2  net    mul                  0.5  0 1
          3         tanh       0.46211715726  2
        """
        row = self._row(numbers) if numbers else [v.data for v in self._inputs]
        found = self._called().run(memoryview(array("d", row)), NOTHING, None, 1)
        seen = Inspection(self._tape, row, self.loops, repr(self), self._timed(row), (self.llvm, self.assembly))
        for k, (p, column) in enumerate(zip(self._tape.outputs, found, strict=True)):
            if not agree(column[0], seen[p].value, self._strict):
                raise Miscompiled(f"inspect: output {k} of the compiled run is {column[0]!r}, and {seen[p].value!r} on the graph")
        return seen

    def folded(self) -> tuple[list[Value], dict[Value, str]]:
        """The outputs as a graph of their own at the recorded inputs, and the loop that each of its Values is computed in.

        It is what `draw(program)` draws, each loop as one box.

        >>> from engine import draw
        >>> w, x = [Value(0.5 + k) for k in range(64)], Value(3.0)
        >>> program = compile([p * x for p in w], [*w, x], backend="native")
        >>> set(program.folded()[1].values())
        {'loop 1: 64 x mul'}
        >>> draw(program)
        <gradient graph: 129 nodes, 128 edges, 1 box shown, ...>
        """
        places = regraphed(self._tape, [v.data for v in self._inputs])
        titles = folds(self._tape, self._calling) if self.loops else {}
        return [places[p] for p in self._tape.outputs], {places[p]: title for p, title in titles.items()}

    def _timed(self, row: list[float]) -> Callable[[int], object]:
        """A function that runs the program so many times at these inputs."""
        scan, visits = self._called(), 256
        rows = memoryview(array("d", row * ROWS))
        order = array("q", [k % ROWS for k in range(visits)])
        run = Run(rows, NOTHING, order, array("d", bytes(8 * visits * len(self._outputs))), visits)

        def times(n: int) -> None:
            for start in range(0, n, visits):
                stop = min(n - start, visits)
                if scan.runner(run, 0, stop) < stop:  # the graph looks at every row
                    scan.run(run.rows, run.state, order[:stop], stop, None)

        return times

    def __getstate__(self) -> dict[str, Any]:
        """A program without its machine code, which is built and proved again where it is loaded."""
        return self.__dict__ | {"_scans": {}}

    def __repr__(self) -> str:
        counts = f"{counted(len(self._inputs), 'input')}, {counted(self.nodes, 'node')}, {counted(len(self._outputs), 'output')}"
        return f"Program({counts}, backend={self.backend!r}{f', remark={self.remark!r}' if self.remark else ''})"

    def __call__(self, *numbers: Any) -> Any:
        """The outputs at these inputs: one float per input, or one sequence of them.

        >>> x = Value(1.0)
        >>> compile(x * x + 1, [x], backend="python")(3.0)
        10.0
        """
        row = array("d", self._row(numbers))
        found = [column[0] for column in self._called().run(memoryview(row), NOTHING, None, 1)]
        return found[0] if self._alone else found

    def _row(self, numbers: tuple[Any, ...]) -> list[float]:
        """One float per input."""
        given = numbers[0] if len(numbers) == 1 and hasattr(numbers[0], "__len__") else numbers
        if len(given) != len(self._inputs):
            names = [str(v.label or "?") for v in self._inputs]
            told = f" ({', '.join(names[:8])}{', ...' * (len(names) > 8)})" if set(names) != {"?"} else ""
            raise TypeError(f"the program takes {counted(len(names), 'number')}{told}, not {len(given)}")
        return [x if x.__class__ is float else number(x, "program") for x in given]

    def scan(
        self,
        rows: Any,
        state: Any = None,
        *,
        feedback: Mapping[Any, Value | int] | None = None,
        collect: Sequence[Value | int] = (),
        order: Sequence[int] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> list[array[float]]:
        """Run the program once for every row; outputs can become the inputs of the next row.

        `feedback` says for an input which output it becomes: `{w: w_new}`. These inputs live in `state`,
        a writable buffer of float64 in the order of `feedback`, which is changed in place. The other
        inputs are the columns of `rows`, a contiguous buffer of float64 that is not copied; `order` lists
        the rows to visit. Returns one array per output in `collect`, with a number for each visit.
        Inputs and outputs are the Values given to `compile`, or their positions.

        Between blocks of some 50 ms Ctrl-C is heard and `progress` is called with the number of visits
        done since; the state is then that of the last visit. A row at which the graph raises ends the run
        with that error, and the state is as that row met it.

        >>> total, x = Value(0.0), Value(1.0)
        >>> program = compile([total + x], [total, x], backend="python")
        >>> sums = array("d", [0.0])
        >>> program.scan(array("d", [1.0, 2.0, 4.0]), sums, feedback={0: 0}, collect=[0]), sums
        ([array('d', [1.0, 3.0, 7.0])], array('d', [7.0]))
        """
        return self.scanner(feedback, collect)(rows, state, order=order, progress=progress)

    def scanner(
        self, feedback: Mapping[Any, Value | int] | None = None, collect: Sequence[Value | int] = ()
    ) -> Scan:
        """`scan` with these two decided and the machine for it built: call it with the rest, again and again."""
        feedback = {} if feedback is None else feedback
        if not isinstance(feedback, Mapping):
            raise TypeError(f"scan: feedback says for an input which output it becomes, as in {{w: w_new}}, not {short(feedback)}")
        if not isinstance(collect, Iterable):
            raise TypeError(f"scan: collect is a list of outputs, as in [loss] or [0], not {short(collect)}")
        asked = (*feedback.items(), *collect)
        if asked not in self._scans:
            inputs = {v: k for k, v in enumerate(self._inputs)}
            outputs = {v: k for k, v in reversed([*enumerate(self._outputs)])}
            state = tuple(_position("input", v, inputs, len(self._inputs)) for v in feedback)
            held = set(state)
            if len(held) < len(state):
                twice = next(k for k in state if state.count(k) > 1)
                raise ValueError(f"scan: feedback names the input {twice} twice; an input becomes one output")
            columns = tuple(k for k in range(len(inputs)) if k not in held)
            fed = tuple(_position("output", v, outputs, len(self._outputs)) for v in feedback.values())
            kept = tuple(_position("output", v, outputs, len(self._outputs)) for v in collect)
            self._scans[asked] = self._built(Plan(columns, state, fed, kept))
        return self._scans[asked]

    def _built(self, plan: Plan) -> Scan:
        built = self._builder.built(plan, self.backend)
        self.remark = built.remark
        if built.code is None:
            self.backend = "python"
        return Scan(plan, built, self._tape)

    def _called(self) -> Scan:
        """The machine for one row of all inputs."""
        return self.scanner(collect=range(len(self._outputs)))


def _position(what: str, v: Any, known: Mapping[Value, int], n: int) -> int:
    """The position among `n` of what a user names; a Value that is listed twice has its first."""
    if v.__class__ is int and 0 <= v < n:
        return int(v)
    if v.__class__ is Value and v in known:
        return known[v]
    raise ValueError(f"scan: {short(v)} is not an {what} of this program; give one of its Values, or 0 to {n - 1}")
