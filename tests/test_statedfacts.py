"""Facts stated by a person: the file's form, what is lost, and that they decide what was not checked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.model import Fact, Problem
from troubleshoot.parsers import parse_text
from troubleshoot.pipeline import diagnose_bytes
from troubleshoot.ruleset import load


@pytest.mark.parametrize(
    ("text", "facts", "problems"),
    [
        ("troubleshoot facts\nwrite-filter = on\n", [("write-filter", "on", 2)], 0),
        ("\n  Troubleshoot Facts\n# asked on the phone\n\nos.build=7601\n", [("os.build", "7601", 5)], 0),
        ("troubleshoot facts\nnot a fact\nos.build = 9600\n", [("os.build", "9600", 3)], 1),
        ("troubleshoot facts\n = on\nname =\n", [], 2),
    ],
)
def test_lines_become_facts(text: str, facts: list[tuple[str, str, int]], problems: int) -> None:
    found = list(parse_text("facts.txt", text.encode(), None))
    assert [(one.name, one.value, one.source.line) for one in found if isinstance(one, Fact)] == facts
    assert sum(isinstance(one, Problem) for one in found) == problems


def test_without_the_title_nothing_is_a_fact() -> None:
    assert not any(isinstance(one, Fact) for one in parse_text("a.txt", b"write-filter = on\n", None))


def test_a_stated_fact_decides_a_rule_and_is_its_proof() -> None:
    text = b"troubleshoot facts\nos.build = 7601\nautoworkplace.dialog = quota-reached\n"
    (report,) = diagnose_bytes("facts.txt", text, load()).reports
    (root,) = report.findings
    assert root.rule == "downlevel-quota-reached"
    assert {proof.source.line for proof in root.evidence} == {3}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(max_size=400))
def test_any_text_below_the_title_is_read_without_error(text: str) -> None:
    assert all(
        not (isinstance(one, Problem) and "reading stopped" in one.message)
        for one in parse_text("facts.txt", b"troubleshoot facts\n" + text.encode("utf-8", "replace"), None)
    )
