"""The report as Markdown for a ticket. Log text stands in code spans only, so no link, mention or HTML comes of it."""

from __future__ import annotations

from collections.abc import Iterable

from troubleshoot import words
from troubleshoot.model import Result
from troubleshoot.report.outline import Part, of
from troubleshoot.report.safe import code, markdown


def render(result: Result) -> str:
    """The Markdown text of a result."""
    return paragraphs(of(result))


def paragraphs(parts: Iterable[Part]) -> str:
    """Paragraphs of an outline as Markdown."""
    lines: list[str] = []
    before = ""
    for part in parts:
        listed = part.role in ("item", "line", "proof", "step", "command")
        if lines and lines[-1] and not (listed and before in ("item", "line", "proof", "step", "command", "heading")):
            lines.append("")
        lines += _part(part)
        before = part.role
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip() + "\n"


def _part(part: Part) -> list[str]:
    role, text = part.role, part.text
    if role == "gap":
        return [""]
    if role == "verdict":
        head, _, rest = text.partition("  ")
        return [f"# {head}: {markdown(rest)}"]
    if role == "title":
        return [f"## {markdown(text)}"]
    if role == "heading":
        return [f"**{markdown(text)}**", ""] if part.depth else [f"## {markdown(text)}", ""]
    if role == "proof":
        where = f"{code(part.mark)}: " if part.mark else ""
        return [f"{'  ' * max(part.depth - 1, 0)}- {where}{code(text)}"]
    if role in ("item", "line"):
        return [f"- {markdown(text)}"]
    if role == "step":
        return [f"{part.mark} {markdown(text)}"]
    if role == "command":
        return ["", f"   {code(text)}{part.mark}", ""]
    if role == "text":
        return [f"**{part.mark}:** {markdown(text, 4000)}"]
    if role == "note" and text.startswith("https://") and part.depth == 1:
        return [f"{words.HEADINGS['references']}: <{text}>"]
    return [f"_{markdown(text)}_"]
