"""Rows of cloud and directory exports as :class:`~troubleshoot.model.CloudObject`, whatever form they came in.

What a row is follows from the names of its columns or properties alone (``data/cloud_names.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from troubleshoot import times
from troubleshoot.masks import is_mask
from troubleshoot.model import CloudObject, Problem, Source
from troubleshoot.parsers import eventtimes
from troubleshoot.tables import DATA, squeeze

_GUID = re.compile(r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$", re.IGNORECASE)
_TYPE_NAME = re.compile(r"(?:System|Microsoft)\.[\w.+`\[\],]{3,200}$")
_LONGEST = 400  # characters of one value that are kept
_MOST_WORDS = 4_096  # equal short texts that are kept once
_DATED = ("registrationDateTime", "approximateLastSignInDateTime", "createdDateTime", "activityDateTime")
A_TYPE = "(type name)"
"""Export-Csv printed the name of a type in place of a collection: it may be empty, too."""
SOME = "some"
"""A collection of which only the beginning was printed: it has members."""


class Plan(NamedTuple):
    """How the rows of one export are read: their kind, and property -> place (an index or a key)."""

    kind: str
    columns: Mapping[str, int]


@lru_cache(maxsize=1)
def names() -> Mapping[str, Any]:
    """The table ``data/cloud_names.yaml``, as people wrote it."""
    found: Mapping[str, Any] = orjson.loads((DATA / "cloud_names.json").read_bytes())
    return found


@lru_cache(maxsize=1)
def _kinds() -> list[tuple[str, Mapping[str, Any], dict[str, str], frozenset[str]]]:
    out = []
    for kind, row in names()["kinds"].items():
        spelt = {squeeze(text): name for name, texts in row["properties"].items() for text in texts}
        out.append((kind, row, spelt, frozenset(map(squeeze, row.get("not", ())))))
    return out


@lru_cache(maxsize=256)
def plan(titles: tuple[str, ...]) -> Plan | None:
    """What a row with these column titles or property names is; None for no kind of the table."""
    squeezed = [squeeze(title[:80]) for title in titles]
    for kind, row, spelt, others in _kinds():
        columns: dict[str, int] = {}
        for place, title in enumerate(squeezed):
            if title in spelt:
                columns.setdefault(spelt[title], place)
        if not all(name in columns for name in row["needs"]) or not others.isdisjoint(squeezed):
            continue
        if row["any"] and not any(name in columns for name in row["any"]):
            continue
        return Plan(kind, columns)
    return None


def guid(text: str | None) -> str | None:
    """A GUID in lower case without braces; None for anything else, for the one of zeros, and for one that is blanked out."""
    found = _GUID.match(text.strip()) if text else None
    return None if found is None or is_mask(found[1]) else found[1].lower()


class Rows:
    """Makes the objects of one export, and at its end the listing that says what it held."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.counts: dict[str, dict[str, int]] = {}
        self.newest: dict[str, datetime] = {}
        self.first_line: dict[str, int] = {}
        self.day_first: bool | None = None
        self.next_page = False
        self.not_found: str | None = None
        self._latest = ""
        self._words: dict[str, str] = {}  # equal texts are kept once: most cells say one of a few words

    def add(
        self, found: Plan, cell: Callable[[int], Any], line: int, pairs: Sequence[tuple[str, str, str]] = ()
    ) -> CloudObject | None:
        """One row; None for a row of the audit log that is neither about devices nor about a user's sign-in name.

        ``cell`` gives the value at a place; ``pairs`` are names, new and old values of what an audit row changed.
        """
        row, kept = names()["kinds"][found.kind], names()["keep_empty"]
        values: dict[str, str] = {}
        raw: dict[str, Any] = {}
        for title, place in found.columns.items():
            value = cell(place)
            if isinstance(value, list | dict):
                raw[title] = value
            text = self._text(value, title)
            if text or title in kept:
                values[title] = text
        if found.kind == "audit":
            renamed = _renamed(values, raw, pairs)
            if renamed is not None:
                self._count(found.kind, line, values)
                moment = self._moment(values.get(row["time"], ""))
                return CloudObject("user-audit", None, None, renamed, Source(self.path, line), moment)
            values = _audit(values, raw)
            for changed, new, _ in pairs:
                _change(values, changed, new)
            if "device" not in f"{values.get('activityDisplayName', '')} {values.get('category', '')}".casefold():
                self._count(found.kind, line, values)
                return None
        elif found.kind == "sign-in":
            _sign_in(values, raw)
        identity = guid(values.pop(row.get("id", "deviceId"), ""))
        name: str | None = values.pop(row.get("name", "displayName"), "") or None
        if found.kind in ("computer", "certificate-report"):
            name = name or common_name(values.get("distinguishedName") or values.get("objectDN") or "")
        self._count(found.kind, line, values)
        moment = self._moment(values.pop(row["time"], "")) if "time" in row else None
        if moment is not None and moment.tzinfo:
            self.newest[found.kind] = max(moment, self.newest.get(found.kind, moment))
        return CloudObject(found.kind, identity, name, values, Source(self.path, line), moment)

    def _text(self, value: Any, name: str) -> str:
        if type(value) is str:
            text = value[: _LONGEST + 10].strip()
            if text[:2] == '="' and text[-1] == '"':
                text = text[2:-1]  # how a spreadsheet is told that a cell is text
            if text[:1] in ("S", "M") and _TYPE_NAME.match(text):
                return A_TYPE if name == "userCertificate" else ""
            if len(text) > 24:
                return text[:_LONGEST]
            return self._words.get(text) or (
                self._words.setdefault(text, text) if len(self._words) < _MOST_WORDS else text
            )
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return _members(value, name)
        if isinstance(value, dict):
            return _members(value["value"], name) if isinstance(value.get("value"), list) else ""
        return str(value)[:_LONGEST]

    def _moment(self, text: str) -> datetime | None:
        """A time of a sign-in or audit row: those columns are in UTC, whether or not the text says so."""
        if self.day_first is None and text:
            self.day_first = eventtimes.day_first((text,))
        found = eventtimes.local(text, self.day_first) if text else None
        return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found

    def _count(self, kind: str, line: int, values: Mapping[str, str]) -> None:
        counts = self.counts.setdefault(kind, {"rows": 0})
        counts["rows"] += 1
        self.first_line.setdefault(kind, line)
        if "userCertificate" in values:
            which = "withCertificate" if values["userCertificate"] not in ("", "0") else "withoutCertificate"
            counts[which] = counts.get(which, 0) + 1
        if kind != "device":
            return
        trust = trust_of(values.get("trustType"))
        if trust:
            counts[trust] = counts.get(trust, 0) + 1
        for name in _DATED:
            text = values.get(name, "")
            if not text:
                continue
            if len(text) == 20 and text[-1] == "Z":
                self._latest = max(self._latest, text)  # Graph's form, which sorts as text
                continue
            moment = times.parse(text)
            if moment is not None and moment.tzinfo:
                self.newest[kind] = max(moment, self.newest.get(kind, moment))
            elif moment is None and self.day_first is None:
                self.day_first = eventtimes.day_first((text,))

    def empty(self, kind: str, line: int) -> None:
        """The export is a whole answer that holds nothing of this kind."""
        self.counts.setdefault(kind, {"rows": 0})
        self.first_line.setdefault(kind, line)

    def listings(self) -> Iterator[CloudObject]:
        """One listing per kind of row: how many rows, whether more pages follow, how the dates are written."""
        latest = times.parse(self._latest)
        if latest is not None:
            self.newest["device"] = max(latest, self.newest.get("device", latest))
        for kind, counts in self.counts.items():
            values = {"of": kind, **{name: str(count) for name, count in counts.items()}}
            if self.next_page:
                values["morePages"] = "true"
            if self.not_found and kind == "device":
                values["notFound"] = self.not_found
            if self.day_first is not None:
                values["dayFirst"] = "true" if self.day_first else "false"
            source = Source(self.path, self.first_line.get(kind, 1))
            yield CloudObject("listing", None, None, values, source, self.newest.get(kind))


@lru_cache(maxsize=256)
def trust_of(text: str | None) -> str | None:
    """hybrid, entra or registered, from trustType or the portal's joinType; None for other words."""
    return _trust_words().get(squeeze(text)) if text else None


@lru_cache(maxsize=1)
def _trust_words() -> Mapping[str, str]:
    return {squeeze(text): word for word, texts in names()["trust"].items() for text in texts}


def common_name(dn: str) -> str | None:
    """The name in ``CN=WKS-0427,OU=Clients,DC=corp,DC=example``."""
    first = dn.partition(",")[0]
    return first[3:].strip() or None if first[:3].casefold() == "cn=" else None


def lost(path: str, line: int, count: int, what: str) -> Problem:
    """The problem that says how many rows or objects could not be read."""
    return Problem(Source(path, line), "damaged", f"{count} {what}{'s' if count > 1 else ''} cannot be read", count)


def _members(value: list[Any], name: str) -> str:
    """How many members a collection has; the names of owners."""
    if name == "registeredOwners":
        found = [one.get("userPrincipalName") or one.get("displayName") for one in value if isinstance(one, dict)]
        return ", ".join(str(one) for one in found if one)[:_LONGEST]
    if name == "userCertificate" and value and all(isinstance(one, int) for one in value):
        return "1"  # the bytes of one certificate
    return str(len(value))


# ------------------------------------------------------------------------------------------- sign-ins, audit rows


def _sign_in(values: dict[str, str], raw: Mapping[str, Any]) -> None:
    detail = raw.get("deviceDetail")
    values.pop("deviceDetail", None)
    if isinstance(detail, dict):
        for name in ("displayName", "trustType", "operatingSystem"):
            if isinstance(detail.get(name), str) and detail[name]:
                values["deviceName" if name == "displayName" else name] = detail[name][:_LONGEST]
    code = values.get("errorCode", "").strip()
    values["errorCode"] = "0" if code.casefold() in ("", "none") else code


def _audit(values: dict[str, str], raw: Mapping[str, Any]) -> dict[str, str]:
    """The target of an audit row, its device id, and what it set accountEnabled to, beside its plain values."""
    out = {name: text for name, text in values.items() if name not in ("targetResources", "additionalDetails")}
    by = raw.get("initiatedBy")
    if isinstance(by, dict):
        names_of = (
            part.get("userPrincipalName") or part.get("displayName") for part in by.values() if isinstance(part, dict)
        )
        out["initiatedBy"] = next((str(one)[:_LONGEST] for one in names_of if one), "")
    if "target1DisplayName" in out:
        out["displayName"] = out.pop("target1DisplayName")
    if not out.get("initiatedBy"):
        out.pop("initiatedBy", None)
    for target in _dicts(raw.get("targetResources")):
        if str(target.get("type", "Device")).casefold() not in ("device", "other"):
            continue
        out.setdefault("displayName", str(target.get("displayName") or "")[:_LONGEST])
        out.setdefault("target1Id", str(target.get("id") or "")[:60])
        for change in _dicts(target.get("modifiedProperties")):
            _change(out, str(change.get("displayName") or ""), str(change.get("newValue") or ""))
    for detail in _dicts(raw.get("additionalDetails")):
        _change(out, str(detail.get("key") or ""), str(detail.get("value") or ""))
    return out


def _renamed(
    values: Mapping[str, str], raw: Mapping[str, Any], pairs: Sequence[tuple[str, str, str]]
) -> dict[str, str] | None:
    """The new and the old sign-in name of an audit row that changed one; None for every other row."""
    if values.get("activityDisplayName", "").casefold() != "update user":
        return None
    changes = list(pairs)
    for target in _dicts(raw.get("targetResources")):
        for change in _dicts(target.get("modifiedProperties")):
            changes.append(tuple(str(change.get(key) or "") for key in ("displayName", "newValue", "oldValue")))  # type: ignore[arg-type]
    for name, new, old in changes:
        told = [text.strip('"[]\\ ')[:_LONGEST] for text in (new, old)]
        if name.casefold() == "userprincipalname" and all("@" in one for one in told) and told[0] != told[1]:
            out = {"activityDisplayName": "Update user", "userPrincipalName": told[0], "oldUserPrincipalName": told[1]}
            return out | {key: values[key] for key in ("result", "initiatedBy") if values.get(key)}
    return None


def _change(out: dict[str, str], name: str, value: str) -> None:
    """Take in one changed property: a value is printed as a JSON text (``"[false]"``, ``"\\"guid\\""``)."""
    plain = value.strip('"[]\\ ')[:_LONGEST]
    folded = name.casefold().removeprefix("targetid.")
    if folded == "deviceid":
        out.setdefault("deviceId", plain)
    elif folded == "devicetrusttype":
        out.setdefault("trustType", plain)
    elif folded == "accountenabled":
        out["accountEnabled"] = plain.casefold()


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))
