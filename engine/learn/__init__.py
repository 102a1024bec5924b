"""Learning by tests: what a wrong number says about the slip that made it.

mistakes    the catalogue: each a small change of a rule, a sum or a factor, applied to a recorded graph
answers     a learner's number, read from a number, a fraction, a formula as text, or a function
diagnosis   `diagnose`: right, or the one catalogued mistake that explains the number, or the ratio
drill       asks for every partial of a graph in turn
ledger      every equation of the notes, both sides computed on a network, and what is wrong in them
plain       the engine in its plainest form, which the exercises are cut from
cutting     a learner's file, cut from the shipped source; blanks say where
lessons     the checks of lessons 0 to 5, numeric those of 6; those of 7 to 13 are in nn.learn
meaning     what Python's words for a failure mean to a learner
code_slips  mistakes in what is written in a blank; run, each says what the wrong number would be
judging     the verdict on a learner's code, and the one slip that explains it
desk        `python -m engine.learn`: the next thing to do; notebook has the same as `check(n)`
plugin, zoo   pytest --lesson N, --eq ID, and --zoo for a learner's own tests
"""

from engine.learn.diagnosis import Diagnosis, diagnose
from engine.learn.drill import drill
from engine.learn.mistakes import CATALOGUE, Mistake, Slip, slips
from engine.learn.notebook import check


__all__ = ["CATALOGUE", "Diagnosis", "Mistake", "Slip", "check", "diagnose", "drill", "slips"]
