"""What a user waits for besides arithmetic: import, `predict` of one row, the start of `fit`.

Import time is that of a fresh interpreter, less the interpreter's own start.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import contestant
from contestant import Figures, normal, seconds_per_call

Predict = Callable[[object], object]
# ReLU between the layers, then softmax, or one sigmoid unit.
NETWORKS = {
    "784-300-100-10": (784, 300, 100, 10),
    "32-64x6-1": (32, *6 * (64,), 1),
    "784-1024x3-10": (784, *3 * (1024,), 10),
}
IMPORT, PREDICT, FUNCTION = "import", "predict, one row of {}", "predict_fn, one row of {}"
FIT = "fit of one batch of 32 rows, 784-300-100-10"


def import_seconds(module: str) -> float:
    """Seconds of the first import of `module`, the median of five fresh interpreters."""
    program = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    run = [sys.executable, "-c", program]
    return median(float(subprocess.check_output(run, text=True)) for _ in range(5))


def weights(sizes: tuple[int, ...]) -> list:
    """Of each layer, small enough that nothing saturates."""
    return [normal(rows, columns) / rows**0.5 for rows, columns in pairwise(sizes)]


def one_row(prepare: Callable[[tuple[int, ...]], Predict]) -> Figures:
    """A peer's time for one row of each network, which both of ours stand beside."""
    found: Figures = {}
    for name, sizes in NETWORKS.items():
        predict, row = prepare(sizes), normal(1, sizes[0])
        milliseconds = 1e3 * seconds_per_call(lambda predict=predict, row=row: predict(row))
        found |= {case.format(name): {"ms": milliseconds} for case in (PREDICT, FUNCTION)}
    return found


def build(keras, sizes: tuple[int, ...]):
    layers = keras.layers
    model = keras.Sequential([keras.Input(sizes[:1])])
    for units in sizes[1:-1]:
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(sizes[-1], activation="softmax" if sizes[-1] > 1 else "sigmoid"))
    for layer, kernel in zip(model.layers, weights(sizes), strict=True):
        layer.set_weights([kernel, layer.get_weights()[1]])
    return model


def densor() -> Figures:
    import densor

    found: Figures = {IMPORT: {"ms": 1e3 * import_seconds("densor")}}
    for name, sizes in NETWORKS.items():
        model, row = build(densor, sizes), normal(1, sizes[0])
        function = model.predict_fn(1)
        found[PREDICT.format(name)] = {
            "ms": 1e3 * seconds_per_call(lambda model=model, row=row: model.predict(row, verbose=0))
        }
        found[FUNCTION.format(name)] = {
            "ms": 1e3 * seconds_per_call(lambda function=function, row=row: function(row))
        }
    return found | {FIT: fit(build(densor, NETWORKS["784-300-100-10"]))}


def fit(model) -> dict[str, float | str]:
    """Of one batch, again and the first time."""
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    rows = normal(32, 784)
    labels = (rows[:, 0] > 0).astype("int32")
    start = time.perf_counter()
    model.fit(rows, labels, batch_size=32, epochs=1, verbose=0)
    first = time.perf_counter() - start
    again = seconds_per_call(lambda: model.fit(rows, labels, batch_size=32, epochs=1, verbose=0))
    return {"ms": 1e3 * again, "ms the first time": 1e3 * first}


def numpy() -> Figures:
    import numpy as np

    def prepare(sizes: tuple[int, ...]) -> Predict:
        *hidden, last = [(kernel, np.zeros(kernel.shape[1], np.float32)) for kernel in weights(sizes)]

        def predict(x):
            for kernel, bias in hidden:
                x = np.maximum(x @ kernel + bias, 0)
            z = x @ last[0] + last[1]
            if z.shape[1] == 1:
                return 1 / (1 + np.exp(-z))
            shares = np.exp(z - z.max())
            return shares / shares.sum()

        return predict

    return {IMPORT: {"ms": 1e3 * import_seconds("numpy")}} | one_row(prepare)


def torch() -> Figures:
    import torch
    from torch import nn

    def prepare(sizes: tuple[int, ...]) -> Predict:
        layers: list[nn.Module] = []
        for kernel in weights(sizes):
            layers += [nn.Linear(*kernel.shape), nn.ReLU()]
            layers[-2].weight.data = torch.from_numpy(kernel.T.copy())
        layers[-1] = nn.Softmax(1) if sizes[-1] > 1 else nn.Sigmoid()
        model = nn.Sequential(*layers).eval()

        def predict(x):
            with torch.inference_mode():
                return model(torch.from_numpy(x)).numpy()

        return predict

    return {IMPORT: {"ms": 1e3 * import_seconds("torch")}} | one_row(prepare)


def jax() -> Figures:
    import jax
    import numpy as np

    def prepare(sizes: tuple[int, ...]) -> Predict:
        kernels = [jax.numpy.asarray(kernel) for kernel in weights(sizes)]

        def forward(kernels, x):
            for kernel in kernels[:-1]:
                x = jax.nn.relu(x @ kernel)
            z = x @ kernels[-1]
            return jax.nn.softmax(z) if sizes[-1] > 1 else jax.nn.sigmoid(z)

        run = jax.jit(forward)
        return lambda x: np.asarray(run(kernels, x))

    return {IMPORT: {"ms": 1e3 * import_seconds("jax")}} | one_row(prepare)


def onnxruntime() -> Figures:
    """On one thread: the faster way for one row."""
    import onnxruntime
    from onnx import TensorProto, checker, helper, numpy_helper

    def prepare(sizes: tuple[int, ...]) -> Predict:
        nodes, constants, name = [], [], "x"
        for i, kernel in enumerate(weights(sizes)):
            constants.append(numpy_helper.from_array(kernel, f"kernel{i}"))
            constants.append(numpy_helper.from_array(0 * kernel[0], f"bias{i}"))
            nodes.append(helper.make_node("Gemm", [name, f"kernel{i}", f"bias{i}"], [f"z{i}"]))
            nodes.append(helper.make_node("Relu", [f"z{i}"], [name := f"h{i}"]))
        nodes[-1] = helper.make_node("Softmax" if sizes[-1] > 1 else "Sigmoid", nodes[-1].input, ["y"])
        x, y = (
            helper.make_tensor_value_info(array, TensorProto.FLOAT, (1, size))
            for array, size in (("x", sizes[0]), ("y", sizes[-1]))
        )
        model = helper.make_model(
            helper.make_graph(nodes, "network", [x], [y], constants),
            opset_imports=[helper.make_opsetid("", 17)], ir_version=9,
        )  # fmt: skip
        checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return lambda x: session.run(None, {"x": x})[0]

    return {IMPORT: {"ms": 1e3 * import_seconds("onnxruntime")}} | one_row(prepare)


CONTESTANTS = {"densor": densor, "numpy": numpy, "torch": torch, "jax": jax, "onnxruntime": onnxruntime}

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
