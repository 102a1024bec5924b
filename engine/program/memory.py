"""Memory and loops in LLVM text: reading and writing vectors at affine addresses, counting, and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.program.fit import Affine
from engine.program.lowering import Lowering, constant


class Memory:
    """Writes instructions to `lines`; `block` is the label of the basic block that they go to."""

    def __init__(self, strict: bool) -> None:
        self.lines: list[str] = []
        self.tables: list[str] = []
        self.low = Lowering(self.lines, strict)
        self.low.flag_pointer = "%refused"
        self.block = "read"
        self.labels = 0

    def store(self, base: str, address: int | str, register: str) -> None:
        pointer = self.low.emit(f"getelementptr double, ptr {base}, i64 {address}")
        self.lines.append(f"  store {self.low.type} {register}, ptr {pointer}, align 8")

    def index(self, affine: Affine, a: str, b: str) -> str:
        """The register of base + outer * a + inner * b."""
        total = str(affine.base)
        for stride, counter in ((affine.outer, a), (affine.inner, b)):
            if stride and counter != "0":
                product = counter if stride == 1 else self.low.emit(f"mul i64 {counter}, {stride}")
                total = product if total == "0" else self.low.emit(f"add i64 {product}, {total}")
        return total

    def load(self, base: str, affine: Affine, a: str, b: str) -> str:
        """The numbers at b, b + 1, ... in as many lanes as there are."""
        lanes, low = self.low.lanes, self.low
        at = self.index(affine, a, b)
        if affine.inner == 1 or lanes == 1:
            pointer = low.emit(f"getelementptr double, ptr {base}, i64 {at}")
            return low.emit(f"load {low.type}, ptr {pointer}, align 8")
        if affine.inner == 0:
            pointer = low.emit(f"getelementptr double, ptr {base}, i64 {at}")
            return self.splat(low.emit(f"load double, ptr {pointer}"))
        indices = [low.emit(f"add i64 {at}, {k * affine.inner}") for k in range(lanes)]
        return self.gathered(base, indices)

    def gathered(self, base: str, indices: Sequence[str]) -> str:
        """The numbers at several addresses, one in each lane."""
        found = "poison"
        for k, i in enumerate(indices):
            pointer = self.low.emit(f"getelementptr double, ptr {base}, i64 {i}")
            one = self.low.emit(f"load double, ptr {pointer}")
            found = one if self.low.lanes == 1 else self.low.emit(f"insertelement {self.low.type} {found}, double {one}, i64 {k}")
        return found

    def splat(self, register: str) -> str:
        """A number in every lane."""
        low = self.low
        if low.lanes == 1:
            return register
        first = low.emit(f"insertelement {low.type} poison, double {register}, i64 0")
        return low.emit(f"shufflevector {low.type} {first}, {low.type} poison, <{low.lanes} x i32> zeroinitializer")

    def table(self, numbers: Sequence[float] | Sequence[int], kind: str) -> str:
        """A constant array of addresses or numbers."""
        name = f"@table{len(self.tables)}"
        entries = [f"i64 {x}" if kind == "i64" else f"double {constant(float(x))}" for x in numbers]
        self.tables.append(f"{name} = private unnamed_addr constant [{len(entries)} x {kind}] [{', '.join(entries)}]")
        return name

    def loop(self, count: int, step: int, body: Callable[[str], None]) -> None:
        """`body(i)` for i = 0, step, 2 step, ... below `count`."""
        if count <= step:
            if count:
                body("0")
            return
        self.labels += 1
        label, before = f"loop{self.labels}", self.block
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.block = label
        counter = f"%i{self.labels}"
        at = len(self.lines)
        body(counter)
        after = self.low.emit(f"add nuw nsw i64 {counter}, {step}")
        more = self.low.emit(f"icmp ult i64 {after}, {count // step * step}")
        self.lines.insert(at, f"  {counter} = phi i64 [ 0, %{before} ], [ {after}, %{self.block} ]")
        self.lines += [f"  br i1 {more}, label %{label}, label %{label}.end", f"{label}.end:"]
        self.block = f"{label}.end"

    def spots_in(self, table: str, at: str) -> list[str]:
        """Addresses from a table, one for each lane."""
        found = []
        for k in range(self.low.lanes):
            here = self.low.emit(f"add i64 {at}, {k}")
            pointer = self.low.emit(f"getelementptr i64, ptr {table}, i64 {here}")
            found.append(self.low.emit(f"load i64, ptr {pointer}"))
        return found

    def scatter(self, target: Affine, a: str, b: str, register: str) -> None:
        at = self.index(target, a, b)
        if self.low.lanes == 1 or target.inner == 1:
            self.store("%mem", at, register)
            return
        self._lanes(register, [self.low.emit(f"add i64 {at}, {k * target.inner}") for k in range(self.low.lanes)])

    def scatter_by(self, table: str, at: str, register: str) -> None:
        self._lanes(register, self.spots_in(table, at))

    def _lanes(self, register: str, spots: Sequence[str]) -> None:
        for k, spot in enumerate(spots):
            lanes = self.low.lanes
            one = register if lanes == 1 else self.low.emit(f"extractelement {self.low.type} {register}, i64 {k}")
            pointer = self.low.emit(f"getelementptr double, ptr %mem, i64 {spot}")
            self.lines.append(f"  store double {one}, ptr {pointer}")
