"""The one temporary folder of a run: made when it is first needed, always removed.

Its name holds the number of the process, so that a run finds and removes what a killed one left behind.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import stat
import tempfile
import time
from pathlib import Path

_PREFIX = "troubleshoot-scratch-"
_NAME = re.compile(re.escape(_PREFIX) + r"(\d{1,10})-[\w-]{1,32}")
_DAY = 86_400


class Scratch:
    """Numbered files in a folder that only this user may open. Use it as a context, or call :meth:`close`."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def new_path(self) -> Path:
        """A path in the folder where no file is yet."""
        if self._folder is None:
            remove_left_behind()
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
            atexit.register(self.close)
        self._count += 1
        return self._folder / str(self._count)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            atexit.unregister(self.close)


def remove_left_behind() -> None:
    """Remove the folders of runs that were killed: of this user, no link, of a process that is no more."""
    base = Path(tempfile.gettempdir())
    try:
        found = [entry for entry in os.scandir(base) if _NAME.fullmatch(entry.name)]
    except OSError:
        return
    for entry in found:
        try:
            state = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        mine = not hasattr(os, "getuid") or state.st_uid == os.getuid()
        number = _NAME.fullmatch(entry.name)
        if stat.S_ISDIR(state.st_mode) and mine and number and not _lives(int(number[1]), state.st_mtime):
            shutil.rmtree(entry.path, ignore_errors=True)


def _lives(process: int, changed: float) -> bool:
    if os.name != "posix":  # asking for a process there can end it: a folder of a day ago belongs to nobody
        return time.time() - changed < _DAY
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
