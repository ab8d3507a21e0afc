"""Wrong arguments of the layers and operations that augment images."""

import numpy as np

from densor import layers, ops
from tests.bad_input.construction import INF, NAN, NUMBER
from tests.bad_input.harness import Case

SIGNED = [1.5, -1.5, NAN, INF, "a", None, [0.1], [0.1, 0.2, 0.3], [0.1, 2.0], [0.1, "b"]]
SHARES = [1.5, -0.5, NAN, "a", None, [0.1], [-0.1, 0.2], [0.1, 2.0]]
RANGES = [3, "ab", [0], [0, 0], [0, NAN], [0, "b"], None]

LAYERS = {
    ("RandomFlip", "mode"): ({}, ["horizontl", "", 3, None]),
    ("RandomFlip", "seed"): ({}, [-1, 1.5, "a"]),
    ("RandomFlip", "data_format"): ({}, ["channels_first", "x"]),
    ("RandomFlip", "bounding_box_format"): ({}, ["xyxy"]),
    ("RandomRotation", "factor"): ({}, SIGNED),
    ("RandomRotation", "fill_mode"): ({"factor": 0.1}, ["reflct", 3, None]),
    ("RandomRotation", "interpolation"): ({"factor": 0.1}, ["bicubic", 3, None]),
    ("RandomRotation", "fill_value"): ({"factor": 0.1}, [NAN, INF, "a", None]),
    ("RandomTranslation", "height_factor"): ({"width_factor": 0.1}, SIGNED),
    ("RandomTranslation", "width_factor"): ({"height_factor": 0.1}, SIGNED),
    ("RandomShear", "x_factor"): ({}, SHARES),
    ("RandomShear", "y_factor"): ({}, SHARES),
    ("RandomZoom", "height_factor"): ({}, [*SIGNED, -1.0, [-1.0, 0.5]]),
    ("RandomZoom", "width_factor"): ({"height_factor": 0.1}, [1.5, "a", [-1.0, 0.5]]),
    ("RandomCrop", "height"): ({"width": 2}, [0, -1, 2.5, "2", True, None]),
    ("RandomCrop", "width"): ({"height": 2}, [0, -1, 2.5, "2", True, None]),
    ("RandomPerspective", "factor"): ({}, SHARES),
    ("RandomPerspective", "scale"): ({}, [-0.1, 1.1, NAN, "a"]),
    ("RandomElasticTransform", "factor"): ({}, SHARES),
    ("RandomElasticTransform", "scale"): ({}, SHARES),
    ("RandomElasticTransform", "value_range"): ({}, RANGES),
    ("RandomBrightness", "factor"): ({}, SIGNED),
    ("RandomBrightness", "value_range"): ({"factor": 0.1}, RANGES),
    ("RandomContrast", "factor"): ({}, [1.5, -0.5, NAN, "a", None, [0.1], [0.1, 2.0]]),
    ("RandomGamma", "factor"): ({}, [1.0, -0.5, NAN, "a", None, [0.1], [0.1, 1.0]]),
    ("RandomInvert", "factor"): ({}, SHARES),
    ("RandomHue", "factor"): ({}, SHARES),
    ("RandomHue", "value_range"): ({"factor": 0.1}, RANGES),
    ("RandomSaturation", "factor"): ({}, SIGNED),
    ("RandomColorDegeneration", "factor"): ({}, SIGNED),
    ("RandomGrayscale", "factor"): ({}, [1.5, -0.1, NAN, "a", None]),
    ("RandomPosterization", "factor"): ({}, [0.5, 9, NAN, "a", None, [1], [0, 3], [1, 9]]),
    ("Solarization", "addition_factor"): ({}, SHARES),
    ("Solarization", "threshold_factor"): ({}, SHARES),
    ("AutoContrast", "value_range"): ({}, RANGES),
    ("Equalization", "bins"): ({}, [1, 0, 5000, 2.5, "a", None]),
    ("RandomColorJitter", "value_range"): ({}, RANGES),
    ("RandAugment", "num_ops"): ({}, [0, 12, 1.5, "a", None]),
    ("RandAugment", "factor"): ({}, SHARES),
    ("RandAugment", "interpolation"): ({}, ["bicubic", 3, None]),
    ("RandomSaltAndPepper", "factor"): ({}, SHARES),
    ("RandomErasing", "factor"): ({}, SHARES),
    ("RandomErasing", "scale"): ({}, SHARES),
    ("RandomErasing", "fill_value"): ({}, ["a", [], [NAN], INF]),
    ("RandomGaussianBlur", "factor"): ({}, SHARES),
    ("RandomGaussianBlur", "kernel_size"): ({}, [0, 2, -3, 2.5, "3", None, [3], [3, 2], [3, 3, 3]]),
    ("RandomGaussianBlur", "sigma"): ({}, SHARES),
    ("RandomSharpness", "factor"): ({}, SHARES),
    ("RandomSharpness", "value_range"): ({"factor": 0.1}, RANGES),
    ("MixUp", "alpha"): ({}, [0.0, -1.0, NAN, INF, "a", None]),
    ("CutMix", "factor"): ({}, SHARES),
}


def _made(name, arguments):
    return lambda world: getattr(layers, name)(**arguments)


def f(*shape):
    return np.ones(shape, np.float32)


def _wrong(function, arguments, keywords=None):
    return lambda world: getattr(ops, function)(*arguments, **(keywords or {}))


# id: (function, arguments, the argument to blame, text shown[, keyword arguments])
OPERATIONS = {
    "warp_rank": ("image_warp", (f(3, 4), "flip", f(3, 3)), "x", "(3, 4)"),
    "warp_kind": ("image_warp", (f(3, 4, 5), "rotate", f(3, 1)), "kind", "rotation"),
    "warp_parameters": ("image_warp", (f(3, 4, 5), "rotation", f(3, 2)), "parameters", "(3, 1)"),
    "warp_rows": ("image_warp", (f(3, 4, 5), "rotation", f(2, 1)), "parameters", "(3,)"),
    "warp_no_parameters": ("image_warp", (f(3, 4, 5), "rotation"), "parameters", "None"),
    "warp_fit_parameters": (
        "image_warp",
        (f(3, 4, 5), "fit", f(3, 1)),
        "parameters",
        "fit",
        {"size": (2, 2)},
    ),
    "warp_field": (
        "image_warp",
        (f(3, 4, 5), "rotation", f(3, 1)),
        "field",
        "rotation",
        {"field": f(3, 4, 5, 2)},
    ),
    "warp_no_field": ("image_warp", (f(3, 4, 5), "elastic", f(3, 3)), "field", "None"),
    "warp_size": ("image_warp", (f(3, 4, 5), "rotation", f(3, 1)), "size", "(2, 2)", {"size": (2, 2)}),
    "warp_no_size": ("image_warp", (f(3, 4, 5), "fit"), "size", "None"),
    "warp_crop_size": ("image_warp", (f(3, 4, 5), "crop", f(3, 2)), "size", "(5, 5)", {"size": (5, 5)}),
    "warp_fill_mode": (
        "image_warp",
        (f(3, 4, 5), "rotation", f(3, 1)),
        "fill_mode",
        "wrapp",
        {"fill_mode": "wrapp"},
    ),
    "color_kind": ("image_color", (f(3, 4, 5), "brightnes", f(3, 1)), "kind", "brightness"),
    "color_other": ("image_color", (f(3, 4, 5), "blend", f(3, 1)), "other", "None"),
    "color_other_shape": (
        "image_color",
        (f(3, 4, 5), "salt", f(3, 1)),
        "other",
        "(3, 20)",
        {"other": f(3, 4, 4)},
    ),
    "color_no_other": (
        "image_color",
        (f(3, 4, 5), "gamma", f(3, 1)),
        "other",
        "gamma",
        {"other": f(3, 4, 5)},
    ),
    "color_range": (
        "image_color",
        (f(3, 4, 5), "gamma", f(3, 1)),
        "value_range",
        "(1, 0)",
        {"value_range": (1, 0)},
    ),
    "blur_size": ("image_blur", (f(3, 4, 5), f(3, 3), (3, 4)), "kernel_size", "(3, 4)"),
    "blur_size_kind": ("image_blur", (f(3, 4, 5), f(3, 3), 3), "kernel_size", "3"),
    "blur_parameters": ("image_blur", (f(3, 4, 5), f(3, 2)), "parameters", "(3, 2)"),
    "rows_lengths": ("random_rows", (f(3, 2), [0.0], [1.0, 2.0]), "high", "(2,)"),
    "rows_order": ("random_rows", (f(3, 2), [2.0], [1.0]), "high", "2.0"),
    "rows_finite": ("random_rows", (f(3, 2), [0.0], [INF]), "high", "inf"),
    "rows_seed": ("random_rows", (f(3, 2), [0.0], [1.0], -1), "seed", "-1"),
}

CASES = [
    *(
        Case(f"{name}_{argument}_{value!r}", _made(name, {**others, argument: value}), NUMBER, argument)
        for (name, argument), (others, values) in LAYERS.items()
        for value in values
    ),
    *(
        Case(name, _wrong(function, arguments, *keywords), NUMBER, argument, text)
        for name, (function, arguments, argument, text, *keywords) in OPERATIONS.items()
    ),
]
