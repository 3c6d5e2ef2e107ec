"""A finished run in the same folder, whose results are taken over where the bytes of an input are the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from troubleshoot.batch import journal as journals
from troubleshoot.batch.journal import Journal
from troubleshoot.batch.rows import rows_of
from troubleshoot.batch.runfolder import MANIFEST, REPORTS


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
                found = [stream.readline().rstrip(b"\n") for _ in range(one.told["devices"])]
                at += len(found)
                journal.append(_line(one.told, found))
        journal.flush()


def _line(told: Mapping[str, Any], reports: list[bytes]) -> bytes:
    rows: dict[str, list[Any]] = {}
    for report in reports:
        for table, more in rows_of(orjson.loads(report)).items():
            rows.setdefault(table, []).append(more)
    known = {name: told[name] for name in ("id", "source", "size", "fingerprint", "exit")}
    return journals.line({**known, "stamp": "", "etag": told.get("etag", "")}, rows, reports)
