"""Layers between products on bfloat16 arrays as they lie: the bits of casts around kernels of float32."""

import numpy as np
import pytest

from tests.cuda.models import needs_device
from tests.ops.harness import CUDA, TARGETS, _core, choose, execute, normal, on_target, same_bits
from tests.reference.cast import STORED, narrow, widen

pytestmark = needs_device
on_host = pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")
EPSILON = 1e-3
SHAPES = [(1, 1), (3, 16), (33, 130), (257, 31), (300, 264), (40, 600), (700, 1024), (2100, 10)]


class Case:
    """An op's arrays: those of the names that are stored are bfloat16, and float32 where casts stand around it."""

    def __init__(self, inputs, outputs, stored):
        self.inputs, self.outputs, self.stored = inputs, outputs, stored

    def run(self, build, direct, **run):
        """The outputs, those that are stored rounded; `direct`: nothing is cast."""
        inputs = {name: array if array is None or name not in self.stored else
                  narrow(array) if direct else widen(narrow(array)) for name, array in self.inputs.items()}  # fmt: skip
        outputs = {
            name: (spec, STORED) if direct and name in self.stored else spec
            for name, spec in self.outputs.items()
        }
        found = execute(build, inputs, outputs, **run)
        return {
            name: narrow(array) if name in self.stored and not direct else array
            for name, array in found.items()
        }

    def check(self, build, **run):
        """In both orders of threads; returns the outputs of the last."""
        for order in TARGETS:
            with on_target(order):
                found, wanted = (self.run(build, direct, **run) for direct in (True, False))
            for name, array in wanted.items():
                assert same_bits(found[name], array), f"{order}: {name}"
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


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
class TestBatchNorm:
    def test_forward(self, shape, activation):
        case = Case(columns(shape, "x"), {"y": shape, "mean": shape[1:], "variance": shape[1:]}, ("x", "y"))
        case.check(
            lambda o, i: _core.batch_norm_forward(
                o.y, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, activation, 0.0
            )
        )

    def test_inference(self, shape, activation):
        case = Case(columns(shape, "x"), {"y": shape}, ("x", "y"))
        case.check(
            lambda o, i: _core.batch_norm_inference(
                o.y, i.x, i.gamma, i.beta, i.mean, i.variance, EPSILON, activation, 0.0
            )
        )

    @pytest.mark.parametrize("kind", ["batch", "given", "given, of parameters only"])
    def test_backward(self, shape, activation, kind):
        inputs = columns(shape, "x", "dy", "y")
        if activation == "linear":
            inputs["y"] = None
        outputs = {"dx": shape, "dgamma": shape[1:], "dbeta": shape[1:]}
        if kind.endswith("only"):
            del outputs["dx"]

        def build(o, i):
            results = getattr(o, "dx", None), o.dgamma, o.dbeta
            if kind == "batch":
                return _core.batch_norm_backward(
                    *results, i.dy, i.x, i.y, i.mean, i.variance, i.gamma, EPSILON, activation, 0.0
                )
            return _core.batch_norm_inference_backward(
                *results, i.dy, i.x, i.y, i.gamma, i.mean, i.variance, EPSILON, activation, 0.0
            )

        Case(inputs, outputs, ("x", "dy", "y", "dx")).check(build)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize(("rate", "rounded"), [(0.0, True), (0.4, False), (0.4, True)])
class TestBatchNormWithDropout:
    def test_forward(self, shape, activation, rate, rounded):
        words = mask_of(shape).shape, np.uint16
        outputs = {"y": shape, "mean": shape[1:], "variance": shape[1:], "mask": words}
        found = Case(columns(shape, "x"), outputs, ("x", "y")).check(
            lambda o, i: _core.batch_norm_forward(
                o.y, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, activation, 0.0, mask=o.mask, rate=rate,
                seed=11, stream=3, rounded=rounded,
            ),
            step=7,
        )  # fmt: skip
        assert rate == 0 or shape[0] == 1 or found["mask"].any()

    def test_backward(self, shape, activation, rate, rounded):
        inputs = columns(shape, "x", "dy") | {"mask": mask_of(shape)}
        Case(inputs, {"dx": shape, "dgamma": shape[1:], "dbeta": shape[1:]}, ("x", "dy", "dx")).check(
            lambda o, i: _core.batch_norm_backward(
                o.dx, o.dgamma, o.dbeta, i.dy, i.x, None, i.mean, i.variance, i.gamma, EPSILON, activation, 0.0,
                mask=i.mask, rate=rate, rounded=rounded,
            )
        )  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["inverted", "alpha"])
class TestDropout:
    def test_forward(self, shape, kind):
        case = Case(
            {"x": columns(shape, "x")["x"]},
            {"y": shape, "mask": (mask_of(shape).shape, np.uint16)},
            ("x", "y"),
        )
        case.check(lambda o, i: _core.dropout_forward(o.y, o.mask, i.x, 0.4, kind, 11, 3), step=7)

    @pytest.mark.parametrize("shared", [False, True])
    def test_spread(self, shape, kind, shared):
        case = Case(
            {"x": columns(shape, "x")["x"]},
            {"y": shape, "mask": (mask_of(shape).shape, np.uint16)},
            ("x", "y"),
        )
        case.check(
            lambda o, i: _core.dropout_spread(
                o.y, o.mask, i.x, 0.4, kind, 11, 3, [shape[1], 1], [shape[1], 1], shared
            ),
            step=7,
        )

    def test_backward(self, shape, kind):
        case = Case({"dy": columns(shape, "x")["x"], "mask": mask_of(shape)}, {"dx": shape}, ("dy", "dx"))
        case.check(lambda o, i: _core.dropout_backward(o.dx, i.dy, i.mask, 0.4, kind))


@pytest.mark.parametrize("shape", [*SHAPES, (7, 4096)], ids=str)
@pytest.mark.parametrize("kind", ["layer", "rms", "unit"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("spans", ["one", "two", "all"])
class TestLayerNorm:
    """The gradients of gamma and beta are sums over columns, or over rows where all columns share one value."""

    def parameters(self, shape, groups, spans):
        inner = {"one": shape[1], "two": max(1, shape[1] // 2), "all": 1}[spans]
        if shape[1] % inner:
            pytest.skip("rows are not two spans")
        return groups, inner

    def test_forward(self, shape, kind, groups, spans):
        rng = np.random.default_rng(2)
        size = self.parameters(shape, groups, spans)
        inputs = {"x": columns(shape, "x")["x"], "gamma": 1 + normal(rng, *size), "beta": normal(rng, *size)}
        Case(inputs, {"y": shape, "statistics": (shape[0], 3)}, ("x", "y")).check(
            lambda o, i: _core.layer_norm_forward(o.y, o.statistics, i.x, i.gamma, i.beta, EPSILON, kind)
        )

    def test_backward(self, shape, kind, groups, spans):
        rng = np.random.default_rng(2)
        size = self.parameters(shape, groups, spans)
        inputs = {name: array for name, array in columns(shape, "x", "dy").items() if name in ("x", "dy")}
        inputs |= {"gamma": 1 + normal(rng, *size), "statistics": np.abs(normal(rng, shape[0], 3))}
        Case(inputs, {"dx": shape, "dgamma": size, "dbeta": size}, ("x", "dy", "dx")).check(
            lambda o, i: _core.layer_norm_backward(
                o.dx, o.dgamma, o.dbeta, i.dy, i.x, i.statistics, i.gamma, EPSILON, kind
            )
        )


def stored(*shape, offset=0, seed=0):
    """A bfloat16 array that many bytes off a boundary of sixteen."""
    room = np.zeros(np.prod(shape) + 16, np.uint16)
    begin = (-room.ctypes.data % 16 + offset) // 2
    array = room[begin : begin + np.prod(shape)].reshape(shape)
    array[...] = narrow(np.random.default_rng(seed).standard_normal(shape).astype(np.float32)).view(np.uint16)
    return array.view(STORED)


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("rows", "cols"), [(40, 64), (300, 24), (33, 130)])
@pytest.mark.parametrize("rate", [None, 0.4])
def test_arrays_that_do_not_lie_in_pieces(order, rows, cols, rate):
    """Two arrays of which one is off by the bytes of one number, of a pair or of none: the same bits."""
    found = []
    drop = {} if rate is None else {"rate": rate, "seed": 3, "stream": 1, "rounded": True}
    choose(order)
    try:
        for one, other in [(0, 0), (2, 2), (4, 4), (0, 2), (4, 0)]:
            x, dy = stored(rows, cols, offset=one), stored(rows, cols, offset=other, seed=1)
            y, dx, dropped = (stored(rows, cols, offset=other, seed=seed) for seed in (2, 3, 4))
            mean, variance, dgamma, dbeta = (np.zeros(cols, np.float32) for _ in range(4))
            mask, kept = (np.zeros((rows, -(-cols // 16)), np.uint16) for _ in range(2))
            passed = {} if rate is None else {"mask": mask, "rate": rate, "rounded": True}
            _core.batch_norm_forward(
                y, mean, variance, x, None, None, EPSILON, "linear", 0.0, **(drop | passed)
            ).run()
            _core.batch_norm_backward(
                dx, dgamma, dbeta, dy, x, None, mean, variance, None, EPSILON, "linear", 0.0, **passed
            ).run()
            _core.dropout_forward(dropped, kept, x, 0.3, "inverted", 1, 2).run()
            _core.dropout_backward(dy, dy, kept, 0.3, "inverted").run()
            _core.batch_norm_inference(x, x, None, None, mean, variance, EPSILON, "relu", 0.0).run()
            found.append([y, dx, mean, variance, dgamma, dbeta, mask, dropped, kept, dy, x])
    finally:
        choose(None)
    for others in found[1:]:
        for mine, theirs in zip(others, found[0], strict=True):
            assert same_bits(mine, theirs)


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("rate", [None, 0.4])
def test_moments_that_a_product_has_left(order, rate):
    """Of 9 parts, which a launch of its own merges, and of 2."""
    cols, part = 40, 32
    for rows in (part * 9 - 5, part + 1):
        x = narrow(columns((rows, cols), "x")["x"])
        y, wanted = narrow(np.zeros((rows, cols), np.float32)), np.zeros((rows, cols), np.float32)
        mean, variance = (np.zeros((2, cols), np.float32) for _ in range(2))
        masks = np.zeros((2, rows, 3), np.uint16)
        parts = [widen(x)[begin : begin + part] for begin in range(0, rows, part)]
        moments = np.float32([[p.mean(0) - p[0] for p in parts], [p.var(0) * len(p) for p in parts]])
        choose(order)
        try:
            for k, (to, source) in enumerate([(y, x), (wanted, widen(x))]):
                drop = {} if rate is None else {"mask": masks[k], "rate": rate, "seed": 3, "rounded": True}
                _core.batch_norm_forward(
                    to, mean[k], variance[k], source, None, None, EPSILON, "relu", 0.0, moments, part, **drop
                ).run()
        finally:
            choose(None)
        assert np.isfinite(wanted).all()
        assert wanted.any()
        assert same_bits(y, narrow(wanted))
        for pair in (mean, variance, masks):
            assert same_bits(*pair)


def masked_steps(matrix):
    """Steps that sum over rows, and the results of all."""
    x, dy = matrix(), matrix()
    rows, cols = x.shape
    y, dx, other = (np.zeros_like(x) for _ in range(3))
    vectors = [np.zeros((1, cols), np.float32) for _ in range(8)]
    mask, statistics = np.zeros((rows, -(-cols // 16)), np.uint16), np.zeros((rows, 3), np.float32)
    drop = {"mask": mask, "rate": 0.4, "rounded": True}
    flat = [vector.reshape(-1) for vector in vectors]
    steps = [
        _core.batch_norm_forward(y, *flat[:2], x, None, None, EPSILON, "relu", 0.0, seed=3, stream=1, **drop),
        _core.batch_norm_backward(dx, *flat[2:4], dy, x, None, *flat[:2], None, EPSILON, "relu", 0.0, **drop),
        _core.batch_norm_forward(other, *flat[4:6], x, None, None, EPSILON, "linear", 0.0),
        _core.layer_norm_forward(other, statistics, x, None, None, EPSILON, "layer"),
        _core.layer_norm_backward(None, *vectors[6:], dy, x, statistics, None, EPSILON, "layer"),
    ]
    return steps, [y, dx, mask, other, *vectors]


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("cols", [36, 37])
def test_rows_that_a_batch_does_not_have(order, cols):
    """They hold NaN, and the results are those of arrays without them."""
    size = 301

    def results(capacity):
        numbers = np.random.default_rng(5)

        def matrix():
            array = np.full((capacity, cols), 0x7FC0, np.uint16)
            array[:size] = narrow(numbers.standard_normal((size, cols)).astype(np.float32)).view(np.uint16)
            return array.view(STORED)

        choose(order)
        try:
            steps, found = masked_steps(matrix)
            _core.run(_core.Program(steps, []), None, batches=1, batch_size=capacity, rows=size)
        finally:
            choose(None)
        return [array[:size] if len(array) == capacity else array for array in found]

    for masked, alone in zip(results(640), results(size), strict=True):
        assert np.isfinite(widen(alone) if alone.dtype == STORED else alone).all()
        assert same_bits(masked, alone)


@on_host
def test_arrays_of_both_dtypes_are_refused():
    x, y, column = stored(4, 8), np.zeros((4, 8), np.float32), np.ones(8, np.float32)
    mask, statistics = np.zeros((4, 1), np.uint16), np.zeros((4, 3), np.float32)
    norm = column.copy(), column.copy()
    affine = None, None, EPSILON
    calls = {
        r"batch_norm_forward\(\): argument 'y'": lambda a, b: _core.batch_norm_forward(
            b, *norm, a, *affine, "relu", 0.0
        ),
        r"batch_norm_inference\(\): argument 'y'": lambda a, b: _core.batch_norm_inference(
            b, a, None, None, *norm, EPSILON, "relu", 0.0
        ),
        r"batch_norm_backward\(\): argument 'dy'": lambda a, b: _core.batch_norm_backward(
            a, None, None, b, a, None, *norm, None, EPSILON, "linear", 0.0
        ),
        r"dropout_forward\(\): argument 'y'": lambda a, b: _core.dropout_forward(b, mask, a, 0.5, "inverted", 1, 2),
        r"dropout_backward\(\): argument 'dx'": lambda a, b: _core.dropout_backward(b, a, mask, 0.5, "inverted"),
        r"layer_norm_forward\(\): argument 'y'": lambda a, b: _core.layer_norm_forward(
            b, statistics, a, *affine, "rms"
        ),
        r"layer_norm_backward\(\): argument 'dy'": lambda a, b: _core.layer_norm_backward(
            None, None, None, b, a, statistics, None, EPSILON, "rms"
        ),
    }  # fmt: skip
    for reason, call in calls.items():
        choose(TARGETS[0])
        try:
            for one, other in ((x, y), (y, x)):
                with pytest.raises((TypeError, ValueError), match=reason):
                    call(one, other)
        finally:
            choose(None)
        with pytest.raises((TypeError, ValueError), match=r"argument '(x|dy)'"):  # on a CPU
            call(x, x)
