"""What ``troubleshoot rules`` prints: lists, pages, problems, and the skeleton of a new rule."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from troubleshoot import lint as linting
from troubleshoot.model import FixStep
from troubleshoot.ruleset import RuleError, RuleFile, Ruleset, merge_vocabulary, read_folder, rules_folder
from troubleshoot.ruletest import Bench
from troubleshoot.words import PHASES, RUN_AS, WHO


def listing(ruleset: Ruleset, form: str) -> str:
    """One line per rule, or JSON with the same columns."""
    rows = [ruleset.rule(number) for number in range(len(ruleset))]
    rows.sort(key=lambda rule: (ruleset.phase_rank.get(rule.phase, 99), rule.id))
    if form == "json":
        table = [
            {
                "id": one.id,
                "phase": one.phase,
                "severity": one.severity,
                "maturity": one.maturity,
                "title": one.title,
                "covers": one.covers,
            }
            for one in rows
        ]
        return json.dumps(table, indent=2, ensure_ascii=False)
    width = max((len(one.id) for one in rows), default=0)
    lines = [f"{one.id:<{width}}  {one.phase:<12}  {one.severity:<7}  {one.title}" for one in rows]
    return "\n".join([*lines, f"{len(rows)} rules"])


def nearest(name: str, names: Sequence[str]) -> str:
    """``, did you mean X or Y?`` for a mistyped name, at most three; empty when nothing is near."""
    found = difflib.get_close_matches(name, names, 3, 0.7)
    return f", did you mean {' or '.join(found)}?" if found else ""


def page(ruleset: Ruleset, name: str) -> str:
    """The whole of one rule as text."""
    rule = ruleset.rule(ruleset.numbers[name])
    lines = [
        f"{rule.title}",
        f"{rule.id} · {PHASES.get(rule.phase, rule.phase)} · {rule.severity} · {rule.confidence}",
        "",
    ]
    lines += [rule.cause, ""]
    if rule.covers:
        lines += [f"Covers: {', '.join(rule.covers)}", ""]
    lines.append("What to do")
    for number, step in enumerate(rule.fix, 1):
        lines += _step(number, step)
    for heading, texts in (
        ("Wait", (rule.wait,) if rule.wait else ()),
        ("Do not", rule.avoid),
        ("Normal when", rule.benign_when),
    ):
        lines += [f"{heading}: {text}" for text in texts]
    for heading, names in (
        ("Explains", rule.explains),
        ("Replaces", rule.supersedes),
        ("Settled by", rule.resolved_by),
    ):
        if names:
            lines.append(f"{heading}: {', '.join(names)}")
    return "\n".join([*lines, "", *rule.references])


def _step(number: int, step: FixStep) -> list[str]:
    lines = [f"  {number}. {WHO[step.who]}{', ' + step.where if step.where else ''}: {step.do}"]
    if step.run:
        how = f"   ({RUN_AS[step.run_as]})" if step.run_as else ""
        lines.append(f"       > {step.run}{how}")
    lines += [f"       {word}: {text}" for word, text in (("expect", step.expect), ("undo", step.undo)) if text]
    return lines


def _files(folders: Sequence[Path]) -> tuple[list[RuleFile], dict[str, object]]:
    files, vocabulary = read_folder(rules_folder())
    for folder in folders:
        more, extra = read_folder(folder)
        vocabulary = merge_vocabulary(vocabulary, extra, str(folder / "vocabulary.yaml"))
        ids = {file.doc.get("id") for file in more}
        files = [file for file in files if file.doc.get("id") not in ids] + more
    return files, vocabulary


def lint(folders: Sequence[Path]) -> tuple[list[str], int]:
    """(one line per problem, number of rules). A file that is no YAML is a problem like any other."""
    try:
        files, vocabulary = _files(folders)
    except RuleError as error:
        return [str(error)], 0
    return [str(one) for one in linting.check(files, vocabulary)], len(files)


def test(ids: Sequence[str], folders: Sequence[Path], clauses: bool) -> tuple[list[str], str]:
    """(one line per failing example or unneeded clause, a line of counts). Raises RuleError for an unknown id."""
    files, vocabulary = _files(folders)
    known = {str(file.doc.get("id")): file for file in files}
    for name in ids:
        if name not in known:
            raise RuleError(f"no rule '{name}'{nearest(name, list(known))}")
    chosen = [known[name] for name in ids] if ids else files
    lines: list[str] = []
    examples = 0
    for file in chosen:
        bench = Bench(file, vocabulary)
        examples += len(file.doc.get("tests", ()))
        lines += [str(one) for one in bench.failures()]
        if clauses:
            lines += [str(one) for one in bench.unneeded()]
    return lines, f"{len(chosen)} rules, {examples} examples, {len(lines)} problems"


_SKELETON = """\
# yaml-language-server: $schema=../rule.schema.json
id: {name}
title: What is wrong, in plain words
maturity: draft                  # stable once it has been right on real logs; drafts need --drafts
phase: {phase}
severity: error                  # error: blocks; warning: will block or may pass; info
confidence: likely               # for the bare match: possible, likely, certain
# covers: ['0x801c001d/scp-unreadable']    causes of data/causes.csv, by their ids
# one_cause: with two or more in covers, why they are one cause

match:                           # the only part that makes the rule fire; docs/rules.md lists what can stand here
  attempt: {{flow: join, code: '0x80004005'}}

resolved_by: [join-succeeded]    # what settles it when it happens later

cause: >-
  Two to four sentences for a support engineer: what Windows tried, what it met, and the usual reason.

fix:
  - do: What to look at first; nothing that changes the device.
    who: helpdesk
    where: device
    run: dsregcmd /status
    expect: what a sound device shows

references:
  - https://learn.microsoft.com/entra/identity/devices/troubleshoot-hybrid-join-windows-current

tests:
  - name: the code stands in dsregcmd
    expect: match
    given:
      dsreg: |
        | Diagnostic Data |
             Previous Registration : 2026-03-04 08:58:00.000 UTC
                       Error Phase : join
                  Client ErrorCode : 0x80004005
  - name: another code
    expect: no-match
    given:
      dsreg: |
        | Diagnostic Data |
             Previous Registration : 2026-03-04 08:58:00.000 UTC
                       Error Phase : join
                  Client ErrorCode : 0x80004004
  - name: a later registration succeeded
    expect: resolved
    given:
      dsreg: |
        | Diagnostic Data |
             Previous Registration : 2026-03-04 08:58:00.000 UTC
                       Error Phase : join
                  Client ErrorCode : 0x80004005
      events:
        - {{provider: user-device-registration, id: 306, at: 2026-03-04T11:00:00Z}}
"""


def write_skeleton(name: str, phase: str, folder: Path | None) -> Path:
    """Write a commented draft rule and return its path. Raises RuleError for a bad name, phase, or a file that exists."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise RuleError(f"'{name}' is no rule id: use lower-case words with hyphens")
    phases = read_folder(rules_folder())[1]["phases"]
    if phase not in phases:
        raise RuleError(f"no phase '{phase}': one of {', '.join(phases)}")
    path = (folder or rules_folder()) / phase / f"{name}.yaml"
    if path.exists():
        raise RuleError(f"{path} is there already")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_SKELETON.format(name=name, phase=phase), encoding="utf-8", newline="\n")
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror or error}") from error
    return path
