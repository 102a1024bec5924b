"""Why a gradient is the number that it is: derivations, terms and paths, in the words of the notes.

cone, terms, paths           what lies between a node and the root, use by use and path by path, in numbers
chain, derivation, remarks   the same as the notes see it: factors, a sum over units, what is odd
notation, digits, reading, pens   names, numbers and formulas, written as text and as LaTeX
compose, deltas              the lines of an explanation in the words of one of the notes
blocks, layout, explanation  how they stand on a page, and what `explain` returns
"""

from engine.why.explanation import Explanation, explain
from engine.why.paths import Path, Paths, top_paths
from engine.why.terms import Contributions, Term, contributions


__all__ = ["Contributions", "Explanation", "Path", "Paths", "Term", "contributions", "explain", "top_paths"]
