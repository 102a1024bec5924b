"""A short search over starts of one network, for the tests of searches."""

import struct

import starts

from nn import data
from nn.lab import restarts


SHORT = {"loss": "sse", "lr": 0.5, "epochs": 5, "order": "given"}


def bits(weights):
    return [struct.pack("<d", w) for w in weights]


def started(n=4, **options):
    return restarts(data.XOR(), n, **{"model": starts.drawn} | SHORT | options)
