"""One optimizer step over flat arrays: clip, decay, rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _core
from densor._array import device_array
from densor._check import bad_type, bad_value
from densor.ops._eager import Float32, array_of

__all__ = ["optimizer_step"]


def optimizer_step(
    rule: str,
    parameters: Float32,
    gradients: Any,
    slots: Sequence[Float32],
    coefficients: Sequence[float],
    *,
    decay: float = 0.0,
    segments: Sequence[tuple[int, int]] | None = None,
    decayed: Sequence[bool] | None = None,
    clipvalue: float | None = None,
    clipnorm: float | None = None,
    global_clipnorm: float | None = None,
) -> None:
    """Change flat `parameters` and `slots` in place by one step of an optimizer.

    The order is clip, `w -= w * decay`, rule. Rules, slots and coefficients, with g the gradient and
    t the number of the step from 1:

    - `sgd`: no slots, [lr]: `w -= lr g`
    - `momentum` / `nesterov`: (m), [lr, mu]: `m = mu m - lr g; w += m` / `w += mu m - lr g`
    - `rmsprop`: (v), [lr, rho, epsilon]: `v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + epsilon)`;
      `rmsprop_momentum`: (v, m), [lr, rho, epsilon, mu]; `rmsprop_centered`: (v, a), [lr, rho, epsilon];
      `rmsprop_centered_momentum`: (v, m, a), [lr, rho, epsilon, mu]
    - `adagrad`: (a), [lr, epsilon]: `a += g^2; w -= lr g / sqrt(a + epsilon)`
    - `adadelta`: (a, d), [lr, rho, epsilon]
    - `adam`: (m, v), [lr sqrt(1 - b2^t) / (1 - b1^t), b1, b2, epsilon]; `amsgrad`: (m, v, max of v), the same
    - `adamax`: (m, u), [lr / (1 - b1^t), b1, b2, epsilon]
    - `nadam`: (m, v), [cm, cg, b1, b2, cv, epsilon]: `w -= (cm m + cg g) / (sqrt(cv v) + epsilon)`
    - `radam`: (m, v), [alpha, b1, b2, root, epsilon]: `w -= alpha m / (root sqrt(v) + epsilon)`
    - `lion`: (m), [lr, b1, b2]: `w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g`
    - `lamb`: (m, v), [lr, b1, b2, cm, cv, epsilon]: `u = cm m / (sqrt(cv v) + epsilon); w -= lr |w| / |u| u`
    - `schedule_free`: (z, v), [lr, b1, b2, cv, epsilon, 1 / t]; see `optimizers.ScheduleFreeAdamW`
    - `ftrl` and `ftrl_power`: (a, z), [lr, l1, l2, beta, shrinkage, power]; see `optimizers.Ftrl`

    Args:
        rule: one of the names above.
        parameters: float32 (n,), contiguous and writable.
        gradients: (n,) real numbers.
        slots: float32 (n,) arrays, contiguous and writable.
        coefficients: the numbers of the rule.
        decay: learning rate times weight decay.
        segments: (offset, size) of each variable; default: one variable.
        decayed: for each segment whether `decay` applies; default: all.
        clipvalue, clipnorm, global_clipnorm: at most one: by element, by the norm of each segment, of all.

    Raises:
        TypeError: arrays of another dtype. ValueError: shapes or counts that do not fit, or an unknown rule.

    Source: the update rules of Keras 3.

    Example:
        >>> import numpy as np
        >>> from densor import ops
        >>> w = np.array([1.0, 2.0], np.float32)
        >>> ops.optimizer_step("sgd", w, [1.0, -1.0], [], [0.5])
        >>> w.tolist()
        [0.5, 2.5]
    """
    function = "optimizer_step"
    parameters = _changed(function, "parameters", parameters)
    slots = [_changed(function, "slots", slot) for slot in slots]
    if segments is None:
        segments = [(0, parameters.size)]
    table = np.array(segments, dtype=np.int64).reshape(-1, 2)
    decays = np.ones(len(table), dtype=np.uint8) if decayed is None else np.array(decayed, dtype=np.uint8)
    if len(decays) != len(table):
        raise bad_value(
            function, "decayed", f"expected {len(table)} values, one for each segment, got {len(decays)}"
        )
    flat = array_of(function, "gradients", gradients)
    step = _core.optimizer(
        parameters, flat, slots, table, decays, rule, clipvalue, clipnorm, global_clipnorm
    )  # fmt: skip
    step.run(hyper=np.array([[decay, *coefficients]], dtype=np.float32))


def _changed(function: str, argument: str, array: Any) -> Any:
    """An array whose own memory is changed: of the host, or in the memory of a GPU."""
    there = device_array(function, argument, array)
    array = array if there is None else there
    if not isinstance(array, np.ndarray | _core.DeviceArray) or array.dtype != np.float32:
        raise bad_type(function, argument, "expected a float32 array, it is changed in place")
    return array
