"""Which rule stands for which documented cause, proved by the rule's own examples.

``data/causes.csv`` lists every documented cause, a row each. A row counts as covered only where

* an example shows it (holds its code or sign) and the whole rule set, given that example, makes the rule a root finding,
* and no example of another row makes the same rule a root finding, unless the rule says in ``one_cause`` why both rows
  are one cause.

An example shows the rows its ``shows`` names; without ``shows``, those rows of its rule whose code it holds, and the
rule's row when it covers only one. A name in ``covers`` alone proves nothing. Rows that their document calls no fault
(``harmless``) may also be proved by an example that lists the rule among the harmless findings.
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

STATES = ("covered", "shared", "crossed", "named", "open")


class Cause(NamedTuple):
    """A documented cause. ``kind``: code or condition; ``domain_type``: managed, federated or any.

    ``log_visible``: yes (dsregcmd, event logs or text logs of the device decide it), partly (they raise it, one more
    item decides), no (only data from elsewhere tells it). ``source``: its document.
    ``harmless``: the document calls it no fault.
    """

    id: str
    kind: str
    code: str
    phase: str
    domain_type: str
    log_visible: str
    source: str
    harmless: bool = False


class Example(NamedTuple):
    """A matching example, the rows it shows and the rules that are root findings when all rules judge it.

    Of an example of a harmless row, ``roots`` also holds its own rule where that is among the harmless findings.
    """

    rule: str
    name: str
    shows: frozenset[str]
    roots: frozenset[str]


class Covered(NamedTuple):
    """A cause and its rules.

    ``proved``: covered for good. ``shared``: proved, but the rule stands for other rows too and gives no reason.
    ``crossed``: examples of rows of another cause that make one of its rules a root finding. ``named``: every rule
    that has it in ``covers``. ``reasons``: rule to why all its rows are one cause.
    """

    cause: Cause
    proved: tuple[str, ...]
    shared: tuple[str, ...]
    crossed: tuple[Example, ...]
    named: tuple[str, ...]
    reasons: Mapping[str, str]

    @property
    def state(self) -> str:
        """covered, shared, crossed, named (no example proves it) or open."""
        if self.proved:
            return "covered"
        if self.shared:
            return "shared"
        if self.crossed:
            return "crossed"
        return "named" if self.named else "open"


def causes() -> list[Cause]:
    """All documented causes, in the order of the table."""
    with (DATA / "causes.csv").open(encoding="utf-8", newline="") as stream:
        return [
            Cause(
                row["id"],
                row["kind"],
                row["code"],
                row["phase"],
                row["domain_type"],
                row["log_visible"],
                row["source"],
                row["harmless"] == "yes",
            )
            for row in csv.DictReader(stream)
        ]


def measure(files: Sequence[RuleFile], vocabulary: Mapping[str, Any]) -> list[Covered]:
    """Every documented cause with its rules. Each rule's matching examples are judged by all rules together."""
    rows = {cause.id: cause for cause in causes()}
    ruleset = Ruleset(compile_rules(files, vocabulary))
    covers = {str(file.doc["id"]): tuple(map(str, file.doc.get("covers", ()))) for file in files}
    reasons = {str(file.doc["id"]): str(file.doc["one_cause"]) for file in files if file.doc.get("one_cause")}
    examples = [one for file in files for one in _examples(file, rows, ruleset, vocabulary)]
    same = _one_cause(covers, reasons)
    return [_covered(cause, covers, reasons, examples, same) for cause in rows.values()]


def _one_cause(covers: Mapping[str, Sequence[str]], reasons: Mapping[str, str]) -> dict[str, set[str]]:
    """Row to the rows that are one cause with it, each by the reason of some rule."""
    same: dict[str, set[str]] = {}
    for rule in reasons:
        for row in covers[rule]:
            same.setdefault(row, set()).update(covers[rule])
    return same


def _covered(
    cause: Cause,
    covers: Mapping[str, Sequence[str]],
    reasons: Mapping[str, str],
    examples: Sequence[Example],
    same: Mapping[str, set[str]],
) -> Covered:
    named = tuple(rule for rule, rows in covers.items() if cause.id in rows)
    alike = {cause.id, *same.get(cause.id, ())}
    proved, shared = [], []
    crossed: list[Example] = []
    for rule in named:
        if not any(one.rule == rule and cause.id in one.shows and rule in one.roots for one in examples):
            continue
        strangers = [one for one in examples if rule in one.roots and one.shows and not one.shows & alike]
        crossed += [one for one in strangers if one.rule != rule]
        if not set(covers[rule]) <= alike:
            shared.append(rule)
        elif not strangers:
            proved.append(rule)
    mine = {rule: reasons[rule] for rule in named if rule in reasons}
    return Covered(cause, tuple(proved), tuple(shared), tuple(crossed), named, mine)


# ---------------------------------------------------------------------------------------------- what examples show


def _examples(
    file: RuleFile, rows: Mapping[str, Cause], ruleset: Ruleset, vocabulary: Mapping[str, Any]
) -> Iterator[Example]:
    own = [str(name) for name in file.doc.get("covers", ())]
    rule = str(file.doc["id"])
    for example in file.doc.get("tests", ()):
        if example["expect"] not in ("match", "benign"):
            continue
        try:
            report = judge(ruleset, case_of(example["given"], vocabulary))
        except RuleError:  # an example that cannot be read is `rules test`'s business
            continue
        shown = frozenset(_shown(example, own, rows))
        roots = {root.rule for root in report.findings}
        if example["expect"] == "benign":
            shown = frozenset(name for name in shown if rows[name].harmless)
            roots |= {rule} & {one.rule for one in report.benign}
        yield Example(rule, example["name"], shown, frozenset(roots))


def _shown(example: Mapping[str, Any], own: Sequence[str], rows: Mapping[str, Cause]) -> Iterator[str]:
    """The rows an example shows: a code only where it is held, a condition where it is named or the only row."""
    words = frozenset(_words(example["given"]))
    for name in map(str, example["shows"]) if "shows" in example else own:
        cause = rows.get(name)
        if cause is None:
            continue
        if cause.kind == "code":
            if _holds(words, cause.code.casefold()):
                yield name
        elif "shows" in example or len(own) == 1:
            yield name


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


def _holds(words: frozenset[str], code: str) -> bool:
    """Does an example hold the code of a cause? Words of messages stand inside longer texts, numbers do not."""
    if code.startswith(("0x", "sensecm-", "aadsts")):
        return code in words
    return any(code in text for text in words)


# ------------------------------------------------------------------------------------------------------ printing


def counts(found: Sequence[Covered]) -> dict[str, dict[str, int]]:
    """kind (code, condition) to state to how many rows are in it."""
    return {
        kind: {state: sum(1 for one in found if one.cause.kind == kind and one.state == state) for state in STATES}
        for kind in ("code", "condition")
    }


def text(found: Sequence[Covered], missing: bool) -> str:
    """One line per cause (``missing``: only those not covered), and how many are covered by kind and by phase."""
    lines = []
    for one in found:
        if missing and one.state == "covered":
            continue
        rules = ", ".join(one.proved or one.named) or "-"
        lines.append(f"{one.state:<8} {one.cause.id:<44} {one.cause.phase or '-':<26} {rules}")
        if one.state == "crossed":
            lines += [f"         shown as another cause by {each.rule}: {each.name}" for each in one.crossed]
    for kind in ("code", "condition"):
        rows = [one for one in found if one.cause.kind == kind]
        lines.append(f"{kind}s: {_share(rows)}")
    for phase in sorted({one.cause.phase for one in found if one.cause.phase}):
        lines.append(f"  {phase}: {_share([one for one in found if one.cause.phase == phase])}")
    return "\n".join(lines)


def _share(rows: Sequence[Covered]) -> str:
    said = {"shared": "shared without a reason", "crossed": "crossed", "named": "only named", "open": "open"}
    count = {state: sum(1 for one in rows if one.state == state) for state in STATES}
    rest = [f"{count[state]} {words}" for state, words in said.items() if count[state]]
    return ", ".join([f"{count['covered']} of {len(rows)} covered", *rest])


def as_json(found: Sequence[Covered]) -> str:
    """The same as JSON: each row with its state, its rules, and the reasons why rows of a rule are one cause."""
    rows = [
        {
            "id": one.cause.id,
            "kind": one.cause.kind,
            "code": one.cause.code or None,
            "phase": one.cause.phase or None,
            "log_visible": one.cause.log_visible,
            "source": one.cause.source or None,
            "state": one.state,
            "proved": one.proved,
            "shared": one.shared,
            "crossed": [{"rule": each.rule, "example": each.name, "shows": sorted(each.shows)} for each in one.crossed],
            "named": one.named,
            "one_cause": dict(one.reasons),
        }
        for one in found
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False)
