"""Lecun's initializers: for SELU."""

from densor.initializers.variance_scaling import SeededVarianceScaling


class LecunNormal(SeededVarianceScaling):
    """Draws from a normal distribution cut at 2 standard deviations, with mean 0 and variance 1 / fan_in.

    Source: LeCun et al. (1998). `seed`: an integer for the same values at each call, or None for new ones.

    >>> LecunNormal(seed=1)((300, 100)).shape
    (300, 100)
    """

    settings = (1.0, "fan_in", "truncated_normal")


class LecunUniform(SeededVarianceScaling):
    """Draws uniformly from +-sqrt(3 / fan_in), which has variance 1 / fan_in.

    Source: LeCun et al. (1998). `seed`: an integer for the same values at each call, or None for new ones.

    >>> LecunUniform(seed=1)((300, 100)).shape
    (300, 100)
    """

    settings = (1.0, "fan_in", "uniform")
