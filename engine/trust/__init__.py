"""Reasons to trust a number: rules beside measured slopes, other number systems, and where trouble began.

systems, steps, reevaluate   the same graph in fractions, in fifty digits, off the real axis
slopes, rules, report, check slopes that know nothing of the rules, rule by rule and as a whole: gradcheck
precision                    how many digits the floats of a graph keep
primitive                    rows of your own, checked before they are let in
trouble                      the first NaN or infinity, and the line that made it
"""
