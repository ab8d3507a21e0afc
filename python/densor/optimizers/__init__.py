"""Optimizers, as in Keras, and RAdam; all of them run as one native pass over the weights."""

from collections.abc import Mapping
from typing import Any

from densor._registry import Registry
from densor.optimizers import schedules as schedules
from densor.optimizers.adadelta import Adadelta as Adadelta
from densor.optimizers.adafactor import Adafactor as Adafactor
from densor.optimizers.adagrad import Adagrad as Adagrad
from densor.optimizers.adam import Adam as Adam
from densor.optimizers.adamax import Adamax as Adamax
from densor.optimizers.adamw import AdamW as AdamW
from densor.optimizers.ftrl import Ftrl as Ftrl
from densor.optimizers.lamb import Lamb as Lamb
from densor.optimizers.lion import Lion as Lion
from densor.optimizers.muon import Muon as Muon
from densor.optimizers.nadam import Nadam as Nadam
from densor.optimizers.optimizer import Optimizer as Optimizer
from densor.optimizers.radam import RAdam as RAdam
from densor.optimizers.rmsprop import RMSprop as RMSprop
from densor.optimizers.schedule_free_adamw import ScheduleFreeAdamW as ScheduleFreeAdamW
from densor.optimizers.sgd import SGD as SGD

__all__ = [
    "SGD",
    "AdaMax",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

AdaMax = Adamax  # as the paper spells it

_registry: Registry[Optimizer] = Registry(
    "optimizer",
    "optimizers",
    {
        cls.__name__.lower(): cls
        for cls in (
            SGD,
            RMSprop,
            Adagrad,
            Adadelta,
            Adam,
            AdamW,
            Adamax,
            Nadam,
            RAdam,
            Lion,
            Lamb,
            Ftrl,
            Adafactor,
            Muon,
            ScheduleFreeAdamW,
        )
    },
)


def get(identifier: str | Mapping[str, Any] | type[Optimizer] | Optimizer) -> Optimizer:
    """Returns an optimizer for its name (any case), its configuration or itself.

    Raises ValueError for an unknown name, with the nearest known one, and TypeError for anything else.

    >>> get("adam").learning_rate.numpy()
    np.float32(0.001)
    """
    return _registry.get(identifier, Optimizer)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Returns the configuration of an optimizer: `{"class_name": ..., "config": ...}`, plain data."""
    return _registry.serialize(optimizer)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Optimizer]] | None = None
) -> Optimizer:
    """Makes the optimizer that `serialize` described. `custom_objects`: further optimizer classes by name."""
    return _registry.deserialize(config, custom_objects)
