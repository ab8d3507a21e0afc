"""A learning rate that is constant between given steps."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class PiecewiseConstantDecay(FormulaSchedule):
    """rate(t) = values[0] while t <= boundaries[0], values[1] while t <= boundaries[1], ..., values[-1] after.

    Args:
        boundaries: the last step of each rate but the last, increasing numbers. Steps, not epochs.
        values: the rates, each at least 0, one more than there are boundaries.
        name: only kept ("PiecewiseConstant").

    Raises TypeError or ValueError for an argument outside these.

    >>> PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001]).values(99, 3)
    array([0.1 , 0.1 , 0.01])
    """

    def __init__(
        self, boundaries: Iterable[float], values: Iterable[float], name: str = "PiecewiseConstant"
    ) -> None:
        where = "PiecewiseConstantDecay"
        self.boundaries = numbers(where, "boundaries", boundaries)
        # Not `self.values`, Keras' attribute: that is the method every schedule has.
        self.rates = numbers(where, "values", values, low=0)
        if any(after <= before for before, after in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise _check.bad_value(where, "boundaries", f"must increase, got {_check.show(self.boundaries)}")
        if len(self.rates) != len(self.boundaries) + 1:
            raise _check.bad_value(
                where, "values",
                f"must have one more number than boundaries has ({len(self.boundaries)}), got {len(self.rates)}",
            )  # fmt: skip
        self.name = _check.optional_name(where, name, "PiecewiseConstant")

    def formula(self, t: Rates) -> Rates:
        return np.array(self.rates, np.float64)[np.searchsorted(self.boundaries, t, side="left")]

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.rates, "name": self.name}


def numbers(where: str, argument: str, values: Iterable[float], low: float | None = None) -> list[float]:
    """Returns `values` as a list of finite floats, each at least `low`."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise _check.bad_type(where, argument, f"must be a list of numbers, got {_check.show(values)}")
    return [_check.number(where, argument, value, low=low) for value in values]
