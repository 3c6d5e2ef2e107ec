"""Objects over a pipe between this tool's own processes: eight bytes of length, then the pickled object."""

from __future__ import annotations

import pickle
from typing import IO, Any


def packed(told: Any) -> bytes:
    """One object as bytes."""
    return pickle.dumps(told, pickle.HIGHEST_PROTOCOL)


def unpacked(body: bytes) -> Any:
    """The object of :func:`packed`; only of bytes that this tool's own processes made."""
    return pickle.loads(body)


def write(stream: IO[bytes], told: Any) -> None:
    """Send one object. Raises OSError when nobody reads any more."""
    body = packed(told)
    stream.write(len(body).to_bytes(8, "little"))
    stream.write(body)
    stream.flush()


def read(stream: IO[bytes]) -> Any:
    """The next object. Raises EOFError when the other end is gone, also in the middle of one."""
    size = int.from_bytes(_exactly(stream, 8), "little")
    return pickle.loads(_exactly(stream, size))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found
