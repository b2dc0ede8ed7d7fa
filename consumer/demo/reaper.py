"""Kills a process group and removes a folder when the process that asked for it has died, however it died.

Run as a program of its own, as the leader of the group to be killed:
``python -I -S reaper.py OWNER_PID [FOLDER]``. Its standard input is a pipe that only the owner can write to. One byte
on it means that the owner has cleaned up itself; its end without one, or another parent, means that the owner is
gone. Works with plain POSIX, since asking the kernel for a signal at the parent's death is Linux only. Imports nothing
but the standard library and keeps no signal from it.
"""

import os
import select
import shutil
import signal
import sys
import time

POLL_S = 1.0
REMOVE_FOR_S = 30.0


def main(owner: int, folder: str | None) -> None:
    """Wait for the owner's word or its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.getppid() == owner:
        # A fork of the owner may hold the pipe open, so its end alone is not waited for.
        readable, _, _ = select.select([0], [], [], POLL_S)
        if readable:
            if os.read(0, 1):
                return
            break
    group = os.getpid()
    if os.fork() == 0:
        # A child in a group of its own survives the signal that its parent gets with all the others.
        os.setpgid(0, 0)
        os.killpg(group, signal.SIGKILL)
        if folder is not None:
            remove(folder)
        os._exit(0)
    os.wait()


def remove(folder: str) -> None:
    """Remove the folder, against dying processes that still write to it."""
    deadline = time.monotonic() + REMOVE_FOR_S
    while os.path.lexists(folder) and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
