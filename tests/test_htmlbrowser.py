"""The HTML report in a browser, with scripts or without: nothing of a log acts in it, everybody can use it, it is quick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import axe, complaints, need_browser, opened, picture, printed, requests, size_of
from tests.pages import FOLDERS, SAMPLES, given, many, stuffed, two_devices, written
from troubleshoot import words
from troubleshoot.model import Result
from troubleshoot.pipeline import diagnose
from troubleshoot.report import pictures
from troubleshoot.ruleset import load

pytestmark = pytest.mark.browser
LOOKED_AT = (
    *("broken/cloud-object-deleted", "broken/device-not-synced", "broken/two-faults", "damaged/noise"),
    *("damaged/truncated-log", "healthy/joined-after-failures"),
)


@pytest.fixture(autouse=True)
def browser() -> None:
    """Skips before anything is made for a browser that is not there."""
    need_browser()


def of_sample(name: str) -> Result:
    return diagnose(given(SAMPLES / name), load())


def found() -> Iterator[tuple[str, Result]]:
    """Every sample with a finding."""
    ruleset = load()
    for folder in FOLDERS:
        result = diagnose(given(folder), ruleset)
        if result.reports and result.reports[0].findings:
            yield folder.name, result


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found_and_no_request_leaves_the_page(scheme: str, tmp_path: Path) -> None:
    results = {name: of_sample(name) for name in LOOKED_AT}
    results["two devices"] = diagnose([two_devices(tmp_path / "two")], load())
    results["hostile"] = diagnose([str(stuffed(tmp_path))], load())
    with opened(tmp_path / "profile") as driver:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        for number, (name, result) in enumerate(results.items()):
            page = written(tmp_path / f"{number}.html", result)
            requests(driver)
            driver.get(page)
            back = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
            assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
            assert (name, axe(driver)) == (name, [])
            assert (name, requests(driver)) == (name, [page])
        assert complaints(driver) == []


@pytest.mark.slow
def test_no_barrier_is_found_on_a_phone(tmp_path: Path) -> None:
    with opened(tmp_path / "profile", 390, 844) as driver:
        for number, name in enumerate(LOOKED_AT[1:4]):
            driver.get(written(tmp_path / f"{number}.html", of_sample(name)))
            assert (name, axe(driver)) == (name, [])
            assert driver.execute_script("return document.documentElement.scrollWidth") == 390, name


@pytest.mark.slow
def test_every_sample_shows_cause_step_and_proof_above_the_fold_and_prints_to_two_pages(tmp_path: Path) -> None:
    below, pages = {}, {}
    with opened(tmp_path / "profile", 1280, 800) as driver:
        for name, result in found():
            driver.get(written(tmp_path / "page.html", result))
            ends = driver.execute_script(
                "return ['h1', '.badge', '.owner', '.cause', '.card', '.card + .card', '.chain rect'].map("
                "s => Math.ceil(document.querySelector(s).getBoundingClientRect().bottom))"
            )
            step = result.reports[0].findings[0].fix[0]
            (card, proof) = driver.find_elements("css selector", ".card")
            assert " ".join(step.do.split()) in " ".join(card.text.split())
            assert proof.find_element("css selector", "mark").text
            if max(ends) > 800:
                below[name] = ends
            pages[name] = printed(driver)
    assert below == {}
    assert {name: count for name, count in pages.items() if count > 2} == {}
    assert pages["device-not-synced"] == 2


@pytest.mark.slow
def test_thousands_of_attempts_print_to_two_pages_too(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", many(5000))
    with opened(tmp_path / "profile") as driver:
        for off in (False, True):
            driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": off})
            driver.get(page)
            assert printed(driver) == 2


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_pictures_of_the_first_screen(width: int, height: int, tmp_path: Path) -> None:
    """Verdict, cause, owner and first step are on the picture, and nothing is wider than the screen."""
    with opened(tmp_path / "profile", width, height) as driver:
        driver.get(written(tmp_path / "page.html", of_sample("broken/device-not-synced")))
        assert driver.execute_script("return document.documentElement.scrollWidth") == width
        for part in ("h1", ".badge", ".owner", ".cause", ".card"):
            assert driver.find_element("css selector", part).rect["y"] < height, part
        assert size_of(picture(driver)) == (width, height)


def test_a_hostile_capture_is_harmless_in_the_browser(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", diagnose([str(stuffed(tmp_path))], load()))
    with opened(tmp_path / "profile", 390) as driver:
        watch = (
            "window.hits = 0; for (const name of ['alert', 'eval', 'open']) window[name] = () => { window.hits++; };"
        )
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": watch})
        requests(driver)
        driver.get(page)
        count = driver.execute_script("return document.querySelectorAll('*').length")
        boxes = driver.find_elements("css selector", "input")
        assert len(boxes) == 2
        for box in boxes:
            box.send_keys("<script>alert(1)</script>")
        assert all("0 of" not in one.text for one in driver.find_elements("tag name", "output"))
        for button in driver.find_elements("css selector", "button"):
            driver.execute_script("arguments[0].click()", button)
        assert driver.execute_script("return document.querySelectorAll('*').length") < count
        assert driver.execute_script("return window.hits") == 0
        assert (
            driver.execute_script("return document.querySelectorAll('img, iframe, script, object, form').length") == 1
        )
        links = driver.execute_script("return Array.from(document.links, one => one.href)")
        assert all(one.startswith((f"{page}#", "https://learn.microsoft.com/")) for one in links)
        assert driver.execute_script("return document.documentElement.scrollWidth") == 390
        assert complaints(driver) == []
        assert requests(driver) == [page]


def test_without_scripts_everything_stands_there(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", of_sample("broken/device-not-synced"))
    with opened(tmp_path / "profile") as driver:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(page)
        shown = driver.find_element("tag name", "main").text
        for text in (
            "AD administrator",
            "Start-ADSyncSyncCycle -PolicyType Delta",
            "Time line of attempts",
            "Ngc Prerequisite",
        ):
            assert text in shown
        assert driver.find_element("css selector", "svg.timeline g.failed").is_displayed()
        assert not [one for one in driver.find_elements("css selector", "button, input") if one.is_displayed()]


def in_the_middle(result: Result, flow: str) -> int:
    """How many attempts of the flow stand in the middle half of the time line."""
    report = result.reports[0]
    line = pictures.timeline(report.attempts, report.coverage.captures)
    assert line is not None
    quarter = (line.last - line.first) / 4
    stamps = [pictures.stamp_of(one.time, True) for one in report.attempts if one.flow == flow]
    return sum(1 for one in stamps if one is not None and line.first + quarter <= one <= line.last - quarter)


def rows(part: Any) -> int:
    return len(part.find_elements("css selector", "tbody tr"))


def counted(part: Any) -> str:
    return str(part.find_element("tag name", "output").text)


def emptied(driver: Any, box: Any) -> None:
    driver.execute_script("arguments[0].value = ''", box)
    box.send_keys(" ")


@pytest.mark.slow
def test_thousands_of_attempts_cost_few_elements_and_filters_find_them(tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as driver:
        result = many(5000)
        driver.get(written(tmp_path / "page.html", result))
        part = driver.find_element("css selector", ".attempts")
        assert (rows(part), counted(part)) == (200, "5000 of 5000 shown")
        assert driver.execute_script("return document.querySelectorAll('*').length") < 8000
        part.find_element("css selector", ".more").click()
        assert rows(part) == 400
        box = part.find_element("css selector", "input")
        box.send_keys("000000004321 0x801c")
        assert (rows(part), counted(part)) == (1, "1 of 5000 shown")
        emptied(driver, box)
        (flow, *_) = part.find_elements("css selector", "select")
        flow.find_element("css selector", "option[value=prt]").click()
        assert counted(part) == "2500 of 5000 shown"
        part.find_element("css selector", "[data-zoom=in]").click()
        assert counted(part) == f"{in_the_middle(result, 'prt')} of 5000 shown"
        part.find_element("css selector", ".drawing").send_keys("0")
        assert counted(part) == "2500 of 5000 shown"
        assert complaints(driver) == []


@pytest.mark.slow
def test_thousands_of_fields_are_searched_and_shown_as_rows(tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as driver:
        driver.get(written(tmp_path / "page.html", many(5000)))
        part = driver.find_element("css selector", ".fields")
        whole = counted(part)
        assert int(whole.split()[0]) > 15_000
        assert not part.find_elements("css selector", "pre")
        box = part.find_element("css selector", "input")
        box.send_keys("servermessage said no 4987")
        cells = [one.text for one in part.find_elements("css selector", "tbody td")]
        assert cells == [
            *("ServerMessage", "The server said no 4987", "event 304 User Device Registration 2026-02-28T12:53:00Z"),
            "User Device Registration.evtx record 4987",
        ]
        emptied(driver, box)
        assert counted(part) == whole
        assert complaints(driver) == []


def test_the_source_and_phase_filters_and_the_hovered_mark(tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    result = of_sample("healthy/joined-after-failures")
    with opened(tmp_path / "profile") as driver:
        driver.get(written(tmp_path / "page.html", result))
        part = driver.find_element("css selector", ".attempts")
        picks = {one.get_attribute("data-by"): one for one in part.find_elements("tag name", "select")}
        assert counted(part) == "4 of 4 shown"
        picks["files"].find_element("xpath", "option[text()='dsregcmd.txt']").click()
        assert (rows(part), counted(part)) == (2, "2 of 4 shown")
        assert len(part.find_elements("css selector", "svg.timeline g")) == 2
        picks["files"].find_element("css selector", "option").click()
        picks["phase"].find_element("css selector", "option[value=join]").click()
        assert len(part.find_elements("css selector", "svg.timeline g.failed")) == 1
        ActionChains(driver).move_to_element(part.find_element("css selector", "svg.timeline g.failed path")).perform()
        told = part.find_element("css selector", ".hovered").text
        assert told.startswith("2026-02-25 08:58:01 UTC")
        assert "0x801c03f2" in told


def test_a_command_is_copied_by_keyboard(tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as driver:
        driver.get(written(tmp_path / "page.html", of_sample("broken/device-not-synced")))
        button = driver.find_element("css selector", ".steps button.copy")
        button.send_keys("\ue007")
        driver.implicitly_wait(5)
        driver.find_element("xpath", f"//*[@id='said'][text()='{words.PAGE['copied']}']")
        box = driver.find_element("css selector", ".attempts input")
        box.send_keys("\ue009v")
        assert box.get_attribute("value") == "Get-ADComputer NAME -Properties userCertificate, DistinguishedName"


def test_everything_that_can_be_used_is_reached_by_the_tab_key_and_shows_it(tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as driver:
        driver.get(written(tmp_path / "page.html", of_sample("broken/device-not-synced")))
        usable = "a[href], button, input, select, summary, [tabindex='0']"
        count = driver.execute_script(
            "return Array.from(document.querySelectorAll(arguments[0])).filter(one => one.checkVisibility()).length",
            usable,
        )
        met = []
        for _ in range(count):
            driver.switch_to.active_element.send_keys("\ue004")
            met.append(driver.switch_to.active_element)
            outline = met[-1].value_of_css_property("outline-width")
            assert outline == "3px", met[-1].get_attribute("outerHTML")
        assert len({one.id for one in met}) == count
        assert met[0].get_attribute("class") == "skip"
