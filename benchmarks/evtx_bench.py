"""The event log reader against the ``evtx`` package decoding every record as JSON, over the same files in turn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import orjson
from evtx import PyEvtxParser

from benchmarks.__main__ import in_turn
from troubleshoot import attempts
from troubleshoot.loader import artifacts
from troubleshoot.model import Artifact, Event, Wanted
from troubleshoot.parsers.evtx import read
from troubleshoot.ruleset import load

CORE = (
    "Microsoft-Windows-User Device Registration",
    "Microsoft-Windows-AAD",
    "Microsoft-Windows-Workplace Join",
    "Microsoft-Windows-HelloForBusiness",
    "Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider",
)


def _parser(path: str) -> PyEvtxParser:
    return PyEvtxParser(path, 1, None, False, None, None, None, True)


def _ours(files: list[Artifact], wanted: Wanted) -> list[Event]:
    return [one for file in files for one in read(file, wanted) if isinstance(one, Event)]


def _truth(files: list[Artifact]) -> set[tuple[str, str, int]]:
    found = set()
    for file in files:
        for record in _parser(str(file.path)).records_json():
            system = orjson.loads(record["data"])["Event"]["System"]
            if system["Provider"]["#attributes"].get("Name") in CORE:
                found.add((system["Provider"]["#attributes"]["Name"], system["Computer"], int(system["EventRecordID"])))
    return found


def ratios(folder: Path, rounds: int) -> Iterator[str]:
    """Lines to print: two ratios, and how many records were missed."""
    warnings.simplefilter("ignore")
    files = [
        one for one in artifacts([str(folder)]) if isinstance(one, Artifact) and one.name.lower().endswith(".evtx")
    ]
    core: Wanted = dict.fromkeys(CORE)
    every = load().wanted(attempts.WANTED.items())

    def decode() -> int:
        return sum(1 for file in files for _ in _parser(str(file.path)).records_json())

    found = in_turn({"all": decode, "core": lambda: _ours(files, core), "rules": lambda: _ours(files, every)}, rounds)
    got = {(one.provider, one.computer or "", one.record or 0) for one in _ours(files, core)}
    missed = len(_truth(files) - got)
    base = found["all"]
    part = found["core"] / base
    yield f"b  five registration providers: {part:.2f} x decoding everything ({base:.2f} s, {len(files)} logs); at most 0.3"
    yield f"b  {missed} of {len(got)} records missed"
    yield f"b  all {len(every)} providers of the rules: {found['rules'] / base:.2f} x decoding everything; at most 1.0"
