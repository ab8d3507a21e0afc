"""A training step of dense networks: densor against JAX, PyTorch, Keras on JAX and scikit-learn.

Everyone trains the same network from the same weights on the same batches, in float32; timed are whole epochs
after one that warms up (and compiles). Where nothing is random the losses of the first epoch agree.
"""

import os
import time
import warnings
from collections.abc import Callable

import contestant
from contestant import Figures
from peers.network import EPOCHS, NETWORKS, RATE, Network


def every(train: Callable[[Network], tuple[list[float], float]]) -> Figures:
    found: Figures = {}
    for network in NETWORKS:
        if contestant.wanted(network.name):
            found |= network.figures(*train(network))
    return found


def densor() -> Figures:
    import densor
    from peers import keras_steps

    return every(lambda network: keras_steps.train(densor, network))


def jax() -> Figures:
    from peers import jax_steps

    return every(jax_steps.train)


def torch() -> Figures:
    from peers import torch_steps

    return every(torch_steps.train)


def keras() -> Figures:
    os.environ["KERAS_BACKEND"] = "jax"
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
        for _ in range(1 + EPOCHS):
            start = time.perf_counter()
            model.fit(x, y)
            seconds.append(time.perf_counter() - start)
            losses.append(model.loss_)
        return seconds[1:], losses[0]

    warnings.simplefilter("ignore")  # "not converged", at every epoch
    found: Figures = {}
    for network in NETWORKS:
        if contestant.wanted(network.name) and not network.rich:
            found |= network.figures(*train(network))
    return found


CONTESTANTS = {"densor": densor, "jax": jax, "torch": torch, "keras": keras, "sklearn": sklearn}

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
