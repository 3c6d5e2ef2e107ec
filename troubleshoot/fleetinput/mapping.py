"""What ``--map`` says: which columns of a table hold what, where they are not found."""

from __future__ import annotations

MAP_KEYS = ("text", "device", "time", "id", "error")
"""What ``--map`` can name a column for."""


class MapError(ValueError):
    """``--map`` names something that a table does not have, or is not written as it should be."""


def mapping(text: str) -> dict[str, str]:
    """``text=Details,device=Computer,time=When`` as a dictionary. Raises :class:`MapError` for anything else.

    Names may hold blanks; a comma in a name is written twice.
    """
    out: dict[str, str] = {}
    for part in text.replace(",,", "\0").split(","):
        key, sign, name = part.partition("=")
        key, name = key.strip().casefold(), name.replace("\0", ",").strip()
        if not sign or key not in MAP_KEYS or not name:
            raise MapError(f"--map takes text=COLUMN,device=COLUMN,time=COLUMN (also id, error), not '{part.strip()}'")
        out[key] = name
    if not out.keys() & {"text"}:
        raise MapError("--map needs text=COLUMN: the column with the output of dsregcmd")
    return out
