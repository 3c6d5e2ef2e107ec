"""A worker process: answers on its output what comes in on its input, until that ends.

It is started by :mod:`troubleshoot.batch.pool` and speaks only to it. What asks is ``(setup, jobs)``; an answer is the number of
each job that begins, and at the end ``(outcomes, bytes of memory)`` or the exception that stopped it. The outcomes are packed
once more, so that who only passes them on need not unpack them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import BinaryIO

from troubleshoot.batch.frames import packed, read, write


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other end is gone."""
    from troubleshoot.batch.work import work

    def begins(number: int) -> None:
        try:
            write(answers, number)
        except OSError:
            sys.exit()  # nobody waits for the answer

    with contextlib.suppress(EOFError, OSError):
        while True:
            setup, jobs = read(asked)
            try:
                answer: object = (packed(work(setup, jobs, begins)), _memory())
            except Exception as error:
                answer = error
            write(answers, answer)


def _memory() -> int:
    """Bytes of memory that this process has now; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    try:
        with open("/proc/self/statm", "rb", buffering=0) as stream:
            return int(stream.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return 0


def main() -> None:
    """Answer on standard output; whatever else would print there goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    with answers:
        serve(sys.stdin.buffer, answers)
