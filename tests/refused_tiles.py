"""A process whose system refuses the registers of AMX, as sandboxes do: run as a program, with the error to give.

Prints what a CPU with AMX would say, what this machine says, its target, and whether a product is right.
"""

import ctypes
import struct
import sys

ARCH_PRCTL, REQUEST_PERMISSION = 158, 0x1023
LOAD, UNLESS_EQUAL, ANSWER = 0x20, 0x15, 0x06  # instructions of a filter of system calls
NUMBER, FIRST_ARGUMENT = 0, 16  # offsets in what it looks at
FAILED, ALLOWED = 0x00050000, 0x7FFF0000
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2


def refuse_tiles(error):
    """From now on a request for a part of the registers fails with this error."""
    program = (
        (LOAD, 0, 0, NUMBER),
        (UNLESS_EQUAL, 0, 3, ARCH_PRCTL),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (UNLESS_EQUAL, 0, 1, REQUEST_PERMISSION),
        (ANSWER, 0, 0, FAILED | error),
        (ANSWER, 0, 0, ALLOWED),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    header = ctypes.create_string_buffer(struct.pack("H6xQ", len(program), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for call in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SET_SECCOMP, FILTER, header)):
        if prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    refuse_tiles(int(sys.argv[1]))
    import numpy as np

    from densor import _core, config

    print(_core.amx_obstacle(True, True, True))
    print(config.show_config().matrix_units)
    print(_core.cpu_target())
    x, w, y = (np.full((64, 64), value, np.float32) for value in (2, 3, 0))
    _core.dense_forward(y, None, x, w, None, "linear", 0.0).run()
    print((y == 6 * 64).all())
