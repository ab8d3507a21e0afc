"""He's initializers: for ReLU and its variants."""

from densor.initializers.variance_scaling import SeededVarianceScaling


class HeNormal(SeededVarianceScaling):
    """Draws from a normal distribution cut at 2 standard deviations, with mean 0 and variance 2 / fan_in.

    Source: He et al. (2015). `seed`: an integer for the same values at each call, or None for new ones.

    >>> HeNormal(seed=1)((300, 100)).shape
    (300, 100)
    """

    settings = (2.0, "fan_in", "truncated_normal")


class HeUniform(SeededVarianceScaling):
    """Draws uniformly from +-sqrt(6 / fan_in), which has variance 2 / fan_in.

    Source: He et al. (2015). `seed`: an integer for the same values at each call, or None for new ones.

    >>> HeUniform(seed=1)((300, 100)).shape
    (300, 100)
    """

    settings = (2.0, "fan_in", "uniform")
