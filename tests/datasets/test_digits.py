"""The bundled digits are the ones they claim to be."""

import hashlib
import pathlib

import numpy as np

import densor
from densor.datasets import digits


def test_shapes_types_and_values():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, y_train.shape) == ((1437, 8, 8), (1437,))
    assert (x_test.shape, y_test.shape) == ((360, 8, 8), (360,))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert (x_train.min(), x_train.max()) == (0, 16)
    for labels in (y_train, y_test):
        assert set(np.unique(labels)) == set(range(10))


def test_content_is_that_of_the_uci_repository():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    digest = hashlib.sha256()
    for array in (x_train, x_test, y_train, y_test):
        digest.update(np.ascontiguousarray(array))
    assert digest.hexdigest() == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_every_call_gives_fresh_writable_arrays():
    (first, _), _ = digits.load_data()
    first[:] = 0
    (second, _), _ = digits.load_data()
    assert second.any()


def test_the_file_is_small():
    folder = pathlib.Path(densor.__file__).parent / "datasets"
    assert (folder / "digits.npz").stat().st_size < 50_000
