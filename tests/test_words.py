"""The words of reports: every finding reads in one order, says how sure it is and what would settle it, and fits one screen."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from troubleshoot import words
from troubleshoot.model import Finding, FixStep, Result
from troubleshoot.pipeline import diagnose
from troubleshoot.report import render, sentences
from troubleshoot.report.text import render as as_text
from troubleshoot.ruleschema import RUN_AS, WHO
from troubleshoot.ruleset import load, read_folder, rules_folder

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))
BESIDE = ("README.md", "expected.json", "identities.json")
NAMES = [f"{path.parent.name}/{path.name}" for path in FOLDERS]
ORDER = ("State", "Cause", "Owner", "How sure", "Proof", "Wait", "What to do", "Careful", "Normal when", "Background")


@cache
def result(name: str) -> Result:
    return diagnose([str(one) for one in sorted((SAMPLES / name).iterdir()) if one.name not in BESIDE], load())


def finding(**changes: object) -> Finding:
    step = FixStep("Look at it.", "helpdesk", "device", "any", "winver", "a number")
    made = Finding(
        "a-rule", "A title that is long", "join", "error", "likely", (), (), None, "First sentence. Second one.", None, (), "0" * 16,
        (step,), (), ("https://learn.microsoft.com/x",), (),
    )  # fmt: skip
    return made._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_finding_reads_state_cause_owner_how_sure_proof_wait_steps_warning(name: str) -> None:
    lines = as_text(result(name), 110).splitlines()
    heads = [found[1] for line in lines if (found := re.match(r"  (\w[\w ]*):(?: |$)", line)) and found[1] in ORDER]
    count = sum(len(report.findings) for report in result(name).reports)
    assert heads.count("State") == heads.count("Cause") == heads.count("Owner") == heads.count("How sure") == count
    for at, head in enumerate(heads[1:], 1):
        before = heads[at - 1]
        assert (
            head == "State" or ORDER.index(before) < ORDER.index(head) or before == head in ("Careful", "Normal when")
        )


@pytest.mark.parametrize("name", NAMES)
def test_cause_proof_and_first_step_stand_on_the_first_screen(name: str) -> None:
    made = result(name)
    screen = [line.strip() for line in as_text(made, 80).splitlines()[:24]]
    wrong = any(report.findings for report in made.reports)
    for wanted in ("Cause: ", "Owner: ", "How sure: ", "Proof:", "1. ") if wrong else ():
        assert any(line.startswith(wanted) for line in screen), wanted
    assert wrong or not any(line.startswith("Cause: ") for line in screen)


@pytest.mark.parametrize("form", ["text", "markdown", "note", "mail", "card"])
def test_the_former_name_stands_once_beside_the_first_mention(form: str) -> None:
    named = 0
    for name in NAMES:
        made = render(result(name), form)
        text = made.decode() if isinstance(made, bytes) else made
        text = text.replace("\\(", "(").replace("\\)", ")").replace("\n", " ")
        text = re.sub(r"^Subject:[^ ]* .*?  ", "", re.sub(" +", " ", text))
        count = text.count("formerly Azure AD")
        named += count
        assert count <= 1, name
        if count:
            first = re.search(r"Microsoft Entra(?: ID)?(?! (?:Connect|admin))(?!\S*/)", text)
            assert first is not None
            assert text[first.end() :].startswith(" (formerly Azure AD)") or form == "mail", name
    assert named or form == "mail"


def test_how_sure_names_the_one_capture_or_the_step_that_settles() -> None:
    assert sentences.sure(finding(confidence="certain", settle=None)) == "certain"
    capture = "run `dsregcmd /status` as the user, not as administrator"
    assert sentences.sure(finding(settle=capture)) == f"likely; to settle it: {capture}"
    assert sentences.sure(finding()) == "likely; step 1 shows whether it is so"
    told = sentences.sure(finding(confidence="possible", fix=(FixStep("Do it.", "user", "device"),)))
    assert told == "possible; these files alone cannot tell; if step 1 helps, it was so"
    assert sentences.sure(finding(fix=())) == "likely"
    away = FixStep("Leave it.", "helpdesk", "device", "admin", "dsregcmd /leave", "gone")
    assert sentences.sure(finding(fix=(away,))) == "likely; if step 1 helps, it was so"


def test_what_is_likely_says_what_would_settle_it() -> None:
    for name in NAMES:
        for report in result(name).reports:
            for one in report.findings:
                assert one.confidence == "certain" or ";" in sentences.sure(one), f"{name} {one.rule}"
                assert one.confidence != "certain" or one.settle is None


def test_the_owner_is_who_must_act_not_who_looks() -> None:
    def step(do: str, who: str) -> FixStep:
        return FixStep(do, who, "device")

    assert sentences.owner(finding(fix=(step("Look.", "helpdesk"), step("Mend it.", "network")))) == "network"
    assert (
        sentences.owner(finding(fix=(step("Mend it.", "helpdesk"), step("If it stays, ask.", "network")))) == "helpdesk"
    )
    assert sentences.owner(finding(fix=(step("If it stays, ask.", "network"),))) == "network"
    assert sentences.owner(finding(fix=())) is None


def test_waiting_and_warnings() -> None:
    assert sentences.wait(finding(wait="Wait an hour.")) == "Wait an hour."
    assert sentences.wait(finding()) == words.NEXT_TRY["join"]
    assert sentences.wait(finding(severity="warning")) is None
    look = FixStep("Look at it.", "helpdesk", "device")
    assert "dsregcmd /leave" in words.avoid("join", "error", (look,))[0]
    assert words.avoid("join", "error", (look._replace(run="dsregcmd /leave"),)) == ()
    assert words.avoid("join", "info", (look,)) == ()
    assert words.avoid("vm", "error", (look,)) == ()


def test_no_step_does_what_its_own_report_warns_of() -> None:
    for name in NAMES:
        for report in result(name).reports:
            for one in report.findings:
                if any("dsregcmd /leave" in text for text in one.avoid if text in words.AVOID.values()):
                    assert not any("/leave" in (step.run or "") for step in one.fix), f"{name} {one.rule}"


@pytest.mark.parametrize(
    ("cause", "front", "rest"),
    [
        ("One. Two.", "One. Two.", ""),
        ("A" * 240 + ". Second sentence here.", "A" * 240 + ".", "Second sentence here."),
        ("A" * 400, "A" * 400, ""),
        ("Version 1.2 is. B" + "b" * 300 + ".", "Version 1.2 is.", "B" + "b" * 300 + "."),
    ],
)
def test_the_first_sentences_of_a_cause_stand_in_front(cause: str, front: str, rest: str) -> None:
    assert sentences.cause(finding(cause=cause)) == (front, rest)


def test_every_word_that_rules_use_is_in_the_table() -> None:
    files, vocabulary = read_folder(rules_folder())
    steps = [step for file in files for step in file.doc["fix"]]
    assert {step["where"] for step in steps} <= words.WHERE.keys()
    assert set(WHO) == words.WHO.keys()
    assert set(RUN_AS) == words.RUN_AS.keys()
    assert set(vocabulary["phases"]) == words.PHASES.keys()
    assert {file.doc["confidence"] for file in files} <= words.CONFIDENCES.keys()
    assert {file.doc["severity"] for file in files} <= words.STOPS.keys()
    assert words.NEXT_TRY.keys() | words.AVOID.keys() <= words.PHASES.keys()
    assert max(len(file.doc["fix"]) for file in files) <= 5
