"""Wrong arrays: x, y, sample_weight, validation_data, set_weights."""

import numpy as np

from tests.bad_input.harness import CLASSES, FEATURES, ROWS, Case


def x_ok():
    return np.ones((ROWS, FEATURES), np.float32)


def with_value(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def x_cases():
    """(name, bad x, error, text shown)"""
    ones = x_ok()
    yield "complex", ones.astype(complex), TypeError, "complex128"
    yield "datetime", ones.astype("datetime64[s]"), TypeError, "datetime64"
    yield "strings", ones.astype(str), TypeError, "<U"
    yield "bytes", ones.astype(bytes), TypeError, "|S"
    yield "objects", ones.astype(object), TypeError, "object"
    yield "structured", np.zeros((ROWS, FEATURES), [("a", "f4")]), TypeError, "a"
    yield "masked", np.ma.masked_array(ones, mask=ones > 0), TypeError, "mask"
    yield "string", "train.csv", TypeError, "str"
    yield "set", {1.0, 2.0}, TypeError, "set"
    yield "ragged", [[1.0] * FEATURES, [1.0] * (FEATURES + 1)], ValueError, str(FEATURES + 1)
    yield "scalar", np.float32(3), (TypeError, ValueError), "()"
    yield "one_axis", np.ones(ROWS, np.float32), ValueError, f"({ROWS},)"
    yield "three_axes", np.ones((ROWS, FEATURES, 2), np.float32), ValueError, f"({ROWS}, {FEATURES}, 2)"
    yield "feature_too_many", np.ones((ROWS, FEATURES + 1), np.float32), ValueError, str(FEATURES + 1)
    yield "no_features", np.ones((ROWS, 0), np.float32), ValueError, "0"
    yield "transposed", np.ones((FEATURES, ROWS), np.float32), ValueError, str(ROWS)
    yield "beyond_float32", with_value(ones.astype(np.float64), (3, 2), 1e39), ValueError, "1e+39"


def nonfinite_x_cases():
    yield "nan", with_value(x_ok(), (4, 1), np.nan), ValueError, "4"
    yield "inf", with_value(x_ok(), (7, 5), np.inf), ValueError, "7"
    yield "no_rows", np.ones((0, FEATURES), np.float32), ValueError, "0"


def y_cases():
    labels = np.arange(ROWS) % CLASSES
    yield "too_large", with_value(labels, 6, CLASSES), ValueError, f"value {CLASSES} at row 6"
    yield "negative", with_value(labels, 9, -1), ValueError, "value -1 at row 9"
    yield "huge", with_value(labels, 2, 2**40), ValueError, str(2**40)
    yield "nan", with_value(labels.astype(np.float32), 3, np.nan), ValueError, "3"
    yield "fractional", with_value(labels.astype(np.float32), 3, 1.5), ValueError, "1.5"
    yield "one_hot", np.eye(CLASSES, dtype=np.float32)[labels], ValueError, f"({ROWS}, {CLASSES})"
    yield "strings", labels.astype(str), TypeError, "<U"
    yield "complex", labels.astype(complex), TypeError, "complex128"
    yield "objects", labels.astype(object), TypeError, "object"
    yield "scalar", np.int64(1), (TypeError, ValueError), ""
    yield "fewer_rows", labels[:-1], ValueError, str(ROWS - 1)
    yield "more_rows", np.arange(ROWS + 1) % CLASSES, ValueError, str(ROWS + 1)
    yield "none", None, (TypeError, ValueError), "None"


def weight_cases():
    ones = np.ones(ROWS, np.float32)
    yield "negative", with_value(ones, 4, -1.0), ValueError, "-1"
    yield "all_zero", 0 * ones, ValueError, "zero"
    yield "nan", with_value(ones, 4, np.nan), ValueError, "4"
    yield "inf", with_value(ones, 4, np.inf), ValueError, "4"
    yield "short", ones[:-1], ValueError, str(ROWS - 1)
    yield "matrix", np.ones((ROWS, 2), np.float32), ValueError, f"({ROWS}, 2)"
    yield "strings", ones.astype(str), TypeError, "<U"
    yield "complex", ones.astype(complex), TypeError, "complex"


TRAINERS = {
    "fit": lambda w, x, y, **more: w.model.fit(x, y, verbose=0, **more),
    "evaluate": lambda w, x, y, **more: w.model.evaluate(x, y, verbose=0, **more),
    "train_on_batch": lambda w, x, y, **more: w.model.train_on_batch(x, y, **more),
}


def _kept(w, array):
    return w.keep(array) if isinstance(array, np.ndarray) else array


def _array_cases():
    for method, call in TRAINERS.items():
        for name, x, error, text in [*x_cases(), *nonfinite_x_cases()]:
            run = lambda w, call=call, x=x: call(w, _kept(w, x), w.keep(w.y))  # noqa: E731
            # Fewer or more rows than y may be put down to either.
            argument = None if name in ("ragged", "no_rows", "transposed") else "x"
            yield Case(f"{method}_x_{name}", run, error, argument, text)
        for name, y, error, text in y_cases():
            run = lambda w, call=call, y=y: call(w, w.keep(w.x), _kept(w, y))  # noqa: E731
            yield Case(f"{method}_y_{name}", run, error, None if "rows" in name else "y", text)
        for name, weight, error, text in weight_cases():
            run = lambda w, call=call, s=weight: call(w, w.keep(w.x), w.keep(w.y), sample_weight=_kept(w, s))  # noqa: E731
            yield Case(f"{method}_sample_weight_{name}", run, error, "sample_weight", text)
    for name, x, error, text in x_cases():
        run = lambda w, x=x: w.model.predict(_kept(w, x), verbose=0)  # noqa: E731
        yield Case(f"predict_x_{name}", run, error, "x", text)


def _validation(w, *parts):
    w.model.fit(w.x, w.y, validation_data=parts, verbose=0)


def _bad_weights(w, index, change):
    weights = [array.copy() for array in w.model.get_weights()]
    weights[index] = change(weights[index])
    w.model.set_weights([w.keep(array) for array in weights])


CASES = [
    *_array_cases(),
    Case("validation_rows", lambda w: _validation(w, w.x[:5], w.y[:4]), ValueError, None, "4"),
    Case("validation_label", lambda w: _validation(w, w.x[:5], w.y[:5] * 0 + 9), ValueError, None, "9"),
    Case(
        "validation_features", lambda w: _validation(w, w.x[:, 1:], w.y), ValueError, None, str(FEATURES - 1)
    ),
    Case("validation_nan", lambda w: _validation(w, w.x * np.nan, w.y), ValueError, None, ""),
    Case("validation_one_part", lambda w: _validation(w, w.x), ValueError, "validation_data", "1"),
    Case(
        "validation_four_parts",
        lambda w: _validation(w, w.x, w.y, w.y, w.y),
        ValueError,
        "validation_data",
        "4",
    ),
    Case(
        "validation_array",
        lambda w: w.model.fit(w.x, w.y, validation_data=w.x, verbose=0),
        (TypeError, ValueError),
        "validation_data",
    ),
    Case(
        "set_weights_too_few",
        lambda w: w.model.set_weights(w.model.get_weights()[:-1]),
        ValueError,
        "weights",
        "7",
    ),
    Case("set_weights_none", lambda w: w.model.set_weights([]), ValueError, "weights", "0"),
    Case("set_weights_number", lambda w: w.model.set_weights(3), TypeError, "weights", "int"),
    Case("set_weights_shape", lambda w: _bad_weights(w, 0, np.transpose), ValueError, "weights", "(8, 6)"),
    Case(
        "set_weights_last_shape",
        lambda w: _bad_weights(w, -1, lambda a: a[:-1]),
        ValueError,
        "weights",
        "(3,)",
    ),
    Case(
        "set_weights_complex",
        lambda w: _bad_weights(w, -1, lambda a: a * 1j),
        TypeError,
        "weights",
        "complex",
    ),
    Case(
        "set_weights_text", lambda w: _bad_weights(w, 2, lambda a: a.astype(str)), TypeError, "weights", "<U"
    ),
    Case(
        "set_weights_nan",
        lambda w: _bad_weights(w, -1, lambda a: a * np.float32(np.nan)),
        ValueError,
        "weights",
        "nan",
    ),
    Case(
        "set_weights_beyond",
        lambda w: _bad_weights(w, -1, lambda a: a + np.full(a.shape, 1e39)),
        ValueError,
        "weights",
        "1e+39",
    ),
    Case("call_features", lambda w: w.model(w.x[:, 1:]), ValueError, None, str(FEATURES - 1)),
    Case("call_complex", lambda w: w.model(w.x * 1j), TypeError, None, "complex"),
    Case("call_text", lambda w: w.model("x"), TypeError, None, "str"),
]
