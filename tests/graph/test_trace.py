"""Tracing: what becomes of a call, and which mistakes it names."""

import threading

import numpy as np
import pytest

from densor import ops
from densor.graph import Node, Tensor, trace
from tests.graph.build import traced, variable


def test_a_trace_records_nodes_in_the_order_they_can_run():
    w = variable("w", 3, 2)
    graph = traced(lambda x: ops.relu(ops.dense(x, w)), 3)
    assert [node.stem for node in graph.nodes] == ["dense", "activation"]
    assert graph.variables == (w,)
    assert graph.outputs[0].shape == (None, 2)


def test_variables_are_listed_once_in_the_order_of_first_use():
    w, b = variable("w", 3, 3), variable("b", 3)
    graph = traced(lambda x: ops.dense(ops.dense(x, w, b), w, b), 3)
    assert graph.variables == (w, b)


def test_several_inputs_and_outputs():
    graph = trace(
        lambda xs: [ops.add(*xs), ops.relu(xs[0])], [Tensor((None, 2)), Tensor((None, 2))], training=False
    )
    assert len(graph.inputs) == len(graph.outputs) == 2


def test_the_function_must_return_symbolic_tensors():
    with pytest.raises(TypeError, match=r"must return symbolic tensors made by densor\.ops, got ndarray"):
        traced(lambda x: np.zeros(3), 3)


def test_tensors_of_another_graph_are_refused():
    outside = Tensor((None, 3))
    with pytest.raises(ValueError, match="does not belong to the traced call"):
        traced(lambda x: x + outside, 3)
    with pytest.raises(ValueError, match="does not belong to the traced call"):
        traced(lambda x: outside, 3)


def test_an_error_inside_leaves_no_trace_behind():
    with pytest.raises(ZeroDivisionError):
        traced(lambda x: 1 / 0, 3)
    assert traced(lambda x: ops.relu(x), 3).nodes[0].stem == "activation"


def test_nodes_of_another_thread_are_not_recorded():
    def elsewhere():
        ops.relu(Tensor((None, 3)))

    def function(x):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return ops.relu(x)

    assert len(traced(function, 3).nodes) == 1


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda x: np.asarray(x), "symbolic and has no values"),
        (lambda x: ops.relu(x) if x else x, "control flow"),
        (lambda x: list(x), "iterated"),
        (lambda x: np.ones((4, 3), np.float32) + x, "cannot be broadcast"),
        (lambda x: x + "1", "expected a tensor, a variable, numbers or an array, got str"),
    ],
)
def test_a_symbolic_tensor_explains_what_it_is_not(use, message):
    with pytest.raises((TypeError, ValueError), match=message):
        traced(use, 3)


def test_sums_with_numbers():
    graph = traced(lambda x: 1.0 + (x + 2), 3)
    assert [node.rescaling() for node in graph.nodes] == [(1.0, 2.0), (1.0, 1.0)]


def test_a_node_without_backward_says_so():
    class Half(Node):
        stem = "half"

    with pytest.raises(NotImplementedError, match="Half does not implement backward"):
        Half([Tensor((None, 1))], (None, 1)).backward(None)
