"""Which files gave evidence besides captures and event records: exports of the registry, logs, command outputs, exports of a tenant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from troubleshoot.model import CloudObject, Fact, FileRead, LogLine, RegistryValue

_LOOSE = ("code", "text")  # components of lines that no parser of a form has read


def of(
    registry: Iterable[RegistryValue], lines: Iterable[LogLine], facts: Iterable[Fact], rows: Iterable[CloudObject]
) -> tuple[FileRead, ...]:
    """A :class:`FileRead` for each file and kind, in the order of their paths. ``rows`` are those of all devices."""
    found: Counter[tuple[str, str]] = Counter()
    components: dict[str, dict[str, None]] = {}
    for value in registry:
        hive = value.source.line is None and value.source.record is not None
        found[value.source.path, "hive" if hive else "registry"] += value.type not in ("absent", "key")
    for line in lines:
        if line.component in _LOOSE:
            found[line.source.path, "text"] += 1
        else:
            found[line.source.path, "log"] += 1
            components.setdefault(line.source.path, {}).setdefault(line.component)
    holders = {path for path, kind in found if kind != "text"}
    for fact in facts:
        printed = fact.text is not None and fact.source.path not in holders
        found[fact.source.path, "command" if printed else "facts"] += 1
    for row in rows:
        found[row.source.path, "cloud"] += row.kind != "listing"  # of an export without rows, only that it was read
    named = {path for path, kind in found if kind != "text"}
    return tuple(
        FileRead(path, kind, count, tuple(components.get(path, ())) if kind == "log" else ())
        for (path, kind), count in sorted(found.items())
        if kind != "text" or path not in named
    )
