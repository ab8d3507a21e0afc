"""Boston housing: 506 towns with thirteen features and the median house value, in thousands of dollars.

Harrison and Rubinfeld, 1978; one feature is built on a view of races that is plainly wrong: take
`california_housing` for new work. `load_data` takes the file `boston_housing.npz` of Keras, which is looked for
as that of `mnist`.
"""

import os
from typing import Any

import numpy.typing as npt

Split = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def load_data(
    path: str | os.PathLike[str] | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    download: bool = False,
) -> tuple[Split, Split]:
    """Returns ((x_train, y_train), (x_test, y_test)): features (rows, 13), values (rows,).

    Arguments, and what is raised, as for `california_housing.load_data`.

    Source: Keras 3 `datasets.boston_housing`.
    """
    from densor.datasets._npz_files import NpzFile, split_rows

    digest = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
    arrays = NpzFile("boston_housing", "Boston housing", digest, "57 kB").load(path, download)
    return split_rows(arrays, test_split, seed)
