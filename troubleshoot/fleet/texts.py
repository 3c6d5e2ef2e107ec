"""The summary and the difference as text: plain columns, made harmless for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from troubleshoot.fleet.assemble import COVERAGE
from troubleshoot.fleet.frames import names
from troubleshoot.report.safe import plain, width
from troubleshoot.words import PHASES, VERDICTS, WHO

_LINE = 70  # longest text of one cell


def summary(found: Mapping[str, Any]) -> str:
    """The text form of :func:`troubleshoot.fleet.summary.summarize`."""
    return "\n".join(_summary(found)) + "\n"


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    base = found["base"]
    of = "of the target" if base["of"] == "target" else "of those that reported"
    yield f"{base['devices']:,} devices {of}; evidence up to {found['now'] or 'a time that nothing tells'}"
    yield from (
        f"  run   {_short(one['name'])}: {one['devices']:,} rows, newest {one['taken'] or '-'}" for one in found["runs"]
    )
    for one in found["lists"]:
        left = f", {one['left_out']:,} name no device" if one["left_out"] else ""
        yield f"  list  {_short(one['name'])}: {one['rows']:,} rows ({one['kind']}){left}"
    if not found["lists"]:
        yield "  No device list is given: who never reported is unknown, and shares are over those that reported."
    yield from _section("Coverage", _coverage(found["coverage"]))
    yield from _section(
        "Verdicts",
        [(VERDICTS.get(one["name"], one["name"]), one["devices"], one["share"]) for one in found["verdicts"]],
    )
    if found["lists"]:
        yield from _rollout(found["rollout"])
    yield from _causes(found)
    yield from _who(found["who"])
    yield from _phases(found["phases"])
    yield from _groups(found["groups"])
    yield from _clusters(found)
    yield from _section(
        "Not checkable: collect",
        [(one["collect"], one["devices"], one["share"]) for one in found["collect"]],
        found["collect_more"],
    )
    if len(found["changes"]) > 1:
        yield from _changes(found["changes"])
    yield from _tidy(found)


def _short(text: Any, longest: int = _LINE) -> str:
    return plain(str(text), longest)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _section(title: str, rows: Sequence[tuple[Any, int, float | None]], more: int = 0) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    for name, count, share in rows:
        yield f"{count:>9,}  {_percent(share):>7}  {_short(name, 160)}"
    if more:
        yield f"{'':>9}  {'':>7}  … and {more:,} more"


def _coverage(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, int, float | None]]:
    first = rows[0]
    out = [
        (title, first[name], first[name] / first["target"] if first["target"] else None)
        for name, title in COVERAGE.items()
        if first[name] is not None
    ]
    if first["outside"]:
        out.append(("reported, not in the target (in no figure below)", first["outside"], None))
    return out


def _rollout(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield "Rollout over the target"
    yield f"{'devices':>9}  {'share':>7}  {'silent':>8}  {'age in days':>13}  stage"
    for one in rows:
        age = "-" if one["age_median"] is None else f"{one['age_median']:.0f} to {one['age_oldest']:.0f}"
        yield f"{one['devices']:>9,}  {_percent(one['share']):>7}  {one['silent']:>8,}  {age:>13}  {one['title']}"
        for label, top in (("wave", one["waves"]), ("cause", one["causes"])):
            for name, count in top:
                yield f"{'':>45}  {count:,} {label}: {_short(name)}"
    yield "  silent: of them without any capture; age: median and greatest, of the newest sign in a run or list"


def _causes(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["causes"]:
        return
    yield ""
    yield "Root causes by devices"
    for one in found["causes"]:
        new = f", {one['new']:,} new" if one["new"] else ""
        since = f", since {one['since'][:16].replace('T', ' ')}" if one["since"] else ""
        yield f"{one['devices']:>9,}  {_percent(one['share']):>7}  {one['severity']:<7}  {_short(one['title'], 110)}"
        where = f"{PHASES.get(one['phase'], one['phase'])}; {WHO.get(one['who'], one['who'] or 'owner not told')}"
        yield f"{'':>29}{where}{new}{since}  [{one['rule']}]"
    if found["causes_more"]:
        yield f"{'':>29}… and {found['causes_more']:,} more"


def _who(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from _section(
        "Who must act",
        [
            (
                one["title"] + ": " + "; ".join(f"{cause['devices']:,} {cause['title']}" for cause in one["causes"]),
                one["devices"],
                one["share"],
            )
            for one in rows
        ],
    )


def _phases(found: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"From pre-check to token ({found['judged']:,} devices whose state is told)"
    yield f"{'reached':>9}  {'stop':>7}  phase"
    for one in found["rows"]:
        yield f"{one['reached']:>9,}  {one['stopped']:>7,}  {one['title']}"
    for one in found["beyond"]:
        yield f"{'':>9}  {one['devices']:>7,}  beyond: {_short(one['title'])}"
    yield f"{found['passed']:>9,}  {'':>7}  passed"


def _groups(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for name, rows in groups.items():
        if not rows or (len(rows) == 1 and rows[0]["value"] is None):
            continue
        yield ""
        yield f"By {names()['traits'][name]['one']}"
        yield f"{'devices':>9}  {'failed':>7}  {'pending':>7}  {'healthy':>7}  {'other':>7}"
        for one in rows:
            other = one["devices"] - one["failed"] - one["pending"] - one["healthy"]
            top = f"; {one['top']['devices']:,} × {_short(one['top']['title'], 60)}" if one["top"] else ""
            value = _short(one["value"] or "not told")
            yield f"{one['devices']:>9,}  {one['failed']:>7,}  {one['pending']:>7,}  {one['healthy']:>7,}  {other:>7,}  {value}{top}"


def _clusters(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["clusters"]:
        return
    yield ""
    yield "Alike"
    for one in found["clusters"]:
        yield f"  {_short(one['title'], 110)}"
        yield f"    {_short(one['evidence'], 240)}"
        if one["also"]:
            yield f"    the same devices share: {_short(one['also'], 240)}"
        yield f"    e.g. {_short(one['examples'], 160)}"
    if found["clusters_more"]:
        yield f"  … and {found['clusters_more']:,} more"


def _changes(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield "Run by run (causes opened and resolved)"
    yield f"{'measured':>9}  {'failed':>7}  {'pending':>7}  {'healthy':>7}  {'opened':>7}  {'resolved':>8}"
    for one in rows:
        yield (
            f"{one['measured']:>9,}  {one['failed']:>7,}  {one['pending']:>7,}  {one['healthy']:>7,}  {one['opened']:>7,}  "
            f"{one['resolved']:>8,}  {_short(one['run'])}"
        )


def _tidy(found: Mapping[str, Any]) -> Iterator[str]:
    tidy = found["hygiene"]
    rows: list[tuple[Any, int, float | None]] = [
        ("in dual state: registered and hybrid joined", tidy["dual_state"], None),
        (f"without a sign for {tidy['stale_days']} days", tidy["stale"], None),
        ("names with several hybrid objects", tidy["duplicate_names"], None),
        ("cloud objects of no listed or reported device", tidy["objects_without_computer"], None),
        ("disabled in the list, not in the target", tidy["disabled"], None),
    ]
    yield from _section("Before a clean-up", [row for row in rows if row[1]])
    yield from _section(
        "Conflicts, not merged", [(one["kind"], one["cases"], None) for one in found["conflicts"]["kinds"]]
    )
    for one in found["conflicts"]["rows"]:
        yield f"{'':>20}{_short(one['device'])}  {one['kind']}: {_short(one['detail'], 100)} ({_short(one['where'])})"
    if found["conflicts"]["more"]:
        yield f"{'':>20}… and {found['conflicts']['more']:,} more: `fleet table --table conflicts`"


def difference(found: Mapping[str, Any], most: int = 20) -> str:
    """The text form of :func:`troubleshoot.fleet.difference.as_data`; at most ``most`` devices a class."""
    return "\n".join(_difference(found, most)) + "\n"


def _difference(found: Mapping[str, Any], most: int) -> Iterator[str]:
    old, new = found["old"], found["new"]
    yield f"{_short(old['name'])} ({old['taken'] or '-'}) -> {_short(new['name'])} ({new['taken'] or '-'}): {found['devices']:,} devices"
    if old["rules"] != new["rules"]:
        yield "The two runs used different rules: a change may come from the rules."
    for one in found["classes"]:
        yield f"{one['devices']:>9,}  {one['title']}"
    for one in found["classes"]:
        if not one["rows"] or one["class"] == "well":
            continue
        yield ""
        yield one["title"]
        for row in one["rows"][:most]:
            yield f"  {_short(row['device'], 40)}{' ' * max(1, 28 - width(_short(row['device'], 40)))}{_change(one['class'], row)}"
        if one["devices"] > most:
            yield f"  … and {one['devices'] - most:,} more"


def _change(kind: str, row: Mapping[str, Any]) -> str:
    since = f" (since {row['since'][:16].replace('T', ' ')})" if row["since"] else ""
    if kind == "moved":
        return f"{_short(row['was_title'])} -> {_short(row['now_title'])}{since}"
    if kind in ("fixed", "disappeared", "not-compared"):
        return _short(row["was_title"] or row["now_title"] or "")
    return f"{_short(row['now_title'] or '')}{since}"
