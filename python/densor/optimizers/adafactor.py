"""Adafactor: second moments of matrices kept as those of their rows and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.graph import Variable
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class Adafactor(Optimizer):
    """Of a matrix r = b r + (1 - b) mean(g^2 + epsilon_1) over each row, c the same over each column, and
    v = r c / mean(r); of anything else v = b v + (1 - b) (g^2 + epsilon_1); with b = 1 - t^beta_2_decay.

    u = g / sqrt(v); w -= rho max(epsilon_2, rms(w)) u / max(1, rms(u) / clip_threshold), rho = min(lr, 1 / sqrt(t)).
    Source: Shazeer and Stern (2018), as in Keras 3.

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        beta_2_decay: the exponent of t in b, less than 0 (-0.8).
        epsilon_1: added to the squares, greater than 0 (1e-30).
        epsilon_2: the smallest scale of a variable, at least 0 (0.001).
        clip_threshold: the largest root mean square of u, greater than 0 (1.0).
        relative_step: accepted; rho is bounded by 1 / sqrt(t) in both cases, as in Keras (True).

    The other arguments are those of `Optimizer`.

    >>> Adafactor(0.5).coefficients(0, 9)[[0, 8], 1].round(4).tolist()  # rho at the steps 1 and 9
    [0.5, 0.33329999446868896]
    """

    rule = "adafactor"
    slots = ("row", "column", "velocity")
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        where = "Adafactor"
        self.beta_2_decay = _check.number(where, "beta_2_decay", beta_2_decay, high=0, include_high=False)
        self.epsilon_1 = _check.number(where, "epsilon_1", epsilon_1, low=0, include_low=False)
        self.epsilon_2 = _check.number(where, "epsilon_2", epsilon_2, low=0)
        self.clip_threshold = _check.number(where, "clip_threshold", clip_threshold, low=0, include_low=False)
        self.relative_step = _check.boolean(where, "relative_step", relative_step)

    def matrices(self, variables: tuple[Variable, ...]) -> npt.NDArray[np.int64]:
        return np.array([_as_matrices(variable.shape) for variable in variables], np.int64).reshape(-1, 3)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        rho = np.minimum(rates, 1.0 / np.sqrt(t))
        return rho, 1.0 - t**self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }


def _as_matrices(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The number of matrices that the last two axes of a variable are, and their sides; 0 rows for none."""
    if len(shape) < 2:
        return 1, 0, 0
    return int(np.prod(shape[:-2], dtype=np.int64)), shape[-2], shape[-1]
