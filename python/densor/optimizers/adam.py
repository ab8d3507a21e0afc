"""Adam: running means of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer, float32
from densor.schedules import LearningRateSchedule


class Adam(Optimizer):
    """m += (1 - beta_1) * (g - m); v += (1 - beta_2) * (g^2 - v); w -= alpha * m / (sqrt(v) + epsilon).

    alpha = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) at step t = 1, 2, ... This is the "epsilon hat" form of the
    paper, as in Keras; PyTorch adds epsilon to the corrected root. Source: Kingma and Ba (2014).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        beta_1: how much of the old mean gradient is kept, in [0, 1) (0.9).
        beta_2: how much of the old mean square is kept, in [0, 1) (0.999).
        epsilon: greater than 0 (1e-7).
        amsgrad: divide by the root of the largest v so far (False). Source: Reddi et al. (2018).
        epsilon_mode: "keras", or "paper" for w -= lr * m' / (sqrt(v') + epsilon) with the corrected m' and v', as in
            the paper's algorithm and in PyTorch. They differ where gradients are not much larger than epsilon.

    The other arguments are those of `Optimizer`.

    >>> Adam(0.5, epsilon=0.25).coefficients(0, 1).round(4)  # decay, alpha, beta_1, beta_2, epsilon
    array([[0.    , 0.1581, 0.9   , 0.999 , 0.25  ]], dtype=float32)
    """

    rule = "adam"
    slots: tuple[str, ...] = ("momentum", "velocity")
    cycles_momentum = True
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float | str = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        epsilon_mode: str = "keras",
        **legacy: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **legacy,
        )  # fmt: skip
        where = type(self).__name__
        self.beta_1 = _check.number(where, "beta_1", beta_1, low=0, high=1, include_high=False)
        self.beta_2 = _check.number(where, "beta_2", beta_2, low=0, high=1, include_high=False)
        self.epsilon = _check.number(where, "epsilon", epsilon, low=0, include_low=False)
        self.amsgrad = _check.boolean(where, "amsgrad", amsgrad)
        self.epsilon_mode = _check.choice(where, "epsilon_mode", epsilon_mode, ["keras", "paper"])
        if self.amsgrad:
            self.rule, self.slots = "amsgrad", ("momentum", "velocity", "velocity_hat")

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        # What the native pass averages with; a beta_1 that moves is corrected for by its value now, as in PyTorch.
        beta_1, beta_2 = self._momenta(t, float32(self.beta_1)), float32(self.beta_2)
        alpha = rates * np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
        if self.epsilon_mode == "paper":  # the corrections of m and v, brought to this form
            return alpha, beta_1, beta_2, self.epsilon * np.sqrt(1.0 - beta_2**t)
        return alpha, beta_1, beta_2, self.epsilon

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
            **({} if self.epsilon_mode == "keras" else {"epsilon_mode": self.epsilon_mode}),
        }
