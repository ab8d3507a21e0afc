"""Plans by measurement: what is measured, what is chosen, and what becomes of the file. Needs no GPU: a function says
how long a plan takes."""

import warnings

import numpy as np
import pytest

from densor import _core, config
from tests.cuda.test_arrays import on_device
from tests.reference import cast

DEVICE = "densor matrix products: model sm_90 densor 1"
SHAPE = (1000, 1000, 1000, False, True)


@pytest.fixture
def tune(tmp_path):
    """Tunes a shape with the file of this test; notes what was measured."""

    def run(
        timer=len, path=tmp_path / "densor" / "plans.txt", shape=SHAPE, setting="highest own", device=DEVICE
    ):
        run.measured = []

        def time(plan):
            run.measured.append(plan)
            return timer(plan)

        run.path = path
        return _core.tune_gemm(str(path), device, shape, setting, 90, time)

    return run


def wanted(word):
    """A timer: plans with this word are the fastest."""
    return lambda plan: 1.0 if word in plan else 2.0


def test_the_fastest_of_the_likely_plans_is_chosen(tune):
    assert "tile 128x128, k in 2 parts" in tune(wanted("tile 128x128, k in 2 parts"), path="")
    assert "multiply-adds" not in tune(wanted("128x128"), path="")
    assert 2 <= len(tune.measured) <= 8
    assert len(set(tune.measured)) == len(tune.measured)


def test_equal_times_are_decided_by_the_estimate(tune):
    assert tune(lambda plan: 1.0, path="") == _core.device_gemm_plan(*SHAPE)


def test_what_was_measured_is_not_measured_again(tune):
    first = tune(wanted("128x64"))
    assert tune.measured
    again = tune(wanted("128x128"))
    assert again == first
    assert not tune.measured
    other = tune(wanted("128x128"), shape=(1000, 1000, 1000, True, False))
    assert "128x128" in other
    assert "128x128" in tune(wanted("128x128"), setting="highest any")
    assert tune(shape=(1000, 1000, 1000, True, False)) == other
    assert not tune.measured


def test_the_file_says_whose_it_is_and_is_replaced_at_once(tune):
    tune(wanted("128x64"))
    lines = tune.path.read_text().splitlines()
    assert lines[0] == DEVICE
    assert lines[1].startswith("1000 1000 1000 nt highest own = wgmma 6 64 ")
    assert [file.name for file in tune.path.parent.iterdir()] == ["plans.txt"]


def test_the_plan_that_another_process_wrote_meanwhile_is_taken(tune):
    first = tune(wanted("128x64"))
    text = tune.path.read_text()
    tune.path.unlink()

    def timer(plan):
        tune.path.write_text(text)
        return wanted("128x128")(plan)

    assert tune(timer) == first
    assert tune.path.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "other\n",
        DEVICE + "\nnonsense\n",
        DEVICE + "\n1 1 1 nn highest own = wgmma six\n",
        "\0\xff\0",
        DEVICE[:9],
    ],
)
def test_a_broken_file_is_left_out_with_a_warning(tune, tmp_path, text):
    path = tmp_path / "plans.txt"
    path.write_text(text)
    with pytest.warns(RuntimeWarning, match=r"plans\.txt are left out"):
        first = tune(wanted("128x64"), path=path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tune(path=path) == first


def test_an_unknown_plan_is_measured_again(tune, tmp_path):
    path = tmp_path / "plans.txt"
    path.write_text(DEVICE + "\n1000 1000 1000 nt highest own = wgmma 6 192 1 3.5\n")
    assert "128x128" in tune(wanted("128x128"), path=path)
    assert " 128 " in path.read_text()


def test_a_folder_that_cannot_be_written_is_a_warning(tune, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match="cannot be kept in .*XDG_CACHE_HOME"):
        assert "128x64" in tune(wanted("128x64"), path=tmp_path / "file" / "plans.txt")


def test_plans_without_room_are_left_out(tune):
    found = tune(lambda plan: -1.0 if "wgmma" in plan else 5.0)
    assert "wgmma" not in found
    assert tune(lambda plan: -1.0, shape=(1000, 1000, 999, False, False)) == _core.device_gemm_plan(
        1000, 1000, 999
    )
    assert "999" not in tune.path.read_text()  # another time there may be room


def test_errors_of_a_measurement_come_out(tune):
    with pytest.raises(ZeroDivisionError):
        tune(lambda plan: 1 / 0)
    assert not tune.path.exists()


def test_the_setting():
    before = config.autotune()
    config.set_autotune(True)
    assert config.autotune()
    config.set_autotune(before)
    with pytest.raises(TypeError, match=r"^set_autotune\(\): argument 'value'"):
        config.set_autotune("yes")


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """The lines of the plans that were measured so far, on a device."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = config.autotune()
    _core.emulate_device("ascending", architecture=90)
    config.set_autotune(True)
    yield lambda: [line for file in tmp_path.glob("densor/*") for line in file.read_text().splitlines()[1:]]
    config.set_autotune(before)
    _core.set_matmul_precision("highest")
    _core.emulate_device("off")


def problems(lines):
    return sorted(line.split(" = ")[0] for line in lines)


@on_device
def test_products_are_measured_on_the_device_once_and_right(measured):
    rng = np.random.default_rng(0)
    x, w, b = (rng.integers(-4, 5, shape).astype(np.float32) for shape in ((65, 40), (40, 33), (33,)))
    y = np.empty((65, 33), np.float32)
    _core.set_matmul_precision("x6")
    for _ in range(2):
        _core.dense_forward(y, None, x, w, b, "relu", 0.0, training=True).run()
        np.testing.assert_array_equal(y, np.maximum(x @ w + b, 0))
        assert problems(measured()) == ["65 33 40 nn x6 own"]


@on_device
def test_products_of_bfloat16_arrays_are_measured_as_such(measured):
    rng = np.random.default_rng(0)
    exact = [rng.integers(-4, 5, shape).astype(np.float32) for shape in ((65, 40), (40, 33), (65, 33))]
    x, w, dy = map(cast.narrow, exact)
    dx, dw = np.zeros_like(x), np.zeros(w.shape, np.float32)
    _core.dense_backward(dx, dw, None, None, dy, None, x, w, "linear", 0.0).run()
    np.testing.assert_array_equal(dw, exact[0].T @ exact[2])
    np.testing.assert_array_equal(dx, cast.narrow(exact[2] @ exact[1].T))
    assert problems(measured()) == ["40 33 65 tn medium own bfloat16", "65 40 33 nt medium own bfloat16"]
