"""The kernels as functions: on symbolic tensors they extend a graph, on arrays they run at once.

`f(x)` works on both; `f_forward` and `f_backward` work on arrays and hand out what the gradient needs.

All of them also take arrays in the memory of a GPU: CuPy's, PyTorch's, anybody's with `__cuda_array_interface__` or
DLPack, all of a call there. They take their place on the caller's current stream: behind what it holds, before what
comes next, and the host does not wait. That is the stream which the array's interface names, or PyTorch's or CuPy's
current one; where nobody names any, the call is complete when it returns. No stream that is being captured in a graph
is taken. What they return knows Python's operators, and `cupy.from_dlpack` and `torch.from_dlpack` take it without a
copy, on the stream that is current then; so does `cupy.asarray`, whose host waits. `cast` makes nothing but float32
there, which all kernels compute in.
"""

from densor.graph import Tensor as _Tensor
from densor.ops import _operators as _operators
from densor.ops._between import noting as _noting
from densor.ops.activation import activation as activation
from densor.ops.activation import activation_backward as activation_backward
from densor.ops.activation import activation_saves as activation_saves
from densor.ops.activation import elu as elu
from densor.ops.activation import leaky_relu as leaky_relu
from densor.ops.activation import linear as linear
from densor.ops.activation import relu as relu
from densor.ops.activation import selu as selu
from densor.ops.activation import sigmoid as sigmoid
from densor.ops.activation import softplus as softplus
from densor.ops.activation import tanh as tanh
from densor.ops.add import add as add
from densor.ops.arithmetic import abs as abs
from densor.ops.arithmetic import absolute as absolute
from densor.ops.arithmetic import ceil as ceil
from densor.ops.arithmetic import clip as clip
from densor.ops.arithmetic import divide as divide
from densor.ops.arithmetic import erf as erf
from densor.ops.arithmetic import exp as exp
from densor.ops.arithmetic import expm1 as expm1
from densor.ops.arithmetic import floor as floor
from densor.ops.arithmetic import log as log
from densor.ops.arithmetic import log1p as log1p
from densor.ops.arithmetic import log2 as log2
from densor.ops.arithmetic import log10 as log10
from densor.ops.arithmetic import maximum as maximum
from densor.ops.arithmetic import minimum as minimum
from densor.ops.arithmetic import multiply as multiply
from densor.ops.arithmetic import negative as negative
from densor.ops.arithmetic import power as power
from densor.ops.arithmetic import reciprocal as reciprocal
from densor.ops.arithmetic import round as round
from densor.ops.arithmetic import rsqrt as rsqrt
from densor.ops.arithmetic import sign as sign
from densor.ops.arithmetic import sqrt as sqrt
from densor.ops.arithmetic import square as square
from densor.ops.arithmetic import subtract as subtract
from densor.ops.batch_norm import batch_norm as batch_norm
from densor.ops.batch_norm import batch_norm_backward as batch_norm_backward
from densor.ops.batch_norm import batch_norm_forward as batch_norm_forward
from densor.ops.batch_norm import batch_norm_inference as batch_norm_inference
from densor.ops.circle_loss import circle_loss as circle_loss
from densor.ops.comparison import equal as equal
from densor.ops.comparison import greater as greater
from densor.ops.comparison import greater_equal as greater_equal
from densor.ops.comparison import less as less
from densor.ops.comparison import less_equal as less_equal
from densor.ops.comparison import logical_and as logical_and
from densor.ops.comparison import logical_not as logical_not
from densor.ops.comparison import logical_or as logical_or
from densor.ops.comparison import not_equal as not_equal
from densor.ops.comparison import where as where
from densor.ops.concatenate import concatenate as concatenate
from densor.ops.conversion import argmax as argmax
from densor.ops.conversion import cast as cast
from densor.ops.conversion import convert_to_tensor as convert_to_tensor
from densor.ops.conversion import one_hot as one_hot
from densor.ops.conversion import ones_like as ones_like
from densor.ops.conversion import shape as shape
from densor.ops.conversion import zeros_like as zeros_like
from densor.ops.dense import dense as dense
from densor.ops.dense import dense_backward as dense_backward
from densor.ops.dense import matmul as matmul
from densor.ops.dropout import alpha_dropout as alpha_dropout
from densor.ops.dropout import dropout as dropout
from densor.ops.dropout import dropout_backward as dropout_backward
from densor.ops.dropout import dropout_forward as dropout_forward
from densor.ops.gaussian_noise import gaussian_dropout as gaussian_dropout
from densor.ops.gaussian_noise import gaussian_noise as gaussian_noise
from densor.ops.glu import glu as glu
from densor.ops.image_blur import image_blur as image_blur
from densor.ops.image_color import image_color as image_color
from densor.ops.image_warp import image_warp as image_warp
from densor.ops.layer_norm import group_norm as group_norm
from densor.ops.layer_norm import layer_norm as layer_norm
from densor.ops.layer_norm import layer_norm_backward as layer_norm_backward
from densor.ops.layer_norm import layer_norm_forward as layer_norm_forward
from densor.ops.layer_norm import rms_norm as rms_norm
from densor.ops.layer_norm import unit_norm as unit_norm
from densor.ops.mean_absolute_error import mean_absolute_error as mean_absolute_error
from densor.ops.mean_squared_error import mean_squared_error as mean_squared_error
from densor.ops.norm_constraint import norm_constraint as norm_constraint
from densor.ops.optimizer import optimizer_step as optimizer_step
from densor.ops.penalty import penalize as penalize
from densor.ops.penalty import penalty as penalty
from densor.ops.piecewise import bounded_relu as bounded_relu
from densor.ops.piecewise import hard_shrink as hard_shrink
from densor.ops.piecewise import hard_sigmoid as hard_sigmoid
from densor.ops.piecewise import hard_silu as hard_silu
from densor.ops.piecewise import hard_swish as hard_swish
from densor.ops.piecewise import hard_tanh as hard_tanh
from densor.ops.piecewise import relu6 as relu6
from densor.ops.piecewise import soft_shrink as soft_shrink
from densor.ops.piecewise import sparse_plus as sparse_plus
from densor.ops.piecewise import sparse_sigmoid as sparse_sigmoid
from densor.ops.piecewise import threshold as threshold
from densor.ops.random_rows import random_rows as random_rows
from densor.ops.reduction import logsumexp as logsumexp
from densor.ops.reduction import max as max
from densor.ops.reduction import mean as mean
from densor.ops.reduction import min as min
from densor.ops.reduction import std as std
from densor.ops.reduction import sum as sum
from densor.ops.reduction import var as var
from densor.ops.rescale import rescale as rescale
from densor.ops.reshape import flatten as flatten
from densor.ops.reshape import identity as identity
from densor.ops.reshape import reshape as reshape
from densor.ops.sigmoid_cross_entropy import sigmoid_cross_entropy as sigmoid_cross_entropy
from densor.ops.slicing import expand_dims as expand_dims
from densor.ops.slicing import get_item as get_item
from densor.ops.slicing import split as split
from densor.ops.slicing import squeeze as squeeze
from densor.ops.slicing import stack as stack
from densor.ops.slicing import take as take
from densor.ops.smooth import celu as celu
from densor.ops.smooth import gelu as gelu
from densor.ops.smooth import log_sigmoid as log_sigmoid
from densor.ops.smooth import mish as mish
from densor.ops.smooth import prelu as prelu
from densor.ops.smooth import silu as silu
from densor.ops.smooth import softsign as softsign
from densor.ops.smooth import squareplus as squareplus
from densor.ops.smooth import swish as swish
from densor.ops.smooth import tanh_shrink as tanh_shrink
from densor.ops.softmax import log_softmax as log_softmax
from densor.ops.softmax import masked_softmax as masked_softmax
from densor.ops.softmax import softmax as softmax
from densor.ops.softmax import softmax_backward as softmax_backward
from densor.ops.softmax_cross_entropy import softmax_cross_entropy as softmax_cross_entropy
from densor.ops.sparsemax import sparsemax as sparsemax
from densor.ops.spectral_norm import spectral_norm as spectral_norm
from densor.ops.spectral_norm import spectral_normalized as spectral_normalized
from densor.ops.standardize import standardize as standardize
from densor.ops.transpose import transpose as transpose

globals().update(_noting(globals()))
_Tensor.operators |= {name: globals()[name] for name in _Tensor.operators}
