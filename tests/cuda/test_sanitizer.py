"""`make test-cuda-asan` ends where a kernel touches what it may not, and names the kernel's file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda_host import sanitized

pytestmark = pytest.mark.skipif(not sanitized(), reason="AddressSanitizer runs in `make test-cuda-asan`")

PROGRAM = """
from tests.cuda_host import use_cuda_host; use_cuda_host()
import numpy as np
from densor import _core
from tests.cuda.test_arrays import DeviceArray
from tests.ops.harness import Guarded
_core.emulate_device("ascending", False)
n, guarded = {n}, {guarded}
if guarded:  # bytes beside an array that the harness has placed
    place = Guarded((1, n), np.float32, 0)
    x = DeviceArray(place.bound())
    interface = x.__cuda_array_interface__
else:  # bytes beside memory of the device
    x = _core.DeviceArray(4 * n).part(0, np.zeros((1, n), np.float32))
    x.upload(np.zeros((1, n), np.float32))
    interface = x.__cuda_array_interface__
class Longer:
    __cuda_array_interface__ = interface | {{"shape": (1, n + {beyond}), "strides": None}}
y = _core.DeviceArray(4 * (n + 1)).part(0, np.zeros((1, n + {beyond}), np.float32))
_core.add(y, Longer(), Longer()).run()
"""


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("n", [1, 300])
@pytest.mark.parametrize("beyond", [0, 1])
def test_an_element_behind_the_end_is_found(guarded, n, beyond):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(n=n, guarded=guarded, beyond=beyond)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "python")])},
        capture_output=True,
        text=True,
    )
    if not beyond:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr
    assert "add.cu" in done.stderr
