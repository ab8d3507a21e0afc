"""What `compile` was asked for, output by output: losses, metrics and their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from densor import losses
from densor import metrics as metric_classes
from densor._check import bad_type, bad_value, number, show, suggestion
from densor.graph.structure import mapped
from densor.losses import Loss

__all__ = ["Ending", "Request"]


@dataclass
class Ending:
    """Loss, metrics and share in the model's loss at one output; metrics are names or instances."""

    name: str
    loss: Loss | None
    metrics: list[Any] = field(default_factory=list)
    weighted_metrics: list[Any] = field(default_factory=list)
    weight: float = 1.0
    read: bool = False  # by a loss of the model's own

    @property
    def idle(self) -> bool:
        """Whether nothing is computed here, so that targets are not needed."""
        return not (self.read or self.loss is not None or self.metrics or self.weighted_metrics)

    @property
    def optional(self) -> bool:
        """Whether it can do without targets."""
        return self.loss is None and not self.metrics and not self.weighted_metrics


class Request:
    """The checked arguments of `compile`, in the form the caller gave them: one for all, a list or a dict.

    Args:
        loss: names, configurations or instances; None trains nothing.
        loss_weights: numbers.
        metrics, weighted_metrics: lists of names and instances, for each output.

    Raises:
        TypeError, ValueError: an unknown name, or something else.
    """

    def __init__(self, loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any) -> None:
        several = isinstance(loss, list | tuple) or (isinstance(loss, Mapping) and "class_name" not in loss)
        self.loss = mapped(_loss, loss) if several else _loss(loss)
        self.loss_weights = (
            None
            if loss_weights is None
            else mapped(lambda w: number("compile", "loss_weights", w, 0), loss_weights)
        )
        self.metrics = _metrics("metrics", metrics)
        self.weighted_metrics = _metrics("weighted_metrics", weighted_metrics)

    @property
    def trains(self) -> bool:
        """Whether there is a loss."""
        return any(loss is not None for loss in self._losses())

    def _losses(self) -> list[Loss | None]:
        if isinstance(self.loss, Mapping):
            return list(self.loss.values())
        return list(self.loss) if isinstance(self.loss, list) else [self.loss]

    def endings(self, names: Sequence[str], keyed: bool = False) -> list[Ending]:
        """What it means for a model whose outputs have these names.

        keyed: they are the keys of a dict that the model returns; there a dict of losses may leave some out.

        Raises:
            ValueError: another number of outputs, unknown names, or two results of one name.
        """
        chosen = _spread("loss", self.loss, names)
        weights = _spread("loss_weights", self.loss_weights, names, 1.0)
        given = self.loss if isinstance(self.loss, Mapping) and not keyed else names
        if missing := [name for name in names if name not in given]:
            raise bad_value(
                "compile",
                "loss",
                f"output {missing[0]!r} has no loss; give it one, or None to train nothing there",
            )
        found = [
            Ending(name, loss, metrics, weighted, 1.0 if weight is None else weight)
            for name, loss, metrics, weighted, weight in zip(
                names,
                chosen,
                _of_outputs("metrics", self.metrics, names),
                _of_outputs("weighted_metrics", self.weighted_metrics, names),
                weights,
                strict=True,
            )
        ]
        keys = result_names(found)
        for key in keys:
            if keys.count(key) > 1:
                raise bad_value("compile", "metrics", f"two results would be named {key!r}")
        return found


def result_names(endings: Sequence[Ending]) -> list[str]:
    """The keys of the logs: the loss, the losses of several outputs, then output by output the metrics."""
    several = len(endings) > 1
    names = ["loss"]
    if sum(ending.loss is not None for ending in endings) > 1:
        names += [f"{ending.name}_loss" for ending in endings if ending.loss is not None]
    for ending in endings:
        prefix = f"{ending.name}_" if several else ""
        plain = [_metric_name(metric) for metric in ending.metrics]
        names += [f"{prefix}{name}" for name in plain]
        for name in map(_metric_name, ending.weighted_metrics):
            names.append(f"{prefix}weighted_{name}" if name in plain else f"{prefix}{name}")
    return names


def _metric_name(metric: Any) -> str:
    return metric if isinstance(metric, str) else str(metric.name)


def _loss(value: Any) -> Loss | None:
    if value is None:
        return None
    loss = losses.get(value)
    if loss.reduction == "none":
        raise bad_value(
            "compile",
            "loss",
            "reduction 'none' cannot be trained: it gives no number; use 'sum_over_batch_size'",
        )
    return loss


def _metrics(argument: str, value: Any) -> Any:
    """A list of names, instances, Nones and lists of them, or a dict of such lists."""
    if value is None:
        return []
    if isinstance(value, Mapping) and "class_name" not in value:
        return {name: _several(argument, found) for name, found in value.items()}
    if not isinstance(value, list | tuple):
        raise bad_type("compile", argument, f"must be a list of names or metrics, got {show(value)} "
                       f"({type(value).__name__})")  # fmt: skip
    return [
        item
        if item is None
        else _several(argument, item)
        if isinstance(item, list | tuple)
        else _metric(item)
        for item in value
    ]


def _several(argument: str, value: Any) -> list[Any]:
    if value is None:
        return []
    return [_metric(item) for item in (value if isinstance(value, list | tuple) else [value])]


def _metric(value: Any) -> Any:
    return value if isinstance(value, str) else metric_classes.get(value)


def _spread(argument: str, value: Any, names: Sequence[str], default: Any = None) -> list[Any]:
    """One value for each output."""
    if isinstance(value, Mapping):
        _check_names(argument, value, names)
        return [value.get(name, default) for name in names]
    if isinstance(value, list):
        if len(value) != len(names):
            raise bad_value(
                "compile", argument, f"expected one for each of the outputs {list(names)}, got {len(value)}"
            )
        return value
    if value is not None and argument == "loss_weights" and len(names) > 1:
        raise bad_type(
            "compile", argument, f"must be a list or dict for the outputs {list(names)}, got {value}"
        )
    return [value] * len(names)


def _of_outputs(argument: str, value: Any, names: Sequence[str]) -> list[list[Any]]:
    """The metrics of each output."""
    if isinstance(value, Mapping):
        _check_names(argument, value, names)
        return [value.get(name, []) for name in names]
    if not value:
        return [[] for _ in names]
    if len(names) == 1:
        if any(isinstance(item, list) for item in value):
            if len(value) > 1:
                raise bad_value("compile", argument, f"{len(value)} lists for one output; give one list")
            return [value[0]]
        return [[item for item in value if item is not None]]
    if len(value) != len(names):
        raise bad_value(
            "compile", argument,
            f"must have an entry for each of the outputs {list(names)}, or be a dict by their names; got {len(value)}",
        )  # fmt: skip
    return [_several(argument, item) for item in value]


def _check_names(argument: str, value: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in value:
        if name not in names:
            near = suggestion(name, names)
            raise bad_value(
                "compile", argument, f"there is no output {name!r}{near}; there are {list(names)}"
            )
