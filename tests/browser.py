"""Headless Chromium for tests of pages: no network, a fresh profile, and what the page asked for."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).resolve().parent.parent / "build" / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--allow-file-access-from-files",
        "--hide-scrollbars",
    ),
)


def need_browser() -> None:
    """Skip the test without Chromium and its driver; fail it where CI says that they must be there."""
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail("Chromium or its driver is missing")
    pytest.skip("needs Debian's chromium and chromium-driver")


@contextmanager
def opened(profile: Path, width: int = 1280, height: int = 1000) -> Iterator[Any]:
    """A driver with a window of this size in CSS pixels."""
    need_browser()
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for one in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(one)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        yield driver
    finally:
        driver.quit()


def requests(driver: Any) -> list[str]:
    """Every address that the pages have asked for since the last call."""
    found = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.append(message["params"]["request"]["url"])
    return found


def axe(driver: Any) -> list[str]:
    """What axe-core finds wrong with the open page: rule and first element. Skips where ``.ci/run`` has not installed it."""
    if not AXE.is_file():
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"axe-core is missing: {AXE}")
        pytest.skip("needs axe-core: npm install --no-save --prefix build axe-core")
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    driver.set_script_timeout(300)  # seconds; a machine busy with other tests takes long, and a test does not time
    found = driver.execute_async_script("axe.run(document).then(arguments[arguments.length - 1])")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


def picture(driver: Any) -> bytes:
    """The visible part of the page as PNG."""
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    assert png.startswith(b"\x89PNG")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def printed(driver: Any) -> int:
    """How many A4 pages the page prints to."""
    options = {"printBackground": True, "preferCSSPageSize": True}
    raw = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", options)["data"])
    return len(re.findall(rb"/Type\s*/Page\b", raw))


def complaints(driver: Any) -> list[str]:
    """What the console holds: script errors and breaches of the content security policy."""
    return [entry["message"] for entry in driver.get_log("browser")]
