"""Knowledge distillation: a small model learns from the labels and from a large one that was trained before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _check
from densor.graph import Graph, Tensor, Variable, trace
from densor.graph.trace import scope, scoped
from densor.layers import Layer
from densor.layers._registry import register
from densor.models.compiled import Compiled
from densor.models.configuration import deserialize_layer, field, serialize_layer
from densor.models.data import Array
from densor.models.distillation_loss import DistillationLoss, registry
from densor.models.endings import Ending
from densor.models.model import Model
from densor.models.predictor import Predictor
from densor.models.target import Targets

__all__ = ["Distiller"]

_STUDENT = "student"


@register
class Distiller(Model):
    """Trains a student: `student_loss_weight * loss + (1 - student_loss_weight) * sum(weight * distillation loss)`.

    Calling the distiller calls the student; `distiller.student` is the trained model afterwards. What is compared
    with the teacher is computed once per call of `fit`, in inference mode, so epochs cost what those of the student
    cost. Sample and class weights reach all the losses. The logs have "loss", "student_loss", "distillation_loss"
    and the metrics.

    Args:
        teacher: a trained model; it is frozen (`trainable = False`), as in Keras.
        student: another model, with the same input shape.
        distillation_losses: one or several of `densor.distillation`.
        distillation_loss_weights: a number for each, none negative (1.0).
        student_loss_weight: the share of the loss against the labels, in [0, 1] (0.5).
        name: of the model ("distiller").

    Raises:
        TypeError, ValueError: other things, models or layers whose shapes differ, or names of layers that are not
            there.

    Source: Hinton, Vinyals, Dean (2015); the arguments are those of `keras.distillation`.

    Example:
        >>> import densor, numpy as np
        >>> from densor.distillation import Distiller, LogitsDistillation
        >>> def network(units):
        ...     hidden = densor.layers.Dense(units, activation="relu")
        ...     return densor.Sequential([densor.Input((4,)), hidden, densor.layers.Dense(3, activation="softmax")])
        >>> distiller = Distiller(network(50), network(5), LogitsDistillation(temperature=3.0))
        >>> distiller.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> history = distiller.fit(np.ones((8, 4)), np.zeros(8), epochs=2, verbose=0)
        >>> sorted(history.history)
        ['accuracy', 'distillation_loss', 'loss', 'student_loss']
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        trainable: bool = True,
        **keywords: Any,
    ) -> None:
        super().__init__(name=name, trainable=trainable, **keywords)
        where = "Distiller"
        for argument, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise _check.bad_type(where, argument, f"must be a model, got {_check.show(model)}")
        self._comparisons = _checked_losses(where, distillation_losses)
        self._shares = _checked_shares(where, distillation_loss_weights, len(self._comparisons))
        self.student_loss_weight = _check.number(where, "student_loss_weight", student_loss_weight, 0, 1)
        _check_models(where, teacher, student)
        self.teacher, self.student = teacher, student
        if student._input is not None:
            self.build(student.input_shape)
        teacher.trainable = False

    @property
    def distillation_losses(self) -> list[DistillationLoss]:
        """The comparisons with the teacher."""
        return list(self._comparisons)

    @property
    def distillation_loss_weights(self) -> list[float]:
        """The weight of each comparison."""
        return list(self._shares)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The student's outputs."""
        return self.student(inputs)

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        device: str | None = None,
    ) -> None:
        """Choose the optimizer, the loss against the labels, and the metrics of the student; see `Model.compile`.

        Raises:
            ValueError: there is no loss, and as `Model.compile`.
        """
        if loss is None:
            raise _check.bad_value("compile", "loss", "the student needs a loss against the labels, got None")
        _check.unsupported("compile", "loss_weights", loss_weights, None)
        super().compile(optimizer, loss, None, metrics, weighted_metrics, device=device)

    def _compilation(self, *choices: Any) -> Compiled:
        return _Distilled(self, *choices)

    def _bind(self, compiled: Compiled) -> None:
        inputs = self._input if isinstance(self._input, list | dict) else [self._input]
        lesson = _Lesson(self.student, self._comparisons, "student", self)
        taught = _Lesson(self.teacher, self._comparisons, "teacher", self)
        learned, wanted = (trace(part, inputs, training=False) for part in (lesson, taught))
        _check_shapes(self._comparisons, learned, wanted)
        assert isinstance(compiled, _Distilled)
        compiled.teacher = Predictor(wanted.with_nodes(wanted.nodes, wanted.outputs[1:]), compiled.device)
        names = [_STUDENT, *(f"distillation_{place}" for place in range(len(self._comparisons)))]
        compiled.bind(lesson, self._input, learned, names)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "trainable": self.trainable,
            "teacher": serialize_layer(self.teacher),
            "student": serialize_layer(self.student),
            "distillation_losses": [registry.serialize(loss) for loss in self._comparisons],
            "distillation_loss_weights": list(self._shares),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Distiller:
        """A new distiller of the architecture that `get_config` described, with fresh weights."""
        made: list[Any] = [deserialize_layer(field(config, part, dict), custom_objects) for part in _MODELS]
        comparisons = [registry.deserialize(loss) for loss in field(config, "distillation_losses", list)]
        settings = {
            key: value
            for key, value in config.items()
            if key not in (*_MODELS, "distillation_losses", "dtype")
        }
        return cls(made[0], made[1], comparisons, **settings)


_MODELS = ("teacher", "student")


class _Lesson:
    """A model as distillation runs it: its output, and after it what is compared."""

    def __init__(
        self, model: Model, comparisons: Sequence[DistillationLoss], role: str, distiller: Distiller
    ) -> None:
        self.model, self.comparisons, self.distiller = model, comparisons, distiller
        self.layers = [getattr(comparison, f"{role}_layer_name") for comparison in comparisons]
        try:
            self.wanted = {name: model.get_layer(name) for name in self.layers if name is not None}
        except ValueError as error:
            raise _check.renamed(error, "FeatureDistillation", f"{role}_layer_name") from None

    @property
    def trainable_weights(self) -> list[Variable]:
        return self.distiller.trainable_weights

    def __call__(self, inputs: Any) -> list[Tensor]:
        seen: dict[Layer, Any] = {}

        def note(layer: Layer, outputs: Any) -> None:
            seen.setdefault(layer, outputs)

        with scoped(replace(scope(), observer=note)):
            output = self.model(inputs)
        if not isinstance(output, Tensor):
            raise _check.bad_value(
                "Distiller", "student", "models with one output can be distilled, not several"
            )
        observed = {name: seen[layer] for name, layer in self.wanted.items()}
        return [
            output,
            *(
                comparison.compared(output, observed, layer)
                for comparison, layer in zip(self.comparisons, self.layers, strict=True)
            ),
        ]


class _Distilled(Compiled):
    """The compiled state of a distiller: the losses of the student's output and of what is compared."""

    teacher: Predictor

    def __init__(self, distiller: Distiller, *choices: Any) -> None:
        super().__init__(*choices)
        self.distiller = distiller

    def unbound(self) -> Compiled:
        return _Distilled(self.distiller, self.optimizer, self.request, self.flags, self.device)

    def asked(self, names: Sequence[str], keyed: bool = False) -> list[Ending]:
        (student,) = super().asked(names[:1], keyed)
        share = self.distiller.student_loss_weight
        student.weight = share
        comparisons = [
            Ending(name, comparison.native(), weight=(1.0 - share) * weight)
            for name, comparison, weight in zip(
                names[1:],
                self.distiller.distillation_losses,
                self.distiller.distillation_loss_weights,
                strict=True,
            )
        ]
        return [student, *comparisons]

    def targets_of(
        self, function: str, x: tuple[Array, ...], y: Any, sample_weight: Any, class_weight: Any, finite: bool
    ) -> tuple[tuple[Array, ...], tuple[NDArray[np.float32] | None, ...]]:
        """The checked labels, and what the teacher makes of the same rows."""
        labels = Targets(self.endings[:1], self.targets.targets[:1])
        (checked,) = labels.check(function, y, len(x[0]), finite)
        (weight,) = labels.weights(function, sample_weight, class_weight, (checked,))
        wanted = self.teacher(x)
        wanted = wanted if isinstance(wanted, list) else [wanted]
        rows = [np.ascontiguousarray(array).reshape(len(array), -1) for array in wanted]
        return (checked, *rows), (weight,) * (1 + len(rows))

    @property
    def names(self) -> list[str]:
        metrics = [
            name for name in super().names if name.startswith(f"{_STUDENT}_") and name != "student_loss"
        ]
        single = [name for name in super().names if name != "loss"] if not self.endings else []
        own = [name.removeprefix(f"{_STUDENT}_") for name in metrics] or single
        return ["loss", "student_loss", "distillation_loss", *own]

    def logs(self, loop: Any) -> dict[str, float]:
        found = super().logs(loop)
        weights = self.distiller.distillation_loss_weights
        parts = [found.pop(f"distillation_{place}_loss") for place in range(len(weights))]
        found["distillation_loss"] = sum(w * part for w, part in zip(weights, parts, strict=True))
        renamed = {
            name if name == "student_loss" else name.removeprefix(f"{_STUDENT}_"): value
            for name, value in found.items()
        }
        return dict(sorted(renamed.items()))


def _check_models(function: str, teacher: Model, student: Model) -> None:
    if teacher is student:
        raise _check.bad_value(
            function,
            "student",
            "is the teacher, which is frozen; give another model, such as a clone_model of it",
        )
    if teacher._input is None or student._input is None:
        return
    if teacher.input_shape != student.input_shape:
        raise _check.bad_value(
            function, "student",
            f"takes inputs of shape {student.input_shape}, those of the teacher {teacher.input_shape}",
        )  # fmt: skip


def _checked_losses(function: str, value: Any) -> list[DistillationLoss]:
    several = list(value) if isinstance(value, list | tuple) else [value]
    for loss in several:
        if not isinstance(loss, DistillationLoss):
            raise _check.bad_type(
                function, "distillation_losses",
                f"must be LogitsDistillation, FeatureDistillation or a list of them, got {_check.show(loss)}",
            )  # fmt: skip
    if not several:
        raise _check.bad_value(function, "distillation_losses", "at least one is needed, got none")
    return several


def _checked_shares(function: str, value: Any, count: int) -> list[float]:
    argument = "distillation_loss_weights"
    if value is None:
        return [1.0] * count
    if not isinstance(value, list | tuple):
        raise _check.bad_type(function, argument, f"must be a list of numbers, got {_check.show(value)}")
    if len(value) != count:
        raise _check.bad_value(
            function, argument, f"expected {count}, one for each distillation loss, got {len(value)}"
        )
    return [_check.number(function, argument, weight, 0) for weight in value]


def _check_shapes(comparisons: Sequence[DistillationLoss], learned: Graph, wanted: Graph) -> None:
    for comparison, student, teacher in zip(
        comparisons, learned.outputs[1:], wanted.outputs[1:], strict=True
    ):
        if student.shape[1:] != teacher.shape[1:]:
            raise _check.bad_value(
                "Distiller", "distillation_losses",
                f"{type(comparison).__name__} compares rows of shape {teacher.shape[1:]} of the teacher with "
                f"{student.shape[1:]} of the student",
            )  # fmt: skip
