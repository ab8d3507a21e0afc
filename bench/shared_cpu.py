"""A training step where two threads do not have two CPUs: waiting must not eat the time of who works.

Either the threads may use one CPU alone, where each of their barriers is a change of threads, or every CPU has another
program to run besides. Two threads may take 1.3 times as long as one under the same conditions, more is a failure.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import contestant
from contestant import Figures
from peers.network import NETWORKS, Network

AT_MOST = 1.3
MANY_ROWS = 2048  # whose steps are so long that barriers do not show


def move_to(cpus: set[int]) -> None:
    """All threads of this process, and those that they start."""
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), cpus)


@contextmanager
def one_cpu() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    move_to({min(before)})
    try:
        yield
    finally:
        move_to(before)


@contextmanager
def busy_cpus() -> Iterator[None]:
    """Beside a program that computes on each CPU, in sessions of their own, as other users' would be."""
    count = len(os.sched_getaffinity(0))
    programs = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
        for _ in range(count)
    ]
    time.sleep(0.5)
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


CONDITIONS = {"one CPU": one_cpu, "busy CPUs": busy_cpus}


def every(train: Callable[[Network], tuple[list[float], float]], conditions: Iterable[str]) -> Figures:
    """The networks that are wanted, under each of the conditions."""
    found: Figures = {}
    for condition in conditions:
        for network in NETWORKS:
            case = f"{network.name}, {condition}"
            if network.precision == "float32" and network.batch < MANY_ROWS and contestant.wanted(case):
                with CONDITIONS[condition]():
                    found[case] = network.figures(*train(network))[network.name]
    return found


def densor(threads: int) -> Figures:
    import densor
    from peers import keras_steps

    densor.config.set_num_threads(threads)
    return every(partial(keras_steps.train, densor), CONDITIONS)


def torch() -> Figures:
    from peers import torch_steps

    return every(torch_steps.train, ["busy CPUs"])


CONTESTANTS = {"2 threads": partial(densor, 2), "1 thread": partial(densor, 1), "torch": torch}

if __name__ == "__main__":
    contestant.main(CONTESTANTS, at_most={"1 thread": AT_MOST})
