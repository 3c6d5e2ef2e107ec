"""Labelled values of a cell as a capture: which label of which section each is, and what may be said where that is not told.

A label that dsregcmd prints in several sections (``KeyProvider``, ``NgcSet``, ``Proxy Server List``) is one of them only where
the section, or the order of the output, tells which. Where neither does, the value is kept and named for no rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from troubleshoot import times
from troubleshoot.fleetinput.cells import Pair, is_lost
from troubleshoot.fleetinput.channels import words
from troubleshoot.model import Account, Capture, Field, Source
from troubleshoot.parsers import dsregcmd, dsreglines
from troubleshoot.tables import Label, labels, squeeze

_OAUTH = re.compile(r"[a-z]+(?:_[a-z]+)+\s*$")
_ADFS = re.compile(r"/adfs/|\bMSIS\d", re.IGNORECASE)
_GROUPED = re.compile(
    r"-?\d{1,3}(?:([.,' \u00a0\u202f\u2019])\d{3}(?:\1\d{3}){0,3})(?:[.,]0{1,4})?$|-?\d{1,12}[.,]0{1,4}$"
)
"""A whole number as a spreadsheet shows it: with signs between thousands, or with zeros behind a decimal sign."""
_EXPONENT = re.compile(r"-?\d(?:[.,]\d{1,6})?E\+\d{1,2}$", re.IGNORECASE)
SYSTEM = Account("SYSTEM", "system", "S-1-5-18")
IDENTITY = frozenset(
    {"DeviceName", "DeviceId", "TenantId", "TenantName", "DomainName", "WorkplaceTenantName", "WorkplaceTenantId"}
)
"""Names that say whose the output is, and nothing of how it is."""


@lru_cache(maxsize=1)
def _order() -> dict[str, int]:
    """The place of each section in the output."""
    return {title: number for number, title in enumerate(dict.fromkeys(one.section for one in labels().values()))}


class Choice:
    """Which label each of the pairs of one output is. ``ordered``: they stand in the order of the output; ``whole``: from its
    beginning on."""

    def __init__(self, pairs: Sequence[Pair], ordered: bool, whole: bool) -> None:
        self.ordered = ordered
        self.at: int | None = 0 if whole else None  # place of the section the last sure label was of
        self.used: set[str] = set()
        self.enterprise = False
        self.of_adfs = any(
            _ADFS.search(pair.value[:2000])
            for pair in pairs
            if squeeze(pair.label) in ("endpointuri", "servererrordescription")
        )

    def label(self, pair: Pair) -> Label | None:
        """The label; None for one that the table lacks, or whose section cannot be told."""
        found = dsreglines.candidates(pair.label)
        if pair.section is not None and found:
            key = dsreglines.section_key(pair.section)
            inside = [one for one in found if key in (squeeze(one.section), *map(squeeze, one.also))]
            found = tuple(inside or (found if len(found) == 1 else ()))
        if len(found) > 1:
            found = self._chosen(found, pair)
        if len(found) != 1:
            return None
        one = found[0]
        self.used.add(one.name)
        if self.ordered:
            place = _order()[one.section]
            self.at = place if self.at is None or place >= self.at else self.at
            self.enterprise = self.enterprise or one.name in ("EnterprisePrt", "EnterprisePrtAuthority")
        return one

    def _chosen(self, found: tuple[Label, ...], pair: Pair) -> tuple[Label, ...]:
        text = pair.label.strip()
        blocks = {one.block for one in found} - {None}
        if {one.name for one in found} == {"PrtServerErrorCode", "EnterprisePrtServerErrorCode", "ServerErrorCode"}:
            same = [one for one in found if one.label.casefold() == text.casefold() and " " in text]
            if not same:  # without its blanks it is the token's and the join's: the value tells
                of_token = _OAUTH.match(pair.value.strip()) is not None
                same = [one for one in found if (one.block is not None) == of_token] if pair.value.strip() else []
            found = tuple(same)
        if blocks and len(found) > 1:
            if not self.ordered and self.of_adfs:
                return ()  # a flat object keeps one of two blocks, and this is the other's
            wanted = "enterprise" if self.ordered and self.enterprise else "entra"
            return tuple(one for one in found if one.block == wanted)
        if len(found) < 2:
            return found
        if self.ordered:
            if self.at is None:
                return ()
            behind = [one for one in found if _order()[one.section] >= (self.at or 0) and one.name not in self.used]
            return (min(behind, key=lambda one: _order()[one.section]),) if behind else ()
        exact = [one for one in found if one.label == text]
        return tuple(exact) if len(exact) == 1 else ()


class Read:
    """The fields of one output as they are made, and the values that a spreadsheet changed."""

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.named: dict[str, Field] = {}
        self.spoilt: list[str] = []
        self.build = 0

    def add(self, pair: Pair, known: Label | None, line: int) -> None:
        """One pair as a field on ``line``."""
        text, absence = value_of(known, pair.value)
        if absence == "spoilt":
            self.spoilt.append(f"{pair.label}: {pair.value[:40]}")
            absence = "cut"
        name = known.name if known else None
        field = Field(pair.section, pair.label, name, text, absence, line)
        self.fields.append(field)
        if known is not None:
            self.build = max(self.build, known.since)
            self.named.setdefault(known.name, field)

    def cut_last(self) -> None:
        """The text ends inside the last value."""
        if self.fields:
            cut = self.fields[-1]._replace(absence="cut")
            if cut.name and self.named.get(cut.name) is self.fields[-1]:
                self.named[cut.name] = cut
            self.fields[-1] = cut


def value_of(known: Label | None, value: str) -> tuple[str, str | None]:
    """(text as dsregcmd would print it, the way in which it is no value): ``True`` is ``YES`` where the label is one of a flag.

    ``spoilt``: a spreadsheet or PowerShell put something else in its place.
    """
    text = value.strip().strip('"').strip()
    if text.startswith(":"):
        text = text[1:].strip()
    if known is not None and known.type == "flag":
        folded = text.casefold()
        if folded in words().yes or folded == "1":
            return "YES", None
        if folded in words().no or folded == "0":
            return "NO", None
    if known is not None and known.type in ("code", "number") and _GROUPED.match(text):
        text = re.sub(r"[^\d-]", "", re.sub(r"[.,]0{1,4}$", "", text))
    if is_lost(text) or (known is not None and known.type in ("code", "number", "guid") and _EXPONENT.match(text)):
        return text, "spoilt"
    return text, dsreglines.absence(text)


def capture(
    path: str, pairs: Sequence[Pair], ordered: bool, whole: bool, cut: bool, line: int = 0, extra: Sequence[Pair] = ()
) -> tuple[Capture | None, Read]:
    """The capture of a cell's labelled values, and how they were read; None where no label of dsregcmd is among them.

    ``whole``: they begin where the output begins; ``cut``: the last value is not whole. ``line``: what is added to each pair's
    place for its line. ``extra``: pairs of other columns of the row, used where the cell says nothing of them.
    """
    read = Read()
    choice = Choice(pairs, ordered, whole)
    for pair in pairs:
        read.add(pair, choice.label(pair), pair.place + line)
    if cut:
        read.cut_last()
    others = Choice(extra, False, True)
    for pair in extra:
        known = others.label(pair)
        if known is None or known.name not in read.named:
            read.add(pair, known, pair.place)
    if not read.named:
        return None, read
    return made(path, read.fields, read.named, _sections(pairs, ordered, cut), read.build), read


def _sections(pairs: Sequence[Pair], ordered: bool, cut: bool) -> Mapping[str, bool]:
    """The sections whose titles were printed: read to their end where another follows, and the order is that of the output."""
    titles = list(dict.fromkeys(pair.section for pair in pairs if pair.section))
    return {title: ordered and not (cut and title == titles[-1]) and title != titles[-1] for title in titles}


def made(
    path: str, fields: Sequence[Field], named: Mapping[str, Field], sections: Mapping[str, bool], build: int
) -> Capture:
    """A capture of fields, with the time and the account that they tell."""
    known = dict(named)
    time = known.get("ClientTime")
    return Capture(
        kind="dsregcmd",
        source=Source(path, fields[0].line if fields else None),
        time=times.parse(time.text) if time is not None and time.value else None,
        account=dsregcmd.account_of(known),
        elevated=dsregcmd.elevated_of(known),
        fields=tuple(fields),
        sections=sections,
        named=known,
        build_at_least=build or None,
    )


def told_sections(found: Capture, whole: bool, last_whole: bool, cut: bool) -> Capture:
    """A capture of printed output, with what a cut leaves unknown.

    Not ``whole``: what stands before the first title is of an unknown section, so a label that several sections have is
    named for no rule there. Not ``last_whole``: the last section may go on; ``cut``: it ends inside its last value.
    """
    fields = list(found.fields)
    if not whole:
        for number, field in enumerate(fields):
            if field.section is not None:
                break
            if field.name and len(dsreglines.candidates(field.label)) > 1:
                fields[number] = field._replace(name=None)
    if cut and fields:
        fields[-1] = fields[-1]._replace(absence="cut")
    sections = dict(found.sections)
    if not last_whole and sections:
        sections[list(sections)[-1]] = False
    named: dict[str, Field] = {}
    for field in fields:
        if field.name:
            named.setdefault(field.name, field)
    changed = found._replace(fields=tuple(fields), named=named, sections=sections)
    if cut or not whole:
        remade = made(found.source.path, fields, named, sections, found.build_at_least or 0)
        changed = changed._replace(time=remade.time, account=remade.account, elevated=remade.elevated)
    return changed
