"""Which column of a table holds what: by the channel its names tell, else by what stands in the cells, else by ``--map``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from troubleshoot import codes
from troubleshoot.fleetinput.cells import Pair, decode, is_lost, label_of, labelled, text_of
from troubleshoot.fleetinput.channels import PLAIN_TABLE, Channel, channels, plain, words
from troubleshoot.fleetinput.fields import IDENTITY
from troubleshoot.fleetinput.hosts import is_host, is_sure_host
from troubleshoot.fleetinput.jsontails import Pairs
from troubleshoot.fleetinput.mapping import MapError
from troubleshoot.fleetinput.records import Record
from troubleshoot.parsers import cloudrows, dsreglines, eventtimes

_SAMPLE = 60  # cells of a column that are looked at
_TYPE_SUFFIX = re.compile(r"_[sbdtg]$")
_JOIN_WORDS = re.compile(
    r"^(?:not joined|none|(?:microsoft )?(?:azure ?ad|entra|hybrid|domain|on-premises drs)[\w +-]{0,30}(?:join(?:ed)?|registered))$",
    re.IGNORECASE,
)
_EVENT_ID = frozenset({"eventid", "id", "ereignisid", "idevento", "eventrecordid"})
_EVENT_SOURCE = frozenset(
    {"source", "providername", "provider", "eventlog", "channel", "quelle", "origen", "eventsourcename"}
)


class Plan(NamedTuple):
    """How the rows of one table are read; columns by their names. ``labels``: column to (section, label) of a flat object;
    ``listed``: the columns section, label and value of a table with one row per field; ``said``: words of the collector."""

    channel: Channel
    text: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    device: str | None = None
    entra: str | None = None
    user: str | None = None
    time: str | None = None
    labels: Mapping[str, tuple[str | None, str]] = {}
    listed: tuple[str | None, str, str] | None = None
    said: tuple[str, ...] = ()
    utc: bool = False
    day_first: bool | None = None
    notes: tuple[str, ...] = ()


def columns_of(how: Plan) -> dict[str, str]:
    """What was found in which columns, for who reads the report."""
    found = {
        "text": ", ".join(how.text),
        "device": how.device,
        "time": how.time,
        "id": how.entra,
        "user": how.user,
        "error": ", ".join(how.error),
        "labels": ", ".join(how.labels),
        "fields": ", ".join(filter(None, how.listed or ())),
        "said": ", ".join(how.said),
    }
    return {name: text[:400] for name, text in found.items() if text}


def plan(
    names: Sequence[str], sample: Sequence[Record], wanted: Mapping[str, str] | None = None, file: str = ""
) -> Plan | None:
    """How a table with these columns is read, by its first rows; None where it holds no output of dsregcmd.

    ``wanted``: what ``--map`` says. Raises :class:`MapError` for a column that is not there, naming those that are.
    """
    looked = _Look(names, sample)
    if wanted:
        return looked.mapped(wanted, file)
    known = looked.channel()
    if known is None and looked.is_other():
        return None
    return looked.plan(known or PLAIN_TABLE)


class _Look:
    """A table's columns while it is found out what they hold."""

    def __init__(self, names: Sequence[str], sample: Sequence[Record]) -> None:
        self.names = tuple(names)
        self.by_key: dict[str, str] = {}
        for name in names:
            self.by_key.setdefault(plain(name), name)
        self.sample = [one for one in sample if one.damage is None]

    def cells(self, name: str) -> list[str]:
        """The first texts of a column that are not empty."""
        found = (text_of(one.cells.get(name)) for one in self.sample)
        return [text for text in found if text.strip()][:_SAMPLE]

    # ------------------------------------------------------------------------------------------------------- channel

    def channel(self) -> Channel | None:
        """The first channel whose columns and values are there."""
        for one in channels():
            if not one.needs <= self.by_key.keys() or (one.any and one.any.isdisjoint(self.by_key)):
                continue
            if one.labels and len(self._core(self.labels(one))) < one.labels and not self._holds_output():
                continue
            if all(any(mark in text for text in self.cells(self.by_key[key])) for key, mark in one.marks):
                return one
        return None

    def is_other(self) -> bool:
        """Is it a table of events, or a list of devices, computers, sign-ins or audit rows? Other parsers read those."""
        keys = set(self.by_key)
        if not keys.isdisjoint(_EVENT_ID) and not keys.isdisjoint(_EVENT_SOURCE):
            return True
        return cloudrows.plan(self.names) is not None and not self._holds_output()

    def _holds_output(self) -> bool:
        return any(decode(text).is_evidence for name in self.names for text in self.cells(name)[:8] if len(text) > 40)

    # -------------------------------------------------------------------------------------------------------- labels

    def labels(self, channel: Channel) -> dict[str, tuple[str | None, str]]:
        """The columns that are labels of dsregcmd, whatever was done to their names: (section, label)."""
        found: dict[str, tuple[str | None, str]] = {}
        for name in self.names:
            if plain(name) in channel.ignore or plain(name) in channel.words:
                continue
            label = self._label(name, channel)
            outer = name.split(".")[:-1]
            if label is not None and all(map(_wraps, outer)):
                found[name] = dsreglines.section_title(outer[-1]) if outer else None, label
        return found

    def _states(self, labels: Mapping[str, tuple[str | None, str]]) -> bool:
        """Does one of the columns hold what only the state of a join is: YES or NO under the label of a flag, or a code?"""
        for name, (_, label) in labels.items():
            known = {one.name for one in dsreglines.candidates(label)}
            cells = [text.strip() for text in self.cells(name)]
            fits = _is_code if "ClientErrorCode" in known else _is_flag if known & _DECIDING else None
            if fits is not None and cells and sum(map(fits, cells)) * 2 >= len(cells):
                return True
        return False

    @staticmethod
    def _label(name: str, channel: Channel) -> str | None:
        bare = re.sub(r" \(\d{1,3}\)$", "", name).rpartition(".")[2].strip()
        bare = re.sub(r"\s*\[UTC\]$", "", bare)
        label = label_of(bare)
        if label is None and _TYPE_SUFFIX.search(bare):
            label = label_of(bare[:-2])
        if label is None and channel.suffix == "0" and bare.endswith("0"):
            label = label_of(bare[:-1])
        return label

    @staticmethod
    def _core(labels: Mapping[str, tuple[str | None, str]]) -> set[str]:
        """The names among the labels that say how a device is, not only which."""
        return {
            one.name
            for _, label in labels.values()
            for one in dsreglines.candidates(label)[:1]
            if one.name not in IDENTITY
        }

    # ---------------------------------------------------------------------------------------------------------- plan

    def plan(self, channel: Channel) -> Plan | None:
        """The plan by the channel's names and by the cells; None where the table holds nothing of ours."""
        listed = self._listed(channel)
        labels = {} if listed else self.labels(channel)
        core = self._core(labels)
        if channel is PLAIN_TABLE and not self._states(labels):
            labels = {}
        device = self._first(channel.device) or self._device(labels)
        time = self._first(channel.time) or self._time()
        entra = self._first(channel.entra) or self._first(sorted(words().hints["id"]))
        labels = {name: label for name, label in labels.items() if name not in (device, entra)} if core else {}
        taken = {device, time, *labels, *(listed or ())}
        text = tuple(name for key in channel.text if (name := self.by_key.get(key)))
        error = tuple(name for key in channel.error if (name := self.by_key.get(key)))
        skipped = {name for name in self.names if plain(name) in channel.ignore}
        rest = [name for name in self.names if name not in taken and name not in skipped and name not in text + error]
        if not text and not listed:
            text = self._texts(rest)
        error = error or tuple(n for n in rest if n not in text and plain(n) in words().hints["error"])
        said = tuple(n for n in rest if n not in text + error and self._is_said(n, channel))
        if not (text or labels or listed or said):
            return None
        if channel is PLAIN_TABLE and not self._is_of_devices(device, bool(text or listed), labels):
            return None
        return Plan(
            channel=channel,
            text=text,
            error=error,
            device=device,
            entra=entra,
            user=self._first(channel.user),
            time=time,
            labels=labels,
            listed=listed,
            said=said,
            utc=channel.utc or (time is not None and "utc" in time.casefold()),
            day_first=eventtimes.day_first(self.cells(time)) if time else None,
            notes=self._undated(time),
        )

    def _undated(self, time: str | None) -> tuple[str, ...]:
        """What to say of a column of times in which nothing tells the day from the month."""
        cells = self.cells(time) if time else []
        if not cells or eventtimes.day_first(cells) is not None or eventtimes.local(cells[0]) is not None:
            return ()
        if eventtimes.local(cells[0], True) is None:
            return ()
        return (
            f"column {time}: nothing tells the day from the month ({cells[0].strip()[:40]}), so these rows have no time; "
            "export with dates as 2026-03-04",
        )

    def _is_of_devices(self, device: str | None, output: bool, labels: Mapping[str, tuple[str | None, str]]) -> bool:
        """Is a table of no known channel one of devices? By output or state beside names of computers, by the state of one device
        whose name the file has, or by words of a collector in rows of which each has its computer."""
        if device is None:
            return len(labels) > 2
        return output or bool(labels) or (len(self.sample) > 1 and "." not in device)

    def mapped(self, wanted: Mapping[str, str], file: str) -> Plan:
        """The plan that ``--map`` gives; what it leaves open is found by the cells."""
        found: dict[str, str] = {}
        for key, name in wanted.items():
            column = next((one for one in self.names if one == name), self.by_key.get(plain(name)))
            if column is None:
                listed = ", ".join(self.names[:40]) + (" ..." if len(self.names) > 40 else "")
                raise MapError(
                    f"--map {key}={name}: no such column{' in ' + file if file else ''}; its columns: {listed}"
                )
            found[key] = column
        known = self.channel() or PLAIN_TABLE
        device = found.get("device") or self._first(known.device) or self._device({})
        time = found.get("time") or self._time()
        return Plan(
            channel=known,
            text=(found["text"],),
            error=(found["error"],) if "error" in found else (),
            device=device,
            entra=found.get("id"),
            time=time,
            utc=known.utc or (time is not None and "utc" in time.casefold()),
            day_first=eventtimes.day_first(self.cells(time)) if time else None,
            notes=self._undated(time),
        )

    def _first(self, keys: Iterable[str]) -> str | None:
        """The first of the columns that is there and is not empty in every row looked at."""
        there = [self.by_key[key] for key in keys if key in self.by_key]
        return next((name for name in there if self.cells(name)), there[0] if there else None)

    def _listed(self, channel: Channel) -> tuple[str | None, str, str] | None:
        """The columns of a table with one row per field: section (may be missing), label, value."""
        label = (
            self.by_key.get("key")
            or self.by_key.get("label")
            or self.by_key.get("property")
            or self.by_key.get("field")
        )
        value = self.by_key.get("value")
        if label is None or value is None:
            return None
        known = {key for text in self.cells(label) if (key := label_of(text)) is not None}
        section = self.by_key.get("parent") or self.by_key.get("section")
        if channel.id == "cmpivot":
            return (section, label, value) if known else None
        if not self._core({one: (None, one) for one in known}) or (len(known) < 3 and section is None):
            return None
        return section, label, value

    # --------------------------------------------------------------------------------------------------------- values

    def _best(self, fits: Callable[[str], bool], least: float, names: Iterable[str]) -> str | None:
        best: tuple[float, int] = (0.0, 0)
        found = None
        for name in names:
            cells = self.cells(name)
            share = sum(map(fits, cells)) / len(cells) if cells else 0.0
            if share >= least and (share, len(set(cells))) > best:
                best, found = (share, len(set(cells))), name
        return found

    def _device(self, labels: Mapping[str, Any]) -> str | None:
        """The column of computers: named so, else the one whose cells look like names of computers."""
        hinted = [n for n in self.names if _is_hint(n.rpartition(".")[2]) or _is_hint(n)]
        hinted = [n for n in hinted if all(_wraps(one) or _is_hint(one) for one in n.split(".")[:-1])]
        ordered = sorted(hinted, key=lambda n: (_HINT_ORDER.get(plain(n), 9), self.names.index(n)))
        for name in ordered:
            cells = self.cells(name)
            if cells and sum(map(is_host, cells)) * 2 >= len(cells):
                return name
        return self._unnamed([n for n in self.names if n not in labels])

    def _unnamed(self, names: Iterable[str]) -> str | None:
        """The column whose cells alone tell that they are computers: single texts, most of them different, of two rows or more."""
        single = [n for n in names if not any(isinstance(one.cells.get(n), list | Pairs) for one in self.sample)]
        single = [n for n in single if plain(n) not in words().hints["other"]]
        found = self._best(lambda text: is_host(text) and is_sure_host(text), 0.8, single)
        cells = [text.casefold() for text in self.cells(found)] if found else []
        return found if len(set(cells)) > 1 and len(set(cells)) * 2 >= len(cells) else None

    def _time(self) -> str | None:
        hinted = [n for n in self.names if plain(n) in words().hints["time"]]
        return self._best(_is_time, 0.5, hinted) or self._best(_is_time, 0.8, self.names)

    def _texts(self, names: Iterable[str]) -> tuple[str, ...]:
        """The columns with output, that with the most labels first; those where something else stands in its place last."""
        found: list[tuple[int, int, str]] = []
        for place, name in enumerate(names):
            labels = lost = 0
            for cell in self.cells(name):
                if is_lost(cell.strip()):
                    lost += 1
                elif len(cell) > 12:
                    decoded = decode(cell)
                    if decoded.is_evidence:
                        labels += len(decoded.pairs) or 40
            if labels or lost:
                found.append((-labels, place, name))
        return tuple(name for _, _, name in sorted(found))

    def _is_said(self, name: str, channel: Channel) -> bool:
        """Is it a column in which the collector says in a word how the device is?"""
        if plain(name) in channel.words:
            return True
        cells = [] if channel.words else [text.strip() for text in self.cells(name)]
        return bool(cells) and sum(_JOIN_WORDS.match(text) is not None for text in cells) * 2 >= len(cells)


def _wraps(name: str) -> bool:
    """Is it the name of an object that may hold labels of dsregcmd: a section, or a word of those that only pack things?"""
    return dsreglines.section_title(name) is not None or plain(name) in words().hints["wrapper"]


def _is_hint(name: str) -> bool:
    """Is it one of the names that a column of computers has?"""
    return plain(name) in words().hints["device"]


def _is_flag(text: str) -> bool:
    return text.casefold() in words().yes | words().no or text in ("0", "1")


def _is_code(text: str) -> bool:
    return codes.normalise(text) is not None


_DECIDING = frozenset({"AzureAdJoined", "EnterpriseJoined", "DomainJoined", "AzureAdPrt", "WorkplaceJoined"})
"""The flags one of which a table without a known channel has to hold."""
_HINT_ORDER = {"pscomputername": 0, "computername": 1, "devicename": 2, "hostname": 3, "computer": 4, "device": 5}


def _is_time(text: str) -> bool:
    return len(text) < 60 and eventtimes.local(text, True) is not None


def flat_pairs(plan_: Plan, cells: Mapping[str, Any]) -> list[Pair]:
    """The labelled values of a row of a flat object; the place of each is that of its column."""
    unsure = plan_.channel.unsure_no
    found: list[Pair] = []
    places = {name: number for number, name in enumerate(cells, 1)}
    for name, (section, label) in plan_.labels.items():
        if name not in cells:
            continue
        text = text_of(cells[name])
        if unsure and text.strip().casefold() in ("no", "na", ""):
            continue
        found.append(Pair(section, label, text, places[name]))
    for name, value in cells.items() if plan_.labels else ():
        if isinstance(value, list) and value and isinstance(value[0], Pairs):  # work accounts
            found += [pair._replace(place=places[name]) for pair in labelled([(name, value)])]
    return found
