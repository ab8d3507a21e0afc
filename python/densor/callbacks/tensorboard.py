"""Event files for TensorBoard."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from densor import _check
from densor.callbacks.callback import Callback, Logs


class TensorBoard(Callback):
    """Writes the figures of training and validation where TensorBoard reads them; needs no TensorFlow.

    Tags as in Keras: `epoch_loss`, `epoch_accuracy`, ... by epoch under `log_dir/train` and `log_dir/validation`,
    `batch_loss`, ... by training step, and a histogram for each weight under its path.

    Args:
        log_dir: the folder, made when the training begins ("logs").
        histogram_freq: every how many epochs the weights are written as histograms, 0 for never (0).
        write_graph: whether the summary of the model is written as text (True).
        write_images: False.
        write_steps_per_second: whether `epoch_steps_per_second` is written (False).
        update_freq: "epoch", "batch", or every how many batches figures of batches are written ("epoch"). Anything
            but "epoch" makes training stop at every batch.
        profile_batch, embeddings_freq: 0. embeddings_metadata: None.

    Raises ModuleNotFoundError, when the training begins, without tensorboardX (`pip install 'densor[tensorboard]'`).

    >>> TensorBoard("runs/first", histogram_freq=1).histogram_freq
    1
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
    ) -> None:
        where = "TensorBoard"
        if not isinstance(log_dir, str | os.PathLike):
            raise _check.bad_type(where, "log_dir", f"must be a path, got {_check.show(log_dir)}")
        self.log_dir = Path(_check.text(where, "log_dir", os.fspath(log_dir)))
        self.histogram_freq = _check.integer(where, "histogram_freq", histogram_freq, low=0)
        self.write_graph = _check.boolean(where, "write_graph", write_graph)
        self.write_steps_per_second = _check.boolean(where, "write_steps_per_second", write_steps_per_second)
        if isinstance(update_freq, str):
            self.update_freq: str | int = _check.choice(where, "update_freq", update_freq, ["epoch", "batch"])
        else:
            self.update_freq = _check.positive_int(where, "update_freq", update_freq)
        for name, value, only in (
            ("write_images", write_images, False),
            ("profile_batch", profile_batch, 0),
            ("embeddings_freq", embeddings_freq, 0),
            ("embeddings_metadata", embeddings_metadata, None),
        ):
            _check.unsupported(where, name, value, only)
        self._writers: dict[str, Any] = {}
        self._epoch_began = (0.0, 0)  # time and step

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        self._writer("train")
        if self.write_graph:
            lines: list[str] = []
            self.model.summary(print_fn=lambda line, **_: lines.append(str(line)))
            self._writer("train").add_text("model", "```\n" + "\n".join(lines) + "\n```")

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            try:
                from tensorboardX import SummaryWriter
            except ModuleNotFoundError:
                raise ModuleNotFoundError(
                    "TensorBoard(): tensorboardX writes the events: pip install 'densor[tensorboard]'"
                ) from None
            self._writers[part] = SummaryWriter(str(self.log_dir / part))
        return self._writers[part]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_began = (time.perf_counter(), self._step())

    def _step(self) -> int:
        return int(self.model.optimizer.iterations)

    def _acts_on(self, hook: str) -> bool:
        if hook == "on_train_batch_end" and self.update_freq == "epoch":
            return False  # so that training need not stop at every batch
        return super()._acts_on(hook)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        every = 1 if self.update_freq == "batch" else self.update_freq
        if isinstance(every, int) and (step := self._step()) % every == 0:
            self._scalars("train", "batch", logs or {}, step)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = dict(logs or {})
        validation = {name[4:]: logs.pop(name) for name in list(logs) if name.startswith("val_")}
        if self.write_steps_per_second:
            began, steps = self._epoch_began
            logs["steps_per_second"] = (self._step() - steps) / max(time.perf_counter() - began, 1e-9)
        self._scalars("train", "epoch", logs, epoch)
        if validation:
            self._scalars("validation", "epoch", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for variable in self.model.weights:
                self._writer("train").add_histogram(f"{variable.path}/histogram", variable.numpy(), epoch)
        for writer in self._writers.values():
            writer.flush()

    def _scalars(self, part: str, prefix: str, logs: Logs, step: int) -> None:
        for name, value in logs.items():
            if np.ndim(value) == 0:
                self._writer(part).add_scalar(f"{prefix}_{name}", float(value), step)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()
