"""The kernels as functions: on symbolic tensors they extend a graph, on arrays they run at once.

`f(x)` works on both; `f_forward` and `f_backward` work on arrays and hand out what the gradient needs.
"""

from densor.ops.activation import activation as activation
from densor.ops.activation import activation_backward as activation_backward
from densor.ops.activation import activation_saves as activation_saves
from densor.ops.activation import elu as elu
from densor.ops.activation import gelu as gelu
from densor.ops.activation import leaky_relu as leaky_relu
from densor.ops.activation import linear as linear
from densor.ops.activation import relu as relu
from densor.ops.activation import selu as selu
from densor.ops.activation import sigmoid as sigmoid
from densor.ops.activation import silu as silu
from densor.ops.activation import softplus as softplus
from densor.ops.activation import swish as swish
from densor.ops.activation import tanh as tanh
from densor.ops.add import add as add
from densor.ops.batch_norm import batch_norm as batch_norm
from densor.ops.batch_norm import batch_norm_backward as batch_norm_backward
from densor.ops.batch_norm import batch_norm_forward as batch_norm_forward
from densor.ops.batch_norm import batch_norm_inference as batch_norm_inference
from densor.ops.concatenate import concatenate as concatenate
from densor.ops.dense import dense as dense
from densor.ops.dense import dense_backward as dense_backward
from densor.ops.dropout import dropout as dropout
from densor.ops.dropout import dropout_backward as dropout_backward
from densor.ops.dropout import dropout_forward as dropout_forward
from densor.ops.layer_norm import group_norm as group_norm
from densor.ops.layer_norm import layer_norm as layer_norm
from densor.ops.layer_norm import layer_norm_backward as layer_norm_backward
from densor.ops.layer_norm import layer_norm_forward as layer_norm_forward
from densor.ops.layer_norm import rms_norm as rms_norm
from densor.ops.layer_norm import unit_norm as unit_norm
from densor.ops.mean_absolute_error import mean_absolute_error as mean_absolute_error
from densor.ops.mean_squared_error import mean_squared_error as mean_squared_error
from densor.ops.optimizer import optimizer_step as optimizer_step
from densor.ops.rescale import rescale as rescale
from densor.ops.reshape import flatten as flatten
from densor.ops.reshape import identity as identity
from densor.ops.reshape import reshape as reshape
from densor.ops.sigmoid_cross_entropy import sigmoid_cross_entropy as sigmoid_cross_entropy
from densor.ops.softmax import softmax as softmax
from densor.ops.softmax import softmax_backward as softmax_backward
from densor.ops.softmax_cross_entropy import softmax_cross_entropy as softmax_cross_entropy
from densor.ops.transpose import transpose as transpose
