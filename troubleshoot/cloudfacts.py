"""Facts of one device from exports that name many: which rows are this device's, and what they say of it.

The deviceId that dsregcmd prints is the deviceId of the Entra object and the objectGUID of the computer object in AD (never
the object id). Where no row has it, the rows of the device's name are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from troubleshoot import times
from troubleshoot.accounts import same_account
from troubleshoot.model import Account, Attempt, CloudObject, Device, Fact
from troubleshoot.parsers.cloudrows import A_TYPE, SOME, guid, trust_of

_ID_IN_MESSAGE = re.compile(
    r"\bid[ :]{1,2}\(?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b", re.IGNORECASE
)
_DATE_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_]?(\d{1,2})[-_]?(\d{1,2})(?!\d)")
_ENOUGH = 10  # objects that a list must hold before the lack of one says anything
_PAGE = 100  # Graph's page: a list of exactly so many objects is probably cut there
_TYPES = ("same-type", "registered-too", "other-type")
_DELETED = frozenset({"delete device"})
_BACK = frozenset({"add device", "register device"})


class Own(NamedTuple):
    """The rows that belong to one device. ``others`` are device objects of its name with another id."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    device: CloudObject | None
    others: tuple[CloudObject, ...]
    computer: CloudObject | None
    report: CloudObject | None
    audit: tuple[CloudObject, ...]

    def rows(self) -> tuple[CloudObject, ...]:
        """All of them."""
        single = (self.device, self.computer, self.report)
        return (*(one for one in single if one is not None), *self.others, *self.audit)


def local_ids(device: Device, attempts: Iterable[Attempt]) -> tuple[str, ...]:
    """The device ids that the device's own evidence names: that of its registration, then those it tried to register."""
    identity = guid(device.device_id)
    found = [identity] if identity else []
    for one in attempts:
        if one.flow == "join" and one.message and one.outcome == "failed":
            told = _ID_IN_MESSAGE.search(one.message[:2000])
            if told:
                found.append(told[1].lower())
    return tuple(dict.fromkeys(found))


def own_rows(objects: Sequence[CloudObject], device: Device, ids: tuple[str, ...]) -> Own:
    """The rows of the case's device. A case that names no device is that of the export, if that holds only one."""
    names = tuple(dict.fromkeys(_short(name) for name in device.names))
    devices = [one for one in objects if one.kind == "device"]
    computers = [one for one in objects if one.kind == "computer"]
    if not names and not ids:
        met = {one.device_id for one in (*devices, *computers) if one.device_id}
        ids = tuple(met) if len(met) == 1 else ()
    computer = _first(computers, ids, names)
    if computer is not None and computer.device_id and computer.device_id not in ids:
        ids = (*ids, computer.device_id)  # what the device is or will be called in Entra
    named = [one for one in devices if one.name and _short(one.name) in names]
    mine = next((one for identity in ids for one in devices if one.device_id == identity), None)
    if mine is None and not ids:
        hybrid = [one for one in named if trust_type(one) == "hybrid"]
        candidates = hybrid or named
        mine = candidates[0] if len({one.device_id for one in candidates}) == 1 else None
    if mine is not None and not names and mine.name:
        named = [one for one in devices if one.name and _short(one.name) == _short(mine.name)]
    own_id = mine.device_id if mine is not None else guid(device.device_id)
    others = {one.device_id: one for one in named if one.device_id not in (own_id, None)}
    known = (*ids, *((mine.device_id,) if mine is not None and mine.device_id and mine.device_id not in ids else ()))
    report = next((one for one in objects if one.kind == "certificate-report" and one.device_id in known), None)
    if report is None:
        report = _first([one for one in objects if one.kind == "certificate-report"], (), () if known else names)
    object_ids = {one.values["id"].lower() for one in (mine,) if one is not None and "id" in one.values}
    audit = tuple(one for one in objects if one.kind == "audit" and _is_of(one, known, object_ids, names))
    return Own(known, names, mine, tuple(others.values()), computer, report, audit)


def _first(rows: list[CloudObject], ids: tuple[str, ...], names: tuple[str, ...]) -> CloudObject | None:
    """The row with one of the ids, else the only one of the name."""
    found = next((one for identity in ids for one in rows if one.device_id == identity), None)
    if found is not None:
        return found
    named = [one for one in rows if one.name and _short(one.name) in names]
    return named[0] if len({one.device_id for one in named}) == 1 else None


def _is_of(row: CloudObject, ids: tuple[str, ...], object_ids: set[str], names: tuple[str, ...]) -> bool:
    """Is an audit row about this device? By device id; by object id; by name where the row has no device id and is hybrid."""
    if row.device_id:
        return row.device_id in ids
    if row.values.get("target1Id", "").lower() in object_ids:
        return True
    return bool(row.name) and _short(row.name or "") in names and trust_type(row) in ("hybrid", None)


def derive(objects: Sequence[CloudObject], own: Own, tried: datetime | None) -> Iterator[Fact]:
    """The facts of one device. ``tried``: its newest attempt; an export that is known to be older says nothing of now."""
    listings = [one for one in objects if one.kind == "listing"]
    yield from _device(own, listings, tried)
    yield from _audit(own)
    yield from _directory(own, listings)


def _device(own: Own, listings: list[CloudObject], tried: datetime | None) -> Iterator[Fact]:
    device = own.device
    if device is None:
        missing = _missing(own, listings, tried)
        if missing is not None:
            yield missing
    else:
        moment, text = _time_of(device, listings), line(device)
        state = object_state(device)
        if state and not _outdated(device, tried):
            yield Fact("cloud.device", state, device.source, moment, None, text)
        trust = trust_type(device)
        if trust:
            yield Fact("cloud.device.trust-type", trust, device.source, moment, None, text)
        last = device.values.get("approximateLastSignInDateTime")
        if last:
            told = times.parse(last)
            value = (times.iso(told) or last) if told is not None else last
            yield Fact("cloud.device.last-sign-in", value, device.source, moment, None, text)
    if device is not None or own.others:
        listing = next((one for one in listings if one.values["of"] == "device"), None)
        first = own.others[0] if own.others else device
        assert first is not None
        moment = listing.time if listing is not None else None
        yield Fact("cloud.device.same-name", str(len(own.others)), first.source, moment, None, line(first))
        kinds = {_type_of(one, device): one for one in reversed(own.others)}
        for word in _TYPES:
            if word in kinds:
                yield Fact("cloud.device.same-name.types", word, kinds[word].source, moment, None, line(kinds[word]))
                break


def object_state(device: CloudObject) -> str | None:
    """disabled, pending or enabled; None where the export leaves out what would tell.

    Pending: synchronised, never registered. Microsoft Learn, "Pending devices in Microsoft Entra ID".
    """
    values = device.values
    enabled = values.get("accountEnabled", "").casefold()
    if enabled == "false":
        return "disabled"
    registered = values.get("registrationDateTime")
    keys = values.get("alternativeSecurityIds")
    never = registered is not None and registered.casefold() in ("", "pending", "none", "n/a")
    if trust_type(device) == "hybrid" and never and keys in (None, "0"):
        return "pending"
    return "enabled" if enabled == "true" else None


def _missing(own: Own, listings: list[CloudObject], tried: datetime | None) -> Fact | None:
    """The fact that the tenant has no such object, where an export shows it."""
    if not own.ids and not own.names:
        return None
    for listing in listings:
        if listing.values["of"] != "device" or _outdated(listing, tried):
            continue
        text = _listing_line(listing)
        told = listing.values.get("notFound")
        if told is not None:
            if told in own.ids:
                return Fact("cloud.device", "missing", listing.source, listing.time, None, text)
            continue
        rows = int(listing.values["rows"])
        nothing = rows == 0 and "morePages" not in listing.values
        same = [one for one in own.others if one.source.path == listing.source.path and trust_type(one) == "hybrid"]
        if nothing or (own.ids and same) or _is_whole(listing, rows):
            return Fact("cloud.device", "missing", listing.source, listing.time, None, text)
    return None


def _is_whole(listing: CloudObject, rows: int) -> bool:
    """Does the export seem to list all devices of the tenant? Hybrid ones among many, and not cut at a page's end."""
    values = listing.values
    return rows >= _ENOUGH and rows % _PAGE != 0 and "hybrid" in values and "morePages" not in values


def _outdated(row: CloudObject, tried: datetime | None) -> bool:
    """Is the export known to be older than the newest attempt, by the date in its name?"""
    found = _DATE_IN_NAME.search(row.source.path.rpartition("/")[2])
    if found is None or tried is None or tried.tzinfo is None:
        return False
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError:
        return False
    return day + timedelta(days=1, hours=14) < tried  # the end of that day anywhere on Earth


def _time_of(device: CloudObject, listings: list[CloudObject]) -> datetime | None:
    """The newest time in the export that holds the object: it was made then or later."""
    known = [one.time for one in listings if one.source.path == device.source.path and one.time is not None]
    return max(known, default=None)


def trust_type(row: CloudObject) -> str | None:
    """hybrid, entra or registered, as the row says."""
    return trust_of(row.values.get("trustType"))


def _type_of(other: CloudObject, device: CloudObject | None) -> str:
    theirs = trust_type(other)
    mine = trust_type(device) if device is not None else "hybrid"
    if theirs == mine:
        return "same-type"
    return "registered-too" if theirs == "registered" else "other-type"


# ------------------------------------------------------------------------------------------- audit log, directory


def _audit(own: Own) -> Iterator[Fact]:
    """Whether the newest words of the audit log on the object are that it was deleted, or disabled."""
    rows = [one for one in own.audit if one.values.get("result", "success").casefold() in ("success", "")]
    rows.sort(key=lambda one: times.order(one.time), reverse=True)
    for row in rows:
        activity = row.values.get("activityDisplayName", "").casefold()
        if activity in _BACK:
            break
        if activity in _DELETED:
            yield Fact("cloud.audit.deleted", "yes", row.source, row.time, None, line(row))
            break
    for row in rows:
        enabled = row.values.get("accountEnabled")
        if row.values.get("activityDisplayName", "").casefold() == "disable device":
            enabled = "false"
        if enabled == "false":
            yield Fact("cloud.audit.disabled", "yes", row.source, row.time, None, line(row))
        if enabled in ("true", "false"):
            break


def renamed(objects: Iterable[CloudObject], users: Iterable[str]) -> Iterator[tuple[Fact, CloudObject]]:
    """That the audit log shows another sign-in name for a user of the device: the newest change of each, with its row.

    A case that knows no user is that of the export, if all its changes are of one.
    """
    rows = [one for one in objects if one.kind == "user-audit"]
    rows = [one for one in rows if one.values.get("result", "success").casefold() == "success"]
    rows.sort(key=lambda one: times.order(one.time), reverse=True)
    users = list(users)
    met = {row.values[name].casefold() for row in rows for name in ("userPrincipalName", "oldUserPrincipalName")}
    if rows and not users and len(met) == 2:
        yield Fact("user.upn-changed", "yes", rows[0].source, rows[0].time, None, line(rows[0])), rows[0]
    for user in users:
        for row in rows:
            if any(same_account(row.values[name], user) for name in ("userPrincipalName", "oldUserPrincipalName")):
                account = Account(user, "entra", upn=user if "@" in user else None)
                yield Fact("user.upn-changed", "yes", row.source, row.time, account, line(row)), row
                break


def _directory(own: Own, listings: list[CloudObject]) -> Iterator[Fact]:
    report, computer = own.report, own.computer
    if report is not None:
        yield from _report(report)
    if computer is None or "userCertificate" not in computer.values:
        return
    text = computer.values["userCertificate"]
    listing = next(
        (one.values for one in listings if one.values["of"] == "computer" and one.source.path == computer.source.path),
        {},
    )
    # A column that is empty or a type name in every row tells nothing: it was not asked for, or is printed like that.
    word = "missing" if text == "0" or (not text and "withCertificate" in listing) else None
    if text == SOME or (text.isdecimal() and int(text)) or (text == A_TYPE and "withoutCertificate" in listing):
        word = "present"
    if word:
        yield Fact("certificate.userCertificate", word, computer.source, None, None, line(computer))
    if text.isdecimal():
        yield Fact("certificate.userCertificate.count", text, computer.source, None, None, line(computer))


def _report(report: CloudObject) -> Iterator[Fact]:
    """Connect's report has a row only for objects with a value in userCertificate.

    More than 15 values make the export fail (LargeObject); without one that names the objectGUID the object is
    cloudFiltered. Microsoft Learn, "Understand Microsoft Entra Connect 1.4.xx.x and device disappearance" and
    "LargeObject errors caused by userCertificate attribute".
    """
    values, text = report.values, line(report)
    entries, valid = values.get("totalEntriesCount", ""), values.get("hybridJoinCertsCount", "")
    filtered = values.get("cloudFiltered", "").casefold()
    many = entries.isdecimal() and int(entries) > 15
    if entries.isdecimal():
        certificates = values.get("certsCount", "")
        if certificates.isdecimal() and int(certificates):
            yield Fact("certificate.userCertificate", "present", report.source, None, None, text)
        yield Fact("certificate.userCertificate.count", entries, report.source, None, None, text)
    if valid.isdecimal():
        yield Fact("certificate.userCertificate.valid", "yes" if int(valid) else "no", report.source, None, None, text)
    state = "large-object" if many else {"true": "filtered", "false": "in-scope"}.get(filtered)
    if state:
        yield Fact("sync.state", state, report.source, None, None, text)


# ------------------------------------------------------------------------------------------------------- in words


def line(row: CloudObject) -> str:
    """The row in one line, for the proof: what it is of, and its values by the names of the export."""
    kind = {"certificate-report": "hybrid join certificate report", "user-audit": "audit"}.get(row.kind, row.kind)
    told: Mapping[str, str] = {"deviceId": row.device_id or "", **row.values}
    body = "; ".join(f"{name}={text or 'empty'}" for name, text in told.items() if text or name in row.values)
    when = (
        f" at {times.iso(row.time)}" if row.time is not None and row.kind in ("audit", "sign-in", "user-audit") else ""
    )
    name = f" {row.name}" if row.name else ""
    return f"{kind}{name}{when}: {body}"[:500]


def _listing_line(listing: CloudObject) -> str:
    told = listing.values.get("notFound")
    if told:
        return f"Microsoft Graph: resource {told} does not exist"
    return f"export of Entra devices: {listing.values['rows']} objects, none with the id or the name of this device"


def _short(name: str) -> str:
    return name.partition(".")[0].casefold()
