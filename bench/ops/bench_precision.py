"""Matrix products at each precision, against PyTorch's `F.linear` in float32 and bfloat16.

The error is that of the product against float64, relative, by Frobenius norms. On CPUs without matrix units every
precision is float32 multiply-adds; the share of their measured peak stands beside the time, and that of the matrix
units where there are any: what they could do at most with 6, 3 or 1 products for one.
"""

import numpy as np

import contestant
from contestant import Figures, compute_figures, normal, seconds_per_call

# rows, inputs, units; a weight gradient has the batch as its inputs.
CASES = ((32, 784, 300), (128, 784, 300), (256, 1024, 1024), (2048, 1024, 1024))
PRODUCTS = {"x6": 6, "high": 3, "medium": 1}


def relative_error(y: np.ndarray, x: np.ndarray, w: np.ndarray) -> float:
    """Of some rows, which is enough."""
    exact = x[:64].astype(np.float64) @ w
    return float(np.linalg.norm(y[:64] - exact) / np.linalg.norm(exact))


def densor() -> Figures:
    from densor import _core

    found: Figures = {}
    fma, units = _core.measure_fma_peak(), _core.measure_matrix_peak()
    for rows, inputs, outputs in CASES:
        x, w = normal(rows, inputs), normal(inputs, outputs, seed=1)
        y = np.empty((rows, outputs), np.float32)
        flops = 2.0 * rows * inputs * outputs
        for precision in ("ieee", *PRODUCTS):
            _core.set_matmul_precision(precision)
            step = _core.dense_forward(y, None, x, w, None, "linear", 0.0, training=True)
            figures = compute_figures(seconds_per_call(step.run), flops, fma)
            if units and precision in PRODUCTS:
                figures["% of matrix peak"] = (
                    100 * flops * PRODUCTS[precision] / (figures["us"] * 1e3) / units
                )  # type: ignore[operator]
            figures["error"] = relative_error(y, x, w)
            found[f"({rows},{inputs})x({inputs},{outputs}) {precision}"] = figures
    return found


def torch() -> Figures:
    import torch
    from torch.nn import functional

    found: Figures = {}
    for rows, inputs, outputs in CASES:
        x, w = normal(rows, inputs), normal(inputs, outputs, seed=1)
        flops = 2.0 * rows * inputs * outputs
        for precision in ("ieee", *PRODUCTS):
            kind = torch.bfloat16 if precision == "medium" else torch.float32  # it has nothing between
            a, b = torch.tensor(x).to(kind), torch.tensor(w.T.copy()).to(kind)
            with torch.no_grad():
                figures = compute_figures(seconds_per_call(lambda a=a, b=b: functional.linear(a, b)), flops)
                figures["error"] = relative_error(functional.linear(a, b).float().numpy(), x, w)
            found[f"({rows},{inputs})x({inputs},{outputs}) {precision}"] = figures
    return found


CONTESTANTS = {"densor": densor, "torch": torch}

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
