"""Draws ``docs/report.svg``, the picture in the README: a real report as a terminal shows it. Run after its words change."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from troubleshoot.pipeline import diagnose
from troubleshoot.report.text import print_rich
from troubleshoot.ruleset import load

ROOT = Path(__file__).resolve().parent.parent


def picture() -> str:
    """The report of one sample as SVG, without the web fonts that rich would fetch."""
    console = Console(record=True, width=110, force_terminal=True, file=io.StringIO())
    print_rich(diagnose([str(ROOT / "samples" / "broken" / "device-not-synced")], load()), console)
    drawn = console.export_svg(title="troubleshoot diagnose samples/broken/device-not-synced", unique_id="report")
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return re.sub(r"font-family: ?[^;]+;", "font-family: Consolas, Menlo, 'DejaVu Sans Mono', monospace;", drawn)


if __name__ == "__main__":
    (ROOT / "docs" / "report.svg").write_text(picture(), encoding="utf-8", newline="\n")
