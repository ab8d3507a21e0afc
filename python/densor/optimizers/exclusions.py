"""The variables that weight decay leaves alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from densor import _check


class Exclusions:
    """Variables, and regular expressions that are searched for in the paths of others.

    Raises TypeError or ValueError for what is no variable, no string or no expression; `where` is for messages.
    """

    def __init__(
        self, where: str, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        if isinstance(var_names, str):
            raise _check.bad_type(
                where, "var_names", f"must be a list of strings, got {_check.show(var_names)}"
            )
        self.names = [_check.text(where, "var_names", name) for name in var_names or ()]
        for name in self.names:
            try:
                re.compile(name)
            except re.error as error:
                raise _check.bad_value(where, "var_names", f"{_check.show(name)}: {error}") from None
        self.variables = list(var_list or ())
        for variable in self.variables:
            if not hasattr(variable, "path"):
                raise _check.bad_type(where, "var_list", f"must hold variables, got {_check.show(variable)}")

    def __contains__(self, variable: Any) -> bool:
        if any(variable is excluded for excluded in self.variables):
            return True
        return any(re.search(name, variable.path) for name in self.names)
