"""The report as text: plain lines for files and pipes, colours through rich on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from troubleshoot.model import Result
from troubleshoot.report.outline import Part, of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH = 110
_LEAST = 16  # columns of a proof that must fit behind its place
_STYLES = {
    "failed": "bold white on red",
    "pending": "bold black on yellow",
    "degraded": "bold black on yellow",
    "healthy": "bold white on green",
    "not-applicable": "bold white on blue",
    "inconclusive": "bold white on blue",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
}


def render(result: Result, width: int = WIDTH) -> str:
    """The plain form: no colour, no control character, lines of at most ``width`` columns where words allow it."""
    return paragraphs(of(result), width)


def paragraphs(parts: Iterable[Part], width: int = WIDTH) -> str:
    """Paragraphs of an outline in the plain form."""
    lines: list[str] = []
    for part in parts:
        lines += _plain(part, width)
    return "\n".join(lines).rstrip() + "\n"


def _plain(part: Part, width: int) -> list[str]:
    indent = "  " * part.depth
    role, text = part.role, part.text
    if role == "gap":
        return [""]
    if role == "heading":
        return [f"{indent}{text}:"] if part.depth else [f"{text}"]
    if role == "proof":
        head = f"{indent}  {part.mark}   " if part.mark else f"{indent}  "
        if len(head) + min(len(text), _LEAST) > width:  # a long path has a line of its own
            return [head.rstrip(), *wrapped(text, indent + "      ", indent + "      ", width)]
        return wrapped(text, head, indent + "      ", width)
    if role == "line":
        return [f"{indent}  - {text}"]
    if role == "item":
        return wrapped(text, f"{indent}  - ", f"{indent}    ", width)
    if role == "step":
        return wrapped(text, f"{indent}  {part.mark} ", f"{indent}     ", width)
    if role == "command":
        return [f"{indent}       > {text}{part.mark}"]
    if role == "text":
        return wrapped(text, f"{indent}{part.mark}: ", f"{indent}  ", width)
    return wrapped(text, indent, indent, width)


def wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` columns where words allow it, begun with ``first``, then with ``rest``."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    ) or [first.rstrip()]


def print_rich(result: Result, console: Console) -> None:
    """The same lines with colours. Texts are Text objects, so no markup inside a log ever acts."""
    width = max(min(console.width, 130), 40)
    for part in of(result):
        for number, line in enumerate(_plain(part, width)):
            console.print(_coloured(part, line, number), highlight=False, soft_wrap=True)


def _coloured(part: Part, line: str, number: int) -> Text:
    from rich.text import Text

    text = Text(line)
    if part.role == "verdict" and number == 0:
        text.stylize(_STYLES.get(part.mark, ""), 0, line.find("  "))
        text.stylize("bold", max(line.find("  "), 0))
    elif part.role == "title":
        text.stylize(_STYLES.get(part.mark, "bold"))
    elif part.role == "heading":
        text.stylize("bold")
    elif part.role == "proof" and number == 0 and part.mark:
        start = line.find(part.mark)
        text.stylize("cyan", start, start + len(part.mark))
    elif part.role == "command":
        text.stylize("green")
    elif part.role in ("note", "state"):
        text.stylize("dim")
    elif part.role == "text" and number == 0:
        text.stylize("bold", 0, line.find(":") + 1)
    return text
