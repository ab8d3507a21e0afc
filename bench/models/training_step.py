"""A training step of dense networks: densor against JAX, PyTorch, Keras, TensorFlow and scikit-learn.

Everyone trains the same network from the same weights on the same batches, in float32, and where the CPU has matrix
units at the precision "high" and in bfloat16, too; timed are whole epochs
after the first, which compiles and warms up and is compared with them. The losses of the first epoch show that the
work was equal: with noise, and with other roundings of Adam's epsilon, within 3 %, or the run has failed.
"""

import os
import time
import warnings
from collections.abc import Callable, Container
from functools import partial

import contestant
from contestant import Figures
from peers.network import EPOCHS, NETWORKS, RATE, Network

EQUAL = 0.03  # of the loss


def every(
    train: Callable[[Network], tuple[list[float], float]], precisions: Container[str] = ("float32", "high")
) -> Figures:
    """The cases that run here and of a precision that the contestant has: for "high" it takes its float32."""
    found: Figures = {}
    for network in NETWORKS:
        if contestant.wanted(network.name) and network.runs_here and network.precision in precisions:
            found |= network.figures(*train(network))
    return found


def densor() -> Figures:
    import densor
    from peers import keras_steps

    def train(network: Network) -> tuple[list[float], float]:
        densor.config.set_matmul_precision("high" if network.precision == "high" else "highest")
        densor.config.set_dtype_policy("mixed_bfloat16" if network.precision == "bfloat16" else "float32")
        return keras_steps.train(densor, network)

    return every(train, ("float32", "high", "bfloat16"))


def jax() -> Figures:
    from peers import jax_steps

    return every(jax_steps.train)


def torch() -> Figures:
    from peers import torch_steps

    return every(torch_steps.train, ("float32", "high", "bfloat16"))


def torch_compile() -> Figures:
    from peers import torch_steps

    return every(partial(torch_steps.train, compiled=True), ("float32", "high", "bfloat16"))


def torch_graph() -> Figures:
    from peers import torch_graph

    return every(torch_graph.train)


def tensorflow() -> Figures:
    from peers import tensorflow_steps

    return every(tensorflow_steps.train)


def keras(backend: str) -> Figures:
    os.environ["KERAS_BACKEND"] = backend
    import keras

    from peers import keras_steps

    return every(lambda network: keras_steps.train(keras, network))


def sklearn() -> Figures:
    """Its MLPClassifier has neither batch normalization nor dropout, and draws its own first weights."""
    from sklearn.neural_network import MLPClassifier

    def train(network: Network) -> tuple[list[float], float]:
        x, y = network.data()
        model = MLPClassifier(
            network.sizes[1:-1], batch_size=network.batch, learning_rate_init=RATE, alpha=0, epsilon=1e-7,
            max_iter=1, warm_start=True, shuffle=False, random_state=0,
        )  # fmt: skip
        seconds, losses = [], []
        for _ in range(EPOCHS):
            start = time.perf_counter()
            model.fit(x, y)
            seconds.append(time.perf_counter() - start)
            losses.append(model.loss_)
        return seconds, losses[0]

    warnings.simplefilter("ignore")  # "not converged", at every epoch
    found: Figures = {}
    for network in NETWORKS:
        if contestant.wanted(network.name) and not network.rich and network.precision == "float32":
            figures = network.figures(*train(network))
            figures[network.name]["loss, own weights"] = figures[network.name].pop("loss")
            found |= figures
    return found


CONTESTANTS = {
    "densor": densor,
    "jax": jax,
    "torch": torch,
    "torch compile": torch_compile,
    "torch one graph": torch_graph,
    "tensorflow": tensorflow,
    "keras on jax": partial(keras, "jax"),
    "keras on torch": partial(keras, "torch"),
    "sklearn": sklearn,
}

if __name__ == "__main__":
    contestant.main(CONTESTANTS, equal={"loss": EQUAL})
