"""Learning by tests: what a wrong number says about the slip that made it.

mistakes    the catalogue: each a small change of a rule, a sum or a factor, applied to a recorded graph
answers     a learner's number, read from a number, a fraction, a formula as text, or a function
diagnosis   `diagnose`: right, or the one catalogued mistake that explains the number, or the ratio
drill       asks for every partial of a graph in turn
ledger      every equation of the notes, both sides computed on a network, and what is wrong in them
"""

from engine.learn.diagnosis import Diagnosis, diagnose
from engine.learn.drill import drill
from engine.learn.mistakes import CATALOGUE, Mistake, Slip, slips


__all__ = ["CATALOGUE", "Diagnosis", "Mistake", "Slip", "diagnose", "drill", "slips"]
