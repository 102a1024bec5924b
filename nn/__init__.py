"""nn: a thin layer of neurons over the engine, trained sample by sample."""

from nn import init, losses
from nn.modules import MLP, Layer, Module, Neuron


__all__ = ["MLP", "Layer", "Module", "Neuron", "init", "losses"]
