"""The lines of proof with what stands around them: lines of a text, records of a log, values of a key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from troubleshoot.case import event_text
from troubleshoot.model import CloudObject, Event, Fact, LogLine, Proof, RegistryValue, Report
from troubleshoot.report.safe import plain
from troubleshoot.report.shortnames import ShortNames
from troubleshoot.times import iso

AROUND = 2  # lines, or records, shown before and after one of proof
_FURTHEST = 20  # records of a log further away than this are of another time
_LONGEST = 4000
_LONGEST_NEAR = 300


class Line(NamedTuple):
    """A line of an excerpt. ``kind``: proof, near (stands beside it), section (the title above it), gap."""

    kind: str
    number: int | None
    text: str


class Excerpt(NamedTuple):
    """Lines of one file around the proof, or records of one log."""

    where: str
    lines: tuple[Line, ...]


class _Beside(NamedTuple):
    """What a file holds by its lines or record numbers: the title that it stands under, its time and its text."""

    section: str | None
    text: str
    time: str = ""


class Surroundings:
    """What stands in the files of one report, looked up by the files that its proofs name."""

    def __init__(self, report: Report, short: ShortNames) -> None:
        self._report = report
        self.short = short
        self._known: dict[tuple[str, bool], dict[int, _Beside]] = {}

    def excerpts(self, proofs: Sequence[Proof]) -> list[Excerpt]:
        """A piece for each file, in the order of the proofs; what has neither line nor record stands for itself."""
        groups: dict[tuple[str, bool], dict[int, Proof]] = {}
        out: list[Excerpt] = []
        for proof in proofs:
            number = _number(proof.source.line, proof.source.record)
            if number is None:
                text = plain(proof.text, _LONGEST)
                out.append(Excerpt(self.short.place(proof.source), (Line("proof", None, text),)))
            else:
                key = (proof.source.path, proof.source.record is not None)
                groups.setdefault(key, {}).setdefault(number, proof)
        made = [Excerpt(self._where(*key), tuple(self._lines(key, own))) for key, own in groups.items()]
        return made + out

    def _where(self, path: str, records: bool) -> str:
        return f"{self.short.path(path)}{', records' if records else ''}"

    def _lines(self, key: tuple[str, bool], proofs: Mapping[int, Proof]) -> Iterator[Line]:
        if key not in self._known:
            self._known[key] = dict(self._of(*key))
        known = self._known[key]
        last: int | None = None
        section: str | None = None
        for number in sorted({*proofs, *_near(proofs, known, records=key[1])}):
            beside = known.get(number)
            if beside is not None and beside.section is not None and beside.section != section:
                section = beside.section
                yield Line("section", None, plain(section, 120))
            elif last is not None and number - last > 2 * AROUND:
                yield Line("gap", None, "…")
            last = number
            time = f"{beside.time} " if beside is not None and beside.time else ""
            if number in proofs:
                yield Line("proof", number, time + plain(proofs[number].text, _LONGEST))
            elif beside is not None:
                yield Line("near", number, time + plain(beside.text, _LONGEST_NEAR))

    def _of(self, path: str, records: bool) -> Iterator[tuple[int, _Beside]]:
        """What one file holds, by line or by record number."""
        for capture in () if records else self._report.coverage.captures:
            if capture.source.path == path:
                for field in capture.fields:
                    yield field.line, _Beside(field.section, f"{field.label} : {field.text}")
        for one in self._report.coverage.evidence:
            if one.source.path == path and (one.source.record is not None) is records:
                number = _number(one.source.line, one.source.record)
                if number is not None:
                    yield number, _beside(one)


def telling(text: str, codes: Sequence[str], longest: int) -> str:
    """The start of a text and, where that leaves out the first code it names, the part around the code."""
    text = plain(text, _LONGEST)
    if len(text) <= longest:
        return text
    at = min((found for code in codes for form in _forms(code) if (found := text.find(form)) >= 0), default=0)
    if at < longest - 20:
        return f"{text[: longest - 2].rstrip()} …"
    start = longest // 3
    left = at - (longest - start) // 3
    end = left + longest - start
    return f"{text[:start].rstrip()} … {text[left:end].strip()}{' …' if end < len(text) else ''}"


def _forms(code: str) -> Iterator[str]:
    """The ways in which records name a code: as it is, its number alone, as a signed number."""
    yield code
    if code.upper().startswith("AADSTS"):
        yield code[6:]
    elif re.fullmatch("0x[0-9A-Fa-f]{8}", code):
        value = int(code, 16)
        yield str(value - 2**32 if value >= 2**31 else value)


def _number(line: int | None, record: int | None) -> int | None:
    return line if record is None else record


def _beside(one: Event | RegistryValue | LogLine | Fact | CloudObject) -> _Beside:
    if isinstance(one, Event):
        return _Beside(None, event_text(one), plain(iso(one.time) or one.time_text or "", 40))
    if isinstance(one, RegistryValue):
        return _Beside(one.key, f"{one.name} = {one.value}")
    if isinstance(one, LogLine):
        return _Beside(None, one.text)
    if isinstance(one, Fact):
        return _Beside(None, one.text or f"{one.name} = {one.value}")
    from troubleshoot.cloudfacts import line

    return _Beside(None, line(one))


def _near(proofs: Mapping[int, Proof], known: Mapping[int, _Beside], records: bool) -> Iterator[int]:
    """The numbers beside those of the proofs: the next lines, or the next records, whatever their numbers."""
    if not records:
        yield from (one for line in proofs for one in range(line - AROUND, line + AROUND + 1) if one in known)
        return
    order = sorted(known)
    for number in proofs:
        below = [one for one in order if number - _FURTHEST <= one < number][-AROUND:]
        above = [one for one in order if number < one <= number + _FURTHEST][:AROUND]
        yield from (*below, *above)
