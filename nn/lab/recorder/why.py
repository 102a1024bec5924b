"""Why a parameter was moved as it was: the derivation of its gradient at the weights of that moment, and the step."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from engine import Value, explain
from nn.history import Update
from nn.step import objective


if TYPE_CHECKING:
    from nn.lab.recorder.log import Log


class Why:
    """What `history.why` returns: `explanation` is that of `explain`, `step` how the gradient became a step.

    `update` is the update, `old` and `new` the parameter before and after it.
    """

    def __init__(self, update: Update, name: str, old: float, new: float, explanation: Any, step: list[str]) -> None:
        self.update, self.name, self.old, self.new = update, name, old, new
        self.explanation, self.step = explanation, step

    @property
    def total(self) -> float:
        """DE/dw at that moment."""
        return float(self.explanation.total)

    @property
    def head(self) -> str:
        """One line: which update, of which rows, and what it did."""
        u = self.update
        rows = f"row {u.rows[0]}" if len(u.rows) == 1 else f"{len(u.rows)} rows"
        return (
            f"update {u.step} (epoch {u.epoch}, {rows}, η = {u.lr:g}): E {u.before:.6g} -> {u.after:.6g}\n"
            f"{self.name}  {self.old:.6f} -> {self.new:.6f}, moved by {self.new - self.old:+.6g}"
        )

    def text(self, notes: str | None = "as asked") -> str:
        """The derivation as text, in the words of any of the notes."""
        return "\n".join([self.head, "", self.explanation.text(notes), *self.step])

    def latex(self, notes: str | None = "as asked") -> str:
        """The equations of the derivation."""
        return str(self.explanation.latex(notes))

    def __repr__(self) -> str:
        return self.text()

    def _repr_markdown_(self) -> str:
        head = "  \n".join(re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", line) for line in self.head.splitlines())
        lines = [head, self.explanation._repr_markdown_()]
        if self.step:
            lines.append("\n".join(["```", *self.step, "```"]))
        return "\n\n".join(lines)


def why(log: Log, parameter: str | Value, step: int, notes: str | None = "LEC") -> Why:
    """See History.why."""
    k = place(log, parameter)
    update: Update = log[log.check(step)]
    whole = log.whole(step)
    n, name = len(log.names), log.names[k]
    g = whole.gradient[k]
    if g != g:
        raise ValueError(f"update {step} did not move {name}: the loss of its rows does not depend on it")
    plain = not log.sgd["momentum"] and not log.sgd["weight_decay"]
    again = log.again()
    with again.borrowed():
        again.set(whole.old)
        E = objective(log.model, again.loss_of, [log.rows[i] for i in update.rows])
        again.same(step, E.data)
        explanation = explain(log.parameters[k], E, notes=notes, eta=update.lr if plain else None)
    velocity = whole.old[n + k] if len(whole.old) > n else None
    lines = [] if plain else step_lines(log, update.lr, whole.old[k], g, velocity, whole.new[k])
    return Why(update, name, whole.old[k], whole.new[k], explanation, lines)


def step_lines(log: Log, lr: float, w: float, g: float, v: float | None, new: float) -> list[str]:
    """How weight decay and momentum make a step of a gradient, by torch.optim.SGD's formulas, in numbers."""
    decay, mu = log.sgd["weight_decay"], log.sgd["momentum"]
    lines, slope, name = [], g, "dE/dw"
    if decay:
        slope = g + decay * w
        lines.append(f"g = dE/dw + λ w = {g:.6f} + {decay:g} × {w:.6f} = {slope:.6f}   (weight decay λ)")
        name = "g"
    if v is not None:
        running = mu * v + slope
        lines.append(f"v = μ v + {name} = {mu:g} × {v + 0.0:.6f} + {slope:.6f} = {running:.6f}   (momentum μ)")
        if log.sgd["nesterov"]:
            lines.append(f"s = {name} + μ v = {slope:.6f} + {mu:g} × {running:.6f} = {slope + mu * running:.6f}   (Nesterov)")
            slope, name = slope + mu * running, "s"
        else:
            slope, name = running, "v"
    lines.append(f"w - η {name} = {w:.6f} - {lr:g} × {slope:.6f} = {new:.6f}")
    return ["  step   " + lines[0], *("         " + line for line in lines[1:])]


def place(log: Log, parameter: str | Value) -> int:
    """Which parameter is meant: by itself, by its name, or by its two numbers if only one has these."""
    if isinstance(parameter, Value):
        for k, p in enumerate(log.parameters):
            if p is parameter:
                return k
        raise ValueError(f"{parameter!r} is not a parameter of this model")
    if parameter in log.names:
        return log.names.index(parameter)
    found = [k for k, p in enumerate(log.parameters) if p is not None and str(p.label) == parameter]
    meant = found or [k for k, name in enumerate(log.names) if short(name) == short(str(parameter))]
    if len(meant) == 1:
        return meant[0]
    near = [log.names[k] for k in meant] or difflib.get_close_matches(str(parameter), log.names) or log.names[:3]
    raise ValueError(f"no parameter is called {parameter!r}; did you mean {' or '.join(near[:3])}?")


def short(name: str) -> str:
    """w_11 of w_h1,x1: the letter and the numbers."""
    return name[:1] + "".join(re.findall(r"\d+", name))
