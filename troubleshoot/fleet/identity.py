"""Which rows are one device: over the runs, and between runs and device lists.

The device id of Microsoft Entra equals the objectGUID of the computer in Active Directory, so an id joins first; a name joins
where no id can. A device that never joined reports no id, and joins by name. What cannot be joined safely is not joined: an id
that several names report in one run, a name that several computers of the list bear, an object of the same name with another id.
Each such case is a row of the conflicts.

Source: Microsoft Learn, "Microsoft Entra hybrid joined devices: how it works" (the object GUID becomes the device id).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from troubleshoot.fleet.frames import Run, records, short_name

if TYPE_CHECKING:
    import pandas as pd

    from troubleshoot.fleet.lists import DeviceList

CONFLICTS = ("kind", "device", "id", "where", "detail")
_ATTRIBUTES = ("ou", "site", "wave", "owner", "model", "image", "os_build")
_TARGET = (
    *("key", "name", "id", "dns_domain", "enabled", "os", "os_build", "certificate", "trust", "registered"),
    *("registered_at", "enrolled", "compliant", "last_seen", "objects", "dual", "ou", "site", "wave", "owner"),
    *("model", "image", "lists", "in_target"),
)


class Joined(NamedTuple):
    """``seen``: a row per device and run (``run`` is its place), with ``key``. ``target``: a row per listed device.
    ``objects``: every row of the cloud lists with the key it belongs to, or none. ``conflicts``: what was not merged."""

    seen: pd.DataFrame
    target: pd.DataFrame
    objects: pd.DataFrame
    conflicts: pd.DataFrame


def join(runs: Sequence[Run], lists: Sequence[DeviceList]) -> Joined:
    """Every row of runs and lists under the key of its device. Same input, same keys."""
    import pandas as pd

    conflicts: list[tuple[str, str, str, str, str]] = []
    rows = [one.rows for one in lists]
    listed = pd.concat(rows, ignore_index=True) if rows else None
    anchors = _Anchors(conflicts)
    if listed is not None:
        anchors.fill(listed)
    seen = _keyed_runs(runs, anchors, conflicts)
    objects, attached = _attach(listed, anchors, seen, conflicts)
    target = _target(anchors, attached)
    return Joined(seen, target, objects, pd.DataFrame(sorted(set(conflicts)), columns=list(CONFLICTS)))


class _Anchors:
    """The devices that lists name: by id, and by name where that is safe."""

    def __init__(self, conflicts: list[tuple[str, str, str, str, str]]) -> None:
        self.conflicts = conflicts
        self.rows: dict[str, list[dict[str, Any]]] = {}  # key -> rows of lists that are this device
        self.ids: dict[str, str] = {}  # id -> key
        self.named: dict[str, list[str]] = {}  # short name -> keys
        self.domains: dict[str, str | None] = {}
        self.of: str | None = None  # which kind of list made them

    def fill(self, listed: pd.DataFrame) -> None:
        """AD computers and plans are the target; without them the hybrid objects of Entra, then Intune."""
        for kinds in (("ad", "plan"), ("entra",), ("intune",)):
            some = listed[listed["kind"].isin(kinds)]
            if kinds == ("entra",):
                some = some[some["trust"].fillna("hybrid") == "hybrid"]
            if not len(some):
                continue
            self.of = kinds[0]
            for kind in kinds:  # computers of AD first: a plan adds to them
                for row in records(some[some["kind"] == kind]):
                    self._add(row)
            return

    def _add(self, row: dict[str, Any]) -> None:
        name, identity = short_name(row["name"] or ""), row["id"]
        key = self.ids.get(identity) if identity else None
        if key is not None:
            other = short_name(self.rows[key][0]["name"] or "")
            if name and other and name != other:
                self._conflict("one id, two names in the lists", name, identity, row, f"also {other}")
                return
        elif identity is None or row["kind"] == "plan":
            key = self.by_name(name, row["dns_domain"])
            if key is None and len(self.named.get(name, ())) > 1:
                self._conflict("name of several computers", name, identity, row, "not joined: no id tells which")
            if key is not None and identity and row["kind"] == "plan":
                self._conflict("id differs from the computer's", name, identity, row, "joined by name")
        if key is None:
            key = f"id:{identity}" if identity else f"name:{name}@{row['dns_domain'] or ''}"
            self.rows.setdefault(key, [])
            self.domains[key] = row["dns_domain"]
            if name:
                self.named.setdefault(name, []).append(key)
            if identity:
                self.ids[identity] = key
            if row["kind"] == "plan" and self.rows and any(one[0]["kind"] == "ad" for one in self.rows.values() if one):
                self._conflict("in the plan, not in AD", name, identity, row, "counted in the target")
        self.rows[key].append(row)

    def _conflict(self, kind: str, name: str, identity: str | None, row: dict[str, Any], detail: str) -> None:
        self.conflicts.append((kind, name, identity or "", f"{row['list']} row {row['row']}", detail))

    def by_name(self, name: str, domain: str | None) -> str | None:
        """The key that a name means: the only one, or the only one of its DNS domain."""
        keys = self.named.get(name, [])
        if domain:
            same = [key for key in keys if self.domains[key] == domain]
            keys = same or [key for key in keys if self.domains[key] is None]
        return keys[0] if len(keys) == 1 else None


# ------------------------------------------------------------------------------------------------------ the runs


def _keyed_runs(
    runs: Sequence[Run], anchors: _Anchors, conflicts: list[tuple[str, str, str, str, str]]
) -> pd.DataFrame:
    import pandas as pd

    frames = [run.devices.assign(run=place) for place, run in enumerate(runs)]
    seen = pd.concat(frames, ignore_index=True)
    names = [short_name(one) if isinstance(one, str) else "" for one in seen["device"].astype("object")]
    seen["name"] = pd.Series(names, index=seen.index, dtype="object")
    dns = seen["device"].str.extract(r"^[^.]+\.(.+)$", expand=False).str.lower()
    whole = seen["domain"].str.lower()
    seen["dns_domain"] = dns.fillna(whole.where(whole.str.contains(".", regex=False, na=False)))
    shared = _shared_ids(seen, runs, conflicts)
    aliases = _renamed(seen, shared)
    many = _in_many_domains(seen)
    keys = []
    for row in zip(*(seen[one].astype("object") for one in ("name", "device_id", "dns_domain", "source")), strict=True):
        name, identity, domain, source = (value if isinstance(value, str) else None for value in row)
        usable = identity if identity and identity not in shared else None
        keys.append(_key(str(name or ""), usable, domain, source, anchors, conflicts, aliases, many))
    seen["key"] = pd.Series(keys, index=seen.index, dtype="object")
    return _keyed_by_file(seen, anchors)


def _keyed_by_file(seen: pd.DataFrame, anchors: _Anchors) -> pd.DataFrame:
    """What could not be read names no device, but its file may: ``WKS-0427.txt``, ``ada--WKS-0427.txt``.

    Such a name counts where a list or another capture has it; else the last part of the path stands for the device.
    """
    nameless = seen["key"].str.startswith("source:")
    if not nameless.any():
        return seen
    known = dict(seen[(seen["name"] != "") & ~nameless].drop_duplicates("name", keep="last")[["name", "key"]].values)
    own = seen.loc[nameless, "source"].fillna("").str.rsplit("/", n=1).str[-1]
    twice = _same_in_run(own, seen.loc[nameless, "run"])
    keys = []
    for file, source, again in zip(own, seen.loc[nameless, "source"].fillna(""), twice, strict=True):
        name = short_name(file.rsplit("--", 1)[-1])
        keys.append(anchors.by_name(name, None) or known.get(name) or f"source:{source if again else file}")
    seen.loc[nameless, "key"] = keys
    return seen


def _same_in_run(files: pd.Series[Any], runs: pd.Series[Any]) -> pd.Series[Any]:
    """Which files bear a name that another of the same run bears too?"""
    return files.to_frame("file").assign(run=runs).duplicated(["run", "file"], keep=False)


def _key(
    name: str,
    identity: str | None,
    domain: str | None,
    source: str | None,
    anchors: _Anchors,
    conflicts: list[tuple[str, str, str, str, str]],
    aliases: dict[str, str],
    many: frozenset[str],
) -> str:
    if identity and identity in anchors.ids:
        return anchors.ids[identity]
    if name and name in anchors.named:
        key = anchors.by_name(name, domain)
        if key is None:
            conflicts.append(("name of several computers", name, identity or "", source or "", "capture not joined"))
        else:
            if identity and key.startswith("id:"):
                detail = f"joined by name; the list says {key[3:]}"
                conflicts.append(("id differs from the computer's", name, identity, source or "", detail))
            return key
    if name:
        name = aliases.get(name, name)
        return f"name:{name}@{domain or ''}" if name in many else f"name:{name}@"
    return f"id:{identity}" if identity else f"source:{source}"


def _shared_ids(
    seen: pd.DataFrame, runs: Sequence[Run], conflicts: list[tuple[str, str, str, str, str]]
) -> frozenset[str]:
    """Ids that several names report in one run: images that were cloned after they had joined."""
    there = seen[seen["device_id"].notna() & (seen["name"] != "")]
    counts = there.groupby(["run", "device_id"])["name"].nunique()
    found = set()
    for run, identity in counts[counts > 1].index:
        found.add(identity)
        names = sorted(set(there[(there["run"] == run) & (there["device_id"] == identity)]["name"]))
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        conflicts.append(
            ("one id, several devices", names[0], identity, runs[run].name, f"{len(names)} devices: {listed}")
        )
    return frozenset(found)


def _renamed(seen: pd.DataFrame, shared: frozenset[str]) -> dict[str, str]:
    """Old name -> newest name, where one id had them one after the other and the old name reported no other id."""
    there = seen[seen["device_id"].notna() & (seen["name"] != "") & ~seen["device_id"].isin(shared)]
    several = there.groupby("device_id")["name"].nunique()
    out: dict[str, str] = {}
    for identity in several[several > 1].index:
        rows = there[there["device_id"] == identity].sort_values("run", kind="stable")
        newest, last_run = rows["name"].iloc[-1], rows["run"].iloc[-1]
        for name in rows["name"].unique():
            ids = there[there["name"] == name]["device_id"].nunique()
            later = seen[(seen["name"] == name) & (seen["run"] >= last_run)]
            if name != newest and ids == 1 and not len(later):
                out[name] = newest
    return out


def _in_many_domains(seen: pd.DataFrame) -> frozenset[str]:
    counts = seen[seen["dns_domain"].notna() & (seen["name"] != "")].groupby("name")["dns_domain"].nunique()
    return frozenset(counts[counts > 1].index)


# ----------------------------------------------------------------------------------------------- the cloud lists


def _attach(
    listed: pd.DataFrame | None,
    anchors: _Anchors,
    seen: pd.DataFrame,
    conflicts: list[tuple[str, str, str, str, str]],
) -> tuple[pd.DataFrame, dict[str, list[dict[str, Any]]]]:
    """Objects of Entra and Intune by the key of their device; ``how`` is id, name, or empty where they stay apart."""
    import pandas as pd

    columns = ["list", "kind", "row", "name", "id", "trust", "registered", "last_seen", "key", "how"]
    if listed is None:
        return pd.DataFrame(columns=columns), {}
    cloud = records(listed[listed["kind"].isin(["entra", "intune"])])
    by_run = dict(
        seen[seen["device_id"].notna()].drop_duplicates("device_id", keep="last")[["device_id", "key"]].values
    )
    same_name: dict[tuple[str, str], int] = {}
    for row in cloud:
        slot = (row["kind"], short_name(row["name"] or ""))
        same_name[slot] = same_name.get(slot, 0) + (row["trust"] in (None, "hybrid"))
    attached: dict[str, list[dict[str, Any]]] = {}
    for row in cloud:
        row["key"], row["how"] = _home(row, anchors, by_run, same_name, conflicts)
        if row["key"]:
            attached.setdefault(row["key"], []).append(row)
    return pd.DataFrame(cloud, columns=columns), attached


def _home(
    row: dict[str, Any],
    anchors: _Anchors,
    by_run: dict[str, str],
    same_name: dict[tuple[str, str], int],
    conflicts: list[tuple[str, str, str, str, str]],
) -> tuple[str | None, str]:
    name, identity, where = short_name(row["name"] or ""), row["id"], f"{row['list']} row {row['row']}"
    if identity and identity in anchors.ids:
        return anchors.ids[identity], "id"
    if identity and identity in by_run:
        return by_run[identity], "id"
    key = anchors.by_name(name, None) if name else None
    if key is None:
        return None, ""
    if row["trust"] not in (None, "hybrid"):
        conflicts.append(
            (f"{row['trust']} object of the same name", name, identity or "", where, "dual state or an old record")
        )
        return key, "name"
    if identity and key.startswith("id:"):
        conflicts.append(
            ("object of the same name with another id", name, identity, where, f"the computer is {key[3:]}")
        )
        return None, ""
    if same_name[row["kind"], name] > 1:
        conflicts.append(
            ("several objects of the same name", name, identity or "", where, "none joined: no id tells which")
        )
        return None, ""
    return key, "name"


def _target(anchors: _Anchors, attached: dict[str, list[dict[str, Any]]]) -> pd.DataFrame:
    """One row per listed device: what its lists say of it; the first list that says something wins."""
    import pandas as pd

    out = []
    for key, rows in anchors.rows.items():
        objects = attached.get(key, [])
        hybrid = [one for one in objects if one["kind"] == "entra" and one["trust"] in (None, "hybrid")]
        managed = [one for one in objects if one["kind"] == "intune"]
        own = (
            [*hybrid, *managed] if anchors.of in ("ad", "plan") else rows + [one for one in managed if one not in rows]
        )
        everything = rows + [one for one in own if one not in rows]
        enabled = _first(rows, "enabled")
        windows = (_first(rows, "os") or "Windows").lower().startswith("windows")
        out.append(
            {
                "key": key,
                "name": _first(rows, "name"),
                "id": _first(rows, "id"),
                "dns_domain": _first(rows, "dns_domain"),
                "enabled": enabled,
                "os": _first(everything, "os"),
                "certificate": _first(rows, "certificate"),
                "trust": _first(hybrid or own, "trust"),
                "registered": _first(hybrid or own, "registered"),
                "registered_at": _first(hybrid or own, "registered_at"),
                "enrolled": any(one["enrolled"] for one in own) if own else None,
                "compliant": _first(own, "compliant"),
                "last_seen": max(
                    (one["last_seen"] for one in everything if one["last_seen"] is not None), default=None
                ),
                "objects": len(objects),
                "dual": bool(hybrid) and any(one["trust"] == "registered" for one in objects),
                **{name: _first(everything, name) for name in _ATTRIBUTES},
                "lists": ", ".join(sorted({one["list"] for one in everything})),
                "in_target": enabled is not False and windows,
            }
        )
    return pd.DataFrame(out, columns=list(_TARGET))


def _first(rows: Sequence[dict[str, Any]], name: str) -> Any:
    return next((row[name] for row in rows if row[name] is not None), None)
