"""Keras' place for the schedules: `densor.optimizers.schedules` is `densor.schedules` under another name."""

from densor.schedules import CosineDecay as CosineDecay
from densor.schedules import CosineDecayRestarts as CosineDecayRestarts
from densor.schedules import ExponentialDecay as ExponentialDecay
from densor.schedules import InverseTimeDecay as InverseTimeDecay
from densor.schedules import LearningRateSchedule as LearningRateSchedule
from densor.schedules import PiecewiseConstantDecay as PiecewiseConstantDecay
from densor.schedules import PolynomialDecay as PolynomialDecay
from densor.schedules import deserialize as deserialize
from densor.schedules import serialize as serialize
