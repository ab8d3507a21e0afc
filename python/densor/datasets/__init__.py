"""Data sets to learn and to measure with: `fashion_mnist`, `mnist`, `cifar10`, `california_housing`, `boston_housing`,
the bundled `digits`; splits of rows."""

from densor.datasets import boston_housing as boston_housing
from densor.datasets import california_housing as california_housing
from densor.datasets import cifar10 as cifar10
from densor.datasets import digits as digits
from densor.datasets import fashion_mnist as fashion_mnist
from densor.datasets import mnist as mnist
from densor.datasets._not_found import DatasetNotFound as DatasetNotFound
from densor.datasets.splitting import Scores as Scores
from densor.datasets.splitting import batches as batches
from densor.datasets.splitting import cross_validate as cross_validate
from densor.datasets.splitting import k_fold as k_fold
from densor.datasets.splitting import random_split as random_split

__all__ = [
    "DatasetNotFound", "Scores", "batches", "boston_housing", "california_housing", "cifar10", "cross_validate",
    "digits", "fashion_mnist", "k_fold", "mnist", "random_split",
]  # fmt: skip
