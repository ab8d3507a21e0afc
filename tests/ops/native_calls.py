"""One good call of every native factory: argument names in order and values. Wrong calls are made from these."""

import numpy as np

from tests.ops.harness import _core

ROWS, INPUTS, COLS = 6, 5, 4
ACTIVATION = {"activation": "relu", "alpha": 0.0}
NOISE = {"seed": 7, "stream": 0}


def f(*shape):
    return np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape) / 8


def labels():
    return np.arange(ROWS, dtype=np.int32) % COLS


def feed(writable=False):
    data = _core.Feed(writable)
    data.bind(f(20, COLS))
    return data


def good_calls():
    """Fresh arguments of every factory, by factory name, in positional order."""
    return {
        **_elementwise(),
        **_dense(),
        **_batch_norm(),
        **_dropout(),
        **_losses(),
        **_data(),
        **_random(),
        **_rows(),
        **_samples(),
        **_weights(),
        **_images(),
    }


def _elementwise():
    return {
        "add": {"y": f(ROWS, COLS), "a": f(ROWS, COLS), "b": f(ROWS, COLS)},
        "concatenate": {"y": f(ROWS, 5), "xs": [f(ROWS, 2), f(ROWS, 3)]},
        "concatenate_backward": {"dxs": [f(ROWS, 2), f(ROWS, 3)], "dy": f(ROWS, 5)},
        "slice_columns": {"y": f(ROWS, 2), "x": f(ROWS, 5), "first": 3},
        "slice_columns_backward": {"dx": f(ROWS, 5), "dy": f(ROWS, 2), "first": 1},
        "rescale": {"y": f(ROWS, COLS), "x": f(ROWS, COLS), "scale": 2.0, "offset": 1.0},
        "cast": {"y": np.zeros((ROWS, COLS), [("bfloat16", "<u2")]), "x": f(ROWS, COLS)},
        "activation_forward": {"y": f(ROWS, COLS), "x": f(ROWS, COLS), **ACTIVATION},
        "activation_backward": {
            "dx": f(ROWS, COLS),
            "dy": f(ROWS, COLS),
            "saved": f(ROWS, COLS),
            **ACTIVATION,
        },
        "softmax_forward": {"y": f(ROWS, COLS), "x": f(ROWS, COLS)},
        "softmax_backward": {"dx": f(ROWS, COLS), "dy": f(ROWS, COLS), "y": f(ROWS, COLS)},
        "sparsemax": {"y": f(ROWS, COLS), "x": f(ROWS, COLS)},
        "column_sum": {"sum": f(1, COLS), "x": f(ROWS, COLS)},
        "expression": {
            "outputs": [f(ROWS, COLS), f(ROWS, 1)],
            "operands": [f(ROWS, COLS), f(1, COLS)],
            "code": np.array(_product_and_its_sum(), np.int32),
            "constants": f(1),
            "rows": ROWS,
            "cols": COLS,
        },
    }


def _product_and_its_sum():
    opcode = _core.expression_opcodes()
    return [
        (opcode["load"], 1, 0, 0, 0),
        (opcode["load"], 2, 1, 0, 0),
        (opcode["multiply"], 1, 1, 2, 0),
        (opcode["store"], 0, 1, 0, 0),
        (opcode["sum"], 1, 1, 0, 0),
    ]


def _dense():
    return {
        "dense_forward": {
            "y": f(ROWS, COLS),
            "z": None,
            "x": f(ROWS, INPUTS),
            "w": f(INPUTS, COLS),
            "bias": f(COLS),
            **ACTIVATION,
        },
        "dense_backward": {
            "dx": f(ROWS, INPUTS),
            "dw": f(INPUTS, COLS),
            "dbias": f(COLS),
            "dz": f(ROWS, COLS),
            "dy": f(ROWS, COLS),
            "saved": f(ROWS, COLS),
            "x": f(ROWS, INPUTS),
            "w": f(INPUTS, COLS),
            **ACTIVATION,
            "below_mask": np.zeros((ROWS, -(-INPUTS // 16)), np.uint16),
            "below_rate": 0.5,
            "below_kind": "inverted",
            "below_saved": f(ROWS, INPUTS),
            "below_activation": "tanh",
            "below_alpha": 0.0,
        },
    }


def _batch_norm():
    x, affine = {"x": f(ROWS, COLS)}, {"gamma": f(COLS), "beta": f(COLS)}
    statistics = {"mean": f(COLS), "variance": f(COLS)}
    moving = {"moving_mean": f(COLS), "moving_variance": f(COLS)}
    gradients = {"dx": f(ROWS, COLS), "dgamma": f(COLS), "dbeta": f(COLS), "dy": f(ROWS, COLS)}
    gamma, rest = {"gamma": f(COLS)}, {"epsilon": 1e-3, **ACTIVATION}
    y = {"y": f(ROWS, COLS)}
    return {
        "batch_norm_forward": {**y, **statistics, **x, **affine, **rest},
        "batch_norm_inference": {**y, **x, **affine, **moving, **rest},
        "batch_norm_backward": {**gradients, **x, **y, **statistics, **gamma, **rest},
        "batch_norm_inference_backward": {**gradients, **x, **y, **gamma, **moving, **rest},
        "batch_norm_update": {
            **moving,
            **statistics,
            "momentum": 0.9,
            "correction": 1.0,
            "from_first": False,
        },
    }


def _dropout():
    mask, drop = np.zeros((ROWS, 1), np.uint16), {"rate": 0.5, "kind": "inverted"}
    forward = {"y": f(ROWS, COLS), "mask": mask, "x": f(ROWS, COLS), **drop, **NOISE}
    spread = {"shape": [2, 2], "noise_shape": [1, 2], "shared_rows": False}
    return {
        "dropout_forward": forward,
        "dropout_spread": {**forward, "y": f(ROWS, COLS), "x": f(ROWS, COLS), "mask": mask.copy(), **spread},
        "dropout_backward": {"dx": f(ROWS, COLS), "dy": f(ROWS, COLS), "mask": mask.copy(), **drop},
        "gaussian_noise": {
            "y": f(ROWS, COLS),
            "x": f(ROWS, COLS),
            "stddev": 0.5,
            "multiplies": False,
            **NOISE,
        },
    }


def _images():
    images = {"y": f(ROWS, 12), "x": f(ROWS, 12)}
    shape, bounds = {"shape": [2, 3, 2]}, {"low": 0.0, "high": 9.0}
    warp = {"target": [2, 3], "fill_mode": "reflect", "fill_value": 0.0, "nearest": False}
    draws = f(ROWS, 3) / 20
    return {
        "image_warp": {
            **images,
            "parameters": draws,
            "field": f(ROWS, 12),
            "kind": "elastic",
            **shape,
            **warp,
        },
        "image_color": {
            **images,
            "other": f(ROWS, 12),
            "parameters": f(ROWS, 1),
            "kind": "blend",
            **shape,
            **bounds,
        },
        "image_blur": {**images, "parameters": draws, **shape, "kernel_size": [3, 0], **bounds},
        "random_rows": {"out": f(ROWS, COLS), "low": f(COLS), "high": f(COLS) + 1, **NOISE},
    }


def _samples():
    return {
        "monte_carlo_accumulate": {"mean": f(ROWS, COLS), "squares": f(ROWS, COLS), "x": f(ROWS, COLS)},
        "monte_carlo_deviation": {"deviation": f(ROWS, COLS), "squares": f(ROWS, COLS), "samples": 3},
        "monte_carlo_entropy": {"entropy": f(ROWS), "p": f(ROWS, COLS) / 10, "independent": False},
    }


def _rows():
    affine, rest = {"gamma": f(1, COLS), "beta": f(1, COLS)}, {"epsilon": 1e-3, "kind": "layer"}
    return {
        "layer_norm_forward": {
            "y": f(ROWS, COLS),
            "statistics": f(ROWS, 3),
            "x": f(ROWS, COLS),
            **affine,
            **rest,
        },
        "layer_norm_backward": {
            "dx": f(ROWS, COLS),
            "dgamma": f(1, COLS),
            "dbeta": f(1, COLS),
            "dy": f(ROWS, COLS),
            "x": f(ROWS, COLS),
            "statistics": f(ROWS, 3),
            "gamma": f(1, COLS),
            **rest,
        },
        "standardize": {
            "y": f(ROWS, COLS),
            "x": f(ROWS, COLS),
            "mean": f(COLS),
            "variance": f(COLS),
            "epsilon": 1e-7,
            "invert": False,
        },
        "spectral_norm": {"kernel": f(INPUTS, COLS), "u": f(COLS), "v": f(INPUTS), "iterations": 2},
        "transpose": {"y": f(ROWS, COLS), "x": f(ROWS, COLS), "shape": [2, 2], "axes": [1, 0]},
    }


def _loss(target):
    return {
        "loss": f(ROWS),
        "dx": f(ROWS, COLS),
        "x": f(ROWS, COLS),
        "target": target,
        "weight": f(ROWS),
        "scale": 1.0,
    }


def _losses():
    return {
        "softmax_cross_entropy": _loss(labels()),
        "sigmoid_cross_entropy": _loss(f(ROWS, COLS)),
        "mean_squared_error": _loss(f(ROWS, COLS)),
        "mean_absolute_error": _loss(f(ROWS, 1)),
        "circle_loss": {
            "loss": f(ROWS),
            "dx": f(ROWS, COLS),
            "x": f(ROWS, COLS) / 4,
            "label": f(ROWS),
            "reference": f(COLS),
            "gamma": 8.0,
            "margin": 0.25,
            "without_diagonal": True,
        },
        "accuracy": {
            "correct": f(ROWS),
            "x": f(ROWS, COLS),
            "target": labels(),
            "kind": "sparse",
            "threshold": 0.5,
        },
        "accumulate": {"totals": np.zeros(2), "values": f(ROWS), "weight": f(ROWS)},
    }


def _data():
    return {
        "gather": {"out": f(ROWS, COLS), "feed": feed(), "scale": 1.0, "offset": 0.0},
        "scatter": {"feed": feed(writable=True), "x": f(ROWS, COLS)},
        "optimizer": {
            "parameters": f(48),
            "gradients": f(48),
            "slots": [f(48), f(48)],
            "segments": np.array([[0, 20], [32, 9]], np.int64),
            "decayed": np.array([1, 0], np.uint8),
            "rule": "adam",
            "clipvalue": None,
            "clipnorm": 1.0,
            "global_clipnorm": None,
        },
    }


def _weights():
    one = np.array([0.5, 0.25])
    return {
        "penalty": {
            "totals": np.zeros(2), "xs": [f(9), f(4)], "dxs": [f(9), f(4)], "l1": one, "l2": one.copy(),
            "weight": 1.0, "scale": 1.0, "add": False,
        },
        "norm_constraint": {"w": f(2, ROWS, COLS), "low": 0.5, "high": 2.0, "rate": 0.5},
    }  # fmt: skip


def _random():
    return {
        "random_uniform": {"out": f(ROWS, COLS), "low": 0.0, "high": 1.0, **NOISE},
        "random_normal": {"out": f(ROWS, COLS), "mean": 0.0, "stddev": 1.0, **NOISE},
        "random_truncated_normal": {"out": f(ROWS, COLS), "mean": 0.0, "stddev": 1.0, **NOISE},
        "permutation": {"out": np.zeros(9, np.int64), **NOISE},
    }


# Arguments that may be None without the call being wrong (others of the call stay as they are).
OPTIONAL = {
    ("dense_forward", "z"),
    ("dense_forward", "bias"),
    ("dense_backward", "dx"),
    ("dense_backward", "dw"),
    ("dense_backward", "dbias"),
    ("dense_backward", "below_mask"),
    *((name, "gamma") for name in ("batch_norm_forward", "batch_norm_inference")),
    *((name, "beta") for name in ("batch_norm_forward", "batch_norm_inference")),
    *(
        (name, argument)
        for name in ("batch_norm_backward", "batch_norm_inference_backward")
        for argument in ("dx", "dgamma", "dbeta", "gamma")
    ),
    *(
        (name, argument)
        for name in (
            "softmax_cross_entropy",
            "sigmoid_cross_entropy",
            "mean_squared_error",
            "mean_absolute_error",
        )
        for argument in ("dx", "weight")
    ),
    ("circle_loss", "dx"),
    ("standardize", "mean"),
    ("layer_norm_forward", "gamma"),
    ("layer_norm_forward", "beta"),
    *(("layer_norm_backward", argument) for argument in ("dx", "dgamma", "dbeta", "gamma")),
    ("accumulate", "weight"),
    ("penalty", "totals"),
    ("optimizer", "clipvalue"),
    ("optimizer", "clipnorm"),
    ("optimizer", "global_clipnorm"),
}
OUTPUTS = {
    "add": ("y",),
    "rescale": ("y",),
    "cast": ("y",),
    "activation_forward": ("y",),
    "activation_backward": ("dx",),
    "softmax_forward": ("y",),
    "softmax_backward": ("dx",),
    "sparsemax": ("y",),
    "dense_forward": ("y",),
    "dense_backward": ("dx", "dw", "dbias", "dz"),
    "batch_norm_forward": ("y", "mean", "variance"),
    "batch_norm_inference": ("y",),
    "batch_norm_backward": ("dx", "dgamma", "dbeta"),
    "batch_norm_update": ("moving_mean", "moving_variance"),
    "layer_norm_forward": ("y", "statistics"),
    "layer_norm_backward": ("dx", "dgamma", "dbeta"),
    "transpose": ("y",),
    "standardize": ("y",),
    "spectral_norm": ("kernel", "u", "v"),
    "gaussian_noise": ("y",),
    "monte_carlo_accumulate": ("mean", "squares"),
    "monte_carlo_deviation": ("deviation",),
    "monte_carlo_entropy": ("entropy",),
    "dropout_spread": ("y", "mask"),
    "dropout_forward": ("y", "mask"),
    "dropout_backward": ("dx",),
    "softmax_cross_entropy": ("loss", "dx"),
    "circle_loss": ("loss", "dx"),
    "accuracy": ("correct",),
    "accumulate": ("totals",),
    "gather": ("out",),
    "norm_constraint": ("w",),
    "optimizer": ("parameters",),
    "image_warp": ("y",),
    "image_color": ("y",),
    "image_blur": ("y",),
    "random_rows": ("out",),
    "random_uniform": ("out",),
    "random_normal": ("out",),
    "random_truncated_normal": ("out",),
    "permutation": ("out",),
    "column_sum": ("sum",),
}
