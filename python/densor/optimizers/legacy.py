"""The arguments that optimizers had in Keras 2."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from densor import _check

__all__ = ["take_legacy"]


def take_legacy(
    where: str, learning_rate: Any, legacy: dict[str, Any], known: Iterable[str]
) -> tuple[Any, float]:
    """Returns the learning rate and the decay, where Keras 2's `lr` and `decay` have been looked at."""
    decay = 0.0
    if "lr" in legacy:
        warnings.warn(f"{where}(): 'lr' is now 'learning_rate'", DeprecationWarning, stacklevel=4)
        learning_rate = legacy.pop("lr")
    if "decay" in legacy:
        warnings.warn(
            f"{where}(): 'decay' is deprecated; use schedules.InverseTimeDecay(learning_rate, 1, decay)",
            DeprecationWarning,
            stacklevel=4,
        )
        decay = _check.number(where, "decay", legacy.pop("decay"), low=0)
    _check.no_more_arguments(where, legacy, [*known, "lr", "decay"])
    return learning_rate, decay
