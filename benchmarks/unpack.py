"""``python -m benchmarks.unpack ARCHIVE FOLDER``: writes every member of a 7z archive into a folder, with the reader of this tool.

What diagnosing an archive is measured against: the same decompressor and the same reader, and nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path

from troubleshoot.containers import sevenzip
from troubleshoot.containers.limits import Budget
from troubleshoot.containers.member import Member


def unpack(archive: Path, folder: Path) -> int:
    """The number of members written; their names are numbers, as nothing of an archive decides a path."""
    budget = Budget()
    budget.admit(1 << 40)
    count = 0
    with archive.open("rb") as stream:
        for one in sevenzip.members(stream, budget):
            if isinstance(one, Member) and one.denied is None:
                with (folder / str(count)).open("wb") as out:
                    out.writelines(one.read())
                count += 1
    return count


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
