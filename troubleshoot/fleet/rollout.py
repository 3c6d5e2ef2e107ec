"""How far each device of the target is: never reported, not started, pending, registered, with token, enrolled.

The best proof wins: a capture of the device, then the cloud's object, then the computer's certificate in AD. Without lists the
devices that reported are all there is, and the view says so: a fleet that only shows who reported flatters itself.

Stages follow Microsoft Learn, "Pending devices in Microsoft Entra ID" (an object of directory sync without a registration) and
"Microsoft Entra hybrid joined devices: how it works" (the device writes userCertificate, sync brings it, then it registers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troubleshoot.fleet.frames import names

if TYPE_CHECKING:
    import pandas as pd

_FROM_LISTS = ("ou", "site", "wave", "owner", "model", "image", "os_build")
STALE_DAYS = 90  # Microsoft Learn, "Manage stale devices", advises two to three months


def with_target(devices: pd.DataFrame, target: pd.DataFrame) -> pd.DataFrame:
    """The devices that reported and those that only lists name, with what the lists say and the stage of each."""
    import pandas as pd

    listed = target.rename(columns={name: f"list_{name}" for name in target.columns if name != "key"})
    out = devices.assign(reported=True).merge(listed, on="key", how="outer")
    out["reported"] = out["reported"].astype("boolean").fillna(False).astype(bool)
    out["in_target"] = out["list_in_target"].astype("boolean").fillna(False) if len(target) else out["reported"]
    out["in_target"] = out["in_target"].astype(bool)
    out["listed"] = out["list_name"].notna() | out["list_id"].notna()
    for name in ("ou", "wave", "owner"):
        out[name] = out[f"list_{name}"].astype("string")
    for name in ("site", "model", "image", "os_build"):
        out[name] = out[name].astype("string").fillna(out[f"list_{name}"].astype("string"))
    out["device"] = out["device"].fillna(out["list_name"].astype("string")).fillna(out["list_id"].astype("string"))
    out["device"] = out["device"].fillna(out["source"])
    out["device_id"] = out["device_id"].fillna(out["list_id"].astype("string"))
    out["domain"] = out["domain"].fillna(out["list_dns_domain"].astype("string"))
    out["dual"] = out["list_dual"].astype("boolean").fillna(False).astype(bool)
    out["verdict"] = out["verdict"].fillna("never-reported")
    for name in ("runs", "gaps", "findings", "problems", "unread", "copies"):
        out[name] = out[name].fillna(0).astype("int64")
    out["list_seen"] = pd.to_datetime(out["list_last_seen"], utc=True).astype("datetime64[us, UTC]")
    out["list_registered_at"] = pd.to_datetime(out["list_registered_at"], utc=True).astype("datetime64[us, UTC]")
    out["stage"] = stage(out)
    return out.sort_values("key", kind="stable").reset_index(drop=True)


def stage(out: pd.DataFrame) -> pd.Series[Any]:
    """The stage of every row of :func:`with_target`, by name."""
    import pandas as pd

    yes = {name: out[f"list_{name}"].astype("boolean") for name in ("certificate", "registered", "enrolled")}
    hybrid_object = out["list_trust"].astype("string") == "hybrid"
    join, verdict = out["join_state"].astype("string"), out["verdict"]
    joined = (join == "hybrid").fillna(False).astype(bool)
    apart = join.isin(["domain-only", "none"]).fillna(False).astype(bool)
    token = (out["token"].astype("string").str.lower().isin(["yes", "true"]).fillna(False)).astype(bool)
    waits = hybrid_object.fillna(False).astype(bool) & ~yes["registered"].fillna(True).astype(bool)
    object_only = hybrid_object.fillna(False).astype(bool) & yes["registered"].fillna(False).astype(bool)
    no_certificate = ~yes["certificate"].fillna(True).astype(bool)
    certificate = yes["certificate"].fillna(False).astype(bool)
    enrolled = yes["enrolled"].fillna(False).astype(bool)
    # Later lines win. A capture that says "not joined" outweighs an object of the cloud that says "registered". A certificate
    # alone says that the device has begun, not how far it came.
    out_stage = pd.Series("unknown", index=out.index, dtype="object")
    out_stage[~out["reported"]] = "never-reported"
    out_stage[no_certificate] = "not-started"
    out_stage[waits] = "pending"
    out_stage[object_only] = "registered"
    out_stage[object_only & enrolled] = "enrolled"
    out_stage[apart] = "not-started"
    out_stage[apart & (certificate | waits | object_only | (verdict == "pending"))] = "pending"
    out_stage[(verdict == "not-applicable") & ~joined] = "not-applicable"
    out_stage[joined] = "registered"
    out_stage[joined & token] = "token"
    out_stage[joined & enrolled & (token | out["token"].isna())] = "enrolled"
    return out_stage


def funnel(fleet: pd.DataFrame, now: Any) -> list[dict[str, Any]]:
    """A row per stage over the target: devices, of them never reported, age of the evidence in days, waves, top causes."""
    target = fleet[fleet["in_target"]]
    rows = []
    for name, title in names()["stages"].items():
        here = target[target["stage"] == name]
        ages = _ages(here, now)
        rows.append(
            {
                "stage": name,
                "title": title,
                "devices": len(here),
                "share": len(here) / len(target) if len(target) else None,
                "silent": int((~here["reported"]).sum()),
                "age_median": None if ages is None else float(ages.median()),
                "age_oldest": None if ages is None else float(ages.max()),
                "waves": _top(here["wave"], 3),
                "causes": _top(here["root_title"], 3),
            }
        )
    return rows


def _ages(rows: pd.DataFrame, now: Any) -> pd.Series[Any] | None:
    """Days between the newest sign of each device, in a run or a list, and ``now``."""
    import pandas as pd

    if now is None or pd.isna(now):
        return None
    signs = rows[["last_seen", "list_seen"]].max(axis=1).dropna()
    return ((now - signs).dt.total_seconds() / 86400).clip(lower=0) if len(signs) else None


def _top(column: pd.Series[Any], most: int) -> list[tuple[str, int]]:
    counts = column.dropna().value_counts()
    ranked = sorted(((str(name), int(count)) for name, count in counts.items()), key=lambda one: (-one[1], one[0]))
    return ranked[:most]


def stale(fleet: pd.DataFrame, now: Any) -> pd.DataFrame:
    """Listed devices whose newest sign is older than ``STALE_DAYS`` days before ``now``."""
    import pandas as pd

    if now is None or pd.isna(now):
        return fleet.iloc[0:0]
    signs = fleet[["last_seen", "list_seen"]].max(axis=1)
    old = fleet["listed"] & (signs < now - pd.Timedelta(days=STALE_DAYS))
    found: pd.DataFrame = fleet.loc[old]
    return found
