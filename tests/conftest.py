"""What holds for the whole suite: reproducible property tests, and oracles that may not be missing in CI."""

import os
import re
import signal

import hypothesis
import numpy as np
import pytest

from tests import on_device
from tests.cuda_host import use_cuda_host

use_cuda_host()

collect_ignore = on_device.left_out()

hypothesis.settings.register_profile("densor", deadline=None, derandomize=True)
hypothesis.settings.load_profile("densor")

# Shells start background jobs with Ctrl-C ignored, and every process below inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras as an oracle; TensorFlow is not asked for

# `make test-all` sets it: a test that skips because something is not installed fails then.
_REQUIRE = os.environ.get("DENSOR_REQUIRE_ORACLES") == "1"
_MISSING = re.compile(r"could not import|not installed|No module named", re.IGNORECASE)


def _fail_missing(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turns a skip for want of a package or a data set into a failure."""
    if _REQUIRE and report.skipped and _MISSING.search(reason := str(report.longrepr)):
        report.outcome = "failed"
        report.longrepr = f"DENSOR_REQUIRE_ORACLES=1 and this test skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    _fail_missing(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    _fail_missing(report)
    return report


def pytest_collection_modifyitems(items):
    """Parallel processes must collect the same names; the address of an object is another one in each."""
    if unstable := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"give these tests ids without addresses: {unstable}")
    on_device.skip_marked(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Before fixtures of any scope; a test that chooses another device does so for itself."""
    on_device.choose()


@pytest.fixture
def images():
    """200 images (28, 28) that a network of the slides can tell apart, and their classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 200)
    x = rng.random((200, 28, 28)) * 0.1
    x[np.arange(200), y, y] += 1.0
    return x, y
