"""The data sets that are one file of Keras: where it is looked for, what is checked, how rows are cut."""

import hashlib
import io

import numpy as np
import pytest

from densor.datasets import DatasetNotFound, _download, _npz_files, boston_housing, california_housing, mnist
from densor.errors import FormatError

RNG = np.random.default_rng(5)
DIGITS = {
    "x_train": RNG.integers(0, 256, (6, 28, 28), dtype=np.uint8),
    "y_train": np.arange(6, dtype=np.uint8),
    "x_test": RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8),
    "y_test": np.arange(3, dtype=np.uint8),
}
HOUSES = {"x": np.arange(700 * 8.0).reshape(700, 8), "y": np.arange(700.0)}


def packed(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty machine, on which every file is expected to have the bytes that it has."""
    monkeypatch.delenv("DENSOR_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(_npz_files, "_MIRRORS", ("nowhere:/",))
    contents = {
        "mnist": packed(DIGITS),
        "california_housing": packed(HOUSES),
        "boston_housing": packed(HOUSES),
    }
    made = _npz_files.NpzFile.__init__

    def with_these_bytes(self, module, title, sha256, size):
        assert len(bytes.fromhex(sha256)) == 32
        made(self, module, title, hashlib.sha256(contents[module]).hexdigest(), size)

    monkeypatch.setattr(_npz_files.NpzFile, "__init__", with_these_bytes)
    return tmp_path, contents


def put(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("place", ["named", "cache/densor/downloads", "keras/datasets", "path", "file"])
def test_where_it_is_looked_for(home, place, monkeypatch):
    root, contents = home
    folder = put(root / place, "mnist.npz", contents["mnist"])
    if place == "named":
        monkeypatch.setenv("DENSOR_DATA", str(folder))
    path = {"path": folder, "file": str(folder / "mnist.npz")}.get(place)
    (x_train, y_train), (x_test, y_test) = mnist.load_data(path)
    for got, name in zip((x_train, y_train, x_test, y_test), DIGITS, strict=True):
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, DIGITS[name])


def test_nowhere(home):
    with pytest.raises(
        DatasetNotFound, match=r"MNIST was not found(.|\n)*keras.datasets(.|\n)*download=True"
    ) as found:
        mnist.load_data()
    assert "boston" not in str(found.value)
    with pytest.raises(DatasetNotFound, match="argument 'path'"):
        mnist.load_data(home[0] / "elsewhere")
    with pytest.raises(TypeError, match="argument 'path'"):
        mnist.load_data(3)


def test_other_bytes(home):
    folder = put(home[0] / "keras/datasets", "mnist.npz", home[1]["mnist"][:-1])
    with pytest.raises(FormatError, match=r"mnist.npz: not the mnist.npz of Keras: sha256"):
        mnist.load_data()
    assert (folder / "mnist.npz").exists()


def test_it_is_fetched_once(home, monkeypatch):
    asked = []

    def fetch(urls, path):
        asked.extend(urls)
        put(path.parent, path.name, home[1]["mnist"])

    monkeypatch.setattr(_download, "fetch", fetch)
    for _ in range(2):
        assert len(mnist.load_data(download=True)[0][0]) == 6
    assert asked == ["nowhere:/mnist.npz"]


@pytest.mark.parametrize("module", [california_housing, boston_housing])
def test_rows_are_cut_as_in_keras(home, module):
    name = module.__name__.split(".")[-1]
    put(home[0] / "keras/datasets", f"{name}.npz", home[1][name])
    (x_train, y_train), (x_test, y_test) = module.load_data(test_split=0.25, seed=7)
    order = np.arange(700)
    np.random.RandomState(7).shuffle(order)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), order)
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), HOUSES["x"][order])
    assert len(y_test) == 175


def test_the_small_version(home):
    put(home[0] / "keras/datasets", "california_housing.npz", home[1]["california_housing"])
    (_, y_train), (_, y_test) = california_housing.load_data("small")
    assert sorted([*y_train, *y_test]) == list(range(600))
    assert len(y_test) == 120
    for wrong in ({"version": "huge"}, {"test_split": 1.0}, {"seed": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            california_housing.load_data(**wrong)
