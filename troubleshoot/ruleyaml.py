"""YAML as rules need it: plain data, four kinds of values, no surprises."""

from __future__ import annotations

import re
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """The C loader without YAML's own reading of texts, duplicate keys and anchors."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own name and shape)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|)$"), ["n", ""])


def _mapping(loader: Any, node: Any, deep: bool = False) -> dict[Any, Any]:
    out: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in out:
            raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' stands twice", key_node.start_mark)
        out[key] = loader.construct_object(value_node, deep=True)
    return out


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load(text: str, name: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The mapping in ``text`` and the line (from 1) of each of its top-level keys.

    ``name`` stands in messages. Raises :class:`troubleshoot.ruleset.RuleError` for anything that is no such mapping.
    """
    from troubleshoot.ruleset import RuleError

    try:
        if "*" in text:  # the cheap test first: a second pass over every rule would double the time to compile
            for event in yaml.parse(text, Loader=_Base):
                if isinstance(event, yaml.AliasEvent):
                    line = event.start_mark.line + 1 if event.start_mark else 1
                    raise RuleError(f"{name}:{line}: anchors and aliases are not allowed in rules")
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            if not isinstance(root, yaml.MappingNode):
                raise RuleError(f"{name}:1: the file holds no mapping")
            lines = {str(key.value): key.start_mark.line + 1 for key, _ in root.value}
            return loader.construct_document(root), lines
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RuleError(f"{name}:{line}: {getattr(error, 'problem', None) or error}") from error
