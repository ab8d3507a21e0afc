"""RemoteMonitor: what a server receives."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest

from densor.callbacks import RemoteMonitor
from tests.callbacks.stand_in import replay
from tests.models.build import data, regressor


@pytest.fixture
def server():
    """A server on a free port of this machine, and the requests it has seen."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append((self.path, dict(self.headers), body))
            self.send_response(404 if "missing" in self.path else 200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


LOGS = [{"loss": 0.5, "accuracy": np.float32(0.25)}, {"loss": 0.25, "per_class": np.array([1.0, 2.0])}]
SENT = [{"epoch": 0, "loss": 0.5, "accuracy": 0.25}, {"epoch": 1, "loss": 0.25, "per_class": [1.0, 2.0]}]


def test_as_a_form(server):
    root, seen = server
    replay(RemoteMonitor(root, headers={"X-Run": "7"}, field="figures"), LOGS)
    assert [path for path, _, _ in seen] == ["/publish/epoch/end/"] * 2
    assert [json.loads(parse_qs(body)["figures"][0]) for _, _, body in seen] == SENT
    assert all(headers["X-Run"] == "7" for _, headers, _ in seen)
    assert seen[0][1]["Content-Type"] == "application/x-www-form-urlencoded"


def test_as_json(server):
    root, seen = server
    replay(RemoteMonitor(root, path="/runs", send_as_json=True), LOGS)
    assert [json.loads(body) for _, _, body in seen] == SENT
    assert seen[0][0] == "/runs"
    assert seen[0][1]["Content-Type"] == "application/json"


def test_while_a_model_trains(server):
    root, seen = server
    history = regressor().fit(
        *data(), epochs=3, verbose=0, callbacks=[RemoteMonitor(root, send_as_json=True)]
    )
    sent = [json.loads(body) for _, _, body in seen]
    assert [one["loss"] for one in sent] == history.history["loss"]


def test_training_goes_on_without_a_server(server):
    root = server[0]
    with pytest.warns(UserWarning, match=r"RemoteMonitor\(\): could not reach .*404"):
        replay(RemoteMonitor(root, path="/missing"), LOGS[:1])
    with pytest.warns(UserWarning, match=r"could not reach http://127.0.0.1:1/"):
        replay(RemoteMonitor("http://127.0.0.1:1"), LOGS[:1])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"root": 3}, "'root'"),
        ({"root": "file:///etc/passwd"}, "'root': must begin with http:// or https://"),
        ({"path": None}, "'path'"),
        ({"headers": [1]}, "'headers': must be a dict"),
        ({"headers": {"a": 1}}, "'headers'"),
        ({"send_as_json": "yes"}, "'send_as_json'"),
    ],
)
def test_bad_arguments(options, problem):
    with pytest.raises((TypeError, ValueError), match=rf"RemoteMonitor\(\): argument {problem}"):
        RemoteMonitor(**options)
