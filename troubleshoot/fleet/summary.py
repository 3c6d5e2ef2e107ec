"""What a fleet suffers from, in figures: the data of ``fleet summary``, which the dashboard shows too.

Every share is over the target where a device list is given, else over the devices that reported; ``base`` says which. Devices
outside the target are counted in the coverage and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troubleshoot.fleet import rollout
from troubleshoot.fleet.assemble import Fleet
from troubleshoot.fleet.frames import TROUBLED, names
from troubleshoot.words import PHASES, VERDICTS, WHO

if TYPE_CHECKING:
    import pandas as pd

_SEVERITY = ("error", "warning", "info")
GROUPS = ("tenant", "domain", "os_build", "ou", "site", "wave", "owner")


def summarize(fleet: Fleet, most: int = 20) -> dict[str, Any]:
    """The whole summary as plain data; ``most`` bounds the rows of lists that grow with the fleet, ``…_more`` counts the rest."""
    target = fleet.devices[fleet.devices["in_target"]]
    base = len(target)
    every_cause = causes(fleet, target)
    collect = to_collect(fleet, target)
    return {
        "schema_version": "1",
        "base": {"devices": base, "of": "target" if fleet.lists else "reported"},
        "now": _iso(fleet.now),
        "runs": [
            {"name": run.name, "taken": _iso(run.taken), "devices": len(run.devices), "unknown": list(run.gaps)}
            for run in fleet.runs
        ],
        "lists": [
            {"name": one.name, "kind": one.kind, "rows": len(one.rows), "left_out": one.left} for one in fleet.lists
        ],
        "coverage": _coverage(fleet.coverage),
        "rollout": rollout.funnel(fleet.devices, fleet.now),
        "verdicts": _counted(target["verdict"], [*VERDICTS, "unread", "never-reported"], base),
        "causes": every_cause[:most],
        "causes_more": max(0, len(every_cause) - most),
        "who": by_who(target, base),
        "phases": phase_funnel(target),
        "groups": {name: by_group(target, name, most) for name in GROUPS},
        "collect": collect[:most],
        "collect_more": max(0, len(collect) - most),
        "changes": changes(fleet),
        "clusters": [_plain(row) for row in fleet.clusters.head(most).to_dict("records")],
        "clusters_more": max(0, len(fleet.clusters) - most),
        "conflicts": _conflicts(fleet, most),
        "hygiene": hygiene(fleet),
    }


def _iso(value: Any) -> str | None:
    import pandas as pd

    return None if value is None or pd.isna(value) else f"{value:%Y-%m-%dT%H:%M:%SZ}"


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    import pandas as pd

    out: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, pd.Timestamp):
            out[str(name)] = _iso(value)
        else:
            out[str(name)] = (
                None
                if value is pd.NaT or value is pd.NA or value != value
                else getattr(value, "item", lambda v=value: v)()
            )
    return out


def _share(count: int, base: int) -> float | None:
    return round(count / base, 6) if base else None


def _counted(column: pd.Series[Any], order: list[str], base: int) -> list[dict[str, Any]]:
    counts = column.value_counts()
    known = [name for name in order if counts.get(name, 0)]
    return [{"name": name, "devices": int(counts[name]), "share": _share(int(counts[name]), base)} for name in known]


def _coverage(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [_plain(row) for row in frame.to_dict("records")]


# ------------------------------------------------------------------------------------------------ causes and who


def causes(fleet: Fleet, target: pd.DataFrame) -> list[dict[str, Any]]:
    """Root causes by devices, the worst severity first; ``alone`` counts the devices for which it is the first root."""
    active = fleet.findings[(fleet.findings["role"] == "root") & (fleet.findings["state"] == "open")]
    troubled = target[target["verdict"].isin(TROUBLED)]
    active = active[active["key"].isin(troubled["key"]) & active["severity"].isin(["error", "warning"])]
    first = troubled["root"].value_counts()
    newest = fleet.runs[-1].name
    rows = []
    for rule, part in active.groupby("rule", sort=True):
        head = part.iloc[-1]
        devices = part["key"].nunique()
        rows.append(
            {
                "rule": rule,
                "title": head["title"],
                "phase": head["phase"],
                "severity": min(part["severity"], key=_SEVERITY.index),
                "who": head["who"],
                "do": head["do"],
                "devices": devices,
                "share": _share(devices, len(target)),
                "first": int(first.get(rule, 0)),
                "new": part[part["opened_run"] == newest]["key"].nunique() if len(fleet.runs) > 1 else None,
                "since": _iso(part["since"].min()),
            }
        )
    plain = [_plain(row) for row in rows]
    return sorted(plain, key=lambda row: (_SEVERITY.index(row["severity"]), -row["devices"], row["rule"]))


def by_who(target: pd.DataFrame, base: int) -> list[dict[str, Any]]:
    """Devices by who must act next on their first root cause; every troubled device counts once."""
    troubled = target[target["verdict"].isin(TROUBLED)]
    rows = []
    for who, part in troubled.assign(who=troubled["who"].fillna("")).groupby("who", sort=True):
        top = part["root_title"].value_counts()
        ranked = _ranked(top)[:3]
        rows.append(
            {
                "who": who or None,
                "title": WHO.get(str(who), str(who) or "not told"),
                "devices": len(part),
                "share": _share(len(part), base),
                "causes": [{"title": title, "devices": count} for title, count in ranked],
            }
        )
    return sorted(rows, key=lambda row: (-row["devices"], row["title"]))


def _ranked(counts: pd.Series[Any]) -> list[tuple[str, int]]:
    """Names and counts, the most frequent first, equal ones by name."""
    return sorted(((str(name), int(count)) for name, count in counts.items()), key=lambda one: (-one[1], one[0]))


# -------------------------------------------------------------------------------------------------------- phases


def phase_funnel(target: pd.DataFrame) -> dict[str, Any]:
    """How many devices reached each phase from pre-check to token, and how many stop there, by their first root of error.

    A device whose first cause lies beyond (Windows Hello, enrolment, ...) stops nowhere here and stands under ``beyond``; one
    that asks for nothing, or for warnings only, passed. ``judged`` = the stops + beyond + passed.
    """
    judged = target[target["verdict"].isin([*TROUBLED, "healthy"])]
    stopped = judged[judged["verdict"].isin(["failed", "pending"])]
    order = list(names()["phases"])
    counts = stopped["phase"].fillna("").value_counts()
    left = len(judged)
    rows = []
    for name in order:
        stops = int(counts.get(name, 0))
        rows.append(
            {
                "phase": name,
                "title": PHASES[name],
                "reached": left,
                "stopped": stops,
                "share": _share(left, len(judged)),
            }
        )
        left -= stops
    beyond = [
        {"phase": name, "title": PHASES.get(name, name or "not told"), "devices": count}
        for name, count in _ranked(counts)
        if name not in order
    ]
    return {
        "judged": len(judged),
        "rows": rows,
        "beyond": beyond,
        "passed": left - sum(count for name, count in _ranked(counts) if name not in order),
        "not_judged": len(target) - len(judged),
    }


# -------------------------------------------------------------------------------------------------------- groups


def by_group(target: pd.DataFrame, name: str, most: int) -> list[dict[str, Any]]:
    """Devices and verdicts by what they share; the last row holds those of which it is not known. Nothing where none is."""
    column = _group(target, name)
    if column.isna().all():
        return []
    order = [*VERDICTS, "unread", "never-reported"]
    valued = target.assign(_value=column.fillna("").astype(str))
    table = valued.groupby(["_value", "verdict"]).size().unstack(fill_value=0)
    causes = valued.dropna(subset=["root_title"]).groupby(["_value", "root_title"]).size().reset_index(name="count")
    causes = causes.sort_values(["_value", "count", "root_title"], ascending=[True, False, True]).drop_duplicates(
        "_value"
    )
    top = {
        value: {"title": str(title), "devices": int(count)}
        for value, title, count in zip(causes["_value"], causes["root_title"], causes["count"], strict=True)
    }
    rows: list[dict[str, Any]] = []
    for value, counts in zip(table.index.astype(str), table.to_dict("records"), strict=True):
        each = {verdict: int(counts.get(verdict, 0)) for verdict in order}
        rows.append({"value": value or None, "devices": sum(each.values()), **each, "top": top.get(value)})
    rows.sort(
        key=lambda row: (row["value"] is None, -row["failed"] - row["pending"], -row["devices"], row["value"] or "")
    )
    return _bounded(rows, most, order)


def _group(target: pd.DataFrame, name: str) -> pd.Series[Any]:
    return target["tenant_name"].fillna(target["tenant_id"]) if name == "tenant" else target[name]


def _bounded(rows: list[dict[str, Any]], most: int, order: list[str]) -> list[dict[str, Any]]:
    """At most ``most`` rows and one that sums the others, so that the figures still add up."""
    named = [row for row in rows if row["value"] is not None]
    rest, unknown = named[most:], [row for row in rows if row["value"] is None]
    if rest:
        total = {"value": f"({len(rest)} more)", "devices": sum(row["devices"] for row in rest)}
        total |= {one: sum(row[one] for row in rest) for one in order} | {"top": None}
        named = [*named[:most], total]
    return named + unknown


# ------------------------------------------------------------------------------------------------- what is open


def to_collect(fleet: Fleet, target: pd.DataFrame) -> list[dict[str, Any]]:
    """What would decide what is open, by the number of devices that lack it; of the newest capture of each device."""
    import pandas as pd

    newest = fleet.seen.drop_duplicates("key", keep="last")
    parts = []
    for place, run in enumerate(fleet.runs):
        rows = newest[(newest["run"] == place) & newest["key"].isin(target["key"])][["line", "key"]]
        parts.append(run.collect.merge(rows, on="line"))
    found = pd.concat(parts, ignore_index=True)
    counts = found.groupby("collect")["key"].nunique()
    rows_out = [
        {"collect": str(item), "devices": int(count), "share": _share(int(count), len(target))}
        for item, count in counts.items()
    ]
    return sorted(rows_out, key=lambda row: (-row["devices"], row["collect"]))


def changes(fleet: Fleet) -> list[dict[str, Any]]:
    """Findings opened, seen again and resolved by each run, the trend; and devices by verdict in it. A run that did not
    measure a device says nothing of it: compare shares of ``measured``, not counts."""
    inside = fleet.devices[fleet.devices["in_target"]]["key"]
    active = fleet.findings[(fleet.findings["role"] == "root") & fleet.findings["key"].isin(inside)]
    rows = []
    for place, run in enumerate(fleet.runs):
        here = fleet.seen[(fleet.seen["run"] == place) & fleet.seen["key"].isin(inside)]
        judged = here[here["verdict"].isin([*TROUBLED, "healthy"])]
        rows.append(
            {
                "run": run.name,
                "taken": _iso(run.taken),
                "devices": len(here),
                "measured": len(judged),
                **{verdict: int((here["verdict"] == verdict).sum()) for verdict in (*VERDICTS, "unread")},
                "opened": int((active["opened_run"] == run.name).sum()),
                "resolved": int((active["resolved_run"] == run.name).sum()),
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------------- hygiene


def _conflicts(fleet: Fleet, most: int) -> dict[str, Any]:
    counts = fleet.conflicts["kind"].value_counts()
    kinds = [
        {"kind": str(kind), "cases": int(count)} for kind, count in sorted(counts.items(), key=lambda one: str(one[0]))
    ]
    rows = [_plain(row) for row in fleet.conflicts.head(most).to_dict("records")]
    return {"kinds": kinds, "rows": rows, "more": max(0, len(fleet.conflicts) - most)}


def hygiene(fleet: Fleet) -> dict[str, int]:
    """Dual state, stale and duplicate objects, objects of no computer, disabled computers: what a clean-up starts from."""
    objects = fleet.objects
    hybrid = objects[(objects["kind"] == "entra") & objects["trust"].isin(["hybrid"])]
    names_of = hybrid["name"].dropna().astype(str).str.upper()
    listed = fleet.devices[fleet.devices["listed"]]
    return {
        "dual_state": int(fleet.devices["dual"].sum()),
        "stale": len(rollout.stale(fleet.devices, fleet.now)),
        "stale_days": rollout.STALE_DAYS,
        "duplicate_names": int((names_of.value_counts() > 1).sum()),
        "objects_without_computer": int(objects["key"].isna().sum()) if len(objects) else 0,
        "disabled": int((listed["list_enabled"].astype("boolean") == False).sum()),  # noqa: E712 (missing is not False)
    }
