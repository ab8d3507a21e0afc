"""Models: how layers become something that trains, predicts and is kept in a file."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from densor.models.functional import Functional as Functional
from densor.models.model import Model as Model
from densor.models.sequential import Sequential as Sequential

if TYPE_CHECKING:
    from densor.models.cloning import clone_model as clone_model
    from densor.models.configuration import model_from_json as model_from_json
    from densor.models.saving import load_model as load_model
    from densor.models.saving import save_model as save_model

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

# Files cost an import only those pay who use them.
_LATER = {
    "clone_model": "densor.models.cloning",
    "load_model": "densor.models.saving",
    "model_from_json": "densor.models.configuration",
    "save_model": "densor.models.saving",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
