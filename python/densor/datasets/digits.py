"""The 1,797 handwritten digits of UCI: 8 x 8 pixels with values 0 to 16, ten classes; part of the package.

E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998),
doi:10.24432/C50P49; licence CC BY 4.0. It is the repository's `optdigits.tes`, the set that scikit-learn
carries as `load_digits`, stored as unsigned bytes.

The split is fixed: the first 1,437 rows train, the last 360 test. The rows stand in the order of their
writers, so the test digits are from hands that the training rows do not hold.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Split: TypeAlias = tuple[Bytes, Bytes]

class_names = tuple("0123456789")

_TRAIN_ROWS = 1437


def load_data() -> tuple[Split, Split]:
    """Returns ((x_train, y_train), (x_test, y_test)), all uint8: images (1437, 8, 8) and (360, 8, 8).

    Divide the images by 16, or start the model with `Rescaling(1 / 16)`.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, int(x_train.max()), y_test.shape
    ((1437, 8, 8), 16, (360,))
    """
    from importlib import resources  # slow to import

    file = resources.files("densor.datasets").joinpath("digits.npz")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        images: Bytes = arrays["images"]
        labels: Bytes = arrays["labels"]
    return (images[:_TRAIN_ROWS], labels[:_TRAIN_ROWS]), (images[_TRAIN_ROWS:], labels[_TRAIN_ROWS:])
