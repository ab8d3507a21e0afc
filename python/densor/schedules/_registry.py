"""Schedules from configurations: the classes that a model file may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from densor._registry import Registry
from densor.schedules.learning_rate_schedule import LearningRateSchedule

ScheduleClass = TypeVar("ScheduleClass", bound=type[LearningRateSchedule])

_registry: Registry[LearningRateSchedule] = Registry("schedule", "schedules", {})


def register(cls: ScheduleClass) -> ScheduleClass:
    """Lets `deserialize` find the class; a decorator for the schedules of the package."""
    _registry.register(cls)
    return cls


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Returns the configuration of a schedule: `{"class_name": ..., "config": ...}`, plain data."""
    return _registry.serialize(learning_rate_schedule)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[LearningRateSchedule]] | None = None
) -> LearningRateSchedule:
    """Makes the schedule that `serialize` described. `custom_objects`: further schedule classes by name.

    >>> from densor.schedules import CosineDecay
    >>> deserialize(serialize(CosineDecay(0.1, 100)))(50)
    0.05
    """
    return _registry.deserialize(config, custom_objects)
