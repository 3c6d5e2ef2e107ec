"""The HTML report of 5,000 events in headless Chromium, which with everything it starts is held to one core."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.browser import opened
from tests.pages import many, written
from troubleshoot.report import render

_OPENED = "const one = performance.getEntriesByType('navigation')[0]; return one.loadEventEnd - one.startTime"
_PAINTED = "const done = arguments[0]; requestAnimationFrame(() => setTimeout(() => done(performance.now())))"
_FILTERED = """
const [selector, text, done] = arguments, box = document.querySelector(selector + ' input'), start = performance.now();
box.value = text; box.dispatchEvent(new Event('input'));
requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
"""
_WORDS = {".attempts": "said no 4987", ".fields": "servermessage 4987"}


def seconds(rounds: int) -> Iterator[str]:
    """Lines to print: making the page, opening it until it is painted, and filtering it by words that one row holds."""
    result = many(5000)
    start = time.perf_counter()
    made = render(result, "html")
    yield f"made in {time.perf_counter() - start:.2f} s, {len(made) / 1e6:.1f} MB"
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "profile") as driver:
            page = written(Path(folder) / "page.html", result)
            times: dict[str, list[float]] = {}
            for _ in range(rounds + 1):
                driver.get("about:blank")
                driver.get(page)
                painted = driver.execute_async_script(_PAINTED)
                times.setdefault("opened", []).append(driver.execute_script(_OPENED))
                times.setdefault("opened and painted", []).append(min(painted, 10_000))
                for part, words in _WORDS.items():
                    for name, text in (("first", words), ("again", words[:-1]), ("emptied", "")):
                        spent = driver.execute_async_script(_FILTERED, part, text)
                        times.setdefault(f"{part[1:]} filtered, {name}", []).append(spent)
            for name, found in times.items():
                yield f"{name}: {median(found) / 1000:.2f} s, at most {max(found) / 1000:.2f}; at most 1"
    finally:
        os.sched_setaffinity(0, cores)
