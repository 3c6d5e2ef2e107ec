"""Where the parts of the HTML report's two pictures stand: the chain of causes, and the time line. Numbers, no markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from troubleshoot import words
from troubleshoot.model import Attempt, Capture, Finding
from troubleshoot.report.safe import plain, width
from troubleshoot.times import iso

WIDTH = 340  # of the chain: it stays readable on a phone without shrinking
_INDENT = 26
_LINE = 17
_LETTERS = 7.9  # pixels, a generous mean of the page's font at 14 pixels
_MOST_TEXT = 4  # lines of a box
_MOST_SEEN = 3
_DEEPEST = 4


# ------------------------------------------------------------------------------------------------------- chain


class Box(NamedTuple):
    """One box: its corner and size, the lines of its title, the small line above them. ``kind``: root, seen, symptom."""

    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]
    note: str
    kind: str


class Arrow(NamedTuple):
    """From the left edge of a box down and to the right into one that follows from it."""

    x: int
    top: int
    bottom: int
    end: int


class Chain(NamedTuple):
    """The picture from a root cause to what follows from it; ``text`` says the same in a sentence."""

    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    text: str


class _Node(NamedTuple):
    kind: str
    note: str
    title: str
    below: tuple[_Node, ...]


def chain(finding: Finding, attempts: Sequence[Attempt]) -> Chain:
    """The root cause, the attempts whose records are its proof, and the symptoms it explains."""
    tree = _node(finding, "root", attempts, 0)
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    height = _place(tree, 0, 0, boxes, arrows)
    return Chain(height, tuple(boxes), tuple(arrows), _sentence(tree))


def _node(finding: Finding, kind: str, attempts: Sequence[Attempt], depth: int) -> _Node:
    word = words.PAGE["root" if kind == "root" else "explained"]
    parts = [word, words.PHASES.get(finding.phase, finding.phase), *finding.codes[:1]]
    below = [*_seen(finding, attempts)]
    if depth < _DEEPEST:
        below += [_node(one, "symptom", (), depth + 1) for one in finding.symptoms]
    return _Node(kind, " · ".join(parts), finding.title, tuple(below))


def _seen(finding: Finding, attempts: Sequence[Attempt]) -> Iterator[_Node]:
    """The failed attempts that share a line or record with the proof of the finding."""
    proved = {proof.source for proof in finding.evidence}
    found = [one for one in attempts if one.outcome == "failed" and proved.intersection(one.sources)]
    for one in found[:_MOST_SEEN]:
        times = f", {words.PAGE['times'].format(count=one.repeats, since=iso(one.since))}" if one.repeats > 1 else ""
        codes = f" {' '.join(one.codes[:2])}" if one.codes else ""
        moment = iso(one.time) or words.PAGE["no_time"]
        title = f"{words.FLOWS.get(one.flow, one.flow)} {words.PAGE['failed']}{codes}, {moment}{times}"
        yield _Node("seen", words.PAGE["seen"], plain(title), ())


def _place(node: _Node, x: int, y: int, boxes: list[Box], arrows: list[Arrow]) -> int:
    """Put the node at (x, y) and what follows from it below; the height that is used."""
    lines = tuple(wrapped(node.title, int((WIDTH - x - 24) / _LETTERS)))
    height = 14 + _LINE * (len(lines) + 1)
    boxes.append(Box(x, y, WIDTH - x, height, lines, node.note, node.kind))
    bottom = y + height
    for one in node.below:
        middle = bottom + 12 + 20
        arrows.append(Arrow(x + 12, y + height, middle, x + _INDENT))
        bottom = _place(one, x + _INDENT, bottom + 12, boxes, arrows)
    return bottom


def wrapped(text: str, longest: int) -> list[str]:
    """The text in lines of at most ``longest`` columns; at most four, the last one then ends in an ellipsis."""
    lines = [""]
    for word in text.split():
        while width(word) > longest:
            room = longest - width(lines[-1]) - (1 if lines[-1] else 0)
            cut = _fitting(word, room if room > 3 else longest)
            lines[-1:] = [f"{lines[-1]} {word[:cut]}".strip(), ""] if room > 3 else [lines[-1], word[:cut], ""]
            word = word[cut:]
        joined = f"{lines[-1]} {word}".strip()
        if width(joined) <= longest:
            lines[-1] = joined
        else:
            lines.append(word)
    lines = [line for line in lines if line]
    return lines if len(lines) <= _MOST_TEXT else [*lines[: _MOST_TEXT - 1], lines[_MOST_TEXT - 1][: longest - 1] + "…"]


def _fitting(word: str, room: int) -> int:
    """How many letters of the word fit into so many columns; at least one."""
    count = 1
    while count < len(word) and width(word[: count + 1]) <= room:
        count += 1
    return count


def _sentence(node: _Node) -> str:
    below = "; ".join(_sentence(one) for one in node.below)
    return f"{node.note}: {node.title}" + (f" → {below}" if below else "")


# --------------------------------------------------------------------------------------------------- time line

ROOM = 720  # width of the time line as it is drawn without scripts
_EDGE = 16
_LANE = 52
_MERGED = 18  # marks nearer than this are one mark with a number
_TICKS = 4
_EARLIEST, _LATEST = -62_135_596_800_000, 253_402_300_799_000  # years 1 to 9999, which is what a datetime can hold


class Mark(NamedTuple):
    """Attempts at one place: ``number`` of them; ``start`` is where the first of like attempts stands."""

    x: float
    y: int
    outcome: str
    number: int
    label: str
    start: float | None


class TimeLine(NamedTuple):
    """The picture of all attempts with a time. ``first`` and ``last`` bound it, in milliseconds since 1970 (UTC where
    ``aware``, else of the device's clock)."""

    aware: bool
    first: int
    last: int
    height: int
    lanes: tuple[tuple[int, str, str], ...]
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    captures: tuple[tuple[float, int], ...]
    apart: int


def timeline(attempts: Sequence[Attempt], captures: Sequence[Capture]) -> TimeLine | None:
    """The time line; None where no attempt has a time. Instants are drawn; local times only where there is no instant."""
    aware = any(one.time is not None and one.time.tzinfo for one in attempts)
    drawn = [one for one in attempts if one.time is not None and bool(one.time.tzinfo) is aware]
    if not drawn:
        return None
    apart = sum(1 for one in attempts if one.time is not None) - len(drawn)
    flows = list(dict.fromkeys(one.flow for one in drawn))
    captured = [
        moment for one in captures for moment in (one.time,) if moment is not None and bool(moment.tzinfo) is aware
    ]
    moments = [milliseconds(one) for one in captured]
    for one in drawn:
        moments += [stamp for stamp in (stamp_of(one.time, aware), stamp_of(one.since, aware)) if stamp is not None]
    first, last = min(moments), max(moments)
    pad = max((last - first) // 40, 60_000)
    first, last = max(first - pad, _EARLIEST), min(last + pad, _LATEST)
    place = _Scale(first, last)
    return TimeLine(
        aware,
        first,
        last,
        _LANE * len(flows) + 34,
        tuple((_LANE * number + 16, words.FLOWS.get(flow, flow), flow) for number, flow in enumerate(flows)),
        tuple(_marks(drawn, flows, place, aware)),
        tuple(place.ticks()),
        tuple((place.x(milliseconds(one)), milliseconds(one)) for one in dict.fromkeys(captured)),
        apart,
    )


class _Scale(NamedTuple):
    first: int
    last: int

    def x(self, stamp: int) -> float:
        return round(_EDGE + (stamp - self.first) * (ROOM - 2 * _EDGE) / (self.last - self.first), 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        for number in range(_TICKS):
            stamp = self.first + (self.last - self.first) * number // (_TICKS - 1)
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=stamp)
            yield self.x(stamp), moment.isoformat(" ", "minutes")[:16]


def milliseconds(moment: datetime) -> int:
    """Since 1970; a local time counts as if it were UTC, which only serves to place it among its like."""
    return round((moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def stamp_of(moment: datetime | None, aware: bool) -> int | None:
    """Milliseconds of a moment of the drawn kind, else None."""
    return milliseconds(moment) if moment is not None and bool(moment.tzinfo) is aware else None


def _marks(drawn: Sequence[Attempt], flows: Sequence[str], place: _Scale, aware: bool) -> Iterator[Mark]:
    groups: dict[tuple[str, str, int], list[Attempt]] = {}
    for one in drawn:
        if one.time is not None:
            spot = int(place.x(milliseconds(one.time)) // _MERGED)
            groups.setdefault((one.flow, one.outcome, spot), []).append(one)
    for (flow, outcome, _), found in groups.items():
        newest = found[0]
        if newest.time is None:
            continue
        label = f"{words.FLOWS.get(flow, flow)} {words.PAGE[outcome]} {' '.join(newest.codes)}, {iso(newest.time)}"
        if len(found) > 1:
            label += f", {words.PAGE['more_places'].format(count=len(found) - 1)}"
        starts = [stamp for one in found if (stamp := stamp_of(one.since, aware)) is not None]
        yield Mark(
            place.x(milliseconds(newest.time)),
            _LANE * flows.index(flow) + 38,
            outcome,
            sum(one.repeats for one in found),
            plain(label),
            place.x(min(starts)) if starts else None,
        )
