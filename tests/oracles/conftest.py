"""Oracles: Keras and PyTorch, where they are installed."""

import warnings

import pytest

import densor


@pytest.fixture(scope="session")
def keras():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = pytest.importorskip("keras")
        keras.utils.set_random_seed(1)
        return keras


@pytest.fixture(autouse=True)
def _seeded():
    densor.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def _their_warnings():
    """Deprecations inside the oracles are not ours to fail on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(keras|torch|jax|numpy).*")
        yield
