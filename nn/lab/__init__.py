"""lab: what one does with trained networks: figures, experiments, landscapes, searches."""

from nn.lab import experiments, landscape, plots, search
from nn.lab.search import between, grid, random_search, restarts


__all__ = ["between", "experiments", "grid", "landscape", "plots", "random_search", "restarts", "search"]
