"""What a student is compared with a teacher by: their softened classes, or the outputs of layers inside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from densor import _check, losses, ops
from densor._registry import Registry
from densor.graph import Tensor
from densor.losses import Loss

__all__ = ["DistillationLoss", "FeatureDistillation", "LogitsDistillation"]

Self = TypeVar("Self", bound="DistillationLoss")

_DIVERGENCES = ("kl_divergence", "kld", "KLD")


class Divergence(Loss):
    """T^2 times the divergence of the student's softened classes from the teacher's, on logits."""

    def __init__(self, temperature: float) -> None:
        super().__init__(name="distillation")
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        teacher, student = (ops.log_softmax(logits / self.temperature) for logits in (y_true, y_pred))
        return self.temperature**2 * ops.sum(ops.exp(teacher) * (teacher - student), axis=-1)


class DistillationLoss:
    """What all have in common. Use a subclass: LogitsDistillation or FeatureDistillation."""

    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def native(self) -> Loss:
        """The loss that training computes."""
        raise NotImplementedError(f"{type(self).__name__} cannot be trained; use LogitsDistillation or "
                                  "FeatureDistillation")  # fmt: skip

    def compared(self, output: Tensor, observed: Mapping[str, Tensor], layer: str | None) -> Tensor:
        """What `native` compares, of one model: from its output, or from the outputs of its layers by name."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """The distillation loss that `get_config` described."""
        return cls(**config)


class LogitsDistillation(DistillationLoss):
    """Compares the classes, softened by a temperature: `T**2 * KL(softmax(t / T) || softmax(s / T))`.

    t and s are the logits of teacher and student: the model's outputs, or where it ends with a softmax, what that was
    computed from (Keras softens the probabilities a second time). The factor T**2 keeps the gradient's size when T
    grows. Source: Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network" (2015).

    Args:
        temperature: T, greater than 0 (3.0); 3 to 5 is usual.
        loss: "kl_divergence", or a loss to compare the divided logits t / T and s / T with, such as "mse"; only the
            divergence has the factor ("kl_divergence").

    Raises TypeError or ValueError for a wrong argument.

    >>> LogitsDistillation(temperature=4).get_config()
    {'temperature': 4.0, 'loss': 'kl_divergence'}
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        where = "LogitsDistillation"
        self.temperature = _check.number(where, "temperature", temperature, 0, include_low=False)
        self.loss: str | Loss = "kl_divergence"
        if not (isinstance(loss, str) and loss in _DIVERGENCES):
            self.loss = _loss(where, loss)

    def native(self) -> Loss:
        return Divergence(self.temperature) if isinstance(self.loss, str) else self.loss

    def compared(self, output: Tensor, observed: Mapping[str, Tensor], layer: str | None) -> Tensor:
        node = output.node
        logits = node.inputs[0] if node is not None and node.stem == "softmax" else output
        return logits if isinstance(self.loss, str) else ops.rescale(logits, 1.0 / self.temperature)

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "loss": self.loss if isinstance(self.loss, str) else losses.serialize(self.loss),
        }


class FeatureDistillation(DistillationLoss):
    """Compares the outputs of a layer of the teacher with those of a layer of the student.

    Source: Romero et al., "FitNets: hints for thin deep nets" (2015).

    Args:
        loss: name, configuration or instance ("mse").
        teacher_layer_name, student_layer_name: None means the output of the model (None). Both must have the same
            shape.

    Raises TypeError or ValueError for a wrong argument.

    >>> FeatureDistillation(teacher_layer_name="a", student_layer_name="b").student_layer_name
    'b'
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        where = "FeatureDistillation"
        self.loss = _loss(where, loss)
        for argument, name in (
            ("teacher_layer_name", teacher_layer_name),
            ("student_layer_name", student_layer_name),
        ):
            if name is not None:
                _check.text(where, argument, name)
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def native(self) -> Loss:
        return self.loss

    def compared(self, output: Tensor, observed: Mapping[str, Tensor], layer: str | None) -> Tensor:
        return output if layer is None else observed[layer]

    def get_config(self) -> dict[str, Any]:
        return {
            "loss": losses.serialize(self.loss),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


registry: Registry[DistillationLoss] = Registry(
    "distillation loss",
    "distillation",
    {cls.__name__: cls for cls in (LogitsDistillation, FeatureDistillation)},
)


def _loss(function: str, loss: Any) -> Loss:
    try:
        return losses.get(loss)
    except (TypeError, ValueError) as error:
        raise _check.renamed(error, function, "loss") from None
