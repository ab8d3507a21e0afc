"""Steps on bfloat16 arrays as they lie, against casts around the same steps on float32 arrays."""

import numpy as np

from tests.ops.harness import RUNS, TARGETS, _core, execute, normal, on_target, same_bits
from tests.reference.cast import STORED, narrow, widen

EPSILON = 1e-3


class Case:
    """An op's arrays: those of the names that are stored are bfloat16, and float32 where casts stand around it."""

    def __init__(self, inputs, outputs, stored):
        self.inputs, self.outputs, self.stored = inputs, outputs, stored

    def run(self, build, direct, offset=0, **run):
        """The outputs, those that are stored rounded; `direct`: nothing is cast."""
        inputs = {name: array if array is None or name not in self.stored else
                  narrow(array) if direct else widen(narrow(array)) for name, array in self.inputs.items()}  # fmt: skip
        outputs = {
            name: (spec, STORED) if direct and name in self.stored else spec
            for name, spec in self.outputs.items()
        }
        found = execute(build, inputs, outputs, offset, **run)
        return {
            name: narrow(array) if name in self.stored and not direct else array
            for name, array in found.items()
        }

    def check(self, build, **run):
        """On every target, by any number of threads, wherever arrays begin; returns the outputs of the last."""
        threads = _core.num_threads()
        for target in TARGETS:
            with on_target(target):
                wanted = self.run(build, False, **run)
                for count, offset in RUNS:
                    _core.set_num_threads(count)
                    found = self.run(build, True, offset, **run)
                    _core.set_num_threads(threads)
                    for name, array in wanted.items():
                        assert same_bits(found[name], array), f"{target}, {count} threads: {name}"
        return found


def columns(shape, *names):
    """Inputs (rows, cols) by these names, and gamma, beta, mean, variance."""
    rng = np.random.default_rng(shape)
    arrays = {name: normal(rng, *shape, scale=2.0) + 3 * (name == "x") for name in names}
    mean, variance = arrays["x"].mean(0) + 0.01, arrays["x"].var(0) + 0.1
    gamma, beta = 1 + normal(rng, shape[1], scale=0.3), normal(rng, shape[1])
    return arrays | {"gamma": gamma, "beta": beta, "mean": np.float32(mean), "variance": np.float32(variance)}


def mask_of(shape):
    words = shape[0], -(-shape[1] // 16)
    return np.random.default_rng(5).integers(0, 2**16, words, dtype=np.uint16)
