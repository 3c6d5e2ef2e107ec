"""Which evidence of one input is which device's: several bundles in a folder, several captures in a text.

A device is known by its computer name and its device id. One id under two names was renamed; one name with two ids was
registered again: each is one device. Two names without a common id are two devices, unless an event log shows the one name
before the other, or all that bears the older name is a log that was not written since. Evidence that names no device belongs
to the device in whose folder it stands; where that is not told, it is left out and named. Exports of the tenant and of the
directory name many devices and are everybody's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from troubleshoot.collectors import table
from troubleshoot.model import (
    Capture,
    CloudObject,
    CollectorNote,
    Event,
    Evidence,
    LogSpan,
    Part,
    Problem,
    RegistryValue,
    Row,
)
from troubleshoot.times import order

_COMPUTER_KEY = r"HKLM\SYSTEM\CURRENTCONTROLSET\CONTROL\COMPUTERNAME\COMPUTERNAME"
_A_DAY = timedelta(days=1)
_MOST_MATES = 50  # parts of one name or id that a further one is compared with


class Split(NamedTuple):
    """The parts of each device, in the order in which the devices are met, and those that are nobody's."""

    devices: tuple[tuple[Part, ...], ...]
    unassigned: tuple[Part, ...]


class _Sighting(NamedTuple):
    """What a part says of the device it is from. ``older``: names it had before, with the last time of each; ``logs``: the
    channels of its records; ``told``: the name is that of a row, whose channel knows which computer sent it."""

    name: tuple[str, str] | None = None  # short name, domain ("" where it is not told)
    ids: frozenset[str] = frozenset()
    captured: bool = False
    first: datetime | None = None
    last: datetime | None = None
    older: tuple[tuple[str, datetime | None], ...] = ()
    logs: frozenset[str] = frozenset()
    told: bool = False


def split(parts: Sequence[Part]) -> Split:
    """The parts by device. With the proof of only one device (or none), everything is that device's."""
    shared: list[Part] = []
    own: list[Part] = []
    for part in parts:
        if part.found and all(isinstance(one, CloudObject) for one in part.found):
            shared.append(part)
        else:
            own += _pieces(part)
    sightings = _with_hints(own, [_sighting(part) for part in own])
    groups = _Groups(own, sightings)
    if groups.count() < 2:
        return Split((tuple(parts),) if parts else (), ())
    groups.join_renamed()
    groups.join_nameless()
    if groups.count() < 2:
        return Split((tuple(parts),), ())
    devices, unassigned = groups.assigned()
    return Split(tuple(tuple(device + shared) for device in devices), tuple(part for part in unassigned if part.found))


# --------------------------------------------------------------------------------------------------- one part's device


def _named(text: str | None) -> tuple[str, str] | None:
    short, _, domain = (text or "").strip().strip("\\$").casefold().partition(".")
    return (short, domain) if short else None


def _alike(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Are both one name: equal, or the one the other without its domain?"""
    return one[0] == other[0] and (one[1] == other[1] or not one[1] or not other[1])


def _of_capture(capture: Capture) -> _Sighting:
    printed = capture.named.get("DeviceName")
    name = _named(printed.text) if printed is not None and printed.value else None
    account = capture.account.name if capture.account is not None else None
    if name is None and account and account.endswith("$"):
        name = _named(account.rpartition("\\")[2])  # the computer's own account
    identity = capture.named.get("DeviceId")
    ids = frozenset({identity.text.strip("{} ").casefold()}) if identity is not None and identity.value else frozenset()
    return _Sighting(name, ids, True, capture.time, capture.time)


def _sighting(part: Part) -> _Sighting:
    """What the part says as a whole: the name of its captures, else the newest of its records, else of its registry."""
    captures = [_of_capture(one) for one in part.found if isinstance(one, Capture)]
    ids = frozenset().union(*(one.ids for one in captures))
    names = [one.name for one in captures if one.name is not None]
    rows = [one for one in part.found if isinstance(one, Row)]
    given = [name for row in rows if (name := _named(row.device))]
    ids |= {row.device_id for row in rows if row.device_id}
    names = given or names
    moments = [one.first for one in captures if one.first is not None and one.first.tzinfo]
    events = _in_order(part)
    met: dict[str, tuple[tuple[str, str], datetime | None, datetime | None]] = {}
    for event in events:
        name = _named(event.computer)
        if name is not None:
            first = met[name[0]][1] if name[0] in met else event.time
            met[name[0]] = (max(name, met[name[0]][0]) if name[0] in met else name, first, event.time)
    current = names[0] if names else None
    if current is None and events:
        current = next((met[name[0]][0] for one in reversed(events) if (name := _named(one.computer))), None)
    if current is None:
        current = next((name for one in part.found if (name := _of_registry(one))), None)
    older = tuple((name, last) for name, (_, _, last) in met.items() if current is None or name != current[0])
    span = met.get(current[0]) if current else None
    first = min(moments, default=None) or (span[1] if span else None)
    last = max(moments, default=None) or (span[2] if span else None)
    logs = frozenset(one.channel.casefold() for one in events if one.channel)
    return _Sighting(current, ids, bool(captures), first, last, older, logs, bool(given))


def _in_order(part: Part) -> list[Event]:
    """The records with a computer's name in the order they were written: by number in one log, else by time.

    A clock that is set back when Windows is installed gives later records earlier times.
    """
    events = [one for one in part.found if isinstance(one, Event) and one.computer]
    if len({one.channel for one in events}) == 1 and all(one.record is not None for one in events):
        return sorted(events, key=lambda one: one.record or 0)
    return sorted(events, key=lambda one: (order(one.time), one.record or 0))


def _of_registry(one: Evidence | Problem) -> tuple[str, str] | None:
    if isinstance(one, RegistryValue) and one.name.casefold() == "computername" and one.key.upper() == _COMPUTER_KEY:
        return _named(str(one.value or ""))
    return None


def _pieces(part: Part) -> Iterator[Part]:
    """The part, or what of it is each device's where captures or records in it are those of several."""
    if any(isinstance(one, Row) for one in part.found):
        yield part  # the rows of one device
        return
    captures = [(one, _of_capture(one)) for one in part.found if isinstance(one, Capture)]
    distinct: list[_Sighting] = []
    for _, seen in captures:
        if seen.name and not any(_same(seen, one) for one in distinct):
            distinct.append(seen)
    if len(distinct) > 1:
        yield from _by_place(part, [(one.source.line or 0, seen) for one, seen in captures])
    elif not captures and ((many := _gathers(part)) | _forwarded(events := _in_order(part))):
        yield from _by_computer(part, events, not many)
    else:
        yield part


def _same(one: _Sighting, other: _Sighting) -> bool:
    if one.told and other.told and one.name and other.name and not _alike(one.name, other.name):
        return False  # two computers of a fleet with one id: cloned from one image, and two devices
    if not one.ids.isdisjoint(other.ids):
        return True
    return (
        one.name is not None and other.name is not None and _alike(one.name, other.name) and not _conflict(one, other)
    )


def _conflict(one: _Sighting, other: _Sighting) -> bool:
    """Is it one short name in two domains, with two ids?"""
    domains = {seen.name[1] for seen in (one, other) if seen.name}
    return len(domains) == 2 and "" not in domains and bool(one.ids) and bool(other.ids)


def _by_place(part: Part, captures: Sequence[tuple[int, _Sighting]]) -> Iterator[Part]:
    """The pieces of a text with captures of several devices: what stands behind a capture is its device's."""
    owners: list[_Sighting] = []
    pieces: dict[int, list[Evidence | Problem]] = {}

    def owner(seen: _Sighting) -> int:
        for number, one in enumerate(owners):
            if _same(seen, one) or (seen.name is None and number == len(owners) - 1):
                return number
        owners.append(seen)
        return len(owners) - 1

    starts = [(line, owner(seen)) for line, seen in sorted(captures, key=lambda pair: pair[0])]
    for one in part.found:
        line = one.source.line or 0
        number = next((number for start, number in reversed(starts) if start <= line), starts[0][1])
        if isinstance(one, Event) and (name := _named(one.computer)):
            number = next((n for n, seen in enumerate(owners) if seen.name and _alike(seen.name, name)), number)
        pieces.setdefault(number, []).append(one)
    for found in pieces.values():
        yield Part(part.name, tuple(found))


def _forwarded(events: Sequence[Event]) -> bool:
    """Are these records of several computers?

    One that was renamed changes its name once (an upgrade gives another for an hour, and takes it back). It numbers its
    records on: one number under two names, or a number that goes up over days that go back, is that of another log.
    """
    shorts = [event.computer.partition(".")[0].casefold() for event in events if event.computer]
    if len(set(shorts)) < 2:
        return False
    changes = [at for at in range(1, len(shorts)) if shorts[at] != shorts[at - 1]]
    if len(changes) > len(set(shorts)):
        return True
    if all(event.source.line is None for event in events):
        return False  # a binary log, which is one computer's unless others forward to it
    owners: dict[tuple[str | None, int], str] = {}
    for event, short in zip(events, shorts, strict=True):
        if event.record is not None and owners.setdefault((event.channel, event.record), short) != short:
            return True
    return any(_goes_back(events[at - 1], events[at]) for at in changes)


def _goes_back(before: Event, after: Event) -> bool:
    if before.channel != after.channel or before.record is None or after.record is None:
        return False
    if before.time is None or after.time is None or before.time.tzinfo is None or after.time.tzinfo is None:
        return False
    return (after.record > before.record) != (after.time > before.time) and abs(after.time - before.time) > _A_DAY


def _gathers(part: Part) -> bool:
    """Does the file gather records of several computers, by what its parser says of it?"""
    if not any(isinstance(one, CollectorNote) and one.kind == "computers" for one in part.found):
        return False
    return len({_named(one.computer) for one in part.found if isinstance(one, Event) and one.computer}) > 1


def _by_computer(part: Part, events: Sequence[Event], reaches: bool) -> Iterator[Part]:
    """The records of each computer. ``reaches``: the file is their logs, not a choice of records, so it tells how far they go."""
    found: dict[str, list[Evidence | Problem]] = {}
    for event in events:
        found.setdefault(str(event.computer).partition(".")[0].casefold(), []).append(event)
    rest = [one for one in part.found if not isinstance(one, Event) or not one.computer]
    rest = rest if reaches else [one for one in rest if not isinstance(one, LogSpan)]
    reach: list[Evidence | Problem] = [one for one in rest if isinstance(one, LogSpan)]
    for number, items in enumerate(found.values()):
        yield Part(part.name, tuple(items + (reach if number else rest)))


# ------------------------------------------------------------------------------------------------------- names in paths


@lru_cache(maxsize=1)
def _host_patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.I) for pattern in table()["hosts"])


def _hint(path: str) -> tuple[str, str] | None:
    """(the folder or archive of a collector that is named after its computer, that name)."""
    path = path.replace("\\", "/")
    for pattern in _host_patterns():
        found = pattern.search(path)
        if found:
            end = path.find("/", found.end())
            return path[: end if end >= 0 else len(path)], found["host"].casefold()
    return None


def _with_hints(parts: Sequence[Part], sightings: Sequence[_Sighting]) -> list[_Sighting]:
    """The sightings; where nothing in a collector's folder names a computer, the name of the folder does."""
    hints = [_hint(part.name) if len(parts) > 1 else None for part in parts]
    told = {hint[0] for hint, seen in zip(hints, sightings, strict=True) if hint and seen.name}
    return [
        seen._replace(name=(hint[1], "")) if hint and seen.name is None and hint[0] not in told else seen
        for hint, seen in zip(hints, sightings, strict=True)
    ]


# --------------------------------------------------------------------------------------------------------------- groups


class _Groups:
    """Parts that are known to be one device's (``of``: the part's group, None where nothing tells)."""

    def __init__(self, parts: Sequence[Part], sightings: Sequence[_Sighting]) -> None:
        self.parts = parts
        self.sightings = sightings
        self.folders = [_folders(part.name) for part in parts]
        self.of: list[int | None] = [
            None if seen.name is None and not seen.ids else number for number, seen in enumerate(sightings)
        ]
        known: dict[str, list[int]] = defaultdict(list)  # short names and ids -> parts
        for number, seen in enumerate(sightings):
            keys = [*seen.ids, *([seen.name[0]] if seen.name else [])]
            for mate in dict.fromkeys(mate for key in keys for mate in known[key][:_MOST_MATES]):
                if _same(sightings[mate], seen):
                    self._join(number, mate)
            for key in keys:
                known[key].append(number)

    def _join(self, one: int, other: int) -> None:
        """The groups of two parts become one, under the smaller number."""
        groups = {group for group in (self.of[one], self.of[other]) if group is not None}
        if len(groups) == 2:
            first, second = sorted(groups)
            self.of = [first if group == second else group for group in self.of]

    def count(self) -> int:
        """How many devices are proved to be there."""
        return len({group for group in self.of if group is not None})

    def members(self) -> dict[int, list[int]]:
        """The numbers of the parts of each group."""
        found: dict[int, list[int]] = defaultdict(list)
        for number, group in enumerate(self.of):
            if group is not None:
                found[group].append(number)
        return found

    def neighbours(self, group: int) -> set[int]:
        """The groups in the nearest folder around the group's parts that holds another."""
        mine = [self.folders[number] for number in self.members()[group]]
        others = [(self.folders[n], g) for n, g in enumerate(self.of) if g is not None and g != group]
        best = max((_common(here, there) for here in mine for there, _ in others), default=0)
        return {g for there, g in others if any(_common(here, there) == best for here in mine)}

    def join_renamed(self) -> None:
        """Join what bears an older name of a device: its log shows the change, or only logs of before bear the name."""
        groups = self.members()
        bearers: dict[str, set[int]] = defaultdict(set)  # names that devices had before -> their groups
        for group, numbers in groups.items():
            for older in (name for n in numbers for name, _ in self.sightings[n].older):
                bearers[older].add(group)
        for own, theirs in list(groups.items()):
            # A name that two devices had (that of the image both were made from) joins nothing.
            names = {seen.name[0] for n in theirs if (seen := self.sightings[n]).name}
            near = sorted(set().union(*(bearers.get(name, ()) for name in names)) - {own})
            heirs = [groups[group] for group in near if self._was(groups[group], theirs)]
            if len(heirs) == 1:
                self._join(heirs[0][0], theirs[0])
        for group, numbers in self._undivided(self.members()):
            if group in self.of and self._logs_only(numbers):
                self._join_near(numbers, lambda mine, theirs: self._before(mine, theirs) or self._apart(mine, theirs))

    def _undivided(self, groups: dict[int, list[int]]) -> list[tuple[int, list[int]]]:
        """The groups of which no file was taken apart into several devices: only such can be another's."""
        owners: dict[str, set[int]] = defaultdict(set)
        for group, numbers in groups.items():
            for n in numbers:
                owners[self.parts[n].name].add(group)
        return [one for one in groups.items() if all(len(owners[self.parts[n].name]) < 2 for n in one[1])]

    def _join_near(self, numbers: Sequence[int], fits: Callable[[Sequence[int], Sequence[int]], bool]) -> None:
        """Join a group to those around it, where all stand in one place and ``fits`` holds for each."""
        own = self.of[numbers[0]]
        near = self.neighbours(own) if own is not None else set()
        members = self.members()
        if own is None or not near:
            return
        files = {self.parts[n].name for n in members[own]}
        for theirs in (members[group] for group in near):
            if files & {self.parts[n].name for n in theirs}:  # one file, taken apart
                return
            if not self._one_place(members[own], theirs) or not fits(members[own], theirs):
                return
        for group in near:
            self._join(numbers[0], members[group][0])

    def _logs_only(self, numbers: Sequence[int]) -> bool:
        return not any(self.sightings[n].captured for n in numbers)

    def _apart(self, numbers: Sequence[int], theirs: Sequence[int]) -> bool:
        """Are both made of logs, and each log there once, as in the folder of one device?"""
        mine, others = ({one for n in group for one in self.sightings[n].logs} for group in (numbers, theirs))
        return bool(mine) and bool(others) and mine.isdisjoint(others)

    def _was(self, numbers: Sequence[int], theirs: Sequence[int]) -> bool:
        """Do logs of the first group hold the second's name, and is all of the second from before the change?"""
        names = {seen.name[0] for n in theirs if (seen := self.sightings[n]).name}
        changes = [last for n in numbers for name, last in self.sightings[n].older if name in names]
        if not changes:
            return False
        change = max(changes, key=order)
        if self._logs_only(theirs) and self._one_place(numbers, theirs):
            return True  # clocks are set when Windows is installed: times say nothing here
        if change is None or change.tzinfo is None:
            return False
        times = [self.sightings[n].last for n in theirs]
        return all(one is not None and one.tzinfo is not None and one <= change for one in times)

    def _before(self, numbers: Sequence[int], theirs: Sequence[int]) -> bool:
        """Is everything of the first group older than everything of the second?"""
        last = [self.sightings[n].last for n in numbers]
        first = [one for n in theirs if (one := self.sightings[n].first) is not None and one.tzinfo]
        if not all(one is not None and one.tzinfo for one in last) or not first:
            return False
        return max(one for one in last if one is not None) <= min(first)

    def join_nameless(self) -> None:
        """Join what has an id but no name to the one device beside it: a missing name proves nothing."""
        for group, numbers in self.members().items():
            if group in self.of and not any(self.sightings[n].name for n in numbers):
                self._join_near(numbers, lambda _, __: True)

    def _one_place(self, numbers: Sequence[int], theirs: Sequence[int]) -> bool:
        """Do both stand in one folder, or in folders of one bundle, or in such as only tell runs and times apart?"""
        return all(_one_place(self.folders[n], self.folders[m]) for n in numbers for m in theirs)

    def assigned(self) -> tuple[list[list[Part]], list[Part]]:
        """(the parts of each device, the parts of none)."""
        final = list(self.of)
        names = {
            group: {seen.name[0] for n in numbers if (seen := self.sightings[n]).name}
            for group, numbers in self.members().items()
        }
        for number, group in enumerate(self.of):
            if group is None:
                found = self._by_path(number, names)
                final[number] = found if found is not None else self._by_folder(number)
        own: dict[int, list[Part]] = {one: [] for one in sorted(names)}
        for part, group in zip(self.parts, final, strict=True):
            if group is not None:
                own[group].append(part)
        return list(own.values()), [part for part, group in zip(self.parts, final, strict=True) if group is None]

    def _by_path(self, number: int, names: dict[int, set[str]]) -> int | None:
        """The one device whose name stands in the path."""
        path = self.parts[number].name.casefold()
        found = {
            group
            for group, own in names.items()
            if any(re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", path) for name in own)
        }
        return next(iter(found)) if len(found) == 1 else None

    def _by_folder(self, number: int) -> int | None:
        """The one device in the nearest folder around the part that holds any."""
        here = self.folders[number]
        near: dict[int, set[int]] = defaultdict(set)
        for there, group in zip(self.folders, self.of, strict=True):
            if group is not None:
                near[_common(here, there)].add(group)
        groups = near[max(near)]
        return next(iter(groups)) if len(groups) == 1 else None


def _folders(path: str) -> tuple[str, ...]:
    return tuple(path.replace("\\", "/").split("/")[:-1])


def _common(one: Iterable[str], other: Iterable[str]) -> int:
    """How many folders two paths have in common, from the outermost on."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _one_place(one: Sequence[str], other: Sequence[str]) -> bool:
    at = _common(one, other)
    left, right = (_bare(path[at]) if at < len(path) else "" for path in (one, other))
    return left == right or (_NUMBERS.sub("", left) == "" and _NUMBERS.sub("", right) == "")


_NUMBERS = re.compile(r"[\W\d_]+")


@lru_cache(maxsize=1024)
def _bare(folder: str) -> str:
    """The name of a folder without the words that bundles and runs give to folders."""
    words = "|".join(sorted(map(re.escape, table()["folders"]), key=len, reverse=True))
    return re.sub(rf"(?<![a-z])(?:{words})(?![a-z])", "", folder.casefold()).strip(" _-.")
