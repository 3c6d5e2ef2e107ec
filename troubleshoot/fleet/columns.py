"""The devices of a fleet for its page: a column at a time, words as numbers, so that 100,000 of them open in a second.

Numbers are unsigned, little-endian, of one, two or four bytes each, in Base64. Texts are harmless (``report.safe.plain``), since
a page shows them. The order of the devices is that of their names; code 0 of a column is "not known".
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from troubleshoot.fleet.frames import TROUBLED, names
from troubleshoot.report.safe import plain
from troubleshoot.words import JOIN_STATES, PHASES, VERDICTS, WHO

if TYPE_CHECKING:
    import pandas as pd

_LONGEST = 200
VERDICT_ORDER = (
    "failed",
    "pending",
    "degraded",
    "inconclusive",
    "unread",
    "never-reported",
    "not-applicable",
    "healthy",
)
VERDICT_WORDS = {**VERDICTS, "unread": "UNREADABLE", "never-reported": "NEVER REPORTED"}
_WORDS: tuple[tuple[str, str], ...] = (  # column -> how the page calls it; in the order of the details of a device
    ("verdict", "Verdict"),
    ("root", "Cause"),
    ("phase", "Phase"),
    ("confidence", "Confidence"),
    ("who", "Who must act"),
    ("do", "First step"),
    ("stage", "Rollout"),
    ("site", "Site"),
    ("os_build", "Windows build"),
    ("domain", "Domain"),
    ("ou", "Organisational unit"),
    ("wave", "Wave"),
    ("owner", "Owner"),
    ("model", "Model"),
    ("image", "Image"),
    ("proxy", "Proxy"),
    ("dc", "Domain controller"),
    ("gateway", "Gateway"),
    ("tenant", "Tenant"),
    ("join_state", "Join state"),
    ("token", "Sign-in token"),
    ("state_run", "State from run"),
    ("latest", "Newest run"),
    ("cut", "Cut off"),
)
_TIMES = (("since", "Failing since"), ("first_seen", "First seen"), ("last_seen", "Last seen"))
GROUPS = ("site", "os_build", "domain", "ou", "wave", "owner", "model", "image", "proxy", "dc", "gateway", "tenant")
"""Columns by which the heat map can be read."""


class Packed(NamedTuple):
    """``order``: the devices' keys in the order of the page; ``data``: what the page's script reads."""

    order: list[str]
    data: dict[str, Any]


def packed(numbers: Sequence[int]) -> dict[str, Any]:
    """Whole numbers from 0 as text.

    >>> packed([1, 2, 300])
    {'width': 2, 'data': 'AQACACwB'}
    """
    import numpy as np

    most = max(numbers, default=0)
    width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4
    raw = np.asarray(numbers, dtype=f"<u{width}").tobytes()
    return {"width": width, "data": base64.b64encode(raw).decode()}


def columns(devices: pd.DataFrame) -> Packed:
    """The table of :class:`~troubleshoot.fleet.assemble.Fleet` for the page. Columns that no device has are left out."""
    shown = [plain(str(name), 120) for name in devices["device"].fillna("?")]
    place = sorted(range(len(shown)), key=lambda at: (shown[at].upper(), str(devices["key"].iloc[at])))
    devices = devices.iloc[place].reset_index(drop=True)
    devices = devices.assign(tenant=devices["tenant_name"].fillna(devices["tenant_id"]))
    words = [one for name, title in _WORDS if (one := _words(devices, name, title))]
    times = [
        {"name": name, "title": title, **packed(_minutes(devices[name]))}
        for name, title in _TIMES
        if devices[name].notna().any()
    ]
    ids = devices["device_id"].fillna("").astype(str).str.replace("-", "", regex=False)
    data = {
        "count": len(devices),
        "names": [shown[at] for at in place],
        "ids": "".join(one.ljust(32) for one in ids) if ids.ne("").any() else None,
        "words": words,
        "times": times,
        "target": packed(devices["in_target"].astype(int).tolist()),
    }
    return Packed(devices["key"].astype(str).tolist(), data)


def _words(devices: pd.DataFrame, name: str, title: str) -> dict[str, Any] | None:
    """One column: its different values, what the page calls them, and a number a device."""
    column = devices[name].astype("string")
    if name in ("state_run", "latest", "token"):
        column = column.mask(column == "")
    if not column.notna().any():
        return None
    values = _ordered(name, [str(one) for one in column.dropna().unique()])
    number = {value: at for at, value in enumerate(values, start=1)}
    codes = [number[one] if isinstance(one, str) else 0 for one in column.astype("object")]
    out = {"name": name, "title": title, "values": [plain(one, _LONGEST) for one in values], **packed(codes)}
    labels = _labels(name, values, devices)
    return out | ({"labels": [plain(one, _LONGEST) for one in labels]} if labels else {})


def _ordered(name: str, values: Sequence[str]) -> list[str]:
    known = {"verdict": VERDICT_ORDER, "stage": tuple(names()["stages"])}.get(name, ())
    return sorted(values, key=lambda one: (known.index(one) if one in known else len(known), one))


def _labels(name: str, values: Sequence[str], devices: pd.DataFrame) -> list[str] | None:
    if name == "root":
        titles = devices.dropna(subset=["root"]).drop_duplicates("root").set_index("root")["root_title"]
        return [str(titles[one]) for one in values]
    told = {
        "verdict": VERDICT_WORDS,
        "stage": names()["stages"],
        "who": WHO,
        "phase": PHASES,
        "join_state": JOIN_STATES,
    }.get(name)
    return [str(told.get(one, one)) for one in values] if told else None


def _minutes(column: pd.Series[Any]) -> list[int]:
    """Minutes since 1970 in UTC; 0 for a time that is not known."""
    whole = column.astype("datetime64[s, UTC]").astype("int64") // 60
    return [int(one) for one in whole.where(column.notna(), 0).clip(lower=0, upper=(1 << 32) - 1)]


def members(
    causes: Sequence[dict[str, Any]], findings: pd.DataFrame, devices: pd.DataFrame, order: Sequence[str]
) -> list[dict[str, Any]]:
    """For each cause of the summary the places of the devices that have it among their open roots."""
    place = {key: at for at, key in enumerate(order)}
    troubled = devices[devices["in_target"] & devices["verdict"].isin(TROUBLED)]["key"]
    active = findings[(findings["role"] == "root") & (findings["state"] == "open") & findings["key"].isin(troubled)]
    active = active[active["severity"].isin(["error", "warning"])]
    keys = active.groupby("rule")["key"].unique()
    return [
        {
            "rule": one["rule"],
            "title": plain(str(one["title"]), _LONGEST),
            "severity": one["severity"],
            "devices": packed(sorted(place[str(key)] for key in keys[one["rule"]])),
        }
        for one in causes
    ]
