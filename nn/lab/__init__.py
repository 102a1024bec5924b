"""lab: what one does with trained networks: figures, experiments, landscapes."""

from nn.lab import experiments, landscape, plots


__all__ = ["experiments", "landscape", "plots"]
