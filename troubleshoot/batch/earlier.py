"""A finished run in the same folder, whose results are taken over where the bytes of an input are the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from troubleshoot.batch import journal as journals
from troubleshoot.batch.journal import Journal
from troubleshoot.batch.rows import rows_of
from troubleshoot.batch.runfolder import MANIFEST, REPORTS

_PART = 500  # lines of one input in one line of the journal


class _Input(NamedTuple):
    """An input of the manifest. ``first``: its first line of reports.jsonl, from 0."""

    told: Mapping[str, Any]
    first: int


class Earlier:
    """What the manifest tells. ``stale``: there is one, of another version, with other rules or options."""

    def __init__(
        self, reports: Path | None = None, inputs: Mapping[str, _Input] | None = None, stale: bool = False
    ) -> None:
        self._reports = reports
        self._inputs = inputs or {}
        self._kept: set[str] = set()
        self.stale = stale

    @classmethod
    def of(cls, folder: Path, identity: Mapping[str, Any]) -> Earlier:
        """The finished run in a folder; without inputs where there is none that can be used."""
        try:
            told = orjson.loads((folder / MANIFEST).read_bytes())
            if {name: told[name] for name in identity} != identity:
                return cls(stale=True)
            inputs, line = {}, 0
            for one in told["inputs"]:
                inputs[one["id"]] = _Input(one, line)
                line += one["devices"]
            return cls(folder / REPORTS, inputs)
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def fingerprint(self, id: str) -> str | None:
        """The fingerprint under which an input was read; None where it was not."""
        found = self._inputs.get(id)
        return found.told["fingerprint"] if found is not None else None

    def etag(self, id: str) -> str:
        """What the store said of an input's bytes; "" where it said nothing."""
        found = self._inputs.get(id)
        return str(found.told.get("etag", "")) if found is not None else ""

    def keep(self, id: str) -> bool:
        """The input is the same as in the earlier run. False: that run does not know it."""
        if id not in self._inputs:
            return False
        self._kept.add(id)
        return True

    def into(self, journal: Journal) -> None:
        """Write everything that was kept into the journal, whose lines alone make the new run folder."""
        wanted = sorted((self._inputs[id] for id in self._kept if id not in journal.known), key=lambda one: one.first)
        if not wanted or self._reports is None:
            return
        with open(self._reports, "rb") as stream:
            at = 0
            for one in wanted:
                while at < one.first:
                    stream.readline()
                    at += 1
                self._copied(journal, one.told, stream)
                at += one.told["devices"]
        journal.flush()

    def _copied(self, journal: Journal, told: Mapping[str, Any], stream: BinaryIO) -> None:
        """Write an input's lines into the journal, those of an input with many devices in parts."""
        left = told["devices"]
        names = [f"{told['id']} {first}" for first in range(0, left, _PART)]
        for name in names:
            found = [stream.readline().rstrip(b"\n") for _ in range(min(left, _PART))]
            left -= len(found)
            journal.append(_line(told, name if len(names) > 1 else told["id"], found))
        if len(names) != 1:
            head = {**_known(told), "parts": names}
            journal.append(journals.line(head, {}, ()))


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: told[name] for name in ("id", "source", "fingerprint", "exit")}
    return {**known, "stamp": "", "etag": told.get("etag", "")}


def _line(told: Mapping[str, Any], id: str, reports: list[bytes]) -> bytes:
    rows: dict[str, list[Any]] = {}
    for report in reports:
        for table, more in rows_of(orjson.loads(report)).items():
            rows.setdefault(table, []).append(more)
    return journals.line({**_known(told), "id": id}, rows, reports)
