"""Keras' namespace `utils`, for programs written for it; every name in it lives in a file of its own.

The package exists only because `keras.utils` does: nothing inside densor imports it, and odds and ends of
densor's own do not belong here.
"""

from densor.random import set_random_seed as set_random_seed
from densor.utils.categorical import to_categorical as to_categorical
from densor.utils.normalize import normalize as normalize

__all__ = ["normalize", "set_random_seed", "to_categorical"]
