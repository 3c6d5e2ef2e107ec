"""``compare``: what is fixed, stays, is new or cannot be told between two states of one device, in every form."""

from __future__ import annotations

import json
import random
import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from bundles import NOW, WKS, Machine, bundle, status, write, zipped
from evidence import USER, at, capture, event
from typer.testing import CliRunner

from troubleshoot.case import Case
from troubleshoot.changes import Change, changes
from troubleshoot.cli import app
from troubleshoot.compare import Comparison, Side, compare, same_device
from troubleshoot.engine import judge
from troubleshoot.match import Evaluator
from troubleshoot.model import Account, Device, RegistryValue, Source
from troubleshoot.report import compared as forms
from troubleshoot.report.safe import plain as shown
from troubleshoot.ruleset import load

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).resolve().parent / "golden" / "compare.json"
SCHEMA = json.loads((ROOT / "troubleshoot" / "data" / "compare.schema.json").read_text(encoding="utf-8"))
NOT_SYNCED = "samples/broken/device-not-synced"
JOINED = "samples/healthy/joined-after-failures"
RULES = load()
LATER = WKS._replace(at=NOW + timedelta(hours=3))


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["compare", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def form(*arguments: str | Path) -> dict[str, Any]:
    _, out, err = run(*arguments, "-f", "json")
    assert out, err
    made: dict[str, Any] = json.loads(out)
    jsonschema.validate(made, SCHEMA)
    return made


def states(made: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["state"], one["finding"]["rule"]) for one in made["findings"]]


def saved(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# -------------------------------------------------------------------------------------------------------- whole runs


def test_the_json_form_is_the_golden_one(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of the rules are left out: they are held still by the samples."""
    monkeypatch.chdir(ROOT)
    made = form(NOT_SYNCED, JOINED)
    made["tool"] = {}
    for when in ("before", "after"):
        made[when] = {"verdict": made[when]["report"]["verdict"], "unread": made[when]["unread"]}
    for one in made["findings"]:
        one["finding"] = {key: one["finding"][key] for key in ("rule", "user", "evidence")}
    if request.config.getoption("--update-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert made == json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("before", "after", "code", "outcome", "found"),
    [
        (False, True, 0, "fixed", [("fixed", "device-not-synced"), ("fixed", "not-joined")]),
        (True, False, 1, "other", [("new", "device-not-synced"), ("new", "not-joined")]),
        (False, False, 1, "same", [("stays", "device-not-synced"), ("stays", "not-joined")]),
        (True, True, 0, "sound", []),
    ],
)
def test_two_captures(
    tmp_path: Path, before: bool, after: bool, code: int, outcome: str, found: list[tuple[str, str]]
) -> None:
    first = saved(tmp_path, "first.txt", status(WKS._replace(joined=before)))
    second = saved(tmp_path, "second.txt", status(LATER._replace(joined=after)))
    assert run(first, second)[0] == code
    made = form(first, second)
    assert (made["outcome"], states(made)) == (outcome, found)


def test_a_fixed_finding_shows_what_proves_it(tmp_path: Path) -> None:
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(tmp_path, "second.txt", status(LATER._replace(joined=True)))
    made = form(first, second)
    joined = next(one for one in made["findings"] if one["finding"]["rule"] == "not-joined")
    assert joined["reason"] == "no longer so: dsregcmd field AzureAdJoined is NO"
    assert joined["evidence"] == [{"source": {"path": str(second), "line": 6}, "text": "AzureAdJoined : YES"}]
    assert {"kind": "state", "name": "join_state", "before": "domain-only", "after": "hybrid"}.items() <= made[
        "changes"
    ][0].items()
    assert made["changes"][1] == {
        "kind": "field",
        "name": "AzureAdJoined",
        "user": None,
        "before": "NO",
        "after": "YES",
        "source_before": {"path": str(first), "line": 6},
        "source_after": {"path": str(second), "line": 6},
    }


def test_a_later_state_that_says_too_little_fixes_nothing(tmp_path: Path) -> None:
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(
        tmp_path,
        "second.txt",
        "| Device State |\n  AzureAdJoined : NO\n  DomainJoined : YES\n  Device Name : WKS-0427\n",
    )
    made = form(first, second)
    assert made["outcome"] == "undecided"
    fates = {one["finding"]["rule"]: one for one in made["findings"]}
    assert fates["device-not-synced"]["state"] == "untold"
    assert fates["device-not-synced"]["reason"] == "the later state does not hold what would tell"
    assert fates["device-not-synced"]["missing"] == [
        'export the event log as administrator: `wevtutil epl "Microsoft-Windows-User Device Registration/Admin" log.evtx`'
    ]


def test_the_text_form(tmp_path: Path) -> None:
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(tmp_path, "second.txt", status(LATER._replace(joined=True)))
    _, out, _ = run(first, second)
    lines = out.splitlines()
    assert lines[0] == "FIXED  What was wrong before is not wrong any more."
    assert lines[1].startswith("WKS-0427.corp.example · before as of 2026-03-04T09:10:00Z")
    assert "Fixed (2)" in lines
    said = " ".join(out.split())
    assert "AzureAdJoined: NO -> YES" in said
    assert "- only before: " in said
    assert "ErrorPhase = join; ClientErrorCode = 0x801c03f2; " in said


def test_markdown_and_note(tmp_path: Path) -> None:
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(tmp_path, "second.txt", status(LATER))
    _, out, _ = run(first, second, "-f", "markdown")
    assert out.startswith("# NOT FIXED: What was wrong before still is")
    _, out, _ = run(first, second, "-f", "note")
    lines = out.splitlines()
    assert len(lines) <= 12
    assert lines[0] == "NOT FIXED: What was wrong before still is."
    assert any(line.startswith("Owner: AD administrator; Wait for two sync cycles") for line in lines)


@pytest.mark.parametrize(
    ("joined", "line", "told"),
    [
        (
            True,
            "WKS-0427.corp.example: FIXED. fixed: Microsoft Entra does not know the computer yet: directory sync has not "
            "brought it and 1 more",
            ["What was wrong with it before is fixed.", "We looked at WKS-0427.corp.example and found nothing wrong."],
        ),
        (
            False,
            "WKS-0427.corp.example: NOT FIXED. stays: Microsoft Entra does not know the computer yet: directory sync has not "
            "brought it and 1 more",
            ["What was wrong with it before is not fixed yet.", "We looked at WKS-0427.corp.example. What we found:"],
        ),
    ],
)
def test_one_line_and_mail(tmp_path: Path, joined: bool, line: str, told: list[str]) -> None:
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(tmp_path, "second.txt", status(LATER._replace(joined=joined)))
    assert run(first, second, "-f", "oneline")[1] == line + "\n"
    lines = run(first, second, "-f", "mail")[1].splitlines()
    assert lines[:2] == ["Subject: WKS-0427.corp.example: sign-in to Microsoft Entra", ""]
    for number, start in enumerate(told, 2):
        assert lines[number].startswith(start)


def test_the_card(tmp_path: Path) -> None:
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(tmp_path, "second.txt", status(LATER._replace(joined=True)))
    raw = run(first, second, "-f", "card")[1]
    assert len(raw) < 27_000
    body = json.loads(raw)["attachments"][0]["content"]["body"]
    said = ["".join(run["text"] for run in one["inlines"]) for one in body]
    assert said[0] == "FIXED What was wrong before is not wrong any more."
    assert "Fixed (2)" in said
    assert "first.txt:6 -> second.txt:6 AzureAdJoined: NO -> YES" in said
    many = "".join(f"  Label {number} : {{}} {'x' * 200}\n" for number in range(400))
    for path, text in ((first, "old"), (second, "new")):
        path.write_text(path.read_text(encoding="utf-8") + "| Extra |\n" + many.replace("{}", text), encoding="utf-8")
    assert len(run(first, second, "-f", "card")[1]) < 27_000


@pytest.mark.parametrize("joined", [True, False])
def test_the_page(tmp_path: Path, joined: bool) -> None:
    """It says what the other forms say, and in it nothing but what the templates write is markup."""
    from lxml import html

    hostile = "</code></script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e{{7*7}}"
    first = saved(
        tmp_path, "first.txt", status(WKS).replace("Previous Registration : ", f"Previous Registration : {hostile}")
    )
    second = saved(
        tmp_path, "second.txt", status(LATER._replace(joined=joined)).replace("CONTOSO\n", f"CONTOSO{hostile}\n")
    )
    made = run(first, second, "-f", "html")[1]
    assert made == run(first, second, "-f", "html")[1]
    assert not {"\x1b", "\u202e"} & set(made)
    page = html.fromstring(made)
    assert " ".join(page.cssselect("h1")[0].text_content().split()) == (
        "What was wrong before is not wrong any more." if joined else "What was wrong before still is."
    )
    heads = [one.text_content() for one in page.cssselect("h2")]
    assert heads == [*(["Fixed (2)"] if joined else ["Stays (2)"]), "What changed"]
    rows = [" ".join(cell.text_content().split()) for cell in page.cssselect("tbody tr:first-child td")]
    assert rows[:3] == (
        ["join state", "domain-only", "hybrid"] if joined else ["domain", "CONTOSO", shown("CONTOSO" + hostile)]
    )
    assert len(page.cssselect("script")) == 1
    assert not page.cssselect("img")
    assert page.cssselect("meta[http-equiv=Content-Security-Policy]")[0].get("content").startswith("default-src 'none'")
    ids = [one.get("id") for one in page.cssselect("[id]")]
    assert len(ids) == len(set(ids))


def test_the_line_is_short_whatever_the_name(tmp_path: Path) -> None:
    long = "W" * 300
    paths = [saved(tmp_path, name, status(WKS).replace("WKS-0427", long)) for name in ("first.txt", "second.txt")]
    line = run(*paths, "-f", "oneline")[1]
    assert line.count("\n") == 1
    assert len(line) <= 255


DISCOVER = "samples/broken/discovery-timeout"
PRECHECK = "samples/broken/dc-unreachable"


def fates(made: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {one["finding"]["rule"]: (one["state"], one["reason"]) for one in made["findings"]}


def test_a_failure_is_not_fixed_where_the_attempt_stops_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    later = fates(form(DISCOVER, PRECHECK))
    gone = [one for one in later.values() if one[0] in ("fixed", "untold")]
    assert gone
    assert set(gone) == {("untold", "the newest attempt stops before that, at pre-check, so nothing tells of it")}
    assert form(DISCOVER, PRECHECK)["outcome"] != "fixed"
    # the other way round discovery was reached, so the domain controller was found
    assert (
        fates(form(PRECHECK, DISCOVER))["domain-controller-unreachable"][0] == "untold"
    )  # both attempts of one minute
    text = (ROOT / DISCOVER / "dsregcmd.txt").read_text(encoding="utf-8")
    day_after = saved(tmp_path, "day-after.txt", text.replace("2026-03-04", "2026-03-05"))
    back = fates(form(PRECHECK, day_after))
    assert back["domain-controller-unreachable"] == ("fixed", "a later attempt came past that, to discovery")


def test_tokens_of_a_device_that_left_are_not_fixed(tmp_path: Path) -> None:
    (token,) = (ROOT / "samples" / "broken" / "token-offline").glob("dsregcmd*.txt")
    left = saved(tmp_path, "left.txt", status(LATER, "CONTOSO\\ada, ada@contoso.com").replace("WKS-0427", "LT-0042"))
    told = fates(form(token, left))
    assert ("untold", "the device is not joined any more, so nothing tells of it") in told.values()
    assert "fixed" not in {state for state, _ in told.values()}


# ------------------------------------------------------------------------------------------------- refusals, warnings


def test_two_devices_are_refused(tmp_path: Path) -> None:
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(tmp_path, "second.txt", status(Machine("WKS-0519", "99999999-3333-4444-5555-666666666666")))
    code, out, err = run(first, second)
    assert (code, out) == (2, "")
    assert err == (
        f"troubleshoot: two different devices: WKS-0427.corp.example ({first}) and WKS-0519.corp.example ({second})\n"
    )


def test_an_input_of_several_devices_is_refused(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / "both" / f"WKS-000{number}"
        folder.mkdir(parents=True)
        saved(
            folder, "dsregcmd.txt", status(Machine(f"WKS-000{number}", f"{number}2222222-3333-4444-5555-666666666666"))
        )
    code, _, err = run(tmp_path / "both", tmp_path / "both")
    assert code == 2
    assert "it holds 2 devices (WKS-0001.corp.example, WKS-0002.corp.example): compare one with itself" in err


def test_nothing_read_is_exit_code_3(tmp_path: Path) -> None:
    first, second = saved(tmp_path, "a.txt", "Dear team\n"), saved(tmp_path, "b.txt", status(WKS))
    code, out, err = run(first, second)
    assert (code, out) == (3, "")
    assert err.startswith(f"troubleshoot: {first}: it holds no dsregcmd output")
    assert run(tmp_path / "none.txt", second)[0] == 2


def test_states_given_the_wrong_way_round_are_told(tmp_path: Path) -> None:
    first, second = saved(tmp_path, "a.txt", status(LATER)), saved(tmp_path, "b.txt", status(WKS))
    assert form(first, second)["reversed"] is True
    assert "the first input is the newer one" in run(first, second)[1]


# -------------------------------------------------------------------------------------------------- one input of two


@pytest.mark.parametrize("collector", ["auth-v6", "dsregtool"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_collector_gathered_before_is_compared_with_the_rest(
    tmp_path: Path, collector: str, packed: bool
) -> None:
    early = {one.path: one for one in bundle(collector)}
    late = {one.path: one for one in bundle(collector, LATER._replace(joined=True))}
    members = [early[path] if "PreTrace" in path else late[path] for path in late]
    assert any("PreTrace" in one.path for one in members)
    if packed:
        path = tmp_path / "before-the-fix.zip"
        path.write_bytes(zipped([(one.path, one.data) for one in members]))
    else:
        path = write(tmp_path / "before-the-fix", members)
    made = form(path)
    assert (made["before"]["report"]["join_state"], made["after"]["report"]["join_state"]) == ("domain-only", "hybrid")
    assert ("fixed", "not-joined") in states(made)
    sources = [each["source"]["path"] for one in made["before"]["report"]["findings"] for each in one["evidence"]]
    assert sources
    assert all("PreTrace" in path for path in sources)


def test_one_input_without_two_states_is_wrong_usage(tmp_path: Path) -> None:
    path = saved(tmp_path, "before.txt", status(WKS))
    code, _, err = run(path)
    assert code == 2
    assert "it does not hold two states (PreTrace folders, _Start_ files): give BEFORE and AFTER" in err


# -------------------------------------------------------------------------------------------------- cases in memory


def side(*evidence: Any) -> Side:
    case = Case.of(list(evidence))
    return Side(case, judge(RULES, case))


def compared(before: Side, after: Side) -> Comparison:
    return compare(RULES, before, after)


def changed(before: Side, after: Side) -> list[Change]:
    return list(changes(Evaluator(RULES, before.case), Evaluator(RULES, after.case)))


SESSION = {"User State": True, "SSO State": True, "Device State": True}
SOUND = {"AzureAdJoined": "YES", "DomainJoined": "YES"}


def test_a_field_of_another_session_is_not_compared() -> None:
    before = side(capture({**SOUND, "AzureAdPrt": "YES"}, account=USER, elevated=False, sections=SESSION))
    after = side(capture({**SOUND, "AzureAdPrt": "NO"}, account=Account("SYSTEM", "system"), sections=SESSION))
    assert changed(before, after) == []
    other = side(
        capture({**SOUND, "AzureAdPrt": "NO"}, account=Account("CORP\\bob", "domain"), elevated=False, sections=SESSION)
    )
    assert changed(before, other) == []
    assert compared(before, other).sessions == (("ada@corp.example",), ("corp\\bob",))


def test_a_field_of_the_same_user_is_compared() -> None:
    before = side(capture({**SOUND, "AzureAdPrt": "NO"}, account=USER, elevated=False, sections=SESSION))
    after = side(
        capture(
            {**SOUND, "AzureAdPrt": "YES"}, account=Account("CORP\\ada", "domain"), elevated=False, sections=SESSION
        )
    )
    assert [(one.name, one.before, one.after, one.user) for one in changed(before, after)] == [
        ("AzureAdPrt", "NO", "YES", "corp\\ada")
    ]


@pytest.mark.parametrize("value", ["xxxx", "SKIPPED"])
def test_a_masked_or_skipped_value_is_no_change(value: str) -> None:
    before = side(capture({**SOUND, "TenantName": "Contoso", "DRSDiscoveryTest": "PASS"}))
    after = side(capture({**SOUND, "TenantName": value, "DRSDiscoveryTest": value}))
    assert changed(before, after) == []


def value(data: str, name: str = "TenantId", kind: str = "REG_SZ") -> RegistryValue:
    return RegistryValue("HKLM\\SOFTWARE\\Contoso", name, kind, data, Source("x.reg", 3))


def test_registry_values_of_keys_that_both_sides_hold() -> None:
    gone = RegistryValue("HKLM\\SOFTWARE\\Contoso", "", "absent", None, Source("y.reg", 1))
    assert [(one.name, one.before, one.after) for one in changed(side(value("a")), side(value("b")))] == [
        ("HKLM\\SOFTWARE\\Contoso: TenantId", "a", "b")
    ]
    assert [(one.before, one.after) for one in changed(side(value("a")), side(gone))] == [("a", None)]
    elsewhere = RegistryValue("HKLM\\SOFTWARE\\Other", "x", "REG_SZ", "b", Source("y.reg", 1))
    assert changed(side(value("a")), side(elsewhere)) == []


def test_attempts_since_the_first_state() -> None:
    joined = capture(SOUND, time="09:00")
    before = side(joined)
    after = side(joined, event(306, "08:00", record=1), event(306, "10:00", record=2), event(306, None, record=3))
    found = compared(before, after)
    assert [one.time for one in found.attempts] == [at("10:00")]
    assert found.undated == 1


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (Device("A", ("A",), device_id="x"), Device("B", ("B",), device_id="X"), "id"),
        (Device("A", ("A",), device_id="x"), Device("a.corp.example", ("a.corp.example",), device_id="y"), "name"),
        (Device("B", ("B", "A")), Device("A", ("A",)), "name"),
        (Device("A", ("A",)), Device("B", ("B",)), "different"),
        (Device("A.contoso.com", ("A.contoso.com",)), Device("A.corp.example", ("A.corp.example",)), "different"),
        (Device("A", ("A",)), Device(), None),
        (Device(device_id="x"), Device(device_id="y"), None),
    ],
)
def test_what_shows_one_device(one: Device, other: Device, told: str | None) -> None:
    assert same_device(one, other) == told
    assert same_device(other, one) == told


# --------------------------------------------------------------------------------------------------- hostile, redacted


def test_hostile_text_does_not_act(tmp_path: Path) -> None:
    hostile = "\x1b[31m\u202e<script>[x](http://contoso.com)`|=cmd()"
    first = saved(tmp_path, "a.txt", status(WKS))
    second = saved(
        tmp_path, "b.txt", status(LATER).replace("CONTOSO\n", f"CONTOSO{hostile}\n").replace("is not found", hostile)
    )
    for name in forms.FORMS:
        _, out, _ = run(first, second, "-f", name)
        assert not set("\x1b\u202e") & set(out)
        if name == "markdown":
            assert "<script>" not in re.sub(r"(`+)[^`].*?[^`]\1(?!`)|`[^`]`", "", out)


@pytest.mark.parametrize("name", forms.FORMS)
def test_with_redact_no_name_is_left(tmp_path: Path, name: str) -> None:
    first = saved(tmp_path, "WKS-0427-first.txt", status(WKS, "CORP\\ada"))
    second = saved(tmp_path, "WKS-0427-second.txt", status(LATER._replace(joined=True), "CORP\\ada"))
    _, out, _ = run(first, second, "-f", name, "--redact")
    for original in ("WKS-0427", "wks-0427", "corp.example", "Contoso\n", "22222222-3333", "33333333-4444", "\\ada"):
        assert original not in out


def test_random_pairs_of_rule_examples_never_fail() -> None:
    """Any two cases of one device can be compared, whatever they hold."""
    from troubleshoot.ruleset import read_folder, rules_folder
    from troubleshoot.ruletest import case_of

    files, vocabulary = read_folder(rules_folder())
    given = [example["given"] for file in files for example in file.doc["tests"]]
    chosen = random.Random(7).sample(given, 60)
    sides = [Side(case, judge(RULES, case)) for case in (case_of(one, vocabulary) for one in chosen)]
    for before, after in pairwise(sides):
        found = compared(before, after)
        flat = [one for root in after.report.findings for one in (root, *root.symptoms)]
        told = [fate.finding.fingerprint for fate in found.fates if fate.state in ("new", "stays", "newly-told")]
        assert {one.fingerprint for one in flat} <= set(told)
    for one in sides:
        assert {fate.state for fate in compared(one, one).fates} <= {"stays"}
        assert compared(one, one).changes == ()


@pytest.mark.browser
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """Nothing wrong for those who cannot see it, nothing asked of a network, nothing refused by its own policy."""
    from tests.browser import axe, complaints, opened, requests

    page = tmp_path / "compared.html"
    first = saved(tmp_path, "first.txt", status(WKS))
    second = saved(tmp_path, "second.txt", status(LATER._replace(joined=True)))
    run(first, second, "-f", "html", "-o", page)
    with opened(tmp_path / "profile", width=390) as driver:
        driver.get(page.as_uri())
        assert axe(driver) == []
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 390
        assert {url.partition(":")[0] for url in requests(driver)} <= {"file", "chrome", "data"}
        assert complaints(driver) == []
