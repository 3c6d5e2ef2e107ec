"""Each documented code in its phase, alone on a sound device: its cause comes first, and nothing else is an error.

The collections are made by tests/documented.py from the table of causes, never from the examples of rules.
"""

from __future__ import annotations

import pytest

from tests.documented import Shown, collections
from troubleshoot.coverage import causes
from troubleshoot.engine import judge, worst
from troubleshoot.ruleset import Ruleset, compile_rules, load, read_folder, rules_folder

ROWS = [one for one in causes() if one.kind == "code"]
CORE = "entra/identity/devices/"
MADE = [shown for cause in ROWS for shown in collections(cause)]


def errors_beside_the_first(shown: Shown, ruleset: Ruleset) -> tuple[bool, list[str], list[str]]:
    """(Is the first finding of a rule for this cause?, rules of the other errors, codes nobody explains)."""
    report = judge(ruleset, shown.case())
    first = bool(report.findings) and shown.row in report.findings[0].covers
    others = [one.rule for one in report.findings[1:] if worst(one) == "error"]
    return first, others, [one.code for one in report.unexplained_codes]


@pytest.mark.parametrize("shown", MADE, ids=lambda shown: f"{shown.row}-{shown.shape}")
def test_the_cause_is_the_first_and_only_error(shown: Shown) -> None:
    first, others, unexplained = errors_beside_the_first(shown, load())
    assert first, [one.rule for one in judge(load(), shown.case()).findings]
    assert others == []
    assert unexplained == []


def test_every_row_is_shown() -> None:
    assert {shown.row for shown in MADE} == {one.id for one in ROWS}
    core = {one.id for one in ROWS if CORE in one.source}
    # What only records, a log or another tool's state can show has no capture.
    captured = {shown.row for shown in MADE if shown.shape in ("dsregcmd", "behind 0x801c0021")}
    assert core - captured == {
        "0x801c001d/event-220-ad-computer-object",
        "ERROR_NO_SUCH_LOGON_SESSION",
        "ERROR_NO_SUCH_USER",
        "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        "KDC_ERR_NULL_KEY",
        "0x801c0021/aadloginforwindows",
        "0x801c0042",
        "exit code 51",
        "hostname duplication error",
    }


def test_a_rule_that_is_taken_away_is_missed() -> None:
    shown = next(one for one in MADE if one.row == "0x801c0025" and one.shape == "dsregcmd")
    files, vocabulary = read_folder(rules_folder())
    fewer = [file for file in files if file.doc["id"] != "registration-service-busy"]
    assert errors_beside_the_first(shown, Ruleset(compile_rules(files, vocabulary)))[0] is True
    assert errors_beside_the_first(shown, Ruleset(compile_rules(fewer, vocabulary)))[0] is False
