"""Predictor: a trained model together with what it takes to ask it in the units of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nn.dataset import Dataset, check_rows
from nn.given import network
from nn.modules import MLP
from nn.numbers import counted, number
from nn.scores import predict


@dataclass(frozen=True)
class Predictor:
    """A model, the names of its inputs and classes, and mean and scale if it was trained on standardised rows.

    Called on a row as it was measured, a sequence or a mapping from feature to number, it gives the outputs as floats;
    `tell` gives the class. Raises ValueError or TypeError for a row that does not fit, with the entry that is wrong.

    >>> from nn import data
    >>> train, = data.standardise(data.Dataset("fruit", [((150, 7), 0), ((120, 9), 1)], ("weight", "size"), ("apple", "pear")))
    >>> predictor = Predictor.of(MLP(2, [2], output="softmax", seed=0), train)
    >>> predictor({"size": 9, "weight": 120}) == predictor([120, 9])
    True
    >>> predictor.tell([150, 7])
    'pear'
    """

    model: MLP
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @classmethod
    def of(cls, model: MLP, dataset: Dataset) -> Predictor:
        """The model and the preparation of the rows that it was trained on."""
        if not isinstance(dataset, Dataset):
            raise TypeError(f"dataset is {type(dataset).__name__}; write the Dataset whose rows the model was trained on")
        return cls(model, dataset.features, dataset.classes, dataset.mean, dataset.scale)

    def __post_init__(self) -> None:
        """Refuse what does not fit the model: ValueError or TypeError."""
        nin, nout = network(self.model).nin, self.model.nout
        for what, names in ("features", self.features), ("classes", self.classes):
            if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
                raise TypeError(f"{what} are {names!r}, not names")
        if len(self.features) != nin:
            raise ValueError(f"the rows have {counted(len(self.features), 'feature')}, and the model takes {nin}")
        if self.classes and len(self.classes) != (2 if nout == 1 else nout):
            raise ValueError(f"the rows have {counted(len(self.classes), 'class', 'classes')}, and the model {counted(nout, 'output')}")
        if self.mean or self.scale:
            for what, numbers in ("mean", self.mean), ("scale", self.scale):
                check_rows([(numbers, (0.0,))], nin)
                if what == "scale" and min(numbers) <= 0:
                    raise ValueError(f"scale is {numbers!r}; every entry is above 0")

    def __call__(self, row: Sequence[Any] | Mapping[str, Any]) -> list[float]:
        if isinstance(row, Mapping):
            if row.keys() != set(self.features):
                raise ValueError(f"the row has {', '.join(sorted(map(str, row)))}; its features are {', '.join(self.features)}")
            row = [row[name] for name in self.features]
        ((x, _),) = check_rows([(row, (0.0,))], len(self.features))
        if self.scale:
            x = tuple([(v - m) / s for v, m, s in zip(x, self.mean, self.scale, strict=True)])
        return predict(self.model, [number(v, name) for name, v in zip(self.features, x, strict=True)])

    def tell(self, row: Sequence[Any] | Mapping[str, Any]) -> str:
        """The class with the largest output; of one output, that of its side of the boundary. ValueError without classes."""
        if not self.classes:
            raise ValueError("the model was trained to give numbers, not classes; call the predictor itself")
        o = self(row)
        if len(o) > 1:
            return self.classes[max(range(len(o)), key=o.__getitem__)]
        return self.classes[int(o[0] > (0.5 if self.model.output == "sigmoid" else 0.0))]
