"""Learning-rate schedules, as in Keras: objects that give the learning rate of each training step."""

from collections.abc import Mapping
from typing import Any

from densor._registry import Registry
from densor.schedules.cosine_decay import CosineDecay as CosineDecay
from densor.schedules.cosine_decay_restarts import CosineDecayRestarts as CosineDecayRestarts
from densor.schedules.exponential_decay import ExponentialDecay as ExponentialDecay
from densor.schedules.inverse_time_decay import InverseTimeDecay as InverseTimeDecay
from densor.schedules.learning_rate_schedule import LearningRateSchedule as LearningRateSchedule
from densor.schedules.piecewise_constant_decay import PiecewiseConstantDecay as PiecewiseConstantDecay
from densor.schedules.polynomial_decay import PolynomialDecay as PolynomialDecay

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

_registry: Registry[LearningRateSchedule] = Registry(
    "schedule",
    "schedules",
    {
        cls.__name__: cls
        for cls in (
            CosineDecay,
            CosineDecayRestarts,
            ExponentialDecay,
            InverseTimeDecay,
            PiecewiseConstantDecay,
            PolynomialDecay,
        )
    },
)


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Returns the configuration of a schedule: `{"class_name": ..., "config": ...}`, plain data."""
    return _registry.serialize(learning_rate_schedule)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[LearningRateSchedule]] | None = None
) -> LearningRateSchedule:
    """Makes the schedule that `serialize` described. `custom_objects`: further schedule classes by name.

    >>> deserialize(serialize(CosineDecay(0.1, 100)))(50)
    0.05
    """
    return _registry.deserialize(config, custom_objects)
