"""Matrix products: a dense layer forward and backward in float32, and products of bfloat16 numbers."""

import torch
from ground import STORED, Contest, Work, captured, distance, native, normal, program, repeated, room, stored
from place import DEVICE, DRY, sized

from densor import _core

LARGEST_ERROR = {"highest": 3e-6, "high": 5e-6, "medium": 1e-2}


def layer(precision: str) -> Contest:
    """y = x w + b, dx, dw and db: 4096 units, 8192 rows."""
    units, rows = sized(4096, 24), sized(8192, 40)
    x, w, dy = normal(rows, units), normal(units, units, seed=1) / units**0.5, normal(rows, units, seed=2)
    b = normal(units, seed=3)
    y, dx, dw, db = (torch.empty_like(t) for t in (x, x, w, b))
    _core.set_matmul_precision(precision)
    steps = [
        _core.dense_forward(native(y), None, native(x), native(w), native(b), "linear", 0.0),
        _core.dense_backward(
            native(dx), native(dw), native(db), None, native(dy), None, native(x), native(w), "linear", 0.0
        ),
    ]
    _core.set_matmul_precision("highest")
    ours = program(steps)
    leaves = [t.clone().requires_grad_() for t in (x, w, b)]

    def torch_step(tf32: bool) -> None:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.autograd.grad(torch.addmm(leaves[2], leaves[0], leaves[1]), leaves, dy)
        torch.backends.cuda.matmul.allow_tf32 = False

    def error() -> float:
        ours(1)
        some = slice(0, 256)  # rows: float64 of all would take the longest of everything
        exact = x[some].double() @ w.double() + b.double()
        back = dy[some].double() @ w.double().T
        weights = x[:, some].double().T @ dy.double()
        return max(distance(y[some], exact), distance(dx[some], back), distance(dw[some], weights))

    works = {
        f"densor {precision}": ours,
        "torch float32": repeated(lambda: torch_step(False)),
        "torch tf32": repeated(lambda: torch_step(True)),
    }
    return Contest(works, error, LARGEST_ERROR[precision], sized(6, 1))


# Products in a graph on both sides: to launch one by itself, and densor's kernel that goes on to the next batch, may
# take as long as a small product.
TOGETHER = sized(64, 2)


def product(m: int, n: int, k: int) -> Contest:
    """c = a b of bfloat16 numbers, stored as such on both sides, against cuBLASLt, which PyTorch calls."""
    graphs = sized(8 if m * n * k < 2**33 else 2, 2)
    m, n, k = (sized(size, 16 + size % 7) for size in (m, n, k))
    a, b = normal(m, k, dtype=torch.bfloat16), normal(k, n, seed=1, dtype=torch.bfloat16)
    theirs_c, ours_c = torch.empty(m, n, dtype=torch.bfloat16, device=DEVICE), room(m, n, dtype=STORED)
    backend = _core.matmul_backend()
    _core.set_matmul_backend("own")
    step = _core.dense_forward(
        ours_c, None, stored(a.float()), stored(b.float()), None, "linear", 0.0, training=True
    )
    _core.set_matmul_backend(backend)
    library = None if DRY else torch.backends.cuda.preferred_blas_library()
    if library is not None:
        torch.backends.cuda.preferred_blas_library("cublaslt")
    ours, theirs = program([step] * TOGETHER), captured(lambda: torch.mm(a, b, out=theirs_c), TOGETHER)
    if library is not None:
        torch.backends.cuda.preferred_blas_library(library)

    def error() -> float:
        ours(1)
        c = torch.empty(m, n, device=DEVICE)
        _core.cast(native(c), ours_c).run()
        return distance(c[:256], a[:256].double() @ b.double())

    def graphs_of(work: Work) -> Work:
        return lambda calls: work(max(1, calls // TOGETHER))

    works = {"densor": graphs_of(ours), "cuBLASLt": graphs_of(theirs)}
    # Results are rounded to 8 bits.
    return Contest(works, error, 4e-3, graphs * TOGETHER, f"both in graphs of {TOGETHER}")
