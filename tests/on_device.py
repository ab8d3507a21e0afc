"""The suite with `device="cuda"`: `make test-device` on the processor, the stage `models` of `make gpu-check` on a GPU.

Both set DENSOR_TEST_DEVICE=cuda: models run there unless a test says where. Left out are the files below, tests
marked `cpu`, which are about the CPU, and those marked `long_on_host` where the kernels run on the processor: a GPU
runs them. The argument of both marks is the reason.
"""

import os
from pathlib import Path

import pytest

from tests.cuda_host import asked

TESTS = Path(__file__).parent
DEVICE = os.environ.get("DENSOR_TEST_DEVICE")
ON_HOST = bool(DEVICE) and asked() in ("host", "apart")
LEFT_OUT = {
    "cuda": "make test-cuda and the stage `tests` of gpu-check run it",
    "ops": "make test-cuda and the stage `tests` of gpu-check run it",
    "datasets": "files are read, nothing is computed",
    "native": "compares CPU targets",
    "program": "workers of the CPU and where they meet",
    "oracles/test_configurations.py": "configurations and signatures: nothing is computed",
    "oracles/test_golden.py": "the recorded steps against Keras and PyTorch: densor takes no part",
    "oracles/test_reference_model.py": "the tests' own interpreter against Keras: densor takes no part",
    "test_architecture.py": "the sources are read",
    "test_bench.py": "the harness of the benchmarks",
    "test_check.py": "arguments, which are checked before there is a device",
    "test_cli.py": "a process of its own for each command, which trains on the CPU",
    "test_matrix_units.py": "the CPU's matrix units",
    "test_namespace.py": "names, in processes of their own",
    "test_notebook.py": "a process of its own, which trains on the CPU",
    "test_readme.py": "the README, and its example in a process of its own",
    "test_reference_gradients.py": "the tests' own references: densor takes no part",
}


def left_out() -> list[str]:
    """What pytest is not to collect, relative to this folder."""
    if not DEVICE:
        return []
    gone = [path for path in LEFT_OUT if not (TESTS / path).exists()]
    assert not gone, f"tests.on_device.LEFT_OUT names what is not there: {gone}"
    return list(LEFT_OUT)


def skip_marked(items: list[pytest.Item]) -> None:
    """Tests whose marks say that they have no place in this run are skipped, with the reason."""
    marks = ["cpu"] * bool(DEVICE) + ["long_on_host"] * ON_HOST
    for item in items:
        for mark in filter(None, map(item.get_closest_marker, marks)):
            item.add_marker(pytest.mark.skip(reason=f"{mark.name}: {mark.args[0]}"))


def choose() -> None:
    """Makes the device that of the models to come."""
    if DEVICE:
        from densor import config

        config.set_device(DEVICE)
