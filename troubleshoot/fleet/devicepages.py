"""Each device's own report as a page in its run folder: that of ``batch --html``, else one made from ``reports.jsonl``.

The second kind does not need the files of the device, so that runs of last year have pages too. It stands in ``RUN/pages`` under
the number of its line and a digest of what the line says, so that a run that was done again never leads to the report of another
device.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from troubleshoot import __version__
from troubleshoot.fleet import FleetError
from troubleshoot.fleet.assemble import Fleet
from troubleshoot.fleet.frames import TROUBLED

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = "pages"
_PAGE = re.compile(r"reports/[\w-]{1,100}\.html")
FEW = 500
"""Up to so many devices every one gets its page without being asked for."""


def links(fleet: Fleet, page: Path, kind: str = "auto") -> Mapping[str, str]:
    """Key of a device -> address of its report, relative to ``page``; of those whose report is there.

    ``kind`` says which reports are written first: ``all``, ``failing``, ``none``, or ``auto``: all of a small fleet. Raises
    FleetError where a folder cannot be written.
    """
    devices = fleet.devices[fleet.devices["reported"] & fleet.devices["line"].notna()]
    if kind == "auto":
        kind = "all" if len(devices) <= FEW else "none"
    failing = devices["verdict"].isin(TROUBLED)
    found: dict[str, str] = {}
    for run in fleet.runs:
        here = devices["state_run"] == run.name
        made = dict(_of_batch(run.folder, devices[here]))
        found |= {key: _address(path, page) for key, path in made.items()}
        here &= ~devices["key"].isin(made)
        keys = dict(zip(devices.loc[here, "line"].astype(int), devices.loc[here, "key"].astype(str), strict=True))
        write = {"all": set(keys), "failing": set(devices.loc[here & failing, "line"].astype(int))}.get(kind, set())
        try:
            for line, path in _pages(run.folder, keys, write):
                found[keys[line]] = _address(path, page)
        except OSError as error:
            raise FleetError(f"{run.folder / _FOLDER}: {error.strerror or error}") from error
    return found


def _of_batch(folder: Path, devices: pd.DataFrame) -> Iterator[tuple[str, Path]]:
    """Key and page of the devices whose page ``batch --html`` has written; a path that leads elsewhere is none."""
    there = {entry.name for entry in os.scandir(folder / "reports")} if (folder / "reports").is_dir() else set()
    for key, name in zip(devices["key"], devices["page"], strict=True):
        if isinstance(name, str) and _PAGE.fullmatch(name) and name.rpartition("/")[2] in there:
            yield str(key), folder / name


def _pages(folder: Path, wanted: Collection[int], write: Collection[int]) -> Iterator[tuple[int, Path]]:
    """The pages that are there, after those of the lines of ``write`` are made."""
    reports, pages = folder / "reports.jsonl", folder / _FOLDER
    if not reports.is_file() or not (write or pages.is_dir()):
        return
    if write:
        pages.mkdir(exist_ok=True)
    there = {entry.name for entry in os.scandir(pages)}
    with reports.open("rb") as stream:
        for line, raw in enumerate(stream, start=1):
            if line not in wanted:
                continue
            digest = hashlib.blake2b(__version__.encode() + raw, digest_size=5).hexdigest()
            path = pages / f"{line:06}-{digest}.html"
            if path.name not in there:
                if line not in write or (text := _rendered(raw)) is None:
                    continue
                path.write_bytes(text.encode("utf-8", "replace"))
            yield line, path


def _rendered(raw: bytes) -> str | None:
    """The page of one line; None for a damaged one, whose device keeps what the tables say."""
    import orjson

    from troubleshoot.report import html, stored

    try:
        return html.render(stored.result(orjson.loads(raw)))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _address(path: Path, page: Path) -> str:
    try:
        return quote(Path(os.path.relpath(path, page.resolve().parent)).as_posix())
    except ValueError:  # another drive of Windows
        return path.resolve().as_uri()
