"""The ledger: every equation of the notes with a check that computes both sides on a network.

>>> entry = LEDGER["S63-5"]
>>> entry.says, entry.status, entry.holds(THIRTEEN_TWENTIETHS)
('∂ε/∂w_o = -2 (t_1 - y_1) y_1 (1 - y_1) a_h1', 'holds', True)
>>> LEDGER["LEC-6"].exact
"dE/dw_ji = -2 (t_j - o_j) f'(net_j) o_i"
"""

from __future__ import annotations

from engine.learn.ledger import derivation, errata, items_derivation, items_slides, items_symmetry, slides, symmetry
from engine.learn.ledger.entry import TOLERANCE, Entry, Side
from engine.learn.ledger.network import THIRTEEN_TWENTIETHS, Net, read


LEDGER: dict[str, Entry] = {
    e.id: e for room in (slides, derivation, symmetry, errata, items_slides, items_derivation, items_symmetry) for e in room.ENTRIES
}

__all__ = ["LEDGER", "THIRTEEN_TWENTIETHS", "TOLERANCE", "Entry", "Net", "Side", "read", "table"]


def table(net: object = THIRTEEN_TWENTIETHS) -> str:
    r"""One line for each id: status, the largest difference of both sides on this network, lesson, notebook, notation.

    `net` is the error E of a network recorded by nn, or a `Net`; by default the 13/20 network. Each equation is
    checked with these weights and this sample, under the activations and the loss that its note presumes.
    Raises TypeError and ValueError as `read` does.

    >>> print("\n".join(line[:17] + line[26:] for line in table().splitlines()[6:9]))
    LEC-5   holds      L9   01  dE/dw_ji = dE/do_j × do_j/dnet_j × dnet_j/dw_ji
    LEC-6   erratum    L9   04  dE/dw_ji = -(t_j - o_j) f'(net_j) o_i
                                        exact: dE/dw_ji = -2 (t_j - o_j) f'(net_j) o_i
    """
    network, lines = read(net), []
    for e in LEDGER.values():
        status = e.status if e.holds(network) else "FAILS"
        lines.append(f"{e.id:<7} {status:<8} {e.off(network):8.1e}  L{e.lesson:<3} {e.notebook}  {e.says}")
        if e.printed:
            lines.append(f"{'':36}exact: {e.exact}")
    head = f"{'id':<7} {'status':<8} {'off by':>8}  {'':4} nb  what the note says"
    return "\n".join([head, *lines])
