"""Text of a log never acts: a device whose every field, record, value, name and path is hostile, in every form of every command.

The forms are those of ``ReportForm``: a new one is checked without a word here, as plain text, as JSON where it is JSON (the
texts in it as Markdown, which chats render), and by a check of its own where :data:`CHECKS` names one.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from bundles import NOW, UDR, WKS, status
from lxml import html as parsed
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from troubleshoot import explain
from troubleshoot.cli import ReportForm, app
from troubleshoot.pipeline import open_cases
from troubleshoot.report import compared, explained
from troubleshoot.report.safe import formula_start
from troubleshoot.ruleset import load

PAYLOADS = (
    "<script>alert(1)</script>",
    "</td></title></script><img src=x onerror=alert(2)>",
    "[link](javascript:alert(3)) ![p](http://evil.example/p.png) <http://evil.example> https://evil.example www.evil.example",
    "\x1b[31mred\x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07\x1b]0;title\x07\x9b31m",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200fy\u200e z\u061c \u200b\ufeff \u2028 \u2029",
    "`code` ``` ~~~ *b* _i_ ~~s~~ # h | a | b | \\ &lt; &#60;script> > q",
    "=cmd()|'/c calc'!A1",
    "A" * 5000,
    "{{7*7}} {% raw %} ${x} %s {0} \\u001b[31m %n",
    "mail@evil.example @everyone #1 <!-- x --> [a]: http://evil.example <a href='javascript:x'>y</a>",
)
# Controls (but not the end of a line), what turns or hides text, what ends lines.
ACTIVE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
AUTOLINK = re.compile(r"https?://|\bwww\.|[\w.+-]@\w|ftp://", re.IGNORECASE)
LONGEST = 2500
FORMULA = ("=", "+", "-", "@", "\t", "\r")
KEPT = re.compile(r"\s*(AzureAdJoined|DomainJoined|EnterpriseJoined|Client Time|Error Phase|Registration Type)\s*:")
RULES = load()
REFERENCES = frozenset(url for rule in (RULES.rule(n) for n in range(len(RULES.stored))) for url in rule.references)
FORMS = [form.value for form in ReportForm]


def payload(number: int) -> str:
    return PAYLOADS[number % len(PAYLOADS)]


# --------------------------------------------------------------------------------------------------- a hostile device


def stuffed(text: str, shift: int) -> str:
    """The capture with a payload behind every value that no rule needs as it is, and in the name of the device."""
    out = []
    for number, line in enumerate(text.splitlines()):
        label, colon, value = line.partition(" : ")
        if colon and not KEPT.match(line):
            start = payload(number + shift) if label.strip() == "Device Name" else value + payload(number + shift)
            line = f"{label} : {start}"
        out.append(line)
    return "\n".join(out) + "\n"


def records(shift: int) -> Iterator[str]:
    """Records of the providers that rules read, every value and attribute a payload."""
    for number, event in enumerate((304, 305, 307, 331, 335, 1098, 1081, 1104, 77)):
        provider = UDR if event < 400 else "Microsoft-Windows-AAD"
        values = "".join(
            f"<Data Name='{name}'>{value}{escape(_in_xml(payload(number + place + shift)))}</Data>"
            for place, (name, value) in enumerate(
                (
                    ("ExitCode", "0x801c001d "),
                    ("ErrorMessage", ""),
                    ("Error", "0xCAA90006 "),
                    ("AdditionalInformation", ""),
                )
            )
        )
        text = escape(_in_xml(payload(number + shift)))
        yield (
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
            f"<Provider Name='{provider}'/><EventID>{event}</EventID><Level>2</Level>"
            f"<TimeCreated SystemTime='2026-03-04T08:{10 + number}:00Z'/><EventRecordID>{number + 1}</EventRecordID>"
            f"<Channel>{provider}/{text}</Channel><Computer>WKS-0427{text}</Computer>"
            f"<Security UserID={quoteattr(_in_xml(payload(number + shift + 1)))}/></System><EventData>{values}</EventData>"
            f"<RenderingInfo><Message>{text}</Message></RenderingInfo></Event>"
        )


def _in_xml(text: str) -> str:
    return re.sub("[\x00-\x08\x0b-\x1f]", "", text)


def device(folder: Path, shift: int) -> Path:
    """A folder and files with hostile names, and all that a device sends stuffed with payloads."""
    place = folder / "=cmd() [x](javascript:y) <b>\u202e\x1b[31m"
    place.mkdir(parents=True)
    texts = {
        "@sum(1) <img src=x>.txt": stuffed(status(WKS._replace(at=NOW.replace(hour=9 + shift))), shift),
        "plain.txt": status(WKS._replace(at=NOW.replace(hour=9 + shift)), "CORP\\" + payload(2 + shift)[:40]),
        "events.xml": f"<Events>{''.join(records(shift))}</Events>",
        "list.txt": "\n".join(
            f"TimeCreated  : 2026-03-04T0{8 + shift}:0{number}:00Z\nProviderName : {UDR}\nId           : 304\n"
            f"Message      : Automatic registration failed at join phase. {' '.join(one.split())} Exit code: 0x801c001d\n"
            for number, one in enumerate(PAYLOADS)
        ),
        "proxy.reg": "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
        "\\CDJ\\AAD]\n"
        + "".join(
            f'"{name}"="{value}"\n'
            for name, value in (("TenantId", _quoted(shift)), ("TenantName", _quoted(2 + shift)))
        ),
        "CoManagementHandler.log": "".join(
            f'<![LOG[MDM enrollment failed with error code 0x8018000a {one}]LOG]!><time="09:1{number}:03.218-060" '
            f'date="03-04-2026" component="{one[:40]}" context="" type="3" thread="7316" file="x.cpp:1">\n'
            for number, one in enumerate(PAYLOADS)
        ),
        "damaged.xml": f"<Events><Event><System><Provider Name={quoteattr(_in_xml(payload(shift)))}/>",
    }
    for name, text in texts.items():
        (place / name).write_text(text, encoding="utf-8")
    (place / "nothing [y](javascript:z).bin").write_bytes(b"\x00\x01\x02" * 50)
    return place


def _quoted(number: int) -> str:
    return payload(number).replace("\\", "\\\\").replace('"', '\\"')


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    return device(folder / "before", 0), device(folder / "after", 1)


def run(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (0, 1, 4), done.stderr
    assert not ACTIVE.search(done.stderr)
    return done.stdout


# ---------------------------------------------------------------------------------------------------------- the checks


def check_plain(text: str) -> None:
    """Nothing acts on a terminal, and no line is longer than an editor bears."""
    assert not (found := ACTIVE.search(text)), (
        found and ascii(found[0]),
        found and text[max(found.start() - 80, 0) : found.start()],
    )
    assert max(map(len, text.splitlines())) <= LONGEST


def check_markdown(text: str) -> None:
    """No markup that the templates did not write: no HTML, no picture, no link but to the documents of the rules."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for token in parser.parse(text):
        for each in (token, *(token.children or ())):
            assert each.type not in ("html_block", "html_inline", "image", "table_open", "fence", "s_open"), each
            if each.type == "link_open":
                assert each.attrs["href"] in REFERENCES, each
    outside = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    for url in REFERENCES:
        outside = outside.replace(f"<{url}>", "")
    assert not (found := AUTOLINK.search(outside)), found and outside[max(found.start() - 80, 0) : found.end() + 20]


def check_json(text: str) -> None:
    json.loads(text)
    assert not ACTIVE.search(text)


def check_lines(text: str) -> None:
    """Every line stands for a device in a cell of some table: short, and no formula."""
    for line in text.splitlines():
        assert len(line) <= 255
        assert not line.startswith(FORMULA)


def check_csv(text: str) -> None:
    for row in csv.reader(io.StringIO(text)):
        assert not [cell for cell in row if cell.startswith(FORMULA)]


def check_html(text: str) -> None:
    """The only script is the page's own; nothing else runs, loads or leads out but to the documents of the rules."""
    assert not ACTIVE.search(text)
    page = parsed.fromstring(text)
    assert len(page.cssselect("script")) == 1
    assert not page.cssselect("img, iframe, object, embed, link, base, form, style[src], script[src]")
    for one in page.iter():
        if not isinstance(one.tag, str):
            continue
        assert not [
            name for name in one.attrib if name.startswith("on") or name in ("src", "style", "srcdoc", "action")
        ]
        if (href := one.get("href")) is not None:
            assert href.startswith("#") or href in REFERENCES


def check_card(text: str) -> None:
    """Text that a chat renders as Markdown has no link; text runs, which it does not render, call no function or template."""
    assert text.isascii()
    assert not ACTIVE.search(text)
    for one in _objects(json.loads(text)):
        assert not {"url", "actions", "selectAction", "fallback"} & one.keys()
        if one.get("type") == "TextBlock":
            check_markdown(one["text"])
        elif one.get("type") == "TextRun":
            assert not re.search(r"\{\{|\$\{|<at>", one["text"])
            check_plain(one["text"] or " ")


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from _objects(value)


def check_unknown(text: str) -> None:
    """A form without a check of its own: as JSON where it is some, its texts as Markdown, which chats render; else as text."""
    try:
        data = json.loads(text)
    except ValueError:
        check_plain(text)
        return
    assert not ACTIVE.search(text)
    for one in _texts(data):
        check_markdown(one)


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
    elif isinstance(data, str) and data not in REFERENCES:
        yield data


CHECKS: dict[str, tuple[Callable[[str], None], ...]] = {
    "text": (check_plain,),
    "json": (check_json,),
    "markdown": (check_plain, check_markdown),
    "html": (check_html,),
    "note": (check_plain, check_lines),
    "oneline": (check_plain, check_lines),
    "mail": (check_plain,),
    "card": (check_card,),
    "csv": (check_plain, check_csv),
}


def check(form: str, text: str) -> None:
    assert text.strip()
    for one in CHECKS.get(form, (check_unknown,)):
        one(text)


# ------------------------------------------------------------------------------------------------------------ commands


@pytest.mark.parametrize("redact", [(), ("--redact",)], ids=["plain", "redacted"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_report(states: tuple[Path, Path], form: str, redact: tuple[str, ...]) -> None:
    for place in states:
        check(form, run("diagnose", place, "-f", form, *redact))


def test_a_comparison_has_every_form_of_a_report() -> None:
    assert set(compared.FORMS) == set(FORMS)


@pytest.mark.parametrize("redact", [(), ("--redact",)], ids=["plain", "redacted"])
@pytest.mark.parametrize("form", compared.FORMS)
def test_every_form_of_a_comparison(states: tuple[Path, Path], form: str, redact: tuple[str, ...]) -> None:
    check(form, run("compare", *_one_device(states), "-f", form, *redact))


def _one_device(states: tuple[Path, Path]) -> list[Path]:
    """The captures whose names are not payloads: two states of one device."""
    return [place / "plain.txt" for place in states]


@pytest.mark.parametrize("redact", [(), ("--redact",)], ids=["plain", "redacted"])
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("view", [(), ("--timeline",), ("--timeline", "--source", PAYLOADS[2], "--source", "txt")])
def test_what_was_read(states: tuple[Path, Path], view: tuple[str, ...], form: str, redact: tuple[str, ...]) -> None:
    for place in states:
        check(form, run("show", place, *view, "-f", form, "--all-events", *redact))


def test_the_payloads_come_through(states: tuple[Path, Path]) -> None:
    """So that the checks above check something: of every payload what is harmless stands there."""
    read = run("show", states[0], "--all-events") + run("show", states[1], "--all-events")
    for word in (
        "alert(1)",
        "alert(2)",
        "alert(3)",
        "click",
        "gnp.exe",
        "calc",
        "A" * 200,
        "{{7*7}}",
        "@everyone",
        "~~~",
    ):
        assert word in read, word
    for form in ("text", "markdown", "html"):
        made = re.sub(r"\\|&#\d+;", "", run("diagnose", states[0], "-f", form))
        for word in ("alert", "evil", "script"):
            assert word in made


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_rule_explained(states: tuple[Path, Path], form: str) -> None:
    opened = open_cases([str(states[0])], None)
    for rule in (RULES.rule(number) for number in range(len(RULES.stored))):
        found = [explain.explain(RULES, case, rule.id) for case in opened.cases]
        made = explained.dump(found, opened.unread, "") if form == "json" else explained.text(found, opened.unread)
        check(form, made.decode() if isinstance(made, bytes) else made)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", " =", "\t="])
def test_a_name_that_begins_like_a_formula(tmp_path: Path, first: str) -> None:
    path = tmp_path / "dsregcmd.txt"
    path.write_text(status(WKS).replace("WKS-0427", f"{first}cmd()|x"), encoding="utf-8")
    for form in FORMS:
        check(form, run("diagnose", path, "-f", form))
    for form in compared.FORMS:
        check(form, run("compare", path, path, "-f", form))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        (" =x", "' =x"),
        ("WKS-0427", "WKS-0427"),
        ("", ""),
    ],
)
def test_a_cell_is_no_formula(text: str, shown: str) -> None:
    assert formula_start(text) == shown


@pytest.mark.browser
def test_a_hostile_comparison_in_the_browser(states: tuple[Path, Path], tmp_path: Path) -> None:
    from tests.browser import axe, complaints, opened, requests

    page = tmp_path / "compared.html"
    page.write_text(run("compare", *_one_device(states), "-f", "html"), encoding="utf-8")
    with opened(tmp_path / "profile", 390) as driver:
        watch = "window.hits = 0; window.alert = () => { window.hits++; };"
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": watch})
        driver.get(page.as_uri())
        assert driver.execute_script("return window.hits") == 0
        assert driver.execute_script("return document.querySelectorAll('img, iframe, script').length") == 1
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
        assert complaints(driver) == []
        assert {url.partition(":")[0] for url in requests(driver)} <= {"file", "chrome", "data"}
        assert axe(driver) == []
