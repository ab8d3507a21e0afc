"""`densor demo`: trains 784-300-100-10 on Fashion-MNIST, shows how good it is and keeps the results.

The network of the books: two hidden layers with batch normalization, ReLU and dropout. Nesterov's momentum
with a learning rate that falls on a half cosine; with it the model passes 0.88 of the test images well
within ten epochs.
"""

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

import densor
from densor.callbacks import History
from densor.datasets import digits, fashion_mnist
from densor.models import Sequential

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Options:
    """What the command line asks for; the meanings are those of `densor demo --help`."""

    epochs: int = 10
    batch_size: int | None = None
    data: str = "auto"
    download: bool = False
    out: Path = Path("runs/demo")
    threads: int | None = None
    seed: int = 42
    quiet: bool = False


@dataclass(frozen=True)
class Data:
    """A data set ready for training: the last tenth or so of the training rows validates."""

    title: str
    class_names: Sequence[str]
    train: tuple[Bytes, Bytes]
    valid: tuple[Bytes, Bytes]
    test: tuple[Bytes, Bytes]
    brightest: int
    batch_size: int


def run(options: Options) -> float:
    """Runs the demo and returns the test accuracy.

    Raises `datasets.DatasetNotFound` when `data="fashion_mnist"` and it is not on this machine, OSError when
    the results cannot be written.
    """
    console = Console(quiet=options.quiet, highlight=False, markup=False, soft_wrap=True)
    if options.threads is not None:
        densor.config.set_num_threads(options.threads)
    data = load(options.data, options.download)
    batch_size = options.batch_size or data.batch_size
    densor.utils.set_random_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    console.print(f"Data: {data.title}: {len(data.train[0]):,} training, {len(data.valid[0]):,} validation, "
                  f"{len(data.test[0]):,} test images.")  # fmt: skip
    model = build(data, steps=options.epochs * -(-len(data.train[0]) // batch_size))
    console.print(f"Model: {model.count_params():,} parameters, {densor.cpu_target()} kernels, "
                  f"{densor.config.num_threads()} threads, batches of {batch_size}.")  # fmt: skip

    start = time.perf_counter()
    history = model.fit(
        *data.train, epochs=options.epochs, batch_size=batch_size, validation_data=data.valid,
        verbose=0 if options.quiet else "auto",
    )  # fmt: skip
    seconds = time.perf_counter() - start

    predicted = model.predict(data.test[0], batch_size=1000, verbose=0).argmax(axis=1)
    accuracy = float(np.mean(predicted == data.test[1]))
    console.print(per_class_table(data.test[1], predicted, data.class_names))
    rate = options.epochs * len(data.train[0]) / seconds
    Console(highlight=False, markup=False, soft_wrap=True).print(
        f"Test accuracy {accuracy:.4f} after {options.epochs} epochs: "
        f"{seconds:.2f} s of training, {rate:,.0f} samples per second."
    )
    write_results(options.out, model, history, console)
    return accuracy


def load(name: str, download: bool = False) -> Data:
    """Returns the data set `name`; "auto" takes the bundled digits where Fashion-MNIST is not at hand."""
    if name == "fashion_mnist" or download or (name == "auto" and fashion_mnist.locate() is not None):
        (x, y), test = fashion_mnist.load_data(download=download)
        title = f"Fashion-MNIST from {fashion_mnist.locate()}"
        return Data(
            title, fashion_mnist.class_names, (x[:55000], y[:55000]), (x[55000:], y[55000:]), test, 255, 128
        )
    (x, y), test = digits.load_data()
    title = "UCI digits of the package"
    if name == "auto":
        title += (
            " (Fashion-MNIST is not on this machine: `densor demo --data fashion_mnist` says how to get it)"
        )
    return Data(title, digits.class_names, (x[:1300], y[:1300]), (x[1300:], y[1300:]), test, 16, 32)


def build(data: Data, steps: int) -> Sequential:
    """Returns the compiled 300-100-10 network for the images of `data`, trained over `steps` batches."""
    layers = densor.layers
    model = Sequential(name="demo")
    model.add(densor.Input(data.train[0].shape[1:], dtype="uint8"))
    model.add(layers.Flatten())
    model.add(layers.Rescaling(1.0 / data.brightest))
    for units in (300, 100):
        # No bias: the normalization behind it has one.
        model.add(layers.Dense(units, use_bias=False, kernel_initializer="he_normal"))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.Activation("relu"))
        model.add(layers.Dropout(0.1))
    model.add(layers.Dense(len(data.class_names), activation="softmax"))
    rate = densor.optimizers.schedules.CosineDecay(0.1, decay_steps=steps)
    model.compile(
        optimizer=densor.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def per_class_table(labels: Bytes, predicted: npt.NDArray[np.integer], class_names: Sequence[str]) -> Table:
    """Returns a table with precision, recall and number of test images for each class."""
    classes = len(class_names)
    confusion = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    table = Table(title="Test images by class")
    table.add_column("class")
    for column in ("precision", "recall", "images"):
        table.add_column(column, justify="right")
    for index, name in enumerate(class_names):
        hits, chosen, present = confusion[index, index], confusion[:, index].sum(), confusion[index].sum()
        table.add_row(name, _share(hits, chosen), _share(hits, present), str(present))
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def write_results(out: Path, model: Sequential, history: History, console: Console) -> None:
    """Writes `history.csv`, `model.safetensors` and, with matplotlib at hand, `curves.png` into `out`."""
    write_history(out / "history.csv", history.history)
    model.save(out / "model.safetensors")
    names = ["history.csv", "model.safetensors"]
    try:
        draw_curves(out / "curves.png", history.history)
        names.append("curves.png")
    except ModuleNotFoundError:
        console.print("curves.png needs matplotlib: pip install 'densor[demo]'")
    console.print(f"Written to {out}: {', '.join(names)}.")


def write_history(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Writes one row per epoch: its number from 1 on, then every recorded figure."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        for epoch, row in enumerate(zip(*history.values(), strict=True), start=1):
            writer.writerow([epoch, *row])


def draw_curves(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Draws loss and accuracy, of training and validation, over the epochs.

    Raises ModuleNotFoundError without matplotlib.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            axes.plot(range(1, len(history[key]) + 1), history[key], marker="o", markersize=3, label=label)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
