"""Parameters that a thread takes together: the bits are those of one by one, wherever variables and arrays begin."""

import numpy as np
import pytest

import densor
from densor import optimizers
from tests.ops.harness import CUDA, TARGETS, _core, execute, normal, on_target, same_bits
from tests.ops.test_optimizer import GOLDEN
from tests.tolerances import assert_close

SHAPES = ((5, 7), (1,), (3,), (2,), (4, 6), (4099,), (90, 100))
# Where the variables begin: none where the one before it ends.
ANYWHERE, LINES = (3, 42, 45, 50, 54, 79, 4180), (0, 48, 64, 80, 96, 128, 4240)
SIZE = 13250
OFFSETS = (0, 4)  # bytes: arrays that begin at 16 bytes, and ones that do not


def bits_by_offset(begins, rule, slots, clipping, matrices, iterations, hyper, **extras):
    """The arrays after a step, by target and by the bytes by which they are off a boundary of 64."""
    rng = np.random.default_rng(SIZE)
    sizes = [int(np.prod(shape)) for shape in SHAPES]
    segments = np.array(list(zip(begins, sizes, strict=True)), np.int64)
    decayed = np.array([1, 0, 1, 0, 1, 1, 0], np.uint8)
    outputs = {"w": normal(rng, SIZE), "g": normal(rng, SIZE)}
    outputs |= {f"s{k}": np.abs(normal(rng, SIZE, scale=0.1)) for k in range(slots)}
    outputs |= {name: np.abs(normal(rng, SIZE)) for name in ("average", "accumulator") if name in extras}
    words = rng.integers(0, 1 << 16, -(-SIZE // 16)).astype(np.uint16)

    def build(o, i):
        given = {name: getattr(i if name == "mask" else o, name) for name in extras}
        more = {"matrices": matrices, "iterations": iterations, "accumulation_steps": 3}
        states = [getattr(o, f"s{k}") for k in range(slots)]
        return _core.optimizer(o.w, o.g, states, segments, decayed, rule, *clipping, **more, **given)

    inputs = {"mask": words} if "mask" in extras else {}
    for target in TARGETS:
        with on_target(target):
            yield target, [execute(build, inputs, outputs, offset, hyper=hyper) for offset in OFFSETS]


def check(begins, name, clipping=(None, None, None), tail=(), **extras):
    case = GOLDEN["cases"][name]
    instance = getattr(optimizers, case["class"])(**case["arguments"])
    variables = tuple(densor.Variable(np.zeros(shape, np.float32)) for shape in SHAPES)
    hyper = np.concatenate([instance.coefficients(0, 3)[2:], np.array([tail], np.float32)], axis=1)
    found = bits_by_offset(
        begins,
        instance.rule,
        len(instance.slots),
        clipping,
        instance.matrices(variables),
        instance.iterations_of_directions,
        hyper.astype(np.float32),
        **extras,
    )
    results = dict(found)
    first = next(iter(results.values()))[0]
    for target, (aligned, shifted) in results.items():
        for key in aligned:
            assert same_bits(aligned[key], shifted[key]), f"{name}, {key}: {target}, arrays off 16 bytes"
            if CUDA:
                assert same_bits(aligned[key], first[key]), f"{name}, {key}: {target}"
    return first


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_every_rule(name):
    check(ANYWHERE, name)


@pytest.mark.parametrize("k", range(3), ids=["clipvalue", "clipnorm", "global_clipnorm"])
def test_clipping(k):
    clipping = [None, None, None]
    clipping[k] = 0.3
    check(ANYWHERE, "adam", clipping)


@pytest.mark.parametrize("name", ["adam", "sgd", "amsgrad"])
def test_masks_means_and_accumulated_gradients(name):
    for applied in (0.0, 1.0):
        check(
            LINES, name, tail=(0.9, 1.0, applied), mask=True, average=True, accumulator=True
        )  # fmt: skip


def test_every_parameter_and_nothing_between():
    rng = np.random.default_rng(SIZE)
    expected, gradients = normal(rng, SIZE), normal(rng, SIZE)
    for begin, shape in zip(ANYWHERE, SHAPES, strict=True):
        mine = slice(begin, begin + int(np.prod(shape)))
        expected[mine] -= np.float32(GOLDEN["cases"]["sgd"]["arguments"]["learning_rate"]) * gradients[mine]
    assert_close(check(ANYWHERE, "sgd")["w"], expected.astype(np.float64), "optimizer")
