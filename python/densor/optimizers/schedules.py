"""Keras' place for the schedules: `densor.optimizers.schedules` is `densor.schedules` under another name."""

from densor.schedules import CosineDecay as CosineDecay
from densor.schedules import CosineDecayRestarts as CosineDecayRestarts
from densor.schedules import CyclicalLearningRate as CyclicalLearningRate
from densor.schedules import ExponentialDecay as ExponentialDecay
from densor.schedules import InverseSquareRootDecay as InverseSquareRootDecay
from densor.schedules import InverseTimeDecay as InverseTimeDecay
from densor.schedules import LearningRateSchedule as LearningRateSchedule
from densor.schedules import LinearDecay as LinearDecay
from densor.schedules import NaturalExponentialDecay as NaturalExponentialDecay
from densor.schedules import OneCycle as OneCycle
from densor.schedules import PiecewiseConstantDecay as PiecewiseConstantDecay
from densor.schedules import PiecewiseEpochDecay as PiecewiseEpochDecay
from densor.schedules import PolynomialDecay as PolynomialDecay
from densor.schedules import PowerDecay as PowerDecay
from densor.schedules import StepDecay as StepDecay
from densor.schedules import TimeBasedDecay as TimeBasedDecay
from densor.schedules import WarmUp as WarmUp
from densor.schedules import deserialize as deserialize
from densor.schedules import serialize as serialize
