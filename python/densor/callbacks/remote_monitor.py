"""Sends the figures of each epoch to a server."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from densor import _check
from densor.callbacks.callback import Callback, Logs

_SECONDS = 10.0


class RemoteMonitor(Callback):
    """Posts the number of each epoch and its figures over HTTP, as JSON; training goes on if nobody listens.

    Args:
        root: the address of the server, http or https ("http://localhost:9000").
        path: what follows it ("/publish/epoch/end/").
        field: the field of the form that holds the JSON text ("data"); not used with `send_as_json`.
        headers: more headers of the request, by name (None).
        send_as_json: whether the body is the JSON itself instead of a form (False).

    Raises TypeError or ValueError for arguments of another kind, or an address that is not http(s). Warns once for
    every epoch that could not be delivered within ten seconds.

    Source: Keras 3 `RemoteMonitor`.

    >>> RemoteMonitor("http://localhost:8000", send_as_json=True).path
    '/publish/epoch/end/'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        where = "RemoteMonitor"
        self.root = _check.text(where, "root", root)
        if not self.root.startswith(("http://", "https://")):
            raise _check.bad_value(where, "root", f"must begin with http:// or https://, got {root!r}")
        self.path, self.field = _check.text(where, "path", path), _check.text(where, "field", field)
        if headers is not None and not isinstance(headers, Mapping):
            raise _check.bad_type(where, "headers", f"must be a dict of strings, got {_check.show(headers)}")
        self.headers = None if headers is None else dict(headers)
        for name, value in (self.headers or {}).items():
            _check.text(where, "headers", name)
            _check.text(where, "headers", value)
        self.send_as_json = _check.boolean(where, "send_as_json", send_as_json)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        # Not at the top: importing them costs more than importing Densor.
        from urllib.error import URLError
        from urllib.parse import urlencode
        from urllib.request import Request, urlopen

        text = json.dumps({"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = text if self.send_as_json else urlencode({self.field: text})
        request = Request(
            self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})}
        )
        try:
            with urlopen(request, timeout=_SECONDS):  # the scheme was checked
                pass
        except (URLError, OSError, ValueError) as error:
            warnings.warn(
                f"RemoteMonitor(): could not reach {self.root}{self.path}: {error}", UserWarning, stacklevel=2
            )


def _plain(value: Any) -> Any:
    """A number, or a list where a metric has several."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value
