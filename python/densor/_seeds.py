"""The global seed. Everything random in densor that was given no seed of its own draws one from here.

The state is a (seed, counter) pair: the n-th seed drawn after `set_seed(s)` is always the same 64-bit number,
so a program that makes its layers in the same order gets the same weights, shuffles and dropout masks.
"""

import os
import threading

import numpy as np

from densor import _check

_WORD = (1 << 64) - 1
_lock = threading.Lock()
_seed = int.from_bytes(os.urandom(8), "little")
_counter = 0


def set_seed(seed: int) -> None:
    """Starts the sequence of global seeds anew.

    `seed`: an integer from 0 to 2^64 - 1. Raises TypeError for another kind, ValueError outside the range.

    >>> set_seed(42)
    >>> first = next_seed()
    >>> set_seed(42)
    >>> next_seed() == first
    True
    """
    global _seed, _counter
    checked = _check.integer("set_seed", "seed", seed, low=0, high=_WORD)
    with _lock:
        _seed, _counter = checked, 0


def next_seed() -> int:
    """Draws a fresh 64-bit seed: the SplitMix64 output function of (seed, counter), then counter + 1.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
    """
    global _counter
    with _lock:
        _counter += 1
        return mixed(_seed, _counter)


def mixed(seed: int, counter: int) -> int:
    """The 64 bits that SplitMix64 makes of the two."""
    word = (seed + counter * 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def seed_or_next(function: str, seed: int | None) -> int:
    """Returns the `seed` argument of `function` as 64 bits, or a fresh one for None."""
    return next_seed() if seed is None else _check.integer(function, "seed", seed) & _WORD


def get_state() -> tuple[int, int]:
    """Returns (seed, counter), from which `set_state` continues the sequence."""
    with _lock:
        return _seed, _counter


def set_state(state: tuple[int, int]) -> None:
    """Continues the sequence of global seeds where `get_state` returned `state`."""
    global _seed, _counter
    if not isinstance(state, tuple | list) or len(state) != 2:
        raise _check.bad_type("set_state", "state", f"must be (seed, counter), got {_check.show(state)}")
    seed, counter = (_check.integer("set_state", "state", word, low=0, high=_WORD) for word in state)
    with _lock:
        _seed, _counter = seed, counter


def set_random_seed(seed: int) -> None:
    """Seeds Python's `random`, NumPy's global generator and densor, as `keras.utils.set_random_seed` does.

    `seed`: an integer from 0 to 2^32 - 1, which is what NumPy takes.
    """
    import random as python_random

    checked = _check.integer("set_random_seed", "seed", seed, low=0, high=2**32 - 1)
    python_random.seed(checked)
    np.random.seed(checked)  # noqa: NPY002 - the global generator is what the caller asks for
    set_seed(checked)
