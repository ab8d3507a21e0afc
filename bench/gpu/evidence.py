"""A plugin of pytest for check.sh: what a run that was stopped has shown, and an end in good time.

Beside the `--junitxml` it writes how many tests each file has, so that those that have not run are missed. With
DENSOR_TEST_TURN=n tests take turns, the first n of every file, then the next n; with DENSOR_TEST_SECONDS they end when
so many seconds are over.
"""

import collections
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

SECONDS = float(os.environ.get("DENSOR_TEST_SECONDS", "inf"))
TURN = int(os.environ.get("DENSOR_TEST_TURN", "0"))
BEGIN = time.monotonic()


def place(item: Any) -> str:
    """ops.test_dense of tests/ops/test_dense.py."""
    path, _, _ = item.nodeid.partition("::")
    return ".".join(Path(path).with_suffix("").parts[1:])


def pytest_collection_modifyitems(items: list[Any]) -> None:
    if TURN:
        files = [list(tests) for _, tests in itertools.groupby(items, place)]
        parts = ([tests[i : i + TURN] for i in range(0, len(tests), TURN)] for tests in files)
        turns = itertools.zip_longest(*parts, fillvalue=[])
        items[:] = [item for turn in turns for part in turn for item in part]


def pytest_collection_finish(session: Any) -> None:
    report = session.config.getoption("xmlpath")
    if (
        report and session.items
    ):  # every process of pytest-xdist has collected the same; the one that distributes, none
        counts = collections.Counter(map(place, session.items))
        target = Path(report).with_suffix(".json")
        mine = target.with_suffix(f".{os.getpid()}")
        mine.write_text(json.dumps(counts))
        mine.replace(target)


def pytest_runtest_teardown(item: Any) -> None:
    if time.monotonic() - BEGIN > SECONDS:
        item.session.shouldstop = f"no time left after {SECONDS:.0f} s"
