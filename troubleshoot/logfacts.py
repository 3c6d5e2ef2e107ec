"""Facts from lines of ConfigMgr client logs, by the table ``data/log_facts.yaml``; the newest line wins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import orjson

from troubleshoot import times
from troubleshoot.model import Fact, LogLine
from troubleshoot.tables import DATA

_JOIN_INFO = re.compile(r"AAD-Join Info: type = 1, DeviceId: ([0-9a-f-]{36}), TenantId: ([0-9a-f-]{36})", re.IGNORECASE)
_ROLLED = re.compile(r"\.lo_$|-\d{8}-\d{6}\.log$", re.IGNORECASE)  # names of a log's older part


@lru_cache(maxsize=1)
def _table() -> Mapping[str, list[tuple[str, str, str]]]:
    out: dict[str, list[tuple[str, str, str]]] = {}
    for row in orjson.loads((DATA / "log_facts.json").read_bytes()):
        out.setdefault(row["component"].casefold(), []).append((row["says"], row["fact"], row["value"]))
    return out


def derive(lines: Iterable[LogLine]) -> Iterator[Fact]:
    """One fact per name, from the newest line that tells it."""
    newest: dict[str, tuple[tuple[object, ...], Fact]] = {}
    for line in lines:
        rows = _table().get(line.component.casefold())
        if rows is None:
            continue
        folded = line.text[:2000].casefold()
        for says, name, value in rows:
            if says in folded:
                fact = Fact(name, value, line.source, line.time, None, line.text[:500])
                age = _age(line)
                if name not in newest or newest[name][0] <= age:
                    newest[name] = age, fact
                break
    for name in sorted(newest):
        yield newest[name][1]


def _age(line: LogLine) -> tuple[object, ...]:
    """A sort key, oldest first: by time; without one a rolled-over part stands before the log itself."""
    path = line.source.path
    return times.order(line.time), not _ROLLED.search(path), path, line.source.line or 0


def join_info(lines: Iterable[LogLine]) -> tuple[str, str] | None:
    """(device id, tenant id) of the registration that ConfigMgr saw last; None where it saw none."""
    found: tuple[tuple[object, ...], tuple[str, str]] | None = None
    for line in lines:
        told = _JOIN_INFO.search(line.text[:2000]) if "AAD-Join Info" in line.text else None
        if told and (found is None or found[0] <= _age(line)):
            found = _age(line), (told[1].lower(), told[2].lower())
    return found[1] if found else None
