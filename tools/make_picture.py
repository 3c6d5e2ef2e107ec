"""Draws the pictures of the README: ``docs/report.svg``, a real report as a terminal shows it, and ``docs/report.png``, the
same as a page, which needs Debian's chromium and chromium-driver. Run after their words change.
"""

from __future__ import annotations

import base64
import io
import os
import re
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from tests.browser import opened, picture
from tools.make_samples import BESIDE
from troubleshoot.model import Result
from troubleshoot.pipeline import diagnose
from troubleshoot.report import render
from troubleshoot.report.text import print_rich
from troubleshoot.ruleset import load

ROOT = Path(__file__).resolve().parent.parent
SIZE = (1280, 640)
_PIXELS = """
const [data, done] = arguments, image = new Image();
image.onload = () => {
  const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
  canvas.width = image.width; canvas.height = image.height; pen.drawImage(image, 0, 0);
  const bytes = pen.getImageData(0, 0, image.width, image.height).data, parts = [];
  for (let i = 0; i < bytes.length; i += 30000) parts.push(String.fromCharCode(...bytes.subarray(i, i + 30000)));
  done(btoa(parts.join('')));
};
image.src = 'data:image/png;base64,' + data;
"""


def terminal(result: Result) -> str:
    """The report as SVG, without the web fonts that rich would fetch."""
    console = Console(record=True, width=110, force_terminal=True, file=io.StringIO())
    print_rich(result, console)
    drawn = console.export_svg(title="troubleshoot diagnose samples/broken/device-not-synced", unique_id="report")
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return re.sub(r"font-family: ?[^;]+;", "font-family: Consolas, Menlo, 'DejaVu Sans Mono', monospace;", drawn)


def page(result: Result) -> bytes:
    """The first screen of the page as a small PNG."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "profile", *SIZE) as driver:
        file = Path(folder) / "report.html"
        file.write_text(str(render(result, "html")), encoding="utf-8")
        driver.get(file.as_uri())
        shot = picture(driver)
        driver.get("about:blank")  # the page's own policy forbids pictures
        raw = base64.b64decode(driver.execute_async_script(_PIXELS, base64.b64encode(shot).decode()))
    return in_few_colours(np.frombuffer(raw, np.uint8).reshape(SIZE[1], SIZE[0], 4)[:, :, :3])


def in_few_colours(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """A PNG of at most 64 colours; a colour that is left out becomes the nearest one."""
    colours, where, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-counts)[:64]]
    distance = ((colours[:, None, :].astype(int) - kept[None, :, :].astype(int)) ** 2).sum(axis=2)
    indexes = distance.argmin(axis=1).astype(np.uint8)[where.ravel()].reshape(pixels.shape[:2])
    rows = b"".join(b"\0" + row.tobytes() for row in indexes)
    height, width = indexes.shape
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", kept.tobytes()),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def main() -> None:
    """Write both pictures."""
    os.chdir(ROOT)  # the pictures name files as the README does
    sample = Path("samples/broken/device-not-synced")
    result = diagnose([str(one) for one in sorted(sample.iterdir()) if one.name not in BESIDE], load())
    (ROOT / "docs" / "report.svg").write_text(terminal(result), encoding="utf-8", newline="\n")
    (ROOT / "docs" / "report.png").write_bytes(page(result))


if __name__ == "__main__":
    main()
