"""Magnitude pruning with masks that training keeps, and the iterations that find lottery tickets.

    initial = model.get_weights()
    model.fit(x, y)
    pruning.prune(model, 0.2)          # the smallest fifth of the weights is 0 from now on
    pruning.rewind(model, initial)     # the survivors start again where they began
    model.fit(x, y)

A mask belongs to a weight (`variable.mask`). The optimizer pass keeps masked weights, their gradients and their
running means at 0, whatever the optimizer; files keep masks, too.

Source: Han et al. (2015); Frankle and Carbin (2019) for the rewinding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _check
from densor.graph import Variable
from densor.layers import Layer
from densor.models import Model

__all__ = ["Report", "Round", "lottery_ticket", "prune", "report", "rewind", "strip"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Report:
    """How many of the prunable weights are left.

    Attributes:
        rows: (path, kept, total) of each weight, in the order of the layers.
    """

    rows: tuple[tuple[str, int, int], ...]

    @property
    def kept(self) -> int:
        """The number of weights that are left."""
        return sum(kept for _, kept, _ in self.rows)

    @property
    def total(self) -> int:
        """The number of weights there were."""
        return sum(total for _, _, total in self.rows)

    @property
    def sparsity(self) -> float:
        """The share of pruned weights, in [0, 1]."""
        return 1.0 - self.kept / self.total

    def __str__(self) -> str:
        rows = [*self.rows, ("total", self.kept, self.total)]
        width = max(len(path) for path, _, _ in rows)
        return "\n".join(
            f"{path:<{width}}  {kept:>12,} of {total:>12,}  {1 - kept / total:7.2%} pruned"
            for path, kept, total in rows
        )


@dataclass(frozen=True)
class Round:
    """One round of `lottery_ticket`.

    Attributes:
        sparsity: the share of weights that was pruned while this round trained.
        result: what the training function returned.
        weights: the weights at the end of the round.
        masks: the masks of the prunable weights during the round, in their order; None where nothing was pruned.
    """

    sparsity: float
    result: Any
    weights: list[Float32]
    masks: list[NDArray[np.bool_] | None]


def prune(
    model: Model, amount: float, scope: str = "global", layers: Iterable[Layer] | None = None
) -> Report:
    """Set the `amount` of remaining weights that are nearest to 0 to 0, for good.

    Args:
        model: a built model.
        amount: the share of the weights not pruned yet, in [0, 1); 0.2 three times leaves 0.8^3. The number is
            rounded to the nearest; of equal weights the first ones go.
        scope: "global" compares all weights with one another, "layer" takes the share of each.
        layers: which layers, with all that is inside them; default: the whole model. Only matrices are pruned,
            the kernels; biases and normalization weights stay.

    Returns:
        The report on the weights of `layers`.

    Raises:
        TypeError, ValueError: a wrong argument, or nothing to prune; nothing was changed.
        RuntimeError: the model is not built.

    Example:
        >>> import densor
        >>> from densor import pruning
        >>> model = densor.Sequential([densor.Input((8,)), densor.layers.Dense(5)])
        >>> round(pruning.prune(model, 0.25).sparsity, 3)
        0.25
        >>> int((model.layers[0].kernel.numpy() == 0).sum())
        10
    """
    share = _check.number("prune", "amount", amount, low=0, high=1, include_high=False)
    scope = _check.choice("prune", "scope", scope, ["global", "layer"])
    variables = _prunable("prune", model, layers)
    for group in [variables] if scope == "global" else [[variable] for variable in variables]:
        _prune_together(group, share)
    return _report(variables)


def rewind(model: Model, weights: Sequence[Any], reset_optimizer: bool = True) -> None:
    """Set the weights back, but for the pruned ones, which stay 0.

    Args:
        model: a built model. weights: what `model.get_weights()` returned earlier: at the start, or after a few
            epochs, which large networks need.
        reset_optimizer: whether the optimizer forgets its state and steps, too.

    Raises:
        TypeError, ValueError: weights that do not fit; nothing was changed.
    """
    _built("rewind", model)
    reset = _check.boolean("rewind", "reset_optimizer", reset_optimizer)
    model.set_weights(weights)
    for variable in model.weights:
        if variable.mask is not None:
            variable.overwrite(np.where(variable.mask, variable.values, np.float32(0.0)))
    if reset and model.optimizer is not None:
        model.optimizer.reset_state()


def lottery_ticket(
    model: Model,
    train: Callable[[Model], Any],
    rounds: int = 5,
    amount: float = 0.2,
    scope: str = "global",
    layers: Iterable[Layer] | None = None,
    weights: Sequence[Any] | None = None,
) -> list[Round]:
    """Train, prune, rewind, and again: the search for a subnetwork that trains as well as the whole.

    Args:
        model: a built and compiled model.
        train: called as `train(model)` in every round, such as `lambda m: m.fit(x, y, epochs=10)`.
        rounds: how often to train, at least 1; pruning happens between the rounds.
        amount, scope, layers: as for `prune`.
        weights: what to rewind to; default: the weights the model has now.

    Returns:
        A `Round` for each round, the first one unpruned. The model is left as the last round trained it.

    Raises:
        TypeError, ValueError: a wrong argument; nothing was changed.
        RuntimeError: the model is not built.

    Example:
        >>> import densor, numpy as np
        >>> from densor import pruning
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(16, "tanh"), densor.layers.Dense(1)])
        >>> model.compile("adam", loss="mse")
        >>> found = pruning.lottery_ticket(model, lambda m: m.fit(x, x, verbose=0), rounds=3, amount=0.5)
        >>> [r.sparsity for r in found]
        [0.0, 0.5, 0.75]
    """
    function = "lottery_ticket"
    count = _check.positive_int(function, "rounds", rounds)
    share = _check.number(function, "amount", amount, low=0, high=1, include_high=False)
    scope = _check.choice(function, "scope", scope, ["global", "layer"])
    if not callable(train):
        raise _check.bad_type(function, "train", f"must be a function of the model, got {_check.show(train)}")
    chosen = None if layers is None else list(layers)
    variables = _prunable(function, model, chosen)
    start = model.get_weights() if weights is None else list(weights)
    found = []
    for index in range(count):
        if index > 0:
            prune(model, share, scope, chosen)
        if index > 0 or weights is not None:
            rewind(model, start)
        result = train(model)
        masks = [variable.mask for variable in variables]
        found.append(Round(_report(variables).sparsity, result, model.get_weights(), masks))
    return found


def report(model: Model, layers: Iterable[Layer] | None = None) -> Report:
    """How many of the prunable weights of the model (or of `layers`) are left; `print` it for a table.

    Example:
        >>> import densor
        >>> from densor import pruning
        >>> model = densor.Sequential([densor.Input((8,)), densor.layers.Dense(5, name="top")])
        >>> print(pruning.prune(model, 0.5, layers=model.layers))
        top/kernel            20 of           40   50.00% pruned
        total                 20 of           40   50.00% pruned
    """
    return _report(_prunable("report", model, layers))


def strip(model: Model) -> None:
    """Take the masks off: weights that are 0 stay so until training moves them."""
    _built("strip", model)
    for variable in model.weights:
        variable.mask = None


def _prune_together(variables: Sequence[Variable], share: float) -> None:
    """Prune the share of the weights that these variables still have."""
    masks = [np.ones(v.shape, np.bool_) if v.mask is None else v.mask.copy() for v in variables]
    kept = np.concatenate([mask.reshape(-1) for mask in masks])
    size = np.abs(np.concatenate([v.values.reshape(-1) for v in variables]))
    left = np.flatnonzero(kept)
    doomed = left[np.argsort(size[left], kind="stable")[: round(share * len(left))]]
    kept[doomed] = False
    if not len(doomed):
        return
    ends = np.cumsum([variable.size for variable in variables])[:-1]
    for variable, part in zip(variables, np.split(kept, ends), strict=True):
        variable.mask = part.reshape(variable.shape)


def _prunable(function: str, model: object, layers: Iterable[Layer] | None) -> list[Variable]:
    """The kernels: all matrices among the trainable variables."""
    built = _built(function, model)
    if layers is not None and (isinstance(layers, Layer) or not isinstance(layers, Iterable)):
        raise _check.bad_type(function, "layers", f"must be a list of layers, got {_check.show(layers)}")
    chosen = [built] if layers is None else list(layers)
    for layer in chosen:
        if not isinstance(layer, Layer):
            raise _check.bad_type(function, "layers", f"must hold layers, got {_check.show(layer)}")
    owned = set(built.weights)
    found = dict.fromkeys(v for layer in chosen for v in layer.trainable_weights if len(v.shape) >= 2)
    for variable in found:
        if variable not in owned:
            raise _check.bad_value(function, "layers", f"{variable.path} does not belong to the model")
    if not found:
        raise _check.bad_value(
            function, "layers" if layers is not None else "model", "there is no kernel to prune"
        )
    return list(found)


def _built(function: str, model: object) -> Model:
    if not isinstance(model, Model):
        raise _check.bad_type(function, "model", f"must be a model, got {_check.show(model)}")
    if not model.built:
        raise RuntimeError(
            f"{function}(): model {model.name!r} is not built; call it on data or give it an Input"
        )
    return model


def _report(variables: Sequence[Variable]) -> Report:
    return Report(
        tuple(
            (v.path, v.size if v.mask is None else int(np.count_nonzero(v.mask)), v.size) for v in variables
        )
    )
