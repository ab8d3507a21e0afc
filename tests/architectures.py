"""Random small models: drawn as the nodes of tests/reference/model.py and built from the library's layers."""

from dataclasses import dataclass

import numpy as np

from tests.reference.model import EPSILON, Node

# Smooth enough for central differences almost everywhere; alpha as the reference takes it.
ACTIVATIONS = {
    "linear": 0.0,
    "relu": 0.0,
    "leaky_relu": 0.2,
    "elu": 1.0,
    "selu": 0.0,
    "sigmoid": 0.0,
    "tanh": 0.0,
    "silu": 1.0,
    "gelu": 0.0,
    "softplus": 0.0,
}
LOSSES = {  # kind: (last activation, densor.losses class, its arguments)
    "sparse": ("softmax", "SparseCategoricalCrossentropy", {}),
    "sparse_logits": ("linear", "SparseCategoricalCrossentropy", {"from_logits": True}),
    "categorical": ("softmax", "CategoricalCrossentropy", {}),
    "binary": ("sigmoid", "BinaryCrossentropy", {}),
    "binary_logits": ("linear", "BinaryCrossentropy", {"from_logits": True}),
    "mse": ("linear", "MeanSquaredError", {}),
    "mae": ("tanh", "MeanAbsoluteError", {}),
}


@dataclass(frozen=True)
class Architecture:
    features: int
    outputs: int
    nodes: list[Node]
    loss: str


class _Draft:
    """Nodes in the making, with the width of each."""

    def __init__(self, rng, features):
        self.rng, self.nodes, self.widths = rng, [Node("input", "input", ())], [features]

    def append(self, kind, inputs, width, layer=None, **options):
        self.nodes.append(Node(kind, layer or f"{kind}_{len(self.nodes)}", inputs, options))
        self.widths.append(width)
        return len(self.nodes) - 1

    def activation(self):
        name = str(self.rng.choice(list(ACTIVATIONS)))
        return {"activation": name, "alpha": ACTIVATIONS[name]}

    def dense(self, x, width=None):
        width = width or int(self.rng.integers(1, 8))
        return self.append(
            "dense", (x,), width, units=width, use_bias=bool(self.rng.random() < 0.8), **self.activation()
        )

    def batch_norm(self, x):
        return self.append("batch_norm", (x,), self.widths[x], frozen=bool(self.rng.random() < 0.2))

    def dropout(self, x):
        options = {"rate": float(self.rng.choice([0.2, 0.5])), "seed": int(self.rng.integers(1, 1000))}
        return self.append("dropout", (x,), self.widths[x], **options)

    def plain_activation(self, x):
        return self.append("activation", (x,), self.widths[x], **self.activation())

    def rescaling(self, x):
        return self.append("rescaling", (x,), self.widths[x], scale=0.5, offset=0.25)

    def residual(self, x):
        inner = self.dense(self.batch_norm(x), self.widths[x])
        return self.append("add", (x, inner), self.widths[x])

    def branches(self, x):
        left, right = self.dense(x), self.dense(x)
        return self.append("concatenate", (left, right), self.widths[left] + self.widths[right])

    def shared(self, x):
        """The same layer applied twice in a row, then added to itself once more."""
        width = self.widths[x]
        first = self.append("dense", (x,), width, units=width, use_bias=True, activation="tanh", alpha=0.0)
        layer, options = self.nodes[first].layer, self.nodes[first].options
        second = self.append("dense", (first,), width, layer, **options)
        return self.append("add", (first, second, second), width)

    def fan_out(self, x):
        """One tensor read by three consumers: gradients have to be summed."""
        return self.append("concatenate", (x, self.plain_activation(x), x), 3 * self.widths[x])


BLOCKS = (
    "dense",
    "batch_norm",
    "dropout",
    "plain_activation",
    "rescaling",
    "residual",
    "branches",
    "shared",
    "fan_out",
)


def draw(seed):
    """A random architecture of 2 to 6 blocks; every block and loss comes up within a few dozen seeds."""
    rng = np.random.default_rng([5, seed])
    features, outputs = int(rng.integers(1, 7)), int(rng.integers(2, 5))
    kind = list(LOSSES)[seed % len(LOSSES)]
    draft = _Draft(rng, features)
    x = draft.dense(0)
    for _ in range(int(rng.integers(1, 6))):
        if draft.widths[x] <= 12:
            x = getattr(draft, str(rng.choice(BLOCKS)))(x)
    options = {"units": outputs, "use_bias": True, "activation": LOSSES[kind][0], "alpha": 0.0}
    draft.append("dense", (x,), outputs, **options)
    return Architecture(features, outputs, draft.nodes, kind)


def targets(architecture, rows, rng):
    """Targets that suit the loss, as the library takes them."""
    shape = (rows, architecture.outputs)
    labels = rng.integers(0, architecture.outputs, rows)
    if architecture.loss.startswith("sparse"):
        return labels
    if architecture.loss == "categorical":
        return np.eye(architecture.outputs, dtype=np.float32)[labels]
    if architecture.loss.startswith("binary"):
        return rng.integers(0, 2, shape).astype(np.float32)
    return rng.standard_normal(shape).astype(np.float32)


def _layer(keras, node):
    name, options = node.layer, node.options
    activation = options.get("activation")
    if activation == "leaky_relu":
        activation = keras.layers.LeakyReLU(negative_slope=options["alpha"])
    match node.kind:
        case "dense":
            return keras.layers.Dense(
                options["units"], activation=activation, use_bias=options["use_bias"], name=name
            )
        case "batch_norm":
            return keras.layers.BatchNormalization(
                epsilon=EPSILON, name=name, trainable=not options["frozen"]
            )
        case "dropout":
            return keras.layers.Dropout(options["rate"], seed=options["seed"], name=name)
        case "activation":
            return keras.layers.Activation(activation, name=name)
        case "rescaling":
            return keras.layers.Rescaling(options["scale"], options["offset"], name=name)
        case "add":
            return keras.layers.Add(name=name)
        case "concatenate":
            return keras.layers.Concatenate(name=name)
    raise ValueError(node.kind)


def build(architecture, keras):
    """The same model from the layers of `keras` (densor, or Keras itself)."""
    layers, tensors = {}, []
    for node in architecture.nodes:
        if node.kind == "input":
            tensors.append(keras.Input((architecture.features,)))
            continue
        layer = layers.setdefault(node.layer, None) or _layer(keras, node)
        layers[node.layer] = layer
        xs = [tensors[i] for i in node.inputs]
        tensors.append(layer(xs if len(xs) > 1 else xs[0]))
    return keras.Model(tensors[0], tensors[-1])


def loss_of(architecture, keras):
    _, name, arguments = LOSSES[architecture.loss]
    return getattr(keras.losses, name)(**arguments)


def weights_of(model):
    """float64 copies of the weights by layer name, in the layer's order."""
    return {
        layer.name: [np.asarray(w, np.float64) for w in layer.get_weights()]
        for layer in model.layers
        if layer.get_weights()
    }
