"""California housing: 20,640 districts with eight features and the median house value, by the census of 1990.

Pace and Barry, "Sparse spatial autoregressions", 1997. `load_data` takes the file `california_housing.npz` of Keras,
which is looked for as that of `mnist`.
"""

import os
from typing import Any

import numpy.typing as npt

Split = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    download: bool = False,
) -> tuple[Split, Split]:
    """Returns ((x_train, y_train), (x_test, y_test)): features (rows, 8), values in dollars (rows,).

    Args:
        version: "large", or "small" for the first 600 rows.
        path: `california_housing.npz` or the folder it lies in. With it nothing else is searched. Default None.
        test_split: the share of the rows that tests, in [0, 1). seed: of the order of the rows; both cut as Keras does.
        download: fetch the file (0.7 MB) into the cache when it is nowhere here. Default False.

    Raises:
        DatasetNotFound: nowhere found; the text lists where it was searched and the ways out.
        FormatError: the file is not that of Keras. TypeError, ValueError: another argument is wrong.

    Source: Keras 3 `datasets.california_housing`.
    """
    from densor._check import choice
    from densor.datasets._npz_files import NpzFile, split_rows

    rows = 600 if choice("load_data", "version", version, ("large", "small")) == "small" else None
    digest = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
    arrays = NpzFile("california_housing", "California housing", digest, "0.7 MB").load(path, download)
    return split_rows(arrays, test_split, seed, rows)
