"""Static checks of rules: what a schema cannot say. Each check is one small function with an id and a one-line message."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from troubleshoot import eventbook
from troubleshoot.conditions import BadCondition, Nodes, triggers, walk
from troubleshoot.ruleset import RuleFile
from troubleshoot.ruletest import Failure
from troubleshoot.tables import DATA, labels

_REFERENCE = re.compile(
    r"^https://(learn\.microsoft\.com|support\.microsoft\.com|techcommunity\.microsoft\.com|github\.com/MicrosoftDocs)/"
)
_CHANGES = re.compile(
    r"dsregcmd(\.exe)?\s+/(leave|join|forcerecovery)|Clear-Tpm|reg(\.exe)?\s+(add|delete)|Remove-|Set-|Enable-|Disable-|schtasks\s+/(run|change|delete)",
    re.IGNORECASE,
)
_NESTED_REPEAT = re.compile(r"\([^()]*[+*][^()]*\)[+*{]")
_MAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
_GUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_OF_THE_USER = re.compile(r"\bHKCU\b|\bwhoami\b|\bklist\b(?!.*-li)|ms-settings:|%(LOCAL)?APPDATA%", re.IGNORECASE)
_PROMPT = re.compile(
    r"\b(as (the user|administrator|SYSTEM|an? [\w ]+)|in (any|an elevated) prompt|on (the|each) [\w ]*server)\b"
)
_OWN_DOMAINS = ("contoso.com", "example.com", "corp.local", "contoso.local", "corp.example")


class Context:
    """All rules together, for the checks that compare."""

    def __init__(self, files: Sequence[RuleFile], vocabulary: Mapping[str, Any]) -> None:
        self.files = files
        self.vocabulary = vocabulary
        self.ids = {str(file.doc.get("id")) for file in files}
        self.explains = {str(file.doc.get("id")): set(file.doc.get("explains", ())) for file in files}
        self.supersedes = {str(file.doc.get("id")): set(file.doc.get("supersedes", ())) for file in files}
        self.causes = documented_causes()
        self.matches: dict[str, str] = {}


def documented_causes() -> frozenset[str]:
    """The ids of the project's own list of documented causes (``data/causes.csv``)."""
    with (DATA / "causes.csv").open(encoding="utf-8", newline="") as stream:
        return frozenset(row["id"] for row in csv.DictReader(stream))


def check(files: Sequence[RuleFile], vocabulary: Mapping[str, Any]) -> list[Failure]:
    """Every problem of every rule, by file and line; nothing raises."""
    from troubleshoot.ruleschema import problems

    context = Context(files, vocabulary)
    found: list[Failure] = []
    for file in files:
        shape = [Failure(file.path, line, f"R000 {message}") for line, message in problems(file, vocabulary)]
        found += shape
        if shape:
            continue  # the other checks rely on the shape
        for each in CHECKS:
            found += [Failure(file.path, file.lines.get(key, 1), message) for key, message in each(file, context)]
    found += [Failure("vocabulary.yaml", 1, message) for message in vocabulary_problems(vocabulary)]
    return sorted(found, key=lambda one: (one.path, one.line, one.message))


Found = Iterator[tuple[str, str]]


def r001_names(file: RuleFile, context: Context) -> Found:
    """File name equals id, folder equals phase, ids and aliases unique."""
    path = Path(file.path)
    if path.stem != file.doc["id"]:
        yield "id", f"R001 the file is called {path.name}, its id is {file.doc['id']}"
    if path.parent.name != file.doc["phase"]:
        yield "phase", f"R001 the folder is {path.parent.name}, the phase is {file.doc['phase']}"
    names = [file.doc["id"], *file.doc.get("aliases", ())]
    for other in context.files:
        if other is not file:
            taken = set(names) & {str(other.doc.get("id")), *other.doc.get("aliases", ())}
            for name in sorted(taken):
                yield "id", f"R001 '{name}' is also in {other.path}"


def r002_rule_ids(file: RuleFile, context: Context) -> Found:
    """Rules named in explains and supersedes exist."""
    for key in ("explains", "supersedes"):
        for name in file.doc.get(key, ()):
            if name not in context.ids:
                near = difflib.get_close_matches(name, sorted(context.ids), 1)
                yield key, f"R002 no rule '{name}'" + (f", did you mean {near[0]}?" if near else "")


def r003_cycles(file: RuleFile, context: Context) -> Found:
    """No rule explains or supersedes itself, through others or not; none stands in both lists."""
    name = file.doc["id"]
    for key, edges in (("explains", context.explains), ("supersedes", context.supersedes)):
        seen: set[str] = set()
        todo = list(edges.get(name, ()))
        while todo:
            one = todo.pop()
            if one == name:
                yield key, f"R003 {key} leads back to {name}"
                break
            if one not in seen:
                seen.add(one)
                todo += edges.get(one, ())
    for both in sorted(context.explains[name] & context.supersedes[name]):
        yield "explains", f"R003 '{both}' is explained and superseded; superseded findings are dropped"


def r004_trigger(file: RuleFile, context: Context) -> Found:
    """The rule can be dispatched at all."""
    nodes = Nodes()
    try:
        if not triggers(nodes.table, nodes.intern(file.doc["match"])):
            yield "match", "R004 nothing positive to look for: the rule could never be tried"
    except BadCondition as error:
        yield "match", f"R004 {error}"


def _leaves(file: RuleFile, keys: Sequence[str] = ("match",)) -> Iterator[tuple[str, list[Any]]]:
    nodes = Nodes()
    for key in keys:
        conditions = file.doc.get(key, [])
        for condition in conditions if isinstance(conditions, list) else [conditions]:
            bare = {name: body for name, body in condition.items() if name not in ("decisive", "reason")}
            for node in walk(nodes.table, nodes.intern(bare)):
                yield key, node


def r005_ambiguous(file: RuleFile, context: Context) -> Found:
    """A code that means several things is not matched alone."""
    known = context.vocabulary.get("codes", {})
    leaves = [node for _, node in _leaves(file) if node[0] == "attempt"]
    beside = {node[2] for node in leaves} - {"code", "flow"}
    others = [node for _, node in _leaves(file) if node[0] in ("event", "fact", "registry", "dsreg", "log")]
    if beside or others or file.doc.get("unless") or file.doc["confidence"] == "possible":
        return
    for node in leaves:
        values = node[3] if isinstance(node[3], list) else [node[3]]
        for value in values:
            ambiguous = isinstance(value, str) and known.get(value, {}).get("alone") is False
            if node[1] == "join" and node[2] == "code" and ambiguous and len(values) == 1:
                yield "match", f"R005 {value} means more than one thing: add a message, server code, sub-code or phase"


def r006_patterns(file: RuleFile, context: Context) -> Found:
    """Patterns compile and cannot run away; event messages are translated, so their text is a last resort."""
    for key, node in _leaves(file, ("match", "unless", "confirm", "benign")):
        for test in _tests(node):
            for pattern in test.get("re", []) if isinstance(test.get("re"), list) else [test.get("re")]:
                if pattern is None:
                    continue
                try:
                    re.compile(pattern)
                except re.error as error:
                    yield key, f"R006 the pattern {pattern!r} is wrong: {error}"
                if _NESTED_REPEAT.search(pattern):
                    yield key, f"R006 the pattern {pattern!r} repeats a repeat and could run for ever"


def _tests(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _tests(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tests(inner)


def r008_examples(file: RuleFile, context: Context) -> Found:
    """At least one example matches and one does not; resolved_by and benign have theirs."""
    expected = [example["expect"] for example in file.doc["tests"]]
    if not {"match", "benign"} & set(expected):
        yield "tests", "R008 no example matches"
    if set(expected) <= {"match"}:
        yield "tests", "R008 no example that does not match"
    for key, word in (("resolved_by", "resolved"), ("benign", "benign")):
        if file.doc.get(key) and word not in expected:
            yield "tests", f"R008 {key} without an example that expects {word}"


def r010_twins(file: RuleFile, context: Context) -> Found:
    """No two rules with the same conditions."""
    whole = repr([file.doc.get(key) for key in ("match", "unless", "applies_to", "benign")])
    other = context.matches.setdefault(whole, file.path)
    if other != file.path:
        yield "match", f"R010 {other} has the same conditions"


def r011_personal(file: RuleFile, context: Context) -> Found:
    """Examples hold invented names only."""
    text = repr(file.doc["tests"])
    for domain in _MAIL.findall(text):
        if not domain.casefold().endswith(_OWN_DOMAINS):
            yield "tests", f"R011 a mail name of '{domain}': use contoso.com or example.com"
    for found in _GUID.findall(text):
        if len(set(found.replace("-", ""))) > 8:
            yield "tests", f"R011 {found} looks real: use 11111111-2222-3333-4444-555555555555"


def r012_commands(file: RuleFile, context: Context) -> Found:
    """A command that changes the device says who runs it and is not the first step."""
    for number, step in enumerate(file.doc["fix"]):
        run = str(step.get("run", ""))
        if not _CHANGES.search(run):
            continue
        if "as" not in step and step.get("where", "device") == "device":
            yield "fix", f"R012 step {number + 1} changes the device and does not say as whom"
        if number == 0 and re.search(r"/leave|Clear-Tpm|reg\s+delete|Remove-", run, re.IGNORECASE):
            yield "fix", "R012 the first step takes something away: look first"


def r013_references(file: RuleFile, context: Context) -> Found:
    """A stable rule names a Microsoft or vendor document."""
    if file.doc["maturity"] == "stable" and not any(_REFERENCE.match(url) for url in file.doc["references"]):
        yield "references", "R013 no document of Microsoft or of a vendor"


def r014_dated(file: RuleFile, context: Context) -> Found:
    """What rests on dated evidence alone can be settled by something."""
    kinds = {node[0] for _, node in _leaves(file)} - {"all", "any", "not"}
    fields = file.doc.get("resolved_by")
    flows = {node[1] for _, node in _leaves(file) if node[0] == "attempt"}
    signals = {entry.get("flow") for entry in context.vocabulary.get("signals", {}).values()}
    if kinds <= {"attempt"} and not fields and flows & signals:
        yield "match", "R014 rests on attempts alone and nothing can settle it: add resolved_by"


def r015_covers(file: RuleFile, context: Context) -> Found:
    """Causes are those of the project's list; a stable rule names some, unless it only says what a documented event means."""
    for name in file.doc.get("covers", ()):
        if str(name) not in context.causes:
            yield "covers", f"R015 '{name}' is in no row of data/causes.csv"
    told = any(
        (found := eventbook.known(node[1], int(number))) is not None and _REFERENCE.match(found.source)
        for _, node in _leaves(file)
        for number in (node[2] if node[0] == "event" else ())
    )
    if not told and not file.doc.get("covers") and file.doc["maturity"] == "stable" and not file.doc.get("catch_all"):
        yield "id", "R015 a stable rule names the causes it covers"


def r016_owned_events(file: RuleFile, context: Context) -> Found:
    """An event without ``anywhere`` belongs to an attempt, so its provider has a flow."""
    for key, node in _leaves(file, ("match", "unless", "confirm", "benign")):
        if node[0] == "event" and not node[5] and not context.vocabulary["providers"][node[1]].get("flow"):
            yield key, f"R016 no attempt owns events of {node[1]}: add anywhere: true"


def r017_intent(file: RuleFile, context: Context) -> Found:
    """A rule that depends on what was meant says when it is harmless."""
    if file.doc.get("intent") and not file.doc.get("benign_when"):
        yield "intent", "R017 intent without benign_when"


def r018_fields(file: RuleFile, context: Context) -> Found:
    """Fields of the vocabulary stand in the label table."""
    for name in context.vocabulary.get("fields", {}):
        if name not in labels():
            yield "id", f"R018 the vocabulary's field '{name}' is not in dsreg_labels.yaml"


def r019_shows(file: RuleFile, context: Context) -> Found:
    """What examples show is covered; a rule of several causes says why they are one."""
    own = {str(name) for name in file.doc.get("covers", ())}
    for example in file.doc["tests"]:
        if example.get("shows") and example["expect"] not in ("match", "benign"):
            yield "tests", f"R019 example '{example['name']}' matches nothing and so shows nothing"
        for name in map(str, example.get("shows", ())):
            if name not in own:
                yield "tests", f"R019 example '{example['name']}' shows '{name}', which is not in covers"
    if file.doc.get("one_cause") and len(own) < 2:
        yield "one_cause", "R019 one_cause without a second row in covers"


def r020_events(file: RuleFile, context: Context) -> Found:
    """Every event id a rule names stands in ``data/events.yaml``, so that reports can say what it means."""
    flows: dict[str, list[str]] = {}
    for alias, entry in context.vocabulary.get("providers", {}).items():
        flows.setdefault(str(entry.get("flow")), []).append(alias)
    for key, node in _leaves(file, ("match", "unless", "confirm", "benign")):
        aliases = [node[1]] if node[0] == "event" else []
        numbers = node[2] if node[0] == "event" else []
        if node[0] == "attempt" and node[2] == "event":
            aliases, numbers = flows.get(node[1], []), node[3] if isinstance(node[3], list) else [node[3]]
        for number in numbers:
            if not any(eventbook.known(alias, int(number)) for alias in aliases):
                yield key, f"R020 event {number} of {' or '.join(aliases)} is not in data/events.yaml"


def r021_steps(file: RuleFile, context: Context) -> Found:
    """Each step says who does it and where; that there are five at most, the schema says."""
    for number, step in enumerate(file.doc["fix"], 1):
        for key in ("who", "where"):
            if not step.get(key):
                yield "fix", f"R021 step {number} does not say {key}"


def r022_prompts(file: RuleFile, context: Context) -> Found:
    """A command on the device says in which prompt; one that shows the session of the user runs as the user."""
    fields = context.vocabulary.get("fields", {})
    for number, step in enumerate(file.doc["fix"], 1):
        run = str(step.get("run", ""))
        if not run or step.get("where") != "device":
            continue
        if "as" not in step:
            yield (
                "fix",
                f"R022 step {number} runs a command on the device and does not say as whom: admin, system, user or any",
            )
        told = re.findall(r"\w+", str(step.get("expect", "")))
        mine = [name for name in told if (fields.get(name) or {}).get("needs") == "user-session" and "dsregcmd" in run]
        if (mine or _OF_THE_USER.search(run)) and step.get("as") not in ("user", None):
            yield "fix", f"R022 step {number} shows the session of the user ({(mine or [run])[0]}): as: user"


def r023_names(file: RuleFile, context: Context) -> Found:
    """The former name of Microsoft Entra is the report's to say, once."""
    steps = [step.get(key, "") for step in file.doc["fix"] for key in ("do", "expect", "undo")]
    texts = [file.doc["title"], file.doc["cause"], str(file.doc.get("wait", "")), *steps]
    for text in (*texts, *file.doc.get("avoid", ()), *file.doc.get("benign_when", ())):
        if re.search(r"Azure (AD|Active Directory)(?! Connect)", str(text)):
            yield "cause", "R023 'Azure AD' is called Microsoft Entra; the report says once what it was called before"
            return


def vocabulary_problems(vocabulary: Mapping[str, Any]) -> Iterator[str]:
    """What to collect says in which prompt its command runs, or where; R024."""
    for name, entry in vocabulary.get("facts", {}).items():
        collect = str((entry or {}).get("collect", ""))
        if "run `" in collect and not _PROMPT.search(collect.rpartition("`")[2]):
            yield f"R024 fact '{name}': say in which prompt, or where, the command runs: {collect}"


CHECKS: tuple[Callable[[RuleFile, Context], Found], ...] = (
    r001_names,
    r002_rule_ids,
    r003_cycles,
    r004_trigger,
    r005_ambiguous,
    r006_patterns,
    r008_examples,
    r010_twins,
    r011_personal,
    r012_commands,
    r013_references,
    r014_dated,
    r015_covers,
    r016_owned_events,
    r017_intent,
    r018_fields,
    r019_shows,
    r020_events,
    r021_steps,
    r022_prompts,
    r023_names,
)
