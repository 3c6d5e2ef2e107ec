"""Who may import whom: every module has a layer, and imports go down only. Heavy libraries stay out of the start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "troubleshoot"

LAYERS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "",
            "model",
            "times",
            "codes",
            "tables",
            "accounts",
            "valuetest",
            "conditions",
            "words",
            "pseudonyms",
            "fingerprints",
            "concealed",
            "masks",
            "runschema",
        }
    ),
    frozenset(
        {
            "codepages",
            "decoding",
            "recognise",
            "parsers",
            "eventfacts",
            "codebook",
            "eventbook",
            "facts",
            "cloudfacts",
            "registryfacts",
            "registryjoin",
            "scpagreement",
            "clockskew",
            "filesread",
            "signins",
            "logfacts",
            "ordering",
            "joinattempts",
            "tokenattempts",
            "enrolattempts",
            "helloattempts",
            "hellochecks",
            "clock",
            "iesettings",
            "ruleset",
            "ruleyaml",
            "ruleschema",
            "inwords",
        }
    ),
    frozenset({"attempts", "containers", "collectors"}),
    frozenset({"loader", "formats", "devices", "fleetinput"}),
    frozenset({"case"}),
    frozenset({"match", "nodetests", "subjects", "identities"}),
    frozenset({"proving", "lacking"}),
    frozenset({"outcomes", "leafevidence", "candidates"}),
    frozenset({"alike"}),
    frozenset({"notchecked"}),
    frozenset({"engine"}),
    frozenset(
        {
            "pipeline",
            "ruletest",
            "report",
            "redact",
            "explain",
            "changes",
            "compare",
            "timeline",
            "escalation",
            "traits",
        }
    ),
    frozenset({"lint", "batch", "codelookup", "coverage", "ruledocs", "packing", "fleet"}),
    frozenset({"rulecommands", "console"}),
    frozenset({"devicecommands", "datacommands", "fleetcommands"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
HEAVY = {
    "openpyxl",
    "pandas",
    "pyarrow",
    "jinja2",
    "jsonschema",
    "yaml",
    "lxml",
    "evtx",
    "Evtx",
    "rich",
    "regipy",
    "construct",
}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0] if parts[0] not in ("__init__",) else ""


def layer_of(module: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if module in names)


def imports(path: Path) -> set[str]:
    """The top-level modules of this package that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "troubleshoot":
            parts = node.module.split(".")
            found |= (
                {parts[1]}
                if len(parts) > 1
                else {alias.name for alias in node.names if not alias.name.startswith("__")}
            )
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("troubleshoot.")}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path: Path) -> None:
    me = module_of(path)
    for other in imports(path):
        if (
            other == me
            or (other, me) == ("ruleset", "ruleyaml")
            or (me, other) in {("ruleset", "ruleyaml"), ("ruleset", "ruleschema")}
        ):
            continue
        assert layer_of(other) <= layer_of(me), f"{me} imports {other}"


def test_every_module_has_a_layer() -> None:
    assert {module_of(path) for path in FILES} == set().union(*LAYERS)


def loaded_by(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"]
    return {
        name.split(".")[0]
        for name in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    }


def test_the_command_line_starts_without_heavy_libraries() -> None:
    assert loaded_by("import troubleshoot.cli") & HEAVY == set()


def test_one_text_is_judged_without_heavy_libraries() -> None:
    sample = PACKAGE.parent / "samples" / "broken" / "device-not-synced" / "dsregcmd.txt"
    code = f"""
from troubleshoot.pipeline import diagnose
from troubleshoot.report import render
from troubleshoot.ruleset import load
load()
import sys; before = set(sys.modules)
render(diagnose([{str(sample)!r}], load()), "json")
for name in {sorted(HEAVY - {"yaml"})!r}: assert name not in sys.modules, name
"""
    assert loaded_by(code) & (HEAVY - {"yaml"}) == set()
