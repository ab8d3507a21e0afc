"""What tests of several files are run with."""

import pytest

from densor import config


@pytest.fixture
def mixed_bfloat16():
    """The policy, which is not refused for want of matrix units."""
    config.set_bfloat16_emulation(True)
    config.set_dtype_policy("mixed_bfloat16")
    yield
    config.set_dtype_policy("float32")
    config.set_bfloat16_emulation(None)
