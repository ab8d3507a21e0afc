"""`densor.ops` on the stream on which the caller works: who waits for whom, and that the host waits for nobody."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import densor
from densor import ops
from tests.cuda.models import classifier, data
from tests.cuda.test_arrays import on_device
from tests.cuda.test_interop import Foreign, normal, there
from tests.cuda.test_ops import OURS, OnlyDlpack
from tests.ops.harness import _core

pytestmark = on_device
X, W, B = normal(5, 8), normal(8, 3, seed=1), normal(3, seed=2)
SIDE, OTHER = 140000, 150000


@pytest.fixture(autouse=True)
def device():
    """An emulated device whose memory is not that of NumPy arrays; nothing has happened on it."""
    _core.emulate_device("ascending", False)
    _core.emulated_order()
    yield
    _core.emulate_device("off")


class Tensor(Foreign):
    """As PyTorch has them: an interface that names no stream."""

    def __init__(self, array):
        super().__init__(array, version=2)


class OldTensor(Tensor):
    """Of a library that nobody knows: DLPack lets the consumer's stream wait."""

    def __init__(self, array):
        super().__init__(array)
        self.streams = []

    def __dlpack__(self, *, stream):
        self.streams.append(stream)


@pytest.fixture
def torch(monkeypatch):
    """What is asked of PyTorch; `current` is the stream, `begun` whether it uses a GPU."""
    fake = ModuleType("torch")
    fake.current, fake.begun, fake.Tensor = SIDE, True, Tensor
    fake.cuda = SimpleNamespace(
        is_initialized=lambda: fake.begun,
        current_stream=lambda device: SimpleNamespace(cuda_stream=fake.current),
    )
    monkeypatch.setitem(sys.modules, "torch", fake)
    return fake


@pytest.fixture
def cupy(monkeypatch):
    """The same of CuPy."""
    fake = ModuleType("cupy")
    fake.current, fake.ndarray = OTHER, Foreign
    fake.cuda = SimpleNamespace(get_current_stream=lambda device: SimpleNamespace(ptr=fake.current))
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


@pytest.fixture
def no_library(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)


def order_of(call):
    """What a call makes the device and the host do, kernels that follow one another as one."""
    _core.emulated_order()
    result = call()
    happened = _core.emulated_order()
    return result, [
        step for i, step in enumerate(happened) if step != "launch" or happened[i - 1 : i] != ["launch"]
    ]


CALLS = {
    "relu": lambda wrap: ops.relu(wrap(X)),
    "a formula, whose code is a table": lambda wrap: ops.exp(wrap(X)),
    "noise": lambda wrap: ops.dropout_forward(wrap(X), 0.5, seed=1)[0],
    "several arrays": lambda wrap: ops.dense(wrap(X), wrap(W), wrap(B)),
    "loss per row": lambda wrap: ops.softmax(wrap(X)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_stream_that_an_array_names_comes_before_and_after(call):
    arrays = []

    def wrap(array):
        arrays.append(array)
        return Foreign(array, stream=SIDE)

    result, order = order_of(lambda: call(wrap))
    assert order == [*[("follow", SIDE)] * len(arrays), "launch", ("let wait", SIDE)]
    np.testing.assert_allclose(result.numpy(), call(lambda array: there(array)).numpy())


def test_every_stream_of_a_call_is_waited_for_and_waits():
    _, order = order_of(lambda: ops.add(Foreign(X, stream=2), Foreign(X, stream=1)))
    assert order == [("follow", 2), ("follow", 1), "launch", ("let wait", 1), ("let wait", 2)]


@pytest.mark.usefixtures("cupy")
def test_tensors_of_pytorch_are_used_on_its_current_stream(torch):
    _, order = order_of(lambda: ops.relu(Tensor(X)))
    assert order == [("follow", SIDE), "launch", ("let wait", SIDE)]
    torch.current = 0  # what PyTorch calls the legacy default stream
    assert order_of(lambda: ops.relu(Tensor(X)))[1] == [("follow", 1), "launch", ("let wait", 1)]


def test_arrays_of_cupy_that_name_no_stream(cupy):
    _, order = order_of(lambda: ops.relu(Foreign(X, version=2)))
    assert order == [("follow", OTHER), "launch", ("let wait", OTHER)]


@pytest.mark.usefixtures("no_library")
def test_where_nobody_says_which_stream_the_host_waits():
    tensor = OldTensor(X)
    assert order_of(lambda: ops.relu(tensor))[1] == ["launch", "host"]
    assert tensor.streams == [OURS]
    assert order_of(lambda: ops.relu(Foreign(X, stream=None)))[1] == ["launch", "host"]
    assert order_of(lambda: ops.relu(OnlyDlpack(X)))[1][-2:] == ["launch", "host"]
    assert {"torch", "cupy"}.isdisjoint(sys.modules), "they are looked up, never imported"


def test_stream_0_is_ambiguous():
    with pytest.raises(ValueError, match=r"relu\(\): argument 'x': .*stream 0"):
        ops.relu(Foreign(X, stream=0))


def test_a_stream_that_is_being_captured_is_refused():
    _core.emulate_device("ascending", False, capturing=SIDE)
    with pytest.raises(ValueError, match=r"relu\(\): argument 'x': .*captured in a graph.*before or after"):
        ops.relu(Foreign(X, stream=SIDE))
    assert _core.emulated_order() == []
    ops.relu(Foreign(X, stream=OTHER))


@pytest.mark.usefixtures("no_library")
def test_results_wait_for_nobody_until_they_are_handed_out():
    y = ops.relu(Foreign(X, stream=SIDE))
    z, order = order_of(lambda: ops.softmax(y))
    assert order == ["launch"]
    assert order_of(lambda: z.__dlpack__(stream=OTHER))[1] == [("let wait", OTHER)]
    assert order_of(z.__dlpack__)[1] == [("let wait", 1)]
    assert order_of(lambda: z.__dlpack__(stream=-1))[1] == []
    interface, order = order_of(lambda: z.__cuda_array_interface__)
    assert (interface["version"], interface["stream"], order) == (3, OURS, [])
    assert order_of(z.numpy)[1] == ["host"]


def test_whoever_looks_at_the_interface_goes_on_behind_the_result(torch, cupy):
    """PyTorch does not read the stream there, and CuPy's host would wait for it."""
    y = ops.relu(there(X))
    assert order_of(lambda: y.__cuda_array_interface__)[1] == [("let wait", OTHER), ("let wait", SIDE)]
    torch.begun = False
    assert order_of(lambda: y.__cuda_array_interface__)[1] == [("let wait", OTHER)]
    torch.begun, cupy.current = True, SIDE
    assert order_of(lambda: y.__cuda_array_interface__)[1] == [("let wait", SIDE)]


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("borrow", [lambda a: a.__cuda_array_interface__, lambda a: a.__dlpack__()])
def test_memory_that_others_borrowed_may_have_been_changed_on_their_stream(borrow):
    y = ops.relu(there(X))
    assert order_of(lambda: ops.exp(y))[1] == ["launch"]
    borrow(y)
    assert order_of(lambda: ops.exp(y))[1] == [("follow", SIDE), "launch", ("let wait", SIDE)]
    assert order_of(y.numpy)[1] == [("follow", SIDE), "host"]


@pytest.mark.parametrize("borrow", [lambda a: a.__cuda_array_interface__, lambda a: a.__dlpack__()])
def test_memory_that_others_borrowed_is_not_reused_before_all_streams_are_done(borrow):
    def borrowed():
        mine = there(normal(2, 3))
        address = mine.__cuda_array_interface__["data"][0]
        part = mine.reshape(6)
        borrow(part)
        return address

    while "everyone" not in order_of(borrowed)[1]:  # what other tests have left
        pass
    used, order = order_of(lambda: [borrowed() for _ in range(200)])
    assert "everyone" not in order
    assert len(set(used)) == len(used), "nobody gets it again"
    assert order_of(lambda: [borrowed() for _ in range(200)])[1].count("everyone") == 1, "once for many"
    assert "everyone" not in order_of(lambda: [ops.relu(there(X)) for _ in range(300)])[1], (
        "nobody has seen these"
    )


def test_memory_that_waits_is_there_for_who_needs_it():
    _core.emulate_device("ascending", False, memory=1 << 20)
    for _ in range(40):  # of which only some ten fit side by side
        there(np.zeros(25_000, np.float32)).__dlpack__()


@pytest.mark.usefixtures("no_library")
def test_steps_in_place_let_the_owner_of_the_memory_follow():
    y = np.zeros_like(X)
    _, order = order_of(lambda: _core.add(*(Foreign(a, stream=SIDE) for a in (y, X, X))).run())
    assert order == [*[("follow", SIDE)] * 3, "launch", ("let wait", SIDE)]
    np.testing.assert_array_equal(y, 2 * X)


def test_a_batch_that_may_be_refused_is_waited_for():
    total = there(np.array([np.nan, 1.0]))
    guard = _core.refuse_nonfinite([total], there(np.zeros(4, np.float32)), np.array([[0, 4]]))
    with pytest.raises(RuntimeError, match="not finite"):
        guard.run()


@pytest.mark.parametrize(
    "wrap", [lambda array: Foreign(array, stream=SIDE), Tensor], ids=["named", "PyTorch's"]
)
def test_models_begin_behind_the_stream_of_their_data(wrap, torch):
    x, y = data(40)
    densor.utils.set_random_seed(1)
    model = classifier("cuda")
    for call in (
        lambda: model.fit(wrap(x), wrap(y), batch_size=16, verbose=0),
        lambda: model.predict(wrap(x), verbose=0),
        lambda: model.evaluate(wrap(x), wrap(y), verbose=0),
    ):
        order = order_of(call)[1]
        assert ("follow", SIDE) in order[: order.index("launch")]


@pytest.mark.usefixtures("torch")
def test_models_begin_behind_who_borrowed_an_array_of_ours():
    x, _ = data(40)
    model = classifier("cuda")
    mine = there(x)
    mine.__dlpack__(stream=SIDE)
    order = order_of(lambda: model.predict(mine, verbose=0))[1]
    assert ("follow", SIDE) in order[: order.index("launch")]


@pytest.mark.usefixtures("no_library")
def test_arrays_that_lie_on_memory_of_others_follow_it_at_every_use():
    same = ops.convert_to_tensor(Foreign(X, stream=SIDE))
    assert order_of(lambda: ops.relu(same))[1] == [("follow", SIDE), "launch", ("let wait", SIDE)]
    assert order_of(same.numpy)[1] == [("follow", SIDE), "host"]


@pytest.mark.usefixtures("no_library")
def test_a_producer_of_dlpack_lets_our_stream_wait_at_every_use():
    foreign = OnlyDlpack(X)
    same = _core.DeviceArray.wrapped(foreign)
    assert foreign.streams == [OURS]
    assert order_of(lambda: ops.relu(same))[1][-2:] == ["launch", "host"]  # it cannot be told to wait for us
    assert foreign.streams == [OURS] * 2
    np.testing.assert_array_equal(same.reshape(-1).numpy(), X.reshape(-1))
    assert foreign.streams == [OURS] * 3
    same.__dlpack__(stream=SIDE)
    _ = same.__cuda_array_interface__
    assert foreign.streams == [OURS] * 5


@pytest.mark.usefixtures("torch")
def test_nothing_is_handed_out_to_a_stream_that_is_being_captured():
    y = ops.relu(there(X))
    _core.emulate_device("ascending", False, capturing=SIDE)
    with pytest.raises(ValueError, match=r"__dlpack__\(\): argument 'stream': .*captured in a graph"):
        y.__dlpack__(stream=SIDE)
    with pytest.raises(ValueError, match=r"__cuda_array_interface__\(\): argument 'stream': .*captured"):
        _ = y.__cuda_array_interface__
