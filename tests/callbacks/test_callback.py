"""The base class and the list: order, History, batch hooks, exceptions."""

import pytest

from densor.callbacks import Callback, CallbackList, EarlyStopping, History, LambdaCallback, ModelCheckpoint
from densor.callbacks.callback import HOOKS
from tests.callbacks.stand_in import StandIn, replay


class Recorder(Callback):
    """Writes every call down; like many in the wild, without calling the constructor of the base."""

    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def on_train_begin(self, logs=None):
        self.calls.append((self.name, "train_begin"))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append((self.name, "epoch_end", epoch, dict(logs)))

    def on_train_end(self, logs=None):
        self.calls.append((self.name, "train_end"))


def test_the_base_class_needs_no_constructor():
    class Bare(Callback):
        def __init__(self):
            pass

    callback, model = Bare(), StandIn()
    assert callback.model is None
    assert callback.params is None
    replay(CallbackList([callback]), [{"loss": 1.0}], model=model, batches=1)
    assert callback.model is model
    assert callback.params["epochs"] == 1


def test_callbacks_are_called_in_order():
    calls = []
    replay(CallbackList([Recorder("a", calls), Recorder("b", calls)]), [{"loss": 1.0}])
    assert [call[:2] for call in calls] == [
        (name, hook) for hook in ("train_begin", "epoch_end", "train_end") for name in ("a", "b")
    ]


def test_hooks_that_have_no_logs_get_an_empty_dict():
    seen = []
    every = CallbackList(LambdaCallback(on_train_begin=seen.append, on_train_end=seen.append))
    every.on_train_begin()
    every.on_train_end()
    assert seen == [{}, {}]


def test_what_a_callback_adds_to_the_logs_reaches_history():
    adds = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch * 2))
    for callbacks in ([adds], [History(), adds], [adds, History()]):
        every = CallbackList(callbacks, add_history=True)
        replay(every, [{"loss": 1.0}, {"loss": 0.5}])
        assert every.history.history == {"loss": [1.0, 0.5], "extra": [0, 2]}


def test_history_counts_epochs_as_they_are_numbered():
    every = CallbackList(add_history=True)
    replay(every, [{"loss": 1.0}] * 2, first_epoch=2)
    assert every.history.epoch == [2, 3]


def test_a_history_that_is_given_is_used():
    mine = History()
    assert CallbackList([mine], add_history=True).history is mine
    assert CallbackList([]).history is None


@pytest.mark.parametrize("given", [None, [], ()])
def test_no_callbacks(given):
    assert CallbackList(given).callbacks == []


def test_nested_lists_single_callbacks_and_lists_of_lists():
    a, b, c = Callback(), Callback(), Callback()
    assert CallbackList(a).callbacks == [a]
    assert CallbackList([a, [b, (c,)]]).callbacks == [a, b, c]
    assert CallbackList(CallbackList([a, b])).callbacks == [a, b]
    every = CallbackList([a], add_history=True)
    every.append(b)
    assert every.callbacks == [a, b, every.history]


@pytest.mark.parametrize("wrong", [3, "print", [3], ["print"], [Callback], [None], {"a": 1}])
def test_things_that_are_no_callbacks(wrong):
    with pytest.raises(TypeError, match=r"^CallbackList\(\): argument 'callbacks': "):
        CallbackList(wrong)


def test_a_class_in_place_of_an_instance_gets_a_hint():
    with pytest.raises(TypeError, match="make an instance of it"):
        CallbackList([EarlyStopping])


BATCH_HOOKS = {
    "needs_batches": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "needs_test_batches": ("on_test_batch_begin", "on_test_batch_end"),
    "needs_predict_batches": ("on_predict_batch_begin", "on_predict_batch_end"),
}


@pytest.mark.parametrize("hook", HOOKS)
def test_batches_are_needed_only_where_a_hook_is_overridden(hook):
    by_class = type("Mine", (Callback,), {hook: lambda self, *args, **options: None})()
    by_attribute = LambdaCallback(**{hook: lambda *args: None})
    for callback in (by_class, by_attribute):
        every = CallbackList([Callback(), callback], add_history=True)
        for need, hooks in BATCH_HOOKS.items():
            assert getattr(every, need) is (hook in hooks), (need, hook)


def test_callbacks_of_epochs_need_no_batches(tmp_path):
    assert not CallbackList(
        [EarlyStopping(), ModelCheckpoint(tmp_path / "m")], add_history=True
    ).needs_batches
    assert CallbackList([ModelCheckpoint(tmp_path / "m", save_freq=3)]).needs_batches


def test_both_names_of_the_batch_hooks_are_called():
    calls = []
    hooks = ("on_train_batch_begin", "on_batch_begin", "on_train_batch_end", "on_batch_end")
    callback = LambdaCallback(
        **{hook: lambda batch, logs, hook=hook: calls.append((hook, batch)) for hook in hooks}
    )
    replay(CallbackList([callback]), [{"loss": 1.0}], batches=2)
    assert calls == [(hook, batch) for batch in range(2) for hook in hooks]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_reaches_every_callback(hook):
    calls = []
    every = CallbackList([LambdaCallback(**{hook: lambda *args: calls.append(args)}) for _ in range(2)])
    arguments = (
        ({"loss": 1.0},)
        if hook.endswith(
            ("train_begin", "train_end", "test_begin", "test_end", "predict_begin", "predict_end")
        )
        else (3, {"loss": 1.0})
    )
    if hook in ("on_batch_begin", "on_batch_end"):
        hook = hook.replace("on_", "on_train_")
    getattr(every, hook)(*arguments)
    assert calls == [arguments, arguments]


class Trouble(BaseException):
    pass


ERRORS = [ValueError, StopIteration, SystemExit, KeyboardInterrupt, MemoryError, Trouble]
RAISING = ["on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end"]


@pytest.mark.parametrize("hook", RAISING)
@pytest.mark.parametrize("error", ERRORS)
def test_an_exception_leaves_as_it_is_and_the_others_are_ended(hook, error):
    calls, raised = [], error("stop")

    def fail(*args):
        raise raised

    failing = LambdaCallback(**{hook: fail}, on_train_end=lambda logs: calls.append("failing"))
    others = [LambdaCallback(on_train_end=lambda logs, n=n: calls.append(n)) for n in range(2)]
    every = CallbackList([others[0], failing, others[1]])
    with pytest.raises(error) as caught:
        replay(every, [{"loss": 1.0}], batches=1)
    assert caught.value is raised
    assert any(entry.name == "fail" for entry in caught.traceback)
    every.on_train_end({})
    assert calls == [0, 1]


@pytest.mark.parametrize("error", ERRORS)
def test_an_exception_at_the_end_does_not_keep_the_others_from_ending(error):
    calls, raised = [], error("stop")

    def fail(logs):
        raise raised

    every = CallbackList([LambdaCallback(on_train_end=fail), LambdaCallback(on_train_end=calls.append)])
    with pytest.raises(error) as caught:
        every.on_train_end({"loss": 1.0})
    assert caught.value is raised
    assert calls == [{"loss": 1.0}]


def test_a_callback_that_raised_takes_part_in_the_next_training():
    calls, failures = [], [RuntimeError("once")]

    def epoch_end(epoch, logs):
        if failures:
            raise failures.pop()

    every = CallbackList(
        [LambdaCallback(on_epoch_end=epoch_end, on_train_end=lambda logs: calls.append("end"))]
    )
    with pytest.raises(RuntimeError, match="once"):
        replay(every, [{"loss": 1.0}])
    every.on_train_end({})
    assert calls == []
    replay(every, [{"loss": 1.0}])
    assert calls == ["end"]


def test_lambda_callback_arguments():
    with pytest.raises(
        TypeError, match=r"^LambdaCallback\(\): argument 'on_epoch_ends': .*'on_epoch_end'\?$"
    ):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(
        TypeError, match=r"^LambdaCallback\(\): argument 'on_epoch_end': must be a function, got 3"
    ):
        LambdaCallback(on_epoch_end=3)
