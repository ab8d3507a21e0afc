"""The table of a model's layers as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from densor._check import bad_value, positive_int, show, unsupported
from densor.graph import Variable
from densor.layers import InputLayer, Layer

if TYPE_CHECKING:
    from densor.models.model import Model

__all__ = ["output_shape", "print_summary"]

Row = tuple[str, ...]


def print_summary(
    model: Model,
    line_length: int | None,
    positions: Sequence[float] | None,
    print_fn: Callable[[str], Any] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None,
) -> None:
    """Print the summary of a model; the arguments are those of `Model.summary`."""
    unsupported("summary", "positions", positions, None)
    width = None if line_length is None else positive_int("summary", "line_length", line_length)
    shown = _between(getattr(model, "operations", model.layers), layer_range)
    sources = _sources(model)
    rows = list(_rows(shown, "", expand_nested, show_trainable, sources))
    header: Row = ("Layer (type)", "Output Shape", "Param #")
    if sources is not None:
        header = (*header, "Connected to")
    if show_trainable:
        header = (*header, "Trainable")
    lines = [f'Model: "{model.name}"', *_table(header, rows, width), *_totals(model)]
    (print_fn or print)("\n".join(lines))


def _between(layers: Sequence[Layer], layer_range: Any) -> Sequence[Layer]:
    """The layers from the first that matches the first expression to the last that matches the second, as in Keras."""
    if layer_range is None:
        return layers
    names = list(layer_range) if isinstance(layer_range, list | tuple) else []
    if len(names) != 2 or not all(isinstance(name, str) for name in names):
        raise bad_value("summary", "layer_range", f"expected two names of layers, got {show(layer_range)}")
    found = []
    for name in names:
        try:
            found.append([place for place, layer in enumerate(layers) if re.match(name, layer.name)])
        except re.error as error:
            raise bad_value("summary", "layer_range", f"{name!r} is no name or expression: {error}") from None
        if not found[-1]:
            known = ", ".join(layer.name for layer in layers)
            raise bad_value("summary", "layer_range", f"no layer is named {name!r}; there are {known}")
    first, last = found if min(found[0]) <= max(found[1]) else found[::-1]
    return layers[min(first) : max(last) + 1]


def _sources(model: Model) -> dict[Layer, str] | None:
    """What each layer of a functional model is fed by, where that is not just the layer above: as Keras writes it."""
    from densor.models.connections import connections_of

    found = connections_of(model)
    if found is None or not hasattr(model, "operations"):
        return None
    above = [None, *found.sources]
    chain = all(
        [source[0] for source in sources] == ([] if before is None else [before])
        for before, sources in zip(above, found.sources.values(), strict=False)
    )
    if chain:
        return None
    return {
        layer: ", ".join(f"{before.name}[{call}][{tensor}]" for before, call, tensor in sources) or "-"
        for layer, sources in found.sources.items()
    }


def _rows(
    layers: Sequence[Layer], indent: str, expand: bool, show_trainable: bool, sources: dict[Layer, str] | None
) -> Iterator[Row]:
    from densor.models.model import Model

    for layer in layers:
        known = layer.built or _has_no_weights(layer)
        count = f"{sum(variable.size for variable in layer.weights):,}" if known else "0 (unbuilt)"
        row: Row = (f"{indent}{layer.name} ({type(layer).__name__})", output_shape(layer), count)
        if sources is not None:
            row = (*row, sources.get(layer, "-"))
        if show_trainable:
            row = (*row, "-" if not layer.weights else "Y" if layer.trainable else "N")
        yield row
        if expand and isinstance(layer, Model):
            inside = getattr(layer, "operations", layer.layers)
            nested = None if sources is None else _sources(layer) or {}
            yield from _rows(inside, indent + "  ", expand, show_trainable, nested)


def _has_no_weights(layer: Layer) -> bool:
    """Whether the layer will have none: it neither makes any when it is built nor has layers inside."""
    return type(layer).build is Layer.build and not layer.sublayers()


def output_shape(layer: Layer) -> str:
    """The shape of what a layer returns, "?" where nobody knows."""
    if isinstance(layer, InputLayer):
        return str(layer.batch_shape)
    if not layer.built:
        return "?"
    try:
        if layer.build_shape is None:  # a model that was built before it became part of another
            return str(getattr(layer, "output_shape", "?"))
        return str(layer.compute_output_shape(layer.build_shape))
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        return "?"


def _table(header: Row, rows: list[Row], line_length: int | None) -> list[str]:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    if line_length is not None:
        widths[0] = max(widths[0] + line_length - (sum(widths) + 3 * len(widths) + 1), len(header[0]))

    def line(row: Row) -> str:
        cells = [
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"│ {' │ '.join(cells)} │"

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (width + 2) for width in widths) + right

    return [rule("┌", "┬", "┐"), line(header), rule("├", "┼", "┤"), *map(line, rows), rule("└", "┴", "┘")]


def _totals(model: Model) -> list[str]:
    trainable, fixed = _size(model.trainable_weights), _size(model.non_trainable_weights)
    optimizer = _optimizer_size(model)
    lines = [
        f" Total params: {_count(trainable + fixed + optimizer)}",
        f" Trainable params: {_count(trainable)}",
        f" Non-trainable params: {_count(fixed)}",
    ]
    return [*lines, f" Optimizer params: {_count(optimizer)}"] if optimizer else lines


def _size(variables: Sequence[Variable]) -> int:
    return sum(variable.size for variable in variables)


def _optimizer_size(model: Model) -> int:
    """The optimizer's slots, its step counter and its learning rate, once there are any."""
    compiled = model._compiled
    if compiled is None or compiled.arena is None:
        return 0
    return len(compiled.optimizer.state_names) * _size(compiled.trainable) + 2


def _count(parameters: int) -> str:
    size = float(parameters * 4)
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{parameters:,} ({size:.2f} {unit})"
        size /= 1024
    return f"{parameters:,} ({size:.2f} GB)"
