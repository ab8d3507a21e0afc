"""Muon: steps of matrices in orthogonal directions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.graph import Variable
from densor.optimizers.optimizer import Column, Optimizer, float32
from densor.schedules import LearningRateSchedule


class Muon(Optimizer):
    """Of a matrix m = momentum * m + g, and w -= lr * rms_rate * sqrt(larger side) * orthogonal(g + momentum * m).

    The orthogonal direction comes from `ns_steps` Newton-Schulz iterations of x = x / |x|:
    x = a x + (b A + c A^2) x, A = x x^T. Variables that are no matrices, embeddings, and those that `exclude_layers`
    names are trained by AdamW. Source: Jordan et al. (2024), Liu et al. (2025), as in Keras 3.

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        adam_beta_1, adam_beta_2, epsilon: those of AdamW (0.9, 0.999, 1e-7).
        adam_weight_decay: the decay of what AdamW trains, or None (0.004).
        weight_decay: the decay of the matrices, or None (0.004).
        exclude_layers: regular expressions; variables in whose path one is found are trained by AdamW (None).
        exclude_embeddings: whether variables with "embedding" in their path are, too (True).
        muon_a, muon_b, muon_c: the coefficients of the iterations (3.4445, -4.775, 2.0315).
        adam_lr_ratio: what the learning rate of AdamW is multiplied with, at least 0 (1.0).
        momentum: in [0, 1) (0.95).
        ns_steps: the number of iterations, 0 to 100 (5).
        nesterov: whether the direction looks ahead; otherwise it is that of m (True).
        rms_rate: see above; None: the direction is taken as it is (0.2).

    The other arguments are those of `Optimizer`.

    >>> import densor
    >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3)])
    >>> Muon().matrices(tuple(model.trainable_weights)).tolist()  # the kernel is one, the bias is not
    [[1, 4, 3], [1, 0, 0]]
    """

    rule = "muon"
    slots = ("momentum", "velocity")
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float | str = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1.0,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **legacy: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **legacy,
        )  # fmt: skip
        where = "Muon"
        self.adam_beta_1 = _check.number(where, "adam_beta_1", adam_beta_1, low=0, high=1, include_high=False)
        self.adam_beta_2 = _check.number(where, "adam_beta_2", adam_beta_2, low=0, high=1, include_high=False)
        self.adam_weight_decay = (
            None if adam_weight_decay is None
            else _check.number(where, "adam_weight_decay", adam_weight_decay, low=0)
        )  # fmt: skip
        self.epsilon = _check.number(where, "epsilon", epsilon, low=0, include_low=False)
        self.exclude_layers = _expressions(where, exclude_layers)
        self.exclude_embeddings = _check.boolean(where, "exclude_embeddings", exclude_embeddings)
        self.muon_a, self.muon_b, self.muon_c = (
            _check.number(where, argument, value, low=-1e6, high=1e6)
            for argument, value in (("muon_a", muon_a), ("muon_b", muon_b), ("muon_c", muon_c))
        )
        self.adam_lr_ratio = _check.number(where, "adam_lr_ratio", adam_lr_ratio, low=0)
        self.momentum = _check.number(where, "momentum", momentum, low=0, high=1, include_high=False)
        self.ns_steps = _check.integer(where, "ns_steps", ns_steps, 0, 100)
        self.nesterov = _check.boolean(where, "nesterov", nesterov)
        self.rms_rate = (
            None if rms_rate is None
            else _check.number(where, "rms_rate", rms_rate, low=0, high=1e6, include_low=False)
        )  # fmt: skip

    def is_matrix(self, variable: Variable) -> bool:
        """Whether a variable is trained in orthogonal directions; the others are trained by AdamW."""
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return False
        return not any(re.search(expression, variable.path) for expression in self.exclude_layers)

    def matrices(self, variables: tuple[Variable, ...]) -> npt.NDArray[np.int64]:
        shapes = [(1, *(variable.shape if self.is_matrix(variable) else (0, 0))) for variable in variables]
        return np.array(shapes, np.int64).reshape(-1, 3)

    @property
    def iterations_of_directions(self) -> npt.NDArray[np.float64]:
        settings = self.momentum, float(self.nesterov), self.ns_steps, self.muon_a, self.muon_b, self.muon_c
        return np.array([*settings, self.rms_rate or 0.0])

    def decays(self, variable: Any) -> bool:
        decay = self.weight_decay if self.is_matrix(variable) else self.adam_weight_decay
        return bool(decay) and variable not in self._excluded

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        beta_1, beta_2 = (
            float32(self.adam_beta_1),
            float32(self.adam_beta_2),
        )  # what the native pass averages with
        alpha = self.adam_lr_ratio * rates * np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
        return rates, alpha, rates * (self.adam_weight_decay or 0.0), beta_1, beta_2, self.epsilon

    def get_config(self) -> dict[str, Any]:
        names = (
            "adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "exclude_layers", "exclude_embeddings",
            "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "rms_rate",
        )  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _expressions(where: str, value: Sequence[str] | None) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise _check.bad_type(where, "exclude_layers", f"must be a list of strings, got {_check.show(value)}")
    for expression in value:
        try:
            re.compile(_check.text(where, "exclude_layers", expression))
        except re.error as error:
            raise _check.bad_value(
                where, "exclude_layers", f"{expression!r} is no regular expression: {error}"
            ) from None
    return list(value)
