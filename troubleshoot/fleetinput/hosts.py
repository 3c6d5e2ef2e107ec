"""What looks like the name of a computer, and what only seems to."""

from __future__ import annotations

import re

from troubleshoot.fleetinput.cells import label_of

_HOST = re.compile(r"^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61})(?:\.[A-Za-z0-9-]{1,63}){0,6}\$?$")
_GUID = re.compile(r"^\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?$")


def is_host(text: str) -> bool:
    """Does the text look like a computer's name?"""
    text = text.strip()
    return (
        len(text) > 1
        and _HOST.match(text) is not None
        and not _GUID.match(text)
        and not re.fullmatch(r"[\d._]+", text)
        and label_of(text) is None
    )


_CODE_LIKE = re.compile(
    r"(?:0x[0-9a-f]+|(?:KB|MSIS|AADSTS|CVE-?|E[_-]?)\d[\d-]*|\d{2}H[12]|v?\d+(?:\.\d+)+\w{0,8})", re.IGNORECASE
)


def is_sure_host(text: str) -> bool:
    """A name that is hardly a word: with a digit and a letter, and neither a code nor a version."""
    return any(one.isdigit() for one in text) and any(one.isalpha() for one in text) and not _CODE_LIKE.fullmatch(text)
