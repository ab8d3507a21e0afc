"""Stochastic gradient descent, with momentum and Nesterov's look-ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class SGD(Optimizer):
    """Gradient descent: w -= lr * g, or with momentum m = momentum * m - lr * g and then

    - w += m (momentum), or
    - w += momentum * m - lr * g (Nesterov).

    The learning rate is inside m, as in Keras; PyTorch has it outside. Source: Sutskever et al. (2013).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.01).
        momentum: in [0, 1] (0.0).
        nesterov: whether momentum looks ahead; without momentum it changes nothing (False).

    The other arguments are those of `Optimizer`.

    >>> SGD(0.5, momentum=0.9).coefficients(0, 1)  # decay, lr, momentum
    array([[0. , 0.5, 0.9]], dtype=float32)
    """

    rule = "sgd"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        **legacy: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **legacy,
        )  # fmt: skip
        self.momentum = _check.number("SGD", "momentum", momentum, low=0, high=1)
        self.nesterov = _check.boolean("SGD", "nesterov", nesterov)
        if self.momentum:
            self.rule = "nesterov" if self.nesterov else "momentum"
            self.slots = ("momentum",)
            self.cycles_momentum = True

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        return (rates, self._momenta(t, self.momentum)) if self.momentum else (rates,)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
