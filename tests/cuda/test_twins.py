"""Device memory beside host memory: what travels when, and that nothing else is shared."""

import gc

import numpy as np
import pytest

from densor.graph import Twins, Variable, copied_to_device, room_on_device
from densor.graph import twins as module
from tests.cuda.models import needs_device
from tests.ops.harness import _core

pytestmark = needs_device


def fetched(array, like):
    """The values of an array on the device."""
    result = np.empty_like(like)
    array.download(result)
    return result


def test_a_block_and_its_parts():
    host = np.arange(24, dtype=np.float32).reshape(4, 6)
    block = _core.DeviceArray(host.nbytes)
    whole, row = block.part(0, host), block.part(24, host[1])
    whole.upload(host)
    assert whole.shape == (4, 6)
    np.testing.assert_array_equal(fetched(row, host[1]), host[1])
    interface = whole.__cuda_array_interface__
    assert interface["shape"] == (4, 6)
    assert interface["typestr"] == "<f4"
    assert interface["data"] != host.__array_interface__["data"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda block, host: block.part(4, host), "needs 96 bytes, but 92 are left"),
        (lambda block, host: block.part(0, host[::-1]), "negative stride"),
        (lambda block, host: block.part(0, host).upload(host[:2]), "expected 96 bytes, got 48"),
        (lambda block, host: block.part(0, host).upload(host.T), "only C-contiguous"),
        (
            lambda block, host: block.part(0, host).download(np.broadcast_to(host[:1, :1], (4, 6))),
            "C-contiguous",
        ),
    ],
)
def test_bad_parts_and_copies(call, message):
    host = np.zeros((4, 6), np.float32)
    with pytest.raises(ValueError, match=message):
        call(_core.DeviceArray(host.nbytes), host)


def test_copies_keep_dtype_and_values():
    for array in (
        np.arange(12, dtype=np.uint8).reshape(3, 4)[:, ::2],
        np.arange(6.0)[::-1],
        np.zeros((0, 3)),
    ):
        copy = copied_to_device(array)
        assert copy.shape == array.shape
        np.testing.assert_array_equal(fetched(copy, np.ascontiguousarray(array)), array)


def test_what_is_sent_follows_the_host_and_what_is_written_comes_back():
    base = np.zeros((4, 2), np.float32)
    a, y = base[:2], np.zeros((2, 2), np.float32)
    twins = Twins()
    twins.send([a])
    twins.send([y], fetched=True)
    assert base[2:] in twins
    assert np.zeros(4) not in twins
    step = _core.add(twins.view(y, written=False), twins.view(a, written=False), twins.view(a, written=False))
    assert step.device == "cuda"
    a[...] = 3.0
    step.run()
    assert not y.any()
    with twins.run():
        a[...] = 5.0  # too late for this run
        step.run()
        assert not y.any()
    np.testing.assert_array_equal(y, np.full((2, 2), 6.0))
    np.testing.assert_array_equal(a, np.full((2, 2), 5.0))


def test_what_programs_write_comes_back_though_a_run_fails():
    y, a = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    twins = Twins()
    twins.send([y, a])
    step = _core.add(twins.view(y, written=True), twins.view(a, written=False), twins.view(a, written=False))

    def interrupted():
        with twins.run():
            step.run()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    np.testing.assert_array_equal(y, np.full((2, 2), 2.0))


def test_only_the_memory_of_programs_that_live_is_held():
    twins, memories = Twins(), [np.zeros(size, np.uint8) for size in (64, 128)]
    for memory in memories:
        twins.work_in(memory)
        assert memory in twins
        array = twins.view(memory[:16], written=True)
    assert memories[0] not in twins
    assert [id(memory) in module._twins for memory in memories] == [False, True]
    with twins.run():
        array.upload(np.ones(16, np.uint8))
    assert not memories[1].any()


def test_working_memory_does_not_travel():
    scratch, filled, kept = np.ones(4, np.float32), np.ones(4, np.float32), np.ones(4, np.float32)
    twins = Twins()
    twins.keep(scratch)
    twins.keep(filled, filled=True)
    twins.keep(kept, fetched=True)
    for array in (scratch, filled, kept):
        array[...] = 2.0
    with twins.run():
        twins.view(kept, written=False).upload(np.full(4, 7.0, np.float32))
    np.testing.assert_array_equal(scratch, np.full(4, 2.0))
    np.testing.assert_array_equal(fetched(twins.view(filled, written=False), filled), np.ones(4))
    np.testing.assert_array_equal(kept, np.full(4, 7.0))


def test_programs_share_the_twin_of_a_block_and_it_goes_with_them():
    host = np.zeros(4, np.float32)

    def pointer(twins):
        twins.send([host])
        return twins.view(host, written=False).__cuda_array_interface__["data"][0]

    first, second = Twins(), Twins()
    assert pointer(first) == pointer(second)
    references = len(gc.get_referrers(host))
    del first, second
    gc.collect()
    assert len(gc.get_referrers(host)) < references


def test_room_for_results():
    out = np.empty((2, 3), np.float32)
    room = room_on_device(out)
    assert room.shape == (2, 3)
    room.upload(np.ones((2, 3), np.float32))
    room.download(out)
    np.testing.assert_array_equal(out, np.ones((2, 3)))


def test_programs_may_leave_the_host_behind_until_somebody_looks():
    variable, a = Variable(np.zeros((2, 2))), np.ones((2, 2), np.float32)
    twins, others = Twins(), Twins()
    twins.send([variable.array, a])
    others.send([variable.array])
    y = twins.view(variable.array, written=True)
    step = _core.add(y, y, twins.view(a, written=False))
    for _ in range(3):  # what the host does not have yet is not overwritten with what it has
        with twins.run(settled=False):
            step.run()
    with others.run():
        pass
    np.testing.assert_array_equal(variable.numpy(), np.full((2, 2), 3.0))
    variable.assign(np.full((2, 2), 10.0))
    with twins.run(settled=False):
        step.run()
    np.testing.assert_array_equal(variable.numpy(), np.full((2, 2), 11.0))


def test_a_device_that_fails_leaves_what_the_host_has():
    variable, a = Variable(np.zeros((2, 2))), np.ones((2, 2), np.float32)
    twins = Twins()
    twins.send([variable.array, a])
    y = twins.view(variable.array, written=True)
    with twins.run(settled=False):
        _core.add(y, y, twins.view(a, written=False)).run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._Twin, "download", lambda twin: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            variable.numpy()
    np.testing.assert_array_equal(variable.numpy(), np.zeros((2, 2)))


def test_constants_do_not_come_back():
    array = np.zeros((2, 2), np.float32)
    twins = Twins()
    twins.send([array], constant=True)
    with twins.run():
        twins.view(array, written=True).upload(np.ones((2, 2), np.float32))
    assert not array.any()
