"""The variable: a named float32 array that outlives graphs and may be moved into an arena."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densor._array import float32_array
from densor._check import bad_type, bad_value, number
from densor.graph import twins
from densor.graph.tensor import Tensor
from densor.graph.trace import scope

if TYPE_CHECKING:
    from densor.graph.constraint import ConstraintLike
    from densor.graph.penalty import RegularizerLike

__all__ = ["Variable"]

Float32 = NDArray[np.float32]

_moves = itertools.count(1)  # none twice, whichever thread moves


def _operator(name: str, reflected: bool = False) -> Callable[[Variable, Any], Any]:
    """An operator on the values, as arrays have it; beside a symbolic tensor, and in a `call`, that of tensors."""
    function = getattr(np, name)

    def method(self: Variable, other: Any) -> Any:
        if isinstance(other, Tensor):
            return NotImplemented
        pair = (other, self) if reflected else (self, other)
        return Tensor.operators[name](*pair) if scope().in_call else function(*map(np.asarray, pair))

    return method


class Variable:
    """A float32 array with a name. `array` is where the values live now: own memory, or a view of an arena.

    Args:
        value: anything NumPy turns into a float32 array; it is copied.
        name: the weight's name in its layer, such as `kernel`.
        trainable: whether training may change it through gradients.

    Attributes:
        regularizer: what adds a penalty on the values to the loss, or None.
        constraint: what brings the values back after every training step, or None.

    Example:
        >>> from densor.graph import Variable
        >>> v = Variable([1.0, 2.0], "bias")
        >>> v.assign([3.0, 4.0])
        >>> v.numpy().tolist()
        [3.0, 4.0]
    """

    dtype = "float32"
    moves = 0  # names the last move of a variable to another home: where it is the same, none has moved

    def __init__(self, value: Any, name: str = "variable", trainable: bool = True) -> None:
        self.home: Float32 = np.array(value, dtype=np.float32, order="C")
        self.name = name
        self.path = name
        self.trainable = trainable
        self._mask: NDArray[np.bool_] | None = None
        self._multiplier = 1.0
        self.regularizer: RegularizerLike | None = None
        self.constraint: ConstraintLike | None = None

    @property
    def array(self) -> Float32:
        """Where the values live now, as a program on a device may have left them; what is written there, counts.

        On a device it costs a copy of the weights before every run from then on; `numpy` and `assign` do not.
        """
        twins.settle()
        twins.hand_out(self.home)
        return self.home

    @array.setter
    def array(self, value: Float32) -> None:
        self.home = value
        Variable.moves = next(_moves)

    @property
    def values(self) -> Float32:
        """The values where they live, only to be read, and only until the next step or `assign`."""
        twins.settle()
        view = self.home.view()
        view.flags.writeable = False
        return view

    @property
    def learning_rate_multiplier(self) -> float:
        """The factor of the learning rate for this variable; 0 leaves it and its optimizer state alone."""
        return self._multiplier

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        self._multiplier = number("learning_rate_multiplier", "value", value, low=0)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Where values may be other than 0, in the variable's shape; None: everywhere.

        Setting it zeroes the others, and training keeps them at 0.
        """
        return self._mask

    @mask.setter
    def mask(self, value: Any) -> None:
        if value is None:
            self._mask = None
            return
        mask = np.array(value)
        if mask.dtype != np.bool_:
            raise bad_type("mask", "value", f"must be an array of bool, got dtype {mask.dtype}")
        if mask.shape != self.shape:
            raise bad_value("mask", "value", f"expected shape {self.shape} for {self.path}, got {mask.shape}")
        mask.flags.writeable = False
        self._mask = mask
        twins.settle()
        self.home[~mask] = 0.0
        twins.settle()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.home.shape

    @property
    def size(self) -> int:
        """The number of values."""
        return self.home.size

    def numpy(self) -> Float32:
        """A copy of the values."""
        twins.settle()
        return self.home.copy()

    def assign(self, value: Any) -> None:
        """Overwrite the values. `value` must have this variable's shape; nothing is broadcast.

        Raises:
            TypeError: `value` is not real numbers.
            ValueError: `value` has another shape, or numbers beyond float32.
        """
        self.overwrite(self.converted("assign", "value", value))

    def overwrite(self, value: Any) -> None:
        """`assign` for a value that was converted, or a number."""
        twins.settle()
        self.home[...] = value
        twins.settle()

    def converted(self, function: str, argument: str, value: Any) -> Float32:
        """`value` as a float32 array that fits this variable; raises as `assign`, in the name of `function`."""
        array = float32_array(function, argument, value)
        if array.shape != self.shape:
            raise ValueError(
                f"{function}(): argument '{argument}': expected shape {self.shape} for {self.path}, got {array.shape}"
            )
        return array

    def assign_add(self, value: Any) -> None:
        """Add to the values; shapes as for `assign`."""
        self.assign(self.values + self.converted("assign_add", "value", value))

    def assign_sub(self, value: Any) -> None:
        """Subtract from the values; shapes as for `assign`."""
        self.assign(self.values - self.converted("assign_sub", "value", value))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.home.ndim

    __add__, __radd__ = _operator("add"), _operator("add", reflected=True)
    __sub__, __rsub__ = _operator("subtract"), _operator("subtract", reflected=True)
    __mul__, __rmul__ = _operator("multiply"), _operator("multiply", reflected=True)
    __truediv__, __rtruediv__ = _operator("divide"), _operator("divide", reflected=True)
    __pow__, __rpow__ = _operator("power"), _operator("power", reflected=True)
    __matmul__, __rmatmul__ = _operator("matmul"), _operator("matmul", reflected=True)
    __lt__, __le__ = _operator("less"), _operator("less_equal")
    __gt__, __ge__ = _operator("greater"), _operator("greater_equal")

    def __neg__(self) -> Any:
        return Tensor.operators["negative"](self)

    def __abs__(self) -> Any:
        return Tensor.operators["absolute"](self)

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __float__(self) -> float:
        return float(np.asarray(self))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if scope().in_call:
            raise TypeError(
                f"{self.path}: what a call() computes of a variable alone is elementwise, by functions of densor.ops; "
                "the rest would be a constant that is never trained: begin with the inputs, as in "
                "ops.sum(ops.zeros_like(inputs) + w, -1), or take .numpy() if it is a constant"
            )
        if copy or (dtype is not None and np.dtype(dtype) != np.float32):
            return self.numpy().astype(dtype or np.float32, copy=False)
        return self.array

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, trainable={self.trainable}>"
