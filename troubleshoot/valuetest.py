"""Value tests of rules (``YES``, a list, ``{startswith: FAIL}``) as functions.

A compiled test takes the value as text and answers True, False, or None for "cannot be told" (a number that is none, a
time of unknown zone). Matching ignores case. The format: docs/rules.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from troubleshoot import times
from troubleshoot.masks import is_mask

Test: TypeAlias = Callable[[str, datetime | None], bool | None]
"""(value, as_of) -> passes, fails, or cannot be told."""

OPERATORS = (
    "not",
    "contains",
    "startswith",
    "endswith",
    "re",
    "exists",
    "lt",
    "lte",
    "gt",
    "gte",
    "older_than",
    "newer_than",
)
_DURATION = re.compile(r"^\s*(\d+)\s*([smhdw])\s*$")
_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = 65_536  # characters of a log text that a pattern sees


def duration(text: str) -> timedelta | None:
    """``30m``, ``4h``, ``14d``, ``2w`` or ``90s`` as a time span; None for anything else."""
    found = _DURATION.match(text)
    return timedelta(seconds=int(found[1]) * _UNIT[found[2]]) if found else None


def _number(text: str) -> float | None:
    span = duration(text)
    if span is not None:
        return span.total_seconds()
    try:
        return float(int(text, 16) if text[:2].lower() == "0x" else float(text))
    except ValueError:
        return None


def _texts(value: Any) -> list[str]:
    return [str(item).casefold() for item in (value if isinstance(value, list) else [value])]


def _compare(name: str, limit_text: str) -> Test:
    limit = _number(limit_text)

    def test(value: str, as_of: datetime | None) -> bool | None:
        number = _number(value)
        if number is None or limit is None:
            return None
        if name == "lt":
            return number < limit
        if name == "lte":
            return number <= limit
        return number > limit if name == "gt" else number >= limit

    return test


def _age(name: str, span_text: str) -> Test:
    span = duration(span_text)

    def test(value: str, as_of: datetime | None) -> bool | None:
        time = times.parse(value)
        if time is None or span is None or as_of is None:
            return None
        older = times.after(as_of - span, time)
        return older if name == "older_than" or older is None else not older

    return test


def _operator(name: str, value: Any) -> Test:
    if name in ("lt", "lte", "gt", "gte"):
        return _compare(name, str(value))
    if name in ("older_than", "newer_than"):
        return _age(name, str(value))
    if name == "exists":
        return lambda text, as_of: bool(value)
    if name == "re":
        patterns = [re.compile(str(item), re.IGNORECASE) for item in (value if isinstance(value, list) else [value])]
        return lambda text, as_of: any(pattern.search(text, 0, _LONGEST) for pattern in patterns)
    wanted = _texts(value)
    if name == "not":
        return lambda text, as_of: text.casefold() not in wanted
    if name == "contains":
        return lambda text, as_of: any(item in text.casefold() for item in wanted)
    if name == "startswith":
        starts = tuple(wanted)
        return lambda text, as_of: text.casefold().startswith(starts)
    if name == "endswith":
        ends = tuple(wanted)
        return lambda text, as_of: text.casefold().endswith(ends)
    raise ValueError(f"unknown operator '{name}'")


def equals(spec: Any) -> frozenset[str] | None:
    """The words, in lower case, that pass a test for equality; None for any other test."""
    return None if isinstance(spec, Mapping) else frozenset(_texts(spec))


def contained(spec: Any) -> tuple[str, ...] | None:
    """The words, in lower case, of which one has to stand in a value that passes; None for any other test."""
    return tuple(_texts(spec["contains"])) if isinstance(spec, Mapping) and spec.keys() == {"contains"} else None


def is_timed(spec: Any) -> bool:
    """Does the answer depend on the time of the case?"""
    return isinstance(spec, Mapping) and not spec.keys().isdisjoint(("older_than", "newer_than"))


def compile_test(spec: Any) -> Test:
    """The function of a value test. Raises ValueError or re.error for one that is not of the format.

    A value that somebody blanked out (:mod:`troubleshoot.masks`) passes no test and fails none.
    """
    test = of_known(spec)
    return lambda text, as_of: None if is_mask(text) else test(text, as_of)


def of_known(spec: Any) -> Test:
    """As :func:`compile_test`, for values that are known not to be blanked out."""
    if not isinstance(spec, Mapping):
        wanted = frozenset(_texts(spec))
        if len(wanted) == 1:
            only = next(iter(wanted))
            return lambda text, as_of: text.casefold() == only
        return lambda text, as_of: text.casefold() in wanted
    parts = [_operator(name, value) for name, value in spec.items()]
    if len(parts) == 1:
        return parts[0]

    def every(text: str, as_of: datetime | None) -> bool | None:
        result: bool | None = True
        for part in parts:
            one = part(text, as_of)
            if one is False:
                return False
            if one is None:
                result = None
        return result

    return every


def on_absent(spec: Any) -> bool:
    """What the test says of a value that is known to be missing: true only for ``exists: false`` and ``not``."""
    if not isinstance(spec, Mapping):
        return False
    return all((name == "exists" and value is False) or name == "not" for name, value in spec.items())
