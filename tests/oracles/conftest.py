"""Oracles: Keras and PyTorch, where they are installed."""

import sys
import warnings

import pytest

import densor


@pytest.fixture(scope="session")
def keras():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def _seeded():
    """Every test draws the same weights, whichever tests ran before it."""
    densor.utils.set_random_seed(1)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def _their_warnings():
    """Deprecations inside the oracles are not ours to fail on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(keras|torch|jax|numpy).*")
        yield
