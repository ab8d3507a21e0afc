"""Layers between products on bfloat16 arrays as they lie: the bits of casts around kernels of float32."""

import numpy as np
import pytest

from densor.ops.activation import NAMES
from tests.ops.harness import CUDA, TARGETS, _core, normal, on_target, same_bits
from tests.ops.stored import EPSILON, Case, columns, mask_of
from tests.ops.test_expression import instructions
from tests.reference import expression
from tests.reference.cast import STORED

on_cpu = pytest.mark.skipif(bool(CUDA), reason="of the CPU's steps")
SHAPES = [
    (1, 1),
    (3, 16),
    (5, 15),
    (9, 17),
    (33, 130),
    (257, 31),
    (300, 264),
    (40, 600),
    (700, 1024),
    (2100, 10),
]


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


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", NAMES)
class TestActivation:
    def test_forward(self, shape, activation):
        Case({"x": columns(shape, "x")["x"]}, {"y": shape}, ("x", "y")).check(
            lambda o, i: _core.activation_forward(o.y, i.x, activation, 0.3)
        )

    def test_backward(self, shape, activation):
        inputs = {name: array for name, array in columns(shape, "x", "dy").items() if name in ("x", "dy")}
        Case(inputs, {"dx": shape}, ("x", "dy", "dx")).check(
            lambda o, i: _core.activation_backward(o.dx, i.dy, i.x, activation, 0.3)
        )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums(shape):
    arrays = columns(shape, "x", "b")
    Case({"a": arrays["x"], "b": arrays["b"]}, {"y": shape}, ("a", "b", "y")).check(
        lambda o, i: _core.add(o.y, i.a, i.b)
    )


@pytest.mark.parametrize("shape", [*SHAPES, (7, 4096)], ids=str)
class TestSoftmax:
    def test_forward(self, shape):
        Case({"x": columns(shape, "x")["x"]}, {"y": shape}, ("x", "y")).check(
            lambda o, i: _core.softmax_forward(o.y, i.x)
        )

    def test_backward(self, shape):
        arrays = columns(shape, "x", "dy")
        Case({"dy": arrays["dy"], "y": arrays["x"]}, {"dx": shape}, ("dy", "y", "dx")).check(
            lambda o, i: _core.softmax_backward(o.dx, i.dy, i.y)
        )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "stored", [("x", "row", "column", "y", "folded"), ("x", "y"), ("row", "folded"), ("column",)], ids=str
)
class TestExpression:
    """Each of its arrays is of either dtype."""

    def inputs(self, shape):
        arrays = columns(shape, "x", "dy")
        return {
            "x": arrays["x"],
            "row": arrays["dy"][:1].copy(),
            "column": np.ascontiguousarray(arrays["dy"][:, :1]),
        }

    def test_elements(self, shape, stored):
        """Of columns each by itself."""
        code = instructions(("load", 0, 0), ("load", 1, 1), ("multiply", 2, 0, 1), ("store", 0, 2))
        inputs = self.inputs(shape)
        del inputs["column"]
        Case(inputs, {"y": shape}, stored).check(
            lambda o, i: _core.expression([o.y], [i.x, i.row], code, np.zeros(0, np.float32), *shape)
        )

    @pytest.mark.parametrize("reduction", expression.REDUCTIONS)
    def test_rows(self, shape, stored, reduction):
        code = instructions(
            ("load", 1, 0), ("load", 2, 1), ("load", 3, 2), ("add", 2, 1, 2), ("multiply", 3, 2, 3),
            ("maximum", 3, 3, 0), ("store", 0, 3), (reduction, 1, 2),
        )  # fmt: skip
        constant = np.float32([-0.7])
        Case(self.inputs(shape), {"y": shape, "folded": (shape[0], 1)}, stored).check(
            lambda o, i: _core.expression([o.y, o.folded], [i.x, i.row, i.column], code, constant, *shape)
        )


@on_cpu
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", NAMES)
def test_every_number_has_the_bits_of_the_casts(target, activation):
    """Denormal, infinite and none; what is rounded to infinity, too. The results lie where the numbers did."""
    x = np.arange(65536, dtype=np.uint16).reshape(256, 256).view(STORED)
    dy = x[::-1, ::-1].copy()
    y, dx, dropped, total, soft, soft_dx = x.copy(), dy.copy(), x.copy(), x.copy(), x.copy(), dy.copy()
    mask = np.zeros((256, 16), np.uint16)
    wide_x, wide_dy, *wide = (np.zeros(x.shape, np.float32) for _ in range(8))
    wanted = [np.zeros_like(x) for _ in wide]
    with on_target(target):
        steps = [
            _core.activation_forward(y, y, activation, 0.3),
            _core.activation_backward(dx, dx, x, activation, 0.3),
            _core.dropout_forward(dropped, mask, dropped, 0.3, "alpha", 11, 3),
            _core.add(total, total, dy),
            _core.softmax_forward(soft, soft),
            _core.softmax_backward(soft_dx, soft_dx, x),
            _core.cast(wide_x, x),
            _core.cast(wide_dy, dy),
            _core.activation_forward(wide[0], wide_x, activation, 0.3),
            _core.activation_backward(wide[1], wide_dy, wide_x, activation, 0.3),
            _core.dropout_forward(wide[2], mask.copy(), wide_x, 0.3, "alpha", 11, 3),
            _core.add(wide[3], wide_x, wide_dy),
            _core.softmax_forward(wide[4], wide_x),
            _core.softmax_backward(wide[5], wide_dy, wide_x),
            *(_core.cast(to, array) for to, array in zip(wanted, wide, strict=True)),
        ]
        for step in steps:
            step.run()
    for found, expected in zip((y, dx, dropped, total, soft, soft_dx), wanted, strict=True):
        assert same_bits(found, expected)


@on_cpu
def test_arrays_of_both_dtypes_are_refused():
    x, y = np.zeros((4, 8), STORED), np.zeros((4, 8), np.float32)
    column, mask, rows = np.ones(8, np.float32), np.zeros((4, 1), np.uint16), np.zeros((4, 3), np.float32)
    norm = column.copy(), column.copy()
    calls = {
        "y": [
            lambda a, b: _core.activation_forward(b, a, "tanh", 0.0),
            lambda a, b: _core.add(b, a, a),
            lambda a, b: _core.softmax_forward(b, a),
            lambda a, b: _core.softmax_backward(a, a, b),
            lambda a, b: _core.batch_norm_forward(b, *norm, a, None, None, EPSILON, "relu", 0.0),
            lambda a, b: _core.batch_norm_inference(b, a, None, None, *norm, EPSILON, "relu", 0.0),
            lambda a, b: _core.dropout_forward(b, mask, a, 0.5, "inverted", 1, 2),
            lambda a, b: _core.dropout_spread(b, mask, a, 0.5, "inverted", 1, 2, [8], [1], False),
            lambda a, b: _core.layer_norm_forward(b, rows, a, None, None, EPSILON, "rms"),
        ],
        "b": [lambda a, b: _core.add(a, a, b)],
        "saved": [lambda a, b: _core.activation_backward(a, a, b, "tanh", 0.0)],
        "dx": [
            lambda a, b: _core.activation_backward(b, a, a, "tanh", 0.0),
            lambda a, b: _core.dropout_backward(b, a, mask, 0.5, "inverted"),
            lambda a, b: _core.softmax_backward(b, a, a),
            lambda a, b: _core.layer_norm_backward(b, None, None, a, a, rows, None, EPSILON, "rms"),
        ],
        "dy": [
            lambda a, b: _core.batch_norm_backward(
                a, None, None, b, a, None, *norm, None, EPSILON, "linear", 0.0
            ),
            lambda a, b: _core.layer_norm_backward(None, None, None, b, a, rows, None, EPSILON, "rms"),
        ],
    }
    for argument, made in calls.items():
        for call in made:
            for one, other in ((x, y), (y, x)):
                with pytest.raises(
                    TypeError, match=rf"argument '{argument}': expected dtype (bfloat16|float32), got"
                ):
                    call(one, other)
