"""What the runs tell over time: one row per device with its newest known state, one per finding with its history.

A finding is opened by the run that shows it first, updated by each that shows it again, and resolved by the first later run that
measured the device whole and no longer shows it. A run that could not read the device, whose capture was cut or decided nothing,
or that does not hold it, is a gap: it neither keeps a finding open nor resolves it. A finding of one user is only resolved by
proof: a run that settles it, or that finds the device healthy; a capture of another user says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from troubleshoot.fleet.frames import TROUBLED, Run

if TYPE_CHECKING:
    import pandas as pd

_DECIDED = frozenset({*TROUBLED, "healthy", "not-applicable"})
DEVICE_COLUMNS = (
    *("key", "device", "device_id", "domain", "tenant_id", "tenant_name", "os_build", "verdict", "join_state"),
    *("domain_type", "token", "root", "root_title", "phase", "severity", "confidence", "who", "do", "summary", "as_of"),
    *(
        "since",
        "first_seen",
        "last_seen",
        "runs",
        "gaps",
        "state_run",
        "latest",
        "cut",
        "findings",
        "problems",
        "unread",
    ),
    *("copies", "site", "proxy", "dc", "gateway", "image", "model", "key_container", "page", "source", "line"),
)
FINDING_COLUMNS = (
    *(
        "key",
        "device",
        "rule",
        "root",
        "title",
        "role",
        "phase",
        "severity",
        "confidence",
        "codes",
        "user",
        "who",
        "do",
    ),
    *("fingerprint", "state", "first_seen", "last_seen", "opened", "updated", "resolved", "opened_run"),
    *("updated_run", "resolved_run", "reopened", "runs", "since"),
)


def newest_per_run(seen: pd.DataFrame) -> pd.DataFrame:
    """One row per device and run: the newest capture that decided something; ``copies`` counts the rows behind it."""
    decided = seen["verdict"].isin(_DECIDED)
    read = seen["verdict"] != "unread"
    order = seen.assign(_decided=decided, _read=read).sort_values(
        ["run", "key", "_read", "_decided", "as_of"], kind="stable", na_position="first"
    )
    copies = order.groupby(["run", "key"])["verdict"].transform("size")
    return order.assign(copies=copies).drop_duplicates(["run", "key"], keep="last").drop(columns=["_decided", "_read"])


def measured(rows: pd.DataFrame) -> pd.Series[Any]:
    """Which rows tell the state of the device as a whole: read, decided, and not cut."""
    whole = rows["cut"].isna()
    return rows["verdict"].isin(_DECIDED) & whole


def devices(rows: pd.DataFrame, runs: Sequence[Run], findings: pd.DataFrame) -> pd.DataFrame:
    """One row per device of ``newest_per_run``, its state that of the newest run that decided something."""
    import pandas as pd

    taken = pd.Series([run.taken for run in runs], dtype="datetime64[us, UTC]")
    when = rows["as_of"].fillna(rows["run"].map(taken))
    rows = rows.assign(when=when, decided=rows["verdict"].isin(_DECIDED)).sort_values(["key", "run"], kind="stable")
    grouped = rows.groupby("key", sort=True)
    state = rows.sort_values(["key", "decided", "run"], kind="stable").drop_duplicates("key", keep="last")
    state = state.set_index("key").sort_index()
    newest = rows.drop_duplicates("key", keep="last").set_index("key").sort_index()
    out = state.copy()
    for name in ("device", "device_id", "domain", "tenant_id", "tenant_name", "os_build"):
        out[name] = out[name].fillna(grouped[name].last())
    for name in ("site", "proxy", "dc", "gateway", "image", "model", "key_container"):
        out[name] = out[name].fillna(grouped[name].last())
    out["first_seen"], out["last_seen"] = grouped["when"].min(), grouped["when"].max()
    out["runs"] = grouped.size()
    out["gaps"] = (~measured(rows)).groupby(rows["key"]).sum()
    out["state_run"] = [runs[place].name for place in state["run"]]
    out["latest"] = ["not in the newest run" if place < len(runs) - 1 else "" for place in newest["run"]]
    out.loc[(newest["run"] == len(runs) - 1) & ~newest["decided"], "latest"] = "not decided in the newest run"
    troubled = out["verdict"].isin(TROUBLED)
    out.loc[~troubled, ["root", "root_title", "phase", "severity", "confidence", "who"]] = pd.NA
    first = (
        findings[findings["role"] == "root"].drop_duplicates(["key", "rule"], keep="last").set_index(["key", "rule"])
    )
    keys = pd.MultiIndex.from_arrays([out.index, out["root"].fillna("")])
    out["since"] = first["since"].reindex(keys).set_axis(out.index) if len(first) else pd.NaT
    out["do"] = first["do"].reindex(keys).set_axis(out.index) if len(first) else pd.NA
    return out.reset_index()[list(DEVICE_COLUMNS)]


# ---------------------------------------------------------------------------------------------------- findings


def findings(rows: pd.DataFrame, runs: Sequence[Run]) -> pd.DataFrame:
    """One row per device, rule and user over all runs, with what opened, updated and resolved it."""
    import pandas as pd

    whole = measured(rows)
    healthy = rows["verdict"] == "healthy"
    when = rows["as_of"].fillna(rows["run"].map(pd.Series([run.taken for run in runs], dtype="datetime64[us, UTC]")))
    by_key: dict[str, list[tuple[int, Any, bool, bool]]] = {}
    for key, run, moment, full, well in zip(rows["key"], rows["run"], when, whole, healthy, strict=True):
        by_key.setdefault(key, []).append((run, moment, bool(full), bool(well)))
    found: dict[tuple[str, str, str], dict[int, dict[str, Any]]] = {}
    settled: dict[tuple[str, str, str], set[int]] = {}
    for row in _of_devices(rows, runs):
        slot = (row["key"], row["rule"], row["user"] or "")
        if row["role"] in ("root", "symptom"):
            found.setdefault(slot, {}).setdefault(row["run"], row)
        elif row["role"] == "resolved":
            settled.setdefault(slot, set()).add(row["run"])
    out = [
        _history(slot, there, by_key[slot[0]], settled.get(slot, set()), runs) for slot, there in sorted(found.items())
    ]
    frame = pd.DataFrame(out, columns=list(FINDING_COLUMNS))
    for name in ("first_seen", "last_seen", "opened", "updated", "resolved", "since"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    for name in frame.columns.difference(
        ["first_seen", "last_seen", "opened", "updated", "resolved", "since", "reopened", "runs"]
    ):
        frame[name] = frame[name].astype("string")
    return frame


def _of_devices(rows: pd.DataFrame, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Findings of the rows that stand for their device in each run."""
    import pandas as pd

    parts = []
    for place, run in enumerate(runs):
        joined = run.findings.merge(rows[rows["run"] == place][["line", "key"]], on="line")
        parts.append(joined.assign(run=place))
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["rule"].notna()]
    plain = frame.astype("object").where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _history(
    slot: tuple[str, str, str],
    there: Mapping[int, dict[str, Any]],
    seen: Sequence[tuple[int, Any, bool, bool]],
    settled: set[int],
    runs: Sequence[Run],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "state": "resolved",
        "reopened": 0,
        "resolved": None,
        "resolved_run": None,
        "runs": len(there),
    }
    opened = False
    for run, moment, whole, well in sorted(seen, key=lambda one: one[0]):
        if run in there:
            if not opened:
                row["reopened"] += row.get("opened_run") is not None
                row |= {"opened": moment, "opened_run": runs[run].name, "resolved": None, "resolved_run": None}
                row.setdefault("first_seen", moment)
                row["since"] = _earlier(there[run]["time"], moment)
            opened = True
            row |= {"updated": moment, "updated_run": runs[run].name, "last_seen": moment}
        elif opened and (run in settled or (whole and (well or not slot[2]))):
            opened = False
            row |= {"resolved": moment, "resolved_run": runs[run].name}
    newest = there[max(there)]
    row["state"] = "open" if opened else "resolved"
    names = (
        "key",
        "device",
        "rule",
        "root",
        "title",
        "role",
        "phase",
        "severity",
        "confidence",
        "codes",
        "user",
        "who",
    )
    return row | {name: newest[name] for name in (*names, "do", "fingerprint")}


def _earlier(first: Any, second: Any) -> Any:
    import pandas as pd

    there = [one for one in (first, second) if one is not None and not pd.isna(one)]
    return min(there, default=None)
