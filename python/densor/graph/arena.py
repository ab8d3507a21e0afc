"""The arena: parameters, gradients and optimizer slots as flat arrays that one optimizer step walks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from densor.graph import twins
from densor.graph.variable import Variable

__all__ = ["ALIGNMENT", "Arena", "aligned_bytes"]

Float32 = NDArray[np.float32]

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register
_FLOATS = ALIGNMENT // 4


def aligned_bytes(size: int) -> NDArray[np.uint8]:
    """`size` zero bytes whose address is a multiple of `ALIGNMENT`."""
    raw = np.zeros(size + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]


def _aligned_floats(count: int) -> Float32:
    return aligned_bytes(count * 4).view(np.float32)


class Arena:
    """Flat float32 memory for variables, their gradients and their optimizer slots.

    Making an arena moves the variables in: `variable.array` becomes a view of `parameters`. Each variable
    starts at a multiple of 16 floats and the gaps stay zero, so that one vector loop covers everything.

    Args:
        variables: the variables, once each, in the order they are laid out.
        slots: the initial value of each optimizer slot, such as `[0.0, 0.0]` for Adam.

    Attributes:
        blocks: the parameters and the slots, float32 `(n,)` each, as they are on the host.
        gradients: float32 `(n,)`.
        segments: int64 `(variables, 2)`: offset and size of each variable, in floats.
        multipliers: float32 `(variables,)`: factors of the learning rate, as of the last `refresh`.
        mask: uint16 `(n / 16,)`: a bit for each parameter, 0 where it stays 0; None if no variable has a mask.
    """

    def __init__(self, variables: Iterable[Variable], slots: Sequence[float] = ()) -> None:
        self.variables = tuple(dict.fromkeys(variables))
        segments = []
        total = 0
        for variable in self.variables:
            segments.append((total, variable.size))
            total += -(-variable.size // _FLOATS) * _FLOATS
        self.segments: NDArray[np.int64] = np.array(segments, dtype=np.int64).reshape(-1, 2)
        self.blocks = [_aligned_floats(total) for _ in range(1 + len(slots))]
        self.gradients = _aligned_floats(total)
        self.multipliers = np.ones(len(self.variables), np.float32)
        self.mask: NDArray[np.uint16] | None = None
        self._masks: list[NDArray[np.bool_] | None] = [None] * len(self.variables)
        self._index = {variable: index for index, variable in enumerate(self.variables)}
        for index, initial in enumerate(slots):
            if initial != 0.0:  # zeros are there: their pages are the workers' to touch first, side by side
                for variable in self.variables:
                    self.slot(index, variable)[...] = initial
        self._homes = [self._view(self.parameters, variable) for variable in self.variables]
        for variable, home in zip(self.variables, self._homes, strict=True):
            home[...] = variable.numpy()
        for variable, home in zip(self.variables, self._homes, strict=True):
            variable.array = home

    @property
    def parameters(self) -> Float32:
        """The values of the variables, one after the other, to be read or written at once."""
        twins.settle()
        return self.blocks[0]

    @property
    def slots(self) -> list[Float32]:
        """The optimizer's state, laid out as the parameters, to be read or written at once."""
        twins.settle()
        return self.blocks[1:]

    def _view(self, flat: Float32, variable: Variable) -> Float32:
        return flat[self.segment(variable)].reshape(variable.shape)

    def segment(self, variable: Variable) -> slice:
        """Where the variable lies in the flat arrays."""
        offset, size = self.segments[self._index[variable]]
        return slice(offset, offset + size)

    def refresh(self) -> None:
        """Take over the variables' learning-rate multipliers and masks as they are now.

        What the slots hold of newly masked parameters becomes 0: the optimizer will not touch it again.
        """
        for index, variable in enumerate(self.variables):
            self.multipliers[index] = variable.learning_rate_multiplier
        masks = [variable.mask for variable in self.variables]
        if all(new is old for new, old in zip(masks, self._masks, strict=True)):
            return
        self._masks = masks
        if all(mask is None for mask in masks):
            self.mask = None
            return
        if self.mask is None:
            self.mask = np.zeros(len(self.parameters) // _FLOATS, np.uint16)
        for (offset, size), mask in zip(self.segments, masks, strict=True):
            kept = np.ones(-(-size // _FLOATS) * _FLOATS, np.bool_)
            if mask is not None:
                kept[:size] = mask.reshape(-1)
                for slot in self.slots:
                    slot[offset : offset + size][~kept[:size]] = 0.0
            words = np.packbits(kept, bitorder="little").view("<u2")
            self.mask[offset // _FLOATS : offset // _FLOATS + len(words)] = words

    def on_trial(self) -> Arena:
        """An arena to try a step in: parameters and slots of its own, not filled yet; all else is shared."""
        other = copy.copy(self)
        other.blocks = [_aligned_floats(len(block)) for block in self.blocks]
        other._homes = [other._view(other.parameters, variable) for variable in self.variables]
        return other

    def home(self, variable: Variable) -> Float32:
        """The view of `parameters` that belongs to `variable`, in its shape."""
        return self._homes[self._index[variable]]

    def __contains__(self, variable: Variable) -> bool:
        return variable in self._index

    def holds(self, variables: Iterable[Variable]) -> bool:
        """Whether every one of `variables` lives here; False once another arena has taken one of them."""
        return all(
            variable in self._index and variable.home is self._homes[self._index[variable]]
            for variable in variables
        )

    def gradient(self, variable: Variable) -> Float32:
        """The view of `gradients` that belongs to `variable`, in its shape."""
        return self._view(self.gradients, variable)

    def slot(self, index: int, variable: Variable) -> Float32:
        """The view of slot `index` that belongs to `variable`, in its shape."""
        return self._view(self.slots[index], variable)
