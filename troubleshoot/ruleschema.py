"""The JSON Schema of rule files, generated from the vocabulary and the label table, and checking a rule against it.

Editor, ``rules lint`` and the loader of ``--rules`` folders use this one schema, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from troubleshoot.ruleset import RuleFile
from troubleshoot.tables import labels
from troubleshoot.valuetest import OPERATORS

ATTEMPT_TEXTS = (
    "server_code",
    "server_subcode",
    "operation",
    "message",
    "tenant_type",
    "http_status",
    "endpoint",
    "user",
)
RUN_AS = ("admin", "system", "user", "any")
WHO = ("helpdesk", "ad-admin", "entra-admin", "network", "user")
_CODE = r"^(0x[0-9a-f]{8}|AADSTS\d+|MSIS\d+|exit code [0-9]+|[A-Za-z][A-Za-z0-9_]*)$"
_TEXT = {"type": "string", "minLength": 1}


def _some(schema: Mapping[str, Any]) -> dict[str, Any]:
    """One value, or a list of values."""
    return {"anyOf": [dict(schema), {"type": "array", "items": dict(schema), "minItems": 1}]}


def _object(properties: Mapping[str, Any], required: tuple[str, ...] = (), least: int = 1) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "required": list(required),
        "minProperties": least,
    }


def _test(values: list[str] | None = None) -> dict[str, Any]:
    """A value test; with ``values``, equality may name only these."""
    one: dict[str, Any] = {"enum": values} if values else {"type": ["string", "integer", "boolean"]}
    operators: dict[str, Any] = {name: _some({"type": ["string", "integer"]}) for name in OPERATORS}
    operators["exists"] = {"type": "boolean"}
    operators["not"] = _some(one)
    for name in ("older_than", "newer_than"):
        operators[name] = {"type": "string", "pattern": r"^\d+[smhdw]$"}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}, _object(operators)]}


def _leaves(vocabulary: Mapping[str, Any]) -> dict[str, Any]:
    phases = list(vocabulary["phases"])
    flow_names = sorted({flow for flow in vocabulary["phases"].values() if flow} | set(vocabulary["user_flows"]))
    code = {"$ref": "#/$defs/codes"}
    attempt: dict[str, Any] = {
        "flow": {"enum": flow_names},
        "phase": _some({"enum": phases}),
        "code": code,
        "suberror": code,
        "http_error": code,
        "registration": _test(list(vocabulary["registration"])),
        "account": _some({"enum": list(vocabulary["accounts"])}),
        "event": _some({"type": "integer"}),
        "repeated_for": {"$ref": "#/$defs/test"},
    }
    attempt.update({name: {"$ref": "#/$defs/test"} for name in ATTEMPT_TEXTS})
    fields = {name: {"$ref": "#/$defs/test"} for name in labels()}
    for name, label in labels().items():
        if label.type == "flag":
            known = (vocabulary["fields"].get(name) or {}).get("not_run", [])
            fields[name] = _test(["YES", "NO", *known])
    facts = {
        name: {**_test(list(entry["values"]) if "values" in entry else None), "description": entry["about"]}
        for name, entry in vocabulary["facts"].items()
    }
    event = {
        "provider": {"enum": list(vocabulary["providers"])},
        "id": _some({"type": "integer"}),
        "data": {"type": "object", "additionalProperties": {"$ref": "#/$defs/test"}, "minProperties": 1},
        "text": {"$ref": "#/$defs/test"},
        "anywhere": {"type": "boolean"},
    }
    return {
        "dsreg": _object(fields),
        "attempt": _object(attempt, ("flow",)),
        "event": _object(event, ("provider", "id")),
        "registry": _object(
            {
                "key": {"type": "string", "pattern": r"^(HKLM|HKCU|HKU)\\"},
                "value": {"type": "string"},
                "is": {"$ref": "#/$defs/test"},
            },
            ("key",),
        ),
        "fact": _object(facts),
        "log": _object(
            {"component": {"enum": list(vocabulary["components"])}, "text": {"$ref": "#/$defs/test"}},
            ("component", "text"),
        ),
        "capture": _object({"account": _some({"enum": list(vocabulary["accounts"])}), "elevated": {"type": "boolean"}}),
        "sign": {"enum": list(vocabulary["signs"])},
    }


def _conditions(leaves: Mapping[str, Any], beside: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A condition: exactly one key; ``beside`` are keys that may stand next to it."""
    group = {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 2}
    kinds: dict[str, Any] = {"all": group, "any": group, "not": {"$ref": "#/$defs/condition"}}
    kinds.update({name: {"$ref": f"#/$defs/{name}"} for name in leaves})
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**kinds, **(beside or {})},
        "oneOf": [{"required": [name]} for name in kinds],
    }


def _example(vocabulary: Mapping[str, Any]) -> dict[str, Any]:
    event = _object(
        {
            "provider": {"enum": list(vocabulary["providers"])},
            "id": {"type": "integer"},
            "at": _TEXT,
            "user": _TEXT,
            "level": _TEXT,
            "computer": _TEXT,
            "activity": _TEXT,
            "data": {"type": "object"},
            "text": {"type": "string"},
        },
        ("provider", "id"),
    )
    registry = _object(
        {"key": _TEXT, "values": {"type": "object"}, "missing": {"type": "boolean"}},
        ("key",),
    )
    given = {
        "dsreg": _some(_TEXT),
        "events": {"type": "array", "items": event, "minItems": 1},
        "log": _TEXT,
        "registry": {"type": "array", "items": registry, "minItems": 1},
        "facts": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {} for name in vocabulary["facts"]},
        },
        "logs": {
            "anyOf": [
                {"type": "array", "items": {"enum": list(vocabulary["providers"])}},
                {"type": "object", "additionalProperties": _object({"from": _TEXT, "to": _TEXT}, ("from", "to"))},
            ]
        },
        "build": {"type": "integer"},
        "as_of": _TEXT,
    }
    properties = {
        "name": {"type": "string", "minLength": 3},
        "expect": {"enum": ["match", "no-match", "unknown", "resolved", "benign"]},
        "confidence": {"$ref": "#/$defs/confidence"},
        "user": _TEXT,
        "known_gap": {"type": "boolean"},
        "shows": {"type": "array", "items": _TEXT},
        "given": _object(given),
    }
    return _object(properties, ("name", "expect", "given"))


def schema(vocabulary: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a rule file, for this vocabulary."""
    leaves = _leaves(vocabulary)
    texts = {"type": "array", "items": _TEXT, "minItems": 1}
    names = {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}, "minItems": 1}
    step = _object(
        {
            "do": _TEXT,
            "who": {"enum": list(WHO)},
            "where": _TEXT,
            "as": {"enum": list(RUN_AS)},
            "run": _TEXT,
            "expect": _TEXT,
            "undo": _TEXT,
        },
        ("do", "who"),
    )
    condition = {"$ref": "#/$defs/condition"}
    properties: dict[str, Any] = {
        "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "aliases": names,
        "title": {"type": "string", "minLength": 10, "maxLength": 90},
        "maturity": {"enum": ["draft", "stable", "deprecated"]},
        "phase": {"enum": list(vocabulary["phases"])},
        "severity": {"enum": ["error", "warning", "info"]},
        "confidence": {"$ref": "#/$defs/confidence"},
        "covers": {"type": "array", "items": _TEXT, "minItems": 1},
        "one_cause": {"type": "string", "minLength": 20, "maxLength": 300},
        "applies_to": _object(
            {
                "join": {"enum": ["hybrid", "entra", "registered", "any"]},
                "domain": {"type": "array", "items": {"enum": ["managed", "federated"]}, "minItems": 1},
            }
        ),
        "intent": {"enum": list(vocabulary["signs"])},
        "match": condition,
        "unless": {
            "type": "array",
            "items": _conditions(leaves, {"decisive": {"type": "boolean"}}),
            "minItems": 1,
        },
        "confirm": condition,
        "resolved_by": {"type": "array", "items": {"enum": list(vocabulary["signals"])}, "minItems": 1},
        "benign": {
            "type": "array",
            "items": {**_conditions(leaves, {"reason": _TEXT}), "required": ["reason"]},
            "minItems": 1,
        },
        "wait": _TEXT,
        "catch_all": {"type": "boolean"},
        "explains": names,
        "supersedes": names,
        "cause": {"type": "string", "minLength": 40, "maxLength": 900},
        "fix": {"type": "array", "items": step, "minItems": 1, "maxItems": 5},
        "avoid": texts,
        "benign_when": texts,
        "references": {"type": "array", "items": {"type": "string", "pattern": "^https://"}, "minItems": 1},
        "tests": {"type": "array", "items": _example(vocabulary), "minItems": 2},
    }
    required = [
        "id",
        "title",
        "maturity",
        "phase",
        "severity",
        "confidence",
        "match",
        "cause",
        "fix",
        "references",
        "tests",
    ]
    out = _object(properties, tuple(required))
    out.pop("minProperties")
    code = {"type": "string", "pattern": _CODE}
    definitions = {
        **leaves,
        "confidence": {"enum": ["possible", "likely", "certain"]},
        "test": _test(),
        "codes": {**_some(code)},
        "condition": _conditions(leaves),
    }
    definitions["codes"]["anyOf"].append(_object({"exists": {"type": "boolean"}, "not": _some(code), "re": _TEXT}))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule of hybrid-join-troubleshoot",
        **out,
        "$defs": definitions,
    }


_VALIDATORS: dict[int, Any] = {}


def problems(file: RuleFile, vocabulary: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """What in the file does not fit the schema: (line of the top-level key, one-line message)."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = _VALIDATORS.get(id(vocabulary))
    if validator is None:
        _VALIDATORS.clear()  # one vocabulary at a time: ids of objects are used again
        validator = _VALIDATORS[id(vocabulary)] = Draft202012Validator(schema(vocabulary))
    for error in sorted(validator.iter_errors(file.doc), key=lambda one: [str(part) for part in one.absolute_path]):
        deepest = best_match([error])
        path = [str(part) for part in deepest.absolute_path]
        line = file.lines.get(path[0], 1) if path else 1
        yield line, f"{'.'.join(path) or 'the rule'}: {deepest.message[:200]}"
