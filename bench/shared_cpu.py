"""A training step where two threads have one CPU between them: waiting must not eat the time of who works.

Both contestants may use CPU 0 alone. Two threads may take 1.3 times as long as one, more is a failure: each of their
barriers is a change of threads.
"""

import os
from functools import partial

import contestant
from contestant import Figures
from peers.network import NETWORKS

AT_MOST = 1.3
MANY_ROWS = 2048  # whose steps are so long that barriers do not show


def train(threads: int) -> Figures:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import densor
    from peers import keras_steps

    densor.config.set_num_threads(threads)
    found: Figures = {}
    for network in NETWORKS:
        plain = network.precision == "float32" and network.batch < MANY_ROWS
        if plain and contestant.wanted(network.name):
            found |= network.figures(*keras_steps.train(densor, network))
    return found


CONTESTANTS = {"2 threads on 1 CPU": partial(train, 2), "1 thread": partial(train, 1)}

if __name__ == "__main__":
    contestant.main(CONTESTANTS, at_most={"1 thread": AT_MOST})
