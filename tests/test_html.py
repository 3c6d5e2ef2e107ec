"""The HTML report: what it says, that nothing of a log acts in it, and that it works in a browser, with scripts or without."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import html as parsed

from tests.browser import axe, complaints, opened, picture, print_pages, requests
from troubleshoot import words
from troubleshoot.console import redacted
from troubleshoot.model import Attempt, Capture, Field, FixStep, Proof, Result, Source
from troubleshoot.pipeline import diagnose
from troubleshoot.report import html, pictures, render
from troubleshoot.ruleset import load

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))
TAGS = frozenset(
    re.findall(
        "[a-z0-9]+",
        "html head meta title style body a main article header section nav figure figcaption footer h1 h2 h3 h4 h5 h6 p div"
        " span b ul ol li dl dt dd table thead tbody tr th td code pre mark time details summary button label input select"
        " option output script svg g path rect circle text",
    )
)
HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style></title><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "[link](javascript:alert(4))",
    "=cmd()|'/c calc'!A1",
    "\x1b[31mred\x1b]8;;http://evil.example\x07",
    "\u202egnp.exe\u2066",
    "{{7*7}}{% for x in y %}",
    "\" autofocus onfocus=alert(5) x='",
    "javascript:alert(6)",
    "&lt;script&gt; url(http://evil.example) @import 'x'; </svg><svg onload=alert(7)>",
)


def given(folder: Path) -> list[str]:
    own = ("README.md", "expected.json", "identities.json")
    return [str(one) for one in sorted(folder.iterdir()) if one.name not in own]


def page_of(result: Result) -> Any:
    made = render(result, "html")
    assert isinstance(made, str)
    return parsed.fromstring(made)


def said(element: Any) -> str:
    return " ".join(element.text_content().split())


# ------------------------------------------------------------------------------------------------------ content


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_sample_says_verdict_cause_owner_first_step_and_proof(folder: Path) -> None:
    result = diagnose(given(folder), load())
    made = render(result, "html")
    assert made == render(result, "html")
    page = parsed.fromstring(made)
    if not result.reports:
        assert all(one.path in said(page.cssselect("section.files")[0]) for one in result.unread)
        return
    (report,) = result.reports
    (top,) = page.cssselect("article > header")
    assert words.VERDICTS[report.verdict] in said(top)
    assert words.VERDICTS_PLAIN[report.verdict] in said(top)
    if report.findings:
        first = report.findings[0]
        (title,) = page.cssselect("h1")
        assert said(title).startswith(" ".join(first.title.split()))
        (block,) = page.cssselect(".top")
        assert " ".join(first.cause.split()) in said(block)
        assert " ".join(first.fix[0].do.split()) in said(block)
        assert " ".join(first.evidence[0].text.split())[:100] in said(block)
        assert len(page.cssselect(".steps li")) == sum(len(one.fix) for one in report.findings)
    for one in report.benign:
        assert one.title in said(page.get_element_by_id("d1-benign").getparent())
    assert {one.tag for one in page.iter() if isinstance(one.tag, str)} <= TAGS
    ids = [one.get("id") for one in page.cssselect("[id]")]
    assert len(ids) == len(set(ids))
    assert {one.get("aria-labelledby") for one in page.cssselect("[aria-labelledby]")} <= set(ids)
    assert {one.get("href") for one in page.cssselect("a[href^='#']")} <= {f"#{one}" for one in ids}


def test_order_of_the_parts() -> None:
    page = page_of(diagnose(given(SAMPLES / "healthy" / "joined-after-failures"), load()))
    assert [said(one) for one in page.cssselect("h2")][:2] == ["Time line of attempts", "What was read"]
    page = page_of(diagnose(given(SAMPLES / "broken" / "device-disabled"), load()))
    assert [re.sub(r" \(\d+\)", "", said(one)) for one in page.cssselect("h2")] == [
        *("What to do", "Proof", "Time line of attempts", "What was read", "All fields read", "Normal here, ignore"),
    ]


def test_lines_around_the_proof() -> None:
    page = page_of(diagnose(given(SAMPLES / "broken" / "device-not-synced"), load()))
    first = page.cssselect(".excerpt")[0]
    lines = [(one.get("class"), said(one)) for one in first.cssselect(".lines > div")]
    assert lines == [
        ("section", "Diagnostic Data"),
        ("near", "44 Registration Type : sync"),
        ("near", "45 Error Phase : join"),
        ("proof", "46 Client ErrorCode : 0x801c03f2"),
        ("proof", "47 Server ErrorCode : DirectoryError"),
        (
            "proof",
            "48 Server Message : The device object by the given id (22222222-3333-4444-5555-666666666666) is not found.",
        ),
        ("near", "49 Https Status : 400"),
        ("near", r"50 Executing Account Name : CONTOSO\LT-0042$, LT-0042$@corp.example"),
    ]


def capture_of(path: str, fields: list[tuple[int, str, str]]) -> Capture:
    made = tuple(Field("Device State", label, None, text, None, line) for line, label, text in fields)
    return Capture("dsregcmd", Source(path, 1), None, None, None, made, {}, {})


def test_an_excerpt_leaves_out_what_lies_between_and_what_is_of_another_file() -> None:
    fields = [(line, f"Label{line}", "x") for line in range(1, 21)]
    proofs = [Proof(Source("a", line), f"proof {line}") for line in (3, 15)] + [Proof(Source("c", record=7), "record")]
    found = html.excerpts(proofs, [capture_of("a", fields), capture_of("b", fields)])
    assert [one.where for one in found] == ["a", "c record 7"]
    kinds = [(line.kind, line.number) for line in found[0].lines]
    assert kinds[:6] == [("section", None), ("near", 1), ("near", 2), ("proof", 3), ("near", 4), ("near", 5)]
    assert kinds[6:] == [("gap", None), ("near", 13), ("near", 14), ("proof", 15), ("near", 16), ("near", 17)]
    assert found[1].lines == (html.Line("proof", None, "record"),)


def test_steps_are_grouped_by_who_acts_and_keep_their_numbers() -> None:
    steps = [html.Step(number, FixStep("do", who)) for number, who in enumerate(("helpdesk", "network", "helpdesk"), 1)]
    found = html.grouped(steps)
    assert [(one.who, [step.number for step in one.steps]) for one in found] == [
        (words.WHO["helpdesk"], [1, 3]),
        (words.WHO["network"], [2]),
    ]


@pytest.mark.parametrize(
    ("value", "offset", "shown"),
    [
        (datetime(2026, 3, 4, 9, 0, tzinfo=UTC), None, ("2026-03-04 09:00:00 UTC", None)),
        (
            datetime(2026, 3, 4, 9, 0, tzinfo=UTC),
            "-08:00",
            ("2026-03-04 09:00:00 UTC", "2026-03-04 01:00:00 UTC-08:00"),
        ),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "+14:00", ("9999-12-31 23:59:00 UTC", None)),
        (datetime(2026, 3, 4, 9, 0), "+01:00", ("2026-03-04 09:00:00 (local time, zone unknown)", None)),
    ],
)
def test_times_are_shown_in_utc_and_by_the_devices_clock(
    value: datetime, offset: str | None, shown: tuple[str, str | None]
) -> None:
    found = html.moment(value, offset)
    assert found is not None
    assert (found.text, found.local) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("run `a b` as admin", [(False, "run "), (True, "a b"), (False, " as admin")]),
        ("no command", [(False, "no command")]),
        ("odd ` backtick", [(False, "odd ` backtick")]),
    ],
)
def test_commands_inside_a_sentence(text: str, parts: list[tuple[bool, str]]) -> None:
    assert html.commands(text) == parts


def attempt(moment: datetime | None, **more: Any) -> Attempt:
    return Attempt("join", moment, "join", more.pop("outcome", "failed"), **more)


def test_the_time_line_draws_instants_and_leaves_local_times_to_the_table() -> None:
    start = datetime(2026, 3, 4, tzinfo=UTC)
    line = pictures.timeline([attempt(start), attempt(start.replace(tzinfo=None)), attempt(None)], [])
    assert line is not None
    assert (line.aware, len(line.marks), line.apart) == (True, 1, 1)
    local = pictures.timeline([attempt(start.replace(tzinfo=None))], [])
    assert local is not None
    assert (local.aware, len(local.marks)) == (False, 1)
    assert pictures.timeline([attempt(None)], []) is None


def test_marks_that_would_cover_each_other_are_one_with_a_number() -> None:
    start = datetime(2026, 3, 4, tzinfo=UTC)
    many = [attempt(start + timedelta(minutes=number), repeats=2) for number in range(5000)]
    line = pictures.timeline(many, [])
    assert line is not None
    assert len(line.marks) <= pictures.ROOM / 6 + 1
    assert sum(one.number for one in line.marks) == 10_000


@pytest.mark.parametrize("year", [1, 9999])
def test_the_time_line_survives_the_ends_of_the_calendar(year: int) -> None:
    line = pictures.timeline([attempt(datetime(year, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))], [])
    assert line is not None
    assert all(0 <= x <= pictures.ROOM for x, _ in line.ticks)


@pytest.mark.parametrize(
    ("text", "longest", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("a abcdefghij", 6, ["a abcd", "efghij"]),
        ("one two three four five six", 5, ["one", "two", "three", "four…"]),
        ("", 5, []),
    ],
)
def test_words_wrap_inside_a_box(text: str, longest: int, lines: list[str]) -> None:
    assert pictures.wrapped(text, longest) == lines


def test_the_chain_leads_from_the_cause_to_attempts_and_symptoms() -> None:
    (report,) = diagnose(given(SAMPLES / "broken" / "device-not-synced"), load()).reports
    chain = pictures.chain(report.findings[0], report.attempts)
    assert [one.kind for one in chain.boxes] == ["root", "seen", "symptom"]
    assert len(chain.arrows) == 2
    assert chain.text.startswith("Root cause · join: Microsoft Entra does not know the computer yet")
    assert "The computer is in the domain but not hybrid joined" in chain.text
    bottoms = [one.y + one.height for one in chain.boxes]
    assert chain.height == bottoms[-1]
    assert all(bottom < box.y for bottom, box in zip(bottoms, chain.boxes[1:], strict=False))


def two_devices(folder: Path) -> str:
    for number, (kind, name) in enumerate((("broken", "device-not-synced"), ("healthy", "hybrid-managed"))):
        text = (SAMPLES / kind / name / "dsregcmd.txt").read_text(encoding="utf-8")
        target = folder / f"WKS-{number}"
        target.mkdir(parents=True)
        (target / "dsregcmd.txt").write_text(text.replace("LT-0042", f"WKS-{number}"), encoding="utf-8")
    return str(folder)


def test_several_devices_have_an_index(tmp_path: Path) -> None:
    page = page_of(diagnose([two_devices(tmp_path)], load()))
    assert [said(one) for one in page.cssselect("h1")] == ["Devices: 2"]
    links = page.cssselect("main > table tbody a")
    assert [one.get("href") for one in links] == ["#d1", "#d2"]
    assert len(page.cssselect("article.device")) == 2
    assert [said(one) for one in page.cssselect("main > table .badge")] == ["PENDING", "HEALTHY"]


def test_redacted_names_stand_nowhere_and_the_report_says_how_many_were_replaced() -> None:
    result = redacted(given(SAMPLES / "broken" / "device-not-synced"), load(), False, None)
    made = render(result, "html")
    assert isinstance(made, str)
    assert not re.search("LT-0042|CONTOSO|corp.example|22222222-3333", made)
    assert words.HEADINGS["redacted"] in made
    assert result.redacted
    assert all(f"{count} {kind}" in made for kind, count in result.redacted.items())


def test_nothing_read_is_a_page_too(tmp_path: Path) -> None:
    (tmp_path / "empty<b>.bin").write_bytes(b"\0" * 100)
    page = page_of(diagnose([str(tmp_path)], load()))
    assert "empty<b>.bin" in said(page.cssselect("section.files")[0])


# ------------------------------------------------------------------------------------------------------ hostile


def stuffed(folder: Path) -> Path:
    """A capture of a failed join in which every value, and a label, tries to act."""
    lines = []
    text = (SAMPLES / "broken" / "device-not-synced" / "dsregcmd.txt").read_text(encoding="utf-8")
    kept = ("AzureAdJoined", "DomainJoined", "Client ErrorCode", "Server ErrorCode", "Error Phase", "Client Time")
    for number, line in enumerate(text.splitlines()):
        label, colon, value = line.partition(" : ")
        attack = HOSTILE[number % len(HOSTILE)]
        if colon and label.strip() == "Server Message":
            value += " " + "".join(one for one in HOSTILE if "\x1b" not in one)
        elif colon and label.strip() not in kept:
            value = attack
        lines.append(label + colon + value)
    target = folder / "<img src=x onerror=alert(8)>"
    target.mkdir()
    (target / "dsregcmd{{7*7}}.txt").write_text("\n".join(lines), encoding="utf-8")
    (target / "it's=cmd().bin").write_bytes(b"\0<script>alert(9)</script>")
    return folder


def test_hostile_values_are_text(tmp_path: Path) -> None:
    result = diagnose([str(stuffed(tmp_path))], load())
    made = render(result, "html")
    assert isinstance(made, str)
    page = parsed.fromstring(made)
    assert {one.tag for one in page.iter() if isinstance(one.tag, str)} <= TAGS
    assert len(page.cssselect("script")) == len(page.cssselect("style")) == len(page.cssselect("title")) == 1
    assert not [name for one in page.iter() for name in one.attrib if name.startswith("on") or name in ("style", "src")]
    assert all(one.get("href").startswith(("#", "https://learn.microsoft.com/")) for one in page.cssselect("[href]"))
    assert not set("\x1b\x07\u202e\u2066") & set(made)
    shown = said(page.cssselect(".fields")[0])
    assert "<script>alert(1)</script>" in shown
    assert "{{7*7}}" in shown
    assert result.reports[0].findings[0].rule == "device-not-synced"


def test_the_policy_allows_one_style_and_one_script_by_hash() -> None:
    page = page_of(diagnose(given(SAMPLES / "broken" / "device-not-synced"), load()))
    (policy,) = page.cssselect("meta[http-equiv=Content-Security-Policy]")
    rules = dict(one.strip().split(" ", 1) for one in policy.get("content").split(";"))
    for name, tag in (("style-src", "style"), ("script-src", "script")):
        (block,) = page.cssselect(tag)
        digest = base64.b64encode(hashlib.sha256(block.text.encode()).digest()).decode()
        assert rules.pop(name) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}


# ------------------------------------------------------------------------------------------------------ browser


def written(path: Path, result: Result) -> str:
    made = render(result, "html")
    assert isinstance(made, str)
    path.write_bytes(made.encode())
    return path.as_uri()


def many(count: int) -> Result:
    """A real report with thousands of attempts of two flows."""
    result = diagnose(given(SAMPLES / "broken" / "device-not-synced"), load())
    start = datetime(2026, 3, 4, tzinfo=UTC)
    made = tuple(
        Attempt(
            *(("join", "prt")[number % 2], start - timedelta(minutes=number), ("join", "prt")[number % 2], "failed"),
            (f"0x801c{number % 97:04x}",),
            message="The server said no",
            request_id=f"11111111-2222-3333-4444-{number:012}",
            sources=(Source("User Device Registration.evtx", record=number),),
        )
        for number in range(count)
    )
    return result._replace(reports=(result.reports[0]._replace(attempts=made),))


def in_the_middle(result: Result, flow: str) -> int:
    """How many attempts of the flow stand in the middle half of the time line."""
    report = result.reports[0]
    line = pictures.timeline(report.attempts, report.coverage.captures)
    assert line is not None
    quarter = (line.last - line.first) / 4
    stamps = [pictures.stamp_of(one.time, True) for one in report.attempts if one.flow == flow]
    return sum(1 for one in stamps if one is not None and line.first + quarter <= one <= line.last - quarter)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found_and_nothing_is_asked_of_the_network(scheme: str, tmp_path: Path) -> None:
    names = ("broken/device-not-synced", "broken/two-faults", "broken/tpm-key-lost", "healthy/joined-after-failures")
    with opened(tmp_path / "profile") as driver:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        for name in names:
            driver.get(written(tmp_path / "page.html", diagnose(given(SAMPLES / name), load())))
            assert axe(driver) == []
        driver.get(written(tmp_path / "page.html", diagnose([two_devices(tmp_path / "two")], load())))
        assert axe(driver) == []
        assert complaints(driver) == []
        assert {url.partition(":")[0] for url in requests(driver)} <= {"file", "chrome", "data"}


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_cause_owner_step_and_proof_stand_on_the_first_screen(width: int, tmp_path: Path) -> None:
    with opened(tmp_path / "profile", width, 900) as driver:
        driver.get(written(tmp_path / "page.html", diagnose(given(SAMPLES / "broken" / "device-not-synced"), load())))
        assert driver.execute_script("return document.documentElement.scrollWidth") == width
        for part in ("h1", ".badge", ".owner", ".cause", ".card", ".card + .card .label"):
            assert driver.find_element("css selector", part).rect["y"] < 900, part
        assert picture(driver).startswith(b"\x89PNG")


@pytest.mark.browser
def test_a_usual_device_prints_to_two_pages(tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as driver:
        driver.get(written(tmp_path / "page.html", diagnose(given(SAMPLES / "broken" / "device-not-synced"), load())))
        assert print_pages(driver) == 2


@pytest.mark.browser
def test_a_hostile_capture_is_harmless_in_the_browser(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", diagnose([str(stuffed(tmp_path))], load()))
    with opened(tmp_path / "profile", 390) as driver:
        watch = "window.hits = 0; window.alert = () => { window.hits++; };"
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": watch})
        driver.get(page)
        for box in driver.find_elements("css selector", "input"):
            box.send_keys("<script>alert(1)</script>")
        for button in driver.find_elements("css selector", "button.copy"):
            driver.execute_script("arguments[0].click()", button)
        assert driver.execute_script("return window.hits") == 0
        assert driver.execute_script("return document.querySelectorAll('img, iframe, script').length") == 1
        assert driver.execute_script("return document.documentElement.scrollWidth") == 390
        assert complaints(driver) == []
        assert {url.partition(":")[0] for url in requests(driver)} <= {"file", "chrome", "data"}
        assert axe(driver) == []


@pytest.mark.browser
def test_without_scripts_everything_stands_there(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", diagnose(given(SAMPLES / "broken" / "device-not-synced"), load()))
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


@pytest.mark.browser
def test_thousands_of_attempts_cost_few_elements_and_filters_find_them(tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as driver:
        result = many(5000)
        driver.get(written(tmp_path / "page.html", result))
        part = driver.find_element("css selector", ".attempts")

        def rows() -> int:
            return int(driver.execute_script("return arguments[0].querySelectorAll('tbody tr').length", part))

        def counted() -> str:
            return str(part.find_element("tag name", "output").text)

        assert (rows(), counted()) == (200, "5000 of 5000 shown")
        assert driver.execute_script("return document.querySelectorAll('*').length") < 8000
        part.find_element("css selector", ".more").click()
        assert rows() == 400
        box = part.find_element("css selector", "input")
        box.send_keys("000000004321 0x801c")
        assert (rows(), counted()) == (1, "1 of 5000 shown")
        driver.execute_script("arguments[0].value = ''", box)
        box.send_keys(" ")
        (flow, *_) = part.find_elements("css selector", "select")
        flow.find_element("css selector", "option[value=prt]").click()
        assert counted() == "2500 of 5000 shown"
        part.find_element("css selector", "[data-zoom=in]").click()
        assert counted() == f"{in_the_middle(result, 'prt')} of 5000 shown"
        part.find_element("css selector", ".drawing").send_keys("0")
        assert counted() == "2500 of 5000 shown"
        assert complaints(driver) == []


@pytest.mark.browser
def test_a_command_is_copied_by_keyboard(tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as driver:
        driver.get(written(tmp_path / "page.html", diagnose(given(SAMPLES / "broken" / "device-not-synced"), load())))
        button = driver.find_element("css selector", ".steps button.copy")
        button.send_keys("\ue007")
        driver.implicitly_wait(5)
        driver.find_element("xpath", f"//*[@id='said'][text()='{words.PAGE['copied']}']")
        box = driver.find_element("css selector", ".attempts input")
        box.send_keys("\ue009v")
        assert box.get_attribute("value") == "Get-ADComputer NAME -Properties userCertificate, DistinguishedName"
