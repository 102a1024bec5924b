"""nn: a thin layer of neurons over the engine, trained sample by sample."""

from nn import data, init, losses
from nn.files import load, load_predictor, save
from nn.history import Epoch, History, Update
from nn.modules import MLP, Layer, Module, Neuron
from nn.optim import SGD, Diverged
from nn.predictor import Predictor
from nn.scores import accuracy, predict
from nn.train import fit


__all__ = [
    "MLP",
    "SGD",
    "Diverged",
    "Epoch",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Predictor",
    "Update",
    "accuracy",
    "data",
    "fit",
    "init",
    "load",
    "load_predictor",
    "losses",
    "predict",
    "save",
]
