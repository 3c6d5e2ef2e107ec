"""The chat card: the message Teams takes, under 27 kB whatever is in the report, and nothing of a log acts in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from troubleshoot.model import Device, Finding, FixStep, Proof, Report, Result, Source, Unread
from troubleshoot.pipeline import diagnose
from troubleshoot.report import card
from troubleshoot.ruleset import load

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))
BESIDE = ("README.md", "expected.json", "identities.json")
LINK = "[click](https://evil.example) **now** <at>everyone</at> {{DATE(2026-01-01T00:00:00Z)}} ${title} \x1b[31m\u202e=cmd()"


def message(*places: Path) -> dict[str, Any]:
    inputs = [str(one) for place in places for one in sorted(place.iterdir()) if one.name not in BESIDE]
    raw = card.card(diagnose(inputs, load()))
    assert raw.isascii()
    assert len(raw) < 27_000
    made = json.loads(raw)
    assert isinstance(made, dict)
    return made


def body(made: dict[str, Any]) -> list[dict[str, Any]]:
    (attachment,) = made["attachments"]
    found = attachment["content"]["body"]
    assert isinstance(found, list)
    return found


def texts(made: dict[str, Any]) -> list[str]:
    return ["".join(run["text"] for run in block["inlines"]) for block in body(made)]


def elements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from elements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from elements(inner)


def with_finding(text: str, proofs: int = 1, reports: int = 1) -> Result:
    step = FixStep(text, "user", text, "user", text, text, text)
    finding = Finding(
        "a-rule", text, "join", "error", "likely", (), (), text, text, text, (text,), "0123456789abcdef", (step,) * 9,
        (text,), (text,), tuple(Proof(Source(f"{text}{number}", 1), text) for number in range(proofs)),
    )  # fmt: skip
    sample = diagnose([str(SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt")], load()).reports[0]
    made: Report = sample._replace(device=Device(text), findings=(finding,) * 3, summary=text)
    return Result((made,) * reports, ())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_sample_makes_a_message_for_a_webhook(folder: Path) -> None:
    made = message(folder)
    assert made["type"] == "message"
    (attachment,) = made["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content = attachment["content"]
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.4")
    kinds = {one["type"] for one in elements(content) if "type" in one}
    assert kinds == {"AdaptiveCard", "RichTextBlock", "TextRun"}


def test_the_card_says_state_cause_owner_how_sure_steps_and_fingerprint() -> None:
    said = texts(message(SAMPLES / "broken" / "device-not-synced"))
    assert said[0].startswith("PENDING Microsoft Entra (formerly Azure AD) does not know the computer yet")
    assert said[1].startswith("LT-0042.corp.example · waits at join; in the domain, not hybrid joined")
    heads = [line.partition(":")[0] for line in said[2:7]]
    assert heads == ["Cause", "Owner", "How sure", "Wait", "Ticket key"]
    assert said[3] == "Owner: AD administrator"
    assert [line[:2] for line in said if line[:2] in ("1.", "2.", "3.")] == ["1.", "2.", "3."]
    assert any(line.endswith("Client ErrorCode : 0x801c03f2") for line in said)


def test_a_sound_device_and_an_input_of_nothing_make_a_card() -> None:
    assert texts(message(SAMPLES / "healthy" / "hybrid-managed"))[0].startswith("HEALTHY Nothing wrong was found")
    nothing = json.loads(card.card(Result((), (Unread("a.txt", "it is empty"),))))
    assert texts(nothing) == ["Could not be read: a.txt: it is empty"]
    assert texts(json.loads(card.card(Result((), ())))) == ["Nothing was read."]


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\U0001f600", '"', "\x1b", "\ud800"])
@pytest.mark.parametrize("reports", [1, 60])
def test_a_card_is_cut_before_27_kb_and_says_how_much(letter: str, reports: int) -> None:
    raw = card.card(with_finding(letter * 5_000, 300, reports))
    assert len(raw) < 27_000
    said = texts(json.loads(raw))
    if reports == 1:
        assert sum(line.startswith(("1.", "2.", "3.")) for line in said) == 3
        return
    count = int(said[-1].partition(" ")[0])
    assert said[-1] == f"{count} more lines did not fit into this card; they stand in the other forms of the report."
    whole = 60 + 60 * (len(texts(json.loads(card.card(with_finding("x", 300))))) - 1)
    assert count == whole - (len(said) - 1)


def test_log_text_stands_in_runs_without_markdown_and_calls_nothing() -> None:
    made = json.loads(card.card(with_finding(LINK)))
    for one in elements(made):
        assert not {"selectAction", "actions", "url"} & one.keys()
        assert not str(one.get("type")).startswith("Action")
        if one.get("type") == "TextRun":
            assert not any(sign in one["text"] for sign in ("{{", "${", "<at>"))
            assert one["text"].isprintable()
    assert any("[click](https://evil.example)" in line for line in texts(made))
