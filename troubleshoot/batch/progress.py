"""What a run shows of itself on standard error: a bar on a terminal, a line now and then elsewhere, a summary at the end."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

from troubleshoot.batch.jobs import Brief

_EVERY = 10.0  # seconds between two lines
_TOP = 3  # causes beside the bar
_SEVERITY = ("error", "warning", "info")


class Tally:
    """Counts over finished items."""

    def __init__(self) -> None:
        self.items = self.devices = 0
        self.verdicts: Counter[str] = Counter()
        self.causes: Counter[tuple[str, str]] = Counter()

    def add(self, brief: Brief) -> None:
        """One more item."""
        self.items += 1
        self.devices += len(brief.verdicts)
        self.verdicts.update(brief.verdicts)
        self.causes.update(brief.causes)

    def top(self, count: int) -> list[tuple[str, str, int]]:
        """(severity, title, devices) of the commonest causes, errors first."""
        ranked = sorted(self.causes.items(), key=lambda one: (_SEVERITY.index(one[0][0]), -one[1], one[0][1]))
        return [(severity, title, number) for (severity, title), number in ranked[:count]]


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr)


class Progress:
    """A context manager around the work. ``total``: items to do; ``kept``: those of an earlier run."""

    def __init__(self, total: int, kept: int = 0) -> None:
        self.tally = Tally()
        self.total = total
        self._started = self._told = monotonic()
        self._bar: Any = None
        if kept:
            say(f"{kept:,} of {kept + total:,} inputs are finished and unchanged")

    def __enter__(self) -> Progress:
        if self.total and sys.stderr.isatty():
            self._bar = _Bar()
        return self

    def done(self, brief: Brief, parts: int = 0) -> None:
        """One item, or part of one, is finished; it has given so many ``parts`` that are still to be done."""
        self.tally.add(brief)
        self.total += parts

    def tick(self) -> None:
        """Called twice a second at least: time to show something."""
        now = monotonic()
        if self._bar is not None:
            if now - self._told > 0.4 or self.tally.items == self.total:
                self._told = now
                self._bar.show(self.tally, self.total)
        elif now - self._told > _EVERY:
            self._told = now
            say(self._line(now))

    def _line(self, now: float) -> str:
        rate = self.tally.items / max(now - self._started, 0.001)
        left = (self.total - self.tally.items) / rate if rate else 0
        first = next(iter(self.tally.top(1)), None)
        return (
            f"{self.tally.items:,} of {self.total:,}, {rate:,.0f} a second, {_span(left)} left, "
            f"{self.tally.verdicts['unread']:,} unread" + (f"; first cause: {first[1]} ({first[2]:,})" if first else "")
        )

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.show(self.tally, self.total)
            self._bar.close()


def _span(seconds: float) -> str:
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


class _Bar:
    """The bar, and the top causes under it. Titles are those of rules, so nothing of a log is shown."""

    def __init__(self) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.text import Text

        self._group, self._text = Group, Text
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=None, rate="")
        self._started = monotonic()
        self._live = Live(self._bar, console=Console(file=sys.stderr), auto_refresh=False, transient=True)
        self._live.start()

    def show(self, tally: Tally, total: int) -> None:
        rate = tally.items / max(monotonic() - self._started, 0.001)
        self._bar.update(
            self._task, total=total, completed=tally.items, rate=f"{rate:,.0f}/s, {tally.verdicts['unread']:,} unread"
        )
        lines = [self._text(f"{count:>9,}  {title}", no_wrap=True) for _, title, count in tally.top(_TOP)]
        self._live.update(self._group(self._bar, *lines), refresh=True)

    def close(self) -> None:
        self._live.stop()


def summary(tally: Tally, folder: Path) -> None:
    """Counts and top causes, when all is written."""
    say(f"{tally.devices:,} devices: " + ", ".join(f"{count:,} {name}" for name, count in tally.verdicts.most_common()))
    for severity, title, count in tally.top(10):
        say(f"{count:>9,}  {severity:<7}  {title}")
    say(f"written: {folder}")
