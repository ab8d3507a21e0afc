"""Where CIFAR-10 is looked for and what is checked; on files of four images."""

import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest

from densor.datasets import DatasetNotFound, cifar10
from densor.datasets import _cifar10_files as files
from densor.errors import FormatError

ROWS = 4
NAMES = (*files.TRAINING, *files.TEST)


def table(name):
    rng = np.random.default_rng(NAMES.index(name))
    return rng.integers(0, 256, (ROWS, 3072), dtype=np.uint8), rng.integers(0, 10, ROWS).tolist()


def short(text):
    return b"U" + bytes([len(text)]) + text


def content(name):
    """As Python 2 pickled the published files: `{"batch_label": ..., "labels": [...], "data": array, ...}`."""
    data, labels = table(name)
    pixels = data.tobytes()
    return b"".join([
        b"\x80\x02}q\x01(", short(b"batch_label"), b"q\x02", short(b"training batch 1 of 5"), b"q\x03",
        short(b"labels"), b"q\x04]q\x05(", *(b"K" + bytes([label]) for label in labels), b"e",
        short(b"data"), b"q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85", short(b"b"),
        b"\x87R(K\x01M", (ROWS).to_bytes(2, "little"), b"M", (3072).to_bytes(2, "little"), b"\x86cnumpy\ndtype\n",
        short(b"u1"), b"K\x00K\x01\x87R(K\x03", short(b"|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
        len(pixels).to_bytes(4, "little"), pixels, b"tb", short(b"filenames"), b"](", short(b"a.png"), b"eu.",
    ])  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty machine: nothing is anywhere, and what the files must hash to is that of `content`."""
    for part in ("TRAINING", "TEST"):
        hashes = {name: hashlib.md5(content(name)).hexdigest() for name in getattr(files, part)}
        monkeypatch.setattr(files, part, hashes)
    monkeypatch.setattr(files, "SHAPE", (ROWS, 3, 32, 32))
    monkeypatch.setattr(files, "MIRRORS", ())
    monkeypatch.delenv("DENSOR_DATA", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def unpacked(folder):
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_bytes(content(name))
    return folder


def packed(folder):
    folder.mkdir(parents=True)
    with tarfile.open(folder / files.ARCHIVE, "w:gz") as archive:
        for name in NAMES:
            member = tarfile.TarInfo(f"{files.FOLDER}/{name}")
            member.size = len(content(name))
            archive.addfile(member, io.BytesIO(content(name)))
    return folder


def check(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    assert x_train.shape == (5 * ROWS, 32, 32, 3)
    assert y_train.shape == (5 * ROWS, 1)
    assert x_test.shape == (ROWS, 32, 32, 3)
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    data, labels = table("data_batch_2")
    assert y_train[ROWS : 2 * ROWS, 0].tolist() == labels
    # A row of a file holds the red plane, the green and the blue one.
    assert x_train[ROWS, 1, 2].tolist() == [data[0, plane * 1024 + 32 + 2] for plane in range(3)]
    np.testing.assert_array_equal(x_test[:, :, :, 0].reshape(ROWS, -1), table("test_batch")[0][:, :1024])


@pytest.mark.parametrize("make", [unpacked, packed])
def test_a_folder_that_is_named(home, make):
    check(cifar10.load_data(make(home / "mine")))


@pytest.mark.parametrize(
    "place",
    ["named", "home/.keras/datasets/cifar-10-batches-py-target/cifar-10-batches-py", "here/data",
     "home/data/cifar-10-batches-py", "home/.keras/datasets/cifar-10-batches-py", "cache/densor/downloads/cifar10"],
)  # fmt: skip
def test_places(home, monkeypatch, place):
    if place == "named":
        monkeypatch.setenv("DENSOR_DATA", str(home / place))
    unpacked(home / place)
    check(cifar10.load_data())


def test_nowhere(home):
    with pytest.raises(DatasetNotFound, match=r"(?s)CIFAR-10 was not found.*\.keras.*download=True"):
        cifar10.load_data()
    with pytest.raises(DatasetNotFound, match="argument 'path'"):
        cifar10.load_data(home / "nothing")
    with pytest.raises(TypeError, match=r"load_data\(\): argument 'path'"):
        cifar10.load_data(3)


def test_a_damaged_file(home):
    folder = unpacked(home / "mine")
    file = folder / "data_batch_3"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(FormatError, match="not CIFAR-10's data_batch_3: its md5 is"):
        cifar10.load_data(folder)


def test_a_damaged_archive(home):
    archive = packed(home / "mine") / files.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:2000])
    with pytest.raises(FormatError, match="not a readable archive"):
        cifar10.load_data(home / "mine")


def test_the_files_are_what_pickle_makes_of_them():
    class Renamed(pickle.Unpickler):  # the files name places of an older NumPy
        def find_class(self, module, name):
            return {"_reconstruct": np.empty(0).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype}[
                name
            ]

    made = Renamed(io.BytesIO(content("data_batch_1")), encoding="bytes").load()
    data, labels = table("data_batch_1")
    np.testing.assert_array_equal(made[b"data"], data)
    assert made[b"labels"] == labels
