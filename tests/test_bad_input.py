"""Every wrong call of tests/bad_input through the one harness."""

import pytest

from tests.bad_input import arrays, augmentation, construction, files, harness, operations, options, recipes

CASES = [
    *arrays.CASES,
    *options.CASES,
    *construction.CASES,
    *operations.CASES,
    *augmentation.CASES,
    *recipes.CASES,
    *files.CASES,
]


@pytest.fixture(scope="module")
def untouched():
    return harness.next_call(harness.World())


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_refused_and_nothing_changed(case, untouched):
    harness.check(case, untouched)


def test_the_harness_sees_a_change():
    """The state covers weights, optimizer and random numbers: changing any of them shows."""
    import densor

    for change in (
        lambda w: w.fit_once(),
        lambda w: w.model.set_weights([a + 1 for a in w.model.get_weights()]),
        lambda w: densor.random.next_seed(),
        lambda w: setattr(w.model.optimizer, "learning_rate", 0.5),
        lambda w: w.model.optimizer._state.slots[1].fill(0.5),
    ):
        world = harness.World()
        before = world.state()
        change(world)
        assert world.state() != before


def test_there_are_enough_cases():
    ids = [case.id for case in CASES]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 300
