"""Lowering for Monte Carlo dropout: what its programs say of themselves."""

import pytest

from densor import ops
from densor.graph import Tensor
from densor.graph.program import Feeds
from densor.graph.sampling import lower_samples
from densor.graph.trace import trace


@pytest.mark.parametrize(
    ("function", "apart"),
    [(lambda x: ops.dropout(x, 0.5), True), (lambda x: ops.dropout(x, 0.5) * ops.sum(x), False)],
    ids=["rows for themselves", "a sum over the batch"],
)
def test_rows_that_depend_on_others_cannot_be_left_out(function, apart):
    graph = trace(function, [Tensor((None, 4))], training=False, sampling=True)
    assert lower_samples(graph, 3, 2, Feeds(1, 3), None).masks_rows is apart
