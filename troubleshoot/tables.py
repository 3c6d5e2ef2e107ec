"""Data tables of the package, in a form that loads without YAML.

``data/dsreg_labels.yaml``, ``event_messages.yaml`` and ``events.yaml`` are what people edit; the JSON beside each is made by
``python -m troubleshoot.tables`` and committed, and a test says when it is stale.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

DATA = Path(__file__).resolve().parent / "data"
_SQUEEZE = re.compile(r"[^a-z0-9]+")


class Label(NamedTuple):
    """One label of dsregcmd: ``name`` for rules, ``section`` of today, ``also`` older sections, ``type`` of its value,
    ``since`` the first Windows build that prints it (0: every build), ``block`` of the two token blocks."""

    name: str
    section: str
    label: str
    type: str
    since: int
    also: tuple[str, ...]
    spellings: tuple[str, ...]
    block: str | None


def squeeze(text: str) -> str:
    """A label or title as it is compared: lower case, letters and digits only (``Https Status`` is ``httpsstatus``)."""
    return _SQUEEZE.sub("", text.casefold())


@lru_cache(maxsize=1)
def labels() -> dict[str, Label]:
    """Every label of ``data/dsreg_labels.yaml`` by its rule name, in the order of the file."""
    rows = orjson.loads((DATA / "dsreg_labels.json").read_bytes())
    return {
        name: Label(
            name,
            row["section"],
            row["label"],
            row["type"],
            row.get("since", 0),
            tuple(row.get("also", ())),
            tuple(row.get("spellings", ())),
            row.get("block"),
        )
        for name, row in rows.items()
    }


@lru_cache(maxsize=1)
def command_words() -> dict[str, frozenset[str]]:
    """Words of localized command outputs by what they mean (``data/command_words.yaml``), lower case."""
    rows = orjson.loads((DATA / "command_words.json").read_bytes())
    return {name: frozenset(words) for name, words in rows.items()}


SOURCES = (
    "dsreg_labels",
    "event_messages",
    "wellknown",
    "events",
    "cloud_names",
    "recognise",
    "collectors",
    "command_words",
    "dsregtool_verdicts",
    "log_facts",
    "run_folder",
    "fleet_channels",
    "fleet_names",
    "hive_keys",
    "words",
)
"""Tables that people edit as YAML."""


def compiled(name: str) -> bytes:
    """The JSON form of a table, from its YAML."""
    import yaml

    rows: Any = yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n"


if __name__ == "__main__":
    for each in SOURCES:
        (DATA / f"{each}.json").write_bytes(compiled(each))
