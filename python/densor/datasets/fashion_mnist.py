"""Fashion-MNIST: 70,000 images of clothes, 28 x 28 grey pixels, ten classes.

Han Xiao, Kashif Rasul, Roland Vollgraf: Fashion-MNIST, arXiv:1708.07747; MIT licence.

`load_data` takes the first hit of: its `path`, the folder `DENSOR_DATA`, the cache, the files that Debian's
`dataset-fashion-mnist` installs (below `XDG_DATA_DIRS`), the caches of Keras and torchvision; it downloads
only when told to. What is checked is the sha256 of the decompressed files: distributions compress them anew.
"""

import os
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Split: TypeAlias = tuple[Bytes, Bytes]

class_names = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def load_data(path: str | os.PathLike[str] | None = None, download: bool = False) -> tuple[Split, Split]:
    """Returns ((x_train, y_train), (x_test, y_test)), all uint8; images (60000, 28, 28) and (10000, 28, 28).

    Args:
        path: a folder with the four IDX files, gzip or raw. With it nothing else is searched. Default None.
        download: fetch the files (31 MB) into the cache when they are nowhere here. Default False.

    Raises:
        DatasetNotFound: nowhere found; the text lists where it was searched and three ways out.
        FormatError: a file is not what it should be; the text names the file, both hashes and the remedy.

    Example::

        (x_train, y_train), (x_test, y_test) = densor.datasets.fashion_mnist.load_data()
    """
    from densor.datasets import _fashion_mnist_files as files  # gzip, hashlib: only who loads pays for them

    x_train, y_train, x_test, y_test = files.load(path, download)
    return (x_train, y_train), (x_test, y_test)


def locate(path: str | os.PathLike[str] | None = None) -> Path | None:
    """Returns the folder that `load_data(path)` reads, or None when the files are nowhere on this machine."""
    from densor.datasets import _fashion_mnist_files as files

    return files.locate(path)
