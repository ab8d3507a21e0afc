"""What `compile` fixes about a model: optimizer, loss, metrics, the trainable variables, and the loops for them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import metrics as metric_classes
from densor._check import bad_value
from densor.graph import Arena, Graph, Tensor, Variable, trace
from densor.graph.objective import loss_input
from densor.layers import Layer
from densor.losses import Loss
from densor.models.data import Data
from densor.models.flags import TrainableFlags
from densor.models.loop import Loop
from densor.models.target import Target
from densor.models.turn import Turn
from densor.optimizers import Optimizer

__all__ = ["Compiled"]


class Compiled:
    """The compiled state of one model.

    `bind` completes it when the model is built: it records the trainable variables, so that later changes of
    `trainable` wait for the next `compile`, and gives the optimizer its state.
    """

    def __init__(
        self, optimizer: Optimizer, loss: Loss | None, metrics: Sequence[Any], flags: TrainableFlags
    ) -> None:
        self.optimizer = optimizer
        self.flags = flags
        self.loss = loss
        self.metrics = tuple(metrics)
        self.metric_objects: list[Any] = [metric for metric in metrics if not isinstance(metric, str)]
        self.trainable: tuple[Variable, ...] = ()
        self._training: Graph | None = None
        self._inference: Graph | None = None
        self._target: Target | None = None
        self._loops: dict[Any, Loop] = {}
        self.testing = Turn("evaluate")
        self.observer: Any = None  # of `probe`, with its traced graph

    def unbound(self) -> Compiled:
        """The same choices for a model whose layers have changed."""
        return Compiled(self.optimizer, self.loss, self.metrics, self.flags)

    @property
    def bound(self) -> bool:
        """Whether the model was built and traced for this."""
        return self._training is not None

    @property
    def arena(self) -> Arena | None:
        """The memory of the trained parameters and the optimizer's slots; None before the first training."""
        return self.optimizer._state if self.bound else None

    def bind(self, model: Layer, inputs: Tensor, inference: Graph) -> None:
        """Trace the built model for training and check that loss and optimizer fit it. Changes nothing if not.

        Raises:
            ValueError: the loss does not fit the outputs, or the optimizer belongs to other variables.
        """
        graph = trace(model, [inputs], training=True)
        if self.loss is not None:
            loss_input(graph, self.loss)
            output = tuple(size for size in graph.outputs[0].shape[1:] if size is not None)
            self.metric_objects = self._checked_metrics(output)
            probabilities = self.loss.stem == "sigmoid_cross_entropy" or self.loss.target_kind == "one_hot"
            self._target = Target(self.loss.target_kind, probabilities, output)
        trainable = tuple(dict.fromkeys(model.trainable_weights))
        if self.optimizer._state is not None:
            _check_owner(self.optimizer._state, trainable)
        self.trainable, self._inference, self._training = trainable, inference, graph

    def _checked_metrics(self, output: tuple[int, ...]) -> list[Any]:
        assert self.loss is not None
        target = () if self.loss.target_kind == "labels" else output
        resolved = self._resolve((None, *target), output)
        for name, metric in zip(self.names[1:], resolved, strict=True):
            if not metric.stem:
                raise bad_value(
                    "compile", "metrics", f"'{name}' ({type(metric).__name__}) cannot be computed in training; for "
                    "the share of right predictions use 'accuracy'"
                )  # fmt: skip
        return resolved

    def _resolve(self, target: tuple[int | None, ...], output: tuple[int, ...]) -> list[Any]:
        return [
            metric_classes.get(metric, loss=self.loss, output_shape=(None, *output), target_shape=target)
            for metric in self.metrics
        ]

    @property
    def target(self) -> Target:
        """What the targets must look like."""
        assert self._target is not None
        return self._target

    @property
    def names(self) -> list[str]:
        """The keys of the logs in the order of the totals: loss, then the metrics as the caller named them."""
        return ["loss", *(metric if isinstance(metric, str) else metric.name for metric in self.metrics)]

    def drifted(self, model: Layer) -> bool:
        """Whether `trainable` flags were changed after `compile`."""
        return tuple(dict.fromkeys(model.trainable_weights)) != self.trainable

    def warn_of_drift(self, model: Layer) -> None:
        """Warn if `trainable` flags were changed after `compile`."""
        if self.drifted(model):
            warnings.warn(
                "fit(): 'trainable' of a layer was changed after compile(); the change takes effect at the next "
                "compile()",
                UserWarning,
                stacklevel=4,
            )

    def train_loop(self, data: Data) -> Loop:
        """The loop that trains on data like `data`."""
        optimizer, arena = self.optimizer, self.take_arena()
        return self._loop(True, data, graph=self._training, optimizer=optimizer, arena=arena)

    def test_loop(self, data: Data) -> Loop:
        """The loop that computes loss and metrics on data like `data`."""
        return self._loop(False, data, graph=self._inference)

    def _loop(self, training: bool, data: Data, **options: Any) -> Loop:
        target = (None, *data.y.shape[1:])
        key = (training, data.weight is not None, target)
        loop = self._loops.get(key)
        if loop is None:
            columns = int(np.prod(data.y.shape[1:], dtype=np.int64))
            loop = self._loops[key] = Loop(
                loss=self.loss,
                metrics=self._resolve(target, self.target.output),
                weighted=data.weight is not None,
                target_columns=columns,
                **options,
            )
        return loop

    def take_arena(self) -> Arena:
        """The arena with the trained variables in it; slots move along if another model has taken a variable."""
        optimizer = self.optimizer
        arena = optimizer._state
        if isinstance(arena, Arena):
            _check_owner(arena, self.trainable)
            if arena.holds(self.trainable):
                return arena
        fresh = Arena(self.trainable, [optimizer.initial_slot(name) for name in optimizer.slots])
        if isinstance(arena, Arena):
            for new, old in zip(fresh.slots, arena.slots, strict=True):
                new[...] = old
        self._loops = {key: loop for key, loop in self._loops.items() if not key[0]}
        optimizer._state = fresh
        return fresh

    def logs(self, loop: Loop) -> dict[str, float]:
        """Means over the rows `loop` has seen, by name in alphabetical order."""
        return dict(sorted(zip(self.names, loop.means(), strict=True)))


def _check_owner(arena: Arena, variables: tuple[Variable, ...]) -> None:
    if arena.variables != variables:
        raise bad_value(
            "compile",
            "optimizer",
            "this optimizer's state belongs to other variables (of another model, or another choice of trainable "
            "layers); make a new optimizer",
        )
