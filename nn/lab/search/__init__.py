"""search: many trainings, over seeds and hyperparameters, on one machine or many; one table of results."""

from nn.lab.search.job import Job, Run
from nn.lab.search.results import Results
from nn.lab.search.search import between, grid, random_search, restarts


__all__ = ["Job", "Results", "Run", "between", "grid", "random_search", "restarts"]
