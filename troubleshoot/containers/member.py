"""What the readers of the formats give: members, and what is wrong with an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

ENCRYPTED = "encrypted: send it without password"
CUT_OFF = "the archive is cut off inside it"
BAD_CHECKSUM = "its checksum is wrong"
LINK = "a link, which is not followed"


class Broken(Exception):
    """The data of a member, or the rest of an archive, cannot be had. ``kind``: as that of a Problem."""

    def __init__(self, reason: str, kind: str = "damaged") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class Member(NamedTuple):
    """One file in an archive. ``name``: as stored. ``size``: as stated, None where the format does not tell.

    ``read`` gives the unpacked bytes in pieces and raises :class:`Broken`; it must be used before the next member is
    taken. ``denied``: why it is not to be read, and then ``read`` is not called.
    """

    name: str
    size: int | None
    read: Callable[[], Iterator[bytes]]
    denied: Broken | None = None


class Damage(NamedTuple):
    """What is wrong with the archive itself, in one line. ``kind``: as that of a Problem."""

    reason: str
    kind: str = "damaged"


def unreadable(name: str, reason: Broken, size: int | None = None) -> Member:
    """A member that is only named."""
    return Member(name, size, lambda: iter(()), reason)
