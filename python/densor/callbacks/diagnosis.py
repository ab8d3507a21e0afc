"""The rules by which figures of layers become findings. The thresholds are rules of thumb, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Finding", "diagnose"]

# Gradients of neighbouring layers differ by small factors; two orders of magnitude end to end mean that the first
# layers learn a hundred times slower than the last, or that they are thrown about.
GRADIENT_RATIO = 100.0
LARGE_GRADIENT = 1e3
DEAD = 0.4
SATURATED = 0.5
# A step of about a thousandth of the kernel is healthy (Karpathy's rule of thumb); the mean of a noisy figure.
LARGE_STEP, SMALL_STEP = 0.05, 1e-5
FADING = 100.0
OVERFITTING = 1.05  # the validation loss, over the best it has been


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: a word for it, the layers it concerns, what was seen, and what helps.

    >>> Finding("dead", ("dense",), "half of the units are dead", "LeakyReLU").kind
    'dead'
    """

    kind: str
    layers: tuple[str, ...]
    problem: str
    remedy: str


def diagnose(layers: Sequence[Any], ratio: float, curves: Mapping[str, Sequence[float]]) -> list[Finding]:
    """The findings for one epoch, the gravest first.

    Args:
        layers: figures of each layer, as `Model.probe` returns them.
        ratio: gradient norm of the last layer over that of the first, or NaN.
        curves: what `fit` logged, by name, over the epochs so far.

    >>> diagnose([], float("nan"), {"loss": [1.0, 0.5]})
    []
    """
    checks: list[Callable[[], Finding | None]] = [
        lambda: _not_finite(layers),
        lambda: _gradients(layers, ratio),
        lambda: _dead(layers),
        lambda: _saturated(layers),
        lambda: _steps(layers),
        lambda: _signal(layers),
        lambda: _overfitting(curves),
    ]
    return [finding for check in checks if (finding := check()) is not None]


def _names(layers: Iterable[Any]) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers)


def _listed(layers: Sequence[Any]) -> str:
    names = _names(layers)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _not_finite(layers: Sequence[Any]) -> Finding | None:
    bad = [layer for layer in layers if not math.isfinite(layer.deviation) or math.isinf(layer.gradient_norm)]
    if not bad:
        return None
    return Finding(
        "not_finite", _names(bad), f"Outputs or gradients of {_listed(bad)} are no longer finite.",
        "start again with a smaller learning rate (model.lr_find finds one) and clip the gradients: "
        "SGD(clipnorm=1.0); scale the inputs; TerminateOnNaN stops such a run at once.",
    )  # fmt: skip


def _gradients(layers: Sequence[Any], ratio: float) -> Finding | None:
    trained = [layer for layer in layers if not math.isnan(layer.gradient_norm)]
    if not trained or math.isnan(ratio):
        return None
    if ratio > GRADIENT_RATIO:
        times = "all of it is lost" if math.isinf(ratio) else f"{ratio:.3g} times smaller"
        return Finding(
            "vanishing", _names(trained[:1]),
            f"Gradients vanish: that of {trained[0].name} is, against that of {trained[-1].name}, {times}.",
            "an activation that does not saturate (ReLU, ELU, Swish) with he_normal, or SELU with lecun_normal; batch "
            "normalization before or after the activations; residual connections with Add; pretrained lower layers.",
        )  # fmt: skip
    largest = max(trained, key=lambda layer: layer.gradient_norm)
    if ratio < 1 / GRADIENT_RATIO or largest.gradient_norm > LARGE_GRADIENT:
        return Finding(
            "exploding", _names([largest]),
            f"Gradients explode: that of {largest.name} has norm {largest.gradient_norm:.3g}, that of the last layer "
            f"{trained[-1].gradient_norm:.3g}.",
            "clip them: clipnorm=1.0 keeps their direction, clipvalue=1.0 does not; Glorot or He initialization; batch "
            "normalization; a smaller learning rate.",
        )  # fmt: skip
    return None


def _dead(layers: Sequence[Any]) -> Finding | None:
    bad = [layer for layer in layers if layer.dead > DEAD]
    if not bad:
        return None
    worst = max(bad, key=lambda layer: layer.dead)
    return Finding(
        "dead", _names(bad),
        f"ReLUs die: {worst.dead:.0%} of the units of {worst.name} put out 0 for every row ({_listed(bad)}).",
        "LeakyReLU, ELU or SELU, whose slope is never 0; a smaller learning rate; he_normal; batch normalization.",
    )  # fmt: skip


def _saturated(layers: Sequence[Any]) -> Finding | None:
    bad = [
        layer for layer in layers[:-1] if layer.saturated > SATURATED
    ]  # an output layer may be sure of itself
    if not bad:
        return None
    worst = max(bad, key=lambda layer: layer.saturated)
    return Finding(
        "saturated", _names(bad),
        f"Units saturate: {worst.saturated:.0%} of the outputs of {worst.name} lie where its {worst.activation} is "
        f"flat ({_listed(bad)}).",
        "ReLU and its variants with he_normal in hidden layers; glorot_normal for tanh and sigmoid; standardized "
        "inputs; batch normalization before the activation.",
    )  # fmt: skip


def _steps(layers: Sequence[Any]) -> Finding | None:
    trained = [layer for layer in layers if math.isfinite(layer.update_ratio)]
    large = [layer for layer in trained if layer.update_ratio > LARGE_STEP]
    if large:
        worst = max(large, key=lambda layer: layer.update_ratio)
        return Finding(
            "large_steps", _names(large),
            f"Steps are large: one step moves the kernel of {worst.name} by {worst.update_ratio:.1%} of its length "
            f"({_listed(large)}).",
            "a smaller learning rate: model.lr_find, or a schedule (1cycle, exponential, ReduceLROnPlateau).",
        )  # fmt: skip
    if trained and all(layer.update_ratio < SMALL_STEP for layer in trained):
        largest = max(layer.update_ratio for layer in trained)
        return Finding(
            "small_steps", _names(trained),
            f"Steps are tiny: none moves a kernel by more than {largest:.1g} of its length.",
            "a larger learning rate (model.lr_find), a faster optimizer (Nesterov momentum, Adam, Nadam), unless "
            "training has come to its end.",
        )  # fmt: skip
    return None


def _signal(layers: Sequence[Any]) -> Finding | None:
    hidden = [layer for layer in layers[:-1] if math.isfinite(layer.deviation)]
    if len(hidden) < 2 or not hidden[0].deviation > 0:
        return None
    change = hidden[-1].deviation / hidden[0].deviation
    if 1 / FADING <= change <= FADING:
        return None
    way = "fades" if change < 1 else "grows"
    return Finding(
        "signal", _names([hidden[-1]]),
        f"The signal {way}: the deviation of the outputs goes from {hidden[0].deviation:.3g} in {hidden[0].name} to "
        f"{hidden[-1].deviation:.3g} in {hidden[-1].name}.",
        "the initialization that belongs to the activation: he_normal for ReLU and its variants, glorot for tanh and "
        "sigmoid, lecun_normal for SELU, which also wants standardized inputs; or batch normalization.",
    )  # fmt: skip


def _overfitting(curves: Mapping[str, Sequence[float]]) -> Finding | None:
    training, validation = curves.get("loss", ()), curves.get("val_loss", ())
    if len(validation) < 3 or len(training) < 3:
        return None
    best = min(range(len(validation)), key=lambda epoch: validation[epoch])
    rising = validation[-1] > OVERFITTING * validation[best] and len(validation) - best > 2
    if not rising or training[-1] >= training[best]:
        return None
    return Finding(
        "overfitting", (),
        f"The network overfits: the validation loss was best {len(validation) - 1 - best} epochs ago "
        f"({validation[best]:.4g}, now {validation[-1]:.4g}) while the training loss falls.",
        "EarlyStopping(restore_best_weights=True); Dropout before the last layers, AlphaDropout with SELU; weight "
        "decay (AdamW) or l2 with SGD; max-norm; more data or augmentation.",
    )  # fmt: skip
