"""The native module: see csrc/README.md. Every op factory checks its arguments and returns a Step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
F32 = npt.NDArray[np.float32]

class DeviceError(RuntimeError): ...
class DeviceOutOfMemory(DeviceError, MemoryError): ...

class Feed:
    def __init__(self) -> None: ...
    def bind(self, array: Array | DeviceArray, writable: bool = False) -> None: ...
    def clear(self) -> None: ...

class DeviceArray:
    def __init__(self, nbytes: int) -> None: ...
    def part(self, offset: int, like: Array) -> DeviceArray: ...
    @staticmethod
    def wrapped(array: Any) -> DeviceArray: ...
    def reshape(self, *shape: int | tuple[int, ...]) -> DeviceArray: ...
    def numpy(self) -> Array: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def contiguous(self) -> bool: ...
    def upload(self, from_: Array, /) -> None: ...
    def download(self, into: Array, /) -> None: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...
    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

class Step:
    @property
    def name(self) -> str: ...
    @property
    def device(self) -> str: ...
    def run(
        self, *, step: int = 0, hyper: F32 | None = None, rows: Array | None = None, start: int = 0
    ) -> None: ...

class Program:
    unfenced: ClassVar[int]
    def __init__(
        self,
        compute: Sequence[Step],
        update: Sequence[Step],
        repeat_from: int = 0,
        repeats: int = 1,
        unfenced: int = 3,
    ) -> None: ...
    def names(self) -> list[str]: ...
    def run_batch(
        self,
        rows: int,
        step: int,
        inputs: tuple[Feed, ...],
        arrays: Sequence[Array],
        outputs: tuple[Feed, ...],
        outs: Sequence[Array],
    ) -> None: ...

def run(
    full: Program,
    last: Program | None,
    *,
    batches: int,
    batch_size: int,
    order: Array | None = None,
    start: int = 0,
    hyper: F32 | None = None,
    step: int = 0,
    progress: Array | None = None,
) -> int: ...
def cpu_target() -> str: ...
def cpu_targets() -> list[str]: ...
def set_cpu_target(name: str) -> None: ...
def num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def device_gemm_plan(
    m: int,
    n: int,
    k: int,
    transpose_a: bool = False,
    transpose_b: bool = False,
    architecture: int = 90,
) -> str: ...
def gemm_plan(
    m: int,
    n: int,
    k: int,
    transpose_a: bool = False,
    transpose_b: bool = False,
    workers: int = 1,
    rows_vary: bool = False,
) -> str: ...
def matmul_precision() -> str: ...
def set_matmul_precision(value: str) -> None: ...
def matrix_units() -> str: ...
def set_matmul_backend(value: str, paths: list[str]) -> str: ...
def matmul_backend() -> str: ...
def measure_matrix_peak() -> float: ...
def measure_fma_peak() -> float: ...
def measure_bandwidth(bytes: int) -> float: ...
def build_info() -> dict[str, str]: ...
def emulate_device(
    order: str, host_memory: bool = True, *, memory: int | None = None, launches: int | None = None
) -> None: ...
def emulated_waits() -> list[int]: ...
def device_of(array: Any) -> str: ...
def require_device(device: str) -> None: ...
def activation_forward(y: F32, x: F32, activation: str, alpha: float) -> Step: ...
def activation_backward(dx: F32, dy: F32, saved: F32, activation: str, alpha: float) -> Step: ...
def activation_saves(activation: str) -> str: ...
def dense_forward(
    y: F32,
    z: F32 | None,
    x: F32,
    w: F32,
    bias: F32 | None,
    activation: str,
    alpha: float,
    training: bool = False,
) -> Step: ...
def dense_backward(
    dx: F32 | None,
    dw: F32 | None,
    dbias: F32 | None,
    dz: F32 | None,
    dy: F32,
    saved: F32 | None,
    x: F32,
    w: F32,
    activation: str,
    alpha: float,
) -> Step: ...
def add(y: F32, a: F32, b: F32) -> Step: ...
def dropout_forward(y: F32, mask: Array, x: F32, rate: float, kind: str, seed: int, stream: int) -> Step: ...
def dropout_spread(
    y: F32,
    mask: Array,
    x: F32,
    rate: float,
    kind: str,
    seed: int,
    stream: int,
    shape: Sequence[int],
    noise_shape: Sequence[int],
    shared_rows: bool,
) -> Step: ...
def dropout_backward(dx: F32, dy: F32, mask: Array, rate: float, kind: str) -> Step: ...
def gaussian_noise(y: F32, x: F32, stddev: float, multiplies: bool, seed: int, stream: int) -> Step: ...
def monte_carlo_accumulate(mean: F32, squares: F32, x: F32) -> Step: ...
def monte_carlo_deviation(deviation: F32, squares: F32, samples: int) -> Step: ...
def monte_carlo_entropy(entropy: F32, p: F32, independent: bool) -> Step: ...
def spectral_norm(kernel: F32, u: F32, v: F32, iterations: int) -> Step: ...
def standardize(y: F32, x: F32, mean: F32 | None, variance: F32, epsilon: float, invert: bool) -> Step: ...
def column_sum(sum: F32, x: F32) -> Step: ...
def expression(
    outputs: Sequence[F32], operands: Sequence[F32], code: Array, constants: F32, rows: int, cols: int
) -> Step: ...
def expression_opcodes() -> dict[str, int]: ...
def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]: ...
def random_rows(out: F32, low: F32, high: F32, seed: int, stream: int) -> Step: ...
def image_warp(
    y: F32,
    x: F32,
    parameters: F32 | None,
    field: F32 | None,
    kind: str,
    shape: Sequence[int],
    target: Sequence[int],
    fill_mode: str,
    fill_value: float,
    nearest: bool,
) -> Step: ...
def image_color(
    y: F32,
    x: F32,
    other: F32 | None,
    parameters: F32,
    kind: str,
    shape: Sequence[int],
    low: float,
    high: float,
) -> Step: ...
def image_blur(
    y: F32, x: F32, parameters: F32, shape: Sequence[int], kernel_size: Sequence[int], low: float, high: float
) -> Step: ...
def random_uniform(out: F32, low: float, high: float, seed: int, stream: int) -> Step: ...
def random_normal(out: F32, mean: float, stddev: float, seed: int, stream: int) -> Step: ...
def random_truncated_normal(out: F32, mean: float, stddev: float, seed: int, stream: int) -> Step: ...
def permutation(out: Array, seed: int, stream: int) -> Step: ...
def rescale(y: F32, x: F32, scale: float, offset: float) -> Step: ...
def optimizer(
    parameters: F32,
    gradients: F32,
    slots: Sequence[F32],
    segments: Array,
    decayed: Array,
    rule: str,
    clipvalue: float | None,
    clipnorm: float | None,
    global_clipnorm: float | None,
    average: F32 | None = None,
    accumulator: F32 | None = None,
    accumulation_steps: int = 1,
    mask: Array | None = None,
    multipliers: F32 | None = None,
    scale: float = 1.0,
    computed: Array | None = None,
    x: Sequence[F32 | None] = (),
    dz: Sequence[F32] = (),
    matrices: Array | None = None,
    iterations: Array | None = None,
) -> Step: ...
def optimizer_needs_norms(rule: str) -> bool: ...
def penalty(
    totals: Array | None,
    xs: Sequence[F32],
    dxs: Sequence[F32],
    l1: Array,
    l2: Array,
    weight: float,
    scale: float,
    add: bool,
) -> Step: ...
def norm_constraint(w: F32, low: float, high: float, rate: float) -> Step: ...
def softmax_forward(y: F32, x: F32) -> Step: ...
def softmax_backward(dx: F32, dy: F32, y: F32) -> Step: ...
def sparsemax(y: F32, x: F32) -> Step: ...
def accumulate(totals: Array, values: F32, weight: F32 | None) -> Step: ...
def accuracy(correct: F32, x: F32, target: Array, kind: str, threshold: float) -> Step: ...
def circle_loss(
    loss: F32,
    dx: F32 | None,
    x: F32,
    label: F32,
    reference: F32,
    gamma: float,
    margin: float,
    without_diagonal: bool,
) -> Step: ...
def concatenate(y: F32, xs: Sequence[F32]) -> Step: ...
def concatenate_backward(dxs: Sequence[F32], dy: F32) -> Step: ...
def count_nonfinite(array: Array) -> tuple[int, int]: ...
def label_range(labels: Array, classes: int, ignored: int | None = None) -> tuple[int, int]: ...
def refuse_nonfinite(
    totals: Sequence[Array],
    gradients: F32,
    segments: Array,
    computed: Array | None = None,
    x: Sequence[F32 | None] = (),
    dz: Sequence[F32] = (),
) -> Step: ...
def layer_norm_forward(
    y: F32, statistics: F32, x: F32, gamma: F32 | None, beta: F32 | None, epsilon: float, kind: str
) -> Step: ...
def layer_norm_backward(
    dx: F32 | None,
    dgamma: F32 | None,
    dbeta: F32 | None,
    dy: F32,
    x: F32,
    statistics: F32,
    gamma: F32 | None,
    epsilon: float,
    kind: str,
) -> Step: ...
def transpose(y: F32, x: F32, shape: Sequence[int], axes: Sequence[int]) -> Step: ...
def gather(out: Array, feed: Feed, scale: float, offset: float) -> Step: ...
def scatter(feed: Feed, x: F32) -> Step: ...
def softmax_cross_entropy(
    loss: F32, dx: F32 | None, x: F32, target: Array, weight: F32 | None, scale: float
) -> Step: ...
def sigmoid_cross_entropy(
    loss: F32, dx: F32 | None, x: F32, target: F32, weight: F32 | None, scale: float
) -> Step: ...
def mean_squared_error(
    loss: F32, dx: F32 | None, x: F32, target: F32, weight: F32 | None, scale: float
) -> Step: ...
def mean_absolute_error(
    loss: F32, dx: F32 | None, x: F32, target: F32, weight: F32 | None, scale: float
) -> Step: ...
def batch_norm_forward(
    y: F32,
    mean: F32,
    variance: F32,
    x: F32,
    gamma: F32 | None,
    beta: F32 | None,
    epsilon: float,
    activation: str,
    alpha: float,
) -> Step: ...
def batch_norm_inference(
    y: F32,
    x: F32,
    gamma: F32 | None,
    beta: F32 | None,
    moving_mean: F32,
    moving_variance: F32,
    epsilon: float,
    activation: str,
    alpha: float,
) -> Step: ...
def batch_norm_backward(
    dx: F32 | None,
    dgamma: F32 | None,
    dbeta: F32 | None,
    dy: F32,
    x: F32,
    y: F32 | None,
    mean: F32,
    variance: F32,
    gamma: F32 | None,
    epsilon: float,
    activation: str,
    alpha: float,
) -> Step: ...
def batch_norm_inference_backward(
    dx: F32 | None,
    dgamma: F32 | None,
    dbeta: F32 | None,
    dy: F32,
    x: F32,
    y: F32 | None,
    gamma: F32 | None,
    moving_mean: F32,
    moving_variance: F32,
    epsilon: float,
    activation: str,
    alpha: float,
) -> Step: ...
def batch_norm_update(
    moving_mean: F32,
    moving_variance: F32,
    mean: F32,
    variance: F32,
    momentum: float,
    correction: float,
    from_first: bool,
) -> Step: ...
