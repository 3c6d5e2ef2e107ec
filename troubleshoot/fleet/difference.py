"""What changed between two runs, device by device: fixed, new, moved to another cause, still failing and since when.

Each device of either run is in exactly one class. A device that one of the two runs could not measure is not compared; one that
the newer run does not hold has disappeared, which is its own class: nothing says that it is fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troubleshoot.fleet import history
from troubleshoot.fleet.assemble import Fleet
from troubleshoot.fleet.frames import TROUBLED

if TYPE_CHECKING:
    import pandas as pd

CLASSES = {
    "fixed": "fixed: failed before, asks for nothing now",
    "new": "new: asked for nothing before, fails now",
    "moved": "moved: fails by another cause",
    "still": "still failing by the same cause",
    "well": "well in both",
    "appeared-failing": "appeared, failing: not in the older run",
    "appeared-well": "appeared, asking for nothing: not in the older run",
    "disappeared": "disappeared: not in the newer run",
    "not-compared": "not compared: one of the two could not tell its state",
}
COLUMNS = (
    "key",
    "device",
    "class",
    "was",
    "was_title",
    "now",
    "now_title",
    "who",
    "do",
    "since",
    "old_as_of",
    "new_as_of",
)


def difference(fleet: Fleet) -> pd.DataFrame:
    """A row per device of the last two runs, with its class; ``since`` is when what fails now was first seen in any run."""
    import pandas as pd

    last = len(fleet.runs) - 1
    sides = []
    for run in (last - 1, last):
        rows = fleet.seen[fleet.seen["run"] == run].set_index("key")
        # A cut capture shows what fails, but not that nothing does.
        told = history.measured(rows) | rows["verdict"].isin(TROUBLED)
        fails = rows["verdict"].isin(TROUBLED)
        sides.append(
            pd.DataFrame(
                {
                    "device": rows["device"].fillna(rows["source"]),
                    "told": told,
                    "fails": fails,
                    "root": rows["root"].where(fails),
                    "title": rows["root_title"].where(fails),
                    "as_of": rows["as_of"],
                    "who": rows["who"].where(fails),
                }
            )
        )
    both = sides[0].add_suffix("_old").join(sides[1].add_suffix("_new"), how="outer").sort_index()
    out = pd.DataFrame(
        {
            "key": both.index,
            "device": both["device_new"].fillna(both["device_old"]),
            "class": [_class(row) for row in both.to_dict("records")],
            "was": both["root_old"],
            "was_title": both["title_old"],
            "now": both["root_new"],
            "now_title": both["title_new"],
            "who": both["who_new"],
            "old_as_of": both["as_of_old"],
            "new_as_of": both["as_of_new"],
        }
    ).reset_index(drop=True)
    first = fleet.findings[fleet.findings["role"] == "root"].drop_duplicates(["key", "rule"], keep="last")
    first = first.set_index(["key", "rule"])
    keys = pd.MultiIndex.from_arrays([out["key"], out["now"].fillna("")])
    for name in ("since", "do"):
        out[name] = first[name].reindex(keys).to_numpy() if len(first) else pd.NA
    out["since"] = pd.to_datetime(out["since"], utc=True).astype("datetime64[us, UTC]")
    return out[list(COLUMNS)]


def _class(row: dict[Any, Any]) -> str:
    old, new = row["told_old"], row["told_new"]
    if old != old:
        return "not-compared" if not new else "appeared-failing" if row["fails_new"] else "appeared-well"
    if new != new:
        return "disappeared"
    if not old or not new:
        return "not-compared"
    if row["fails_old"] and row["fails_new"]:
        return "still" if row["root_old"] == row["root_new"] else "moved"
    return "fixed" if row["fails_old"] else "new" if row["fails_new"] else "well"


def as_data(fleet: Fleet, most: int = 0) -> dict[str, Any]:
    """The difference as plain data; ``most`` bounds the devices listed per class, 0 lists all."""
    frame = difference(fleet)
    old, new = fleet.runs[-2], fleet.runs[-1]
    classes = []
    for name, title in CLASSES.items():
        part = frame[frame["class"] == name].sort_values("device", kind="stable")
        shown = part.head(most) if most else part
        rows = [] if name == "well" else [_row(row) for row in shown.to_dict("records")]
        classes.append({"class": name, "title": title, "devices": len(part), "rows": rows})
    return {
        "schema_version": "1",
        "old": {"name": old.name, "taken": _iso(old.taken), "rules": old.manifest.get("rules")},
        "new": {"name": new.name, "taken": _iso(new.taken), "rules": new.manifest.get("rules")},
        "devices": len(frame),
        "classes": classes,
    }


def _row(row: dict[Any, Any]) -> dict[str, Any]:
    import pandas as pd

    names = ("device", "was", "was_title", "now", "now_title", "who", "do")
    plain: dict[str, Any] = {name: None if pd.isna(row[name]) else str(row[name]) for name in names}
    return plain | {"since": _iso(row["since"]), "seen": _iso(row["new_as_of"]) or _iso(row["old_as_of"])}


def _iso(value: Any) -> str | None:
    import pandas as pd

    return None if value is None or pd.isna(value) else f"{value:%Y-%m-%dT%H:%M:%SZ}"
