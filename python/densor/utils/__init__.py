"""Keras' namespace `utils`, for programs written for it; every name in it lives in a file of its own.

The package exists only because `keras.utils` does: nothing inside densor imports it, and odds and ends of
densor's own do not belong here.
"""

from densor._seeds import set_random_seed as set_random_seed
from densor.backend import clear_session as clear_session
from densor.backend import is_keras_tensor as is_keras_tensor
from densor.callbacks.progbar import Progbar as Progbar
from densor.graph.structure import packed_batch as pack_x_y_sample_weight
from densor.graph.structure import unpacked_batch as unpack_x_y_sample_weight
from densor.utils.categorical import to_categorical as to_categorical
from densor.utils.custom_objects import CustomObjectScope as CustomObjectScope
from densor.utils.custom_objects import custom_object_scope as custom_object_scope
from densor.utils.custom_objects import get_custom_objects as get_custom_objects
from densor.utils.custom_objects import get_registered_name as get_registered_name
from densor.utils.custom_objects import get_registered_object as get_registered_object
from densor.utils.custom_objects import register_keras_serializable as register_keras_serializable
from densor.utils.model_plot import model_to_dot as model_to_dot
from densor.utils.model_plot import plot_model as plot_model
from densor.utils.normalize import normalize as normalize
from densor.utils.py_dataset import PyDataset as PyDataset
from densor.utils.py_dataset import PyDataset as Sequence
from densor.utils.split_dataset import split_dataset as split_dataset

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_keras_tensor",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "plot_model",
    "register_keras_serializable",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
