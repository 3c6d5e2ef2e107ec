"""An input that holds many devices, in parts: an archive of archives, of captures or of folders, and a table of devices.

A worker looks at the input and says in which parts it is to be done; the parts are jobs like any other. How it is parted, the
bytes alone decide, so that the results are the same whoever does which part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

from troubleshoot.containers import HEAD, Unpacker, kind_of
from troubleshoot.containers.member import Member
from troubleshoot.fleetinput.columns import Plan
from troubleshoot.fleetinput.groups import groups
from troubleshoot.fleetinput.records import Record
from troubleshoot.fleetinput.tables import Table
from troubleshoot.model import Artifact, Unread
from troubleshoot.recognise import secret_by_name

FEW = 8
"""So many archives or folders can be one device's."""
FEW_CAPTURES = 63
"""So many captures beside each other can be one device's."""
_MOSTLY = 0.9  # of all units
_BYTES = 32 * 1_048_576  # of an archive in one part
_UNITS = 64
_SHARES = 4  # of an archive whose members can only be had one after the other
_DEVICES = 64  # of a table in one part
_CELLS = 262_144  # characters of cells in one part
_TABLE = 32 * 1_048_576  # bytes of a table of which one process holds the rows at a time
_ENDINGS = (".zip", ".cab", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_CAPTURE = (b"AzureAdJoined", "AzureAdJoined".encode("utf-16-le"))


class Unit(NamedTuple):
    """What is read by itself inside an archive: its name below it, and which members it has, counted from 0."""

    name: str
    members: tuple[int, ...]


class Units(NamedTuple):
    """Some units of an archive. ``first``: how many come before them. ``unread``: what stands with the first line."""

    first: int
    units: tuple[Unit, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def name(self) -> str:
        """What it is called below its input; "" for what has no name."""
        return self.units[0].name if len(self.units) == 1 else ""

    @property
    def label(self) -> str:
        """What tells this part from the others of its input."""
        return f"units {self.first} {len(self.units)}"

    def singles(self) -> tuple[Units, ...]:
        """Smaller parts that are together this one."""
        more = (self.unread, *[()] * len(self.units))
        return tuple(Units(self.first + at, (one,), more[at]) for at, one in enumerate(self.units))


class Share(NamedTuple):
    """Of the input's table with this number (from 0) every ``of``-th device."""

    table: int
    number: int
    of: int
    unread: tuple[Unread, ...] = ()

    @property
    def name(self) -> str:
        """As of Units."""
        return ""

    @property
    def label(self) -> str:
        """As of Units."""
        return f"share {self.table} {self.number} {self.of}"

    def singles(self) -> tuple[Share, ...]:
        """There are none: nobody knows yet what stands in it."""
        return ()


class Rows(NamedTuple):
    """The records of some devices of a table. ``share``: the label of where they come from; ``first``: as of Units."""

    table_name: str
    plan: Plan
    share: str
    first: int
    devices: tuple[tuple[Record, ...], ...]
    unread: tuple[Unread, ...] = ()

    @property
    def name(self) -> str:
        """As of Units."""
        return f"row {self.devices[0][0].number}" if len(self.devices) == 1 else ""

    @property
    def label(self) -> str:
        """As of Units."""
        return f"rows {self.share} {self.first} {len(self.devices)}"

    def singles(self) -> tuple[Rows, ...]:
        """As of Units."""
        more = (self.unread, *[()] * len(self.devices))
        return tuple(
            self._replace(first=self.first + at, devices=(one,), unread=more[at]) for at, one in enumerate(self.devices)
        )

    def table(self) -> Table:
        """The records as a table."""
        return Table(self.table_name, lambda: chain.from_iterable(self.devices), self.plan)


Piece: TypeAlias = Units | Share | Rows


# ------------------------------------------------------------------------------------------------------------- tables


def shares(sizes: Sequence[int]) -> Iterator[Share]:
    """In which shares tables are read: as many as keep what one process holds of them bounded. ``sizes``: bytes of each."""
    for number, size in enumerate(sizes):
        of = 1 + size // _TABLE
        yield from (Share(number, at, of) for at in range(of))


def rows(tables: Sequence[Table], share: Share) -> Iterator[Rows]:
    """The devices of a share, in parts."""
    table = tables[share.table]
    found: list[tuple[Record, ...]] = []
    size = first = 0
    unread = share.unread

    def part() -> Rows:
        nonlocal first, found, size, unread
        made = Rows(table.name, table.plan, share.label, first, tuple(found), unread)
        first, found, size, unread = first + len(found), [], 0, ()
        return made

    for device in groups(table, share.number, share.of):
        found.append(device)
        size += sum(
            len(cell) if isinstance(cell, str) else 1_000 for record in device for cell in record.cells.values()
        )
        if size > _CELLS or len(found) >= _DEVICES:
            yield part()
    if found or unread:
        yield part()


# ----------------------------------------------------------------------------------------------------------- archives


class _Met(NamedTuple):
    """A member: its number, its path in the archive, its bytes, and whether it is an archive or a capture."""

    number: int
    path: str
    size: int
    kind: str


def units(one: Artifact, kind: str, unpacker: Unpacker) -> tuple[tuple[Units, ...], tuple[Unread, ...]]:
    """(the parts of an archive that holds many devices, each an archive, a folder or a capture; what is wrong with itself).

    No parts for any other archive.
    """
    met: list[_Met] = []
    wrong: list[Unread] = []
    for top in unpacker.top(one.name, one.size, one.open, kind):
        if isinstance(top, Unread):
            wrong.append(top)
            continue
        number, label, member = top
        found = _kind(f"{one.name}/{label}", member, unpacker)
        if found is not None:
            met.append(_Met(number, label, member.size or 0, found))
    root = _root(met)
    by_name: dict[str, list[_Met]] = {}
    for each in met:
        by_name.setdefault(root + each.path.removeprefix(root).partition("/")[0], []).append(each)
    folders = sum(len(group) > 1 or group[0].path != name for name, group in by_name.items())
    telling = sum(any(each.kind for each in group) for group in by_name.values())
    archives = sum(any(each.kind == "archive" for each in group) for group in by_name.values())
    few = FEW if folders or archives else FEW_CAPTURES
    if telling <= few or telling < _MOSTLY * len(by_name):
        return (), ()
    return tuple(_ranges(by_name, kind)), tuple(wrong)


def _kind(path: str, member: Member, unpacker: Unpacker) -> str | None:
    """archive, capture, or "" for what may be other evidence; None for what is not read."""
    if secret_by_name(path) or unpacker.worth(path, None):
        return None
    if member.denied:
        return "archive" if path.casefold().endswith(_ENDINGS) else ""
    try:
        head = next(iter(member.read()), b"")[:HEAD]
    except Exception:  # what is wrong with it, its own reading says
        return "archive" if path.casefold().endswith(_ENDINGS) else ""
    if unpacker.worth(path, head):
        return None
    if kind_of(head[:512]):
        return "archive"
    return "capture" if any(sign in head for sign in _CAPTURE) else ""


def _root(met: Iterable[_Met]) -> str:
    """The folder in which everything lies, with its slash; "" where there is none."""
    first: set[str] = set()
    root = ""
    paths = [one.path for one in met]
    while paths:
        first = {path.removeprefix(root).partition("/")[0] for path in paths}
        if len(first) != 1 or any("/" not in path.removeprefix(root) for path in paths):
            break
        root += first.pop() + "/"
    return root


def _ranges(by_name: dict[str, list[_Met]], kind: str) -> Iterator[Units]:
    """Units in the order of the archive. Only a zip archive gives a member without those before it."""
    most = _UNITS if kind == "zip" else max(_UNITS, -(-len(by_name) // _SHARES))
    found: list[Unit] = []
    size = first = 0
    for name, group in by_name.items():
        found.append(Unit(name, tuple(each.number for each in group)))
        size += sum(each.size for each in group)
        if len(found) >= most or (kind == "zip" and size > _BYTES):
            yield Units(first, tuple(found))
            first, found, size = first + len(found), [], 0
    if found:
        yield Units(first, tuple(found))


def unpacked(
    one: Artifact, kind: str, part: Units, unpacker: Unpacker
) -> Iterator[tuple[str, list[Artifact | Unread]]]:
    """(name, everything in it) of each unit of the part, in their order."""
    unit_of = {number: at for at, unit in enumerate(part.units) for number in unit.members}
    held: list[list[Artifact | Unread]] = [[] for _ in part.units]
    last = {at: unit.members[-1] for at, unit in enumerate(part.units)}
    ready = 0
    for number, found in unpacker.some(one.name, one.size, one.open, kind, unit_of.keys()):
        at = unit_of[number]
        held[at] += found
        if number == last[at]:
            last.pop(at)
        while ready < len(held) and ready not in last:
            yield part.units[ready].name, held[ready]
            held[ready] = []
            ready += 1
    for at in range(ready, len(held)):
        yield (
            part.units[at].name,
            held[at] or [Unread(f"{one.name}/{part.units[at].name}", "reading stopped before it")],
        )
