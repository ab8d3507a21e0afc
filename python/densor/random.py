"""Keras' namespace `random`: random numbers, as arrays, or in the `call` of a layer for every row of the batch.

Without a `seed` numbers are drawn from the global seed (`set_seed`). In a `call` the shape begins with None, as
`ops.shape(inputs)` does, and every step has other numbers, whatever the seed; an array would be the same in all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _check, initializers, ops
from densor._array import real_array
from densor._seeds import get_state as get_state
from densor._seeds import mixed
from densor._seeds import next_seed as next_seed
from densor._seeds import seed_or_next as seed_or_next
from densor._seeds import set_random_seed as set_random_seed
from densor._seeds import set_seed as set_seed
from densor._seeds import set_state as set_state
from densor.graph import Tensor
from densor.graph.trace import scope

__all__ = [
    "SeedGenerator", "categorical", "dropout", "get_state", "next_seed", "normal", "randint", "seed_or_next",
    "set_random_seed", "set_seed", "set_state", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip

Shape = Sequence[int | None]


class SeedGenerator:
    """A sequence of seeds; what takes a `seed` takes it, and draws the next one.

    Args:
        seed: an integer for the same sequence every time, or None to draw one from the global seed.
        name: only kept.

    Source: Keras 3 `random.SeedGenerator`.

    >>> first, second = SeedGenerator(7), SeedGenerator(7)
    >>> [first.next() == second.next() for _ in range(3)]
    [True, True, True]
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **_: Any) -> None:
        self._initial_seed = None if seed is None else _check.integer("SeedGenerator", "seed", seed)
        self._seed = seed_or_next("SeedGenerator", self._initial_seed)
        self._drawn = 0
        self.name = name or "seed_generator"

    def next(self, ordered: bool = True) -> int:
        """The next seed, of 64 bits."""
        self._drawn += 1
        return mixed(self._seed, self._drawn)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """The generator that `get_config` described."""
        return cls(**config)


Seed = int | SeedGenerator | None


def normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None, seed: Seed = None
) -> Any:
    """Numbers of a normal distribution.

    Args:
        shape: of an array, or in a `call` (None, ...). mean, stddev: of the distribution. dtype: "float32" by default.
        seed: an integer for the same array at each call, a `SeedGenerator`, or None.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range; in a `call` a shape without the batch.

    Source: Keras 3 `random.normal`.

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    rows = _rows("normal", shape)
    if rows is None:
        return _typed(initializers.RandomNormal(mean, stddev, _seed("normal", seed))(_sizes(shape)), dtype)
    centre = _uniform(rows, shape, _check.number("normal", "mean", mean), mean, None)
    noise = _check.number("normal", "stddev", stddev, low=0)
    return _typed(ops.gaussian_noise(centre, noise, seed=_key("normal", seed)), dtype)


def uniform(
    shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: str | None = None, seed: Seed = None
) -> Any:
    """Numbers spread evenly over [minval, maxval); other arguments as for `normal`.

    >>> bool((uniform((100,), 2.0, 3.0) >= 2.0).all())
    True
    """
    rows = _rows("uniform", shape)
    if rows is None:
        return _typed(
            initializers.RandomUniform(minval, maxval, _seed("uniform", seed))(_sizes(shape)), dtype
        )
    low = _check.number("uniform", "minval", minval)
    return _typed(
        _uniform(rows, shape, low, _check.number("uniform", "maxval", maxval, low=low), seed), dtype
    )


def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None, seed: Seed = None
) -> Any:
    """An array of normal numbers, drawn again where they are more than 2 `stddev` from the mean.

    >>> bool((abs(truncated_normal((100,))) <= 2.0).all())
    True
    """
    if _rows("truncated_normal", shape) is not None:
        raise _check.bad_value(
            "truncated_normal", "shape", "a call() has normal() and uniform() for its batch"
        )
    known = _seed("truncated_normal", seed)
    return _typed(initializers.TruncatedNormal(mean, stddev, known)(_sizes(shape)), dtype)


def randint(shape: Shape, minval: int, maxval: int, dtype: str | None = "int32", seed: Seed = None) -> Any:
    """Integers from [minval, maxval); other arguments as for `normal`.

    >>> sorted(set(randint((100,), 0, 2).tolist()))
    [0, 1]
    """
    low = _check.integer("randint", "minval", minval)
    high = _check.integer("randint", "maxval", maxval, low=low + 1)
    rows = _rows("randint", shape)
    if rows is not None:
        return _typed(ops.floor(_uniform(rows, shape, low, high, seed)), dtype)
    return _typed(_generator("randint", seed).integers(low, high, _sizes(shape)), dtype)


def categorical(logits: Any, num_samples: int, dtype: str | None = "int32", seed: Seed = None) -> Any:
    """Class numbers (rows, num_samples), drawn with the probabilities softmax(logits) of each row (rows, classes).

    >>> categorical([[0.0, 100.0]], 3).tolist()
    [[1, 1, 1]]
    """
    scores = real_array("categorical", "logits", logits).astype(np.float64)
    if scores.ndim != 2 or not scores.shape[1]:
        raise _check.bad_value("categorical", "logits", f"expected shape (rows, classes), got {scores.shape}")
    count = _check.integer("categorical", "num_samples", num_samples, low=0)
    # The largest of the logits, each with noise of its own, is a class drawn with these probabilities (Gumbel).
    noise = _generator("categorical", seed).gumbel(size=(len(scores), count, scores.shape[1]))
    return _typed((scores[:, None, :] + noise).argmax(axis=-1), dtype)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Any:
    """`x` in another order along an axis, as a new array.

    >>> sorted(shuffle([3, 1, 2]).tolist())
    [1, 2, 3]
    """
    array = real_array("shuffle", "x", x)
    place = _check.integer("shuffle", "axis", axis, -array.ndim, array.ndim - 1)
    return _generator("shuffle", seed).permutation(array, axis=place)


def dropout(inputs: Any, rate: float, noise_shape: Shape | None = None, seed: Seed = None) -> Any:
    """`ops.dropout`: the share `rate` of the numbers becomes 0, the others are scaled up; in inference as well.

    >>> dropout([[1.0, 2.0]], 0.0).tolist()
    [[1.0, 2.0]]
    """
    return ops.dropout(inputs, rate, seed=_key("dropout", seed), noise_shape=noise_shape)


def _rows(function: str, shape: Any) -> Tensor | None:
    """A tensor with the rows of the batch where the shape begins with None; None for the shape of an array."""
    around, first = scope(), next(iter(shape), 0) if isinstance(shape, list | tuple) else 0
    if first is None:
        if around.rows is None:
            raise _check.bad_value(
                function, "shape", f"{tuple(shape)} begins with the batch, which only a layer's call() has"
            )
        return around.rows
    if around.in_call:
        raise _check.bad_value(
            function, "shape", f"must begin with None, the batch (ops.shape(inputs)[0]), in a call(), got {shape}: an "
            "array would be the same at every step"
        )  # fmt: skip
    return None


def _uniform(rows: Tensor, shape: Shape, low: float, high: float, seed: Seed) -> Any:
    sizes = [_check.positive_int("random", "shape", size) for size in shape[1:]]
    count = math.prod(sizes)
    numbers = ops.random_rows(rows, [low] * count, [high] * count, seed=_key("random", seed))
    return ops.reshape(numbers, (-1, *sizes)) if sizes else ops.squeeze(numbers, 1)


def _sizes(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, list | tuple) else shape


def _typed(values: Any, dtype: str | None) -> Any:
    return values if dtype is None else ops.cast(values, dtype)


def _seed(function: str, seed: Seed) -> int | None:
    if isinstance(seed, SeedGenerator):
        return seed.next()
    return None if seed is None else _check.integer(function, "seed", seed)


def _key(function: str, seed: Seed) -> int:
    return seed_or_next(function, _seed(function, seed))


def _generator(function: str, seed: Seed) -> np.random.Generator:
    return np.random.default_rng(_key(function, seed))
