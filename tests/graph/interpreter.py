"""Executes the instructions of a lowering in float64, by the references, in the memory that the buffers share.

Nothing native takes part: what is tested with it is the graph's own work (tracing, passes, gradients, reuse of
memory). Every float32 buffer becomes a float64 one at twice its offset, a bfloat16 one a float32 one that holds the
rounded values; memory starts as NaN.
"""

import numpy as np

from densor import _core
from densor.graph.buffers import BFLOAT16, View
from densor.graph.lowering import GradientOf, Reshaped, Variable
from tests.reference import (
    accumulate,
    accuracy,
    activation,
    batch_norm,
    bf16,
    circle_loss,
    column_sum,
    dropout,
    expression,
    gather,
    gaussian_noise,
    layer_norm,
    mean_absolute_error,
    mean_squared_error,
    norm_constraint,
    penalty,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    sparsemax,
    standardize,
    transpose,
)

OPCODES = {code: name for name, code in _core.expression_opcodes().items()}
WIDE = {"float32": np.float64, "int32": np.int64, "uint16": np.uint32, "bfloat16": np.float32}
LOSSES = {
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
}


class Interpreter:
    """Runs one batch. `feeds`: arrays by feed; `variables`: float64 values by variable, changed by updates.

    After `run`, `gradients` has the gradient of every variable by variable, `outputs` the scattered arrays.
    """

    def __init__(self, lowering, feeds, variables, step=0):
        self.lowering, self.feeds, self.variables, self.step = lowering, feeds, variables, step
        self.gradients, self.outputs = {}, {}
        self.memory = np.full(lowering.place() // 4, np.nan)  # float64: two bytes for each of the placed

    def run(self):
        for instruction in self.lowering.instructions:
            arguments = {name: self.bound(value) for name, value in instruction.arguments.items()}
            getattr(self, instruction.op)(**arguments)
            for view in instruction.views():
                if view.dtype == BFLOAT16:
                    values = self.bound(view)
                    values[...] = bf16.rounded(values)
        return self

    def bound(self, value):
        if isinstance(value, View):
            raw = self.memory.view(np.uint8)[2 * value.buffer.offset :][: 2 * value.buffer.nbytes]
            name = "bfloat16" if value.dtype == BFLOAT16 else str(value.dtype)
            return raw.view(WIDE[name]).reshape(value.shape)
        if isinstance(value, Variable):
            return self.variables.get(value, value.array)  # the constants of a formula are as they are
        if isinstance(value, GradientOf):
            return self.gradients.setdefault(value.variable, np.full(value.variable.shape, np.nan))
        if isinstance(value, Reshaped):
            return self.bound(value.value).reshape(value.shape)
        if isinstance(value, list):
            return [self.bound(item) for item in value]
        return value

    def gather(self, out, feed, scale, offset):
        data = self.feeds[feed]
        out[...] = gather.forward(data, range(len(data)), scale, offset).reshape(out.shape)

    def scatter(self, feed, x):
        self.outputs[feed] = x.copy()

    def cast(self, y, x):
        y[...] = x

    def add(self, y, a, b):
        y[...] = a + b

    def expression(self, outputs, operands, code, constants, rows, cols):
        results = expression.forward(OPCODES, code, constants, operands, rows, cols)
        for index, out in enumerate(outputs):
            out[...] = results[index]

    def column_sum(self, sum, x):
        sum[...] = column_sum.forward(x)

    def concatenate(self, y, xs):
        y[...] = np.concatenate(xs, axis=1)

    def concatenate_backward(self, dxs, dy):
        ends = np.cumsum([dx.shape[1] for dx in dxs])[:-1]
        for dx, part in zip(dxs, np.split(dy, ends, axis=1), strict=True):
            dx[...] = part

    def slice_columns(self, y, x, first):
        y[...] = x[:, first : first + y.shape[1]]

    def slice_columns_backward(self, dx, dy, first):
        dx[...] = 0
        dx[:, first : first + dy.shape[1]] = dy

    def rescale(self, y, x, scale, offset):
        y[...] = x * scale + offset

    def activation_forward(self, y, x, activation, alpha):
        y[...] = _activate(x, activation, alpha)

    def activation_backward(self, dx, dy, saved, activation, alpha):
        dx[...] = dy * _slope(saved, activation, alpha)

    def softmax_forward(self, y, x):
        y[...] = softmax.forward(x)

    def sparsemax(self, y, x):
        y[...] = sparsemax.forward(x)

    def softmax_backward(self, dx, dy, y):
        dx[...] = y * (dy - (dy * y).sum(axis=1, keepdims=True))

    def dense_forward(self, y, z, x, w, bias, activation, alpha, training=False, bfloat16=False):
        before = x @ _multiplied(w, bfloat16) + (0 if bias is None else bias)
        if z is not None:
            z[...] = before
        y[...] = _activate(before, activation, alpha)

    def dense_backward(
        self, dx, dw, dbias, dz, dy, saved, x, w, activation, alpha, below_mask=None,
        below_rate=0.0, below_kind="inverted", below_saved=None, below_activation="linear", below_alpha=0.0,
        bfloat16=False,
    ):  # fmt: skip
        assert (dz is None) == (saved is None) == (activation == "linear")
        after = dy if dz is None else dz
        after[...] = dy if saved is None else dy * _slope(saved, activation, alpha)
        products = after @ _multiplied(w, bfloat16).T, x.T @ after
        _store((dx, dw, dbias), (*products, after.sum(axis=0)))
        if below_mask is not None:
            self.dropout_backward(dx, dx, below_mask, below_rate, below_kind)
        if below_saved is not None:
            self.activation_backward(dx, dx, below_saved, below_activation, below_alpha)

    def dense_chain_forward(self, y, z, mask, x, w, bias, activation, alpha, rate, kind, seed, stream):
        for i, kernel in enumerate(w):
            before = x @ kernel + (0 if bias[i] is None else bias[i])
            x = _activate(before, activation[i], alpha[i])
            _store((y[i], z[i]), (x, before))
            if mask[i] is not None:
                self.dropout_forward(x := x.copy(), mask[i], x, rate[i], kind[i], seed[i], stream[i])

    def dense_chain_backward(self, dx, dw, dbias, dy, x, w, y, z, mask, activation, alpha, rate, kind):
        for i in reversed(range(len(w))):
            if dx is None and all(gradient is None for gradient in [*dw[: i + 1], *dbias[: i + 1]]):
                return
            if mask[i] is not None:
                dy = dropout.backward(dy, _bits(mask[i], dy.shape[1]), rate[i], kind[i])
            if activation[i] != "linear":
                dy = dy * _slope(y[i] if z[i] is None else z[i], activation[i], alpha[i])
            read = x if i == 0 else y[i - 1]
            if dw[i] is not None and i > 0 and mask[i - 1] is not None:
                read = dropout.forward(read, _bits(mask[i - 1], read.shape[1]), rate[i - 1], kind[i - 1])
            _store((dw[i], dbias[i]), (None if dw[i] is None else read.T @ dy, dy.sum(axis=0)))
            dy = dy @ w[i].T
        _store((dx,), (dy,))

    def batch_norm_forward(
        self, y, mean, variance, x, gamma, beta, epsilon, activation, alpha, mask=None, rate=0.0, seed=0,
        stream=0, rounded=False,
    ):  # fmt: skip
        y[...], _, mean[...], variance[...] = batch_norm.forward(x, gamma, beta, epsilon, activation, alpha)
        if mask is not None:
            self.dropout_forward(y, mask, y.copy(), rate, "inverted", seed, stream, activation == "relu")

    def batch_norm_inference(
        self, y, x, gamma, beta, moving_mean, moving_variance, epsilon, activation, alpha
    ):
        y[...], _ = batch_norm.inference(
            x, gamma, beta, moving_mean, moving_variance, epsilon, activation, alpha
        )

    def batch_norm_backward(
        self, dx, dgamma, dbeta, dy, x, y, mean, variance, gamma, epsilon, activation, alpha, mask=None,
        rate=0.0, rounded=False,
    ):  # fmt: skip
        dz = dy if y is None else dy * _slope(y, activation, alpha)
        if mask is not None:
            dz = dropout.backward(dy, _bits(mask, dy.shape[1]), rate, "inverted")
        _store((dx, dgamma, dbeta), batch_norm.backward(dz, x, dz, gamma, mean, variance, epsilon))

    def batch_norm_inference_backward(
        self, dx, dgamma, dbeta, dy, x, y, gamma, moving_mean, moving_variance, epsilon, activation, alpha
    ):
        dz = dy if y is None else dy * _slope(y, activation, alpha)
        results = batch_norm.inference_backward(dz, x, dz, gamma, moving_mean, moving_variance, epsilon)
        _store((dx, dgamma, dbeta), results)

    def batch_norm_update(
        self, moving_mean, moving_variance, mean, variance, momentum, correction, from_first
    ):
        assert not from_first, "tests/ops has the test of it"
        moving_mean[...] = batch_norm.update(moving_mean, mean, momentum)
        moving_variance[...] = batch_norm.update(moving_variance, correction * variance, momentum)

    def layer_norm_forward(self, y, statistics, x, gamma, beta, epsilon, kind):
        statistics[...] = 0.0  # the backward reference computes its own
        y[...] = layer_norm.forward(x, gamma, beta, epsilon, kind)

    def layer_norm_backward(self, dx, dgamma, dbeta, dy, x, statistics, gamma, epsilon, kind):
        groups, inner = (1, None) if dbeta is None else dbeta.shape
        _store((dx, dgamma, dbeta), layer_norm.backward(dy, x, gamma, epsilon, kind, groups, inner))

    def transpose(self, y, x, shape, axes):
        y[...] = transpose.forward(x, shape, axes)

    def dropout_forward(self, y, mask, x, rate, kind, seed, stream, positive=False):
        keep = dropout.kept(*x.shape, rate, seed, stream, self.step)
        mask[...] = dropout.pack(keep & (x > 0) if positive else keep)
        y[...] = dropout.forward(x, keep, rate, kind)

    def dropout_spread(self, y, mask, x, rate, kind, seed, stream, shape, noise_shape, shared_rows):
        rows = 1 if shared_rows else len(x)
        keep = dropout.spread((rows, *noise_shape), (len(x), *shape), rate, seed, stream, self.step).reshape(
            x.shape
        )
        mask[...] = dropout.pack(keep)
        y[...] = dropout.forward(x, keep, rate, kind)

    def dropout_backward(self, dx, dy, mask, rate, kind):
        dx[...] = dropout.backward(dy, _bits(mask, dy.shape[1]), rate, kind)

    def gaussian_noise(self, y, x, stddev, multiplies, seed, stream):
        y[...] = gaussian_noise.forward(x, stddev, multiplies, seed, stream, self.step)

    def standardize(self, y, x, mean, variance, epsilon, invert):
        y[...] = standardize.forward(x, mean, variance, epsilon, invert)

    def accuracy(self, correct, x, target, kind, threshold):
        correct[...] = accuracy.forward(x, target, kind, threshold)

    def circle_loss(self, loss, dx, x, label, reference, gamma, margin, without_diagonal):
        arguments = (x, label, reference, gamma, margin, without_diagonal)
        _store((loss, dx), (circle_loss.forward(*arguments), circle_loss.backward(*arguments)))

    def accumulate(self, totals, values, weight):
        totals[...] = accumulate.forward(totals, values, weight)

    def penalty(self, totals, xs, dxs, l1, l2, weight, scale, add, by_rows):
        for k, x in enumerate(xs):
            if totals is not None:
                totals[0] += weight * penalty.value(x, l1[k], l2[k])
            if dxs:
                gradient = scale * penalty.gradient(x, l1[k], l2[k]).reshape(dxs[k].shape)
                dxs[k][...] = gradient + (dxs[k] if add else 0.0)

    def norm_constraint(self, w, low, high, rate):
        w[...] = norm_constraint.apply(w, low, high, rate, axis=1)

    def optimizer(self, **arguments):
        self.stepped = arguments

    def __getattr__(self, name):
        if name not in LOSSES:
            raise AttributeError(name)
        reference = LOSSES[name]

        def run(loss, dx, x, target, weight, scale, mean=False):
            loss[...] = reference.forward(x, target)
            if dx is not None:
                dx[...] = reference.backward(x, target, weight, scale)

        return run


def _store(outputs, values):
    for out, value in zip(outputs, values, strict=True):
        if out is not None:
            out[...] = value


def _multiplied(w, bfloat16):
    """The kernel as the product has it: matrix units round it while they read it."""
    return bf16.rounded(w.astype(np.float32)) if bfloat16 else w


def _bits(mask, columns):
    """bool (rows, columns) of a dropout's mask."""
    column = np.arange(columns)
    return ((mask[:, column // 16] >> (column % 16).astype(np.uint32)) & 1).astype(bool)


def _activate(x, name, alpha):
    return activation.forward(x, name, alpha)


def _slope(saved, name, alpha):
    return activation.slope(saved, name, alpha)
