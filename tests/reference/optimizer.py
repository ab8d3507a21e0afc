"""One optimizer step on a list of variables: clip, decoupled weight decay, rule. Keras' formulas, t = step + 1.

Rules are written over one variable w with its gradient g and its slots s (a dict that the rule changes).
`Rule.run` is one call per step over all variables, because Nadam's product belongs to the step.
"""

import numpy as np


def clip(gradients, clipvalue=None, clipnorm=None, global_clipnorm=None):
    """Elementwise to [-c, c]; to norm c per variable; to norm c over all variables. Factor c / max(norm, c)."""
    gradients = [np.asarray(g, np.float64) for g in gradients]
    if clipvalue is not None:
        return [np.clip(g, -clipvalue, clipvalue) for g in gradients]
    if clipnorm is not None:
        return [g * (clipnorm / max(np.linalg.norm(g), clipnorm)) for g in gradients]
    if global_clipnorm is not None:
        norm = np.sqrt(sum(np.sum(g * g) for g in gradients))
        return [g * (global_clipnorm / max(norm, global_clipnorm)) for g in gradients]
    return gradients


def decay(w, lr, weight_decay):
    return w - w * lr * weight_decay


def sgd(w, g, s, t, *, lr):
    return w - lr * g


def momentum(w, g, s, t, *, lr, momentum):
    s["momentum"] = momentum * s.get("momentum", 0.0) - lr * g
    return w + s["momentum"]


def nesterov(w, g, s, t, *, lr, momentum):
    s["momentum"] = momentum * s.get("momentum", 0.0) - lr * g
    return w + momentum * s["momentum"] - lr * g


def rmsprop(w, g, s, t, *, lr, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    s["velocity"] = rho * s.get("velocity", 0.0) + (1 - rho) * g * g
    denominator = s["velocity"] + epsilon
    if centered:
        s["average"] = rho * s.get("average", 0.0) + (1 - rho) * g
        denominator = denominator - s["average"] ** 2
    step = lr * g / np.sqrt(denominator)
    if momentum:
        step = s["momentum"] = momentum * s.get("momentum", 0.0) + step
    return w - step


def adagrad(w, g, s, t, *, lr, epsilon=1e-7, initial=0.1):
    s["accumulator"] = s.get("accumulator", initial) + g * g
    return w - lr * g / np.sqrt(s["accumulator"] + epsilon)


def _moments(g, s, beta_1, beta_2):
    s["momentum"] = beta_1 * s.get("momentum", 0.0) + (1 - beta_1) * g
    s["velocity"] = beta_2 * s.get("velocity", 0.0) + (1 - beta_2) * g * g
    return s["momentum"], s["velocity"]


def adam(w, g, s, t, *, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, paper=False):
    m, v = _moments(g, s, beta_1, beta_2)
    if amsgrad:
        v = s["velocity_hat"] = np.maximum(s.get("velocity_hat", 0.0), v)
    if paper:
        return w - lr * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    alpha = lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return w - alpha * m / (np.sqrt(v) + epsilon)


def adadelta(w, g, s, t, *, lr, rho=0.95, epsilon=1e-7):
    s["square"] = rho * s.get("square", 0.0) + (1 - rho) * g * g
    step = g * np.sqrt(s.get("step", 0.0) + epsilon) / np.sqrt(s["square"] + epsilon)
    s["step"] = rho * s.get("step", 0.0) + (1 - rho) * step * step
    return w - lr * step


def radam(w, g, s, t, *, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v = _moments(g, s, beta_1, beta_2)
    longest = 2 / (1 - beta_2) - 1
    length = longest - 2 * t * beta_2**t / (1 - beta_2**t)
    corrected = m / (1 - beta_1**t)
    if length <= 5:
        return w - lr * corrected
    r = np.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
    return w - lr * corrected * r * np.sqrt(1 - beta_2**t) / (np.sqrt(v) + epsilon)


def lion(w, g, s, t, *, lr, beta_1=0.9, beta_2=0.99):
    m = s.get("momentum", 0.0)
    s["momentum"] = beta_2 * m + (1 - beta_2) * g
    return w - lr * np.sign(beta_1 * m + (1 - beta_1) * g)


def lamb(w, g, s, t, *, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v = _moments(g, s, beta_1, beta_2)
    u = m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    weights, steps = np.linalg.norm(w), np.linalg.norm(u)
    return w - lr * (weights / steps if weights > 0 and steps > 0 else 1.0) * u


def ftrl(w, g, s, t, *, lr, power=0.5, initial=0.1, l1=0.0, l2=0.0, beta=0.0, shrinkage=0.0):
    old = s.get("accumulator", initial)
    new = s["accumulator"] = old + g * g
    growth = (new**power - old**power) / lr
    z = s["linear"] = s.get("linear", 0.0) + g + 2 * shrinkage * w - growth * w
    return (np.clip(z, -l1, l1) - z) / (new**power / lr + 2 * l2 + beta / lr)


def adamax(w, g, s, t, *, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s["momentum"] = beta_1 * s.get("momentum", 0.0) + (1 - beta_1) * g
    s["norm"] = np.maximum(beta_2 * s.get("norm", 0.0), np.abs(g))
    return w - lr * s["momentum"] / ((1 - beta_1**t) * (s["norm"] + epsilon))


def nadam(w, g, s, t, *, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7, momentum_decay=1.0):
    m, v = _moments(g, s, beta_1, beta_2)
    u = [beta_1 * (1 - 0.5 * 0.96 ** (momentum_decay * k)) for k in range(1, t + 2)]
    product, next_product = np.prod(u[:-1]), np.prod(u)
    corrected = u[-1] * m / (1 - next_product) + (1 - u[-2]) * g / (1 - product)
    return w - lr * corrected / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


def schedule_free(w, g, s, t, *, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup=0):
    lr = lr * min(t / warmup, 1.0) if warmup else lr
    z = s.get("z", w)
    s["velocity"] = beta_2 * s.get("velocity", 0.0) + (1 - beta_2) * g * g
    x = (w - (1 - beta_1) * z) / beta_1
    s["z"] = z - lr * g / (np.sqrt(s["velocity"] / (1 - beta_2**t)) + epsilon)
    x = x + (s["z"] - x) / t
    return (1 - beta_1) * s["z"] + beta_1 * x


def _rms(x):
    return np.sqrt(np.mean(x * x))


def adafactor(w, g, s, t, *, lr, decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, threshold=1.0):
    b, squares = 1 - t**decay, g * g + epsilon_1
    if w.ndim < 2:
        v = s["velocity"] = b * s.get("velocity", 0.0) + (1 - b) * squares
    else:
        r = s["row"] = b * s.get("row", 0.0) + (1 - b) * squares.mean(-1)
        c = s["column"] = b * s.get("column", 0.0) + (1 - b) * squares.mean(-2)
        v = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
    u = g / np.sqrt(v)
    scale = min(lr, t**-0.5) * max(epsilon_2, _rms(w))
    return w - scale * u / max(1.0, _rms(u) / threshold)


def orthogonal(x, steps=5, a=3.4445, b=-4.775, c=2.0315):
    """Newton-Schulz iterations towards the orthogonal factor of a matrix."""
    if x.shape[0] > x.shape[1]:
        return orthogonal(x.T, steps, a, b, c).T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def muon(w, g, s, t, *, lr, momentum=0.95, nesterov=True, rate=0.2, adam_decay=0.0, steps=5):
    """weight_decay is that of the matrices; adam_decay that of everything else."""
    if w.ndim != 2:
        return adam(w - w * lr * adam_decay, g, s, t, lr=lr)
    m = s["momentum"] = momentum * s.get("momentum", 0.0) + g
    u = orthogonal(g + momentum * m if nesterov else m, steps)
    return w - lr * u * (1.0 if rate is None else rate * np.sqrt(max(w.shape)))


RULES = {
    rule.__name__: rule
    for rule in (
        sgd, momentum, nesterov, rmsprop, adagrad, adadelta, adam, adamax, nadam, radam, lion, lamb, ftrl,
        schedule_free, adafactor, muon,
    )
}  # fmt: skip


def average(old, w, t, momentum):
    """The running mean after step t (from 1): Keras' exponential one, or Polyak's."""
    keep = (t - 1) / t if momentum == "polyak" else (momentum if t > 1 else 0.0)
    return keep * old + (1 - keep) * w


def step(
    rule, weights, gradients, states, t, *, lr, weight_decay=None, decays=None, clipping=None, **options
):
    """New weights after step t (from 1). states: one dict per variable. decays: which variables decay (all)."""
    gradients = clip(gradients, **(clipping or {}))
    decays = [True] * len(weights) if decays is None else decays
    updated = []
    for w, g, s, decayed in zip(weights, gradients, states, decays, strict=True):
        if weight_decay and decayed:
            w = decay(w, lr, weight_decay)
        updated.append(RULES[rule](w, g, s, t, lr=lr, **options))
    return updated
