"""Many devices: one diagnosis each in a pool of processes, tables of the results, a summary of causes.

Each file and each sub-folder of a source is read by itself, and holds one device, or those that it proves to hold
(:mod:`troubleshoot.devices`). Every device gets its line in ``reports.jsonl``, also one that could not be read or whose worker
failed. Same bytes, same rows, in the same order, whatever the number of workers.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from troubleshoot import __version__
from troubleshoot.model import Result
from troubleshoot.pipeline import diagnose, exit_code
from troubleshoot.report import jsonform
from troubleshoot.ruleset import RuleError, Ruleset, load

_SEVERITY = ("error", "warning", "info")
_RULES: list[Ruleset] = []  # of this worker process: loaded once, used for every device


@dataclass(frozen=True, slots=True)
class Device:
    """One file or sub-folder to diagnose, a device as a rule: its name in the tables, its path, its size in bytes."""

    name: str
    path: str
    size: int


def devices_in(sources: Sequence[str]) -> list[Device]:
    """What is read by itself: each file and each sub-folder of a folder, and each source that is a file."""
    found: list[Device] = []
    for source in sources:
        root = Path(source)
        if not root.is_dir():
            found.append(Device(root.as_posix(), source, _size(root)))
            continue
        for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
            path = Path(entry.path)
            found.append(Device(path.as_posix(), entry.path, _size(path)))
    return found


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def _start(folders: tuple[str, ...]) -> None:
    _RULES[:] = [load([Path(folder) for folder in folders])]


def diagnose_one(path: str) -> tuple[dict[str, Any], int]:
    """One device in a worker: (its report form with ``unread``, its exit code). Never raises for what a file holds."""
    result: Result = diagnose([path], _RULES[0])
    return jsonform.form(result), exit_code(result)


def _failed(reason: str) -> tuple[dict[str, Any], int]:
    form = {"devices": [], "unread": [{"path": "", "reason": reason, "kind": "unreadable"}]}
    return form, 3


def run(sources: Sequence[str], folder: Path, workers: int | None, rules: Sequence[Path]) -> int:
    """Diagnose every device of ``sources`` and write the run folder; returns the exit code of the contract.

    ``workers``: processes, default one a core. Progress and summary go to standard error.
    """
    devices = devices_in(sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"troubleshoot: {folder}: {error.strerror or error}", file=sys.stderr)
        return 2
    folders = tuple(str(one) for one in rules)
    results = _all(devices, folders, workers or os.cpu_count() or 1)
    codes = [code for _, code in results]
    rows = [row for device, (form, _) in zip(devices, results, strict=True) for row in _rows(device, form)]
    _write(folder / "reports.jsonl", b"".join(orjson.dumps(row) + b"\n" for row in rows))
    _tables(folder, rows)
    ruleset = load(rules)
    manifest = {
        "version": __version__,
        "rules": ruleset.digest,
        "sources": [Path(source).as_posix() for source in sources],
        "devices": len(rows),
        "verdicts": dict(sorted(Counter(row["verdict"] for row in rows).items())),
        "inputs": hashlib.sha256("\n".join(f"{one.name} {one.size}" for one in devices).encode()).hexdigest(),
    }
    _write(folder / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
    _summary(rows, folder)
    return next((code for code in (1, 4, 3) if code in codes), 0)


def _write(path: Path, data: bytes) -> None:
    """A file is either the old one or the whole new one."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)


# ------------------------------------------------------------------------------------------------------- workers


def _all(devices: Sequence[Device], folders: tuple[str, ...], workers: int) -> list[tuple[dict[str, Any], int]]:
    """The result of every device, in the order of ``devices``; largest devices are started first."""
    results: list[tuple[dict[str, Any], int] | None] = [None] * len(devices)
    order = sorted(range(len(devices)), key=lambda number: (-devices[number].size, number))
    with _progress(len(devices)) as advance:
        if workers == 1 or len(devices) == 1:
            _start(folders)
            for number in order:
                results[number] = _guarded(devices[number].path)
                advance(results[number])
        else:
            _pooled(devices, folders, workers, order, results, advance)
    return [one if one is not None else _failed("the worker was lost") for one in results]


def _guarded(path: str) -> tuple[dict[str, Any], int]:
    try:
        return diagnose_one(path)
    except RuleError:
        raise
    except Exception as error:
        return _failed(f"{type(error).__name__}: {error}")


def _pooled(
    devices: Sequence[Device],
    folders: tuple[str, ...],
    workers: int,
    order: list[int],
    results: list[tuple[dict[str, Any], int] | None],
    advance: Callable[[Any], None],
) -> None:
    """A worker that dies takes the pool with it: what had no result is tried again, one device at a time."""
    todo = order
    for alone in (False, True):
        groups = [[number] for number in todo] if alone else [todo]
        for group in groups:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(
                1 if alone else min(workers, len(group) or 1), context, _start, (folders,)
            ) as pool:
                futures: dict[Future[tuple[dict[str, Any], int]], int] = {
                    pool.submit(diagnose_one, devices[number].path): number for number in group
                }
                for future in as_completed(futures):
                    number = futures[future]
                    try:
                        results[number] = future.result()
                    except BrokenProcessPool:
                        if not alone:
                            continue
                        results[number] = _failed("the worker died while it read this device, twice")
                    except Exception as error:
                        results[number] = _failed(f"{type(error).__name__}: {error}")
                    advance(results[number])
        todo = [number for number in order if results[number] is None]
        if not todo:
            return


class _progress:  # noqa: N801 (used as a function: `with _progress(n) as advance`)
    """A progress bar on a terminal, a line now and then elsewhere, on standard error."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.failed = total, 0, 0
        self.bar: Any = None

    def __enter__(self) -> Callable[[Any], None]:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(console=Console(file=sys.stderr))
            self.bar.start()
            self.task = self.bar.add_task("devices", total=self.total)
        return self.advance

    def advance(self, result: Any) -> None:
        self.done += 1
        self.failed += not (result and result[0]["devices"])
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done, description=f"devices ({self.failed} not read)")
        elif self.done % 500 == 0:
            print(f"{self.done} of {self.total} devices, {self.failed} not read", file=sys.stderr)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()


# --------------------------------------------------------------------------------------------------- run folder


def _rows(device: Device, form: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The lines of one source: the report of each device in it, or the reasons why there is none.

    What could not be read stands in the first of them.
    """
    unread = [{**one, "path": one["path"] or device.name} for one in form["unread"]]
    for number, report in enumerate(form["devices"] or [None]):
        yield {
            "source": device.name,
            "verdict": report["verdict"] if report else "unread",
            "report": report,
            "unread": [] if number else unread,
        }


def _findings(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    def walk(found: list[dict[str, Any]], role: str, root: str | None) -> Iterator[dict[str, Any]]:
        for one in found:
            first = one["fix"][0] if one["fix"] else {}
            yield {
                "source": row["source"],
                "device": row["report"]["device"]["name"],
                "role": role,
                "rule": one["rule"],
                "root": root or one["rule"],
                "title": one["title"],
                "phase": one["phase"],
                "severity": one["severity"],
                "confidence": one["confidence"],
                "codes": " ".join(one["codes"]),
                "user": one["user"],
                "time": one["time"],
                "who": first.get("who"),
                "fingerprint": one["fingerprint"],
            }
            yield from walk(one["symptoms"], "symptom", root or one["rule"])

    if row["report"]:
        yield from walk(row["report"]["findings"], "root", None)
        yield from walk(row["report"]["resolved"], "resolved", None)
        yield from walk(row["report"]["benign"], "benign", None)


_DEVICE_COLUMNS = (
    *(
        "source",
        "device",
        "domain",
        "device_id",
        "tenant_id",
        "as_of",
        "join_state",
        "domain_type",
        "verdict",
        "summary",
    ),
    *("root", "phase", "severity", "confidence", "findings", "problems", "unread"),
)
_FINDING_COLUMNS = (
    *(
        "source",
        "device",
        "role",
        "rule",
        "root",
        "title",
        "phase",
        "severity",
        "confidence",
        "codes",
        "user",
        "time",
        "who",
    ),
    "fingerprint",
)


def _tables(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """``devices.parquet`` and ``findings.parquet``; columns are texts, counts are numbers."""
    import pandas as pd

    devices = pd.DataFrame([_device_row(row) for row in rows], columns=list(_DEVICE_COLUMNS))
    findings = pd.DataFrame([one for row in rows for one in _findings(row)], columns=list(_FINDING_COLUMNS))
    for name, frame in (("devices", devices), ("findings", findings)):
        texts = [column for column in frame.columns if column not in ("findings", "problems", "unread")]
        frame[texts] = frame[texts].astype("string")
        part = folder / f"{name}.parquet.part"
        frame.to_parquet(part, index=False)
        os.replace(part, folder / f"{name}.parquet")


def _device_row(row: dict[str, Any]) -> dict[str, Any]:
    report = row["report"] or {"device": {}, "findings": [], "problems": []}
    root = report["findings"][0] if report["findings"] else {}
    device = report["device"]
    return {
        "source": row["source"],
        "device": device.get("name"),
        "domain": device.get("domain"),
        "device_id": device.get("device_id"),
        "tenant_id": device.get("tenant_id"),
        "as_of": report.get("as_of"),
        "join_state": report.get("join_state"),
        "domain_type": report.get("domain_type"),
        "verdict": row["verdict"],
        "summary": report.get("summary") or "; ".join(one["reason"] for one in row["unread"]),
        "root": root.get("rule"),
        "phase": root.get("phase"),
        "severity": root.get("severity"),
        "confidence": root.get("confidence"),
        "findings": len(report["findings"]),
        "problems": len(report["problems"]),
        "unread": len(row["unread"]),
    }


def _summary(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Counts and top causes, on standard error."""
    verdicts = Counter(row["verdict"] for row in rows)
    causes: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for one in {(one["severity"], one["title"]) for one in (row["report"] or {"findings": []})["findings"]}:
            causes[one] += 1
    print(
        f"{len(rows)} devices: " + ", ".join(f"{count} {name}" for name, count in verdicts.most_common()),
        file=sys.stderr,
    )
    ranked = sorted(causes.items(), key=lambda item: (_SEVERITY.index(item[0][0]), -item[1], item[0][1]))
    for (severity, title), count in ranked[:10]:
        print(f"{count:>7}  {severity:<7}  {title}", file=sys.stderr)
    print(f"written: {folder}", file=sys.stderr)
