"""Becomes another program that ends with its parent: launch.py PARENT SIGNAL USER PROGRAM [ARGUMENT ...].

PARENT is the pid that must still be the parent, SIGNAL what the kernel sends when that parent is gone, USER a
numeric id to drop to, or -1. A program of its own, because code between fork and exec is not safe in a
process with threads. Standard library only, and little of it: it stands in the way of every start.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, signal: int, user: int, command: list[str]) -> None:
    if user >= 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    # After the change of user, which clears it.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit("launch: the parent is gone")
    try:
        os.execv(command[0], command)  # noqa: S606 - replacing this process is the point
    except OSError as error:
        sys.exit(f"launch: {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
