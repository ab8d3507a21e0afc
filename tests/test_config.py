"""Global settings and the description of the machine."""

import os
import re

import numpy as np
import pytest

import densor
from densor import _core, config
from densor.errors import BusyError, DeviceError, FormatError, NonFiniteError


def test_number_format():
    assert config.floatx() == "float32"
    config.set_floatx("float32")
    with pytest.raises(
        ValueError, match=r"^set_floatx\(\): argument 'value': 'float64' is not one of 'float32'"
    ):
        config.set_floatx("float64")


@pytest.fixture
def plain_target():
    """A CPU target without matrix units; afterwards everything is as it was."""
    before = _core.cpu_target()
    _core.set_cpu_target("scalar")
    with densor.device("cpu"):
        yield "scalar"
    config.set_dtype_policy("float32")
    config.set_bfloat16_emulation(None)
    _core.set_cpu_target(before)


def test_bfloat16_is_refused_where_it_is_slow_unless_it_is_forced(plain_target, monkeypatch):
    monkeypatch.delenv("DENSOR_BFLOAT16", raising=False)
    reason = "'mixed_bfloat16' would be slower than float32 here: the CPU target scalar has no matrix units.*"
    switch = r"set_bfloat16_emulation\(True\), or DENSOR_BFLOAT16=emulate"
    with pytest.raises(ValueError, match=rf"^set_dtype_policy\(\): argument 'policy': {reason}{switch}"):
        config.set_dtype_policy("mixed_bfloat16")
    with pytest.raises(ValueError, match=rf"^Dense\(\): argument 'dtype': {reason}{switch}"):
        densor.layers.Dense(3, dtype="mixed_bfloat16")
    assert config.dtype_policy().name == "float32"
    assert not config.bfloat16_emulation()
    monkeypatch.setenv("DENSOR_BFLOAT16", "emulate")
    config.set_dtype_policy("mixed_bfloat16")
    assert densor.layers.Dense(3).compute_dtype == "bfloat16"
    config.set_bfloat16_emulation(False)  # what the program says outweighs the environment
    with pytest.raises(ValueError, match=r"^Dense\(\): argument 'dtype': 'mixed_bfloat16' would be slower"):
        densor.layers.Dense(3)
    config.set_bfloat16_emulation(None)
    monkeypatch.setenv("DENSOR_BFLOAT16", "yes")
    with pytest.raises(
        ValueError, match=r"^bfloat16_emulation\(\): argument 'DENSOR_BFLOAT16': 'yes' is not one of"
    ):
        densor.layers.Dense(3)


def test_bfloat16_needs_no_permission_where_there_are_matrix_units(plain_target):
    _core.set_cpu_target("amx_model")
    config.set_dtype_policy("mixed_bfloat16")
    assert densor.layers.Dense(3).compute_dtype == "bfloat16"


def test_wrong_policies():
    assert config.dtype_policy() == densor.DTypePolicy("float32")
    for wrong in ("float64", "mixed_float16"):
        expected = (
            rf"^set_dtype_policy\(\): argument 'policy': '{wrong}' is not one of 'float32', 'mixed_bfloat16'"
        )
        with pytest.raises(ValueError, match=expected):
            config.set_dtype_policy(wrong)
    with pytest.raises(TypeError, match=r"^set_dtype_policy\(\): argument 'policy': must be a name"):
        config.set_dtype_policy(3)
    with pytest.raises(
        ValueError, match=r"^set_dtype_policy\(\): argument 'policy': .*not a known dtype policy"
    ):
        config.set_dtype_policy({"class_name": "Policy", "config": {}})
    with pytest.raises(TypeError, match=r"^DTypePolicy\(\): argument 'name': must be a string"):
        densor.DTypePolicy(16)
    with pytest.raises(TypeError, match=r"^set_bfloat16_emulation\(\): argument 'allowed'"):
        config.set_bfloat16_emulation("yes")


def test_epsilon_is_set_and_checked():
    assert config.epsilon() == 1e-7
    try:
        config.set_epsilon(1e-3)
        assert config.epsilon() == 1e-3
    finally:
        config.set_epsilon(1e-7)
    for wrong in (0, -1e-7, float("nan"), 0.5):
        with pytest.raises(ValueError, match=r"^set_epsilon\(\): argument 'value': must be in \(0, 0.5\)"):
            config.set_epsilon(wrong)
    assert config.epsilon() == 1e-7


@pytest.fixture
def cpu():
    """The device of a new process; afterwards it is what it was."""
    with densor.device("cpu"):
        yield


def test_devices(cpu):
    config.set_device("auto")
    assert config.device() == ("cuda" if config.show_config().cuda == "ready" else "cpu")
    config.set_device("cpu")
    assert config.device() == "cpu"
    with pytest.raises(ValueError, match="tpu"):
        config.set_device("tpu")
    with pytest.raises(TypeError, match=r"^set_device\(\): argument 'device': must be a string"):
        config.set_device(0)
    assert config.device() == "cpu"


def test_a_device_for_a_while(cpu):
    with densor.device("auto"), densor.device("cpu"):
        assert config.device() == "cpu"
    with pytest.raises(ValueError, match=r"argument 'device'.*tpu"), densor.device("tpu"):
        pass
    assert config.device() == "cpu"


@pytest.mark.parametrize(
    "name", ["cuda:1", "cuda:abc", "cuda:", "cuda:00", "cuda:0 ", "cuda:-1", "CUDA", "cuda0"]
)
def test_another_gpu_than_the_first_is_refused(name):
    before = config.device()
    for call in (lambda: config.set_device(name), lambda: densor.device(name).__enter__()):
        with pytest.raises(
            ValueError, match=rf"argument 'device': value '{name}' is not a device; use .*'cuda:0'"
        ):
            call()
    assert config.device() == before


def test_cuda_without_kernels_is_one_clear_error():
    if _core.build_info()["cuda"] != "absent":
        pytest.skip("this build has CUDA kernels")
    model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1)])
    for call in (
        lambda: config.set_device("cuda"),
        lambda: densor.device("cuda").__enter__(),
        lambda: model.compile("sgd", "mse", device="cuda"),
    ):
        with pytest.raises(DeviceError, match=r"no CUDA kernels; use device=\"cpu\""):
            call()
    assert not model.compiled
    assert config.device() == "cpu"


def test_threads_are_set_and_checked():
    before = config.num_threads()
    try:
        config.set_num_threads(1)
        assert config.num_threads() == 1
    finally:
        config.set_num_threads(before)
    with pytest.raises(
        ValueError, match=r"^set_num_threads\(\): argument 'count': must be at least 1, got 0"
    ):
        config.set_num_threads(0)
    with pytest.raises(TypeError, match=r"^set_num_threads\(\): argument 'count': "):
        config.set_num_threads(1.0)
    assert config.num_threads() == before


@pytest.fixture
def precision():
    yield
    config.set_matmul_precision("highest")


def test_precision_is_set_and_checked(precision):
    assert config.matmul_precision() == "highest"
    for name in ("high", "medium", "ieee", "highest"):
        config.set_matmul_precision(name)
        assert config.matmul_precision() == name
    wrong = r"^set_matmul_precision\(\): argument 'value': 'hihg' is not one of 'highest', 'high', .*'high'"
    with pytest.raises(ValueError, match=wrong):
        config.set_matmul_precision("hihg")
    with pytest.raises(ValueError, match="'x6' is not one of"):
        config.set_matmul_precision("x6")  # for tests: not a public name
    with pytest.raises(TypeError, match=r"^set_matmul_precision\(\): argument 'value': must be a string"):
        config.set_matmul_precision(3)
    with pytest.raises(ValueError, match=r"set_matmul_precision\(\): argument 'value': value 'low'"):
        _core.set_matmul_precision("low")
    assert config.matmul_precision() == "highest"


@pytest.mark.skipif(_core.build_info()["cuda"] != "absent", reason="this build has CUDA kernels")
def test_tf32_is_refused_without_a_gpu(precision):
    with pytest.raises(densor.errors.DeviceError, match=r"^set_matmul_precision\(\).*'tf32'.*use 'high'"):
        config.set_matmul_precision("tf32")
    assert config.matmul_precision() == "highest"


def test_show_config_says_what_multiplies(precision):
    shown = config.show_config()
    assert shown.matmul_precision == "highest"
    assert shown.matrix_units == _core.matrix_units()
    if "amx" in _core.cpu_targets():
        assert shown.matrix_units.startswith("AMX, bfloat16")
    else:
        assert re.match(r"none: |AMX, not used: the operating system ", shown.matrix_units)
    lines = str(shown).splitlines()
    assert f"matrix units {shown.matrix_units}" in lines
    before = _core.cpu_target()
    try:
        _core.set_cpu_target("scalar")
        assert "products     highest (on scalar all are ieee: float32 multiply-adds)" in str(
            config.show_config()
        )
        config.set_matmul_precision("ieee")
        assert "products     ieee" in str(config.show_config()).splitlines()
    finally:
        _core.set_cpu_target(before)


def test_show_config_tells_everything_and_prints_nothing(capsys):
    shown = config.show_config()
    assert capsys.readouterr().out == ""
    text = str(shown)
    assert repr(shown) == text
    assert f"{_core.cpu_target()} (runnable here: {', '.join(_core.cpu_targets())})" in text
    assert np.__version__ in text
    assert shown.cpu_targets == tuple(_core.cpu_targets())
    assert shown.threads == _core.num_threads()
    assert set(shown.affinity) == os.sched_getaffinity(0)
    for word in ("densor", "threads", "CPUs allowed", "CUDA", "build", "Python", "platform"):
        assert any(line.startswith(word) for line in text.splitlines()), word


@pytest.mark.parametrize(
    ("numbers", "text"), [((0,), "0"), ((0, 1, 2, 5), "0-2, 5"), ((1, 3, 4), "1, 3-4"), ((), "")]
)
def test_ranges(numbers, text):
    assert config._ranges(numbers) == text


def test_errors_are_pythons_kinds():
    assert issubclass(FormatError, ValueError)
    assert issubclass(NonFiniteError, ArithmeticError)
    assert issubclass(BusyError, RuntimeError)
    assert issubclass(DeviceError, RuntimeError)
