"""The beginning of a functional model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor._check import bad_type, bad_value, choice, positive_int
from densor.graph import Call, Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer, Shape

__all__ = ["Input", "InputLayer"]

_DTYPES = (
    "float32", "float64", "float16", "bfloat16", "bool",
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
)  # fmt: skip


@register
class InputLayer(Layer):
    """Holds the shape of an input; `output` is its symbolic tensor.

    Args:
        shape: the shape of one row, `()` for plain numbers.
        batch_shape: the same with the batch in front, instead of `shape`; the batch must be None.
        dtype: of the data; every real dtype is converted to float32 when a batch is gathered.
        name: default `input_layer` with a running number.

    Raises:
        TypeError, ValueError: no shape, or sizes that are not positive integers.
    """

    def __init__(
        self,
        shape: Sequence[int] | None = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        batch_size: None = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if batch_size is not None or (batch_shape is not None and list(batch_shape[:1]) != [None]):
            raise bad_value(
                "Input", "batch_size", "the batch size is not fixed; give it to fit() or predict()"
            )
        if (shape is None) == (batch_shape is None):
            raise bad_value("Input", "shape", "give the shape of one row, such as shape=(784,)")
        sizes: Any = shape if batch_shape is None else batch_shape[1:]
        if not isinstance(sizes, (list, tuple)):
            raise bad_type("Input", "shape", f"must be a tuple of ints, got {sizes!r}")
        self.batch_shape: Shape = (None, *(positive_int("Input", "shape", size) for size in sizes))
        self.input_dtype = choice("Input", "dtype", dtype or "float32", _DTYPES)
        self.built = True
        self.build_shape = self.batch_shape
        tensor = Tensor(self.batch_shape, name=self.name)
        tensor.call = Call(self, [], tensor)
        self._calls.append(tensor.call)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    @property
    def dtype(self) -> str:
        """The dtype of the data, as it was given."""
        return self.input_dtype

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": list(self.batch_shape), "dtype": self.input_dtype, "name": self.name}


def Input(
    shape: Sequence[int] | None = None,
    batch_size: None = None,
    dtype: str | None = None,
    *,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
) -> Tensor:
    """A symbolic tensor on which a functional model starts.

    Args:
        shape: the shape of one row. dtype: of the data. batch_shape, name: as for `InputLayer`.
        batch_size: None; it is not fixed.

    Returns:
        A tensor of shape `(None, *shape)`.

    Raises:
        TypeError, ValueError: as `InputLayer`.

    Example:
        >>> from densor import layers
        >>> layers.Dense(10)(layers.Input((784,))).shape
        (None, 10)
    """
    layer = InputLayer(shape, batch_shape=batch_shape, batch_size=batch_size, dtype=dtype, name=name)
    tensor: Tensor = layer.output
    return tensor
