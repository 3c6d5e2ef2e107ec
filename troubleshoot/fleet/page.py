"""``fleet html``: one page that holds everything, opens from disk and asks for nothing.

The tables stand in the page as they are, scripts on or off. Charts (Chart.js, in ``data/vendor``), the heat map and the list of
devices are made in the browser from the columns of :mod:`troubleshoot.fleet.columns`. The page allows its own style and scripts
by their hashes and nothing else. What devices call themselves is foreign text: templates escape it, and the script only ever sets
it as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from troubleshoot import __version__
from troubleshoot.fleet import columns, summary
from troubleshoot.fleet.assemble import COVERAGE, Fleet
from troubleshoot.fleet.frames import names
from troubleshoot.report.safe import plain
from troubleshoot.tables import DATA
from troubleshoot.words import PHASES, WHO

_MOST = 50
_SCRIPTS = ("chart.umd.min.js", "chartjs-chart-matrix.min.js")
_OWN = ("data.js", "list.js", "charts.js")
_STAGES_REACHED = ("pending", "registered", "token", "enrolled")
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def render(fleet: Fleet, links: Mapping[str, str] | None = None) -> str:
    """The page. ``links``: key of a device -> address of its own report, relative to the page's file."""
    found = summary.summarize(fleet, _MOST)
    packed = columns.columns(fleet.devices)
    return assembled(found, data_of(found, fleet, packed, links or {}), bool(fleet.lists))


def data_of(found: Mapping[str, Any], fleet: Fleet, packed: columns.Packed, links: Mapping[str, str]) -> dict[str, Any]:
    """What the page's script reads."""
    data = dict(packed.data)
    data["causes"] = columns.members(found["causes"], fleet.findings, fleet.devices, packed.order)
    data["groups"] = [one["name"] for one in data["words"] if one["name"] in columns.GROUPS and len(one["values"]) > 1]
    data["trend"] = [
        {name: one[name] for name in ("run", "taken", "measured", "failed", "pending", "degraded", "healthy")}
        | {"run": plain(one["run"], 60)}
        for one in found["changes"]
    ]
    data["phases"] = [
        {"title": one["title"], "reached": one["reached"], "stopped": one["stopped"]} for one in found["phases"]["rows"]
    ] + [{"title": "passed", "reached": found["phases"]["passed"], "stopped": 0}]
    data["rollout"] = funnel(found["rollout"]) if fleet.lists else []
    data["clusters"] = [
        {name: plain(str(one[name]), 200) for name in ("rule", "trait", "value")} for one in found["clusters"]
    ]
    data["links"] = [links.get(key) for key in packed.order] if links else None
    return data


def funnel(rollout: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rollout as a funnel: the target, and how many of it are at each stage or beyond."""
    count = {one["stage"]: one["devices"] for one in rollout}
    out = [{"title": "in the target", "devices": sum(count.values())}]
    for place, stage in enumerate(_STAGES_REACHED):
        title = names()["stages"][stage] + ("" if stage == "enrolled" else " or further")
        out.append({"title": title, "devices": sum(count[one] for one in _STAGES_REACHED[place:])})
    return out


def assembled(found: Mapping[str, Any], data: Mapping[str, Any], listed: bool) -> str:
    """The page of a summary and the script's data."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = DATA / "fleet_html"
    style = (folder / "page.css").read_text(encoding="utf-8").strip()
    scripts = [_script((DATA / "vendor" / name).read_text(encoding="utf-8")) for name in _SCRIPTS]
    scripts.append("\n".join((folder / name).read_text(encoding="utf-8").strip() for name in _OWN))
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(plain=plain, percent=_percent, count=_count, when=_when)
    return environment.get_template("page.html").render(
        style=style,
        scripts=scripts,
        style_hash=_digest(style),
        script_hashes=[_digest(one) for one in scripts],
        data=as_json(data),
        found=found,
        listed=listed,
        coverage=COVERAGE,
        verdict_words=columns.VERDICT_WORDS,
        traits=names()["traits"],
        who=WHO,
        phases=PHASES,
        version=__version__,
    )


def as_json(data: Mapping[str, Any]) -> str:
    """``data`` for a block of the page: nothing in it can end the block.

    >>> as_json({"name": "</script><!--"})
    '{"name":"\\\\u003c/script\\\\u003e\\\\u003c!--"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode().translate(_ESCAPES)


def _script(text: str) -> str:
    """A library without the line that names its source map, which a browser's tools would ask for."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("//# sourceMappingURL=")).strip()


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _when(text: str | None) -> str:
    return "–" if text is None else f"{text[:16].replace('T', ' ')} UTC"
