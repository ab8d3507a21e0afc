"""Placement of buffers: nobody overlaps, memory is reused, and everything is aligned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densor import _core, ops
from densor.graph import Arena, Feeds, lower_graph
from densor.graph.arena import aligned_bytes
from densor.graph.buffers import Buffer, View, place
from tests.graph.build import MSE, ending, traced, variable

lives = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 8), st.integers(0, 1000)), min_size=1, max_size=40
)


@given(lives, st.integers(0, 3))
def test_buffers_that_are_alive_together_do_not_overlap(drawn, ahead):
    buffers = [Buffer(str(i), size, first, first + length) for i, (first, length, size) in enumerate(drawn)]
    total = place(buffers, ahead)
    for buffer in buffers:
        assert buffer.offset >= 0
        assert buffer.offset % 64 == 0
        assert buffer.offset + buffer.nbytes <= total
    for a in buffers:
        for b in buffers:
            apart = a.last + ahead < b.first or b.last + ahead < a.first
            clear = a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset
            empty = 0 in (a.nbytes, b.nbytes)
            assert a is b or apart or clear or empty, (a, b)


def test_memory_is_reused_first_fit():
    a, b, c = Buffer("a", 100, 0, 1), Buffer("b", 64, 1, 2), Buffer("c", 60, 2, 3)
    assert place([a, b, c]) == 128 + 64
    assert (a.offset, b.offset, c.offset) == (0, 128, 0)


def test_neighbours_that_are_free_become_one():
    a, b, c = Buffer("a", 64, 0, 0), Buffer("b", 64, 0, 1), Buffer("c", 128, 2, 2)
    assert place([a, b, c]) == 128
    assert c.offset == 0


def test_workers_that_run_ahead_delay_reuse():
    a, b = Buffer("a", 64, 0, 1), Buffer("b", 64, 3, 4)
    assert place([a, b], ahead=1) == 64
    assert place([a, b], ahead=2) == 128


def test_a_deep_model_needs_two_activations_for_inference():
    weights = [variable(f"w{i}", 64, 64) for i in range(40)]

    def model(x):
        for weight in weights:
            x = ops.dense(x, weight, activation="relu")
        return x

    lowering = lower_graph(traced(model, 64), 32, feeds=Feeds(), scatter=True)
    one = 32 * 64 * 4
    assert lowering.place() <= 6 * one, "activations of dead layers must be reused"
    training = lower_graph(
        traced(model, 64), 32, feeds=Feeds(), totals=np.zeros((2, 2)), heads=ending(MSE, target_columns=64),
        arena=Arena(weights),
    )  # fmt: skip
    assert training.place() >= 40 * one, "training keeps every activation"


def test_a_program_leaves_memory_alone_while_workers_may_still_use_it():
    w = variable("w", 8, 8)

    def model(x):
        for _ in range(12):
            x = ops.dense(x, w, activation="tanh")
        return x

    lowering = lower_graph(
        traced(model, 8),
        4,
        feeds=Feeds(),
        totals=np.zeros((2, 2)),
        heads=ending(MSE, target_columns=8),
        arena=Arena([w]),
    )
    lowering.place()
    buffers = {view.buffer for instruction in lowering.instructions for view in instruction.views()}
    reused = 0
    for a in buffers:
        for b in buffers:
            if a is not b and a.offset < b.offset + b.nbytes and b.offset < a.offset + a.nbytes:
                reused += 1
                apart = max(b.first - a.last, a.first - b.last)
                assert apart > _core.Program.unfenced, (a, b)
    assert reused, "the model was meant to reuse memory"


def test_ten_thousand_layers_are_placed_quickly():
    w = variable("w", 1, 1)

    def model(x):
        for _ in range(10_000):
            x = ops.dense(x, w)
        return x

    lowering = lower_graph(
        traced(model, 1), 2, feeds=Feeds(), totals=np.zeros((2, 2)), heads=ending(MSE), arena=Arena([w])
    )
    assert lowering.place() >= 10_000 * 64


def test_views_see_their_buffer():
    view = View.new("v", (2, 3), np.int32)
    view.buffer.mention(0)
    memory = aligned_bytes(place([view.buffer]))
    view.bind(memory)[...] = 7
    assert memory[:24].view(np.int32).tolist() == [7] * 6
    assert view.reshape(6).bind(memory).shape == (6,)
    with pytest.raises(AssertionError):
        view.reshape(5)


@pytest.mark.parametrize("size", [1, 63, 64, 100_000])
def test_aligned_bytes(size):
    memory = aligned_bytes(size)
    assert memory.nbytes == size
    assert memory.ctypes.data % 64 == 0
    assert not memory.any()
