"""Wrong arguments of the functions of densor.ops on arrays."""

import numpy as np

from densor import ops
from tests.bad_input.harness import Case

NUMBER = (TypeError, ValueError)
NAN = float("nan")
RAGGED = [[1.0, 2.0], [3.0]]


def f(*shape):
    return np.ones(shape, np.float32)


# id: (function, arguments, the argument to blame (None: any), error, text shown[, keyword arguments])
TABLE = {
    "add_shapes": ("add", (f(3, 4), f(3, 5)), None, ValueError, "5"),
    "add_kind": ("add", (f(3, 4), "x"), "b", TypeError, "str"),
    "concatenate_columns": ("concatenate", ([f(3, 4), f(3, 2)],), None, ValueError, "2"),
    "concatenate_none": ("concatenate", ([],), None, ValueError, ""),
    "concatenate_kind": ("concatenate", (3,), None, NUMBER, ""),
    "activation_name": ("activation", (f(3, 4), "rellu"), None, ValueError, "rellu"),
    "activation_kind": ("activation", (f(3, 4), 7), None, TypeError, "7"),
    "activation_text": ("activation", ("x", "relu"), "x", TypeError, "str"),
    "relu_complex": ("relu", (f(2, 2) * 1j,), "x", TypeError, "complex"),
    "relu_ragged": ("relu", (RAGGED,), "x", ValueError, "row 1"),
    "relu_masked": ("relu", (np.ma.masked_array([1.0], [True]),), "x", TypeError, "mask"),
    "relu_beyond_float32": ("relu", ([[1.0, 1e300]],), "x", ValueError, "1e+300"),
    "elu_alpha": ("elu", (f(2, 2), NAN), "alpha", ValueError, "nan"),
    "softmax_text": ("softmax", ("x",), "x", TypeError, "str"),
    "softmax_backward_shapes": ("softmax_backward", (f(3, 4), f(3, 5)), None, ValueError, "5"),
    "dense_columns": ("dense", (f(3, 4), f(5, 2)), "w", ValueError, "(5, 2)"),
    "dense_rank": ("dense", (f(3, 4), f(4)), "w", ValueError, "(4,)"),
    "dense_bias": ("dense", (f(3, 4), f(4, 2), f(3)), "b", ValueError, "(3,)"),
    "dense_objects": ("dense", (f(3, 4).astype(object), f(4, 2)), "x", TypeError, "object"),
    "dense_activation": ("dense", (f(3, 4), f(4, 2), None, "softplsu"), None, ValueError, "softplsu"),
    "dense_backward_dy": ("dense_backward", (f(3, 3), f(3, 4), f(4, 2)), "dy", ValueError, "(3, 3)"),
    "dense_backward_saved": (
        "dense_backward",
        (f(3, 2), f(3, 4), f(4, 2), "relu"),
        "saved",
        ValueError,
        "None",
    ),
    "batch_norm_gamma": ("batch_norm", (f(3, 4), f(5)), "gamma", ValueError, "(5,)"),
    "batch_norm_beta": ("batch_norm", (f(3, 4), None, f(5)), "beta", ValueError, "(5,)"),
    "batch_norm_text": ("batch_norm", ("x",), "x", TypeError, "str"),
    "batch_norm_axis": ("batch_norm", (f(3, 4), f(4), f(4)), "axis", ValueError, "7", {"axis": 7}),
    "layer_norm_gamma": ("layer_norm", (f(3, 4), f(5)), "gamma", ValueError, "(5,)"),
    "layer_norm_text": ("layer_norm", ("x",), "x", TypeError, "str"),
    "layer_norm_backward_shapes": (
        "layer_norm_backward",
        (f(3, 4), f(3, 5), f(3, 3)),
        "dy",
        ValueError,
        "(3, 4)",
    ),
    "layer_norm_backward_statistics": (
        "layer_norm_backward",
        (f(3, 4), f(3, 4), f(3, 2)),
        "statistics",
        ValueError,
        "(3, 2)",
    ),
    "layer_norm_kind": ("layer_norm_forward", (f(3, 4),), "kind", ValueError, "'rms'", {"kind": "rsm"}),
    "rms_norm_epsilon": ("rms_norm", (f(3, 4),), "epsilon", ValueError, "0.0", {"epsilon": 0.0}),
    "unit_norm_rank": ("unit_norm", (f(3),), "x", ValueError, "(3,)"),
    "group_norm_groups": ("group_norm", (f(3, 4),), "groups", ValueError, "3", {"groups": 3}),
    "transpose_axes": ("transpose", (f(3, 4, 5), (0, 2)), "axes", ValueError, "(0, 2)"),
    "transpose_twice": ("transpose", (f(3, 4, 5), (1, 1, 2)), "axes", ValueError, "(1, 1, 2)"),
    "transpose_kind": ("transpose", (f(3, 4, 5), (0, "a", 1)), "axes", TypeError, "'a'"),
    "inference_mean": (
        "batch_norm_inference",
        (f(3, 4), None, None, f(3), f(4)),
        "moving_mean",
        ValueError,
        "(3,)",
    ),
    "inference_variance": (
        "batch_norm_inference",
        (f(3, 4), None, None, f(4), f(3)),
        "moving_variance",
        ValueError,
        "(3,)",
    ),
    "dropout_rate": ("dropout", (f(3, 4), 1.0), "rate", ValueError, "1.0"),
    "dropout_rate_negative": ("dropout", (f(3, 4), -0.5), "rate", ValueError, "-0.5"),
    "dropout_rate_nan": ("dropout", (f(3, 4), NAN), "rate", ValueError, "nan"),
    "dropout_rate_text": ("dropout", (f(3, 4), "half"), "rate", TypeError, "half"),
    "dropout_seed": ("dropout", (f(3, 4), 0.5, -1), "seed", ValueError, "-1"),
    "dropout_seed_kind": ("dropout", (f(3, 4), 0.5, 1.5), "seed", TypeError, "1.5"),
    "dropout_noise_shape": (
        "dropout",
        (f(3, 4), 0.5),
        "noise_shape",
        ValueError,
        "(3, 2)",
        {"noise_shape": (3, 2)},
    ),
    "dropout_noise_rows": (
        "dropout",
        (f(3, 4), 0.5),
        "noise_shape",
        ValueError,
        "2 rows",
        {"noise_shape": (2, 4)},
    ),
    "alpha_dropout_rate": ("alpha_dropout", (f(3, 4), 1.0), "rate", ValueError, "1.0"),
    "gaussian_dropout_rate": ("gaussian_dropout", (f(3, 4), 1.0), "rate", ValueError, "1.0"),
    "gaussian_noise_stddev": ("gaussian_noise", (f(3, 4), -0.5), "stddev", ValueError, "-0.5"),
    "gaussian_noise_seed": ("gaussian_noise", (f(3, 4), 0.5, -1), "seed", ValueError, "-1"),
    "standardize_mean": ("standardize", (f(3, 4), f(3), f(4)), "mean", ValueError, "(3,)"),
    "standardize_invert": (
        "standardize",
        (f(3, 4), f(4), f(4)),
        "invert",
        TypeError,
        "'yes'",
        {"invert": "yes"},
    ),
    "spectral_norm_u": ("spectral_norm", (f(3, 4), f(3)), "u", ValueError, "(3,)"),
    "spectral_norm_iterations": ("spectral_norm", (f(3, 4), f(4), 0), "iterations", ValueError, "0"),
    "dropout_backward_mask": (
        "dropout_backward",
        (f(3, 40), np.zeros((3, 2), np.uint16), 0.5),
        "mask",
        ValueError,
        "(3, 2)",
    ),
    "dropout_backward_mask_kind": ("dropout_backward", (f(3, 4), f(3, 1), 0.5), "mask", TypeError, "uint16"),
    "rescale_scale": ("rescale", (f(3, 4), "a", 0.0), "scale", TypeError, "a"),
    "rescale_nan": ("rescale", (f(3, 4), NAN, 0.0), "scale", ValueError, "nan"),
    "cross_entropy_label": (
        "softmax_cross_entropy",
        (f(3, 4), np.array([0, 4, 1])),
        None,
        ValueError,
        "4",
    ),
    "cross_entropy_negative": (
        "softmax_cross_entropy",
        (f(3, 4), np.array([0, -1, 1])),
        None,
        ValueError,
        "-1",
    ),
    "cross_entropy_rows": ("softmax_cross_entropy", (f(3, 4), np.array([0, 1])), None, ValueError, "2"),
    "cross_entropy_columns": ("softmax_cross_entropy", (f(3, 4), f(3, 5)), None, ValueError, "5"),
    "sigmoid_shapes": ("sigmoid_cross_entropy", (f(3, 4), f(3, 5)), None, ValueError, "5"),
    "mse_shapes": ("mean_squared_error", (f(3, 4), f(3, 2)), None, ValueError, "2"),
    "mse_text": ("mean_squared_error", (f(3, 4), "x"), None, TypeError, "str"),
    "mae_rows": ("mean_absolute_error", (f(3, 4), f(2, 4)), None, ValueError, "2"),
    "reshape_size": ("reshape", (f(3, 4), (5,)), None, ValueError, "5"),
}


def _case(name, entry):
    function, arguments, argument, error, text = entry[:5]
    keywords = dict(*entry[5:])

    def call(world):
        kept = [world.keep(item) if isinstance(item, np.ndarray) else item for item in arguments]
        getattr(ops, function)(*kept, **keywords)

    return Case(f"ops_{name}", call, error, argument, text)


CASES = [_case(name, entry) for name, entry in TABLE.items()]
