"""JAX: an epoch is one `lax.scan` over batches that lie on the device, compiled whole, buffers donated."""

import functools
import time

import jax
import jax.numpy as jnp

from peers.network import CLIP, DROPOUT, EPOCHS, EPSILON, MOMENTUM, RATE, Network


def train(network: Network) -> tuple[list[float], float]:
    """Seconds of each epoch, and the loss of the first one, before rounding has grown."""
    x, y = network.data()
    batches = (
        jnp.asarray(x).reshape(network.steps, network.batch, -1),
        jnp.asarray(y).reshape(network.steps, network.batch),
    )
    state = first_state(network)
    run = jax.jit(functools.partial(epoch, network), donate_argnums=0)
    seconds, means = [], []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        state, losses = run(state, batches)
        means.append(float(losses.mean()))
        seconds.append(time.perf_counter() - start)
    return seconds, means[0]


def first_state(network: Network):
    layers, moving = [], []
    kernels = network.kernels()
    for i, kernel in enumerate(kernels):
        units = kernel.shape[1]
        layer = {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(units)}
        if network.rich and i < len(kernels) - 1:
            layer["gamma"] = jnp.ones(units)
            moving.append((jnp.zeros(units), jnp.ones(units)))
        layers.append(layer)
    zeros = jax.tree.map(jnp.zeros_like, layers)
    return layers, moving, zeros, jax.tree.map(jnp.copy, zeros), jnp.zeros(()), jax.random.key(0)


def epoch(network: Network, state, batches):
    return jax.lax.scan(functools.partial(step, network), state, batches)


def step(network: Network, state, batch):
    layers, moving, m, v, t, key = state
    key, noise = jax.random.split(key)
    (loss, moving), g = jax.value_and_grad(functools.partial(loss_of, network), has_aux=True)(
        layers, moving, noise, *batch
    )
    if network.rich:
        norm = jnp.sqrt(sum(jnp.sum(leaf * leaf) for leaf in jax.tree.leaves(g)))
        g = jax.tree.map(lambda leaf: leaf * (CLIP / jnp.maximum(norm, CLIP)), g)
    t = t + 1
    rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    m = jax.tree.map(lambda a, b: a + 0.1 * (b - a), m, g)
    v = jax.tree.map(lambda a, b: a + 0.001 * (b * b - a), v, g)
    layers = jax.tree.map(lambda w, a, b: w - rate * a / (jnp.sqrt(b) + 1e-7), layers, m, v)
    return (layers, moving, m, v, t, key), loss


def loss_of(network: Network, layers, moving, key, x, y):
    *hidden, last = layers
    moved = []
    for i, layer in enumerate(hidden):
        x = x @ layer["kernel"]
        if network.rich:
            x, statistics = batch_norm(x, layer, moving[i])
            moved.append(statistics)
        else:
            x = x + layer["bias"]
        x = jax.nn.relu(x)
        if network.rich:
            keep = jax.random.bernoulli(jax.random.fold_in(key, i), 1 - DROPOUT, x.shape)
            x = jnp.where(keep, x / (1 - DROPOUT), 0)
    z = x @ last["kernel"] + last["bias"]
    if network.binary:
        z = z[:, 0]
        return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))), moved
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1)), moved


def batch_norm(x, layer, moving):
    mean, variance = x.mean(0), x.var(0)
    x = (x - mean) * jax.lax.rsqrt(variance + EPSILON) * layer["gamma"] + layer["bias"]
    keep = lambda old, new: MOMENTUM * old + (1 - MOMENTUM) * new  # noqa: E731
    return x, (keep(moving[0], mean), keep(moving[1], variance))
