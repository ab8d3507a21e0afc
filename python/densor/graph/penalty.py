"""Penalties: what the regularizers of weights and activations add to a batch's loss and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densor.graph.buffers import View
from densor.graph.variable import Variable

if TYPE_CHECKING:
    from densor.graph.lowering import GradientOf, Lowering

__all__ = ["Penalized", "PenaltySum", "RegularizerLike", "emit_elementwise", "emit_weight_penalties"]


@dataclass(frozen=True)
class PenaltySum:
    """Where penalties are added up: `totals[0] += weight * penalty`; by_rows: the weight is the number of rows."""

    totals: NDArray[np.float64]
    weight: float
    by_rows: bool = False


@dataclass(frozen=True)
class Penalized:
    """An array under a penalty.

    x: a weight, or the matrix of an activation. dx: where `scale` times the penalty's gradient goes, None if
    nobody needs it; `add`: onto what is there. total: None if the value is not wanted.
    """

    x: Variable | View
    dx: GradientOf | View | None
    total: PenaltySum | None
    scale: float = 1.0
    add: bool = False


class RegularizerLike(Protocol):
    """What the compiler asks of a regularizer."""

    @property
    def elementwise(self) -> tuple[float, float] | None:
        """(l1, l2) of a penalty `l1 sum |x| + l2 sum x^2`, None for any other."""
        ...

    def __call__(self, x: Any, /) -> float:
        """The penalty of an array."""
        ...

    def emit(self, lowering: Lowering, place: Penalized, /) -> None:
        """Emit the instructions for one array."""
        ...


def emit_elementwise(
    lowering: Lowering, places: Sequence[Penalized], coefficients: Sequence[tuple[float, float]]
) -> None:
    """Emit one instruction for arrays under (l1, l2) penalties that have all but the arrays in common."""
    first = places[0]
    lowering.emit(
        "penalty",
        totals=None if first.total is None else first.total.totals,
        xs=[place.x for place in places],
        dxs=[] if first.dx is None else [place.dx for place in places],
        l1=np.array([l1 for l1, _ in coefficients]),
        l2=np.array([l2 for _, l2 in coefficients]),
        weight=0.0 if first.total is None else first.total.weight,
        scale=first.scale,
        add=first.add,
        by_rows=first.total is not None and first.total.by_rows,
    )


def emit_weight_penalties(lowering: Lowering, variables: Sequence[Variable]) -> None:
    """Emit the penalties of the variables that have a regularizer; after the graph has gone backward."""
    groups: dict[tuple[bool, bool], list[tuple[Penalized, tuple[float, float]]]] = {}
    for variable in variables:
        regularizer = variable.regularizer
        if regularizer is None:
            continue
        dx, add = lowering.gradient_so_far(variable)
        place = Penalized(variable, dx, lowering.penalty_sum, lowering.gradient_scale, add)
        if regularizer.elementwise is None:
            lowering.masks_rows = False
            regularizer.emit(lowering, place)
        else:
            groups.setdefault((dx is None, add), []).append((place, regularizer.elementwise))
    for group in groups.values():
        places, coefficients = zip(*group, strict=True)
        emit_elementwise(lowering, places, coefficients)
