"""The page of a fleet: its data exact, its policy strict, and what it does in a browser, also with 100,000 devices."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.browser import axe, complaints, opened, picture, requests
from tests.fleets import CAUSES, computer, device, guid, write_list, write_run
from troubleshoot.cli import app
from troubleshoot.fleet import columns, devicepages, page
from troubleshoot.fleet.assemble import Fleet, assembled, fleet_of
from troubleshoot.fleet.frames import read_run
from troubleshoot.report import jsonform, stored
from troubleshoot.tables import DATA

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
DAY = ("2026-03-04T09:10:00Z", "2026-03-05T09:10:00Z", "2026-03-06T09:10:00Z")
HOSTILE = [
    "</script><script>window.hits++</script>", "<img src=x onerror=window.hits++>", "WKS-\u202e0427", "=cmd|' /C calc'!A0",
    "a\u2028b", '"><svg onload=window.hits++>', "javascript:window.hits++", "x" * 300, "{{ 7 * 7 }}", "\x1b[2J",
]  # fmt: skip


def data_in(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def numbers(column: dict[str, Any]) -> list[int]:
    raw = base64.b64decode(column["data"])
    return list(struct.unpack(f"<{len(raw) // column['width']}{ {1: 'B', 2: 'H', 4: 'I'}[column['width']] }", raw))


def words(data: dict[str, Any], name: str) -> list[str | None]:
    column = next(one for one in data["words"] if one["name"] == name)
    shown = [None, *column.get("labels", column["values"])]
    return [shown[code] for code in numbers(column)]


def some_fleet(tmp_path: Path) -> Fleet:
    rows = [device("WKS-0002", "scp", facts={"site": "Berlin"}), device("wks-0001", facts={"site": "Lyon"})]
    rows += [device("WKS-0003", "tpm", device_id=guid(3)), device("LAB-0001", "scp")]
    runs = [write_run(tmp_path / "1", rows), write_run(tmp_path / "2", [one | {"as_of": DAY[1]} for one in rows])]
    return fleet_of(runs, [write_list(tmp_path / "ad.csv", [computer(at, f"WKS-{at:04}") for at in range(1, 6)])])


# --------------------------------------------------------------------------------------------------------- data


@given(st.lists(st.integers(0, 2**32 - 1), max_size=30))
def test_numbers_come_back(some: list[int]) -> None:
    assert numbers(columns.packed(some)) == some


def test_columns_of_devices(tmp_path: Path) -> None:
    data = data_in(page.render(some_fleet(tmp_path)))
    assert data["names"] == ["LAB-0001", "wks-0001", "WKS-0002", "WKS-0003", "WKS-0004", "WKS-0005"]
    assert words(data, "verdict") == ["FAILED", "HEALTHY", "FAILED", "FAILED", "NEVER REPORTED", "NEVER REPORTED"]
    assert words(data, "root") == [CAUSES["scp"][0], None, CAUSES["scp"][0], CAUSES["tpm"][0], None, None]
    assert words(data, "site") == [None, "Lyon", "Berlin", None, None, None]
    assert numbers(data["target"]) == [0, 1, 1, 1, 1, 1]
    assert data["ids"][32 * 3 : 32 * 4] == guid(3).replace("-", "")
    seen = next(one for one in data["times"] if one["name"] == "last_seen")
    assert numbers(seen)[1] * 60 == int(pd.Timestamp(DAY[1]).timestamp())
    assert numbers(seen)[4:] == [0, 0]
    assert {one["rule"]: numbers(one["devices"]) for one in data["causes"]} == {"scp": [2], "tpm": [3]}
    assert data["rollout"][0] == {"title": "in the target", "devices": 5}
    assert [one["measured"] for one in data["trend"]] == [3, 3]
    assert data["links"] is None


def test_the_page_allows_its_own_scripts_and_nothing_else(tmp_path: Path) -> None:
    text = page.render(some_fleet(tmp_path))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    for tag in ("style", "script"):
        for one in re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL):
            assert base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() in policy[1]
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", text.partition("<main>")[2].partition("<script")[0])
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text.partition("<main>")[2].partition("<script")[0])
    assert text == page.render(some_fleet(tmp_path))


def test_vendored_libraries_are_those_that_are_named() -> None:
    notes = (DATA / "vendor" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\S+)` \| `\S+` \| ([\d.]+) \| ([0-9a-f]{64}) \|$", notes, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(one.name for one in (DATA / "vendor").glob("*.js"))
    for name, version, digest in rows:
        raw = (DATA / "vendor" / name).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == digest
        assert f"v{version}".encode() in raw[:200]


# ------------------------------------------------------------------------------------------------ reports of devices


@pytest.mark.parametrize("folder", sorted(one.parent.name for one in SAMPLES.glob("*/*/expected.json")))
def test_a_stored_report_comes_back(folder: str) -> None:
    form = json.loads(next(SAMPLES.glob(f"*/{folder}/expected.json")).read_text(encoding="utf-8"))
    assert [jsonform.report(stored.report(one)) for one in form["devices"]] == form["devices"]


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("run")
    sources = [str(SAMPLES / "broken" / "device-not-synced"), str(SAMPLES / "broken" / "proxy-of-another-machine")]
    sources = [one for one in sources if Path(one).is_dir()]
    done = CliRunner().invoke(app, ["batch", *sources, "-o", str(base / "a run"), "--workers", "1"])
    assert done.exit_code in (0, 1)
    return base / "a run"


def test_devices_link_to_their_own_reports(a_run: Path, tmp_path: Path) -> None:
    out = a_run.parent / "out" / "fleet.html"
    out.parent.mkdir()
    assert CliRunner().invoke(app, ["fleet", "html", str(a_run), "-o", str(out)]).exit_code == 0
    data = data_in(out.read_text(encoding="utf-8"))
    assert len(data["links"]) == data["count"] >= 1
    for name, link in zip(data["names"], data["links"], strict=True):
        assert link.startswith("../a%20run/pages/")
        assert name in (out.parent / link.replace("%20", " ")).read_text(encoding="utf-8")


def test_a_page_of_another_report_is_not_linked(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [device("WKS-0001", "scp"), device("WKS-0002")])
    fleet = fleet_of([run])
    assert devicepages.links(fleet, tmp_path / "x.html", "none") == {}
    assert devicepages.links(fleet, tmp_path / "x.html", "failing") == {}  # the invented reports are not whole
    (run / "pages" / "000001-0123456789.html").write_text("of an older run")
    assert devicepages.links(fleet, tmp_path / "x.html", "none") == {}


@pytest.mark.parametrize(
    ("name", "linked"),
    [
        ("reports/0a1b.html", True), ("reports/gone.html", False), ("reports/../../secret.html", False),
        ("javascript:alert(1)", False), ("//corp.example/x.html", False), (None, False),
    ],
)  # fmt: skip
def test_pages_of_batch_are_linked(tmp_path: Path, name: str | None, linked: bool) -> None:
    run = write_run(tmp_path / "run", [device("WKS-0001", "scp", page=name)])
    (run / "reports").mkdir()
    (run / "reports" / "0a1b.html").write_text("its report")
    (tmp_path / "secret.html").write_text("another page")
    found = devicepages.links(fleet_of([run]), tmp_path / "fleet.html", "none")
    assert found == ({"name:WKS-0001@": "run/reports/0a1b.html"} if linked else {})


# ------------------------------------------------------------------------------------------------------- browser


def big(count: int) -> Fleet:
    """A fleet made in memory: what is under test is the page, not the reading of runs."""
    rules = list(CAUSES)
    rows = []
    for at in range(count):
        cause = rules[at % 7] if at % 3 == 0 else None
        rows.append(device(f"WKS-{at:06}", cause, device_id=guid(at + 1), site=f"Site-{at % 40:02}"))
    return rows_as_fleet(rows)


def rows_as_fleet(rows: list[dict[str, Any]]) -> Fleet:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        frame = pd.DataFrame(rows).assign(line=range(1, len(rows) + 1))
        base = Path(folder) / "run"
        base.mkdir()
        frame.to_parquet(base / "devices.parquet", index=False)
        failing = frame[frame["root"].notna()]
        found = failing[["line", "source", "device", "title", "phase", "severity", "confidence", "who"]].assign(
            role="root",
            rule=failing["root"],
            root=failing["root"],
            time=DAY[0],
            user=None,
            fingerprint=failing["device"],
        )
        found.to_parquet(base / "findings.parquet", index=False)
        return assembled([read_run(base)], [])


def shown(driver: Any) -> str:
    return str(driver.execute_script("return document.getElementById('shown').textContent"))


def search(driver: Any, text: str) -> str:
    """Type into the box, wait until the list has followed, and tell what it shows."""
    wait = """const [text, done] = arguments, box = document.getElementById('search');
        new MutationObserver(() => done(document.getElementById('shown').textContent))
            .observe(document.getElementById('shown'), {childList: true, characterData: true, subtree: true});
        box.value = text; box.dispatchEvent(new Event('input'));"""
    return str(driver.execute_async_script(wait, text))


@pytest.mark.browser
@pytest.mark.slow
def test_a_hundred_thousand_devices(tmp_path: Path) -> None:
    out = tmp_path / "fleet.html"
    out.write_text(page.render(big(100_000)), encoding="utf-8")
    assert out.stat().st_size < 12_000_000
    with opened(tmp_path / "profile") as driver:
        driver.get(out.as_uri())
        assert driver.execute_script("return document.documentElement.dataset.ready") == "yes"
        assert shown(driver) == "100,000 of 100,000 devices"
        assert search(driver, "wks-0999") == "100 of 100,000 devices"
        assert search(driver, guid(0xABC)) == "1 of 100,000 devices"
        assert search(driver, "") == "100,000 of 100,000 devices"
        rows = "return document.querySelectorAll('#devices tbody tr').length"
        assert driver.execute_script(rows) < 100
        # To the end: the last device stands there, and the page still holds few rows.
        driver.execute_script("const one = document.getElementById('scroller'); one.scrollTop = one.scrollHeight;")
        driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        texts = driver.execute_script(
            "return [...document.querySelectorAll('#devices td.w1')].map(one => one.textContent)"
        )
        assert texts[-1] == "WKS-099998"  # the last of those that are well, by name
        assert driver.execute_script(rows) < 100
        assert complaints(driver) == []
        assert {url.partition(":")[0] for url in requests(driver)} <= {"file", "chrome", "data"}


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_barrier_is_found(scheme: str, width: int, tmp_path: Path) -> None:
    out = tmp_path / "fleet.html"
    out.write_text(page.render(some_fleet(tmp_path), {}), encoding="utf-8")
    with opened(tmp_path / "profile", width, 900) as driver:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        driver.get(out.as_uri())
        driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
        assert axe(driver) == []
        assert driver.execute_script("return document.documentElement.scrollWidth") == width
        # By keyboard: a figure shows its devices, a device its details, and Escape leads back to it.
        driver.execute_script("document.querySelector('.tile.failed button').focus()")
        driver.switch_to.active_element.send_keys("\ue007")
        assert shown(driver) == "2 of 6 devices"
        driver.execute_script("document.querySelector('#devices button.name').focus()")
        driver.switch_to.active_element.send_keys("\ue007")
        assert driver.execute_script("return document.getElementById('one').open") is True
        assert axe(driver) == []
        driver.switch_to.active_element.send_keys("\ue00c")
        assert driver.execute_script("return document.activeElement.textContent") == "WKS-0002"
        drawn = "return [...document.querySelectorAll('canvas')].map(one => one.id + ' ' + (one.offsetHeight > 50))"
        names = ("causes", "rollout", "phases", "trend", "heat")
        assert driver.execute_script(drawn) == [f"chart-{name} true" for name in names]
        assert picture(driver).startswith(b"\x89PNG")
        assert complaints(driver) == []


@pytest.mark.browser
def test_hostile_names_are_harmless(tmp_path: Path) -> None:
    rows = [device(name, "scp", source=f"s/{at}", facts={"site": name}) for at, name in enumerate(HOSTILE)]
    rows += [device("WKS-0001", title=HOSTILE[0], root=HOSTILE[1], verdict="failed")]
    text = page.render(fleet_of([write_run(tmp_path / "run", rows)]))
    out = tmp_path / "fleet.html"
    out.write_text(text, encoding="utf-8")
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert text.count("<script") == 4
    with opened(tmp_path / "profile") as driver:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": "window.hits = 0"})
        driver.get(out.as_uri())
        for at in range(3):
            driver.execute_script(f"document.querySelectorAll('#devices button.name')[{at}].click()")
            driver.execute_script("document.getElementById('one').close()")
        for button in driver.find_elements("css selector", "button.pick"):
            driver.execute_script("arguments[0].click()", button)
        assert search(driver, "<img") == "1 of 11 devices"
        assert driver.execute_script("return window.hits") == 0
        assert driver.execute_script("return document.querySelectorAll('img, iframe, svg').length") == 0
        assert complaints(driver) == []
        assert axe(driver) == []


@pytest.mark.browser
def test_without_scripts_the_figures_stand_there(tmp_path: Path) -> None:
    out = tmp_path / "fleet.html"
    out.write_text(page.render(some_fleet(tmp_path)), encoding="utf-8")
    with opened(tmp_path / "profile") as driver:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(out.as_uri())
        text = driver.find_element("tag name", "body").text
        for part in ("NEVER REPORTED", "AD administrator", CAUSES["scp"][0], "The list needs scripts"):
            assert part in text, part
