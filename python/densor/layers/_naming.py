"""Layer names: `dense`, `dense_1`, ... counted over the whole process."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["reset_names", "snake_case", "unique_name"]

_made: Counter[str] = Counter()


def snake_case(name: str) -> str:
    """`BatchNormalization` as `batch_normalization`, `LeakyReLU` as `leaky_re_lu`, as Keras spells them."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(prefix: str) -> str:
    """The prefix on first use, then the prefix with a running number."""
    count = _made[prefix]
    _made[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Start counting again (`densor.backend.clear_session`)."""
    _made.clear()
