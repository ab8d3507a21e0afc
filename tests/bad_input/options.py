"""Wrong options of compile, fit, evaluate, predict and calls in the wrong order."""

import numpy as np

import densor
from tests.bad_input.harness import FEATURES, Case

NUMBER = (TypeError, ValueError)
NAN = float("nan")


def fit(**options):
    return lambda w: w.model.fit(w.x, w.y, **{"verbose": 0, **options})


def _fit_cases():
    wrong = {
        "batch_size": [0, -1, 2.5, "32", True, NAN, [8]],
        "epochs": [-1, 1.5, "3", None, True],
        "initial_epoch": [-1, 0.5, "0"],
        "validation_split": [-0.1, 1.0, 1.5, NAN, "half"],
        "verbose": [9, -1, "loud"],
        "shuffle": ["yes", 3],
        "validation_freq": [0, -2, "1"],
        "validation_batch_size": [0, -3, 1.5],
        "steps_per_epoch": [0, -1, 2.5, "3", True],
        "validation_steps": [0, -2, 1.5, "all"],
        "callbacks": [3, ["print"]],
        "class_weight": [3, {0: -1.0, 1: 1.0}, {7: 1.0}, {"a": 1.0}, {0: NAN}],
    }
    for option, values in wrong.items():
        for value in values:
            text = repr(value) if isinstance(value, int | float | str) else ""
            yield Case(f"fit_{option}_{value!r}", fit(**{option: value}), NUMBER, option, text)
    both = {"sample_weight": np.ones(20, np.float32), "class_weight": {0: 1.0}}
    yield Case("fit_class_and_sample_weight", fit(**both), ValueError, None)
    unknown = r"unexpected keyword argument 'batchsize'"
    yield Case("fit_unknown_option", fit(batchsize=3), TypeError, pattern=unknown)


def _predict_cases():
    for value in (0, -1, 2.5, "32", True):
        call = lambda w, v=value: w.model.predict(w.x, batch_size=v, verbose=0)  # noqa: E731
        yield Case(f"predict_batch_size_{value!r}", call, NUMBER, "batch_size", repr(value))
        call = lambda w, v=value: w.model.evaluate(w.x, w.y, batch_size=v, verbose=0)  # noqa: E731
        yield Case(f"evaluate_batch_size_{value!r}", call, NUMBER, "batch_size", repr(value))


def compile_with(**options):
    good = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    return lambda w: w.model.compile(**{**good, **options})


COMPILE = [
    Case("compile_optimizer_name", compile_with(optimizer="adamm"), ValueError, None, "'adam'"),
    Case("compile_optimizer_kind", compile_with(optimizer=3), TypeError, None, "int"),
    Case(
        "compile_loss_name", compile_with(loss="sparse_crossentropy"), ValueError, None, "sparse_categorical"
    ),
    Case("compile_loss_kind", compile_with(loss=3), TypeError, None, "int"),
    Case("compile_metric_name", compile_with(metrics=["acuracy"]), ValueError, None, "'accuracy'"),
    Case("compile_metric_kind", compile_with(metrics=[3]), TypeError, None, "int"),
    Case("compile_metrics_kind", compile_with(metrics=3), TypeError, "metrics", "int"),
    *(
        Case(f"compile_device_{name!r}", compile_with(device=name), ValueError, "device", "'cuda:0'")
        for name in ("cuda:1", "cuda:abc", "cuda:", "cuda:00", "gpu")
    ),
    Case("compile_device_kind", compile_with(device=0), TypeError, "device", "string"),
    Case("compile_unknown", compile_with(los="mse"), TypeError, pattern="unexpected keyword argument 'los'"),
]


def dense(units, **options):
    return densor.layers.Dense(units, **options)


def fresh(*layers, loss=None):
    """A model of its own, compiled if a loss is given."""
    model = densor.Sequential([densor.Input((FEATURES,)), *layers])
    if loss is not None:
        model.compile("sgd", loss=loss)
    return model


def _uncompiled(w):
    return fresh(dense(4))


def _loss_does_not_fit_y():
    hot = np.eye(4, dtype=np.float32)
    cases = {
        "categorical_labels": ("categorical_crossentropy", 4, "softmax", lambda w: w.y),
        "categorical_columns": ("categorical_crossentropy", 4, "softmax", lambda w: hot[w.y][:, :3]),
        "categorical_negative": ("categorical_crossentropy", 4, "softmax", lambda w: -hot[w.y]),
        "binary_above_one": ("binary_crossentropy", 1, "sigmoid", lambda w: w.y + 1.0),
        "binary_negative": ("binary_crossentropy", 1, "sigmoid", lambda w: w.y - 5.0),
        "mse_columns": ("mse", 4, None, lambda w: hot[w.y][:, :3]),
        "mse_nan": ("mse", 1, None, lambda w: w.y * NAN),
        "mse_text": ("mse", 1, None, lambda w: w.y.astype(str)),
    }
    for name, (loss, units, activation, y) in cases.items():

        def prepare(w, loss=loss, units=units, activation=activation):
            return fresh(dense(units, activation=activation), loss=loss)

        def call(w, y=y):
            w.other.fit(w.x, y(w), verbose=0)

        yield Case(f"loss_{name}", call, (ValueError, TypeError), "y", prepare=prepare)


ORDER = [
    Case(
        "fit_before_compile",
        lambda w: w.other.fit(w.x, w.y),
        RuntimeError,
        pattern="compile",
        prepare=_uncompiled,
    ),
    Case(
        "evaluate_before_compile",
        lambda w: w.other.evaluate(w.x, w.y),
        RuntimeError,
        pattern="compile",
        prepare=_uncompiled,
    ),
    Case(
        "batch_before_compile",
        lambda w: w.other.train_on_batch(w.x, w.y),
        RuntimeError,
        pattern="compile",
        prepare=_uncompiled,
    ),
    Case(
        "weights_before_build",
        lambda w: densor.Sequential([dense(4)]).set_weights([w.x]),
        (RuntimeError, ValueError),
        pattern="buil",
    ),
    Case(
        "count_before_build",
        lambda w: densor.Sequential([dense(4)]).count_params(),
        (RuntimeError, ValueError),
        pattern="buil",
    ),
    Case(
        "empty_model", lambda w: densor.Sequential().predict(w.x), (RuntimeError, ValueError), pattern="layer"
    ),
    Case("add_after_nothing", lambda w: densor.Sequential().add(3), TypeError, "layer", "int"),
    Case(
        "pop_nothing",
        lambda w: densor.Sequential().pop(),
        (RuntimeError, ValueError, TypeError),
        pattern="layer",
    ),
    Case("layer_name", lambda w: w.model.get_layer("dens"), ValueError, "name", "dens"),
    Case("layer_index", lambda w: w.model.get_layer(index=99), ValueError, "index", "99"),
    Case("layer_nothing", lambda w: w.model.get_layer(), ValueError, pattern="name"),
]


def _lr_find_cases():
    wrong = {
        "start_lr": [0.0, -1.0, NAN, "a"],
        "end_lr": [0.0, 1e-9, "a"],
        "steps": [0, 1, 2.5, "a"],
        "smoothing": [-0.1, 1.0, NAN],
        "divergence": [1.0, NAN],
        "batch_size": [0, 2.5],
    }
    for option, values in wrong.items():
        for value in values:
            call = lambda w, o=option, v=value: w.model.lr_find(w.x, w.y, **{o: v})  # noqa: E731
            yield Case(f"lr_find_{option}_{value!r}", call, NUMBER, option)


CASES = [*_lr_find_cases(), *_fit_cases(), *_predict_cases(), *COMPILE, *_loss_does_not_fit_y(), *ORDER]
