"""The records of a table by device, without reading what their cells hold: so a large table is shared out among processes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from zlib import crc32

from troubleshoot.fleetinput.cells import text_of
from troubleshoot.fleetinput.records import Record
from troubleshoot.fleetinput.rows import host, item
from troubleshoot.fleetinput.tables import Domains, Table


def groups(table: Table, number: int = 0, of: int = 1) -> Iterator[tuple[Record, ...]]:
    """The records of each device, as :meth:`Table.devices` joins them, in the order in which a device's last record stands.

    With ``of`` only every ``of``-th device, told by its name: all ``number`` from 0 together give each device once.
    """
    names = list(_names(table))
    domains = Domains()
    for name in names:
        domains.add(name)
    keys = [domains.key(name) or f"\0{at}" for at, name in enumerate(names)]
    left = Counter(keys)
    held: dict[str, list[Record]] = defaultdict(list)
    for key, record in zip(keys, table.records(), strict=False):
        if of > 1 and crc32(key.encode("utf-8", "surrogatepass")) % of != number:
            continue
        held[key].append(record)
        left[key] -= 1
        if not left[key]:
            yield tuple(held.pop(key))


def _names(table: Table) -> Iterator[str | None]:
    """The name of each record's device; where no column tells it, what the output in its cells says."""
    plan = table.plan
    for record in table.records():
        if plan.listed and (record.damage or plan.device is None):
            yield None if record.damage else "all"
        elif plan.device is not None:
            yield host(text_of(record.cells.get(plan.device)))
        else:
            yield item(table.name, record, plan, {}).device
