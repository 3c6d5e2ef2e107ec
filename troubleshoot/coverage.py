"""Which rule stands for which documented cause, proved by the rule's own examples.

``data/causes.csv`` lists every documented cause. A cause counts as covered only where an example of a rule that names it
holds the cause's code, and the whole rule set, given that example, makes this rule a root finding. A name in ``covers``
alone proves nothing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from troubleshoot import codes
from troubleshoot.codebook import explain
from troubleshoot.engine import judge
from troubleshoot.ruleset import RuleError, RuleFile, Ruleset, compile_rules
from troubleshoot.ruletest import case_of
from troubleshoot.tables import DATA


class Cause(NamedTuple):
    """A documented cause. ``kind``: code or condition; ``log_visible``: yes, partly or no."""

    id: str
    kind: str
    code: str
    phase: str
    log_visible: str


class Covered(NamedTuple):
    """A cause with the rules that an example proves for it, and those that only name it."""

    cause: Cause
    proved: tuple[str, ...]
    named: tuple[str, ...]

    @property
    def state(self) -> str:
        """covered, named (no example proves it) or open."""
        return "covered" if self.proved else "named" if self.named else "open"


def causes() -> list[Cause]:
    """All documented causes, in the order of the table."""
    with (DATA / "causes.csv").open(encoding="utf-8", newline="") as stream:
        return [
            Cause(row["id"], row["kind"], row["code"], row["phase"], row["log_visible"])
            for row in csv.DictReader(stream)
        ]


def measure(files: Sequence[RuleFile], vocabulary: Mapping[str, Any]) -> list[Covered]:
    """Every documented cause with its rules. Each rule's matching examples are judged by all rules together."""
    ruleset = Ruleset(compile_rules(files, vocabulary))
    named: dict[str, list[str]] = {}
    shown: dict[str, list[frozenset[str]]] = {}
    for file in files:
        rule = str(file.doc["id"])
        for name in map(str, file.doc.get("covers", ())):
            named.setdefault(name, []).append(rule)
        shown[rule] = list(_root_examples(file, ruleset, vocabulary))
    found = []
    for cause in causes():
        rules = tuple(named.get(cause.id, ()))
        proved = tuple(rule for rule in rules if any(_holds(words, cause) for words in shown[rule]))
        found.append(Covered(cause, proved, rules))
    return found


def _root_examples(file: RuleFile, ruleset: Ruleset, vocabulary: Mapping[str, Any]) -> Iterator[frozenset[str]]:
    """The codes and words of each matching example that makes the rule a root finding."""
    for example in file.doc.get("tests", ()):
        if example["expect"] != "match":
            continue
        try:
            report = judge(ruleset, case_of(example["given"], vocabulary))
        except RuleError:  # an example that cannot be read is `rules test`'s business
            continue
        if any(root.rule == file.doc["id"] for root in report.findings):
            yield frozenset(_words(example["given"]))


def _words(given: Any) -> Iterator[str]:
    if isinstance(given, Mapping):
        if isinstance(given.get("values"), Mapping):  # a registry value by the name documents give its states
            last = str(given.get("key", "")).rpartition("\\")[2]
            yield from (f"{last}-{name}-{value}".casefold() for name, value in given["values"].items())
        for value in given.values():
            yield from _words(value)
    elif isinstance(given, list):
        for value in given:
            yield from _words(value)
    else:
        text = str(given)
        yield text.casefold()
        values = [text, *(line.partition(" : ")[2] for line in text.splitlines() if " : " in line)]
        for code in (*codes.find(text), *filter(None, map(codes.normalise, values))):
            yield code.casefold()
            if code.startswith("0x"):  # some causes are listed by the symbol of their code
                yield from (one.name.casefold() for one in explain(code) if one.name)


def _holds(words: frozenset[str], cause: Cause) -> bool:
    """Does an example hold the cause's code? A condition has none: its sign is what the rule matches."""
    if cause.kind != "code":
        return True
    code = cause.code.casefold()
    if code.startswith(("0x", "sensecm-")):
        return code in words
    return any(code in text for text in words)


def text(found: Sequence[Covered], missing: bool) -> str:
    """One line per cause (``missing``: only those not covered), and how many are covered by kind and by phase."""
    lines = []
    for one in found:
        if missing and one.state == "covered":
            continue
        rules = ", ".join(one.proved or one.named) or "-"
        lines.append(f"{one.state:<8} {one.cause.id:<44} {one.cause.phase or '-':<26} {rules}")
    for kind in ("code", "condition"):
        rows = [one for one in found if one.cause.kind == kind]
        lines.append(f"{kind}s: {_share(rows)}")
    for phase in sorted({one.cause.phase for one in found if one.cause.phase}):
        lines.append(f"  {phase}: {_share([one for one in found if one.cause.phase == phase])}")
    return "\n".join(lines)


def _share(rows: Sequence[Covered]) -> str:
    count = {state: sum(1 for one in rows if one.state == state) for state in ("covered", "named", "open")}
    return f"{count['covered']} of {len(rows)} covered, {count['named']} only named, {count['open']} open"


def as_json(found: Sequence[Covered]) -> str:
    """The same as JSON: id, kind, code, phase, state, rules proved and rules that only name it."""
    rows = [
        {
            "id": one.cause.id,
            "kind": one.cause.kind,
            "code": one.cause.code or None,
            "phase": one.cause.phase or None,
            "state": one.state,
            "proved": one.proved,
            "named": one.named,
        }
        for one in found
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False)
