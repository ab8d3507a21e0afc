"""Graphs: symbolic tensors, tracing, gradients, passes, memory, and compilation to native programs."""

from densor.graph.arena import Arena as Arena
from densor.graph.eager import run_eagerly as run_eagerly
from densor.graph.lowering import Lowering as Lowering
from densor.graph.node import Node as Node
from densor.graph.objective import Head as Head
from densor.graph.program import Feeds as Feeds
from densor.graph.program import compile_graph as compile_graph
from densor.graph.program import compile_trial as compile_trial
from densor.graph.program import compile_update as compile_update
from densor.graph.program import lower_graph as lower_graph
from densor.graph.sampling import is_noisy as is_noisy
from densor.graph.sampling import lower_samples as lower_samples
from densor.graph.sampling import probabilities as probabilities
from densor.graph.tensor import Call as Call
from densor.graph.tensor import Tensor as Tensor
from densor.graph.tensor import Written as Written
from densor.graph.trace import Graph as Graph
from densor.graph.trace import trace as trace
from densor.graph.twins import Twins as Twins
from densor.graph.twins import copied_to_device as copied_to_device
from densor.graph.twins import room_on_device as room_on_device
from densor.graph.variable import Variable as Variable
