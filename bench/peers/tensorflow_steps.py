"""TensorFlow: an epoch is one function compiled by XLA, a loop over batches that lie in one tensor."""

import time

import tensorflow as tf

from peers.network import CLIP, DROPOUT, EPOCHS, EPSILON, MOMENTUM, RATE, Network


def train(network: Network) -> tuple[list[float], float]:
    """Seconds of each epoch, and the loss of the first one, before rounding has grown."""
    tf.random.set_seed(0)
    x, y = network.data()
    batches = (
        tf.reshape(tf.constant(x), (network.steps, network.batch, -1)),
        tf.reshape(tf.constant(y), (network.steps, network.batch)),
    )
    state = State(network)
    run = tf.function(state.epoch, jit_compile=True)
    seconds, means = [], []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        means.append(float(run(*batches)))
        seconds.append(time.perf_counter() - start)
    return seconds, means[0]


class State:
    """The variables of a network and of Adam, and what changes them."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers, self.moving = [], []
        kernels = network.kernels()
        for i, kernel in enumerate(kernels):
            units = kernel.shape[1]
            layer = {"kernel": tf.Variable(kernel), "bias": tf.Variable(tf.zeros(units))}
            if network.rich and i < len(kernels) - 1:
                layer["gamma"] = tf.Variable(tf.ones(units))
                self.moving.append((tf.Variable(tf.zeros(units)), tf.Variable(tf.ones(units))))
            self.layers.append(layer)
        self.weights = [weights for layer in self.layers for weights in layer.values()]
        self.m, self.v = ([tf.Variable(tf.zeros_like(w)) for w in self.weights] for _ in range(2))
        self.t = tf.Variable(0.0)

    def epoch(self, x, y):
        total = tf.constant(0.0)
        for i in tf.range(self.network.steps):
            total += self.step(x[i], y[i])
        return total / self.network.steps

    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = self.loss(x, y)
        gradients = tape.gradient(loss, self.weights)
        if self.network.rich:
            gradients, _ = tf.clip_by_global_norm(gradients, CLIP)
        t = self.t.assign_add(1.0)
        rate = RATE * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for w, g, m, v in zip(self.weights, gradients, self.m, self.v, strict=True):
            new_m = m.assign_add(0.1 * (g - m))
            new_v = v.assign_add(0.001 * (g * g - v))
            w.assign_sub(rate * new_m / (tf.sqrt(new_v) + 1e-7))
        return loss

    def loss(self, x, y):
        *hidden, last = self.layers
        for i, layer in enumerate(hidden):
            x = x @ layer["kernel"]
            if self.network.rich:
                x = self.batch_norm(x, layer, self.moving[i])
            else:
                x = x + layer["bias"]
            x = tf.nn.relu(x)
            if self.network.rich:
                x = tf.nn.dropout(x, DROPOUT)
        z = x @ last["kernel"] + last["bias"]
        if self.network.binary:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(y, tf.float32), z[:, 0])
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)
        return tf.reduce_mean(losses)

    def batch_norm(self, x, layer, moving):
        mean, variance = tf.nn.moments(x, [0])
        for average, batch in zip(moving, (mean, variance), strict=True):
            average.assign_add((1 - MOMENTUM) * (batch - average))
        return (x - mean) * tf.math.rsqrt(variance + EPSILON) * layer["gamma"] + layer["bias"]
