"""What is kept for devices alike changes no report: every example of every rule, judged with and without what others left."""

from __future__ import annotations

import random

import pytest

from troubleshoot import alike
from troubleshoot.case import Case
from troubleshoot.engine import judge
from troubleshoot.match import Evaluator
from troubleshoot.ruleset import RuleFile, Ruleset, load, read_folder, rules_folder
from troubleshoot.ruletest import case_of

FILES, VOCABULARY = read_folder(rules_folder())


def cases(file: RuleFile) -> list[Case]:
    return [case_of(example["given"], VOCABULARY) for example in file.doc["tests"]]


@pytest.fixture(scope="module")
def used() -> Ruleset:
    """A rule set that has judged every example once, in some order."""
    ruleset = load()
    everything = [case for file in FILES for case in cases(file)]
    random.Random(7).shuffle(everything)
    for case in everything:
        judge(ruleset, case)
    return ruleset


@pytest.fixture(scope="module")
def fresh() -> Ruleset:
    """A rule set that is made to forget before every case."""
    return load()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.doc["id"])
def test_a_report_is_the_same_whatever_was_judged_before(file: RuleFile, used: Ruleset, fresh: Ruleset) -> None:
    for case in cases(file):
        fresh.kept = None
        if fresh.tests is not None:
            fresh.tests.weighed.clear()
        assert judge(used, case) == judge(fresh, case)


def test_devices_alike_are_found_once(used: Ruleset) -> None:
    case = cases(FILES[0])[0]
    judge(used, case)
    before = len(alike.kept(Evaluator(used, case)).found)
    judge(used, case)
    assert len(alike.kept(Evaluator(used, case)).found) == before > 0


def test_no_more_is_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "_MOST", 5)
    ruleset = load()
    for file in FILES[:20]:
        for case in cases(file):
            judge(ruleset, case)
            held = alike.kept(Evaluator(ruleset, case))
            assert len(held.found) <= 5
            assert len(held.plans) <= 5
