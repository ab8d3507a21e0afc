"""What tests of several ops are run with."""

import pytest

from tests.ops.harness import MATRIX_UNITS, _core


@pytest.fixture(params=MATRIX_UNITS)
def units(request):
    """A target with matrix units; afterwards target, precision and threads are what they were."""
    target, threads = _core.cpu_target(), _core.num_threads()
    _core.set_cpu_target(request.param)
    yield request.param
    _core.set_cpu_target(target)
    _core.set_num_threads(threads)
    _core.set_matmul_precision("highest")
