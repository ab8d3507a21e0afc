"""Nadam: Adam with Nesterov's look-ahead."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer, float32
from densor.schedules import LearningRateSchedule


class Nadam(Optimizer):
    """Adam's m and v, then w -= (cm * m + cg * g) / (sqrt(v / (1 - beta_2^t)) + epsilon).

    With u_t = beta_1 * (1 - 0.5 * 0.96^(momentum_decay * t)) and P_t = u_1 * ... * u_t:
    cm = lr * u_{t+1} / (1 - P_{t+1}), cg = lr * (1 - u_t) / (1 - P_t). Source: Dozat (2016).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        beta_1: the limit of u, in [0, 1) (0.9).
        beta_2: how much of the old mean square is kept, in [0, 1) (0.999).
        epsilon: greater than 0 (1e-7).
        momentum_decay: at least 0; 1 is Keras, 0.004 is PyTorch and Dozat (1.0).

    The other arguments are those of `Optimizer`.

    >>> Nadam(0.5, epsilon=0.25).coefficients(9, 1).round(2)  # decay, cm, cg, betas, 1 / (1 - beta_2^t), epsilon
    array([[  0.  ,   0.31,   0.2 ,   0.9 ,   1.  , 100.45,   0.25]],
          dtype=float32)
    """

    rule = "nadam"
    slots = ("momentum", "velocity")
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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
        momentum_decay: float = 1.0,
        **legacy: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **legacy,
        )  # fmt: skip
        self.beta_1 = _check.number("Nadam", "beta_1", beta_1, low=0, high=1, include_high=False)
        self.beta_2 = _check.number("Nadam", "beta_2", beta_2, low=0, high=1, include_high=False)
        self.epsilon = _check.number("Nadam", "epsilon", epsilon, low=0, include_low=False)
        self.momentum_decay = _check.number("Nadam", "momentum_decay", momentum_decay, low=0)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        u, next_u = self._u(t), self._u(t + 1.0)
        product = self.beta_1**t * _warmth_product(t, self.momentum_decay)
        of_momentum = rates * next_u / (1.0 - product * next_u)
        of_gradient = rates * (1.0 - u) / (1.0 - product)
        beta_2 = float32(self.beta_2)  # what the native pass averages with
        return of_momentum, of_gradient, self.beta_1, beta_2, 1.0 / (1.0 - beta_2**t), self.epsilon

    def _u(self, t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return self.beta_1 * (1.0 - 0.5 * 0.96 ** (self.momentum_decay * t))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            **({} if self.momentum_decay == 1.0 else {"momentum_decay": self.momentum_decay}),
        }


@functools.lru_cache(maxsize=8)
def _warmth_products(decay: float) -> npt.NDArray[np.float64]:
    """The products of 1 - 0.5 * 0.96^(decay k) over k = 1..t, for t = 0, 1, ... until the factors are 1.0.

    Or until the power of beta_1 beside it has long made the product 0.
    """
    count = int(min(np.ceil(1000.0 / decay), 2**20)) if decay > 0 else 1024
    return np.concatenate([[1.0], np.cumprod(1.0 - 0.5 * 0.96 ** (decay * np.arange(1.0, count + 1.0)))])


def _warmth_product(t: npt.NDArray[np.float64], decay: float) -> npt.NDArray[np.float64]:
    products = _warmth_products(decay)
    return products[np.minimum(t, len(products) - 1.0).astype(np.intp)]
