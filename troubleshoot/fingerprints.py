"""The fingerprint of a finding: the same for the same rule, device and user in every run, so that a ticket is updated, not opened again.

It rests on what stays the same between captures: the rule, the device's short name (in any case; the registered device id only
where no name is known, since an unregistered device prints none and a new registration may bring another), and the account's name
without its domain, which one capture prints as ``DOMAIN\\name`` and the next as a UPN. Files, times and codes play no part.
"""

from __future__ import annotations

from datetime import datetime

from troubleshoot.accounts import short
from troubleshoot.model import Device, Finding

try:  # the module itself, as `random` does: hashlib loads OpenSSL, a thirtieth of the start
    from _sha256 import sha256  # type: ignore[import-not-found]
except ImportError:  # Python 3.12 has another
    from hashlib import sha256

LENGTH = 16
"""Hex digits of a fingerprint."""


def subject(rule: str, device: Device, user: str | None) -> str:
    """What the fingerprint stands for, as one text."""
    name = (device.name or "").partition(".")[0] or (device.device_id or "").strip("{}")
    return f"{rule}\n{name.casefold()}\n{short(user or '').casefold()}"


def fingerprint(rule: str, device: Device, user: str | None) -> str:
    """The fingerprint as hex digits. Whoever knows a device's name can find it again: a redacted report has another one."""
    return digest(subject(rule, device, user))


def of_redacted(finding: Finding, device: str | None, as_of: datetime | None) -> str:
    """The fingerprint of a finding whose names are pseudonyms without a key: made from what the redacted report shows anyway.

    ``device``: the pseudonym of the device; ``as_of``: the time of the report. It is the same for the same
    input only, since pseudonyms are numbered anew in every run: ``host-1`` of two runs are two devices, and must not share a
    ticket.
    """
    shown = [finding.rule, device or "", finding.user or "", str(as_of), str(finding.time)]
    shown += [one.text for one in finding.evidence]
    return digest("\n".join(shown))


def digest(text: str) -> str:
    """The first hex digits of the SHA-256 of a text."""
    digits: str = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return digits[:LENGTH]
