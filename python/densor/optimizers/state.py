"""What an optimizer keeps between steps, in the order and under the names that Keras has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor.graph import Variable
from densor.optimizers.adafactor import Adafactor
from densor.optimizers.muon import Muon
from densor.optimizers.nadam import Nadam
from densor.optimizers.optimizer import Optimizer
from densor.optimizers.rmsprop import RMSprop

__all__ = ["StateVariable", "momentum_product", "slot_of", "slot_order", "slot_shape", "state_variables"]

Array = NDArray[Any]


class StateVariable(Variable):
    """An array of an optimizer's state as it was when `optimizer.variables` was read."""

    def __init__(self, value: Any, name: str, optimizer: Optimizer) -> None:
        super().__init__(0.0, name, trainable=False)
        self.home = np.array(value)
        self.home.flags.writeable = False
        self.dtype = str(self.home.dtype)
        self.path = f"{optimizer.name}/{name}"

    def overwrite(self, value: Any) -> None:
        """Refused: it is a copy."""
        raise TypeError(
            f"assign(): {self.path} is a copy of the state; set optimizer.iterations or optimizer.learning_rate, or "
            "call optimizer.reset_state()"
        )


def state_variables(optimizer: Any) -> list[Variable]:
    """Iterations, learning rate (unless it follows a schedule), and the slots of the weights, once there are any."""
    found: list[Variable] = [StateVariable(np.int32(optimizer.iterations), "iteration", optimizer)]
    if optimizer._schedule is None:
        found.append(StateVariable(np.float32(optimizer.learning_rate), "learning_rate", optimizer))
    arena = optimizer._state
    if arena is not None:
        for slot, index in slot_order(optimizer, arena.variables):
            variable = arena.variables[index]
            name = f"{variable.path.replace('/', '_')}_{optimizer.state_names[slot]}"
            found.append(StateVariable(slot_of(optimizer, arena, slot, variable), name, optimizer))
        if isinstance(optimizer, Nadam):
            found.append(StateVariable(np.float32(momentum_product(optimizer)), "u_product", optimizer))
    return found


def slot_order(optimizer: Optimizer, trained: Sequence[Variable]) -> list[tuple[int, int]]:
    """The order of the optimizer's arrays in the file, as (index of the slot, index of the variable)."""
    variables = len(trained)
    names, slots = optimizer.state_names, list(enumerate(optimizer.slots))
    beside = [
        (slot, variable) for slot in range(len(slots), len(names)) for variable in range(variables)
    ]  # the running mean and the accumulated gradients come first
    if isinstance(optimizer, RMSprop):
        return beside + [(slot, variable) for slot, _ in slots for variable in range(variables)]
    if isinstance(optimizer, Muon | Adafactor):
        return beside + [
            (slot, index) for index, variable in enumerate(trained) for slot in _kept(optimizer, variable)
        ]
    together = [slot for slot, name in slots if name != "velocity_hat"]
    last = [slot for slot, name in slots if name == "velocity_hat"]
    return [
        *beside,
        *((slot, variable) for variable in range(variables) for slot in together),
        *((slot, variable) for slot in last for variable in range(variables)),
    ]


def _kept(optimizer: Muon | Adafactor, variable: Variable) -> tuple[int, ...]:
    """The slots that Keras keeps of a variable."""
    if isinstance(optimizer, Muon):
        return (0,) if optimizer.is_matrix(variable) else (0, 1)
    return (0, 1, 2)


def slot_of(optimizer: Optimizer, arena: Any, slot: int, variable: Variable) -> Array:
    """A slot of a variable as Keras has it: those of Adafactor for rows and columns are smaller."""
    array: Array = arena.slot(slot, variable)
    shape = slot_shape(optimizer, slot, variable)
    return array if shape == variable.shape else array.reshape(-1)[: math.prod(shape)].reshape(shape)


def slot_shape(optimizer: Optimizer, slot: int, variable: Variable) -> tuple[int, ...]:
    """The shape of a slot of a variable in Keras."""
    shape = variable.shape
    if not isinstance(optimizer, Adafactor) or slot > 1:
        return shape
    if len(shape) < 2:
        return ()  # a number that nobody reads
    return shape[:-1] if slot == 0 else (*shape[:-2], shape[-1])


def momentum_product(optimizer: Nadam) -> float:
    """Nadam's u_1 u_2 ... u_t after t updates, with u_t = beta_1 (1 - 0.5 * 0.96^t)."""
    updates = optimizer.iterations // (optimizer.gradient_accumulation_steps or 1)
    t = np.arange(1.0, updates + 1.0)
    return float(np.prod(optimizer._u(t)))
