"""Keras' namespace `saving`: files of models, and the program's own classes in them."""

from densor.models import load_model as load_model
from densor.models import save_model as save_model
from densor.utils.custom_objects import CustomObjectScope as CustomObjectScope
from densor.utils.custom_objects import custom_object_scope as custom_object_scope
from densor.utils.custom_objects import get_custom_objects as get_custom_objects
from densor.utils.custom_objects import get_registered_name as get_registered_name
from densor.utils.custom_objects import get_registered_object as get_registered_object
from densor.utils.custom_objects import register_keras_serializable as register_keras_serializable
