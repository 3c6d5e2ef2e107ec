"""Shared fixtures: the workplace's folder of reference data, where there is one."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ../shared; the test is skipped where it is absent."""
    if not (SHARED / "README.md").is_file():
        pytest.skip("../shared is absent")
    return SHARED


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected files anew instead of comparing")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where the browser must be there (``REQUIRE_BROWSER``, set by ``.ci/run``), a skipped test of it is a failed one."""
    report = yield
    if report.skipped and os.environ.get("REQUIRE_BROWSER") and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"a test of the browser was skipped: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests did not run because the workplace's data, or a tool, is not there."""
    for reason in ("../shared is absent", "needs Debian's chromium", "needs axe-core"):
        skipped = [one for one in terminalreporter.stats.get("skipped", []) if reason in str(one.longrepr)]
        if skipped:
            terminalreporter.write_line(f"{len(skipped)} tests skipped: {reason}")


# The same examples in every run, so that a run of CI says the same as the run before it; to look for new ones:
# HYPOTHESIS_PROFILE=random python -m pytest
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
