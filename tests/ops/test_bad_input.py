"""Wrong calls of the native factories: refused with the function, the argument and the value, nothing written."""

import re

import numpy as np
import pytest

from tests.ops.harness import _core, as_bits
from tests.ops.native_calls import OPTIONAL, OUTPUTS, good_calls

CALLS = good_calls()
ARRAYS = [
    (factory, name)
    for factory, arguments in CALLS.items()
    for name, value in arguments.items()
    if isinstance(value, np.ndarray)
]
SCALARS = [
    (factory, name)
    for factory, arguments in CALLS.items()
    for name, value in arguments.items()
    if isinstance(value, int | float)
]
NAMES = [
    (factory, name)
    for factory, arguments in CALLS.items()
    for name, value in arguments.items()
    if isinstance(value, str)
]


def arrays_of(arguments):
    for value in arguments.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, np.ndarray):
                yield item


def digest(arguments):
    return [as_bits(array).tobytes() for array in arrays_of(arguments)]


def refuse(factory, changes, error, argument, value=""):
    """The call with these changes must raise, name `argument` (None: any of the call's), write nothing."""
    arguments = {**good_calls()[factory], **changes}
    before = digest(arguments)
    with pytest.raises(error) as caught:
        getattr(_core, factory)(*arguments.values()).run()
    text = str(caught.value)
    named = re.match(rf"^{factory}\(\): argument '(\w+)'", text)
    assert named, f"does not name function and argument: {text}"
    assert named[1] in arguments, text
    assert argument is None or named[1] == argument, f"blames {named[1]!r}, not {argument!r}: {text}"
    assert value in text, f"does not show {value!r}: {text}"
    assert "std::" not in text, text
    assert digest(arguments) == before, "an argument was changed"


@pytest.mark.parametrize("factory", CALLS)
def test_the_good_call_works(factory):
    hyper = np.array([[0.0, 0.1, 0.9, 0.999, 1e-7]], np.float32)
    getattr(_core, factory)(*good_calls()[factory].values()).run(hyper=hyper)


# Ops that fill or map an array of any shape.
ANY_SHAPE = {"random_uniform", "random_normal", "random_truncated_normal"}
# The buffer's size is the size of the fill or of the batch.
ANY_SIZE = ANY_SHAPE | {
    "permutation",
    "gather",
    "scatter",
    "expression",
    "column_sum",
    "norm_constraint",
    "random_rows",
}


def strided(value):
    """The same values, every second element of a wider array; contiguous only where there is one column."""
    wide = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)
    wide[..., ::2] = value
    return wide[..., ::2]


def arrays(condition):
    return pytest.mark.parametrize(("factory", "name"), [pair for pair in ARRAYS if condition(*pair)])


@arrays(lambda factory, name: True)
def test_wrong_dtype(factory, name):
    refuse(factory, {name: CALLS[factory][name].astype(np.complex128)}, TypeError, name, "complex128")


@arrays(lambda factory, name: True)
def test_list_for_array(factory, name):
    refuse(factory, {name: CALLS[factory][name].tolist()}, TypeError, name, "list")


@arrays(lambda factory, name: factory not in ANY_SHAPE)
def test_wrong_rank(factory, name):
    refuse(factory, {name: CALLS[factory][name][None, ..., None].copy()}, ValueError, name, "(1, ")


@arrays(lambda factory, name: factory not in ANY_SIZE)
def test_one_row_too_many(factory, name):
    value = CALLS[factory][name]
    wrong = np.resize(value, (value.shape[0] + 1, *value.shape[1:])).astype(value.dtype)
    refuse(factory, {name: wrong}, ValueError, None, str(len(value) + 1))


@arrays(lambda factory, name: not strided(CALLS[factory][name]).flags.c_contiguous)
def test_strided(factory, name):
    refuse(factory, {name: strided(CALLS[factory][name])}, ValueError, name, "contiguous")


@arrays(lambda factory, name: (factory, name) not in OPTIONAL)
def test_none_for_array(factory, name):
    refuse(factory, {name: None}, (TypeError, ValueError), name, "None")


@arrays(lambda factory, name: CALLS[factory][name].dtype.itemsize > 1)
def test_byte_swapped(factory, name):
    value = CALLS[factory][name]
    refuse(factory, {name: value.astype(value.dtype.newbyteorder())}, (TypeError, ValueError), name)


@pytest.mark.parametrize(("factory", "name"), [(f, name) for f, names in OUTPUTS.items() for name in names])
def test_read_only_output(factory, name):
    value = CALLS[factory][name].copy()
    value.flags.writeable = False
    refuse(factory, {name: value}, ValueError, name, "read-only")


OVERLAPS = [
    (factory, output, name)
    for factory, outputs in OUTPUTS.items()
    for output in outputs
    for name, value in CALLS[factory].items()
    if isinstance(value, np.ndarray) and name != output and value.dtype == CALLS[factory][output].dtype
]


def shifted(output, value):
    """Two arrays of these shapes in one buffer, the second one element after the first."""
    size = max(output.size, value.size) + 1
    buffer = np.zeros(size, output.dtype)
    return buffer[: output.size].reshape(output.shape), buffer[1 : 1 + value.size].reshape(value.shape)


@pytest.mark.parametrize(("factory", "output", "name"), OVERLAPS)
def test_output_overlapping_another_array(factory, output, name):
    """An output may be an input where the op says so, but never half of it."""
    first, second = shifted(CALLS[factory][output], CALLS[factory][name])
    refuse(factory, {output: first, name: second}, ValueError, None, "overlap")


@pytest.mark.parametrize(("factory", "name"), SCALARS)
@pytest.mark.parametrize("wrong", ["0.5", [1.0]], ids=repr)
def test_scalar_of_wrong_kind(factory, name, wrong):
    refuse(factory, {name: wrong}, TypeError, name, type(wrong).__name__)


@pytest.mark.parametrize(("factory", "name"), NAMES)
@pytest.mark.parametrize("wrong", ["rellu", ""], ids=repr)
def test_unknown_name(factory, name, wrong):
    refuse(factory, {name: wrong}, ValueError, name, repr(wrong))


@pytest.mark.parametrize(("factory", "name"), NAMES)
def test_name_of_wrong_kind(factory, name):
    refuse(factory, {name: 3}, TypeError, name, "int")


VALUES = [
    *(("dropout_forward", "rate", rate) for rate in (-0.1, 1.0, 1.5, float("nan"))),
    *(("dropout_backward", "rate", rate) for rate in (-0.1, 1.0, float("nan"))),
    *(("batch_norm_forward", "epsilon", epsilon) for epsilon in (-1e-3, float("nan"), float("inf"))),
    *(("batch_norm_update", "momentum", momentum) for momentum in (-0.1, 1.1, float("nan"))),
    *(("batch_norm_update", "correction", correction) for correction in (-0.1, float("nan"), float("inf"))),
    *(("gaussian_noise", "stddev", stddev) for stddev in (-0.1, float("nan"), float("inf"))),
    *(("standardize", "epsilon", epsilon) for epsilon in (-1.0, float("nan"))),
    *(("spectral_norm", "iterations", iterations) for iterations in (0, -1, 2**40)),
    *(("monte_carlo_deviation", "samples", samples) for samples in (0, -1, 2**40)),
    *(("dropout_spread", "noise_shape", noise) for noise in ([1], [1, 3], [2, 2, 1], [1, -1])),
    ("dropout_spread", "shape", [3, 2]),
    *(
        (f"image_{op}", "shape", shape)
        for op in ("warp", "color", "blur")
        for shape in ([2, 3], [2, 3, 3], [0, 1, 2])
    ),
    *(("image_warp", "target", target) for target in ([3, 2], [2], [0, 3])),
    *(("image_warp", "fill_value", value) for value in (float("nan"), float("inf"))),
    *(("image_color", "low", low) for low in (float("nan"), -float("inf"))),
    *(("image_color", "high", high) for high in (0.0, -1.0, float("nan"), float("inf"))),
    *(("image_blur", "kernel_size", size) for size in ([3], [2, 3], [3, -1])),
    *(("image_blur", "high", high) for high in (-1.0, float("nan"))),
    *(("layer_norm_forward", "epsilon", epsilon) for epsilon in (-1e-3, float("nan"), float("inf"))),
    *(("optimizer", "clipnorm", clip) for clip in (0.0, -1.0, float("nan"))),
    ("random_normal", "stddev", -1.0),
    ("random_normal", "stddev", float("nan")),
    ("random_uniform", "high", float("inf")),
    ("random_uniform", "seed", -1),
    ("random_uniform", "stream", -1),
    ("permutation", "seed", 2**64),
    ("permutation", "stream", 2**32),
]


@pytest.mark.parametrize(("factory", "name", "wrong"), VALUES)
def test_value_out_of_range(factory, name, wrong):
    refuse(factory, {name: wrong}, ValueError, name)


@pytest.mark.parametrize("label", [-1, 4, 2**30])
@pytest.mark.parametrize("factory", ["softmax_cross_entropy", "accuracy"])
def test_label_outside_the_classes(factory, label):
    """Targets come from data, so they are checked when the step runs."""
    target = CALLS[factory]["target"].copy()
    target[2] = label
    refuse(factory, {"target": target}, ValueError, "target", str(label))


SEGMENTS = {
    "beyond the end": [[0, 20], [32, 17]],
    "negative": [[-1, 20], [32, 9]],
    "overlapping": [[0, 20], [16, 9]],
    "overflowing": [[0, 2**62], [2**62, 2**62]],
}


@pytest.mark.parametrize("segments", SEGMENTS.values(), ids=SEGMENTS.keys())
def test_optimizer_segments(segments):
    refuse("optimizer", {"segments": np.array(segments, np.int64)}, ValueError, "segments")


def test_optimizer_takes_one_kind_of_clipping():
    refuse("optimizer", {"clipvalue": 0.5, "clipnorm": 1.0}, ValueError, None)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_optimizer_slots_must_fit_the_rule(count):
    refuse(
        "optimizer",
        {"slots": [np.zeros(48, np.float32) for _ in range(count)]},
        ValueError,
        "slots",
        str(count),
    )


def test_the_input_of_an_activation_is_written_only_where_a_derivative_needs_it():
    refuse("dense_forward", {"z": np.empty((6, 16), np.float32)}, ValueError, "z", "'relu'")


def test_threads_and_targets():
    before = _core.num_threads(), _core.cpu_target()
    for wrong in (0, -1, 10**6):
        with pytest.raises(ValueError, match=r"^set_num_threads\(\): argument '\w+'"):
            _core.set_num_threads(wrong)
    with pytest.raises(ValueError, match=r"^set_cpu_target\(\): argument '\w+'.*pentium"):
        _core.set_cpu_target("pentium")
    with pytest.raises(ValueError, match=r"^require_device\(\): argument '\w+'.*tpu"):
        _core.require_device("tpu")
    assert (_core.num_threads(), _core.cpu_target()) == before
