"""Learning-rate schedules, as in Keras: objects that give the learning rate of each training step.

Keras' six come first; the others are those of the literature that Keras lacks.
"""

from densor.schedules._registry import deserialize as deserialize
from densor.schedules._registry import serialize as serialize
from densor.schedules.cosine_decay import CosineDecay as CosineDecay
from densor.schedules.cosine_decay_restarts import CosineDecayRestarts as CosineDecayRestarts
from densor.schedules.cyclical_learning_rate import CyclicalLearningRate as CyclicalLearningRate
from densor.schedules.exponential_decay import ExponentialDecay as ExponentialDecay
from densor.schedules.inverse_time_decay import InverseTimeDecay as InverseTimeDecay
from densor.schedules.learning_rate_schedule import LearningRateSchedule as LearningRateSchedule
from densor.schedules.linear_decay import LinearDecay as LinearDecay
from densor.schedules.natural_exponential_decay import NaturalExponentialDecay as NaturalExponentialDecay
from densor.schedules.one_cycle import OneCycle as OneCycle
from densor.schedules.piecewise_constant_decay import PiecewiseConstantDecay as PiecewiseConstantDecay
from densor.schedules.polynomial_decay import PolynomialDecay as PolynomialDecay
from densor.schedules.power_decay import InverseSquareRootDecay as InverseSquareRootDecay
from densor.schedules.power_decay import PowerDecay as PowerDecay
from densor.schedules.power_decay import TimeBasedDecay as TimeBasedDecay
from densor.schedules.step_decay import PiecewiseEpochDecay as PiecewiseEpochDecay
from densor.schedules.step_decay import StepDecay as StepDecay
from densor.schedules.warm_up import WarmUp as WarmUp

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "CyclicalLearningRate",
    "ExponentialDecay",
    "InverseSquareRootDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "LinearDecay",
    "NaturalExponentialDecay",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PiecewiseEpochDecay",
    "PolynomialDecay",
    "PowerDecay",
    "StepDecay",
    "TimeBasedDecay",
    "WarmUp",
    "deserialize",
    "serialize",
]
