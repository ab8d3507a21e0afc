"""Layers: objects that own variables and a config, and call `densor.ops`."""

from densor.layers._first_values import without_initial_values as without_initial_values
from densor.layers._naming import reset_names as reset_names
from densor.layers._registry import deserialize as deserialize
from densor.layers._registry import register as register
from densor.layers._registry import serialize as serialize
from densor.layers.activation import Activation as Activation
from densor.layers.add import Add as Add
from densor.layers.batch_norm import BatchNormalization as BatchNormalization
from densor.layers.concatenate import Concatenate as Concatenate
from densor.layers.dense import Dense as Dense
from densor.layers.dropout import Dropout as Dropout
from densor.layers.elu import ELU as ELU
from densor.layers.flatten import Flatten as Flatten
from densor.layers.input_layer import Input as Input
from densor.layers.input_layer import InputLayer as InputLayer
from densor.layers.layer import Layer as Layer
from densor.layers.layer_norm import GroupNormalization as GroupNormalization
from densor.layers.layer_norm import LayerNormalization as LayerNormalization
from densor.layers.layer_norm import RMSNormalization as RMSNormalization
from densor.layers.layer_norm import UnitNormalization as UnitNormalization
from densor.layers.leaky_relu import LeakyReLU as LeakyReLU
from densor.layers.relu import ReLU as ReLU
from densor.layers.rescaling import Rescaling as Rescaling
from densor.layers.softmax import Softmax as Softmax
