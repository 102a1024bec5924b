"""lab: what one does with trained networks."""

from nn.lab import plots


__all__ = ["plots"]
