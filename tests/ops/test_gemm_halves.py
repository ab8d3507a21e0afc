"""Products on the CPU's matrix units of bfloat16 arrays as they lie in memory: the bits of products of float32 copies,
rounded behind every factor.
"""

import numpy as np
import pytest

from tests.ops.harness import CUDA, Guarded, _core, normal
from tests.ops.harness import same_bits as to_the_bit
from tests.ops.test_dense_pack import packed
from tests.ops.test_gemm_amx import SPECIAL
from tests.reference import cast
from tests.reference.cast import STORED

pytestmark = pytest.mark.skipif(bool(CUDA), reason="the CPU's matrix units; the device has test_halves.py")

# Rows, inputs, units around tiles of 16 and squares of 32; beyond one block of rows and of columns.
SHAPES = ((1, 1, 1), (5, 31, 3), (16, 32, 17), (33, 33, 15), (40, 129, 70), (300, 34, 60), (47, 16, 1500))
NUMBERS = ("plain", "special", "tiny")
ONE_PASS = 2560  # terms


def halves(rng, numbers, *shape):
    """bfloat16 of all kinds: special ones strewn in, or so small that terms and products vanish on matrix units."""
    x = normal(rng, *shape)
    if numbers == "tiny":
        x *= np.float32(2.0) ** rng.integers(-120, -90, shape)
    bits = cast.narrow(x).view(np.uint16)
    if numbers == "special":
        patterns = [*cast.narrow(SPECIAL).view(np.uint16), 0x7F81, 0xFFFF, 0x0001, 0x8001, 0x7F7F]
        places = rng.random(shape) < 0.02
        bits[places] = rng.choice(np.array(patterns, np.uint16), places.sum())
    return aligned_to_two(bits.view(STORED))


def aligned_to_two(array):
    """At no more than a multiple of the size of an element."""
    room = np.empty(array.size + 1, STORED)
    room = room[(room.ctypes.data % 4 == 0) :][: array.size].reshape(array.shape)
    room[...] = array
    return room


def wide(array):
    return np.ascontiguousarray(cast.widen(array.view(np.uint16)), np.float32)


def stored(*shape):
    return Guarded(shape, STORED, 2)


def same_bits(a, b):
    """NaN is NaN, whatever its sign and payload."""
    return to_the_bit(*(np.where(np.isnan(array), np.float32(np.nan), array) for array in (a, b)))


def bits(array):
    return array.view(np.uint16)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("activation", "saves_input"), [("linear", False), ("relu", False), ("elu", False), ("gelu", True)]
)
@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward_has_the_bits_of_the_casts(units, shape, numbers, activation, saves_input, threads):
    """What an activation is of, and what is kept of it, is the float32 sum: each is rounded once."""
    rows, inputs, outputs = shape
    _core.set_num_threads(threads)
    rng = np.random.default_rng(shape)
    x, w, bias = halves(rng, numbers, rows, inputs), normal(rng, inputs, outputs), normal(rng, outputs)
    if numbers == "tiny":
        bias *= np.float32(1e-36)
    (y, single, exact), (z, single_z, exact_z) = (
        (stored(rows, outputs), *(np.zeros((rows, outputs), np.float32) for _ in range(2))) for _ in "yz"
    )
    for training in (True, False):
        rest, keeps = (bias, activation, 0.3, training), training and saves_input
        _core.dense_forward(y.array, z.array if keeps else None, x, w, *rest).run()
        _core.dense_forward(single, single_z if keeps else None, x, w, *rest).run()
        _core.dense_forward(exact, exact_z if keeps else None, wide(x), w, *rest, bfloat16=True).run()
        for found, in_float32, wanted in ((y, single, exact), (z, single_z, exact_z))[: 1 + keeps]:
            assert same_bits(in_float32, wanted)
            np.testing.assert_array_equal(bits(found.array), bits(cast.narrow(wanted)))
            found.assert_untouched("y or z")


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("below", ["nothing", "mask", "relu", "mask and relu"])
@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_have_the_bits_of_the_casts(units, shape, numbers, below, threads):
    rows, inputs, outputs = shape
    _core.set_num_threads(threads)
    rng = np.random.default_rng([*shape, 1])
    x, dy, w = (
        halves(rng, numbers, rows, inputs), halves(rng, numbers, rows, outputs), normal(rng, inputs, outputs),
    )  # fmt: skip
    mask = rng.integers(0, 1 << 16, (rows, -(-inputs // 16))).astype(np.uint16)
    saved = halves(rng, "plain", rows, inputs)
    slopes = {}
    if "mask" in below:
        slopes |= {"below_mask": mask, "below_rate": 0.3}
    if "relu" in below:
        slopes |= {"below_saved": saved, "below_activation": "relu"}
    dx, *found = stored(rows, inputs), *(np.zeros(size, np.float32) for size in (w.shape, outputs))
    exact = [np.zeros(size, np.float32) for size in (x.shape, w.shape, outputs)]
    _core.dense_backward(dx.array, *found, None, dy, None, x, w, "linear", 0.0, **slopes).run()
    _core.dense_backward(
        *exact, None, wide(dy), None, wide(x), w, "linear", 0.0, bfloat16=True
    ).run()  # fmt: skip
    for mine, theirs in zip(found, exact[1:], strict=True):
        assert same_bits(mine, theirs)
    wanted = cast.forward(exact[0])
    if "mask" in below:
        _core.dropout_backward(wanted, wanted.copy(), mask, 0.3, "inverted").run()
        wanted = cast.forward(wanted)
    if "relu" in below:
        _core.activation_backward(wanted, wanted.copy(), wide(saved), "relu", 0.0).run()
        wanted = cast.forward(wanted)
    np.testing.assert_array_equal(bits(dx.array), bits(cast.narrow(wanted)))
    dx.assert_untouched("dx")


def test_sums_of_several_passes_are_float32(units):
    """Operands are read as they are all the same."""
    assert _core.cpu_writes_halves(ONE_PASS)
    assert not _core.cpu_writes_halves(ONE_PASS + 1)
    rng = np.random.default_rng(3)
    long, short = halves(rng, "special", 33, ONE_PASS + 40), halves(rng, "plain", 33, 21)
    w = normal(rng, ONE_PASS + 40, 21)
    y, exact = (np.zeros((33, 21), np.float32) for _ in range(2))
    _core.dense_forward(y, None, long, w, None, "relu", 0.0, True).run()
    _core.dense_forward(exact, None, wide(long), w, None, "relu", 0.0, True, bfloat16=True).run()
    assert same_bits(y, exact)
    dx, exact = (np.zeros(short.shape, np.float32) for _ in range(2))
    w = np.ascontiguousarray(w.T)
    _core.dense_backward(dx, None, None, None, long, None, short, w, "linear", 0.0).run()
    _core.dense_backward(
        exact, None, None, None, wide(long), None, wide(short), w, "linear", 0.0, bfloat16=True
    ).run()
    assert same_bits(dx, exact)
    message = r"is bfloat16, and sums of 2600 terms take several passes over it; pass float32"
    with pytest.raises(TypeError, match=rf"dense_backward\(\): argument 'dx': {message}"):
        _core.dense_backward(
            np.zeros(short.shape, STORED), None, None, None, long, None, short, w, "linear", 0.0
        )


def test_a_gradient_of_many_rows_takes_several_passes(units):
    rng = np.random.default_rng(4)
    x, dy, w = halves(rng, "plain", 2700, 20), halves(rng, "plain", 2700, 33), normal(rng, 20, 33)
    x[77, 3] = cast.narrow(np.float32([np.inf]))[0]
    found, exact = ([np.zeros(size, np.float32) for size in (w.shape, 33)] for _ in range(2))
    _core.dense_backward(None, *found, None, dy, None, x, w, "linear", 0.0).run()
    _core.dense_backward(None, *exact, None, wide(dy), None, wide(x), w, "linear", 0.0, bfloat16=True).run()
    assert all(map(same_bits, found, exact))
    assert not np.isfinite(found[0][3]).any()


def test_sums_of_one_pass_take_the_longest(units):
    rng = np.random.default_rng(5)
    x, w = halves(rng, "plain", 33, ONE_PASS), normal(rng, ONE_PASS, 40)
    y, exact = np.zeros((33, 40), STORED), np.zeros((33, 40), np.float32)
    _core.dense_forward(y, None, x, w, None, "linear", 0.0).run()
    _core.dense_forward(exact, None, wide(x), w, None, "linear", 0.0, bfloat16=True).run()
    np.testing.assert_array_equal(bits(y), bits(cast.narrow(exact)))


@pytest.mark.parametrize(
    "scale", [1.0, 1e-36]
)  # of the weights that one worker packs, too small for bfloat16
def test_blocks_that_workers_take_over(units, scale):
    rows, inputs, outputs = 290, 500, 490
    assert "lent by" in _core.gemm_plan(rows, outputs, inputs, workers=2)
    rng = np.random.default_rng(8)
    x, dy, w = (
        halves(rng, "plain", rows, inputs), halves(rng, "plain", rows, outputs), normal(rng, inputs, outputs),
    )  # fmt: skip
    w[:, -9:] *= np.float32(scale)
    results = []
    for threads in (1, 2, 3):
        _core.set_num_threads(threads)
        y, z, dx, dw = *(np.zeros_like(dy) for _ in range(2)), np.zeros_like(x), np.zeros_like(w)
        _core.dense_forward(y, z, x, w, None, "gelu", 0.0, True).run()
        _core.dense_backward(dx, dw, None, None, dy, None, x, w, "linear", 0.0).run()
        results.append((bits(y), bits(z), bits(dx), dw))
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_of_weights_that_were_packed_before(units):
    rng = np.random.default_rng(6)
    x, dy, w = halves(rng, "special", 40, 70), halves(rng, "special", 40, 90), normal(rng, 70, 90)
    results = []
    for forward, backward in ((None, None), packed(w, 1)):
        y, soft, dx = *(np.zeros((40, 90), STORED) for _ in range(2)), np.zeros((40, 70), STORED)
        _core.dense_forward(y, None, x, w, None, "relu", 0.0, packed=forward).run()
        _core.dense_forward(soft, None, x, w, None, "softplus", 0.0, packed=forward).run()
        _core.dense_backward(dx, None, None, None, dy, None, x, w, "linear", 0.0, packed=backward).run()
        results.append((bits(y), bits(soft), bits(dx)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_bits_are_rounded_once(units):
    """Of a product with one: what float32 holds, to the nearest bfloat16, ties to even."""
    x = np.ones((3, 1), np.float32)
    w = np.float32([[1.00390625, 1.01171875, 1 + 2.0**-23, -3.3961775e38, 7.0, 0.0]])
    y = np.zeros((3, 6), STORED)
    _core.dense_forward(y, None, cast.narrow(x), w, None, "linear", 0.0).run()
    np.testing.assert_array_equal(bits(y), bits(cast.narrow(np.repeat(w, 3, 0))))


def test_what_a_cpu_does_not_round_is_refused(units):
    rng = np.random.default_rng(7)
    x, w, y = halves(rng, "plain", 4, 3), normal(rng, 3, 5), np.zeros((4, 5), STORED)
    message = r"is bfloat16, which a CPU does not multiply by the derivative of 'tanh'; pass float32"
    with pytest.raises(TypeError, match=rf"dense_backward\(\): argument 'dx': {message}"):
        _core.dense_backward(np.zeros_like(x), None, None, None, y, None, x, w, "linear", 0.0,
                             below_saved=x, below_activation="tanh")  # fmt: skip
    for argument, dy, kernel in (("dy", wide(y), w), ("w", y, cast.narrow(w))):
        with pytest.raises(TypeError, match=rf"dense_backward\(\): argument '{argument}': expected dtype"):
            _core.dense_backward(None, np.zeros_like(w), None, None, dy, None, x, kernel, "linear", 0.0)
    with pytest.raises(TypeError, match=r"dense_forward\(\): argument 'y': expected dtype float32"):
        _core.dense_forward(y, None, wide(x), w, None, "linear", 0.0)


def test_other_targets_read_float32():
    before, x, y = _core.cpu_target(), np.zeros((4, 3), STORED), np.zeros((4, 5), np.float32)
    try:
        for target in set(_core.cpu_targets()) - {"amx"}:
            _core.set_cpu_target(target)
            assert not _core.cpu_reads_halves()
            assert not _core.cpu_writes_halves(1)
            with pytest.raises(TypeError, match=r"dense_forward\(\): argument 'x': expected dtype float32"):
                _core.dense_forward(y, None, x, np.zeros((3, 5), np.float32), None, "linear", 0.0)
    finally:
        _core.set_cpu_target(before)
