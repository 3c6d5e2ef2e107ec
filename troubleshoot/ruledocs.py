"""A site of static pages about all rules: by phase, code, event and symptom, one page per rule. Opens from disk.

Pages are plain HTML with relative links, made by templates that escape every text. The search is one small script inside
the index page, allowed by its hash alone; without scripts the lists below it remain.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from troubleshoot.codes import find
from troubleshoot.eventbook import Known, every, known
from troubleshoot.inwords import in_words
from troubleshoot.ruleset import RuleFile, read_folder, rules_folder
from troubleshoot.tables import DATA
from troubleshoot.words import PHASES, RUN_AS, WHO

_LINK = re.compile(r'(?:href|src)="([^"]*)"')
_ID = re.compile(r' id="([^"]+)"')


# -------------------------------------------------------------------------------------------------------- pages


def pages(files: Sequence[RuleFile], vocabulary: Mapping[str, Any]) -> dict[str, str]:
    """Relative path to HTML text of every page. Same rules, same text."""
    from jinja2 import Environment, FileSystemLoader

    docs = {str(file.doc["id"]): file.doc for file in files}
    explained: dict[str, list[str]] = {}
    for name, doc in docs.items():
        for symptom in doc.get("explains", ()):
            explained.setdefault(symptom, []).append(name)
    order = list(vocabulary["phases"])
    ids = sorted(docs, key=lambda name: (order.index(docs[name]["phase"]), name))
    codes, events = _by_code(docs, ids), _by_event(docs, ids)
    script = (DATA / "ruledocs" / "search.js").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(
        loader=FileSystemLoader(DATA / "ruledocs"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        phases=PHASES, who=WHO, run_as=RUN_AS, docs=docs, ids=ids, explained=explained, script=script, digest=digest
    )
    environment.filters["as_given"] = _given
    index = [
        {"u": f"rules/{name}.html", "t": docs[name]["title"], "w": _search_words(name, docs[name], codes)}
        for name in ids
    ]
    searched = json.dumps(index, ensure_ascii=True).replace("<", "\\u003c")
    out = {
        "index.html": environment.get_template("index.html").render(up="", order=order, searched=searched),
        "codes.html": environment.get_template("table.html").render(up="", title="Rules by code", rows=codes),
        "events.html": environment.get_template("events.html").render(up="", logs=_logs(vocabulary), asking=events),
        "symptoms.html": environment.get_template("symptoms.html").render(up=""),
    }
    page = environment.get_template("rule.html")
    for name in ids:
        doc = docs[name]
        out[f"rules/{name}.html"] = page.render(
            up="../",
            doc=doc,
            match=in_words(doc["match"], vocabulary),
            events=[one for key, rules in sorted(events.items()) if name in rules for one in (known(*key),) if one],
            unless=[in_words(one, vocabulary) for one in _listed(doc.get("unless"))],
            confirm=in_words(doc["confirm"], vocabulary) if doc.get("confirm") else None,
            benign=[(in_words(one, vocabulary), one.get("reason", "")) for one in _listed(doc.get("benign"))],
            defaults={"avoid": [], "benign_when": [], "explains": [], "covers": [], "wait": None, "resolved_by": []}
            | doc,
        )
    return out


def _given(given: Mapping[str, Any]) -> str:
    """The evidence of an example: texts as they stand, the rest as YAML."""
    import yaml

    parts = []
    for name, value in given.items():
        texts = [one for one in _listed(value) if isinstance(one, str) and "\n" in one]
        if texts:
            parts += [f"{name}:\n{text.rstrip()}" for text in texts]
        else:
            parts.append(yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=110).rstrip())
    return "\n".join(parts)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _leaves(condition: Any) -> Iterator[tuple[str, Any]]:
    for kind, body in condition.items():
        if kind in ("all", "any"):
            for member in body:
                yield from _leaves(member)
        elif kind == "not":
            yield from _leaves(body)
        elif kind not in ("decisive", "reason"):
            yield kind, body


def _by_code(docs: Mapping[str, Any], ids: Sequence[str]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name in ids:
        own = [str(cause).partition("/")[0] for cause in docs[name].get("covers", ())]
        for kind, body in _leaves(docs[name]["match"]):
            if kind == "attempt":
                tests = [body.get(key) for key in ("code", "suberror", "http_error")]
                own += [str(one) for test in tests for one in _listed(test) if not isinstance(one, Mapping)]
        if not any(one.startswith(("0x", "AADSTS")) for one in own):
            own += _shown_codes(docs[name])
        for code in dict.fromkeys(own):
            if not re.fullmatch(r"C\d+", code):
                found.setdefault(code, []).append(name)
    return sorted(found.items())


def _shown_codes(doc: Mapping[str, Any]) -> list[str]:
    """The codes of the attempts in the examples of a rule that goes by the message beside them."""
    found: list[str] = []
    for example in doc["tests"]:
        texts = _listed(example["given"].get("dsreg")) if example["expect"] == "match" else []
        for line in (line for text in texts for line in str(text).splitlines()):
            label, colon, rest = line.partition(" : ")
            if colon and label.strip() in ("Client ErrorCode", "Attempt Status", "Server Error Code"):
                found += find(rest)
    return found


def _by_event(docs: Mapping[str, Any], ids: Sequence[str]) -> dict[tuple[str, int], list[str]]:
    """(provider alias, event id) to the rules that ask for it."""
    found: dict[tuple[str, int], list[str]] = {}
    for name in ids:
        doc = docs[name]
        conditions = (one for key in ("match", "unless", "confirm", "benign") for one in _listed(doc.get(key)))
        for kind, body in (leaf for condition in conditions for leaf in _leaves(condition)):
            for number in _listed(body["id"]) if kind == "event" else ():
                rules = found.setdefault((str(body["provider"]), int(number)), [])
                if name not in rules:
                    rules.append(name)
    return found


def _logs(vocabulary: Mapping[str, Any]) -> list[tuple[str, list[Known]]]:
    """Each log's channel with the records known of it, in the order of the table."""
    out: dict[str, list[Known]] = {}
    for one in every():
        out.setdefault(vocabulary["providers"][one.provider]["channel"], []).append(one)
    return list(out.items())


def _search_words(name: str, doc: Mapping[str, Any], codes: Sequence[tuple[str, list[str]]]) -> str:
    own = [code for code, rules in codes if name in rules]
    return " ".join(
        [name, str(doc["title"]), PHASES.get(doc["phase"], doc["phase"]), str(doc["cause"]), *own]
    ).casefold()


# -------------------------------------------------------------------------------------------- writing, checking


def write(folder: Path) -> int:
    """Write the site of the shipped rules into ``folder``; pages of rules that are gone are removed. Number of pages."""
    made = pages(*read_folder(rules_folder()))
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    for path in _stray(folder, made):
        path.unlink()
    return len(made)


def check(folder: Path) -> list[str]:
    """What is wrong with the site in ``folder``: pages that are stale, missing or left over, links that lead nowhere."""
    made = pages(*read_folder(rules_folder()))
    found = []
    for name, text in made.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{path}: missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{path}: stale")
    found += [f"{path}: no rule has this page" for path in _stray(folder, made)]
    return found + broken_links(made)


def _stray(folder: Path, made: Mapping[str, str]) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.html")) if path.relative_to(folder).as_posix() not in made]


def broken_links(made: Mapping[str, str]) -> list[str]:
    """Links inside the site that lead to no page or to no place on it."""
    places = {name: set(_ID.findall(text)) for name, text in made.items()}
    found = []
    for name, text in made.items():
        for link in _LINK.findall(text):
            if link.startswith("https://"):
                continue
            target, _, place = link.partition("#")
            parts = [*name.split("/")[:-1], *target.split("/")] if target else name.split("/")
            while ".." in parts:
                at = parts.index("..")
                del parts[at - 1 : at + 1]
            page = "/".join(parts)
            if page not in made or (place and place not in places[page]):
                found.append(f"{name}: the link {link} leads nowhere")
    return found
