"""Labels in the words of the notes: what a node is in a network, whichever notation prints it.

>>> str(Role("w", "h1", "x2")), str(Role("net", "o1")), str(Role("E"))
('w_h1,x2', 'net_o1', 'E')
"""

from __future__ import annotations

from typing import NamedTuple


class Role(NamedTuple):
    """What a node is: a `kind` (x w b net o t E), the unit it belongs to, and for a weight the unit it comes from.

    Units are named x1 x2 .., h1 h2 .. (h2_3 is the third unit of the second hidden layer), o1 o2 ..;
    a weight's indices are (to, from), as w_ji in LEC-4.
    """

    kind: str
    unit: str = ""
    source: str = ""

    def __str__(self) -> str:
        if "_" in self.unit + self.source:  # deeper nets: w[h2_3,h1_1]
            inside = ",".join(filter(None, (self.unit, self.source)))
            return self.unit if self.kind == "x" else f"{self.kind}[{inside}]"
        if self.kind == "x":
            return self.unit
        return "_".join(filter(None, (self.kind, ",".join(filter(None, (self.unit, self.source))))))
