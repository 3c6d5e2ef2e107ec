"""Tables of many devices as input: from one artifact to the evidence of each device in it.

``tables`` finds them and reads them by device; ``records`` takes the container apart, ``columns`` finds what each column holds,
``cells`` decodes a cell, ``cuts`` tells what its channel cut away, ``fields`` and ``rows`` make the evidence. ``files`` does the
same for what comes as one file per computer. Formats and channels: ``data/fleet_channels.yaml``. This module imports none of
them: it only tells cheaply whether an artifact can be one.
"""

from __future__ import annotations

import os
import re

HEAD = 16_384
"""The bytes that :func:`may_be_table` looks at."""

_BINARY = bytes((*range(1, 7), *range(14, 27)))
# After a line end stands one of five characters, so that hardly a line is tried with the rest: a tenth of the cost.
_COMPUTER = re.compile(
    rb"(?m)\n[=#*C-](?:(?<=[=#*-])[=#*-]{2,}\s?[\w.-]{2,63}\s?[=#*-]{0,80}\s*$|(?<=C)omputer ?(?:Name)?\s?:)"
)
_SHARE = re.compile(
    r"(?:^|[/\\])(?P<user>[^/\\]{1,104}?)(?:--|\u2013)(?P<host>[A-Za-z0-9][A-Za-z0-9._-]{0,62}?)\.(?:txt|log)$"
)


def may_be_table(head: bytes) -> bool:
    """A quick necessary condition of a table: a zip (a workbook), JSON, or text whose first line that holds anything has a delimiter."""
    if head.startswith(b"PK\x03\x04"):
        return True
    sample = head[:2048]
    if len(sample.translate(None, _BINARY)) < len(sample) - 2:
        return False
    start = sample.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if start[:1] in (b"{", b"["):
        return True
    for line in start.split(b"\n", 8)[:8]:
        if not line.strip() or line.startswith((b"#TYPE", b"sep=")):
            continue
        if b"+---" in line or line.startswith(b"| "):
            return False
        return any(one in line for one in (b",", b";", b"\t", b"|"))
    return False


def may_be_loop(head: bytes) -> bool:
    """Can it be the output of a loop over computers, appended to one file? Their names stand between the captures."""
    if head.startswith(b"\\\\") or (b"]" in head and b"]: PS" in head) or b" exited on " in head:
        return True
    return _COMPUTER.search(b"\n" + head) is not None


def may_be_large(path: str) -> bool:
    """May this file be a table so large that its reports should not all stand in memory: by its size, and the rows it may have?

    :func:`troubleshoot.fleetinput.sizes.of_very_many` looks closer.
    """
    try:
        if not os.path.isfile(path) or os.path.getsize(path) < HEAD:
            return False
        with open(path, "rb") as stream:
            return may_be_table(stream.read(HEAD))
    except OSError:
        return False


def of_share(path: str) -> tuple[str, str] | None:
    """(user, computer) of a file that a logon script writes to a share: ``user--HOST.txt``; None for any other name."""
    found = _SHARE.search(path) if "--" in path or "\u2013" in path else None
    return (found["user"], found["host"]) if found else None
