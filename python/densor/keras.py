"""`import densor.keras` is `import densor`, and `from densor.keras.layers import Dense` finds densor's own layers.

This module replaces itself by the package, and enters the package's modules under the names that begin with
`densor.keras`; without that, they would be loaded a second time, with classes of their own.
"""

import sys
from importlib import import_module

import densor

_PUBLIC = (
    "activations", "backend", "callbacks", "config", "constraints", "datasets", "distillation", "ensembles",
    "initializers", "layers", "losses", "metrics", "models", "ops", "optimizers", "optimizers.schedules", "presets",
    "pruning", "random", "regularizers", "saving", "schedules", "utils",
)  # fmt: skip

for _name in _PUBLIC:
    sys.modules[f"{__name__}.{_name}"] = import_module(f"densor.{_name}")
sys.modules[__name__] = densor
