"""`explain`: the derivation of a gradient with its numbers, as the notes write it."""

from __future__ import annotations

import math

from engine.console import shows
from engine.value import Number, Value, number
from engine.whole import whole
from engine.why.blocks import Head, Prose
from engine.why.compose import compose
from engine.why.derivation import Derivation, derive
from engine.why.digits import escaped
from engine.why.layout import Page, aligned
from engine.why.notation import Notes
from engine.why.paths import Paths
from engine.why.pens import Ascii, Latex, Text
from engine.why.terms import Contributions


AS_ASKED = "as asked"


class Explanation:
    """The derivation of d root / d node: what `explain` returns.

    `total` is the gradient, `terms` one row for each use of the node (see `contributions`), `paths` the
    largest paths to the root (see `top_paths`). `str()` is the derivation as text. It holds the numbers
    of the moment, so it stays what it is when weights are changed afterwards.
    """

    def __init__(self, derivation: Derivation, notes: str | None, eta: float | None) -> None:
        self._derivation, self._notes, self._eta = derivation, notes, eta

    @property
    def total(self) -> float:
        """D root / d node."""
        return self._derivation.total

    @property
    def terms(self) -> Contributions:
        """One row for each use of the node; their products add up to the total."""
        return self._derivation.terms

    @property
    def paths(self) -> Paths:
        """The paths of largest magnitude; `.count` is the number of all."""
        return self._derivation.paths

    def text(self, notes: str | None = AS_ASKED, *, ascii: bool | None = None) -> str:  # noqa: A002 - as in the views
        """The derivation as text of at most 100 columns, in the words of any of the notes.

        `ascii` spells out the signs that a terminal may not have; by default if it cannot show them.
        """
        pen = (Text if ascii is False or (ascii is None and shows("".join(Ascii.signs))) else Ascii)(self._words(notes))
        return str(Page(list(compose(self._derivation, pen, self._eta)), pen.say("×")))

    def latex(self, notes: str | None = AS_ASKED) -> str:
        """The equations of the derivation as an `aligned` display, without the sentences of the text."""
        return aligned(compose(self._derivation, Latex(self._words(notes)), self._eta))

    def _words(self, notes: str | None) -> Notes:
        return Notes(self._notes if notes == AS_ASKED else notes, self._derivation.lone)

    def __repr__(self) -> str:
        return self.text()

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_markdown_(self) -> str:
        blocks = list(compose(self._derivation, Text(self._words(AS_ASKED)), self._eta))
        head = next(b for b in blocks if isinstance(b, Head))
        title = f"**{escaped(f'{head.slope} = {head.total}')}**   {head.kind}"
        said = [f"- *{escaped(b.tag)}* {escaped(b.sentence)}" for b in blocks if isinstance(b, Prose)]
        return "\n\n".join([title, self._repr_latex_(), "\n".join(said)])


def explain(
    node: Value, root: Value, notes: str | None = "LEC", eta: Number | None = None, paths: int = 8
) -> Explanation:
    """The derivation of d root / d node with its numbers: formula, symbols, numbers, result.

    `notes` chooses the notation: "LEC" (w_ji, net_j, o_j), "S63" (w_(h→o), a_h, y, delta), "SX" (W_ij, V_j,
    h_j), "ESL" (alpha_ml, beta_km, delta_k, s_m), or None for plain terms without equation ids. `eta` adds
    the gradient descent step. `paths` is how many paths are shown.

    The formulas are those of the table, the numbers those recorded in the graph; the gradients come from
    a pass of their own, and the graph is not touched. Printed digits are rounded, the arithmetic is not.

    Raises ValueError for a node that is not in the graph of `root` and for unknown notes, StaleGraph if a
    leaf was changed after the graph was recorded.

    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> explain(w, (w * x).tanh())
    dy/dw = 0.542120                                                          leaf
      with   v2 = w·x = 1.500000
             y = tanh(v2) = 0.905148
      = dy/dv2            ×  dv2/dw                                          LEC-5
      = (1 - y²)          ×  x
      = (1 - 0.905148²)   ×  3
      = 0.180707          ×  3.000000  =  0.542120
      check  central difference, h = 1e-6: 0.542120, off by ...
    """
    words = Notes(notes).key  # refuses what it does not know
    rate = None if eta is None else number(eta, "explain: eta")
    if rate is not None and not math.isfinite(rate):
        raise ValueError(f"explain: eta must be a finite number, not {rate!r}")
    return Explanation(derive(node, root, whole("explain: paths", paths)), words, rate)
