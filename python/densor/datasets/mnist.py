"""MNIST: 70,000 images of handwritten digits, 28 x 28 grey pixels, ten classes.

Yann LeCun, Corinna Cortes; Creative Commons Attribution-Share Alike 3.0. `load_data` takes the file `mnist.npz` of
Keras: from its `path`, the folder `DENSOR_DATA`, the cache, the cache of Keras; it downloads only when told to.
"""

import os
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Split: TypeAlias = tuple[Bytes, Bytes]


def load_data(path: str | os.PathLike[str] | None = None, download: bool = False) -> tuple[Split, Split]:
    """Returns ((x_train, y_train), (x_test, y_test)), all uint8; images (60000, 28, 28) and (10000, 28, 28).

    Args:
        path: `mnist.npz` or the folder it lies in. With it nothing else is searched. Default None.
        download: fetch the file (11 MB) into the cache when it is nowhere here. Default False.

    Raises:
        DatasetNotFound: nowhere found; the text lists where it was searched and the ways out.
        FormatError: the file is not that of Keras.

    Source: Keras 3 `datasets.mnist`.

    Example::

        (x_train, y_train), (x_test, y_test) = densor.datasets.mnist.load_data()
    """
    from densor.datasets._npz_files import NpzFile  # hashlib: only who loads pays for it

    digest = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    arrays = NpzFile("mnist", "MNIST", digest, "11 MB").load(path, download)
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
