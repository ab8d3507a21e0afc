"""What every `build` does, whoever calls it: the layer's first call, another layer's `build`, or the program."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from numbers import Integral
from typing import Any

from densor._check import bad_type, show
from densor.graph.structure import mapped
from densor.graph.trace import Scope, scoped

__all__ = ["marks_built"]


def marks_built(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build`, after which the layer is built.

    A build that fails leaves no weights. One that would make weights a second time raises ValueError instead.
    """

    @wraps(build)
    def marked(layer: Any, *arguments: Any, **keywords: Any) -> None:
        if layer._in_build:  # a class calls the build of its base
            build(layer, *arguments, **keywords)
            return
        given = [*arguments, *keywords.values()]
        shape = _rows_free(given[0]) if given else None
        if layer.built and layer._made_weights:
            raise ValueError(f"build(): layer {layer.name!r} is built already, for shape {layer.build_shape}")
        was_built, before = layer.built, list(layer._variables)
        layer._in_build = True
        try:
            with scoped(Scope()):  # graphs that a build makes are its own
                build(layer, *arguments, **keywords)
        except BaseException:
            layer._variables[:] = before
            raise
        finally:
            layer._in_build = False
        layer._made_weights = len(layer._variables) > len(before)
        layer.built = True
        if not was_built:
            layer.build_shape = shape

    return marked


def _rows_free(shape: Any) -> Any:
    """The shape, or the structure of shapes, with None for the rows."""
    if shape is None:
        return None
    if not isinstance(shape, (tuple, list, dict)):
        raise bad_type("build", "input_shape", f"must be a shape such as (None, 4), got {show(shape)}")
    if isinstance(shape, (tuple, list)) and all(size is None or isinstance(size, Integral) for size in shape):
        return (None, *(None if size is None else int(size) for size in shape[1:]))
    return mapped(_rows_free, shape)
