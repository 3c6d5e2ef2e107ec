"""What goes to a worker and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from troubleshoot.batch.parts import Piece
from troubleshoot.batch.sources import Item
from troubleshoot.ruleset import Ruleset


class Setup(NamedTuple):
    """What all items of a run have in common. ``digest``: of the rules, ``version``: of this tool, both as the parent has
    them. ``key``: of the pseudonyms, None where nothing is redacted. ``limit``: seconds for one item. ``cwd``: where paths of
    items begin. ``columns``: of tables, as ``--map`` says. ``html``: are reports made as pages too?"""

    rules: tuple[str, ...]
    digest: str
    version: str
    key: bytes | None = None
    limit: float = 1800.0
    cwd: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    html: bool = False

    @property
    def mapping(self) -> Mapping[str, str] | None:
        """``columns`` as the readers of tables take them."""
        return dict(self.columns) or None


class Job(NamedTuple):
    """An item, or a ``piece`` of one (:mod:`troubleshoot.batch.parts`). ``id``: by which the journal knows it.

    ``fingerprint``: of an item, that under which it is finished already (None: it is not); of a piece, that of its item.
    """

    item: Item
    id: str
    fingerprint: str | None = None
    piece: Piece | None = None

    def part(self, piece: Piece, fingerprint: str | None) -> Job:
        """The job of a part of this one."""
        told = f"{self.id} {fingerprint} {piece.label}"
        return Job(self.item, blake2b(told.encode(), digest_size=12).hexdigest(), fingerprint, piece)

    def singles(self) -> tuple[Job, ...]:
        """Jobs of one device each that are together this one; none where it is one, or nobody knows."""
        found = self.piece.singles() if self.piece is not None else ()
        return tuple(self.part(piece, self.fingerprint) for piece in found) if len(found) > 1 else ()


class Run(NamedTuple):
    """One job in its worker."""

    setup: Setup
    ruleset: Ruleset
    job: Job


class Brief(NamedTuple):
    """What progress and summary need of an item: the verdict of each device, and severity and title of each one's roots."""

    verdicts: tuple[str, ...]
    causes: tuple[tuple[str, str], ...]


Page: TypeAlias = tuple[str, bytes]
"""The name of a report's page, and its text, deflated (:mod:`zlib`)."""


class Outcome(NamedTuple):
    """``line``: of the journal; None: the bytes are those of the fingerprint that was given. ``parts``: in which the job is to
    be done, instead of rows in the line. ``pages``: the reports of the line, where they are asked for."""

    line: bytes | None
    brief: Brief = Brief((), ())
    parts: tuple[Job, ...] = ()
    pages: tuple[Page, ...] = ()
