"""(f) Diagnosing an archive of event logs against unpacking it, both as whole processes.

The archives are those of the workplace's real machines where they are at hand, and one made here: a hundred logs of a megabyte, as
full as those of a machine of some weeks. What unpacks is the reader of this tool (``benchmarks/unpack.py``), and py7zr beside it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tools.evtx_writer import EvtxWriter, Record

_PY7ZR = "import py7zr, sys; py7zr.SevenZipFile(sys.argv[1]).extractall(sys.argv[2])"
_LOGS = 100
_RECORDS = 400
_MB = 1_048_576
_START = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)


def made(path: Path) -> Path:
    """An archive of a hundred event logs, one of them that of User Device Registration with a join that succeeded."""
    import py7zr

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(_LOGS):
            provider = (
                "Microsoft-Windows-User Device Registration" if not number else f"Contoso-Windows-Service{number:03}"
            )
            channel = f"{provider}/{'Admin' if not number else 'Operational'}"
            log = folder / f"{channel.replace('/', '%4')}.evtx"
            with EvtxWriter(log) as out:
                for record in range(_RECORDS if number else 1):
                    moment = _START + timedelta(seconds=record)
                    event = 1000 + record % 20 if number else 306
                    out.add(Record(provider, event, moment, channel, "WKS-0427.corp.example"))
            size = log.stat().st_size
            with log.open("ab") as stream:  # a log has the size that it was given, and zeros where it is not full yet
                stream.write(bytes(max(0, _MB - size)))
        with py7zr.SevenZipFile(path, "w") as packed:
            for log in sorted(folder.iterdir()):
                packed.write(log, log.name)
    return path


def ratios(
    archives: list[Path], rounds: int, in_turn: Callable[[dict[str, Callable[[], object]], int], dict[str, float]]
) -> Iterator[str]:
    """A line for each archive."""
    for archive in archives:
        found = in_turn(
            {
                "diagnose": lambda archive=archive: _run("-m", "troubleshoot", "diagnose", str(archive)),
                "unpack": lambda archive=archive: _unpacked("-m", "benchmarks.unpack", str(archive)),
                "py7zr": lambda archive=archive: _unpacked("-c", _PY7ZR, str(archive)),
            },
            rounds,
        )
        own, other = found["diagnose"] / found["unpack"], found["diagnose"] / found["py7zr"]
        yield (
            f"f  {archive.stem}: {own:.2f} x unpacking by the same reader, {other:.2f} x by py7zr "
            f"({found['diagnose'] * 1000:.0f} ms); at most 1.5"
        )


def _unpacked(*command: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run(*command, folder)


def _run(*command: str) -> None:
    subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
