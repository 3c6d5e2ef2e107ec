"""The escalation package: a zip or a folder with what support asks for, the report, its evidence and the digests of the files.

The names inside are fixed, so no name of a log becomes a path; every text goes through :mod:`troubleshoot.concealed` on its way out;
the bytes depend on the input and the rules alone: members are stored, with one date, in one order.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from troubleshoot import escalation, words
from troubleshoot.concealed import conceal
from troubleshoot.model import Artifact, Report, Result
from troubleshoot.recognise import secret_by_name
from troubleshoot.report import escalated, jsonform, text
from troubleshoot.report.safe import plain

_T = TypeVar("_T")
_PIECE = 1 << 20
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold


class Digest(NamedTuple):
    """A file of the input. ``sha256`` is None for what can hold tokens or keys, which nobody opens, and for what cannot be opened."""

    path: str
    size: int
    sha256: str | None


class Digests:
    """The digests of everything that is read, taken on the way; an archive on disk stands before its members."""

    def __init__(self) -> None:
        self._found: dict[str, Digest] = {}

    def add(self, one: Artifact) -> None:
        """Take the digest of an artifact, and of the archive on disk that it is from."""
        outer = None if one.path == one.name else _on_disk(one.name)
        if outer is not None and outer not in self._found:
            self._found[outer] = _digest(_file(outer))
        self._found[one.name] = _digest(one)

    def add_unread(self, paths: Iterable[str]) -> None:
        """Take those of files that gave nothing at all, such as an archive that does not open."""
        for path in paths:
            if path not in self._found and os.path.isfile(path):
                self._found[path] = _digest(_file(path))

    def all(self) -> tuple[Digest, ...]:
        """Every digest, by the files' paths."""
        return tuple(sorted(self._found.values(), key=lambda one: one.path.split("/")))


def _file(path: str) -> Artifact:
    def opened() -> BinaryIO:
        return open(path, "rb")

    return Artifact(path, os.path.getsize(path), opened, path)


def _on_disk(name: str) -> str | None:
    """The part of an artifact's path that is a file on disk."""
    parts = name.split("/")
    for count in range(1, len(parts)):
        outer = "/".join(parts[:count])
        if outer and os.path.isfile(outer):
            return outer
    return None


def _digest(one: Artifact) -> Digest:
    if secret_by_name(one.name):
        return Digest(one.name, one.size, None)
    made = hashlib.sha256()
    try:
        with one.open() as stream:
            while piece := stream.read(_PIECE):
                made.update(piece)
    except OSError:
        return Digest(one.name, one.size, None)
    return Digest(one.name, one.size, made.hexdigest())


# ---------------------------------------------------------------------------------------------------------- members


def members(
    result: Result, known: Sequence[escalation.Known], digests: Sequence[Digest]
) -> tuple[dict[str, bytes], int]:
    """What the package holds, by name, and how many secrets were withheld. ``known``: of each report, in their order."""
    secrets: set[str] = set()
    result, known, digests = _clean((result, tuple(known), tuple(digests)), secrets)
    unread = {one.path for one in result.unread}
    files = [{**one._asdict(), "read": one.path not in unread} for one in digests]
    told: dict[str, str] = {}
    for number, (report, more) in enumerate(zip(result.reports, known, strict=True), 1):
        folder = f"device-{number}/" if len(result.reports) > 1 else ""
        told |= {folder + name: said for name, said in _of_device(result, report, more, files)}
    told["files.txt"] = "".join(
        f"{one['sha256']}  {plain(str(one['path']), 400)}\n" for one in files if one["sha256"] is not None
    )
    told = _clean(told, secrets)  # once more, for what only the whole text shows
    told["README.txt"] = _readme(result, len(secrets))
    made = {name: told[name].encode("utf-8", "replace") for name in sorted(told)}
    made["SHA256SUMS"] = "".join(f"{hashlib.sha256(raw).hexdigest()}  {name}\n" for name, raw in made.items()).encode()
    return made, len(secrets)


def _clean(value: _T, secrets: set[str]) -> _T:
    """Plain data with every secret in its texts withheld; ``secrets`` gets them. Before printing, since lines are wrapped there."""
    made: Any = value
    if isinstance(value, str):
        made, found = conceal(value)
        secrets.update(found)
    elif isinstance(value, tuple):
        parts = [_clean(one, secrets) for one in value]
        made = type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    elif isinstance(value, Mapping):
        made = {key: _clean(one, secrets) for key, one in value.items()}
    return cast("_T", made)


def _of_device(
    result: Result, report: Report, known: escalation.Known, files: Sequence[Mapping[str, object]]
) -> Iterator[tuple[str, str]]:
    only = result._replace(reports=(report,), unread=result.unread if len(result.reports) == 1 else ())
    data = escalation.data(report, known, result.rules_version)
    yield "escalation.txt", escalated.text(data, files)
    yield "escalation.json", jsonform.text_of({**data, "files": files}).decode()
    yield "evidence.txt", "".join(f"{line}\n" for line in escalated.evidence(data["evidence"]))
    yield "report.txt", text.render(only)
    yield "report.json", jsonform.dump(only).decode()


def _readme(result: Result, withheld: int) -> str:
    lines = [words.PACK["title"], ""]
    lines += [f"  {name:<16} {what}" for name, what in words.PACK_MEMBERS.items()]
    lines.append("")
    for number, report in enumerate(result.reports, 1):
        lines.append((f"device-{number}: " if len(result.reports) > 1 else "") + plain(report.summary))
    if withheld:
        lines.append(words.PACK["withheld"].format(count=withheld))
    if result.redacted is not None:
        told = ", ".join(f"{count} {kind}" for kind, count in result.redacted.items()) or words.NOTHING_REPLACED
        lines.append(f"{words.HEADINGS['redacted']}: {told}")
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------------------------------------------------- writing


class Refused(Exception):
    """The package cannot be written there; the message says why."""


def check_target(target: Path, inputs: Iterable[str]) -> None:
    """Raise :class:`Refused` where the package would be part of its own input, or where a folder holds other things."""
    place = target.resolve()
    for one in inputs:
        if one == "-":
            continue
        given = Path(one).resolve()
        if place == given or given in place.parents:
            raise Refused(f"{target}: it would lie inside the input {one}, and be read with it next time")
    if not is_zip(target) and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(f"{target}: a folder for a package must be new or empty")


def is_zip(target: Path) -> bool:
    """Is it the name of a zip, not of a folder?"""
    return target.suffix.casefold() == ".zip"


def write(made: Mapping[str, bytes], target: Path) -> None:
    """Write the members as a zip or into a folder. Raises OSError where that fails."""
    if is_zip(target):
        target.write_bytes(zipped(made))
        return
    for name, raw in made.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)


def zipped(made: Mapping[str, bytes]) -> bytes:
    """The members as a zip: stored, since compressors differ between machines."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name, raw in made.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, raw)
    return held.getvalue()
