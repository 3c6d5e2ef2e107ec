"""A source of which one input in a hundred is poisoned: bombs, noise, what is cut off or encrypted, what hangs its reader."""

from __future__ import annotations

import gzip
import io
import os
import random
import zipfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from tests.archives import encrypted_zip, zipped

HANGS = "hangs.txt"
"""A pipe that nobody writes: who opens it waits for ever."""


def bomb(depth: int = 5) -> bytes:
    """An archive that holds archives that hold archives ...: 8 each, the innermost of 100 MB of zeros."""
    inner = gzip.compress(bytes(100 * 1024 * 1024), 9)
    name = "zeros.gz"
    for level in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for number in range(8):
                packed.writestr(f"{number}-{name}", inner)
        inner, name = out.getvalue(), f"{level}.zip"
    return inner


def poisons(capture: bytes) -> dict[str, bytes | None]:
    """One of each kind under its name; None for the pipe. ``capture``: what a sound one holds."""
    whole = zipped({f"{number}.txt": capture for number in range(3)})
    noise = random.Random(4)
    return {
        "bomb.zip": bomb(),
        "zeros.gz": gzip.compress(bytes(80 * 1024 * 1024), 9),
        "noise.txt": noise.randbytes(200_000),
        "noise.evtx": b"ElfFile\0" + noise.randbytes(300_000),
        "truncated.zip": whole[:60],
        "encrypted.zip": encrypted_zip({"dsregcmd.txt": capture}, {"dsregcmd.txt"}),
        HANGS: None,
    }


def source(folder: Path, captures: Sequence[bytes], count: int) -> tuple[Path, list[str]]:
    """(a list of ``count`` files, the names of those that are poisoned): sound captures, and one poison in each hundred."""
    below = folder / "poisoned"
    below.mkdir(parents=True)
    names = []
    for number, (kind, data) in enumerate(islice(cycle(poisons(captures[0]).items()), count // 100)):
        path = below / f"WKS-{number:04}-{kind}"
        if data is None:
            os.mkfifo(path)
        else:
            path.write_bytes(data)
        names.append(path.name)
    for number in range(len(names), count):
        (below / f"WKS-{number:04}.txt").write_bytes(captures[number % len(captures)])
    listed = folder / "poisoned.lst"
    listed.write_text("\n".join(map(str, sorted(below.iterdir()))), encoding="utf-8")
    return listed, sorted(names)
