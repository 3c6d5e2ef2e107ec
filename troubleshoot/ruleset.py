"""Rules: read from YAML or from the form compiled once, indexed by what must be found for each to be true.

A checkout compiles ``rules/`` when a source is newer than ``data/compiled.json``; a wheel carries the compiled form.
``--rules DIR`` folders are compiled in memory and laid over the shipped set.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import orjson

from troubleshoot.conditions import (
    BadCondition,
    Node,
    Nodes,
    Question,
    asked,
    combinations,
    dispatch,
    flows,
    near,
    values_of,
    walk,
)
from troubleshoot.model import FixStep, Wanted

PACKAGE = Path(__file__).resolve().parent
COMPILED = PACKAGE / "data" / "compiled.json"
FORMAT = 7  # of the compiled form; a file of another format is compiled anew


Entry: TypeAlias = dict[str, dict[str, list[int]]]
"""Rules of one key by the subjects they also ask about and the values that pass, each joined by line ends."""

_NO_LINES: Mapping[str, int] = {}


class RuleError(ValueError):
    """A rule or vocabulary file that cannot be used; the message is one line with file and line."""


class Benign(NamedTuple):
    """A condition that makes a finding harmless, and the reason the report gives."""

    node: int
    reason: str


class Unless(NamedTuple):
    """A condition that takes a finding back; ``decisive``: leaving it undecided lowers the confidence."""

    node: int
    decisive: bool


class Rule(NamedTuple):
    """One rule, ready to be judged. Numbers named ``match``, ``confirm`` ... are nodes of the rule set.

    ``personal``: it reads evidence that belongs to one account. ``says_better``: the rules whose findings it would explain or
    replace.
    """

    id: str
    title: str
    maturity: str
    phase: str
    severity: str
    confidence: str
    covers: tuple[str, ...]
    join: str
    domain: tuple[str, ...]
    intent: str | None
    match: int
    unless: tuple[Unless, ...]
    confirm: int | None
    resolved_by: tuple[str, ...]
    benign: tuple[Benign, ...]
    wait: str | None
    catch_all: bool
    explains: tuple[str, ...]
    supersedes: tuple[str, ...]
    cause: str
    fix: tuple[FixStep, ...]
    avoid: tuple[str, ...]
    benign_when: tuple[str, ...]
    references: tuple[str, ...]
    aliases: tuple[str, ...]
    flows: tuple[str, ...]
    personal: bool
    says_better: frozenset[str]


class RuleFile(NamedTuple):
    """One rule as written: the parsed YAML and where it stands. ``lines`` maps top-level keys to line numbers."""

    path: str
    doc: dict[str, Any]
    lines: Mapping[str, int] = _NO_LINES


# ------------------------------------------------------------------------------------------------ reading YAML


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """A rule or vocabulary file: its mapping, and the line of each top-level key.

    Only ``true``, ``false``, decimal integers and ``null`` become values, everything else stays text: YAML would read
    ``NO`` as false and ``0x801c001d`` as a number. Equal keys and anchors are refused. Raises :class:`RuleError`.
    """
    from troubleshoot.ruleyaml import load

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: {error}") from error
    return load(text, str(path))


def read_folder(folder: Path) -> tuple[list[RuleFile], dict[str, Any]]:
    """All rule files below ``folder``, by path, and its ``vocabulary.yaml`` (empty where there is none)."""
    files = []
    for path in sorted(folder.rglob("*.yaml")):
        if path.name != "vocabulary.yaml":
            doc, lines = read_yaml(path)
            files.append(RuleFile(str(path), doc, lines))
    vocabulary = folder / "vocabulary.yaml"
    return files, read_yaml(vocabulary)[0] if vocabulary.exists() else {}


def rules_folder() -> Path:
    """The folder of the shipped rules: ``rules/`` of a checkout, else the copy inside the package."""
    checkout = PACKAGE.parent / "rules"
    return checkout if checkout.is_dir() else PACKAGE / "data" / "rules"


# --------------------------------------------------------------------------------------------------- compiling


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _compile_rule(nodes: Nodes, doc: Mapping[str, Any], provider_flow: Mapping[str, str | None]) -> dict[str, Any]:
    """The stored form of one rule: its texts as written, its conditions as node numbers."""
    out = {key: value for key, value in doc.items() if key not in ("tests", "match", "unless", "confirm", "benign")}
    out["match"] = nodes.intern(doc["match"])
    out["unless"] = []
    for condition in _listed(doc.get("unless")):
        rest = {key: value for key, value in condition.items() if key != "decisive"}
        out["unless"].append([nodes.intern(rest), bool(condition.get("decisive"))])
    out["confirm"] = nodes.intern(doc["confirm"]) if doc.get("confirm") else None
    out["benign"] = []
    for condition in _listed(doc.get("benign")):
        rest = {key: value for key, value in condition.items() if key != "reason"}
        out["benign"].append([nodes.intern(rest), str(condition.get("reason", ""))])
    out["flows"] = sorted(flows(nodes.table, [out["match"]], provider_flow))
    return out


def _enter(entry: Entry, questions: list[Question], number: int) -> None:
    subjects, passing = combinations(questions)
    group = entry.setdefault("\n".join(subjects), {})
    for values in passing:
        group.setdefault("\n".join(values), []).append(number)


def compile_rules(files: Sequence[RuleFile], vocabulary: Mapping[str, Any], digest: str = "") -> dict[str, Any]:
    """The compiled form (plain JSON data) of rules and vocabulary. Raises :class:`RuleError` with file and line."""
    nodes = Nodes()
    provider_flow = {alias: entry.get("flow") for alias, entry in vocabulary.get("providers", {}).items()}
    rules: list[dict[str, Any]] = []
    index: dict[str, Entry] = {}
    nearly: dict[str, Entry] = {}
    explainers: dict[str, Entry] = {}
    for file in files:
        try:
            rule = _compile_rule(nodes, file.doc, provider_flow)
        except (BadCondition, KeyError, AttributeError, TypeError) as error:
            line = file.lines.get("match", 1)
            raise RuleError(f"{file.path}:{line}: {error}") from error
        for trigger, questions in dispatch(nodes.table, rule["match"]):
            _enter(index.setdefault(trigger, {}), questions, len(rules))
        questions = asked(nodes.table, rule["match"])
        for trigger in sorted(near(nodes.table, rule["match"])):
            _enter(nearly.setdefault(trigger, {}), questions, len(rules))
        for symptom in _listed(rule.get("explains")):
            _enter(explainers.setdefault(symptom, {}), questions, len(rules))
        rules.append(rule)
    signs = {name: nodes.intern(condition) for name, condition in vocabulary.get("signs", {}).items()}
    joins = {name: nodes.intern(condition) for name, condition in vocabulary.get("joins", {}).items()}
    return {
        "format": FORMAT,
        "digest": digest,
        "nodes": nodes.table,
        "rules": rules,
        "index": index,
        "near": nearly,
        "explainers": explainers,
        "signs": signs,
        "joins": joins,
        "vocabulary": dict(vocabulary),
    }


def _stamp(folder: Path) -> str:
    """Names, sizes and times of all rule sources: cheap to compare at every start of a checkout."""
    rows = []
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".yaml"):
                state = os.stat(os.path.join(root, name))
                rows.append(f"{name} {state.st_size} {state.st_mtime_ns}")
    return "\n".join(sorted(rows))


def digest_of(folder: Path) -> str:
    """SHA-256 over all rule sources of ``folder``: the version of a rule set that reports print (first 12 digits)."""
    import hashlib

    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.yaml"), key=lambda path: path.relative_to(folder).as_posix()):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0")
        total.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return total.hexdigest()


def compile_shipped() -> dict[str, Any]:
    """The compiled form of the shipped rules, from their YAML."""
    folder = rules_folder()
    files, vocabulary = read_folder(folder)
    return compile_rules(files, vocabulary, digest_of(folder)[:12])


def _load_shipped() -> dict[str, Any]:
    folder = PACKAGE.parent / "rules"
    stamp = _stamp(folder) if folder.is_dir() else ""
    try:
        data: dict[str, Any] = orjson.loads(COMPILED.read_bytes())
        if data.get("format") == FORMAT and (not stamp or data.get("stamp") == stamp):
            return data
    except (OSError, ValueError):
        pass
    data = {**compile_shipped(), "stamp": stamp}
    import tempfile

    # Workers of a batch may compile at the same time: each writes a file of its own, the last one stays.
    try:
        handle, name = tempfile.mkstemp(dir=COMPILED.parent, prefix=".compiled-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(orjson.dumps(data))
        os.replace(name, COMPILED)
    except OSError:
        pass  # a read-only installation compiles at every start
    return data


# ---------------------------------------------------------------------------------------------------- rule set


class _Rules(dict[int, Rule]):
    """The rules of a set by number; each is made when it is first asked for."""

    def __init__(self, ruleset: "Ruleset") -> None:
        super().__init__()
        self._ruleset = ruleset

    def __missing__(self, number: int) -> Rule:
        made = self[number] = self._ruleset.made(number)
        return made


class Ruleset:
    """All rules, their shared conditions, the index and the vocabulary. Rules are made from stored form when asked."""

    def __init__(self, data: Mapping[str, Any], replaced: Sequence[str] = ()) -> None:
        self.nodes: list[Node] = data["nodes"]
        self.index: dict[str, Entry] = data["index"]
        self.near: dict[str, Entry] = data["near"]  # keys of rules that a fact dispatches, other than that fact
        self.explainers: dict[str, Entry] = data["explainers"]  # rule id -> the rules that name it as their symptom
        self.signs: dict[str, int] = data["signs"]
        self.joins: dict[str, int] = data["joins"]
        self.vocabulary: dict[str, Any] = data["vocabulary"]
        self.digest: str = data.get("digest", "")
        self.replaced = tuple(replaced)
        self.stored: list[dict[str, Any]] = data["rules"]
        self.rules = _Rules(self)
        self.tests: Any = None  # the nodes as functions, kept by the evaluator across devices
        self.asked: Any = None  # the keys of the indexes by field and fact (candidates)
        self.kept: Any = None  # what was found for answers that many devices give (alike)
        self.leaves: dict[int, Any] = {}  # of a node, with what each can say (notchecked)
        self._codes: dict[str, frozenset[str]] = {}
        self.events_wanted: dict[str, frozenset[int] | None] | None = None  # found once, by the pipeline

    def __len__(self) -> int:
        return len(self.stored)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Rule id, or an alias of it, to its number."""
        found = {rule["id"]: i for i, rule in enumerate(self.stored)}
        for i, rule in enumerate(self.stored):
            for alias in _listed(rule.get("aliases")):
                found.setdefault(alias, i)
        return found

    @cached_property
    def phase_rank(self) -> dict[str, int]:
        """Phase to its place in the order of the vocabulary."""
        return {phase: i for i, phase in enumerate(self.vocabulary.get("phases", {}))}

    @cached_property
    def provider_names(self) -> dict[str, tuple[str, ...]]:
        """Provider alias to the names records carry, in lower case."""
        return {
            alias: tuple(name.casefold() for name in _listed(entry["name"]))
            for alias, entry in self.vocabulary.get("providers", {}).items()
        }

    def rule(self, number: int) -> Rule:
        """The rule of this number."""
        return self.rules[number]

    def made(self, number: int) -> Rule:
        """The rule of this number, from its stored form."""
        stored = self.stored[number]
        tops = [stored["match"], *(one[0] for one in (*stored["unless"], *stored["benign"]))]
        if stored["confirm"] is not None:
            tops.append(stored["confirm"])
        return _rule(stored, any(map(self._reads_user, tops)))

    def _reads_user(self, number: int) -> bool:
        """Does the condition ask for evidence that belongs to one account?"""
        for node in walk(self.nodes, number):
            if node[0] == "dsreg":
                known = self.vocabulary.get("fields", {}).get(node[1]) or {}
                if known.get("needs") == "user-session":
                    return True
            elif node[0] == "sign":
                if self._reads_user(self.signs[node[1]]):
                    return True
            elif node[0] == "capture" or (node[0] == "attempt" and node[1] in self.vocabulary.get("user_flows", ())):
                return True
        return False

    def codes_named(self, rule: str, match: int) -> frozenset[str]:
        """The codes, in lower case, that the condition ``match`` of ``rule`` asks attempts for."""
        found = self._codes.get(rule)
        if found is None:
            found = frozenset(
                value
                for node in walk(self.nodes, match)
                if node[0] == "attempt" and node[2] in ("code", "suberror", "http_error")
                for value in values_of(node[3]) or ()
            )
            self._codes[rule] = found
        return found

    def wanted(self, also: Iterable[tuple[str, frozenset[int]]] = ()) -> dict[str, frozenset[int] | None]:
        """Provider name as records print it -> the event ids any rule, sign or signal uses, or ``also`` names.

        The set comes from all rules, never from selected ones, so that no rule's result depends on its neighbours.
        """
        ids: dict[str, set[int]] = {}
        names = {alias: _listed(entry["name"]) for alias, entry in self.vocabulary.get("providers", {}).items()}
        uses = [(node[1], node[2]) for node in self.nodes if node[0] == "event"]
        for signal in self.vocabulary.get("signals", {}).values():
            uses += [(one["event"]["provider"], _listed(one["event"]["id"])) for one in signal["any"] if "event" in one]
        for alias, numbers in uses:
            for name in names.get(alias, ()):
                ids.setdefault(name, set()).update(numbers)
        spelled = {name.casefold(): name for entry in names.values() for name in entry}
        for name, numbers in also:
            ids.setdefault(spelled.get(name.casefold(), name), set()).update(numbers)
        return {name: frozenset(numbers) for name, numbers in sorted(ids.items())}

    def providers(self, also: Iterable[tuple[str, frozenset[int]]] = ()) -> Wanted:
        """What ``show`` reads: every record of the providers that own attempts, of the others what rules use."""
        wanted = self.wanted(also)
        for entry in self.vocabulary.get("providers", {}).values():
            if entry.get("flow"):
                wanted.update(dict.fromkeys(_listed(entry["name"])))
        return wanted


def _rule(doc: Mapping[str, Any], personal: bool) -> Rule:
    def texts(key: str) -> tuple[str, ...]:
        return tuple(str(item).strip() for item in _listed(doc.get(key)))

    applies = doc.get("applies_to") or {}
    steps = tuple(
        FixStep(
            do=str(step["do"]).strip(),
            who=step["who"],
            where=step.get("where"),
            run_as=step.get("as"),
            run=step.get("run"),
            expect=step.get("expect"),
            undo=step.get("undo"),
        )
        for step in doc["fix"]
    )
    wait = doc.get("wait")
    return Rule(
        id=doc["id"],
        title=str(doc["title"]).strip(),
        maturity=doc["maturity"],
        phase=doc["phase"],
        severity=doc["severity"],
        confidence=doc["confidence"],
        covers=tuple(str(item) for item in _listed(doc.get("covers"))),
        join=applies.get("join", "any"),
        domain=tuple(_listed(applies.get("domain"))),
        intent=doc.get("intent"),
        match=doc["match"],
        unless=tuple(Unless(node, decisive) for node, decisive in doc["unless"]),
        confirm=doc["confirm"],
        resolved_by=texts("resolved_by"),
        benign=tuple(Benign(node, reason) for node, reason in doc["benign"]),
        wait=str(wait).strip() if wait else None,
        catch_all=bool(doc.get("catch_all")),
        explains=texts("explains"),
        supersedes=texts("supersedes"),
        cause=str(doc["cause"]).strip(),
        fix=steps,
        avoid=texts("avoid"),
        benign_when=texts("benign_when"),
        references=texts("references"),
        aliases=texts("aliases"),
        flows=tuple(doc["flows"]),
        personal=personal,
        says_better=frozenset((*texts("explains"), *texts("supersedes"))),
    )


def merge_vocabulary(base: Mapping[str, Any], extra: Mapping[str, Any], where: str) -> dict[str, Any]:
    """``base`` with the names ``extra`` adds. Raises :class:`RuleError` where it redefines one."""
    merged = {block: dict(entries) if isinstance(entries, Mapping) else entries for block, entries in base.items()}
    for block, entries in extra.items():
        if block == "disable":
            continue
        if not isinstance(entries, Mapping):
            raise RuleError(f"{where}: {block}: only named entries can be added")
        for name, entry in entries.items():
            if name in merged.get(block, {}) and merged[block][name] != entry:
                raise RuleError(f"{where}: {block}: '{name}' is there already and cannot be redefined")
            merged.setdefault(block, {})[name] = entry
    return merged


def load(folders: Sequence[Path] = (), drafts: bool = False) -> Ruleset:
    """The shipped rules; with ``folders`` laid over them (equal ids replace), drafts only when asked for.

    Raises :class:`RuleError` for a folder rule that does not fit the schema, with file and line.
    """
    if not folders:
        data = _load_shipped()
        if drafts or not any(rule["maturity"] == "draft" for rule in data["rules"]):
            return Ruleset(data)
    shipped, vocabulary = read_folder(rules_folder())
    by_id = {file.doc["id"]: file for file in shipped}
    replaced = []
    disabled: set[str] = set()
    digest = digest_of(rules_folder())
    for folder in folders:
        if not folder.is_dir():
            raise RuleError(f"{folder}: no such folder of rules")
        files, extra = read_folder(folder)
        vocabulary = merge_vocabulary(vocabulary, extra, str(folder / "vocabulary.yaml"))
        disabled.update(_listed(extra.get("disable")))
        from troubleshoot.ruleschema import problems

        for file in files:
            for line, message in problems(file, vocabulary):
                raise RuleError(f"{file.path}:{line}: {message}")
            if file.doc["id"] in by_id:
                replaced.append(file.doc["id"])
            by_id[file.doc["id"]] = file
        digest += digest_of(folder)
    files = [
        file
        for name, file in sorted(by_id.items())
        if name not in disabled and (drafts or file.doc.get("maturity") != "draft")
    ]
    return Ruleset(compile_rules(files, vocabulary, _short(digest)), sorted({*replaced, *(disabled & set(by_id))}))


def _short(digest: str) -> str:
    import hashlib

    return hashlib.sha256(digest.encode()).hexdigest()[:12] if len(digest) > 64 else digest[:12]


def leaves_of(ruleset: Ruleset, number: int) -> list[Node]:
    """All leaves below a node, those of signs left out; for lint and for words about a rule."""
    return [node for node in walk(ruleset.nodes, number) if node[0] not in ("all", "any", "not")]
