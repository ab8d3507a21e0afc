"""Labels that lie on the device are counted by a kernel before the first step: nothing has changed, nothing traps."""

import numpy as np
import pytest

import densor as keras
from tests.cuda.test_arrays import DeviceArray, on_device
from tests.ops.harness import TARGETS, _core, on_target

pytestmark = on_device


def model():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_the_error_is_that_of_the_cpu_and_nothing_has_changed(target, method):
    x, y = np.ones((40, 4), np.float32), np.zeros(40, np.int64)
    y[[23, 31]] = 3, -7
    options = {"verbose": 0} if method in ("fit", "evaluate") else {}
    said = set()
    for where in (None, target):
        it = model()
        before = it.get_weights()
        with on_target(where), pytest.raises(ValueError, match=r"argument 'y'") as error:
            getattr(it, method)(x, y, **options)
        said.add(str(error.value))
        assert all(map(np.array_equal, before, it.get_weights()))
        assert it.optimizer.iterations == 0
    assert said == {f"{method}(): argument 'y': value 3 at row 23 is outside [0, 3)"}


@pytest.mark.parametrize("target", TARGETS)
def test_labels_of_device_arrays(target):
    y = np.arange(1000) % 7
    y[[400, 998]] = -1, 8
    with on_target(target):
        assert tuple(_core.label_range(DeviceArray(y), 7)) == (2, 400)
        assert tuple(_core.label_range(DeviceArray(y), 7, -1)) == (1, 998)
