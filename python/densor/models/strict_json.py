"""JSON from files that nobody vouches for."""

from __future__ import annotations

import json
import math
import re
from typing import Any

__all__ = ["LARGEST_INTEGER", "MOST_LEVELS", "parse"]

MOST_LEVELS = 16
LARGEST_INTEGER = 2**53  # beyond it other readers of JSON lose digits

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def parse(raw: bytes, levels: int = MOST_LEVELS) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: not UTF-8, not JSON, deeper than `levels`, a key twice in one object, NaN or an infinity, an
            integer beyond 2^53, a string that is no Unicode text.
    """
    text = raw.decode("utf-8")
    _check_depth(text, levels)  # before the parser, which recurses
    value = json.loads(
        text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
    )
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # finds lone surrogates
    return value


def _check_depth(text: str, levels: int) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        first = found[0][0]
        if first in "[{":
            depth += 1
            if depth > levels:
                raise ValueError(f"more than {levels} levels at character {found.start()}")
        elif first in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:80]!r} appears twice in one object")
    return result


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > LARGEST_INTEGER:
        raise ValueError(f"the integer {text[:40]} is beyond 2^53")
    return int(text)
