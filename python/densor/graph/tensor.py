"""The symbolic tensor: a shape, a dtype and the node that computes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from densor.graph.node import Node

__all__ = ["Call", "Tensor", "Written"]


@dataclass(frozen=True, eq=False)
class Call:
    """One recorded layer call; functional models replay it on other tensors.

    `inputs` and `outputs` are a tensor or a list of tensors, as the layer got and returned them;
    `arguments` are the other keyword arguments (`training` among them when it was given).
    """

    layer: Any
    inputs: Any
    outputs: Any
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Written:
    """One call of a function of `densor.ops` outside any layer; a functional model makes a layer of it."""

    function: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    outputs: Any


def _operator(name: str, reflected: bool = False) -> Callable[[Tensor, Any], Tensor]:
    def method(self: Tensor, other: Any) -> Tensor:
        a, b = (other, self) if reflected else (self, other)
        result: Tensor = Tensor.operators[name](a, b)
        return result

    return method


class Tensor:
    """A symbolic array. The first dimension of `shape` is None: the rows of the batch.

    `dtype` is that in which its values are stored: "float32" or "bfloat16". `node` is the node that computes it
    (None for the input of a graph); `call` is the layer call that returned it, if it came out of a layer outside a
    trace; `written` is the call of a function that did, between layers.
    """

    # The functions of densor.ops by name: the graph lies below the operations and cannot import them.
    operators: ClassVar[dict[str, Callable[..., Any]]] = {}

    __array_ufunc__ = None  # NumPy leaves `array + tensor` to __radd__

    def __init__(
        self, shape: tuple[int | None, ...], dtype: str = "float32", name: str = "", node: Node | None = None
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.name = name
        self.node = node
        self.call: Call | None = None
        self.written: Written | None = None

    @property
    def ndim(self) -> int:
        """The number of dimensions, the batch included."""
        return len(self.shape)

    @property
    def batched(self) -> bool:
        """Whether there is a row per sample; a sum over all of them is one number, of shape ()."""
        return self.shape[:1] == (None,)

    @property
    def of_weights(self) -> bool:
        """Whether it was computed of weights alone: one row, of shape (1, ...), whatever the batch."""
        return bool(self.shape) and not self.batched

    @property
    def features(self) -> int:
        """The number of values per row of the batch."""
        return math.prod(size for size in self.shape[1:] if size is not None)

    @property
    def columns(self) -> int:
        """The size of the last axis; 1 for a tensor that has only the batch axis."""
        last = self.shape[-1] if self.ndim > 1 else 1
        assert last is not None
        return last

    __add__, __radd__ = _operator("add"), _operator("add", reflected=True)
    __sub__, __rsub__ = _operator("subtract"), _operator("subtract", reflected=True)
    __mul__, __rmul__ = _operator("multiply"), _operator("multiply", reflected=True)
    __truediv__, __rtruediv__ = _operator("divide"), _operator("divide", reflected=True)
    __pow__, __rpow__ = _operator("power"), _operator("power", reflected=True)
    __matmul__, __rmatmul__ = _operator("matmul"), _operator("matmul", reflected=True)
    __getitem__ = _operator("get_item")
    __lt__, __le__ = _operator("less"), _operator("less_equal")
    __gt__, __ge__ = _operator("greater"), _operator("greater_equal")

    def __neg__(self) -> Tensor:
        result: Tensor = Tensor.operators["negative"](self)
        return result

    def __abs__(self) -> Tensor:
        result: Tensor = Tensor.operators["absolute"](self)
        return result

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(f"{self!r} is symbolic and has no values; call the layer or model on arrays instead")

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is symbolic: Python control flow cannot depend on its values")

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} is symbolic and cannot be iterated over")

    def __repr__(self) -> str:
        name = f"name={self.name!r}, " if self.name else ""
        return f"<Tensor {name}shape={self.shape}, dtype={self.dtype}>"
