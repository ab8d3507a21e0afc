"""Matrix products: plans, the bits of every path, the epilogue, cancellation."""

import functools
import itertools
import re
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from tests.ops.harness import CUDA, FMA_TARGETS, TARGETS, _core, normal, same_bits

pytestmark = pytest.mark.skipif(
    bool(CUDA), reason="plans and workers of the CPU; the device has test_gemm_device.py"
)

SIZES = (0, 1, 7, 16, 100, 784, 3000)
# m, n, k around and beyond the blocks of the plans.
SHAPES = (
    (1, 700, 50),
    (2, 33, 1281),
    (3, 1300, 7),
    (5, 40, 2600),
    (9, 19, 1),
    (37, 129, 300),
    (130, 1100, 257),
    (700, 50, 1300),
    (2500, 5, 130),
)


@pytest.fixture(params=TARGETS)
def target(request):
    before = _core.cpu_target(), _core.num_threads()
    _core.set_cpu_target(request.param)
    _core.set_matmul_precision("ieee")  # matrix units have tests of their own: test_gemm_amx.py
    yield request.param
    _core.set_cpu_target(before[0])
    _core.set_num_threads(before[1])
    _core.set_matmul_precision("highest")


def without_split(plan):
    return re.sub(r"split by \w+(, lent by \d+ rows)?", "", plan)


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True)], ids=str)
def test_workers_change_only_how_a_product_is_split(target, transposed):
    for m, n, k in itertools.product(SIZES, repeat=3):
        plans = {_core.gemm_plan(m, n, k, *transposed, workers) for workers in (1, 2, 3, 64, 256)}
        assert len({without_split(plan) for plan in plans}) == 1, plans


def test_a_plan_says_what_is_done():
    before = _core.cpu_target()
    _core.set_cpu_target("avx512") if "avx512" in TARGETS else pytest.skip("needs avx512")
    try:
        forward = _core.gemm_plan(128, 300, 784, workers=2)
        gradient = _core.gemm_plan(784, 300, 128, transpose_a=True, workers=2)
    finally:
        _core.set_cpu_target(before)
    assert forward == (
        "m=128 n=300 k=784: tile 14x32, blocks m 644 n 640 k 400 in chains, b copied and kept, a too, "
        "tiles outside, split by terms, fma"
    )
    assert gradient == (
        "m=784 n=300 k=128 a^T: tile 14x32, blocks m 2044 n 2048 k 128, b copied and kept, a too, "
        "tiles outside, split by rows, fma"
    )


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ((1, 300, 784), "b in place"),
        ((128, 300, 784), "b copied"),
        ((128, 784, 300, False, True), "b transposed"),
        ((2048, 100, 784), "b copied and kept"),  # for the second block of rows
        ((784, 300, 128, True), "tiles outside"),
        ((128, 300, 784, False, False, 2), "split by terms"),
        ((512, 300, 784, False, False, 2), "split by columns"),  # many rows
        ((128, 300, 784, False, False, 3), "split by columns"),
        ((128, 300, 200, False, False, 2), "split by columns"),  # one chain
        ((128, 10, 100, False, False, 2), "split by rows"),  # few columns
        ((784, 300, 128, True, False, 2), "split by rows"),  # a weight gradient
        ((1, 300, 100, False, False, 2), "split by columns"),  # one row for two workers
    ],
)
def test_choices(target, problem, words):
    assert words in _core.gemm_plan(*problem)


@pytest.mark.parametrize("m", [1, 31, 64, 300, 2048])
def test_blocks_of_a_gradient_begin_with_a_word_of_the_mask(target, m):
    """Sixteen columns of dropout's mask lie in a word; the epilogue of the product is told whole words."""
    for n, k in itertools.product([10, 100, 192, 300, 1400, 20000], [1, 10, 300, 5000]):
        plan = _core.gemm_plan(m, n, k, False, True)
        assert int(re.search(r"blocks m \d+ n (\d+) k", plan)[1]) % 16 == 0, plan


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"m": -1}, r"gemm_plan\(\): argument 'm': value -1 is outside \[0, "),
        ({"workers": 0}, r"gemm_plan\(\): argument 'workers': value 0 is outside \[1, 256\]"),
    ],
)
def test_wrong_plans(arguments, message):
    with pytest.raises(ValueError, match=message):
        _core.gemm_plan(**{"m": 1, "n": 1, "k": 1} | arguments)


def forward(x, w, bias=None, activation="linear", training=False):
    y = np.full((len(x), w.shape[1]), np.nan, np.float32)
    _core.dense_forward(y, None, x, w, bias, activation, 0.0, training).run()
    return y


def three_ways(a, b):
    """a b as a forward pass, if it is one chain, as a weight gradient (of a^T) and as an input gradient (of b^T)."""
    if len(chains(len(b))) == 2:
        yield forward(a, b)
    c = np.full((len(a), b.shape[1]), np.nan, np.float32)
    _core.dense_backward(None, c, None, None, b, None, a.T.copy(), c * 0, "linear", 0.0).run()
    yield c
    c = np.full((len(a), b.shape[1]), np.nan, np.float32)
    _core.dense_backward(c, None, None, None, a, None, c * 0, b.T.copy(), "linear", 0.0).run()
    yield c


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_path_has_the_same_bits(target, shape):
    """The transpositions take different plans, packings and block sizes, but one order of terms.

    A forward pass over many terms adds chains of them.
    """
    m, n, k = shape
    rng = np.random.default_rng(shape)
    a, b = normal(rng, m, k), normal(rng, k, n)
    first = forward(a, b)
    error = np.abs(first - a.astype(np.float64) @ b) / (np.abs(a) @ np.abs(b) + 1e-30)
    assert error.max() < 2e-6
    parts = [three_ways(a[:, i:j].copy(), b[i:j].copy()) for i, j in itertools.pairwise(chains(k))]
    for sums in zip(*parts, strict=True):
        np.testing.assert_array_equal(first, functools.reduce(np.add, sums))


def chains(k):
    """Where the chains of a forward pass begin and end."""
    count = 1 if k < 256 else 2 if k <= 2048 else -(-k // 1024)
    return [min(k, -(-k // 16) * i // count * 16) for i in range(count + 1)]


@pytest.mark.parametrize("activation", ["linear", "relu", "gelu"])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(
    ("rows", "inputs", "units"), [(32, 784, 300), (7, 257, 40), (128, 300, 10), (1, 1100, 17)]
)
def test_two_workers_that_share_out_the_terms_have_the_bits_of_one(
    target, rows, inputs, units, biased, activation
):
    assert "split by terms" in _core.gemm_plan(rows, units, inputs, workers=2)
    rng = np.random.default_rng(inputs)
    x, w = normal(rng, rows, inputs), normal(rng, inputs, units)
    bias = normal(rng, units) if biased else None
    results = []
    for threads, then in ((1, 1), (2, 2), (2, 1), (2, 3)):  # when the step is made, and when it is run
        _core.set_num_threads(threads)
        y = np.full((rows, units), np.nan, np.float32)
        z = np.full_like(y, np.nan) if activation == "gelu" else None
        step = _core.dense_forward(y, z, x, w, bias, activation, 0.0)
        _core.set_num_threads(then)
        # Work enough that all the workers are woken.
        assert _core.run(_core.Program([step] * 8, []), None, batches=8, batch_size=1) == 8
        results.append((y, y if z is None else z))
    for y, z in results[1:]:
        assert same_bits(y, results[0][0])
        assert same_bits(z, results[0][1])


def test_targets_with_fma_have_the_same_bits():
    if len(FMA_TARGETS) < 2:
        pytest.skip("needs two targets with FMA")
    rng = np.random.default_rng(1)
    before = _core.cpu_target()
    try:
        for m, n, k in SHAPES:
            a, b, results = normal(rng, m, k), normal(rng, k, n), []
            for name in FMA_TARGETS:
                _core.set_cpu_target(name)
                results.append(forward(a, b))
            assert all(same_bits(results[0], other) for other in results[1:]), (m, n, k)
    finally:
        _core.set_cpu_target(before)


def test_the_epilogue_is_the_activation_kernel(target):
    """bias and relu inside the product have the bits of the kernels apart, special values included."""
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -3.0, 2.0, 3e38], np.float32)
    bias = np.resize(np.array([0.0, 1.0, -1.0, -0.0], np.float32), special.size)
    for rows in (1, 5, 40):
        x, w = np.ones((rows, 1), np.float32), special[None]
        z = forward(x, w, bias)
        expected = np.empty_like(z)
        _core.activation_forward(expected, z, "relu", 0.0).run()
        assert same_bits(forward(x, w, bias, "relu"), expected)


def test_no_terms_give_the_bias(target):
    bias = np.arange(20, dtype=np.float32) - 9
    y = forward(np.empty((3, 0), np.float32), np.empty((0, 20), np.float32), bias, "relu")
    np.testing.assert_array_equal(y, np.tile(np.maximum(bias, 0), (3, 1)))


def test_a_long_product_is_cancelled():
    """The handler's exception arrives long before the product would end, which it does not."""
    n = 2600
    before, handler = _core.cpu_target(), signal.getsignal(signal.SIGALRM)
    x, y = np.ones((n, n), np.float32), np.full((n, n), np.nan, np.float32)

    def interrupt(*_):
        raise KeyboardInterrupt

    try:
        _core.set_cpu_target("scalar")  # slow: many times the delay
        step = _core.dense_forward(y, None, x, x, None, "linear", 0.0)
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            step.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        _core.set_cpu_target(before)
    assert np.isnan(y).any(), "the product was finished"


def test_a_product_inside_a_product_has_its_own_memory():
    """A signal handler runs on the thread, and in the middle, of what it interrupts."""
    n = 1500
    rng = np.random.default_rng(3)
    small = [rng.standard_normal((64, 64), dtype=np.float32) for _ in range(2)]
    large = [rng.standard_normal((n, n), dtype=np.float32) for _ in range(2)]
    before, handler = _core.cpu_target(), signal.getsignal(signal.SIGALRM)
    inside = []
    try:
        _core.set_cpu_target("scalar")  # slow: many times the delay
        expected = [forward(*small), forward(*large)]
        signal.signal(signal.SIGALRM, lambda *_: inside.append(forward(*small)))
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        outside = forward(*large)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        _core.set_cpu_target(before)
    assert inside
    assert all(same_bits(y, expected[0]) for y in inside)
    assert same_bits(outside, expected[1])


def test_cancelled_steps_with_barriers_do_not_hang():
    """Workers that see the flag at different moments still meet at the same barriers."""
    script = """
        import signal
        import numpy as np
        from densor import _core

        def interrupt(*_):
            raise KeyboardInterrupt

        _core.set_num_threads(3)
        a, b, c = (np.ones((300, 300), np.float32) for _ in range(3))
        backward = lambda d, w: _core.dense_backward(d, w, None, None, a, None, b, c, "linear", 0.0)
        steps = [backward(np.empty_like(a), np.empty_like(a)) for _ in range(4)]
        program = _core.Program(steps, [])
        signal.signal(signal.SIGALRM, interrupt)
        stopped = 0
        for i in range(40):
            signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.0005 * i)
            try:
                _core.run(program, None, batches=10_000_000, batch_size=1)
            except KeyboardInterrupt:
                stopped += 1
        print(stopped)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "40", done.stderr


def test_measurements_are_plausible():
    assert 0.1 < _core.measure_fma_peak() < 1e6
    assert 0.01 < _core.measure_bandwidth(1 << 20) < 1e5
    with pytest.raises(ValueError, match=r"measure_bandwidth\(\): argument 'bytes'"):
        _core.measure_bandwidth(0)
    assert 0 < _core.measure_passes(1 << 20, [(1, False), (4, True)]) < 10
    with pytest.raises(ValueError, match=r"measure_passes\(\): argument 'reads'"):
        _core.measure_passes(1 << 20, [(5, True)])
