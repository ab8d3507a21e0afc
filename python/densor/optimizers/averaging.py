"""The running mean of the weights that an optimizer may keep beside them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from densor import _check

Floats = npt.NDArray[np.float64]


class Averaging:
    """An exponential mean as in Keras, or Polyak's plain mean of all iterates.

    average = momentum * average + (1 - momentum) * w after every step, with momentum 0 at the first; "polyak" has
    momentum (step - 1) / step at step 1, 2, ...

    Sources: Keras 3's `use_ema`; Polyak and Juditsky (1992).
    """

    def __init__(self, where: str, use_ema: object, momentum: object, overwrite_frequency: object) -> None:
        self.used = _check.boolean(where, "use_ema", use_ema)
        self.momentum: float | str
        if isinstance(momentum, str):
            self.momentum = _check.choice(where, "ema_momentum", momentum, ["polyak"])
        else:
            self.momentum = _check.number(where, "ema_momentum", momentum, low=0, high=1)
        self.overwrite_frequency = (
            None
            if overwrite_frequency is None
            else _check.positive_int(where, "ema_overwrite_frequency", overwrite_frequency)
        )

    def columns(self, step: Floats, t: Floats) -> list[Floats]:
        """The momentum at steps, and whether the weights are then set to their mean; nothing if unused.

        t: the number of the update of each step, another one where gradients are accumulated; it is what counts
        for Keras' mean.
        """
        if not self.used:
            return []
        if isinstance(self.momentum, str):
            momenta = 1.0 - 1.0 / step
        else:
            momenta = np.where(t == 1.0, 0.0, self.momentum)
        every = self.overwrite_frequency
        overwrites = np.zeros_like(t) if every is None else (t % every == 0).astype(np.float64)
        return [momenta, overwrites]
