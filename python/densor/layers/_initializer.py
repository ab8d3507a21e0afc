"""The `..._initializer=` arguments of layers: anything `initializers.get` takes; errors name the layer's argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import initializers
from densor._check import renamed

__all__ = ["get_initializer", "initializer_config"]


def get_initializer(function: str, argument: str, value: Any) -> Callable[..., Any]:
    """The initializer; None is `glorot_uniform`.

    Raises:
        ValueError: an unknown name. TypeError: nothing that can be called.
    """
    try:
        initializer = initializers.get("glorot_uniform" if value is None else value)
    except (TypeError, ValueError) as error:
        raise renamed(error, function, argument) from None
    assert initializer is not None
    return initializer


def initializer_config(initializer: Callable[..., Any]) -> dict[str, Any] | str:
    """The initializer's config, or the name of a function.

    Raises:
        ValueError: a function that no name can tell from others.
    """
    return initializers.serialize(initializer)
