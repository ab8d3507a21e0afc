"""Steps as phases of one kernel have the bits of their launches."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, on_target

pytestmark = pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")
BATCHES = 3


@pytest.fixture(autouse=True)
def steps():
    yield
    _core.set_device_steps("auto")


def ran(way, make, arrays, rows, last, hyper):
    """The arrays after some batches of `rows` rows, the last of which has fewer."""
    arrays = {name: array.copy() for name, array in arrays.items()}
    program = _core.Program([], make(arrays))
    assert "no phase" not in program.phases(rows)
    _core.set_device_steps(way)
    rows_of_all = (BATCHES - 1) * rows + last
    _core.emulated_traffic()
    numbers = np.full((BATCHES, hyper), 0.01, np.float32)
    numbers[0, -1:] = 0.0
    _core.run(program, None, batches=BATCHES, batch_size=rows, rows=rows_of_all, hyper=numbers, step=5)
    return arrays, _core.emulated_traffic()["captures"]


def check(make, arrays, rows=8, last=8, hyper=0):
    """make(arrays) -> steps"""
    for order in TARGETS:
        with on_target(order):
            wanted, graphs = ran("graph", make, arrays, rows, last, hyper)
            found, none = ran("persistent", make, arrays, rows, last, hyper)
        assert (graphs, none) == (1, 0)
        assert any((wanted[name] != array).any() for name, array in arrays.items())
        for name in arrays:
            np.testing.assert_array_equal(found[name], wanted[name], err_msg=f"{name} {order}")


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


SEGMENTS = np.array([[0, 9000], [9008, 33], [9056, 4096]], np.int64)


def updating(rule, slots, clipping=(None, None, None), **options):
    """The pass of an optimizer over three variables, the first of several chunks, the second frozen."""
    n = int(SEGMENTS[-1].sum())
    arrays = {"w": normal(n), "g": normal(n, seed=1)} | {
        f"slot{k}": np.ones(n, np.float32) for k in range(slots)
    }
    arrays |= {name: value(n) for name, value in options.items() if callable(value)}

    def make(of):
        return [
            _core.optimizer(
                of["w"], of["g"], [of[f"slot{k}"] for k in range(slots)], SEGMENTS, np.array([1, 0, 1], np.uint8),
                rule, *clipping, multipliers=np.array([1.0, 0.0, 0.5], np.float32),
                **{name: of.get(name, value) for name, value in options.items()},
            )
        ]  # fmt: skip

    return make, arrays


NORMS, GLOBAL_NORM = (None, 0.5, None), (None, None, 0.5)
# The pass, and how many hyper-parameters it has.
OPTIMIZERS = {
    "sgd": (lambda: updating("sgd", 0), 2),
    "norms": (lambda: updating("sgd", 0, NORMS), 2),
    "a global norm": (lambda: updating("adam", 2, GLOBAL_NORM, scale=0.5), 5),
    "an accumulator": (
        lambda: updating(
            "adam", 2, GLOBAL_NORM, accumulator=lambda n: normal(n, seed=2), accumulation_steps=3
        ),
        6,
    ),
    "a mask": (
        lambda: updating("momentum", 1, NORMS, mask=lambda n: np.full(-(-n // 16), 0xA5F0, np.uint16)),
        3,
    ),
    "a trust ratio": (lambda: updating("lamb", 2), 7),
    "a trust ratio and a norm": (lambda: updating("lamb", 2, NORMS), 7),
    "an average": (lambda: updating("adam", 2, GLOBAL_NORM, average=lambda n: normal(n, seed=3)), 7),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    make, hyper = OPTIMIZERS[name]
    check(*make(), hyper=hyper)


def normalizing(rows, cols, activation, dropping, extra=True):
    """Batch normalization of a batch, forward and backward, and the moving statistics."""
    arrays = {name: normal(rows, cols, seed=k) for k, name in enumerate(["x", "y", "dy", "dx"])}
    names = ["mean", "variance", "moving_mean", "moving_variance", "gamma", "beta", "dgamma", "dbeta"]
    arrays |= {name: normal(cols, seed=k) ** 2 for k, name in enumerate(names)}
    if dropping:
        arrays["mask"] = np.zeros((rows, -(-cols // 16)), np.uint16)

    def make(of):
        drop = {"mask": of["mask"], "rate": 0.3} if dropping else {}
        gamma, beta, dgamma, dbeta = (of[n] if extra else None for n in ("gamma", "beta", "dgamma", "dbeta"))
        y = None if activation == "linear" or dropping else of["y"]
        statistics = of["mean"], of["variance"]
        how = 1e-3, activation, 0.7
        noise = {"seed": 3, "stream": 4} if dropping else {}
        return [
            _core.batch_norm_forward(of["y"], *statistics, of["x"], gamma, beta, *how, **drop, **noise),
            _core.batch_norm_update(of["moving_mean"], of["moving_variance"], *statistics, 0.9, 1.1, False),
            _core.batch_norm_backward(
                of["dx"] if extra else None, dgamma, dbeta, of["dy"], of["x"], y, *statistics, gamma, *how, **drop
            ),
        ]  # fmt: skip

    return make, arrays


# A batch of one part of rows, of few and of the most that blocks merge; the last one has fewer.
ROWS = [(16, 16), (32, 7), (256, 255), (600, 520), (2048, 301)]


@pytest.mark.parametrize(("rows", "last"), ROWS)
@pytest.mark.parametrize("activation", ["linear", "relu", "elu"])
@pytest.mark.parametrize("dropping", [False, True])
def test_batch_norm(rows, last, activation, dropping):
    if dropping and activation == "elu":
        pytest.skip("two passes")
    check(*normalizing(rows, 70 if rows < 600 else 33, activation, dropping), rows=rows, last=last)


def test_batch_norm_without_parameters_and_input_gradient():
    check(*normalizing(40, 150, "relu", True, extra=False), rows=40, last=3)


def test_batch_norm_by_given_statistics():
    _, arrays = normalizing(40, 150, "elu", False)

    def inference(of):
        return [
            _core.batch_norm_inference(
                of["y"], of["x"], of["gamma"], of["beta"], of["moving_mean"], of["moving_variance"], 1e-3, "elu", 0.7
            )
        ]  # fmt: skip

    check(inference, arrays, rows=40, last=3)


@pytest.mark.parametrize("columns", [1, 5, 40])
def test_mean_absolute_error(columns):
    arrays = {name: normal(40, columns, seed=k) for k, name in enumerate(["dx", "x", "target"])}
    arrays |= {"loss": normal(40), "weight": normal(40) ** 2}

    def make(of):
        return [_core.mean_absolute_error(of["loss"], of["dx"], of["x"], of["target"], of["weight"], 0.5)]

    check(make, arrays, rows=40, last=3)


@pytest.mark.parametrize("add", [False, True])
def test_penalties(add):
    """Of more arrays than a phase has, the second of several pieces."""
    sizes = [7, 9000, 1, 300, 4096, 33]
    arrays = {f"x{k}": normal(n) for k, n in enumerate(sizes)}
    arrays |= {f"dx{k}": normal(n, seed=1) for k, n in enumerate(sizes)}
    arrays["totals"] = np.ones(2)

    def make(of):
        xs, dxs = ([of[f"{name}{k}"] for k in range(len(sizes))] for name in ("x", "dx"))
        l1, l2 = np.linspace(0, 0.2, len(sizes)), np.linspace(0.1, 0, len(sizes))
        return [_core.penalty(of["totals"], xs, dxs, l1, l2, 0.5, 0.25, add, True)]

    check(make, arrays, rows=40, last=3)


@pytest.mark.parametrize("shape", [(1, 40, 70), (3, 700, 33)])
def test_norm_constraints(shape):
    check(lambda of: [_core.norm_constraint(of["w"], 0.5, 1.0, 0.75)], {"w": normal(*shape)}, rows=40, last=3)


@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize(("inputs", "units"), [(9, 33), (40, 20), (300, 7), (64, 150), (40, 600)])
def test_products_that_drop_out(inputs, units, activation):
    """Of whole numbers, whose sums have no order; every word of the mask is written."""
    x, w = np.round(3 * normal(40, inputs)), np.round(3 * normal(inputs, units))
    arrays = {"x": x, "w": w, "y": np.zeros((40, units), np.float32)}
    arrays["mask"] = np.full((40, -(-units // 16)), 0xFFFF, np.uint16)

    def make(of):
        dropout = {"mask": of["mask"], "rate": 0.4, "seed": 3, "stream": 1}
        return [_core.dense_forward(of["y"], None, of["x"], of["w"], None, activation, 0.0, True, **dropout)]

    check(make, arrays, rows=40, last=7)
