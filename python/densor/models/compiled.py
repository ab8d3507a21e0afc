"""What `compile` fixes about a model: optimizer, losses, metrics, the trainable variables, and the loops for them."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import metrics as metric_classes
from densor._check import bad_value
from densor.graph import Arena, Graph, Head, Variable, trace
from densor.graph.formulas import Formulas
from densor.graph.objective import loss_input
from densor.layers import Layer
from densor.losses import Loss
from densor.models.data import Array, Data
from densor.models.endings import Ending, Request, result_names
from densor.models.flags import TrainableFlags
from densor.models.loop import Loop
from densor.models.own_loss import OwnLoss, OwnMetrics, without_losses
from densor.models.target import Target, Targets
from densor.models.turn import Turn
from densor.optimizers import Optimizer

__all__ = ["Compiled"]


class Compiled:
    """The compiled state of one model.

    `bind` completes it when the model is built: it records the trainable variables, so that later changes of
    `trainable` wait for the next `compile`, and gives the optimizer its state.
    """

    def __init__(
        self, optimizer: Optimizer, request: Request, flags: TrainableFlags, device: str = "cpu"
    ) -> None:
        self.optimizer = optimizer
        self.request = request
        self.flags = flags
        self.device = device
        self.endings: list[Ending] = []
        self.metric_objects: list[Any] = []
        self.trainable: tuple[Variable, ...] = ()
        self._training: Graph | None = None
        self._inference: Graph | None = None
        self._targets: Targets | None = None
        self._loops: dict[Any, Loop] = {}
        self._metrics: dict[Any, tuple[list[Any], ...]] = {}  # of an output, for targets of a shape
        self._arena: Arena | None = None  # of the loops that train
        self.testing = Turn("evaluate")
        self.own_loss: OwnLoss | None = None
        self.own_metrics: OwnMetrics | None = None
        self.results: dict[str, Any] = {}  # those computed last
        self.observer: Any = None  # of `probe`, with its traced graph

    def unbound(self) -> Compiled:
        """The same choices for a model whose layers have changed."""
        return Compiled(self.optimizer, self.request, self.flags, self.device)

    def with_own(self, model: Any, loss: bool, metrics: bool) -> Compiled:
        """This, for a model whose class computes its loss or its metrics itself."""
        self.own_loss = OwnLoss(model) if loss else None
        self.own_metrics = OwnMetrics(model) if metrics else None
        return self

    @property
    def trains(self) -> bool:
        """Whether there is a loss: one that was given, one of the model's own, or terms that layers add."""
        graph = self._training
        added = graph is not None and any(node.sink for node in graph.nodes)
        return self.request.trains or self.own_loss is not None or added

    @property
    def bound(self) -> bool:
        """Whether the model was built and traced for this."""
        return self._training is not None

    @property
    def loss(self) -> Any:
        """The loss, or the list or dict of losses, as `compile` was given them; instances, not names."""
        return self.request.loss

    @property
    def arena(self) -> Arena | None:
        """The memory of the trained parameters and the optimizer's slots; None before the first training."""
        return self.optimizer._state if self.bound else None

    def bind(self, model: Any, inputs: Any, inference: Graph, names: Sequence[str]) -> None:
        """Trace the built model for training and check that losses and optimizer fit it. Changes nothing if not.

        Args:
            model: what is traced, and has `trainable_weights`: the model. inputs: its symbolic inputs.
            inference: the model, traced for inference. names: of the outputs.

        Raises:
            ValueError: a loss does not fit the outputs, or the optimizer belongs to other variables.
        """
        structured = inputs if isinstance(inputs, list | dict) else [inputs]
        graph = _training_graph(model, structured)
        if self.request.trains or self.own_loss is not None or any(node.sink for node in graph.nodes):
            endings = self.asked(names, isinstance(graph.result, dict))
            for ending in endings if self.own_loss is not None else ():
                ending.read = True
            targets = [_target(graph, place, ending) for place, ending in enumerate(endings)]
            self.metric_objects = [
                metric
                for ending, target in zip(endings, targets, strict=True)
                for metric in _checked_metrics(ending, target)
            ]
            self.endings, self._targets = endings, Targets(endings, targets)
        trainable = tuple(dict.fromkeys(model.trainable_weights))
        self.optimizer.check_owner(trainable, "compile", "optimizer")
        _warn_of_l2(self.optimizer, trainable)
        self.trainable, self._inference, self._training = trainable, inference, graph
        if self.own_metrics is not None:
            self.own_metrics.outputs, self.own_metrics.structure = graph.outputs, graph.result

    def asked(self, names: Sequence[str], keyed: bool = False) -> list[Ending]:
        """Losses, metrics and weights of the outputs with these names; `keyed`: of a dict."""
        return self.request.endings(names, keyed)

    def targets_of(
        self, function: str, x: tuple[Array, ...], y: Any, sample_weight: Any, class_weight: Any, finite: bool
    ) -> tuple[tuple[Array, ...], tuple[NDArray[np.float32] | None, ...]]:
        """The checked targets and weights of every output for the checked features `x`.

        Raises:
            TypeError, ValueError: as `Targets.check` and `Targets.weights`.
        """
        checked = self.targets.check(function, y, len(x[0]), finite)
        return checked, self.targets.weights(function, sample_weight, class_weight, checked)

    @property
    def targets(self) -> Targets:
        """What the targets must look like."""
        assert self._targets is not None
        return self._targets

    @property
    def names(self) -> list[str]:
        """The results in the order in which `evaluate` returns them: losses, then metrics.

        Metrics are in the order of `compile`, those of several outputs in alphabetical order, and losses in that of
        the outputs; where outputs and losses are dicts, in that of the losses. All as in Keras.
        """
        endings = self.endings or (self.request.endings(["output"]) if self._single else [])
        names = result_names(without_losses(endings) if self.own_loss is not None else endings)
        if len(endings) < 2:
            return names
        losses = [name for name in names[: 1 + len(endings)] if name == "loss" or name.endswith("_loss")]
        asked = self.request.loss
        if isinstance(asked, Mapping) and self._training and isinstance(self._training.result, Mapping):
            ranks = {"loss": 0} | {f"{name}_loss": place for place, name in enumerate(asked, 1)}
            losses.sort(key=lambda name: ranks.get(name, len(ranks)))
        return losses + sorted(name for name in names if name not in losses)

    @property
    def _single(self) -> bool:
        """Whether what was asked for is meant for one output."""
        try:
            self.request.endings(["output"])
        except (TypeError, ValueError):
            return False
        return True

    def drifted(self, model: Layer) -> bool:
        """Whether `trainable` flags were changed after `compile`."""
        return self.bound and tuple(dict.fromkeys(model.trainable_weights)) != self.trainable

    def warn_of_drift(self, model: Layer) -> None:
        """Warn if `trainable` flags were changed after `compile`."""
        if self.drifted(model):
            warnings.warn(
                "fit(): 'trainable' of a layer was changed after compile(); the change takes effect at the next "
                "compile()",
                UserWarning,
                stacklevel=4,
            )

    def train_loop(self, data: Data, guarded: bool = False) -> Loop:
        """The loop that trains on data like `data`; `guarded` as for `Loop`."""
        options: dict[str, Any] = {
            "optimizer": self.optimizer,
            "arena": self.take_arena(),
            "guarded": guarded,
        }
        return self._loop("guarded train" if guarded else "train", data, graph=self._training, **options)

    def gradient_loop(self, data: Data) -> tuple[Loop, Arena]:
        """The loop that computes gradients on data like `data`, and where it leaves them."""
        arena = self.take_arena()
        return self._loop("gradients", data, graph=self._training, arena=arena, update_statistics=True), arena

    def test_loop(self, data: Data) -> Loop:
        """The loop that computes losses and metrics on data like `data`."""
        return self._loop("test", data, graph=self._inference)

    def _loop(self, purpose: str, data: Data, **options: Any) -> Loop:
        shapes = tuple((None, *y.shape[1:]) for y in data.y)
        key = (purpose, tuple(weight is not None for weight in data.weight), shapes)
        loop = self._loops.get(key)
        if loop is None:
            heads = [
                self._head(ending, target, shape, weight is not None)
                for ending, target, shape, weight in zip(
                    self.endings, self.targets.targets, shapes, data.weight, strict=True
                )
            ]
            penalized: Sequence[Variable] = self.trainable
            if self.own_loss is not None:
                training = options["graph"] is self._training
                options["graph"] = self.own_loss.on(options["graph"], heads, training)
                penalized = self.trainable if self.own_loss.penalized else ()
            loop = Loop(heads=heads, penalized=penalized, device=self.device, **options)
            if self.own_metrics is not None and purpose != "gradients":
                loop.streams.watch(partial(self._see, loop), self.own_metrics.forget)
            self._loops[key] = loop
        return loop

    def _see(self, loop: Loop, *batch: Any) -> None:
        assert self.own_metrics is not None
        self.results = self._means(loop)
        self.own_metrics.see(*batch)

    def _head(self, ending: Ending, target: Target, shape: tuple[int | None, ...], weighted: bool) -> Head:
        read = ending.read and shape[1:] != (0,)
        if ending.idle or (ending.read and not read):
            return Head(None)
        key, rows = (ending.name, shape), target.rows(tuple(size for size in shape if size is not None))
        if key not in self._metrics:  # the same objects in every loop, as they may gather something
            self._metrics[key] = tuple(
                _resolve(asked, ending.loss, (None, *rows), target.output)
                for asked in (ending.metrics, ending.weighted_metrics)
            )
        metrics, weighted_metrics = self._metrics[key]
        formulas = Formulas.of(rows, target.output, weighted)
        loss = None if read else ending.loss
        if loss is not None and not target.native:
            formulas = _with_loss(formulas, loss)
        streamed = []
        for metric in (*metrics, *weighted_metrics):
            if not _is_native(metric, target.output):
                formulas = _with_metric(formulas, metric)
                streamed += [] if metric in formulas.values else [metric]
        return Head(
            loss,
            metrics,
            weighted_metrics,
            ending.weight,
            weighted,
            math.prod(rows),
            formulas,
            streamed,
            read,
        )

    def take_arena(self) -> Arena:
        """The arena with the trained variables in it; slots move along if another model has taken a variable."""
        arena = self.optimizer.take_arena(self.trainable, "compile", "optimizer")
        if arena is not self._arena:
            self._loops = {key: loop for key, loop in self._loops.items() if key[0] == "test"}
            self._arena = arena
        return arena

    def logs(self, loop: Loop) -> dict[str, Any]:
        """The results over the rows `loop` has seen, by name in alphabetical order."""
        self.results = found = self._means(loop)
        if self.own_metrics is not None and self.own_metrics.returned:
            return dict(sorted(self.own_metrics.returned.items()))
        return found

    def _means(self, loop: Loop) -> dict[str, Any]:
        figures = loop.means()
        endings = self.endings if self.own_loss is None else without_losses(self.endings)
        trained = [(e, f) for e, f in zip(endings, figures, strict=True) if e.loss is not None]
        values = [sum(ending.weight * found[0] for ending, found in trained) + loop.penalty()]
        if len(trained) > 1:
            values += [found[0] for _, found in trained]
        values += [value for found in figures for value in found[1:]]
        return dict(sorted(zip(result_names(endings), values, strict=True)))


def _target(graph: Graph, place: int, ending: Ending) -> Target:
    """What the targets of one output must look like, and whether a native operation computes its loss."""
    output = tuple(size for size in graph.outputs[place].shape[1:] if size is not None)
    loss = ending.loss
    if loss is None:
        return Target("any", False, output)
    ignored = getattr(loss, "ignore_class", None)
    plain = loss.reduction != "mean_with_sample_weight" and ignored is None
    native = plain and loss_input(graph, loss, place) is not None
    return Target(loss.target_kind, loss.bounded_targets, output, native, ignored, loss.axis)


def _with_loss(formulas: Formulas, loss: Loss) -> Formulas:
    """The formulas and that of the loss, which is written in densor.ops."""
    try:
        return formulas.extended(loss, loss.row_losses)
    except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
        raise bad_value(
            "compile", "loss", f"{loss.name!r} cannot be computed for targets {formulas.y_true.shape} and outputs "
            f"{formulas.y_pred.shape}: {error}; write it in densor.ops"
        ) from error  # fmt: skip


def _is_native(metric: Any, output: tuple[int, ...]) -> bool:
    """Whether a native operation computes the metric; accuracies look for the largest of a row."""
    return bool(metric.stem) and (len(output) < 2 or getattr(metric, "kind", "binary") == "binary")


def _with_metric(formulas: Formulas, metric: Any) -> Formulas:
    """The formulas and that of the metric, if it is a mean over rows written in densor.ops."""
    try:
        return formulas.extended(metric, metric.row_values)
    except (TypeError, ValueError, AttributeError, NotImplementedError):
        return formulas  # written for arrays: computed batch by batch from the predictions


def _checked_metrics(ending: Ending, target: Target) -> list[Any]:
    shape = () if target.kind == "labels" else target.output
    asked = [*ending.metrics, *ending.weighted_metrics]
    return _resolve(asked, ending.loss, (None, *shape), target.output)


def _resolve(
    metrics: Sequence[Any], loss: Loss | None, target: tuple[int | None, ...], output: tuple[int, ...]
) -> list[Any]:
    return [
        metric_classes.get(metric, loss=loss, output_shape=(None, *output), target_shape=target)
        for metric in metrics
    ]


def _training_graph(model: Any, inputs: Any) -> Graph:
    """The model as `fit` runs it: in inference mode where its `call` has no argument `training`, as in Keras."""
    graph = trace(model, inputs, training=True)
    if not isinstance(model, Layer) or "training" in inspect.signature(model.call).parameters:
        return graph
    other = trace(model, inputs, training=False)
    if list(map(type, other.nodes)) != list(map(type, graph.nodes)):
        warnings.warn(
            f"compile(): {type(model).__name__}.call() has no argument 'training', so that fit() runs its layers as "
            "predict() does, without dropout and with the moving statistics of normalization, as Keras does; write "
            "`def call(self, inputs, training=None)`",
            UserWarning,
            stacklevel=4,
        )
    return other


def _warn_of_l2(optimizer: Optimizer, variables: tuple[Variable, ...]) -> None:
    """An l2 penalty decays weights unevenly where the optimizer divides each gradient by its own scale."""
    coefficients = [v.regularizer.elementwise for v in variables if v.regularizer is not None]
    if optimizer.adaptive and any(pair is not None and pair[1] > 0 for pair in coefficients):
        warnings.warn(
            f"compile(): {type(optimizer).__name__} divides the gradient of an l2 penalty by its own scale, so weights "
            "do not decay as with SGD; for weight decay use AdamW(weight_decay=...) and no l2",
            UserWarning,
            stacklevel=4,
        )
