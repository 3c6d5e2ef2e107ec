"""dsregcmd texts of many devices from one: the same state, with the names, identifiers and times of each."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9A-F]{40}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")
_NAMES = re.compile(r"\bLT-0042\b|\bada\b")


def of_device(text: str, number: int) -> str:
    """The capture ``text`` (a sample's) as device ``number`` would print it. Same number, same text; lengths stay.

    What is equal in ``text`` stays equal, and times keep their distance, so that the causes are the same.
    """
    dice = random.Random(number)
    ids: dict[str, str] = {}

    def another_id(found: re.Match[str]) -> str:
        known = found[0]
        digits = "0123456789ABCDEF" if known.isupper() or "-" not in known else "0123456789abcdef"
        return ids.setdefault(known, "".join(one if one == "-" else dice.choice(digits) for one in known))

    def later(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(found[0]) + timedelta(milliseconds=number * 61_007)
        return moment.isoformat(" ", "milliseconds")

    def renamed(found: re.Match[str]) -> str:
        return f"LT-{number % 10_000:04}" if found[0] == "LT-0042" else f"a{number % 100:02}"

    return _NAMES.sub(renamed, _TIME.sub(later, _ID.sub(another_id, text)))
