"""Pseudonyms for what names a customer: which text is a name, and which token stands for it.

Two ways lead to a name: values that :mod:`troubleshoot.identities` has learned from labelled evidence (host, user, domain
and tenant names look like any other word), and shapes that are a name wherever they stand (ids, SIDs, addresses,
certificates, mail names). One value is one token in all files and devices of a run, whatever its case or encoding;
``user-1@domain-1`` keeps what belongs together.

Without a key tokens are numbered in the order in which the values are met, so the same input gives the same report. With
a key they are derived from it, so they are the same in every run with that key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import orjson

from troubleshoot.tables import DATA

_MAIL_AT = r"(?:@|%40|&#64;|&commat;)"
_HEX4 = r"[0-9a-fA-F]{4}"
# What looks like a name wherever it stands. The order is that of preference at one place.
_SHAPES = re.compile(
    "|".join(
        (
            r"(?P<blob>(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{60,}={0,2}|[A-Za-z0-9+/]{38,}={1,2}))",
            rf"(?P<guid>(?<![0-9a-fA-F])[0-9a-fA-F]{{8}}-{_HEX4}-{_HEX4}-{_HEX4}-[0-9a-fA-F]{{12}}(?![0-9a-fA-F]))",
            r"(?P<sid>S-1-\d{1,2}(?:-\d{1,10}){1,15})",
            rf"(?P<mail>(?<![A-Za-z0-9._%+-])[A-Za-z0-9._+$\u00a1-\uffff-]{{1,64}}{_MAIL_AT}[A-Za-z0-9.-]{{1,190}}[A-Za-z0-9])",
            r"(?P<dn>(?:CN|OU|DC)=[^,\n=\"<>]{1,128}(?:,\s?(?:CN|OU|DC|O|C|L|S)=[^,\n=\"<>]{1,128}){1,20})",
            r"(?P<mac>(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f:-]))",
            r"(?P<ipv6>(?<![0-9A-Za-z:.])(?=[0-9a-fA-F:]{2,45}(?:%\d+)?(?![0-9A-Za-z:]))[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})",
            r"(?P<ip>(?<![0-9.])(?:\d{1,3}\.){3}\d{1,3}(?![0-9.]*[0-9]))",
            r"(?P<hex>(?<![0-9A-Za-z])(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})(?![0-9A-Za-z]))",
            r"(?P<spaced>(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2} ){19}[0-9a-fA-F]{2}(?![0-9A-Za-z]))",
            r"(?P<unc>(?<=\\\\)[A-Za-z0-9][A-Za-z0-9._-]{0,200})",
            r"(?P<url>(?<=://)[A-Za-z0-9][A-Za-z0-9.-]{0,200})",
            r"(?P<account>(?<![A-Za-z0-9\\])[A-Za-z][A-Za-z0-9-]{1,14}\\[A-Za-z0-9._$-]{1,64}(?![\\A-Za-z0-9]))",
            r"(?P<fqdn>(?<![A-Za-z0-9@._-])[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62}){1,8}(?![A-Za-z0-9-]))",
        )
    )
)
_SHORTEST = 2
_LONGEST = 256  # characters of one learned value; longer ones are blobs and found by their shape


def read_key(path: Path) -> bytes:
    """The key in a file; a file that is not there is made with a new random key, readable by its owner alone.

    Raises OSError where it can be neither read nor made.
    """
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            stream.write(secrets.token_hex(32).encode() + b"\n")
    except FileExistsError:
        pass
    key = path.read_bytes().strip()
    if len(key) < 16:
        raise OSError(None, "a key has at least 16 bytes")
    return key


class WellKnown(NamedTuple):
    """What stays readable (``data/wellknown.yaml``), and which labelled values name somebody."""

    hosts: tuple[str, ...]
    guids: frozenset[str]
    sids: tuple[str, ...]
    words: frozenset[str]
    identities: Mapping[str, str]
    file_words: frozenset[str]
    domain_ends: frozenset[str]
    format_words: frozenset[str]


@lru_cache(maxsize=1)
def well_known() -> WellKnown:
    """The table, once per process."""
    rows = orjson.loads((DATA / "wellknown.json").read_bytes())
    return WellKnown(
        tuple(rows["hosts"]),
        frozenset(rows["guids"]),
        tuple(rows["sids"]),
        frozenset(rows["words"]),
        {name: kind for kind, names in rows["identities"].items() for name in names},
        frozenset(rows["file_words"]),
        frozenset(rows["domain_ends"]),
        frozenset(rows["format_words"]),
    )


def own_host(host: str) -> bool:
    """Is the host one of a customer, so not at or below a well-known domain?"""
    folded = host.casefold().rstrip(".")
    return not any(folded == one or folded.endswith("." + one) for one in well_known().hosts)


class Redactor:
    """The pseudonyms of one run. ``key``: bytes that make tokens the same in every run; None numbers them."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key
        self._tokens: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._meant: dict[str, tuple[str, str]] = {}  # a value or an encoded form of it, lower case -> kind and value
        self._kept: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._used: set[tuple[str, str]] = set()

    # ------------------------------------------------------------------------------------------------- learning

    def keep(self, value: str | None) -> None:
        """A value that must stay readable (request and correlation ids, which Microsoft's support needs)."""
        if value:
            self._kept.add(value.casefold().strip("{}"))

    def learn(self, kind: str, value: str) -> None:
        """``value`` names something of the customer, of this kind, wherever it stands as a word of its own."""
        value = value.strip().strip("{}").strip()
        folded = value.casefold()
        if not _SHORTEST <= len(value) <= _LONGEST or folded in self._meant or folded in well_known().words:
            return
        if (len(value) < 32 and value.replace(".", "").replace("-", "").isdigit()) or not any(
            letter.isalnum() for letter in value
        ):
            return
        self._meant[folded] = (kind, folded)
        for form in (value, quote(value, safe=""), html.escape(value), value.replace("\\", "\\\\")):
            self._meant.setdefault(form.casefold(), (kind, folded))
        for raw in (value.encode(), value.encode("utf-16-le")):
            encoded = base64.b64encode(raw).decode().rstrip("=")
            if len(encoded) >= 8:
                self._meant.setdefault(encoded.casefold(), (kind, folded))
        self._pattern = None

    def learn_host(self, value: str) -> None:
        """A computer name, short or with its domain."""
        name, _, domain = value.strip().strip("\\").rstrip(".").partition(".")
        if domain and not own_host(value):
            return
        self.learn("host", name.rstrip("$"))
        if domain:
            self.learn("domain", domain)

    def learn_user(self, value: str) -> None:
        """An account as evidence prints it: ``DOMAIN\\name``, a UPN, both, or a bare name."""
        for part in re.split(r"[,;()\s]\s*", value[:_LONGEST]) if any(sign in value for sign in "\\@") else [value]:
            if "@" in part:
                name, _, domain = part.partition("@")
                self.learn("user", name)
                if domain and own_host(domain):
                    self.learn("domain", domain)
            elif "\\" in part:
                domain, _, name = part.rpartition("\\")
                self.learn("domain", domain)
                self.learn("host" if name.endswith("$") else "user", name.rstrip("$"))
            elif part and not _SID.fullmatch(part):
                self.learn("user", part)

    # ------------------------------------------------------------------------------------------------ replacing

    def token(self, kind: str, value: str) -> str:
        """The pseudonym of a value: ``host-1``, or ``host-3fa9c1d2`` where a key makes it stable."""
        known = (kind, value)
        self._used.add(known)
        found = self._tokens.get(known)
        if found is None:
            if self._key is None:
                number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
                found = f"{kind}-{number}"
            else:
                found = f"{kind}-{hmac.new(self._key, f'{kind}:{value}'.encode(), hashlib.sha256).hexdigest()[:10]}"
            self._tokens[known] = found
        return found

    def sealed(self, text: str) -> str | None:
        """A digest of ``text`` that only who has the key can make or check; None where there is no key."""
        return None if self._key is None else hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def counts(self) -> dict[str, int]:
        """How many values of each kind were replaced."""
        found: dict[str, int] = {}
        for kind, _ in sorted(self._used):
            found[kind] = found.get(kind, 0) + 1
        return found

    def text(self, text: str) -> str:
        """``text`` with every name in it replaced."""
        if not text:
            return text
        text = _SHAPES.sub(self._shape, text)
        pattern = self._known_values()
        return pattern.sub(self._value, text) if pattern is not None else text

    def optional(self, text: str | None) -> str | None:
        """As :meth:`text`; None stays None."""
        return self.text(text) if text is not None else None

    def path(self, path: str) -> str:
        """A path shown in a report: names that collectors use stay, others become ``folder-1`` and ``file-1.txt``."""
        parts = path.replace("\\", "/").split("/")
        last = len(parts) - 1
        return "/".join(self._part(part, number == last) for number, part in enumerate(parts))

    def _part(self, part: str, is_file: bool) -> str:
        if part in ("", ".", "..", "-", "standard input"):
            return part
        replaced = self.text(part.replace("%4", "/")).replace("/", "%4")
        bare = _TOKEN.sub("", replaced)
        if all(word.casefold() in well_known().file_words or len(word) == 1 for word in re.findall(r"[^\W\d_]+", bare)):
            return replaced
        stem, dot, ending = part.rpartition(".")
        ending = ending if dot and stem and ending.casefold() in well_known().file_words else ""
        return self.token("file" if is_file else "folder", part.casefold()) + (f".{ending}" if ending else "")

    def _known_values(self) -> re.Pattern[str] | None:
        if self._pattern is None and self._meant:
            forms = sorted(self._meant, key=lambda form: (-len(form), form))
            self._pattern = re.compile(
                r"(?<![A-Za-z0-9])(?:" + "|".join(map(re.escape, forms)) + r")(?![A-Za-z0-9])", re.IGNORECASE
            )
        return self._pattern

    def _value(self, found: re.Match[str]) -> str:
        kind, value = self._meant.get(found[0].casefold()) or ("name", found[0].casefold())
        return self.token(kind, value)

    def _shape(self, found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        return _REPLACED[kind](self, found[0])

    def _guid(self, text: str) -> str:
        folded = text.casefold()
        if folded in well_known().guids or folded in self._kept:
            return text
        return self.token(*self._meant.get(folded, ("id", folded)))

    def _sid(self, text: str) -> str:
        if any(text == one or text.startswith(one + "-") for one in well_known().sids):
            return text
        return self.token("sid", text)

    def _mail(self, text: str) -> str:
        at = re.search(_MAIL_AT, text)
        assert at is not None
        name, domain = text[: at.start()], text[at.end() :]
        kept = domain if not own_host(domain) else self._named("domain", domain)
        if name.casefold() in well_known().words and kept is domain:
            return text
        return f"{self._named('user', name)}{at[0]}{kept}"

    def _named(self, kind: str, value: str) -> str:
        folded = value.casefold()
        return self.token(*self._meant.get(folded, (kind, folded)))

    def _account(self, text: str) -> str:
        domain, _, name = text.partition("\\")
        words = well_known().words
        if domain.upper() in _NOT_ACCOUNTS or domain.casefold() not in self._meant:
            return text  # a registry key, a path, NT AUTHORITY: what is known inside is found by its value
        replaced = (
            name
            if name.casefold() in words
            else self._named("host" if name.endswith("$") else "user", name.rstrip("$"))
        )
        return f"{self._named('domain', domain)}\\{replaced}"

    def _ip(self, text: str) -> str:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return text
        if address.is_loopback or address.is_unspecified or str(address) in ("169.254.169.254", "255.255.255.255"):
            return text
        return self.token("ip", str(address))

    def _host(self, text: str) -> str:
        if not own_host(text):
            return text
        whole = self._meant.get(text.casefold())
        if whole is not None:
            return self.token(*whole)
        name, _, domain = text.partition(".")
        if not domain:
            return text if name.casefold() in well_known().words else self._named("host", name)
        return f"{self._named('host', name)}.{self._named('domain', domain)}"

    def _fqdn(self, text: str) -> str:
        ending = text.rpartition(".")[2].casefold()
        known = any(text.casefold().endswith("." + form) for form in self._meant if "." in form)
        if not known and ending not in well_known().domain_ends:
            return text
        return self._host(text)

    def _blob(self, text: str) -> str:
        if text.isalpha() or ("-" in text and not any(letter.isdigit() for letter in text)):
            return text  # a long name of words
        return self.token("blob", text)


_SID = re.compile(r"S-1-[\d-]{3,}")
_TOKEN = re.compile(
    r"\b(?:host|domain|user|tenant|device|id|sid|ip|mac|thumbprint|blob|proxy|tenant-name|dn|name)-[0-9a-f]+\b"
)
_NOT_ACCOUNTS = frozenset({"HKLM", "HKCU", "HKU", "HKEY", "SOFTWARE", "SYSTEM", "BUILTIN", "C", "D", "NT"})
_REPLACED: Mapping[str, Callable[[Redactor, str], str]] = {
    "blob": Redactor._blob,
    "guid": Redactor._guid,
    "sid": Redactor._sid,
    "mail": Redactor._mail,
    "dn": lambda one, text: text if _all_known(text) else one.token("dn", text.casefold()),
    "mac": lambda one, text: one.token("mac", text.casefold().replace(":", "-")),
    "ipv6": Redactor._ip,
    "ip": Redactor._ip,
    "hex": lambda one, text: one.token("thumbprint", text.casefold()),
    "spaced": lambda one, text: one.token("thumbprint", text.casefold().replace(" ", "")),
    "unc": Redactor._host,
    "url": Redactor._host,
    "account": Redactor._account,
    "fqdn": Redactor._fqdn,
}


def _all_known(name: str) -> bool:
    """A distinguished name of Microsoft's own, such as the issuer MS-Organization-Access."""
    parts = [part.partition("=")[2].strip().casefold() for part in name.split(",")]
    return (
        bool(parts)
        and parts[0].startswith(("ms-organization", "microsoft"))
        and set(parts[1:]) <= {"windows", "net", "microsoft", "com"}
    )
