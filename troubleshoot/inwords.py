"""Conditions of rules in plain words, for the pages about rules and for ``--explain``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troubleshoot.conditions import Node


def in_words(condition: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> Any:
    """A condition as text, or as (word, parts) for ``all``, ``any`` and ``not``."""
    kind, body = next((key, value) for key, value in condition.items() if key not in ("decisive", "reason"))
    if kind in ("all", "any"):
        word = "all of these" if kind == "all" else "one of these"
        return word, [in_words(member, vocabulary) for member in body]
    if kind == "not":
        return "not", [in_words(body, vocabulary)]
    return _LEAVES[kind](body, vocabulary)


def _value(spec: Any) -> str:
    if isinstance(spec, Mapping):
        return " and ".join(_operator(name, value) for name, value in spec.items())
    values = [str(one) for one in (spec if isinstance(spec, list) else [spec])]
    return f"is {' or '.join(values)}"


def _operator(name: str, value: Any) -> str:
    if name == "exists":
        return "is there" if value else "is missing"
    said = " or ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    words = {"not": "is not", "re": "matches", "startswith": "starts with", "endswith": "ends with"}
    return f"{words.get(name, name.replace('_', ' '))} {said}"


def _attempt(body: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> str:
    rest = [f"{name.replace('_', ' ')} {_value(spec)}" for name, spec in body.items() if name != "flow"]
    return f"a failed attempt ({body['flow']})" + (f" whose {', '.join(rest)}" if rest else "")


def _event(body: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> str:
    ids = body["id"] if isinstance(body["id"], list) else [body["id"]]
    channel = vocabulary["providers"][body["provider"]]["channel"]
    rest = [f"{name} {_value(spec)}" for name, spec in (body.get("data") or {}).items()]
    if body.get("text") is not None:
        rest.append(f"text {_value(body['text'])}")
    return f"event {' or '.join(map(str, ids))} of {channel}" + (f" where {', '.join(rest)}" if rest else "")


def _registry(body: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> str:
    name = f", value {body['value']}" if "value" in body else ""
    return f"registry {body['key']}{name}" + (f" {_value(body['is'])}" if "is" in body else "")


def _log(body: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> str:
    return f"a line of {body['component']} whose text {_value(body['text'])}"


def _fields(what: str) -> Any:
    def words(body: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> str:
        return ", ".join(f"{what}{name} {_value(spec)}" for name, spec in body.items())

    return words


_LEAVES: Mapping[str, Any] = {
    "attempt": _attempt,
    "event": _event,
    "registry": _registry,
    "log": _log,
    "dsreg": _fields("dsregcmd field "),
    "fact": _fields(""),
    "capture": _fields("the capture's "),
    "sign": lambda body, vocabulary: f"sign {body}",
}


def leaf_in_words(node: Node, vocabulary: Mapping[str, Any]) -> str:
    """A leaf of a compiled rule as text. ``node``: one of :mod:`troubleshoot.conditions`, none of all, any and not."""
    return str(in_words(_as_written(node), vocabulary))


def _as_written(node: Node) -> dict[str, Any]:
    """The leaf as a rule file would hold it."""
    kind = node[0]
    if kind == "attempt":
        return {kind: {"flow": node[1]} | ({} if node[2] == "flow" else {node[2]: node[3]})}
    if kind == "event":
        parts = {"data": node[3], "text": node[4]}
        return {kind: {"provider": node[1], "id": node[2]} | {key: one for key, one in parts.items() if one}}
    if kind == "registry":
        named = {"value": node[2], "is": node[3]}
        return {kind: {"key": node[1]} | {key: one for key, one in named.items() if one is not None}}
    if kind == "log":
        return {kind: {"component": node[1], "text": node[2]}}
    if kind == "sign":
        return {kind: node[1]}
    return {kind: {node[1]: node[2]}}
