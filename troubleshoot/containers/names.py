"""Names of members: how they are shown, and which are refused.

No name ever becomes a path on disk. The refusals are for those who unpack the same archive by hand, and because no
collector writes such names: what has one was made to do harm, or was mangled.
"""

from __future__ import annotations

import re

_LONGEST = 1_000
_DRIVE = re.compile(r"[A-Za-z]:")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(?:[.:].*)?",
    re.IGNORECASE | re.DOTALL,
)


def text_of(raw: str) -> str:
    """A file name as text that every encoding can hold: bytes that are no character become U+FFFD."""
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not raw.isascii() else raw


def checked(raw: str) -> tuple[str, str | None]:
    r"""(the name with ``/`` between its parts, why it is refused or None).

    ``.\logs//a.txt`` is ``logs/a.txt``. Refused: names that are absolute or lead out (``/x``, ``C:x``, ``..``) and the
    names of Windows devices.
    """
    try:
        name = text_of(raw)
    except UnicodeEncodeError:
        name = raw.encode("utf-8", "replace").decode()
    name = name.split("\x00", 1)[0].replace("\\", "/")
    parts = name.split("/")
    clean = "/".join(part for part in parts if part not in ("", "."))
    if name.startswith(("//./", "//?/")):
        return name[:_LONGEST], "its name is that of a device"
    if name.startswith("/"):
        return name[:_LONGEST], "its name is absolute"
    if _DRIVE.match(name):
        return name[:_LONGEST], "its name begins with a drive letter"
    if ".." in parts:
        return name[:_LONGEST], "its name leads out of the archive (..)"
    if any(_DEVICE.fullmatch(part.rstrip(" .")) for part in parts if part):
        return name[:_LONGEST], "its name is that of a device"
    return clean[:_LONGEST] or "(no name)", None
