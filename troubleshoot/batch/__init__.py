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
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from troubleshoot import __version__
from troubleshoot.batch.rows import lines, numbered, rows_of
from troubleshoot.model import Result
from troubleshoot.pipeline import diagnose, exit_code
from troubleshoot.report import jsonform
from troubleshoot.ruleset import RuleError, Ruleset, load
from troubleshoot.runschema import arrow, tables

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
    lined = [
        (number, line)
        for number, (device, (form, _)) in enumerate(zip(devices, results, strict=True), 1)
        for line in lines(device.name, form)
    ]
    rows = [line for _, line in lined]
    _write(folder / "reports.jsonl", b"".join(orjson.dumps(row) + b"\n" for row in rows))
    _tables(folder, lined)
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


def _tables(folder: Path, numbered_lines: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Every table of the run folder (:mod:`troubleshoot.runschema`). ``numbered_lines``: number of the input, line."""
    import pandas as pd

    found: dict[str, list[list[Any]]] = {name: [] for name in tables()}
    for number, (source, line) in enumerate(numbered_lines, 1):
        for name, rows in rows_of(line).items():
            found[name] += [numbered(name, row, number, source) for row in rows]
    for name, table in found.items():
        schema = arrow(name)
        frame = pd.DataFrame(table, columns=schema.names)
        part = folder / f"{name}.parquet.part"
        frame.to_parquet(part, index=False, schema=schema)
        os.replace(part, folder / f"{name}.parquet")


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
