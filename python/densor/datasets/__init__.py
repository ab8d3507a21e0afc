"""Data sets to learn and to measure with: `fashion_mnist`, `cifar10` and the bundled `digits`."""

from densor.datasets import cifar10 as cifar10
from densor.datasets import digits as digits
from densor.datasets import fashion_mnist as fashion_mnist
from densor.datasets._not_found import DatasetNotFound as DatasetNotFound

__all__ = ["DatasetNotFound", "cifar10", "digits", "fashion_mnist"]
