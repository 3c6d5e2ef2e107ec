"""Devices that fail alike: one cause that is more common among those who share something than among all others.

For each cause and each shared trait (site, proxy, build, ...) the share of failing devices inside is set against that outside. A
cluster needs at least ``LEAST`` failing devices, the same number of devices outside to compare with, twice the share, and 95 %
score intervals (Wilson 1927) that stay apart even after correction for how many pairs were looked at (Bonferroni). Only devices
whose state is known count, and only those whose trait is known. What only stands out because it overlaps with a sharper cluster of
the same cause is no cluster: it must stand out among the devices outside of that one too. A cluster is a place to look, no proof.

Duplicate device ids and key containers are no statistic: one is enough, since each device makes its own.
Source: Microsoft Learn, "Device identity and desktop virtualization" (no image of a device that is already registered).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from troubleshoot.fleet.frames import TROUBLED, names

if TYPE_CHECKING:
    import pandas as pd

LEAST = 5
_LEVEL = 0.05
_RATIO = 2.0
_ALIKE = 0.8  # share of common devices at which two clusters of one cause are one
HOURS = 6
_IN_WINDOW = 0.8
COLUMNS = (
    *("rule", "title", "phase", "severity", "who", "do", "trait", "value", "devices", "of", "share", "outside"),
    *("outside_of", "outside_share", "since", "until", "burst", "evidence", "examples", "also"),
)
_SAME = {
    "device_id": ("one-device-id", "Several devices report one device id", "device id"),
    "key_container": ("one-key-container", "Several devices hold one key container", "key container"),
}


def wilson(hits: int, total: int, z: float) -> tuple[float, float]:
    """The score interval of a share, for ``z`` standard deviations (Wilson 1927).

    >>> [round(one, 3) for one in wilson(9, 10, 1.96)]
    [0.596, 0.982]
    """
    share = hits / total
    spread = z * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
    return ((share + z * z / (2 * total) - spread) / (1 + z * z / total)), (
        (share + z * z / (2 * total) + spread) / (1 + z * z / total)
    )


def clusters(devices: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """A row per cluster, the largest first; what nearly the same devices share besides stands in ``also``."""
    import pandas as pd

    known = devices[devices["verdict"].isin([*TROUBLED, "healthy"])]
    active = findings[
        (findings["role"] == "root") & (findings["state"] == "open") & findings["severity"].isin(["error", "warning"])
    ]
    active = active[active["key"].isin(known["key"])].sort_values("since", kind="stable")
    active = active.drop_duplicates(["key", "rule"])
    found = _own(_merged(list(_tested(known, active))), known.set_index("key"), active)
    rows = [_row(one, active) for one in found] + list(_images(devices))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("since", "until"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame.sort_values(
        ["devices", "rule", "trait", "value"], ascending=[False, True, True, True], kind="stable"
    ).reset_index(drop=True)


def _tested(known: pd.DataFrame, active: pd.DataFrame) -> Iterator[dict[str, Any]]:
    pairs: list[dict[str, Any]] = []
    by_key = known.set_index("key")
    for trait in names()["traits"]:
        values = by_key[_column(trait)].dropna()
        sizes = values.value_counts()
        if len(sizes) < 2:
            continue
        failing = (
            active[["key", "rule"]].assign(value=values.reindex(active["key"]).to_numpy()).dropna(subset=["value"])
        )
        totals = failing.groupby("rule").size()
        counted = failing.groupby(["rule", "value"]).size().reset_index(name="hits")
        for rule, value, hits in zip(counted["rule"], counted["value"], counted["hits"], strict=True):
            pair = {"rule": rule, "trait": trait, "value": value, "devices": int(hits), "of": int(sizes[value])}
            pair |= {"outside": int(totals[rule] - hits), "outside_of": int(len(values) - sizes[value])}
            pair["failing"] = failing
            pairs.append(pair)
    z = NormalDist().inv_cdf(1 - _LEVEL / 2 / max(1, len(pairs)))
    for pair in pairs:
        if _stands_out(pair, z):
            failing = pair.pop("failing")
            keys = failing[(failing["rule"] == pair["rule"]) & (failing["value"] == pair["value"])]["key"]
            yield pair | {"keys": frozenset(keys), "z": z}


def _column(trait: str) -> str:
    return "tenant_id" if trait == "tenant" else trait


def _stands_out(pair: dict[str, Any], z: float) -> bool:
    if pair["devices"] < LEAST or pair["outside_of"] < LEAST:
        return False
    inside, outside = pair["devices"] / pair["of"], pair["outside"] / pair["outside_of"]
    if inside < _RATIO * outside:
        return False
    return wilson(pair["devices"], pair["of"], z)[0] > wilson(pair["outside"], pair["outside_of"], z)[1]


def _merged(pairs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for what nearly the same devices share; the sharpest trait stands, the others are named beside it."""
    order = list(names()["traits"])
    ranked = sorted(
        pairs,
        key=lambda one: (
            -(one["devices"] / one["of"] - one["outside"] / one["outside_of"]) * one["devices"],
            -order.index(one["trait"]),
            one["value"],
        ),
    )
    kept: list[dict[str, Any]] = []
    for one in ranked:
        twin = next(
            (other for other in kept if other["rule"] == one["rule"] and _alike(other["keys"], one["keys"])), None
        )
        if twin is None:
            kept.append(one | {"also": []})
        else:
            twin["also"].append(
                f"{names()['traits'][one['trait']]['one']} {one['value']} ({one['devices']} of {one['of']})"
            )
    return kept


def _own(found: Sequence[dict[str, Any]], by_key: pd.DataFrame, active: pd.DataFrame) -> list[dict[str, Any]]:
    """Those that stand out by themselves: also without the devices of the sharper clusters of their cause, kept before them."""
    import pandas as pd

    kept: list[dict[str, Any]] = []
    covered: dict[str, pd.Series[Any]] = {}
    for one in found:
        inside = (by_key[_column(one["trait"])] == one["value"]).fillna(False).astype(bool)
        taken = covered.get(one["rule"], pd.Series(False, index=by_key.index))
        if taken.any():
            rest = by_key[_column(one["trait"])].notna() & ~taken
            fails = by_key.index.isin(active[active["rule"] == one["rule"]]["key"])
            here, there = rest & inside, rest & ~inside
            pair = {"devices": int((here & fails).sum()), "of": int(here.sum())}
            pair |= {"outside": int((there & fails).sum()), "outside_of": int(there.sum())}
            if not _stands_out(pair, one["z"]):
                continue
        kept.append(one)
        covered[one["rule"]] = taken | inside
    return kept


def _alike(first: frozenset[str], second: frozenset[str]) -> bool:
    return len(first & second) >= _ALIKE * len(first | second)


def _row(found: dict[str, Any], active: pd.DataFrame) -> dict[str, Any]:
    members = active[(active["rule"] == found["rule"]) & active["key"].isin(found["keys"])]
    first = members.iloc[0]
    since, until, burst = _window(members["since"])
    share, outside = found["devices"] / found["of"], found["outside"] / found["outside_of"]
    where = f"{names()['traits'][found['trait']]['sentence']} {found['value']}"
    if (found["trait"], found["value"]) == ("proxy", "direct"):
        where = "without a proxy"
    when = f" since {since:%Y-%m-%d %H:%M} UTC" if since is not None and burst else ""
    evidence = (
        f"{found['devices']:,} of {found['of']:,} devices {where}{when}; "
        f"elsewhere {found['outside']:,} of {found['outside_of']:,}"
    )
    return {
        **{name: found[name] for name in ("rule", "trait", "value", "devices", "of", "outside", "outside_of")},
        **{name: first[name] for name in ("title", "phase", "severity", "who", "do")},
        "share": share,
        "outside_share": outside,
        "since": since,
        "until": until,
        "burst": burst,
        "evidence": evidence,
        "examples": ", ".join(sorted(members["device"].dropna().astype(str))[:5]),
        "also": "; ".join(found["also"]),
    }


def _window(times: pd.Series[Any]) -> tuple[Any, Any, bool]:
    """First and last onset; and whether most fell into the same hours, in which case the first is that of these hours."""
    import pandas as pd

    known = times.dropna().sort_values().reset_index(drop=True)
    if not len(known):
        return None, None, False
    ends = known.searchsorted(known + pd.Timedelta(hours=HOURS), side="right")
    counts = ends - range(len(known))
    best = int(counts.argmax())
    if counts[best] >= LEAST and counts[best] >= _IN_WINDOW * len(times):
        return known[best], known.iloc[-1], True
    return known[0], known.iloc[-1], False


def _images(devices: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Devices that report one device id or one key container: copies of a machine that had already joined."""
    there = devices[devices["reported"]]
    for column, (rule, title, word) in _SAME.items():
        values = there[there[column].notna()]
        counts = values.groupby(column)["key"].nunique()
        for value in counts[counts > 1].index:
            members = values[values[column] == value]
            listed = sorted(members["device"].dropna().astype(str))
            yield {
                "rule": rule,
                "title": title,
                "phase": "device",
                "severity": "error",
                "who": "helpdesk",
                "do": "Remove the registration from the image (dsregcmd /leave as SYSTEM before it is sealed), then join each copy anew.",
                "trait": column,
                "value": value,
                "devices": len(members),
                "of": len(members),
                "share": 1.0,
                "outside": 0,
                "outside_of": len(there) - len(members),
                "outside_share": 0.0,
                "since": members["first_seen"].min(),
                "until": members["last_seen"].max(),
                "burst": False,
                "evidence": f"{len(members):,} devices with {word} {value}: copies of one machine",
                "examples": ", ".join(listed[:5]),
                "also": "",
            }
