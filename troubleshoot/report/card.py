"""A chat card: an Adaptive Card in the message that webhooks of Microsoft Teams take, always under 27 kB.

Teams refuses messages above about 28 KB (``learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors``, "Create
Incoming Webhooks"). Whatever comes from a report stands in text runs of a RichTextBlock, where Markdown is not supported
(``learn.microsoft.com/adaptive-cards/schema-explorer/text-run``), so nothing of a log becomes a link, a list or bold; what a
renderer could take for a function or a template (``{{DATE(...)}}``, ``${...}``) is broken apart. There is no action in a card.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from troubleshoot import words
from troubleshoot.model import Finding, FixStep, Report, Result
from troubleshoot.report import sentences
from troubleshoot.report.outline import Part, place
from troubleshoot.report.safe import plain
from troubleshoot.times import iso

MOST_BYTES = 27_000
VERSION = "1.4"  # every element used here is of 1.2 or older
_LONGEST = 1_200  # bytes of one text as it stands in the JSON
_MOST_STEPS = 3
_MOST_PROOFS = 3
_ROOM = 600  # bytes for the line that says what was cut
_COLOURS = {"failed": "attention", "pending": "warning", "degraded": "warning", "healthy": "good"}


class Block(NamedTuple):
    """One element of the card; ``counts`` where it is told as left out when there is no room for it."""

    element: dict[str, Any]
    counts: bool = True


def card(result: Result) -> bytes:
    """The message as JSON in ASCII, one line, under :data:`MOST_BYTES` bytes whatever the report holds."""
    blocks = [Block(_line("", report.summary)) for report in result.reports] if len(result.reports) > 1 else []
    blocks += [block for report in result.reports for block in _named_once(_device(report))]
    if not result.reports:
        for one in result.unread:
            blocks.append(Block(_line(words.HEADINGS["problems"], f"{one.path}: {one.reason}")))
        if not result.unread:
            blocks.append(Block(_line("", words.CARD["empty"])))
    if result.redacted is not None:
        told = ", ".join(f"{count} {kind}" for kind, count in result.redacted.items())
        blocks.append(Block(_line(words.HEADINGS["redacted"], told or words.NOTHING_REPLACED)))
    return _dumped(_message(_fitting(blocks, MOST_BYTES - _ROOM - len(_dumped(_message([]))))))


def of_outline(parts: Iterable[Part]) -> bytes:
    """Paragraphs of an outline, none of them a step, as such a message."""
    blocks = [Block(_paragraph(part)) for part in parts if part.role != "gap"]
    return _dumped(_message(_fitting(blocks, MOST_BYTES - _ROOM - len(_dumped(_message([]))))))


def _paragraph(part: Part) -> dict[str, Any]:
    if part.role == "verdict":
        head, _, rest = part.text.partition("  ")
        runs = [
            _run(f"{head}  ", weight="bolder", color=_COLOURS.get(part.mark, "accent")),
            _run(rest, weight="bolder"),
        ]
        return {"type": "RichTextBlock", "spacing": "large", "separator": True, "inlines": runs}
    if part.role == "heading":
        return _line("", part.text, "medium", weight="bolder", size="medium")
    if part.role == "title":
        return _line("", part.text, weight="bolder")
    if part.role == "proof":
        where = [_run(f"{part.mark}  ", isSubtle=True, size="small")] if part.mark else []
        runs = [*where, _run(part.text, fontType="monospace", size="small")]
        return {"type": "RichTextBlock", "spacing": "small", "inlines": runs}
    return _line("", part.text, isSubtle=part.role in ("state", "note"))


def _named_once(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks of a device, with the former name of the directory after its first mention in words of ours."""
    named = False
    for block in blocks:
        for run in block.element["inlines"]:
            if not named and run.get("fontType") != "monospace":
                run["text"], named = sentences.named_once(run["text"])
        yield block


def _fitting(blocks: Sequence[Block], room: int) -> list[dict[str, Any]]:
    """The elements in order until the room is used up, then how many were cut."""
    kept: list[dict[str, Any]] = []
    for number, block in enumerate(blocks):
        room -= len(_dumped(block.element)) + 1
        if room < 0:
            cut = sum(one.counts for one in blocks[number:])
            kept.append(_line("", words.CARD["cut"].format(count=cut), isSubtle=True))
            break
        kept.append(block.element)
    return kept


def _dumped(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _message(body: list[dict[str, Any]]) -> dict[str, Any]:
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "msteams": {"width": "Full"},
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


# ---------------------------------------------------------------------------------------------------------- texts


def inert(text: str, longest: int = _LONGEST) -> str:
    """One line of ``text`` of at most ``longest`` bytes in ASCII JSON, in which no function, template or mention stands."""
    text = plain(" ".join(text.split()), longest)
    text = text.replace("{{", "{ {").replace("${", "$ {").replace("<at>", "< at>")
    if len(json.dumps(text)) <= longest:
        return text
    kept, room = [], longest - 10
    for letter in text:
        room -= len(json.dumps(letter)) - 2
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + "…"


def _run(text: str, **style: Any) -> dict[str, Any]:
    end = " " if text.endswith(" ") else ""
    return {"type": "TextRun", "text": inert(text) + end, **style}


def _line(head: str, text: str, spacing: str = "small", **style: Any) -> dict[str, Any]:
    """A paragraph: a bold head, where there is one, and the text."""
    runs = [_run(f"{head}: ", weight="bolder")] if head else []
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": [*runs, _run(text, **style)]}


# --------------------------------------------------------------------------------------------------------- blocks


def _device(report: Report) -> Iterator[Block]:
    """State, cause and owner first; then how sure, the steps, the proof; the other findings last."""
    found = report.findings[0] if report.findings else None
    title = found.title if found else words.nothing_found(report.verdict, report.join_state)
    runs = [
        _run(f"{words.VERDICTS[report.verdict]}  ", weight="bolder", color=_COLOURS.get(report.verdict, "accent")),
        _run(title, weight="bolder"),
    ]
    yield Block({"type": "RichTextBlock", "spacing": "large", "separator": True, "inlines": runs})
    state = [report.device.name or words.NO_NAME]
    state.append(sentences.state(found, report.join_state) if found else words.JOIN_STATES[report.join_state])
    if report.as_of is not None:
        state.append(f"{words.AS_OF} {iso(report.as_of)}")
    yield Block(_line("", " · ".join(state), "none", isSubtle=True))
    if found is not None:
        yield from _finding(found)
    for other in report.findings[1:]:
        yield Block(_line(words.HEADINGS["others"], f"{other.title} [{other.fingerprint}]"))
    for missing in report.not_checked[:1] if found is None else ():
        yield Block(_line(words.HEADINGS["not_checked"], missing.collect))
    if report.problems:
        yield Block(_line(words.HEADINGS["problems"], f"{len(report.problems)} parts of the input"))


def _finding(found: Finding) -> Iterator[Block]:
    yield Block(_line(words.HEADINGS["cause"], found.cause))
    who = sentences.owner(found)
    yield Block(_line(words.HEADINGS["owner"], words.WHO[who] if who else "-"))
    yield Block(_line(words.HEADINGS["sure"], sentences.sure(found)))
    if (wait := sentences.wait(found)) is not None:
        yield Block(_line(words.HEADINGS["wait"], wait))
    yield Block(_line(words.HEADINGS["fingerprint"], found.fingerprint, fontType="monospace"))
    for number, step in enumerate(found.fix[:_MOST_STEPS], 1):
        yield from _step(number, step)
    if len(found.fix) > _MOST_STEPS:
        yield Block(_line("", words.CARD["steps"].format(count=len(found.fix) - _MOST_STEPS), isSubtle=True), False)
    for one in found.avoid:
        yield Block(_line(words.HEADINGS["avoid"], one))
    for proof in found.evidence[:_MOST_PROOFS]:
        text = _run(proof.text, fontType="monospace", size="small")
        where = _run(f"{place(proof.source)}  ", isSubtle=True, size="small")
        yield Block({"type": "RichTextBlock", "spacing": "small", "inlines": [where, text]})


def _step(number: int, step: FixStep) -> Iterator[Block]:
    where = f", {step.where}" if step.where else ""
    runs = [_run(f"{number}. {words.WHO[step.who]}{where}: ", weight="bolder"), _run(step.do)]
    yield Block({"type": "RichTextBlock", "spacing": "small", "inlines": runs})
    if step.run:
        how = words.RUN_AS.get(step.run_as or "")
        inlines = [_run(step.run, fontType="monospace"), *([_run(f"  ({how})", isSubtle=True)] if how else [])]
        yield Block({"type": "RichTextBlock", "spacing": "none", "inlines": inlines})
