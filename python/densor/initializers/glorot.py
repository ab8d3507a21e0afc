"""Glorot's initializers: for layers without activation, tanh, sigmoid and softmax."""

from densor.initializers.variance_scaling import SeededVarianceScaling


class GlorotNormal(SeededVarianceScaling):
    """Draws from a normal distribution cut at 2 standard deviations, with mean 0 and variance 2 / (fan_in + fan_out).

    Source: Glorot and Bengio (2010). `seed`: an integer for the same values at each call, or None for new ones.

    >>> GlorotNormal(seed=1)((300, 100)).shape
    (300, 100)
    """

    settings = (1.0, "fan_avg", "truncated_normal")


class GlorotUniform(SeededVarianceScaling):
    """Draws uniformly from +-sqrt(6 / (fan_in + fan_out)), which has variance 2 / (fan_in + fan_out).

    Source: Glorot and Bengio (2010). `seed`: an integer for the same values at each call, or None for new ones.

    >>> GlorotUniform(seed=1)((300, 100)).shape
    (300, 100)
    """

    settings = (1.0, "fan_avg", "uniform")
