"""The arena: layout, views, and who lives where."""

import numpy as np

from densor.graph import Arena, Variable


def make():
    return Variable(np.arange(6.0).reshape(2, 3), "w"), Variable(np.full(17, 2.0), "b"), Variable(3.0, "s")


def test_variables_move_in_with_their_values():
    w, b, s = variables = make()
    arena = Arena(variables, [])
    assert arena.segments.tolist() == [[0, 6], [16, 17], [48, 1]]
    assert arena.segments.dtype == np.int64
    for variable, value in ((w, [[0, 1, 2], [3, 4, 5]]), (b, [2] * 17), (s, 3)):
        assert variable.array.tolist() == value
        assert np.shares_memory(variable.array, arena.parameters)
    assert arena.parameters[6:16].tolist() == [0] * 10, "gaps are zero"
    w.assign(np.ones((2, 3)))
    assert arena.parameters[:7].tolist() == [1] * 6 + [0]


def test_every_array_is_flat_and_aligned():
    arena = Arena(make(), [0.0, 0.1])
    for array in (arena.parameters, arena.gradients, *arena.slots):
        assert array.shape == (64,)
        assert array.dtype == np.float32
        assert array.ctypes.data % 64 == 0


def test_slots_start_at_their_value_and_gaps_at_zero():
    w, b, s = make()
    arena = Arena([w, b, s], [0.0, 0.5])
    assert arena.slot(0, b).tolist() == [0.0] * 17
    assert arena.slot(1, w).tolist() == [[0.5] * 3] * 2
    assert arena.slots[1][6:16].tolist() == [0] * 10


def test_gradients_are_views():
    w, b, _ = variables = make()
    arena = Arena(variables, [])
    arena.gradient(b)[...] = 4
    assert arena.gradients[16:33].tolist() == [4.0] * 17
    assert arena.gradient(w).shape == (2, 3)


def test_holds_until_another_arena_takes_one_away():
    w, b, s = make()
    first = Arena([w, b], [])
    assert first.holds([w])
    assert first.holds([])
    assert not first.holds([s])
    assert w in first
    assert s not in first
    second = Arena([b, s], [])
    assert not first.holds([w, b])
    assert first.holds([w])
    assert second.holds([b, s])
    assert b.array.tolist() == [2.0] * 17, "values survive the move"


def test_a_variable_given_twice_is_laid_out_once():
    w, _, _ = make()
    assert Arena([w, w], []).segments.tolist() == [[0, 6]]


def test_an_arena_may_be_empty():
    arena = Arena([], [0.0])
    assert arena.parameters.shape == (0,)
    assert arena.segments.shape == (0, 2)


def test_refresh_takes_over_multipliers_and_masks():
    kernel, bias = Variable(np.ones((3, 7)), "kernel"), Variable(np.ones(5), "bias")
    arena = Arena([kernel, bias])
    arena.refresh()
    assert arena.mask is None
    np.testing.assert_array_equal(arena.multipliers, [1.0, 1.0])
    kept = np.arange(21).reshape(3, 7) % 3 > 0
    kernel.mask, bias.learning_rate_multiplier = kept, 0.5
    arena.refresh()
    np.testing.assert_array_equal(arena.multipliers, [1.0, 0.5])
    words, same = arena.mask.copy(), arena.mask
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    np.testing.assert_array_equal(bits[:21], kept.ravel())
    assert bits[32:37].all()
    bias.mask = np.zeros(5, bool)
    arena.refresh()
    assert arena.mask is same, "a program that reads the mask sees the new one"
    kernel.mask = bias.mask = None
    arena.refresh()
    assert arena.mask is None
