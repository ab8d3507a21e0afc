"""Densor trains deep dense neural networks: the API of Keras over hand-written fused kernels.

    import densor as keras

The namespace mirrors `keras`; `densor.keras` is this module itself, for programs that write `tf.keras`. Names are
loaded when they are first used, so that importing the package costs next to nothing.
"""

import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from densor._version import __version__ as __version__

if TYPE_CHECKING:
    from densor import activations as activations
    from densor import backend as backend
    from densor import callbacks as callbacks
    from densor import config as config
    from densor import constraints as constraints
    from densor import datasets as datasets
    from densor import distillation as distillation
    from densor import dtype_policies as dtype_policies
    from densor import ensembles as ensembles
    from densor import errors as errors
    from densor import initializers as initializers
    from densor import layers as layers
    from densor import losses as losses
    from densor import metrics as metrics
    from densor import mixed_precision as mixed_precision
    from densor import models as models
    from densor import ops as ops
    from densor import optimizers as optimizers
    from densor import presets as presets
    from densor import pruning as pruning
    from densor import random as random
    from densor import regularizers as regularizers
    from densor import saving as saving
    from densor import schedules as schedules
    from densor import utils as utils
    from densor import wrappers as wrappers
    from densor._core import cpu_target as cpu_target
    from densor.config import show_config as show_config
    from densor.dtype_policies import DTypePolicy as DTypePolicy
    from densor.graph import Variable as Variable
    from densor.initializers import Initializer as Initializer
    from densor.layers import Input as Input
    from densor.layers import Layer as Layer
    from densor.losses import Loss as Loss
    from densor.metrics import Metric as Metric
    from densor.models import Model as Model
    from densor.models import Sequential as Sequential
    from densor.optimizers import Optimizer as Optimizer
    from densor.regularizers import Regularizer as Regularizer
    from densor.scopes import device as device

_MODULES = (
    "activations", "backend", "callbacks", "config", "constraints", "datasets", "distillation", "dtype_policies",
    "ensembles", "errors", "graph", "initializers", "layers", "losses", "metrics", "mixed_precision", "models", "ops",
    "optimizers", "presets", "pruning", "random", "regularizers", "saving", "schedules", "utils",
    "wrappers",
)  # fmt: skip
_NAMES = {
    "DTypePolicy": "dtype_policies",
    "Initializer": "initializers",
    "Input": "layers",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "Variable": "graph",
    "cpu_target": "_core",
    "device": "scopes",
    "show_config": "config",
}

keras = _sys.modules[__name__]


def __getattr__(name: str) -> _Any:
    if name in _MODULES:
        return _import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(_import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_NAMES})
