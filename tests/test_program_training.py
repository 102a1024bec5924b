"""Compiled training steps: the digits of steps on the graph, for every activation, loss and optimiser setting."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from trainings import Training, a_training

from nn import Diverged
from nn.compiled import CompiledSteps, compiled_steps


NATIVE = pytest.param("native", marks=pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="no llvmlite"))
BACKENDS = ["python", NATIVE]


SETTINGS: list[tuple[list[int], str, int, dict[str, Any]]] = [
    ([2, 2, 2], "sse", 1, {"activation": "sigmoid", "output": "sigmoid"}),
    ([3, 3, 3, 3], "half_sse", 1, {"activation": ["tanh", "sigmoid"], "momentum": 0.9}),
    ([1, 1, 1], "mse", 1, {"activation": "softplus", "weight_decay": 0.01}),
    ([2, 5, 1], "bce", 1, {"activation": "relu", "output": "sigmoid", "momentum": 0.5, "nesterov": True}),
    ([4, 3, 2], "bce_with_logits", 4, {"activation": "leaky_relu", "momentum": 0.9, "weight_decay": 0.1}),
    ([3, 4, 3], "cross_entropy", 3, {"output": "softmax"}),
    ([2, 7, 4, 3], "hinge", 1, {"expand": True}),
    ([5, 16, 10], "sse", 1, {"activation": "sigmoid", "output": "sigmoid", "bias": False}),
    ([9, 24, 24, 11], "cross_entropy", 1, {"output": "softmax", "momentum": 0.9}),
    ([2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2], "sse", 1, {}),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("sizes", "loss", "size", "settings"), SETTINGS)
def test_compiled_steps_have_the_digits_of_the_graph(
    backend: str, sizes: list[int], loss: str, size: int, settings: dict[str, Any]
) -> None:
    graph, fast = Training(sizes, loss, **settings), Training(sizes, loss, **settings)
    steps = fast.compiled(backend)
    for epoch in range(3):
        graph.optimiser.lr = fast.optimiser.lr = 0.1 / (1 + epoch)
        order = graph.order(seed=epoch)
        expected = [graph.update(order[k : k + size]) for k in range(0, len(order), size)]
        assert steps.run(order, size, fast.update) == expected
        assert fast.weights() == graph.weights()
    program = steps.steps[size].program
    assert (program.backend, program.remark) == (backend, "")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("lr", [60.0, 1e160])
def test_a_run_that_diverges_ends_where_the_graph_does(backend: str, lr: float) -> None:
    settings: dict[str, Any] = {"activation": "relu", "lr": lr, "momentum": 0.5}
    graph, fast = Training([2, 4, 1], "sse", **settings), Training([2, 4, 1], "sse", **settings)
    order = graph.order() * 200
    with pytest.raises((Diverged, ArithmeticError)) as slow:
        list(map(graph.update, ([k] for k in order)))
    with pytest.raises(type(slow.value)) as quick:
        fast.compiled(backend).run(order, 1, fast.update)
    assert str(quick.value) == str(slow.value)
    assert fast.weights() == graph.weights()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_operation_that_is_refused_names_its_node(backend: str) -> None:
    fast = Training([1, 1], "bce", output="sigmoid", lr=2000.0)
    fast.rows = [([1.0], [1.0]), ([-800.0], [1.0])]
    with pytest.raises(ArithmeticError, match=r"bce\(.*domain"):
        fast.compiled(backend).run([0, 1, 1], 1, fast.update)


def test_progress_is_told_of_every_step() -> None:
    training, told = Training([2, 2, 1], "sse"), []
    training.compiled("python").run(training.order(), 2, training.update, told.append)
    assert sum(told) == 9
    assert min(told) >= 1


def test_auto_leaves_short_trainings_and_foreign_losses_to_the_graph() -> None:
    t = Training([2, 2, 1], "sse")

    def chosen(loss: Any, updates: int) -> Any:
        return compiled_steps(t.model, t.rows, loss, t.objective, t.optimiser, "auto", True, updates)

    assert chosen("sse", 10) is None
    assert chosen(lambda o, t: o[0] * o[0], 10**9) is None
    assert isinstance(chosen("sse", 10**9), CompiledSteps)


def test_without_strict_ten_epochs_stay_close() -> None:
    pytest.importorskip("llvmlite")
    settings: dict[str, Any] = {"activation": "sigmoid", "output": "softmax", "rows": 40}
    exact, fast = Training([16, 24, 10], "cross_entropy", **settings), Training([16, 24, 10], "cross_entropy", **settings)
    for training, strict in ((exact, True), (fast, False)):
        steps = training.compiled("native", strict)
        for epoch in range(10):
            steps.run(training.order(seed=epoch), 1, training.update)
    assert fast.weights() != exact.weights()
    assert fast.weights() == pytest.approx(exact.weights(), rel=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(12))
def test_any_network_trains_to_the_digits_of_the_graph(backend: str, seed: int) -> None:
    graph, fast = a_training(seed), a_training(seed)
    size = 1 + seed % 2
    steps, order = fast.compiled(backend), graph.order()
    assert steps.run(order, size, fast.update) == [graph.update(order[k : k + size]) for k in range(0, 7, size)]
    assert fast.weights() == graph.weights()
    assert steps.steps[size].program.remark == ""
