"""CIFAR-10: 60,000 colour photographs of 32 x 32 pixels, ten classes.

Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009.

`load_data` takes the first hit of: its `path`, the folder `DENSOR_DATA`, the cache, the caches of Keras and
torchvision; it downloads only when told to. Files are read in the published "python version", unpacked or as the
archive; each is checked against the published md5. They are pickles, read as data: nothing in them is run.
"""

import os
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Split: TypeAlias = tuple[Bytes, Bytes]

class_names = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def load_data(path: str | os.PathLike[str] | None = None, download: bool = False) -> tuple[Split, Split]:
    """Returns ((x_train, y_train), (x_test, y_test)), all uint8: images (50000, 32, 32, 3) and (10000, 32, 32, 3).

    Labels are (50000, 1) and (10000, 1), as in Keras.

    Args:
        path: a folder with the six batch files or the archive. With it nothing else is searched. Default None.
        download: fetch the archive (170 MB) into the cache when it is nowhere here. Default False.

    Raises:
        DatasetNotFound: nowhere found; the text lists where it was searched and the ways out.
        FormatError: a file is not what it should be; the text names the file and both hashes.

    Example::

        (x_train, y_train), (x_test, y_test) = densor.datasets.cifar10.load_data()
    """
    from densor.datasets import _cifar10_files as files  # pickle, tarfile: only who loads pays for them

    return files.load(path, download)
