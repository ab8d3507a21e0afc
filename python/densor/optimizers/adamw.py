"""AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densor import _check
from densor.optimizers.adam import Adam
from densor.schedules import LearningRateSchedule


class AdamW(Adam):
    """First w -= lr * weight_decay * w, then Adam's step. Source: Loshchilov and Hutter (2017).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        weight_decay: at least 0; None is refused (0.004).
        beta_1: how much of the old mean gradient is kept, in [0, 1) (0.9).
        beta_2: how much of the old mean square is kept, in [0, 1) (0.999).
        epsilon: greater than 0 (1e-7).
        amsgrad, epsilon_mode: as for `Adam` (False, "keras").

    The other arguments are those of `Optimizer`.

    >>> AdamW(0.5, weight_decay=0.25, epsilon=0.5).coefficients(0, 1).round(4)
    array([[0.125 , 0.1581, 0.9   , 0.999 , 0.5   ]], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise _check.bad_type(
                "AdamW", "weight_decay", "must be a number, got None; use Adam for no decay"
            )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm,
            use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name,
            epsilon_mode, **legacy,
        )  # fmt: skip
