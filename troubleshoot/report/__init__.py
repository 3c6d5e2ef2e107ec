"""Prints reports. A report is data; each form is a module of its own, imported when it is asked for."""

from __future__ import annotations

import sys

from troubleshoot.model import Result


def render(result: Result, form: str) -> str | bytes:
    """The result in one of the forms of ``diagnose -f``. Raises ValueError for another."""
    if form == "json":
        from troubleshoot.report import jsonform

        return jsonform.dump(result)
    if form == "card":
        from troubleshoot.report import card

        return card.card(result)
    if form == "text":
        from troubleshoot.report import text

        return text.render(result)
    if form == "markdown":
        from troubleshoot.report import markdown

        return markdown.render(result)
    if form in ("note", "oneline", "mail"):
        from troubleshoot.report import note

        return {"note": note.note, "oneline": note.oneline, "mail": note.mail}[form](result)
    if form == "html":
        from troubleshoot.report import html

        return html.render(result)
    raise ValueError(f"unknown form '{form}'")


def print_terminal(result: Result) -> None:
    """The text form with colours, on standard output."""
    from rich.console import Console

    from troubleshoot.report import text

    text.print_rich(result, Console(file=sys.stdout))
