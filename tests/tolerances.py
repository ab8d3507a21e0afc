"""The one table of errors: how far each native op may be from its float64 reference.

An error is relative to `magnitude`, which is max(1, |reference|) unless a test states the sum of absolute
terms behind a reduction. `0.0` asks for equality.
"""

import numpy as np

ERRORS = {
    ("accumulate", "float64"): 1e-13,
    ("accuracy", "float32"): 1e-6,
    ("activation", "float32"): 1e-6,
    ("add", "float32"): 0.0,
    ("batch_norm", "float32"): 4e-6,
    ("circle_loss", "float32"): 1e-6,
    ("column_sum", "float32"): 1e-6,
    ("concatenate", "float32"): 0.0,
    ("dense", "float32"): 2e-6,
    ("dense_chain", "float32"): 2e-6,
    ("dropout", "float32"): 2e-7,
    ("expression", "float32"): 2e-6,
    ("gather", "float32"): 2e-7,
    ("golden", "float32"): 2e-6,
    ("gradient", "float32"): 3e-5,
    ("gaussian_noise", "float32"): 2e-6,
    ("image_blur", "float32"): 1e-6,
    ("image_color", "float32"): 1e-6,
    ("image_warp", "float32"): 2e-6,
    ("layer_norm", "float32"): 4e-6,
    ("mean_absolute_error", "float32"): 1e-6,
    ("mean_squared_error", "float32"): 1e-6,
    ("monte_carlo", "float32"): 2e-6,
    ("norm_constraint", "float32"): 2e-6,
    ("optimizer", "float32"): 2e-6,
    ("penalty", "float32"): 1e-6,
    ("penalty", "float64"): 1e-12,
    ("random", "float32"): 2e-6,
    ("random_rows", "float32"): 1e-6,
    ("rescale", "float32"): 2e-7,
    ("scatter", "float32"): 0.0,
    ("sigmoid_cross_entropy", "float32"): 1e-6,
    ("softmax", "float32"): 1e-6,
    ("softmax_cross_entropy", "float32"): 2e-6,
    ("sparsemax", "float32"): 1e-6,
    ("spectral_norm", "float32"): 4e-6,
    ("standardize", "float32"): 1e-6,
    ("transpose", "float32"): 0.0,
    ("trajectory", "float32"): 1e-5,
}

# Units in the last place of float32 against the rounded float64 value.
ULPS = {"erf": 2.0, "exp": 1.1, "expm1": 2.0, "log": 1.0, "log1p": 2.0, "sigmoid": 2.5, "tanh": 1.5}


def assert_close(actual, expected, op, magnitude=None, dtype="float32"):
    """Fails where |actual - expected| exceeds the table's error times the magnitude, NaN matching NaN."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"{op}: shape {actual.shape}, expected {expected.shape}"
    if not expected.size:
        return
    error = ERRORS[op, dtype]
    scale = np.maximum(1.0, np.abs(expected)) if magnitude is None else np.asarray(magnitude, np.float64)
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        excess = np.where(same, 0.0, np.abs(actual - expected) / np.maximum(scale, np.finfo(np.float32).tiny))
    excess = np.where(np.isnan(excess), np.inf, excess)
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    assert excess[worst] <= error, (
        f"{op} at {tuple(int(i) for i in worst)}: got {actual[worst]!r}, expected {expected[worst]!r}, "
        f"error {excess[worst]:.3g} of the magnitude, allowed {error:.3g}"
    )
