"""Lists of the devices that should be there: AD computers, devices of Microsoft Entra and Intune, a rollout plan.

CSV with any usual delimiter and encoding, or JSON (an array, Graph pages with ``value``, one object a line). Columns are found by
name (``fleet_names.yaml``), then by value: GUIDs, distinguished names, host names. What a list does not say is missing, never no.

Names of columns: Microsoft Graph "device" and "managedDevice" resource types, the portals' downloads, Get-ADComputer.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from troubleshoot import times
from troubleshoot.fleet import FleetError
from troubleshoot.fleet.frames import guids, names
from troubleshoot.tables import squeeze

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("list", "kind", "row", "name", "dns_domain", "id", "enabled", "os", "os_build", "certificate", "trust"),
    *(
        "registered",
        "registered_at",
        "last_seen",
        "enrolled",
        "compliant",
        "ou",
        "site",
        "wave",
        "owner",
        "model",
        "image",
    ),
)
_MOST_BYTES = 512 << 20
_LONGEST = 400
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_.-]{1,190})?\$?$")
_DN = re.compile(r"(?:CN|OU)=.{1,2000}DC=", re.IGNORECASE)
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?$")
_TYPE_NAME = re.compile(r"(?:System|Microsoft)\.[\w.+`\[\],]{3,200}$")
_DAY = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})")


class DeviceList(NamedTuple):
    """One list: ``kind`` is ad, entra, intune or plan; ``rows`` has ``COLUMNS``; ``left`` counts rows that name no device."""

    name: str
    kind: str
    rows: pd.DataFrame
    left: int


def read_lists(paths: Sequence[str | Path]) -> list[DeviceList]:
    """Every list. Raises FleetError for one that cannot be read or in which no device column is found."""
    return [read_list(Path(path)) for path in paths]


def read_list(path: Path) -> DeviceList:
    """One list, of the kind that its columns tell."""
    import pandas as pd

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FleetError(f"{path}: larger than {_MOST_BYTES >> 20} MB")
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise FleetError(f"{path}: {error.strerror or error}") from error
    records, lines = _records(text)
    if not records:
        raise FleetError(f"{path}: no rows")
    frame = pd.DataFrame.from_records(records, index=lines).astype("string")
    columns = _columns(frame)
    kind = _kind(columns)
    if kind is None:
        raise FleetError(f"{path}: no column with device names or device ids: {', '.join(map(str, frame.columns[:8]))}")
    rows = _rows(frame, columns, kind, path.name)
    named = rows["name"].notna() | rows["id"].notna()
    return DeviceList(path.name, kind, rows[named].reset_index(drop=True), int((~named).sum()))


# ----------------------------------------------------------------------------------------------------- the text


def _decoded(data: bytes) -> str:
    for mark, code in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(code, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _records(text: str) -> tuple[list[dict[str, str]], list[int]]:
    """Rows as texts by title, and the line (CSV) or place (JSON) of each."""
    if text.lstrip()[:1] in ("{", "["):
        found = list(_objects(text))
        return found, list(range(1, len(found) + 1))
    text = text.replace("\0", "")
    head = text[:65536]
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith("#TYPE") and line[:4] != "sep="]
    if not lines:
        return [], []
    delimiter = max(",;\t|", key=lines[0].count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    titles: list[str] = []
    records, places = [], []
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:  # a cell without end: the rest of the text is one cell of it
            continue
        if not any(cell.strip() for cell in row) or (not titles and row[0].startswith(("#TYPE", "sep="))):
            continue
        if not titles:
            titles = [cell.strip() or f"column {place + 1}" for place, cell in enumerate(row)]
            continue
        records.append({title: cell[: _LONGEST * 5] for title, cell in zip(titles, row, strict=False)})
        places.append(reader.line_num)
    return records, places


def _objects(text: str) -> Iterator[dict[str, str]]:
    decoder = json.JSONDecoder()
    at, end = 0, len(text)
    while at < end:
        start = re.compile(r"[{\[]").search(text, at)
        if start is None:
            return
        try:
            value, at = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            broken = text.find("\n", start.start())
            if broken < 0:
                return
            at = broken + 1
            continue
        yield from _flat(value)


def _flat(value: Any) -> Iterator[dict[str, str]]:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            continue
        if isinstance(one.get("value"), list):
            yield from _flat(one["value"])
            continue
        yield {str(key)[:200]: text for key, cell in one.items() if (text := _cell(cell)) is not None}


def _cell(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(str(one)[:80] for one in value[:5]) if value else ""
    if isinstance(value, dict):
        inner = value.get("DateTime") or value.get("value")
        return inner if isinstance(inner, str) else None
    return str(value)[: _LONGEST * 5]


# -------------------------------------------------------------------------------------------------- the columns


def _columns(frame: pd.DataFrame) -> dict[str, str]:
    """Known column -> its title here; by name first, then by what most cells look like."""
    titles = {squeeze(str(title)): str(title) for title in reversed(frame.columns)}
    found: dict[str, str] = {}
    for name, spellings in names()["lists"]["columns"].items():
        title = next((titles[squeeze(text)] for text in spellings if squeeze(text) in titles), None)
        if title is not None:
            found[name] = title
    free = [str(title) for title in frame.columns if str(title) not in found.values()]
    ids = {"deviceId", "objectGuid", "entraId"}
    looks = (
        ("distinguishedName", _DN, found.keys().isdisjoint({"distinguishedName"})),
        ("deviceId", _GUID, found.keys().isdisjoint(ids)),
        ("name", _HOST, found.keys().isdisjoint({"name", "dnsName"})),
    )
    for name, pattern, missing in looks:
        if missing and (title := _by_value(frame, free, pattern)):
            found[name] = title
            free.remove(title)
    return found


def _by_value(frame: pd.DataFrame, titles: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    """The only column in which nine of ten filled cells match and differ; None for no such column, or for several."""
    fits = []
    for title in titles:
        cells = frame[title].dropna().str.strip()
        cells = cells[cells != ""].head(2000)
        if (
            len(cells)
            and cells.nunique() >= 0.9 * len(cells)
            and _each(cells, lambda one: pattern.match(one) is not None, "bool").mean() >= 0.9
        ):
            fits.append(title)
    return fits[0] if len(fits) == 1 else None


def _kind(columns: Mapping[str, str]) -> str | None:
    for kind, row in names()["lists"]["kinds"].items():
        if all(name in columns for name in row["needs"]) and any(name in columns for name in row["any"]):
            return str(kind)
    return None


def _rows(frame: pd.DataFrame, columns: Mapping[str, str], kind: str, name: str) -> pd.DataFrame:
    import pandas as pd

    nothing = pd.Series(pd.NA, index=frame.index, dtype="string")

    def cells(column: str) -> pd.Series[Any]:
        if column not in columns:
            return nothing
        text = frame[columns[column]].str.strip().str.replace(r'^="(.*)"$', r"\1", regex=True)
        return text.str.slice(0, _LONGEST).mask(text == "")

    dn = cells("distinguishedName")
    places = {one: _place(one) for one in dn.dropna().unique()}
    host = cells("name").fillna(cells("dnsName")).fillna(_each(dn, lambda one: places[one][0]))
    full = cells("dnsName").fillna(host)
    id_column = {"intune": "entraId", "ad": "objectGuid", "entra": "deviceId"}.get(kind, "deviceId")
    ids = guids(cells(id_column))
    if kind == "plan" and ids.isna().all():
        ids = guids(cells("objectGuid"))
    registered = _filled(cells("registered"), "registered" in columns)  # the column is there, the cell empty: pending
    day_first = _day_first(cells("lastSeen"), cells("created"), cells("registered"), cells("lastCheckIn"))
    rows = {
        "list": name,
        "kind": kind,
        "row": frame.index,
        "name": host,
        "dns_domain": full.str.extract(r"^[^.]+\.(.+)$", expand=False).str.lower(),
        "id": ids,
        "enabled": _yes(cells("enabled")),
        "os": cells("os"),
        "os_build": cells("osVersion"),
        "certificate": _certificates(cells("userCertificate"), "userCertificate" in columns),
        "trust": _trust(cells("trustType")),
        "registered": registered,
        "registered_at": _dates(cells("registered"), day_first),
        "last_seen": _dates(cells("lastCheckIn" if kind == "intune" else "lastSeen"), day_first),
        "enrolled": True if kind == "intune" else _filled(cells("mdm"), "mdm" in columns),
        "compliant": _yes(cells("compliant")),
        "ou": cells("ou").fillna(_each(dn, lambda one: places[one][1])),
        **{one: cells(one) for one in ("site", "wave", "owner", "model", "image")},
    }
    found = pd.DataFrame(rows, index=frame.index)
    found["dns_domain"] = found["dns_domain"].fillna(_each(dn, lambda one: places[one][2]))
    found["enrolled"] = found["enrolled"].astype("boolean")
    return found[list(COLUMNS)]


def _place(dn: str) -> tuple[str | None, str | None, str | None]:
    """Common name, place in the directory (``corp.example/Clients/New``) and DNS domain of a distinguished name."""
    parts = [part.strip() for part in re.split(r"(?<!\\),", dn)]
    pairs = [part.partition("=")[::2] for part in parts]
    clean = [(kind.strip().upper(), re.sub(r"\\(.)", r"\1", text)) for kind, text in pairs]
    domain = ".".join(text for kind, text in clean if kind == "DC").lower()
    above = [text for kind, text in clean[1:] if kind in ("OU", "CN")]
    own = clean[0][1] if clean and clean[0][0] == "CN" else None
    return own, "/".join([domain, *reversed(above)]) if domain or above else None, domain or None


def _each(column: pd.Series[Any], made: Callable[[str], Any], kind: str = "string") -> pd.Series[Any]:
    """``made`` of every cell that is there."""
    import pandas as pd

    values = [made(one) if isinstance(one, str) else None for one in column.astype("object")]
    return pd.Series(values, index=column.index, dtype=cast(Any, kind))


def _yes(column: pd.Series[Any]) -> pd.Series[Any]:
    words = {"true": True, "yes": True, "1": True, "enabled": True, "compliant": True}
    words |= {"false": False, "no": False, "0": False, "disabled": False, "noncompliant": False}
    return _each(column, lambda one: words.get(one.lower()), "boolean")


def _trust(column: pd.Series[Any]) -> pd.Series[Any]:
    known = {squeeze(text): trust for trust, texts in names()["trust"].items() for text in texts}
    return _each(column, lambda one: known.get(squeeze(one)))


def _certificates(column: pd.Series[Any], known: bool) -> pd.Series[Any]:
    """Has the computer a certificate? Export-Csv prints the name of a type for a collection: that says yes only in a list
    where other cells are empty, since then the two are told apart."""
    import pandas as pd

    if not known:
        return pd.Series(pd.NA, index=column.index, dtype="boolean")
    empty = column.isna() | column.isin(["{}", "0", "False", "false"])
    typed = _each(column.fillna(""), lambda one: _TYPE_NAME.match(one) is not None, "bool")
    found = (~empty).astype("boolean")
    return found if empty.any() else found.mask(typed)


def _filled(column: pd.Series[Any], known: bool) -> pd.Series[Any]:
    """Does a cell say something? Missing throughout where the list lacks the column."""
    import pandas as pd

    if not known:
        return pd.Series(pd.NA, index=column.index, dtype="boolean")
    words = {squeeze(str(word)) for word in names()["empty"]}
    return _each(column, lambda one: squeeze(one) not in words, "boolean").fillna(False)


# ---------------------------------------------------------------------------------------------------- the dates


def _day_first(*columns: pd.Series[Any]) -> bool | None:
    """Are days written before months? None when no cell of the list tells."""
    for column in columns:
        for text in column.dropna().head(20_000):
            found = _DAY.search(text)
            if found is None or len(found[1]) == 4:
                continue
            if found[2] == "." or int(found[1]) > 12:
                return True
            if int(found[3]) > 12:
                return False
    return None


def _dates(column: pd.Series[Any], day_first: bool | None) -> pd.Series[Any]:
    """Cells as instants, exact to the day: what names no zone is taken as UTC; what cannot be told is missing."""
    import pandas as pd

    known = {text: _date(text, day_first) for text in column.dropna().unique()}
    values = [known[text] if isinstance(text, str) else None for text in column.astype("object")]
    return pd.Series(pd.to_datetime(cast(Any, values), utc=True), index=column.index).astype("datetime64[us, UTC]")


def _date(text: str, day_first: bool | None) -> datetime | None:
    found = times.parse(text)
    if found is not None:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    parts = _DAY.search(text)
    if parts is None:
        return None
    first, second, third = int(parts[1]), int(parts[3]), int(parts[4])
    if len(parts[1]) == 4:
        year, month, day = first, second, third
    elif day_first is None:
        return None
    else:
        year = third
        day, month = (first, second) if day_first else (second, first)
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
