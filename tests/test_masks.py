"""Values that somebody blanked out are no evidence: every field, event value and fact is masked in turn, and no rule may fire for it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from troubleshoot.case import Case
from troubleshoot.engine import judge
from troubleshoot.loader import in_memory
from troubleshoot.masks import is_mask
from troubleshoot.match import Evaluator
from troubleshoot.model import Event, Evidence, Problem
from troubleshoot.parsers import parse
from troubleshoot.pipeline import wanted_events
from troubleshoot.ruleset import load, read_folder, rules_folder
from troubleshoot.ruletest import case_of

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
BESIDE = ("README.md", "expected.json", "identities.json")
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))
MASKS = (
    "AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA", "AAAA...", "AAAA…", "99999999-9999-9999-9999-999999999999", "[REDACTED]", "<removed>",
    "xxxxxxxx", "xxxx-xxxx", "00000000-0000-0000-0000-000000000000", "*****", "####", "(hidden)", "id-2", "thumbprint-3fa9c1d2ab",
)  # fmt: skip
LABELLED = re.compile(r"^(\s*\|?\s*[A-Za-z][\w .()/-]{1,45}?\s*[:=]\s*)(\S.*?)(\s*\|?\s*)$")
RULES = load()
FILES, VOCABULARY = read_folder(rules_folder())
Parts: TypeAlias = "dict[str, list[Evidence | Problem]]"
Where: TypeAlias = tuple[str, int | None, int | None]


@pytest.mark.parametrize(
    "text",
    [
        *MASKS, "XXXXXXXX", "xx-xx-xx", "22222222-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "{00000000-0000-0000-0000-000000000000}", "999...",
        "tenant-1", "sid-12", "blob-3fa9c1d2ab", "redacted", "(removed)", "<tenant id>", "[device id]", "•••••", "████",
    ],
)  # fmt: skip
def test_a_mask_is_known(text: str) -> None:
    assert is_mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "NO", "YES", "0", "AAA", "ABBA", "Access Denied", "0x801c03f2", "11111111-2222-3333-4444-555555555555", "host-1", "name-2",
        "user-1@contoso.com", "WKS-0427", "2026-03-04 09:10:00.000 UTC", "Microsoft Platform Crypto Provider", "NOT SET", "DIRECT",
        "http://proxy.corp.example:8080", "AADSTS50155", "999", "A" * 300 + "b", "hidden proxy", "xbox-1", "error_missing_device",
    ],
)  # fmt: skip
def test_a_value_is_no_mask(text: str) -> None:
    assert not is_mask(text)


@pytest.mark.parametrize("letter", ["x", "X", "*", "-", "A", "9", "a-", "xx-"])
def test_a_long_text_costs_little(letter: str) -> None:
    assert not is_mask(letter * 100_000)
    assert is_mask(letter * 240 + "!") in (True, False)


# ---------------------------------------------------------------------------------------------------------- samples


@cache
def sample(folder: Path) -> Parts:
    wanted = wanted_events(RULES)
    files = [one for one in sorted(folder.rglob("*")) if one.is_file() and one.name not in BESIDE]
    return {str(one): list(parse(in_memory(str(one), one.read_bytes()), wanted)) for one in files}


def judged(parts: Parts) -> tuple[dict[str, set[Where]], set[str]]:
    """The active findings by rule with the lines they rest on, symptoms too; and the rules of what is settled or harmless."""
    report = judge(RULES, Case.of([one for part in parts.values() for one in part]))
    active: dict[str, set[Where]] = {}
    todo = list(report.findings)
    while todo:
        one = todo.pop()
        active[one.rule] = {where(each.source) for each in one.evidence}
        todo += one.symptoms
    return active, {one.rule for one in (*report.resolved, *report.benign)}


def where(source: Any) -> Where:
    return source.path, source.line, source.record


def masked_inputs(folder: Path, masks_of: Callable[[int], tuple[str, ...]]) -> Iterator[tuple[str, Where, Parts]]:
    """The sample with one value after the other masked: what was masked, where, and the evidence."""
    parts, count = sample(folder), 0
    for path, found in parts.items():
        for at, one in enumerate(found):
            for name in one.data if isinstance(one, Event) and path.endswith(".evtx") else ():
                for mask in masks_of(count):
                    assert isinstance(one, Event)
                    changed = [*found[:at], one._replace(data={**one.data, name: mask}), *found[at + 1 :]]
                    yield f"{name}={mask}", where(one.source), {**parts, path: changed}
                count += 1
        text = decoded(Path(path).read_bytes())
        lines = text.split("\n") if text else []
        for number, line in enumerate(lines):
            labelled = LABELLED.match(line.rstrip("\r"))
            for mask in masks_of(count) if labelled else ():
                assert labelled is not None
                changed_lines = [*lines[:number], f"{labelled[1]}{mask}{labelled[3]}\r", *lines[number + 1 :]]
                data = "\n".join(changed_lines).encode()
                yield (
                    f"{labelled[1]}{mask}",
                    (path, number + 1, None),
                    {
                        **parts,
                        path: list(parse(in_memory(path, data), wanted_events(RULES))),
                    },
                )
            count += labelled is not None


def decoded(raw: bytes) -> str | None:
    if raw[:8] == b"ElfFile\0" or (b"\0" in raw[:64] and raw[:2] != b"\xff\xfe"):
        return None
    try:
        return raw.decode("utf-16" if raw[:2] == b"\xff\xfe" else "utf-8")
    except UnicodeDecodeError:
        return None


def fired(folder: Path, masks_of: Callable[[int], tuple[str, ...]]) -> list[str]:
    """Findings that only the mask brought.

    One that does not rest on the masked value may stand in for a more precise one that lost its proof (it was superseded, or has no
    line that the lost one did not have), and one that was settled or harmless may lose what settled it.
    """
    before, settled = judged(sample(folder))
    allowed = settled | superseded(before)
    found = []
    for what, place, parts in masked_inputs(folder, masks_of):
        after = judged(parts)[0]
        lost = [proof for rule, proof in before.items() if rule not in after]
        for rule in after.keys() - before.keys():
            proof = after[rule]
            if place in proof or not proof or not (rule in allowed or any(proof <= one for one in lost)):
                found.append(f"{rule}: {what}")
    return found


def superseded(rules: Iterable[str]) -> set[str]:
    """What these rules supersede, directly or through others."""
    found: set[str] = set()
    todo = list(rules)
    while todo:
        for one in RULES.rule(RULES.numbers[todo.pop()]).supersedes:
            if one not in found:
                found.add(one)
                todo.append(one)
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_masked_value_of_a_sample_is_a_finding(folder: Path) -> None:
    """Every value once, the masks in turn."""
    shift = len(folder.name)
    assert fired(folder, lambda number: (MASKS[(number + shift) % len(MASKS)],)) == []


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_mask_of_any_kind_is_a_finding(folder: Path) -> None:
    assert fired(folder, lambda number: MASKS) == []


# --------------------------------------------------------------------------------------------- every field of the rules


def matches(rule: str, given: Mapping[str, Any]) -> bool:
    """Is the condition of the rule true for what an example gives?"""
    evaluator = Evaluator(RULES, case_of(given, VOCABULARY))
    made = RULES.rule(RULES.numbers[rule])
    return any(evaluator.value(made.match, context) is True for context in evaluator.contexts(made))


def masked_examples(given: Mapping[str, Any], start: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What an example gives, with one value of it after the other masked."""
    count = start
    for key in ("dsreg",):
        texts = given.get(key, ())
        texts = [texts] if isinstance(texts, str) else list(texts)
        for at, text in enumerate(texts):
            lines = str(text).split("\n")
            for number, line in enumerate(lines):
                if labelled := LABELLED.match(line):
                    mask, count = MASKS[count % len(MASKS)], count + 1
                    changed = "\n".join([*lines[:number], labelled[1] + mask, *lines[number + 1 :]])
                    made = [*texts[:at], changed, *texts[at + 1 :]]
                    yield f"{labelled[1]}{mask}", {**given, key: made[0] if isinstance(given[key], str) else made}
    for name in given.get("facts", {}):
        mask, count = MASKS[count % len(MASKS)], count + 1
        yield f"{name}={mask}", {**given, "facts": {**given["facts"], name: mask}}
    for kind, inner in (("events", "data"), ("registry", "values")):
        for at, one in enumerate(given.get(kind, ())):
            for name in one.get(inner) or {}:
                mask, count = MASKS[count % len(MASKS)], count + 1
                changed_list = copy.deepcopy(list(given[kind]))
                changed_list[at][inner][name] = mask
                yield f"{name}={mask}", {**given, kind: changed_list}


def test_no_masked_value_of_an_example_makes_a_rule_true() -> None:
    """The examples of the rules hold every field, fact, event value and registry value that rules read."""
    wrong, tried = [], 0
    for file in FILES:
        if file.doc["maturity"] == "deprecated":
            continue
        for number, example in enumerate(file.doc["tests"]):
            if matches(file.doc["id"], example["given"]):
                continue
            for what, given in masked_examples(example["given"], number):
                tried += 1
                if matches(file.doc["id"], given):
                    wrong.append(f"{file.doc['id']}, {example['name']}: {what}")
    assert wrong == []
    assert tried > 500
