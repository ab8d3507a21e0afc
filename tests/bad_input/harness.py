"""One harness for wrong calls: what must be true of every one of them.

(a) the exception's type; (b) a text that names function, argument and value; (c) weights, optimizer and random
state as before; (d) the next valid call gives the bits it would have given; (e) the caller's arrays unchanged.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import densor

TEXT = r"^\w+(\.\w+)*\(\): argument '\w+'"
ROWS, FEATURES, CLASSES = 20, 6, 4


@dataclass(frozen=True)
class Case:
    """A wrong call on a world. `text`: what the message must hold besides naming function and argument.

    pattern replaces the usual form where no argument is to blame: a missing call, an unknown keyword.
    prepare makes `world.other` before the state is looked at: making a layer draws a seed.
    """

    id: str
    call: Callable
    error: type[Exception] | tuple[type[Exception], ...]
    argument: str | None = None
    text: str = ""
    pattern: str = TEXT
    prepare: Callable | None = None


class World:
    """A small trained classifier and its data; made anew for every case, always the same."""

    def __init__(self):
        densor.utils.set_random_seed(7)
        rng = np.random.default_rng(7)
        self.x = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
        self.y = rng.integers(0, CLASSES, ROWS)
        self.model = densor.Sequential(
            [
                densor.Input((FEATURES,)),
                densor.layers.Dense(8),
                densor.layers.BatchNormalization(),
                densor.layers.Activation("relu"),
                densor.layers.Dropout(0.25),
                densor.layers.Dense(CLASSES, activation="softmax"),
            ]
        )
        self.model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        self.fit_once()
        self.made = []

    def fit_once(self):
        self.model.fit(self.x, self.y, epochs=1, batch_size=8, verbose=0)

    def keep(self, array):
        """Remembers an array that the wrong call gets, to see that it stays as it is."""
        self.made.append((array, digest([array])))
        return array

    def inputs_unchanged(self):
        return all(digest([array]) == before for array, before in self.made)

    def state(self):
        """SHA-256 of weights, optimizer and random state."""
        optimizer = self.model.optimizer
        state = [np.asarray(optimizer.iterations), np.float64(float(optimizer.learning_rate))]
        state += optimizer._state.slots
        state.append(np.frombuffer(repr(densor.random.get_state()).encode(), np.uint8))
        return digest([*self.model.get_weights(), *state])


def digest(arrays):
    """SHA-256 of bytes, shapes and dtypes."""
    sha = hashlib.sha256()
    for array in arrays:
        array = np.asarray(array)
        sha.update(repr((array.shape, array.dtype.str)).encode())
        sha.update(
            repr(array.tolist()).encode() if array.dtype.hasobject else np.ascontiguousarray(array).tobytes()
        )
    return sha.hexdigest()


def next_call(world):
    """The bits of the next valid calls: an epoch of training and a prediction."""
    world.fit_once()
    return digest([*world.model.get_weights(), world.model.predict(world.x, verbose=0)])


def check(case, untouched):
    """Runs one case; `untouched` is next_call() of a world in which nothing went wrong."""
    world = World()
    world.other = case.prepare(world) if case.prepare else None
    before = world.state()
    with pytest.raises(case.error) as caught:
        case.call(world)
    text = str(caught.value)
    assert re.search(case.pattern, text), f"message does not follow {case.pattern!r}: {text}"
    if case.argument is not None:
        assert f"argument '{case.argument}'" in text, f"does not blame {case.argument!r}: {text}"
    assert case.text in text, f"does not show {case.text!r}: {text}"
    for foreign in ("std::", "pybind", "_core."):
        assert foreign not in text, text
    assert world.state() == before, "the failed call changed weights, optimizer or random state"
    assert world.inputs_unchanged(), "the failed call changed the caller's array"
    assert next_call(world) == untouched, "the next valid call gives other bits"
