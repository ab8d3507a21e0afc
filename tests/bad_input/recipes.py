"""Wrong calls of what stands around `fit`: presets, distillation, pruning, ensembles, splits, probes."""

import numpy as np

import densor
from densor import datasets, distillation, ensembles, presets, pruning
from tests.bad_input.harness import CLASSES, FEATURES, Case
from tests.bad_input.options import NUMBER, dense, fresh

NAN = float("nan")
HUGE = 10**30


def _logits():
    return distillation.LogitsDistillation()


def _two_outputs(w):
    inputs = densor.Input((FEATURES,))
    hidden = densor.layers.Dropout(0.5)(inputs)
    return densor.Model(inputs, [dense(2)(hidden), dense(3)(hidden)])


def _doctor(**data):
    def call(w):
        given = {"x": w.x, "y": w.y, **data}
        w.model.fit(w.x, w.y, epochs=2, verbose=0, callbacks=[densor.callbacks.Doctor(**given, verbose=0)])

    return call


DATA = [
    Case(f"{name}_empty_dict", lambda w, name=name, rest=rest: getattr(w.model, name)({}, *rest),
         ValueError, "x", "missing")
    for name, rest in (("predict", ()), ("predict_mc", ()), ("fit", ([0],)), ("probe", ([0],)), ("lr_find", ([0],)))
]  # fmt: skip

PREDICTIONS = [
    *(
        Case(f"predict_fn_{v!r}", lambda w, v=v: w.model.predict_fn(v), NUMBER, "batch")
        for v in (None, True, "a", 0, -1, 1.5, HUGE, np.ones(2))
    ),
    Case("predict_fn_rows", lambda w: w.model.predict_fn(3)(w.x[:2]), ValueError, "x", "3 rows"),
    Case("lr_find_huge", lambda w: w.model.lr_find(w.x, w.y, steps=HUGE), ValueError, "steps", str(HUGE)),
    Case(
        "predict_mc_outputs",
        lambda w: w.other.predict_mc(w.x),
        ValueError,
        pattern=r"^predict_mc\(\): the model has 2 outputs.*model\.outputs\[0\]",
        prepare=_two_outputs,
    ),
]

DOCTOR = [
    *(
        Case(f"doctor_x_{name}", _doctor(x=value), NUMBER, "x", text)
        for name, value, text in (
            ("number", 3, "(rows, 6)"),
            ("shape", np.zeros((20, 5)), "(20, 5)"),
            ("nan", np.full((20, FEATURES), NAN), "nan"),
            ("text", "a", "str"),
            ("rows", np.zeros((0, FEATURES)), "no rows"),
        )
    ),
    *(
        Case(f"doctor_y_{name}", _doctor(y=value), NUMBER, "y", text)
        for name, value, text in (
            ("rows", np.zeros(3, int), "20 rows"),
            ("class", np.full(20, CLASSES), str(CLASSES)),
        )
    ),
]


def _preset(function, **options):
    return lambda w: getattr(presets, function)(**{"input_shape": FEATURES, "outputs": 3, **options})


PRESETS = [
    Case(f"{function}_{argument}_{index}", _preset(function, **{argument: value}), NUMBER, argument)
    for function in ("default_dnn", "self_normalizing")
    for argument, values in {
        "input_shape": [b"x", "ab", 0, -1, (), (3, 0), NAN, None],
        "outputs": [0, -1, NAN, "a", None, [3]],
        "hidden": [b"x", "a", 3, [0], [1.5], None],
        "task": [np.zeros(0), np.zeros(2), "clustering", None, 3],
        "optimizer": ["sgd", np.zeros(2), 3],
        "learning_rate": [0, -1, NAN, "a"],
        "schedule": ["2cycle", "1cycle" * 2, 3],
        "steps": [5, 0, "a"],
        "dropout": [1, -0.1, NAN, "a", None],
        "adapt": ["a", np.zeros((4, 5)), np.zeros((0, FEATURES)), np.full((4, FEATURES), NAN)],
    }.items()
    for index, value in enumerate(values)
]

DISTILLATION = [
    Case(
        "distiller_teacher_twice",
        lambda w: distillation.Distiller(w.model, w.model, _logits()),
        ValueError,
        "student",
        "teacher",
    ),
    Case(
        "distiller_inputs",
        lambda w: distillation.Distiller(w.model, w.other, _logits()),
        ValueError,
        "student",
        "(None, 5)",
        prepare=lambda w: densor.Sequential([densor.Input((5,)), dense(CLASSES)]),
    ),
    Case(
        "distiller_layer",
        lambda w: w.other.compile("sgd", "sparse_categorical_crossentropy"),
        ValueError,
        "teacher_layer_name",
        "hidden",
        prepare=lambda w: distillation.Distiller(
            fresh(dense(CLASSES)),
            fresh(dense(CLASSES)),
            distillation.FeatureDistillation(teacher_layer_name="hidden"),
        ),
    ),
]


def _snapshots(**options):
    def call(w):
        given = {"model": w.model, "x": w.x, "y": w.y, "cycles": 1, "epochs_per_cycle": 1, "verbose": 0}
        ensembles.snapshots(**{**given, **options})

    return call


ENSEMBLES = [
    *(
        Case(f"snapshots_{argument}_{index}", _snapshots(**{argument: value}), NUMBER, argument)
        for argument, values in {
            "x": [{}, "a", np.zeros((20, 5)), np.full((20, FEATURES), NAN), np.zeros((0, FEATURES))],
            "y": [{}, None, np.zeros(3, int), np.full(20, CLASSES)],
            "batch_size": [0, None, "a"],
            "learning_rate": [0, NAN],
            "validation_split": [NAN, 1.0, "a"],
            "sample_weight": [np.ones(3), np.full(20, NAN)],
            "callbacks": [3, ["a"]],
            "epochs": [3],
        }.items()
        for index, value in enumerate(values)
    ),
    *(
        Case(
            f"averaged_weights_x_{name}",
            lambda w, v=value: ensembles.averaged_weights([w.model], x=v),
            NUMBER,
            "x",
            text,
        )
        for name, value, text in (
            ("number", 3, "(rows, 6)"),
            ("shape", np.zeros((2, 3)), "(2, 3)"),
            ("nan", np.full((20, FEATURES), NAN), "nan"),
            ("rows", np.zeros((0, FEATURES)), "no rows"),
        )
    ),
    Case(
        "averaged_weights_batch_size",
        lambda w: ensembles.averaged_weights([w.model], x=w.x, batch_size=0),
        ValueError,
        "batch_size",
        "0",
    ),
    Case(
        "averaged_predictions_outputs",
        lambda w: ensembles.averaged_predictions([w.other, w.other]),
        ValueError,
        "models",
        "several outputs",
        prepare=_two_outputs,
    ),
]

PRUNING = [
    *(
        Case(f"prune_{argument}_{value!r}",
             lambda w, o=argument, v=value: pruning.prune(w.model, **{"amount": 0.2, o: v}), NUMBER, argument)
        for argument, values in {
            "amount": [1, -0.1, NAN, "a", None],
            "scope": ["local", 3],
            "layers": [3, ["a"], []],
        }.items()
        for value in values
    ),
    *(
        Case(
            f"rewind_{name}",
            lambda w, change=change: pruning.rewind(w.model, change(w.model.get_weights())),
            NUMBER,
            "weights",
        )
        for name, change in {
            "few": lambda weights: weights[:-1],
            "nan": lambda weights: [array * NAN for array in weights],
            "none": lambda weights: None,
        }.items()
    ),
]  # fmt: skip


def _small():
    return fresh(dense(CLASSES, activation="softmax"), loss="sparse_categorical_crossentropy")


def _validated(**options):
    return lambda w: datasets.cross_validate(**{"build": _small, "x": w.x, "y": w.y, "folds": 2, **options})


SPLITS = [
    *(
        Case(f"cross_validate_{argument}_{index}", _validated(**{argument: value}), NUMBER, argument)
        for argument, values in {
            "build": [None, 3],
            "folds": [0, 1, 21, 2.0, None],
            "repeats": [0, None, "a"],
            "stratify": [3, "a", np.zeros(3), np.full(20, 0.5)],
            "test_data": [3, (), (1,)],
            "validation_split": [0.1],
        }.items()
        for index, value in enumerate(values)
    ),
    Case(
        "cross_validate_rows",
        lambda w: datasets.cross_validate(_small, w.x, w.y[:3]),
        ValueError,
        "data",
        "[20, 3]",
    ),
    Case("cross_validate_empty", lambda w: datasets.cross_validate(_small, {}, w.y), ValueError, "data"),
    *(
        Case(f"random_split_{argument}_{index}", lambda w, o=argument, v=value: datasets.random_split(w.x, **{o: v}),
             NUMBER, argument)
        for argument, values in {
            "stratify": [3, "a", np.zeros(3), np.full(20, 0.5)],
            "shares": [(0.999, 0.001), (0.5, NAN), (0.5, 0.6), (), "a", 3, (1, 30)],
            "seed": ["a", 1.5],
        }.items()
        for index, value in enumerate(values)
    ),
    *(
        Case(f"k_fold_{argument}_{index}", lambda w, o=argument, v=value: datasets.k_fold(**{"data": w.x, o: v}),
             NUMBER, argument)
        for argument, values in {
            "data": [HUGE, 1, {}, None, "a"],
            "folds": [1, 21, None],
            "stratify": [3, np.zeros(3)],
        }.items()
        for index, value in enumerate(values)
    ),
]  # fmt: skip

CASES = [*DATA, *PREDICTIONS, *DOCTOR, *PRESETS, *DISTILLATION, *ENSEMBLES, *PRUNING, *SPLITS]
