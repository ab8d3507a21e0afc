"""A training step of the tabular net 32-64x6-1 with Adam: its layers as one kernel each way, and one by one."""

from ground import Contest, Work, _core
from place import sized
from training import Data, contest, densor_steps

SIZES = (32, *(64,) * 6, 1)


def layer_by_layer(data: Data) -> Work:
    steps = densor_steps(data)

    def run(calls: int) -> None:
        _core.set_device_chains(False)
        try:
            steps(calls)
        finally:
            _core.set_device_chains(True)

    return run


def step(batch: int) -> Contest:
    data = Data(SIZES, sized(batch, min(batch, 40)))
    return contest(data, {"densor": densor_steps(data), "layer by layer": layer_by_layer(data)}, ["graph"])
