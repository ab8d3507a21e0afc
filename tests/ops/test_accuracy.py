"""accuracy of the three kinds, and accumulate."""

import numpy as np
import pytest

from tests.ops.harness import ROWS, _core, check, normal, on_every_target
from tests.reference import accumulate
from tests.reference import accuracy as reference
from tests.reference.softmax_cross_entropy import one_hot


@pytest.mark.parametrize("cols", [1, 2, 10, 31, 33, 127])
def test_matches_the_definition(cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x = rng.integers(-3, 4, (rows, cols)).astype(np.float32)  # many ties
        labels = rng.integers(0, cols, rows).astype(np.int32)
        hard = rng.integers(0, 2, (rows, cols)).astype(np.float32)
        cases = [
            ("sparse", labels, 0.0),
            ("categorical", one_hot(labels, cols).astype(np.float32), 0.0),
            ("binary", hard, 0.5),
            ("binary", hard, 0.0),
        ]
        for kind, target, threshold in cases:
            check(
                "accuracy",
                lambda o, i, kind=kind, t=threshold: _core.accuracy(o.correct, i.x, i.target, kind, t),
                {"x": x, "target": target},
                {"correct": (rows,)},
                {"correct": reference.forward(x, target, kind, threshold)},
            )


@pytest.mark.parametrize("rows", [1, 33, 300, 5000])
@pytest.mark.parametrize("weighted", [False, True])
def test_accumulate_adds_in_row_order(rows, weighted):
    rng = np.random.default_rng(rows)
    values, totals = normal(rng, rows), np.array([1.25, 7.0])
    weight = np.abs(normal(rng, rows)) if weighted else None
    expected = accumulate.forward(totals, values, weight)
    results = on_every_target(
        lambda o, i: _core.accumulate(o.totals, i.values, i.weight),
        {"values": values, "weight": weight},
        {"totals": totals},
    )
    for target, result in results.items():
        np.testing.assert_allclose(result["totals"], expected, rtol=1e-12, err_msg=target)
