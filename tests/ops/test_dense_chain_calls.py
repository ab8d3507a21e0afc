"""Wrong calls of dense_chain_forward and dense_chain_backward, and the switch of the pass that makes them."""

import numpy as np
import pytest

from densor.errors import DeviceError
from tests.ops.harness import CUDA, _core


def f(*shape):
    return np.ones(shape, np.float32)


def good(direction):
    """A call that is right but for where its arrays are."""
    shared = {
        "x": f(6, 5),
        "w": [f(5, 4), f(4, 3)],
        "activation": ["relu", "linear"],
        "alpha": [0.0, 0.0],
        "rate": [0.5, 0.0],
        "kind": ["inverted", "inverted"],
    }
    mask = [np.zeros((6, 1), np.uint16), None]
    y = [f(6, 4), f(6, 3)]
    if direction == "forward":
        more = {"bias": [f(4), None], "seed": [1, 0], "stream": [0, 0]}
    else:
        more = {"dx": f(6, 5), "dw": [f(5, 4), f(4, 3)], "dbias": [f(4), None], "dy": f(6, 3)}
    return {"y": y, "z": [None, None], "mask": mask} | shared | more


BOTH = ("forward", "backward")
WRONG = [
    (("forward",), {"w": []}, ValueError, "bias"),
    (("backward",), {"w": []}, ValueError, "dw"),
    (BOTH, {"y": [None]}, ValueError, "y"),
    (BOTH, {"w": [f(5, 4), None]}, TypeError, "w[1]"),
    (BOTH, {"w": [f(5, 4), f(3, 3)]}, ValueError, "w[1]"),
    (BOTH, {"w": [f(5, 0), f(0, 3)]}, ValueError, "w[0]"),
    (BOTH, {"x": f(6, 129)}, ValueError, "x"),
    (BOTH, {"x": f(6)}, ValueError, "x"),
    (BOTH, {"activation": ["rellu", "linear"]}, ValueError, "activation"),
    (BOTH, {"alpha": [0.0, "1"]}, TypeError, "alpha"),
    (BOTH, {"activation": ["elu", "linear"], "alpha": [-1.0, 0.0]}, ValueError, "alpha"),
    (BOTH, {"rate": [1.0, 0.0]}, ValueError, "rate[0]"),
    (BOTH, {"kind": ["inverted", "other"]}, ValueError, "kind"),
    (BOTH, {"mask": [None, np.zeros((6, 1), np.uint16)]}, ValueError, "mask[1]"),
    (BOTH, {"mask": [np.zeros((6, 2), np.uint16), None]}, ValueError, "mask[0]"),
    (("forward",), {"y": [None, None]}, TypeError, "y[1]"),
    (("forward",), {"y": [f(6, 4), f(5, 3)]}, ValueError, "y[1]"),
    (("forward",), {"bias": [f(3), None]}, ValueError, "bias[0]"),
    (("forward",), {"seed": [-1, 0]}, ValueError, "seed"),
    (("forward",), {"stream": [0, 2**32]}, ValueError, "stream"),
    (("backward",), {"dy": f(6, 4)}, ValueError, "dy"),
    (("backward",), {"dw": [f(5, 4), f(4, 4)]}, ValueError, "dw[1]"),
    (("backward",), {"y": [None, None]}, TypeError, "y[0]"),
    (("backward",), {"activation": ["gelu", "linear"]}, TypeError, "z[0]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "changes", "error", "argument"),
    [(direction, *rest) for directions, *rest in WRONG for direction in directions],
)
def test_wrong_calls_name_the_argument(direction, changes, error, argument):
    name = f"dense_chain_{direction}"
    with pytest.raises(error) as caught:
        getattr(_core, name)(**good(direction) | changes)
    assert str(caught.value).startswith(f"{name}(): argument '{argument}'"), caught.value


@pytest.mark.parametrize("direction", BOTH)
def test_layers_that_are_too_wide_or_too_many(direction):
    call = getattr(_core, f"dense_chain_{direction}")
    with pytest.raises(ValueError, match=r"argument 'w\[0\]': has 129 columns, expected 1 to 128"):
        call(**good(direction) | {"w": [f(5, 129), f(129, 3)]})
    many = {
        name: (value * 20 if isinstance(value, list) else value) for name, value in good(direction).items()
    }
    with pytest.raises(ValueError, match="argument 'w': has 40 layers, expected 1 to 32"):
        call(**many)


@pytest.mark.parametrize("direction", BOTH)
def test_arrays_that_overlap(direction):
    call, arguments = getattr(_core, f"dense_chain_{direction}"), good(direction)
    changes = {"y": [arguments["x"][:, :4].copy(), f(6, 3)]}
    changes["y"][0] = (base := f(6 * 4 + 6 * 3))[:24].reshape(6, 4)
    wrong = {"y": [changes["y"][0], base[20:38].reshape(6, 3)]}
    if direction == "backward":
        wrong = {"dw": [(base := f(32))[:20].reshape(5, 4), base[16:28].reshape(4, 3)]}
    with pytest.raises(ValueError, match="overlap"):
        call(**arguments | wrong)


@pytest.mark.skipif(bool(CUDA), reason="arrays of the host may be those of the device there")
@pytest.mark.parametrize("direction", BOTH)
def test_a_cpu_has_no_chain(direction):
    with pytest.raises(
        DeviceError, match=rf"dense_chain_{direction}\(\): argument 'x': is on the cpu.*dense_{direction}"
    ):
        getattr(_core, f"dense_chain_{direction}")(**good(direction))


def test_the_switch():
    assert _core.device_chains()
    with pytest.raises(TypeError, match=r"set_device_chains\(\): argument 'wanted'"):
        _core.set_device_chains("off")
