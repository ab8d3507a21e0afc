"""One step of every optimizer over all parameters, against PyTorch's: the fused form where it has one, for muon its
way to choose the learning rate. Ftrl, Lamb, Lion and the schedule-free AdamW have no peer there.

Bytes: parameters and slots are read and written, gradients are read. What a rule must do besides (Lamb and Adafactor
read whole variables first, Muon multiplies matrices) is not counted.
"""

import numpy as np

import contestant
from contestant import normal

# The variables of the 784-300-100-10 net, and one large matrix.
SHAPES = {
    "266k parameters": ((784, 300), (300,), (300, 100), (100,), (100, 10), (10,)),
    "16M parameters": ((4096, 4096),),
}
# Name: class and arguments here; class and arguments in torch.optim, or None.
FUSED = {"fused": True}
OPTIMIZERS = {
    "sgd": ("SGD", {}, "SGD", FUSED),
    "momentum": ("SGD", {"momentum": 0.9}, "SGD", {"momentum": 0.9} | FUSED),
    "nesterov": (
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        "SGD",
        {"momentum": 0.9, "nesterov": True} | FUSED,
    ),
    "rmsprop": ("RMSprop", {}, "RMSprop", {}),
    "rmsprop centered": ("RMSprop", {"centered": True}, "RMSprop", {"centered": True}),
    "rmsprop momentum": ("RMSprop", {"momentum": 0.9}, "RMSprop", {"momentum": 0.9}),
    "adagrad": ("Adagrad", {}, "Adagrad", FUSED),
    "adadelta": ("Adadelta", {}, "Adadelta", {}),
    "adam": ("Adam", {}, "Adam", FUSED),
    "amsgrad": ("Adam", {"amsgrad": True}, "Adam", {"amsgrad": True} | FUSED),
    "adamw": ("AdamW", {}, "AdamW", FUSED),
    "adamax": ("Adamax", {}, "Adamax", {}),
    "nadam": ("Nadam", {}, "NAdam", {}),
    "radam": ("RAdam", {}, "RAdam", {}),
    "adafactor": ("Adafactor", {}, "Adafactor", {}),
    "ftrl": ("Ftrl", {}, None, {}),
    "lamb": ("Lamb", {}, None, {}),
    "lion": ("Lion", {}, None, {}),
    "schedule-free adamw": ("ScheduleFreeAdamW", {}, None, {}),
    "muon": ("Muon", {}, "Muon", {"adjust_lr_fn": "match_rms_adamw"}),
}
# Muon multiplies matrices: with the large one a step takes ten seconds.
CASES = {
    f"{name}, {size}": (name, shapes)
    for size, shapes in SHAPES.items()
    for name in OPTIMIZERS
    if (name, size) != ("muon", "16M parameters")
}


def optimizer_of(name):
    from densor import optimizers

    kind, arguments, *_ = OPTIMIZERS[name]
    return getattr(optimizers, kind)(**arguments)


def moved(shapes, slots):
    return 4 * sum(int(np.prod(shape)) for shape in shapes) * (3 + 2 * slots)


def densor(name, shapes):
    import densor
    from densor import _core

    optimizer = optimizer_of(name)
    sizes = [int(np.prod(shape)) for shape in shapes]
    offsets = np.cumsum([0] + [-(-size // 16) * 16 for size in sizes])
    segments = np.stack([offsets[:-1], sizes], axis=1).astype(np.int64)
    parameters, gradients = normal(offsets[-1]), normal(offsets[-1], seed=1)
    slots = [np.full_like(parameters, optimizer.initial_slot(slot)) for slot in optimizer.slots]
    decayed = np.ones(len(sizes), np.uint8)
    matrices = optimizer.matrices(tuple(densor.Variable(np.zeros(shape, np.float32)) for shape in shapes))
    step = _core.optimizer(
        parameters, gradients, slots, segments, decayed, optimizer.rule, None, None, None,
        matrices=matrices, iterations=optimizer.iterations_of_directions,
    )  # fmt: skip
    hyper = optimizer.coefficients(0, 1)
    return lambda: step.run(hyper=hyper), moved(shapes, len(slots))


def torch(name, shapes):
    import torch

    _, _, kind, arguments = OPTIMIZERS[name]
    if kind is None:
        return None
    if kind == "Muon":  # its optimizer takes matrices only; the rest is left out
        shapes = [shape for shape in shapes if len(shape) == 2]
    leaves = [torch.tensor(normal(*shape), requires_grad=True) for shape in shapes]
    for leaf in leaves:
        leaf.grad = torch.tensor(normal(*leaf.shape, seed=1))
    optimizer = getattr(torch.optim, kind)(leaves, lr=1e-3, **arguments)
    return optimizer.step, moved(shapes, len(optimizer_of(name).slots))


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
