"""Build hook: a wheel carries the rules compiled, so that an installed command starts without reading YAML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileRules(BuildHookInterface):  # type: ignore[type-arg]
    """Writes ``troubleshoot/data/compiled.json`` from ``rules/`` and adds it to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is built; an editable install compiles at its first start instead."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        import orjson

        from troubleshoot.ruleset import compile_shipped

        target = root / "troubleshoot" / "data" / "compiled.json"
        target.write_bytes(orjson.dumps(compile_shipped()))
        build_data["artifacts"].append("troubleshoot/data/compiled.json")
