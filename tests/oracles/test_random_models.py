"""Models, optimizers, schedules and data drawn at random: 50 steps from the same weights end within 1e-5 of Keras'.

Smooth functions are drawn: at a kink, two roundings of one number may be two trajectories. (Lion's sign and the
orthogonal penalty have kinks that no weight of these seeds comes near.)

Where other seeds part from Keras, as 307, 337, 350 (FTRL), 1032 (Adadelta) or 1063 (Lamb), a rounding is amplified:
see `test_a_norm_constraint_amplifies_what_keras_ftrl_rounds_away`; 1032 lets Keras part from itself, by 4e-2, when
its first weights are moved by 1e-7; 1063 has weights without influence, whose steps Lamb brings to the norm of the
weights, however small the rounding errors are that make up their gradients.
"""

import numpy as np
import pytest

import densor
from tests.tolerances import assert_close

BATCH, STEPS, EPOCHS = 8, 10, 5
ACTIVATIONS = [
    "tanh", "sigmoid", "softplus", "silu", "gelu", "selu", "elu", "mish", "celu", "softsign", "squareplus",
    "log_sigmoid", "tanh_shrink", "softmax", "log_softmax", None,
]  # fmt: skip


class Draw:
    """One random problem: the same for every library that asks with the same seed."""

    def __init__(self, seed):
        self.seed = seed
        rng = self.rng = np.random.default_rng(seed)
        self.features = int(rng.integers(1, 40))
        self.outputs = int(rng.integers(2, 7))
        self.task = ["classes", "one_hot", "binary", "regression"][rng.integers(4)]
        rows = BATCH * STEPS - int(rng.integers(0, BATCH))  # the last batch may be a partial one
        self.x = rng.standard_normal((rows, self.features)).astype(np.float32)
        self.y = {
            "classes": lambda: rng.integers(0, self.outputs, rows),
            "one_hot": lambda: np.eye(self.outputs, dtype=np.float32)[rng.integers(0, self.outputs, rows)],
            "binary": lambda: rng.integers(0, 2, (rows, 1)),
            "regression": lambda: rng.standard_normal((rows, self.outputs)).astype(np.float32),
        }[self.task]()
        self.weight = rng.uniform(0.2, 2, rows).astype(np.float32) if rng.random() < 0.3 else None

    def restart(self):
        """The generator of the model and its optimizer: each library gets the same draws."""
        self.rng = np.random.default_rng([self.seed, 1])

    def chance(self, probability):
        return self.rng.random() < probability

    def choose(self, options):
        return options[self.rng.integers(len(options))]

    def model(self, keras):
        inputs = keras.Input((self.features,))
        x = self.standardization(keras)(inputs) if self.seed % 4 == 0 else inputs
        for _ in range(self.rng.integers(1, 5)):
            x = self.block(keras, x)
        units = 1 if self.task == "binary" else self.outputs
        head = {"binary": "sigmoid", "regression": None}.get(self.task, "softmax")
        return keras.Model(inputs, keras.layers.Dense(units, activation=head)(x))

    def block(self, keras, x):
        layers = keras.layers
        units = int(self.rng.integers(1, 30))
        activation = self.choose(ACTIVATIONS)
        if self.chance(0.3):  # no bias before a normalization, whose gradient would be rounding errors
            y = layers.Dense(units, use_bias=False, **self.limits(keras, x.shape[-1], units))(x)
            y = layers.Activation(activation or "linear")(self.normalization(keras)(y))
        else:
            limits = self.limits(keras, x.shape[-1], units)
            y = layers.Dense(units, activation=activation, use_bias=self.chance(0.8), **limits)(x)
        if self.chance(0.2) and x.shape[-1] > 1:
            y = layers.Concatenate()([x, y])
        elif self.chance(0.2):
            y = layers.Add()([layers.Dense(y.shape[-1])(x), y])
        return y

    def standardization(self, keras):
        """By statistics of some of the data."""
        some = self.x[::2].astype(np.float64)
        return keras.layers.Normalization(mean=some.mean(axis=0), variance=some.var(axis=0) + 0.1)

    def limits(self, keras, inputs, units):
        """Penalties and constraints of a Dense. l1 on no bias: these start at its kink."""
        regularizers, constraints, drawn = keras.regularizers, keras.constraints, {}
        if self.chance(0.3):
            kinds = ["l2", regularizers.L1(0.002), regularizers.L1L2(0.001, 0.01)]
            if inputs > 1 and units > 1:
                kinds += [regularizers.OrthogonalRegularizer(0.02, mode) for mode in ("rows", "columns")]
            drawn["kernel_regularizer"] = self.choose(kinds)
        if self.chance(0.15):
            drawn["activity_regularizer"] = self.choose(["l2", regularizers.L1L2(0.0, 0.02)])
        if self.chance(0.3):
            drawn["kernel_constraint"] = self.choose(
                [
                    constraints.MaxNorm(0.8),
                    constraints.MinMaxNorm(0.3, 1.2, rate=0.6),
                    constraints.MinMaxNorm(0.2, 1.0, axis=1),
                    constraints.UnitNorm(),
                    constraints.NonNeg(),
                ]
            )
        if self.chance(0.1):
            drawn["bias_regularizer"], drawn["bias_constraint"] = "l2", constraints.MaxNorm(0.05)
        return drawn

    def normalization(self, keras):
        """With a large epsilon: the scale of a column that hardly varies would be rounding errors."""
        return self.choose(
            [
                lambda: keras.layers.BatchNormalization(momentum=self.choose([0.5, 0.9]), epsilon=0.1),
                lambda: keras.layers.LayerNormalization(epsilon=0.1),
                lambda: keras.layers.RMSNormalization(epsilon=0.1),
            ]
        )()

    def learning_rate(self, keras, scale):
        schedules = keras.optimizers.schedules
        return self.choose(
            [
                lambda: scale,
                lambda: schedules.ExponentialDecay(scale, 7, 0.8, staircase=True),
                lambda: schedules.InverseTimeDecay(scale, 5, 0.3),
                lambda: schedules.PolynomialDecay(scale, 30, scale / 10, power=2.0),
                lambda: schedules.CosineDecay(scale, 40, 0.1, warmup_target=2 * scale, warmup_steps=5),
                lambda: schedules.PiecewiseConstantDecay([11, 23], [scale, scale / 2, scale / 4]),
            ]
        )()

    def optimizer(self, keras):
        name, scale, options = self.choose(
            [
                ("SGD", 0.03, {}),
                ("SGD", 0.01, {"momentum": 0.9}),
                ("SGD", 0.01, {"momentum": 0.8, "nesterov": True}),
                # A large epsilon: a gradient that is all rounding error must not make a full step.
                ("RMSprop", 0.002, {"epsilon": 1e-3}),
                ("RMSprop", 0.002, {"epsilon": 1e-2, "centered": True, "momentum": 0.5}),
                ("Adam", 0.004, {"epsilon": 1e-3}),
                ("Nadam", 0.004, {"epsilon": 1e-3}),
                ("Adamax", 0.004, {"epsilon": 1e-3}),
                ("Adam", 0.004, {"epsilon": 1e-3, "amsgrad": True}),
                ("AdamW", 0.004, {"epsilon": 1e-3, "weight_decay": 0.02}),
                ("Adagrad", 0.01, {}),
                ("Adadelta", 0.3, {"epsilon": 1e-3}),
                ("Lion", 0.0005, {}),
                ("Lamb", 0.004, {"epsilon": 1e-3}),
                ("Ftrl", 0.02, {"beta": 0.5}),
                ("Ftrl", 0.02, {"learning_rate_power": -0.6, "l2_regularization_strength": 0.01}),
            ]
        )
        options = dict(options)
        clip = self.choose([None, None, "clipvalue", "clipnorm", "global_clipnorm"])
        if clip is not None:
            options[clip] = float(self.choose([0.3, 1.0]))
        if self.chance(0.2):
            options["weight_decay"] = 0.01
        if self.chance(0.2):
            options |= {"use_ema": True, "ema_momentum": 0.9}
            options["ema_overwrite_frequency"] = self.choose([None, 7])
        if self.chance(0.2):
            options["gradient_accumulation_steps"] = self.choose([2, 3])
        return getattr(keras.optimizers, name)(learning_rate=self.learning_rate(keras, scale), **options)

    def loss(self):
        return {
            "classes": ["sparse_categorical_crossentropy"],
            "one_hot": ["categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence", "mse"],
            "binary": ["binary_crossentropy", "binary_focal_crossentropy", "log_cosh", "mse"],
            "regression": ["mse", "log_cosh", "huber", "cosine_similarity"],
        }[self.task]

    def objective(self):
        return {"loss": self.choose(self.loss())}


class SeveralDraw(Draw):
    """A random problem with two inputs and two outputs, whose second may leave the model before its end."""

    def __init__(self, seed):
        super().__init__(seed)
        rows, rng = len(self.x), self.rng
        self.second = int(rng.integers(1, 20))
        self.x = [self.x, rng.standard_normal((rows, self.second)).astype(np.float32)]
        self.y = [self.y, rng.standard_normal((rows, 2)).astype(np.float32)]
        self.weight = None if self.weight is None else [self.weight, self.weight[::-1].copy()]

    def model(self, keras):
        layers = keras.layers
        inputs = [keras.Input((self.features,)), keras.Input((self.second,))]
        branches = [self.block(keras, each) for each in inputs]
        if self.chance(0.5):
            trunk = layers.Concatenate()(branches)
        else:
            units = int(self.rng.integers(1, 20))
            trunk = layers.Add()([layers.Dense(units, activation="tanh")(each) for each in branches])
        end = self.block(keras, trunk)
        units = 1 if self.task == "binary" else self.outputs
        head = {"binary": "sigmoid", "regression": None}.get(self.task, "softmax")
        first = layers.Dense(units, activation=head)(end)
        return keras.Model(inputs, [first, layers.Dense(2)(self.choose([*branches, trunk, end]))])

    def objective(self):
        return {
            "loss": [self.choose(self.loss()), "mse"],
            "loss_weights": self.choose([None, [0.4, 1.5]]),
        }


def build(keras, draw):
    draw.restart()
    model = draw.model(keras)
    model.compile(draw.optimizer(keras), **draw.objective())
    return model


def train(draw, model):
    history = model.fit(
        draw.x, draw.y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, sample_weight=draw.weight
    )
    return history.history["loss"]


@pytest.mark.parametrize(
    ("kind", "seed"),
    [*((Draw, seed) for seed in range(30)), *((SeveralDraw, seed) for seed in range(100, 110))],
)
@pytest.mark.filterwarnings("ignore:compile.*l2 penalty")
def test_random_model(keras, kind, seed):
    draw = kind(seed)
    theirs, ours = build(keras, draw), build(densor, draw)
    start = theirs.get_weights()
    ours.set_weights(start)
    expected, actual = train(draw, theirs), train(draw, ours)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    for want, got in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        assert_close(got, want, "trajectory")
    moved = max(np.abs(w - s).max() for w, s in zip(ours.get_weights(), start, strict=True))
    assert moved > 2e-4, "the training did nothing, so nothing was compared"


def test_a_norm_constraint_amplifies_what_keras_ftrl_rounds_away(keras):
    """z begins at 0, so that the first weights are of the size of lr * gradient, and UnitNorm makes them large again.

    Keras subtracts two powers of the accumulator, which are equal but for the gradient's square, and divides by lr:
    its first step is off by 1e-5 and more, ours is not.
    """
    rng = np.random.default_rng(2)
    start = rng.uniform(-1, 1, (6, 3)).astype(np.float32)
    gradient = (2e-3 * rng.choice([-1, 1], (6, 3))).astype(np.float32)
    rate, accumulator = 0.02, 0.1
    growth = gradient.astype(np.float64) ** 2 / (
        np.sqrt(accumulator + gradient.astype(np.float64) ** 2) + 0.1**0.5
    )
    z = gradient - growth / rate * start
    exact = -z / (np.sqrt(accumulator + gradient.astype(np.float64) ** 2) / rate)
    exact /= np.linalg.norm(exact, axis=0) + 1e-7

    def stepped(library, array):
        layer = library.layers.Dense(3, use_bias=False, kernel_constraint=library.constraints.UnitNorm())
        layer.build((None, 6))
        layer.set_weights([start])
        optimizer = library.optimizers.Ftrl(rate)
        optimizer.build(layer.trainable_weights)
        optimizer.apply([array(gradient)], layer.trainable_weights)
        return np.abs(layer.get_weights()[0] - exact).max()

    assert stepped(densor, np.asarray) < 2e-6
    assert stepped(keras, keras.ops.convert_to_tensor) > 5e-6
