"""Why a gradient is the number that it is: derivations, terms and paths, in the words of the notes.

    cone, terms        the uses and the paths between a node and the root, in numbers
    chain, derivation  the same as factors and sums, as the notes see them
    notation, writing  names, formulas and numbers, as text and as LaTeX
    compose, deltas    the lines of an explanation; blocks, layout: how they stand on a page
"""

from engine.explain.explanation import Explanation, explain
from engine.explain.terms import Contributions, Path, Paths, Term, contributions, top_paths


__all__ = ["Contributions", "Explanation", "Path", "Paths", "Term", "contributions", "explain", "top_paths"]
