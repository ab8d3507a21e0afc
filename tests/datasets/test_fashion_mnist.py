"""Where Fashion-MNIST is looked for, what is checked, what is cached; on a data set of nine images."""

import gzip
import hashlib
import mmap

import numpy as np
import pytest

from densor.datasets import DatasetNotFound, _idx, fashion_mnist
from densor.datasets import _fashion_mnist_files as files
from densor.errors import FormatError

SHAPES = {"train-images": (6, 28, 28), "train-labels": (6,), "t10k-images": (3, 28, 28), "t10k-labels": (3,)}


def content(stem):
    shape = SHAPES[stem]
    array = np.random.default_rng(len(stem)).integers(0, 256, shape, dtype=np.uint8)
    return _idx.header(shape) + array.tobytes()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty machine: nothing is anywhere, and what the four files must hash to is that of `content`."""
    payloads = tuple(
        files.Payload(stem, shape, hashlib.sha256(content(stem)).hexdigest())
        for stem, shape in SHAPES.items()
    )
    monkeypatch.setattr(files, "PAYLOADS", payloads)
    monkeypatch.setattr(files, "MIRRORS", ())
    monkeypatch.delenv("DENSOR_DATA", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'local'}:{tmp_path / 'share'}")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def fill(folder, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, shape in SHAPES.items():
        name = f"{stem}-idx{len(shape)}-ubyte"
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content(stem)))
        else:
            (folder / name).write_bytes(content(stem))
    return folder


def check(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    for array, stem in zip((x_train, y_train, x_test, y_test), SHAPES, strict=True):
        assert array.dtype == np.uint8
        assert array.flags.writeable
        assert type(array) is np.ndarray
        assert _idx.header(array.shape) + array.tobytes() == content(stem)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "below", [".", "fashion-mnist", "usr/share/datasets/fashion-mnist", "FashionMNIST/raw"]
)
def test_path(home, packed, below):
    fill(home / "mine" / below, packed)
    check(fashion_mnist.load_data(home / "mine"))
    check(fashion_mnist.load_data(str(home / "mine")))


def test_path_is_the_only_place_then(home, monkeypatch):
    monkeypatch.setenv("DENSOR_DATA", str(fill(home / "other")))
    with pytest.raises(DatasetNotFound, match=r"^load_data\(\): argument 'path': .*not found") as raised:
        fashion_mnist.load_data(home / "mine", download=True)
    assert str(home / "mine") in str(raised.value)
    assert "other" not in str(raised.value)


@pytest.mark.parametrize("path", [3, b"folder", ["folder"]])
def test_path_of_a_wrong_kind(home, path):
    with pytest.raises(TypeError, match=r"^load_data\(\): argument 'path': "):
        fashion_mnist.load_data(path)


PLACES = (
    "named",
    "cache/densor/fashion-mnist",
    "local/datasets/fashion-mnist",
    "share/datasets/fashion-mnist",
    "home/.keras/datasets/fashion-mnist",
    "here/data/FashionMNIST/raw",
    "home/data/FashionMNIST/raw",
)


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_places_in_their_order(home, monkeypatch, first):
    monkeypatch.setenv("DENSOR_DATA", str(home / "named"))
    for place in PLACES[first:]:
        if place.startswith("cache"):
            fashion_mnist.load_data(fill(home / "elsewhere"))
        else:
            fill(home / place)
    found = fashion_mnist.locate()
    assert found is not None
    assert found.resolve() == (home / PLACES[first]).resolve()
    check(fashion_mnist.load_data())


def test_a_folder_with_three_of_the_four_files_is_passed_over(home):
    partial = fill(home / "local/datasets/fashion-mnist")
    (partial / "t10k-labels-idx1-ubyte.gz").unlink()
    whole = fill(home / "share/datasets/fashion-mnist")
    assert fashion_mnist.locate() == whole


def test_the_cache_is_mapped_and_writing_to_it_changes_no_file(home):
    source = fill(home / "share/datasets/fashion-mnist")
    fashion_mnist.load_data()
    source.rename(home / "gone")
    (images, _), _ = fashion_mnist.load_data()
    base = images
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, mmap.mmap)
    images[:] = 7
    check(fashion_mnist.load_data())
    assert not [file for file in (home / "cache/densor/fashion-mnist").iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize("obstacle", ["file", "relative"])
def test_a_cache_that_cannot_be_written_is_no_error(home, monkeypatch, obstacle):
    fill(home / "share/datasets/fashion-mnist")
    if obstacle == "file":
        (home / "cache").write_text("not a folder")
    else:  # is to be ignored; the cache is below the home folder then, where a file is in the way
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        (home / "home").mkdir()
        (home / "home/.cache").write_text("not a folder")
    check(fashion_mnist.load_data())
    assert not (home / "here/relative").exists()


@pytest.mark.parametrize("where", ["path", "cache"])
def test_a_wrong_hash_names_file_hashes_and_remedy_and_deletes_nothing(home, where):
    folder = fill(home / "mine", packed=False)
    bad = folder / "t10k-labels-idx1-ubyte"
    if where == "cache":
        fashion_mnist.load_data(folder)
        bad = home / "cache/densor/fashion-mnist/t10k-labels.npy"
    damaged = bytearray(bad.read_bytes())
    damaged[-1] ^= 1
    bad.write_bytes(damaged)
    payload = bytearray(content("t10k-labels"))
    payload[-1] ^= 1
    with pytest.raises(FormatError) as raised:
        fashion_mnist.load_data(folder if where == "path" else None)
    text = str(raised.value)
    assert str(bad) in text
    assert hashlib.sha256(payload).hexdigest() in text
    assert hashlib.sha256(content("t10k-labels")).hexdigest() in text
    assert "remove or replace this file" in text
    assert bad.read_bytes() == damaged


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"no array at all"])
def test_a_damaged_cache_file_is_a_format_error(home, damage):
    fashion_mnist.load_data(fill(home / "mine"))
    cached = home / "cache/densor/fashion-mnist/train-images.npy"
    cached.write_bytes(damage)
    with pytest.raises(FormatError, match=r"train-images\.npy"):
        fashion_mnist.load_data()


def test_a_cut_cache_file_is_a_format_error(home):
    fashion_mnist.load_data(fill(home / "mine"))
    cached = home / "cache/densor/fashion-mnist/train-images.npy"
    cached.write_bytes(cached.read_bytes()[:-5])
    with pytest.raises(FormatError, match=r"train-images\.npy"):
        fashion_mnist.load_data()


def test_not_found_names_the_places_and_three_ways_out(home, monkeypatch):
    monkeypatch.setenv("DENSOR_DATA", str(home / "named"))
    with pytest.raises(DatasetNotFound) as raised:
        fashion_mnist.load_data()
    text = str(raised.value)
    for place in (
        "named",
        "cache/densor",
        "local/datasets",
        "share/datasets",
        ".keras/datasets",
        "data/Fashion",
    ):
        assert place in text
    for way in ("apt install dataset-fashion-mnist", "dpkg -x", "DENSOR_DATA=", "load_data(download=True)"):
        assert way in text
    assert isinstance(raised.value, FileNotFoundError)


def test_download_takes_the_first_mirror_that_answers(home, monkeypatch):
    mirror = fill(home / "mirror")
    monkeypatch.setattr(files, "MIRRORS", (f"file://{home}/nothing/", f"file://{mirror}/"))
    check(fashion_mnist.load_data(download=True))
    mirror.rename(home / "gone")
    check(fashion_mnist.load_data())


def test_download_that_fails_names_every_mirror_and_leaves_no_file(home, monkeypatch):
    monkeypatch.setattr(files, "MIRRORS", (f"file://{home}/one/", f"file://{home}/two/"))
    with pytest.raises(OSError, match="download failed") as raised:
        fashion_mnist.load_data(download=True)
    assert "/one/train-images" in str(raised.value)
    assert "/two/train-images" in str(raised.value)
    assert not [path for path in (home / "cache").rglob("*") if path.is_file()]


def test_nothing_is_downloaded_without_being_asked(home, monkeypatch):
    monkeypatch.setattr(files, "MIRRORS", (f"file://{fill(home / 'mirror')}/",))
    with pytest.raises(DatasetNotFound):
        fashion_mnist.load_data()


def test_the_real_data():
    if fashion_mnist.locate() is None:
        pytest.skip("Fashion-MNIST is not installed: apt install dataset-fashion-mnist")
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    assert (x_train.shape, x_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert (y_train.shape, y_test.shape) == ((60000,), (10000,))
    np.testing.assert_array_equal(np.bincount(y_test), np.full(len(fashion_mnist.class_names), 1000))
    assert fashion_mnist.class_names[y_train[0]] == "Ankle boot"
