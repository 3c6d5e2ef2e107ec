"""The HTML report: what it says, and that nothing of a log acts in it. Its test in a browser: test_htmlbrowser.py."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import html as parsed

from tests.browser import size_of
from tests.fleetinputs import shapes
from tests.pages import FOLDERS, SAMPLES, given, stuffed, two_devices
from troubleshoot import words
from troubleshoot.console import redacted
from troubleshoot.model import Attempt, FixStep, Result
from troubleshoot.pipeline import diagnose
from troubleshoot.report import html, pictures, render
from troubleshoot.report.moments import moment
from troubleshoot.ruleset import load

TAGS = frozenset(
    re.findall(
        "[a-z0-9]+",
        "html head meta title style body a main article header section nav figure figcaption footer h1 h2 h3 h4 h5 h6 p div"
        " span b ul ol li dl dt dd table thead tbody tr th td code pre mark time details summary button label input select"
        " option output script svg g path rect circle text",
    )
)


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
        assert " ".join(first.evidence[0].text.split())[:50] in said(block)
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
    found = moment(value, offset)
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
    assert len(line.marks) <= pictures.ROOM / 18 + 1
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


def test_several_devices_have_an_index(tmp_path: Path) -> None:
    page = page_of(diagnose([two_devices(tmp_path)], load()))
    assert [said(one) for one in page.cssselect("h1")] == ["Devices: 2"]
    links = page.cssselect("main > table tbody a")
    assert [one.get("href") for one in links] == ["#d1", "#d2"]
    assert len(page.cssselect("article.device")) == 2
    assert [said(one) for one in page.cssselect("main > table .badge")] == ["PENDING", "HEALTHY"]


def test_a_table_of_many_devices_says_what_its_rows_came_to_and_each_device_shows_its_row(tmp_path: Path) -> None:
    shape = next(one for one in shapes() if one.rows is not None and one.columns is None and len(one.devices) > 1)
    shape.write(tmp_path)
    result = diagnose([str(tmp_path)], load())
    page = page_of(result)
    told = [said(one) for one in page.cssselect("section.files > ul > li")]
    (table,) = result.tables
    assert any(f"{table.rows} rows = " in one and table.title in one for one in told)
    shown = [said(one.cssselect(".read > ul")[0]) for one in page.cssselect("article.device")]
    assert [table.title in one for one in shown] == [True] * len(result.reports)


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


def test_hostile_values_are_text(tmp_path: Path) -> None:
    result = diagnose([str(stuffed(tmp_path))], load())
    made = render(result, "html")
    assert isinstance(made, str)
    page = parsed.fromstring(made)
    assert {one.tag for one in page.iter() if isinstance(one.tag, str)} <= TAGS
    assert len(page.cssselect("script")) == len(page.cssselect("style")) == len(page.cssselect("head title")) == 1
    assert not [name for one in page.iter() for name in one.attrib if name.startswith("on") or name in ("style", "src")]
    assert all(one.get("href").startswith(("#", "https://learn.microsoft.com/")) for one in page.cssselect("[href]"))
    assert not set("\x1b\x07\u202e\u2066") & set(made)
    assert not page.cssselect("main script, main style, img, iframe, object, form, link, base, [formaction], [srcset]")
    shown = said(page.cssselect(".fields")[0])
    for text in ("<script>alert(1)</script>", "{{7*7}}", "=cmd()|'/c calc'!A1", "[link](javascript:alert(4))"):
        assert text in shown
    kinds = {type(one).__name__ for one in result.reports[0].coverage.evidence}
    assert {"Event", "RegistryValue", "Fact", "CloudObject"} <= kinds
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


def test_the_picture_in_the_readme_is_small() -> None:
    """Made by tools/make_picture.py."""
    raw = (SAMPLES.parent / "docs" / "report.png").read_bytes()
    assert size_of(raw) == (1280, 640)
    assert len(raw) < 150_000
