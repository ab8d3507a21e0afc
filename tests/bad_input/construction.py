"""Wrong arguments of layers, optimizers, schedules, initializers, losses, metrics, callbacks and models."""

import numpy as np

import densor
from tests.bad_input.harness import Case

NUMBER = (TypeError, ValueError)
NAN, INF = float("nan"), float("inf")


def _construct(module, name, arguments):
    return lambda world: getattr(getattr(densor, module), name)(**arguments)


def _of(module, table):
    """Cases of {(class, argument): (other arguments, wrong values)}."""
    for (name, argument), (others, values) in table.items():
        for value in values:
            call = _construct(module, name, {**others, argument: value})
            text = repr(value) if isinstance(value, int | float | str) and value != "" else ""
            yield Case(f"{name}_{argument}_{value!r}", call, NUMBER, argument, text)


LAYERS = {
    ("Dense", "units"): ({}, [0, -3, 2.5, "10", True, 2**40, NAN]),
    ("Dense", "activation"): ({"units": 3}, ["rellu", 7]),
    ("Dense", "kernel_initializer"): ({"units": 3}, ["he", 7]),
    ("Dense", "kernel_regularizer"): ({"units": 3}, ["l3", 7, 0.01, "l1_l2"]),
    ("Dense", "bias_regularizer"): ({"units": 3}, ["ridge", 7]),
    ("Dense", "activity_regularizer"): ({"units": 3}, ["lasso", 7]),
    ("Dense", "kernel_constraint"): ({"units": 3}, ["maxnorn", 7]),
    ("Dense", "bias_constraint"): ({"units": 3}, ["norm", 1.5]),
    ("BatchNormalization", "gamma_regularizer"): ({}, ["l3", 7]),
    ("BatchNormalization", "beta_constraint"): ({}, ["positive", 7]),
    ("ActivityRegularization", "l1"): ({}, [-0.1, NAN, "a"]),
    ("Dense", "use_bias"): ({"units": 3}, ["no"]),
    ("Dense", "name"): ({"units": 3}, [3, ""]),
    ("Dense", "dtype"): ({"units": 3}, ["mixed_float16", "float64", "bfloat16", 7, {"class_name": "Dense"}]),
    ("Dropout", "rate"): ({}, [-0.1, 1.1, NAN, "0.5", None]),
    ("Dropout", "seed"): ({"rate": 0.5}, [-1, 1.5, "a"]),
    ("Dropout", "noise_shape"): (
        {"rate": 0.5},
        [3, "ab", [], [None, 0], [None, -1], [None, 1.5], [None, "a"]],
    ),
    ("AlphaDropout", "rate"): ({}, [-0.1, 1.0, NAN, "0.5", None]),
    ("AlphaDropout", "noise_shape"): ({"rate": 0.5}, [3, [0]]),
    ("GaussianDropout", "rate"): ({}, [-0.1, 1.0, NAN, "0.5", None]),
    ("GaussianDropout", "seed"): ({"rate": 0.5}, [-1, 1.5]),
    ("GaussianNoise", "stddev"): ({}, [-0.1, NAN, INF, "a", None]),
    ("Normalization", "axis"): ({}, [1.5, "x", [1, 1]]),
    ("Normalization", "mean"): ({"variance": 1.0}, [NAN, None]),
    ("Normalization", "variance"): ({"mean": 1.0}, [-1.0, NAN, None, [1.0, 2.0]]),
    ("Normalization", "invert"): ({}, ["yes", 1]),
    ("SpectralNormalization", "layer"): ({}, [3, "Dense", None]),
    ("BatchNormalization", "momentum"): ({}, [-0.1, 1.5, NAN, "a"]),
    ("BatchNormalization", "epsilon"): ({}, [0.0, -1e-3, NAN, INF, "a"]),
    ("BatchNormalization", "axis"): ({}, [1.5, "x", [], [1, 1], [1, "x"]]),
    ("BatchNormalization", "renorm"): ({}, [True, "yes"]),
    ("BatchNormalization", "renorm_momentum"): ({}, [0.5]),
    ("BatchNormalization", "synchronized"): ({}, [True]),
    ("BatchNormalization", "init_from_first_batch"): ({"moving_mean_initializer": "ones"}, [True, "yes"]),
    ("BatchNormalization", "unbiased_running_variance"): ({}, ["yes", 1.0]),
    ("LayerNormalization", "axis"): ({}, [1.5, "x", []]),
    ("LayerNormalization", "epsilon"): ({}, [0.0, -1e-3, NAN, "a"]),
    ("LayerNormalization", "center"): ({}, ["no"]),
    ("LayerNormalization", "rms_scaling"): ({}, [True, "yes"]),
    ("RMSNormalization", "epsilon"): ({}, [0.0, INF]),
    ("UnitNormalization", "axis"): ({}, [None, 0.5]),
    ("GroupNormalization", "groups"): ({}, [0, -2, 2.5, "all"]),
    ("GroupNormalization", "axis"): ({}, [[1], "x"]),
    ("LeakyReLU", "negative_slope"): ({}, [NAN, INF, "a"]),
    ("ELU", "alpha"): ({}, [NAN, "a"]),
    ("ReLU", "max_value"): ({}, [-1.0, NAN, "a"]),
    ("ReLU", "negative_slope"): ({}, [-1.0, NAN, None]),
    ("ReLU", "threshold"): ({}, [-1.0, INF, None]),
    ("PReLU", "alpha_initializer"): ({}, ["he", 7]),
    ("PReLU", "shared_axes"): ({}, [0, 1.5, "x", [-1]]),
    ("Softmax", "axis"): ({}, [1.5, "x", []]),
    ("Swish", "beta"): ({}, [NAN, "a", None]),
    ("Swish", "trainable_beta"): ({}, ["yes", 1]),
    ("Rescaling", "scale"): ({}, [NAN, "a", None]),
    ("Rescaling", "offset"): ({"scale": 1.0}, [INF, "a"]),
    ("Activation", "activation"): ({}, ["rellu", 7]),
    ("Concatenate", "axis"): ({}, ["x", 1.5]),
    ("Dot", "axes"): ({}, ["x", 1.5, 0, 2, [1, 2], [], [1, 1, 1], None]),
    ("Dot", "normalize"): ({"axes": 1}, ["no", 1]),
    ("Reshape", "target_shape"): ({}, [4, "x", (0, 3), (-1, -1), (2.5,), (-2,), None]),
    ("Permute", "dims"): ({}, [1, "x", (0, 1), (1, 1), (2, 3), (1.5, 2), None]),
    ("Lambda", "function"): ({}, [3, None, int]),
    ("Lambda", "arguments"): ({"function": "relu"}, [3, "x"]),
    ("Lambda", "mask"): ({"function": "relu"}, [True]),
}

OPTIMIZERS = {
    ("SGD", "learning_rate"): ({}, [0.0, -1.0, NAN, INF, "fast", True]),
    ("SGD", "momentum"): ({}, [-0.1, 1.5, NAN, "a"]),
    ("SGD", "clipvalue"): ({}, [0.0, -1.0, NAN, "a"]),
    ("SGD", "clipnorm"): ({}, [0.0, -1.0, NAN]),
    ("SGD", "global_clipnorm"): ({}, [0.0, -1.0]),
    ("SGD", "weight_decay"): ({}, [-0.1, NAN, "a"]),
    ("RMSprop", "rho"): ({}, [-0.1, 1.0, NAN]),
    ("RMSprop", "epsilon"): ({}, [0.0, -1e-7, NAN]),
    ("Adam", "learning_rate"): ({}, [0.0, -1.0, NAN, None]),
    ("Adam", "beta_1"): ({}, [-0.1, 1.0, NAN, "a"]),
    ("Adam", "beta_2"): ({}, [-0.1, 1.0, 2.0]),
    ("Adam", "epsilon"): ({}, [0.0, -1.0]),
    ("Adagrad", "initial_accumulator_value"): ({}, [-0.1, NAN]),
    ("Nadam", "beta_1"): ({}, [1.0]),
    ("Adamax", "beta_2"): ({}, [1.0]),
    ("AdamW", "weight_decay"): ({}, [-1.0]),
}

SCHEDULES = {
    ("ExponentialDecay", "initial_learning_rate"): ({"decay_steps": 5, "decay_rate": 0.5}, [-1.0, NAN, "a"]),
    ("ExponentialDecay", "decay_steps"): (
        {"initial_learning_rate": 0.1, "decay_rate": 0.5},
        [0, -5, NAN, "a"],
    ),
    ("ExponentialDecay", "decay_rate"): ({"initial_learning_rate": 0.1, "decay_steps": 5}, [-1.0, NAN]),
    ("PiecewiseConstantDecay", "values"): ({"boundaries": [1, 2]}, [[0.1], [0.1, 0.2]]),
    ("PiecewiseConstantDecay", "boundaries"): ({"values": [0.1, 0.2, 0.3]}, [[2, 1], ["a", 2]]),
    ("CosineDecay", "decay_steps"): ({"initial_learning_rate": 0.1}, [0, -1]),
    ("PolynomialDecay", "decay_steps"): ({"initial_learning_rate": 0.1}, [0, -1]),
    ("PowerDecay", "power"): ({"initial_learning_rate": 0.1, "decay_steps": 5}, [-1.0, NAN, "a"]),
    ("OneCycle", "total_steps"): ({"max_learning_rate": 0.1}, [0, 2.5, "a"]),
    ("OneCycle", "anneal"): ({"max_learning_rate": 0.1, "total_steps": 5}, ["cos", 3]),
    ("WarmUp", "warmup_steps"): ({"learning_rate": 0.1}, [-1, 2.5, "a"]),
    ("StepDecay", "drop"): ({"initial_learning_rate": 0.1, "epochs_per_drop": 5}, [0.0, 1.5, NAN]),
}

INITIALIZERS = {
    ("VarianceScaling", "scale"): ({}, [0.0, -1.0, NAN, "a"]),
    ("VarianceScaling", "mode"): ({}, ["fan", 3]),
    ("VarianceScaling", "distribution"): ({}, ["gauss", 3]),
    ("RandomNormal", "stddev"): ({}, [-1.0, NAN, "a"]),
    ("RandomNormal", "mean"): ({}, [NAN, "a"]),
    ("RandomUniform", "minval"): ({}, [NAN, "a"]),
    ("GlorotUniform", "seed"): ({}, [1.5, "a"]),
    ("Constant", "value"): ({}, [NAN, "a", [1.0, INF], ["a"]]),
    ("Orthogonal", "gain"): ({}, [NAN, "a", None]),
    ("Orthogonal", "seed"): ({}, [1.5, "a"]),
    ("Identity", "gain"): ({}, [INF, "a"]),
}

CALLBACKS = {
    ("EarlyStopping", "patience"): ({}, [-1, 1.5, "a"]),
    ("EarlyStopping", "mode"): ({}, ["best", 3]),
    ("EarlyStopping", "min_delta"): ({}, [NAN, "a"]),
    ("ReduceLROnPlateau", "factor"): ({}, [1.0, 0.0, -0.5, NAN]),
    ("ReduceLROnPlateau", "patience"): ({}, [-1, "a"]),
    ("LearningRateScheduler", "schedule"): ({}, [0.1, "a"]),
    ("BatchSizeScheduler", "schedule"): ({}, [32, "a"]),
    ("ModelCheckpoint", "filepath"): ({}, [3, ""]),
    ("TensorBoard", "log_dir"): ({}, [3, ""]),
    ("TensorBoard", "histogram_freq"): ({}, [-1, 1.5, "a"]),
    ("TensorBoard", "update_freq"): ({}, [0, "step", 1.5]),
    ("TensorBoard", "profile_batch"): ({}, [2]),
}

REGULARIZERS = {
    ("L1", "l1"): ({}, [-0.1, NAN, INF, "a", True]),
    ("L2", "l2"): ({}, [-0.1, NAN, INF, "a", [0.1]]),
    ("L1L2", "l1"): ({}, [-1.0, "a"]),
    ("L1L2", "l2"): ({"l1": 0.1}, [-1.0, NAN]),
}

CONSTRAINTS = {
    ("MaxNorm", "max_value"): ({}, [-1.0, NAN, INF, "a", None]),
    ("MaxNorm", "axis"): ({}, [1.5, "rows", [], [0.5], None]),
    ("MinMaxNorm", "min_value"): ({}, [-0.5, NAN, "a"]),
    ("MinMaxNorm", "max_value"): ({"min_value": 2.0}, [1.0, INF]),
    ("MinMaxNorm", "rate"): ({}, [-0.1, 1.5, NAN]),
    ("UnitNorm", "axis"): ({}, ["0", True]),
}

LOSSES = {
    ("SparseCategoricalCrossentropy", "from_logits"): ({}, ["yes", 3]),
    ("MeanSquaredError", "reduction"): ({}, ["average", 3]),
}


def _setter(value):
    def call(w):
        w.model.optimizer.learning_rate = value

    return call


GETTERS = [
    Case("optimizers_get", lambda w: densor.optimizers.get("adamm"), ValueError, "identifier", "'adam'"),
    Case("losses_get", lambda w: densor.losses.get("mee"), ValueError, "identifier", "mee"),
    Case("metrics_get", lambda w: densor.metrics.get("accurracy"), ValueError, "identifier", "'accuracy'"),
    Case("initializers_get", lambda w: densor.initializers.get("he"), ValueError, "identifier", "he"),
    Case("initializers_get_kind", lambda w: densor.initializers.get(3), TypeError, "identifier", "int"),
]

OTHERS = [
    *(
        Case(f"learning_rate_{v!r}", _setter(v), NUMBER, "learning_rate", repr(v))
        for v in (-1.0, NAN, "a", None)
    ),
    Case("clip_two_ways", lambda w: densor.optimizers.SGD(clipnorm=1.0, clipvalue=1.0), ValueError, None),
    Case(
        "unknown_keyword",
        lambda w: densor.layers.Dense(3, unit=4),
        TypeError,
        pattern="unexpected keyword argument",
    ),
    Case("uniform_order", lambda w: densor.initializers.RandomUniform(1.0, -1.0), ValueError, None),
    Case("initializer_shape", lambda w: densor.initializers.Zeros()((2, -1)), ValueError, "shape", "-1"),
    Case("orthogonal_shape", lambda w: densor.initializers.Orthogonal()((3,)), ValueError, "shape", "(3,)"),
    Case(
        "identity_shape",
        lambda w: densor.initializers.Identity()((2, 3, 4)),
        ValueError,
        "shape",
        "(2, 3, 4)",
    ),
    Case(
        "constant_shape",
        lambda w: densor.initializers.Constant([1, 2])((3, 3)),
        ValueError,
        "shape",
        "(3, 3)",
    ),
    Case("seed_negative", lambda w: densor.utils.set_random_seed(-1), ValueError, "seed", "-1"),
    Case("seed_text", lambda w: densor.utils.set_random_seed("a"), TypeError, "seed", "str"),
    Case("seed_fraction", lambda w: densor.utils.set_random_seed(1.5), TypeError, "seed", "1.5"),
    Case("input_shape", lambda w: densor.Input((-3,)), ValueError, "shape", "-3"),
    Case("input_kind", lambda w: densor.Input("ab"), NUMBER, "shape"),
    Case("sequential_layers", lambda w: densor.Sequential([3]), TypeError, "layers", "int"),
    Case("model_inputs", lambda w: densor.Model(3, 4), TypeError, "inputs", "int"),
    Case(
        "axis_of_nothing",
        lambda w: densor.layers.BatchNormalization(axis=5)(densor.Input((3,))),
        ValueError,
        "axis",
        "5",
    ),
    *(
        Case(
            f"axis_of_the_batch_{axis}",
            lambda w, axis=axis: densor.layers.LayerNormalization(axis=axis)(densor.Input((3, 4))),
            ValueError,
            "axis",
            str(axis),
        )
        for axis in (0, -3, 3, [0, 1], [1, -2])
    ),
    Case(
        "shared_axis_of_nothing",
        lambda w: densor.layers.PReLU(shared_axes=3)(densor.Input((3,))),
        ValueError,
        "shared_axes",
        "3",
    ),
    Case(
        "softmax_of_the_batch",
        lambda w: densor.layers.Softmax(axis=0)(densor.Input((3,))),
        ValueError,
        "axis",
        "0",
    ),
    Case(
        "groups_of_channels",
        lambda w: densor.layers.GroupNormalization(4)(densor.Input((6,))),
        ValueError,
        "groups",
        "4",
    ),
    Case(
        "norm_of_two_inputs",
        lambda w: densor.layers.LayerNormalization()([densor.Input((3,)), densor.Input((3,))]),
        TypeError,
        "inputs",
    ),
    Case(
        "add_shapes",
        lambda w: densor.layers.Add()([densor.Input((3,)), densor.Input((4,))]),
        ValueError,
        None,
        "4",
    ),
    Case("subtract_one", lambda w: densor.layers.Subtract()([densor.Input((3,))]), ValueError, None, "two"),
    Case("add_no_list", lambda w: densor.layers.Add()(densor.Input((3,))), ValueError, None, "list"),
    Case("layer_on_text", lambda w: densor.layers.Dense(3)("x"), TypeError, None, "str"),
    Case(
        "layer_on_complex", lambda w: densor.layers.Dense(3)(np.ones((2, 2)) * 1j), TypeError, None, "complex"
    ),
    Case(
        "disconnected",
        lambda w: densor.Model(densor.Input((3,)), w.other),
        ValueError,
        prepare=lambda w: densor.layers.Dense(2)(densor.Input((3,))),
    ),
]

CASES = [
    *_of("layers", LAYERS),
    *_of("optimizers", OPTIMIZERS),
    *_of("schedules", SCHEDULES),
    *_of("initializers", INITIALIZERS),
    *_of("callbacks", CALLBACKS),
    *_of("regularizers", REGULARIZERS),
    *_of("constraints", CONSTRAINTS),
    *_of("losses", LOSSES),
    *GETTERS,
    *OTHERS,
]
