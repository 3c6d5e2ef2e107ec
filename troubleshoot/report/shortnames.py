"""Short names of the files of one report, for pages on which a whole path would drown what matters."""

from __future__ import annotations

from collections import Counter

from troubleshoot.model import Report, Source
from troubleshoot.report.outline import place
from troubleshoot.report.safe import plain


class ShortNames:
    """The last part of a path where no other file of the report has it, else the whole path."""

    def __init__(self, report: Report) -> None:
        found = [one.source for one in (*report.coverage.captures, *report.coverage.evidence)]
        found += [source for one in report.attempts for source in one.sources]
        found += [proof.source for one in report.findings for proof in one.evidence]
        self._names = Counter(_last(path) for path in {source.path for source in found})

    def path(self, path: str) -> str:
        """The shortest name that tells the file from all others, harmless."""
        name = _last(path)
        return plain(name if self._names[name] <= 1 else path, 200)

    def place(self, source: Source) -> str:
        """As :func:`~troubleshoot.report.outline.place`, with the short name."""
        return place(source._replace(path=self.path(source.path)))


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path
