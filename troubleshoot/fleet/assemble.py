"""Runs and lists put together: the four tables of a fleet, and what else the views need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from troubleshoot.fleet import clusters as clustering
from troubleshoot.fleet import history, identity, rollout
from troubleshoot.fleet.frames import Run, read_runs
from troubleshoot.fleet.lists import DeviceList, read_lists

if TYPE_CHECKING:
    import pandas as pd


class Fleet(NamedTuple):
    """``devices``: a row per device that reported or is listed. ``findings``: its findings with their history. ``clusters``:
    what fails alike. ``coverage``: who is in the figures and who is not. ``conflicts``: what was not merged. ``seen``: a row per
    device and run. ``now``: the newest time in the evidence (UTC), or missing; never the clock."""

    runs: list[Run]
    lists: list[DeviceList]
    devices: pd.DataFrame
    findings: pd.DataFrame
    clusters: pd.DataFrame
    coverage: pd.DataFrame
    conflicts: pd.DataFrame
    objects: pd.DataFrame
    seen: pd.DataFrame
    now: Any


def fleet_of(runs: Sequence[str | Path], lists: Sequence[str | Path] = (), by_time: bool = True) -> Fleet:
    """The fleet of these run folders over these device lists. Raises FleetError for one that cannot be used.

    ``by_time``: runs in the order of their evidence, else in the order given.
    """
    return assembled(read_runs(runs, by_time), read_lists(lists))


def assembled(runs: list[Run], lists: list[DeviceList]) -> Fleet:
    """The same, of what is already read."""
    joined = identity.join(runs, lists)
    rows = history.newest_per_run(joined.seen)
    findings = history.findings(rows, runs)
    reported = history.devices(rows, runs, findings)
    devices = rollout.with_target(reported, joined.target)
    signs = [run.taken for run in runs] + [one.rows["last_seen"].max() for one in lists]
    now = max((one for one in signs if one is not None and one == one), default=None)
    return Fleet(
        runs=runs,
        lists=lists,
        devices=devices,
        findings=findings,
        clusters=clustering.clusters(devices, findings),
        coverage=coverage(devices, rows, runs, bool(lists)),
        conflicts=joined.conflicts,
        objects=joined.objects,
        seen=rows,
        now=now,
    )


COVERAGE = {
    "read": "read whole",
    "cut": "read, cut off",
    "undecided": "read, state not told",
    "unreadable": "unreadable",
    "silent": "never reported",
}
"""Classes of coverage, each device in one; together they are the target."""


def coverage(devices: pd.DataFrame, rows: pd.DataFrame, runs: Sequence[Run], has_lists: bool) -> pd.DataFrame:
    """Who is in the figures: one line over all runs, then one a run; ``target`` is the sum of the classes of the line.

    ``outside``: devices that reported and are not in the target. Missing for what cannot be told without lists.
    """
    import pandas as pd

    in_target = devices.set_index("key")["in_target"]
    lines = [("all runs", None, _newest(rows))]
    lines += [(run.name, run.taken, rows[rows["run"] == place]) for place, run in enumerate(runs)]
    out = []
    for name, taken, part in lines:
        part = part.set_index("key")
        classes = _classes(part)
        inside = classes[in_target.reindex(classes.index).fillna(False).to_numpy()]
        target = int(in_target.sum()) if has_lists else len(inside)
        counts = {one: int((inside == one).sum()) for one in ("read", "cut", "undecided", "unreadable")}
        out.append(
            {
                "run": name,
                "taken": taken,
                "target": target,
                "reported": len(inside),
                **counts,
                "silent": target - len(inside) if has_lists else None,
                "outside": len(classes) - len(inside) if has_lists else None,
            }
        )
    frame = pd.DataFrame(out)
    frame["taken"] = pd.to_datetime(frame["taken"], utc=True).astype("datetime64[us, UTC]")
    for one in ("silent", "outside"):
        frame[one] = frame[one].astype("Int64")
    return frame


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    """Over all runs the best that is known of a device: the newest whole measurement, else the newest of any kind."""
    whole = history.measured(rows)
    read = rows["verdict"] != "unread"
    order = rows.assign(_whole=whole, _read=read).sort_values(["key", "_whole", "_read", "run"], kind="stable")
    return order.drop_duplicates("key", keep="last")


def _classes(part: pd.DataFrame) -> pd.Series[Any]:
    import pandas as pd

    out = pd.Series("undecided", index=part.index, dtype="object")
    cut = part["cut"].notna()
    out[history.measured(part)] = "read"
    out[cut] = "cut"
    out[part["verdict"] == "unread"] = "unreadable"
    return out
