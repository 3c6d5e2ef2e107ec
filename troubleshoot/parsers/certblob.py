"""The device's certificate as the registry stores it: properties, the last of which is the certificate (DER).

A property is its number, 1 and its length (4 bytes each, little endian), then the data; 32 is the certificate, 2 names the
provider of its key. Microsoft Learn, "CertGetCertificateContextProperty"; the certificate itself: RFC 5280, 4.1.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

from troubleshoot.model import Fact, Source

_CERTIFICATE, _PROVIDER = 32, 2
_PROVIDERS = {"Microsoft Platform Crypto Provider": "tpm", "Microsoft Software Key Storage Provider": "software"}
_COMMON_NAME = bytes.fromhex("550403")
_DEVICE = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_ISSUER = "ms-organization-access"
_SEQUENCE, _OID, _UTC_TIME, _LONG_TIME, _VERSION = 0x30, 0x06, 0x17, 0x18, 0xA0


class _Malformed(Exception):
    """No DER."""


def device(blob: bytes, source: Source, key: str) -> list[Fact]:
    """``certificate.device`` with its subject, end (UTC) and provider; nothing where it is not the device's certificate."""
    found = dict(_properties(blob))
    try:
        issuer, subject, end = _read(found.get(_CERTIFICATE, b""))
    except (_Malformed, ValueError, IndexError):
        return []
    if issuer.casefold() != _ISSUER or not _DEVICE.fullmatch(subject.casefold()):
        return []
    text = f"{key}: CN={subject}, issued by CN={issuer}, until {end.isoformat()}"
    out = [
        Fact("certificate.device", "present", source, text=text),
        Fact("certificate.device.subject", subject.casefold(), source, text=text),
        Fact("certificate.device.not-after", end.isoformat(), source, text=text),
    ]
    named = found.get(_PROVIDER, b"").decode("utf-16-le", "replace")
    for name, word in _PROVIDERS.items():
        if name in named:
            out.append(Fact("certificate.device.provider", word, source, text=f"{key}: {name}"))
    return out


def _properties(blob: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 12 <= len(blob):
        number, _, size = struct.unpack_from("<III", blob, at)
        yield number, blob[at + 12 : at + 12 + size]
        at += 12 + size


def _read(der: bytes) -> tuple[str, str, datetime]:
    """Common names of issuer and subject, and the end of validity."""
    _, whole, _ = _element(der, 0)
    _, body, _ = _element(whole, 0)
    parts = list(_elements(body))
    if parts and parts[0][0] == _VERSION:
        parts = parts[1:]
    (_, issuer), (_, validity), (_, subject) = parts[2:5]  # after serial number and signature
    kind, end = list(_elements(validity))[1]
    return _name(issuer), _name(subject), _moment(kind, end.decode("ascii"))


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag, content and end of the element at ``at``."""
    if at + 2 > len(data):
        raise _Malformed
    tag, size = data[at], data[at + 1]
    at += 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise _Malformed
        size = int.from_bytes(data[at : at + count], "big")
        at += count
    if at + size > len(data):
        raise _Malformed
    return tag, data[at : at + size], at + size


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, content, at = _element(data, at)
        yield tag, content


def _name(rdns: bytes) -> str:
    """The common name of a distinguished name."""
    for _, group in _elements(rdns):
        for _, pair in _elements(group):
            (kind, oid), (_, text) = list(_elements(pair))[:2]
            if kind == _OID and oid == _COMMON_NAME:
                return text.decode("utf-8", "replace")
    return ""


def _moment(kind: int, text: str) -> datetime:
    if kind == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif kind != _LONG_TIME:
        raise _Malformed
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
