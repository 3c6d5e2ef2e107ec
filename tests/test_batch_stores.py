"""Batch runs over object stores and web servers: real servers, the same rows as from a folder, nothing fetched twice."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
BUNDLE = ("dsregcmd.txt", "User Device Registration.xml")

pytestmark = pytest.mark.slow


def content() -> dict[str, bytes]:
    """Names below the store's folder, and bytes: two single files, a device's folder, an empty file."""
    found = {
        "archive/WKS-0001.txt": (SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").read_bytes(),
        "archive/WKS-0002.txt": (SAMPLES / "broken" / "tpm-key-lost" / "dsregcmd.txt").read_bytes(),
        "archive/WKS 0003 #1.txt": b"",
    }
    for path in sorted((SAMPLES / "broken" / "device-not-synced").iterdir()):
        if path.name not in ("README.md", "expected.json", "identities.json"):
            found[f"archive/WKS-0004/{path.name}"] = path.read_bytes()
    return found


def batch(
    source: str, run: Path, *options: str, code: int = 1, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "troubleshoot", "batch", source, "-o", str(run), "--workers", "1", *options],
        capture_output=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == code, done.stderr.decode()
    return done


def told(run: Path, prefix: str) -> list[Any]:
    """Every line of the run, without where the input lay."""
    text = (run / "reports.jsonl").read_text(encoding="utf-8").replace(prefix, "")
    return [json.loads(line) for line in text.splitlines()]


def fingerprints(run: Path) -> list[str]:
    return [one["fingerprint"] for one in json.loads((run / "manifest.json").read_bytes())["inputs"]]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """(the run over the same files in a folder, the prefix of its sources)."""
    folder = tmp_path_factory.mktemp("local")
    for name, data in content().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    batch(str(folder / "archive"), folder / "run")
    return folder / "run", f"{folder.as_posix()}/archive"


@contextlib.contextmanager
def store(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """(fsspec's view of a running store, the address of its folder ``logs``)."""
    with servers.s3() if kind == "s3" else servers.azure(folder) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        from fsspec.core import url_to_fs

        address = f"{kind}://logs"
        if kind == "s3":
            found, _ = url_to_fs(address, endpoint_url=environment["FSSPEC_S3_ENDPOINT_URL"], skip_instance_cache=True)
        else:
            found, _ = url_to_fs(
                address,
                connection_string=environment["AZURE_STORAGE_CONNECTION_STRING"],
                skip_instance_cache=True,
            )
        found.mkdir("logs")
        yield found, address


@pytest.mark.parametrize("kind", ["s3", "abfs"])
def test_a_store_gives_what_a_folder_gives(
    kind: str, local: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store(kind, tmp_path / "store", monkeypatch) as (view, address):
        for name, data in content().items():
            view.pipe_file(f"logs/{name}", data)
        run = tmp_path / "run"
        batch(f"{address}/archive", run)
        assert told(run, f"{address}/archive") == told(*local)
        assert fingerprints(run) == fingerprints(local[0])
        # A pattern takes what fits it; a changed object is done again, and nothing else is fetched.
        batch(f"{address}/archive/WKS-000[12].txt", tmp_path / "some")
        assert [Path(one["source"]).name for one in told(tmp_path / "some", "")] == ["WKS-0001.txt", "WKS-0002.txt"]
        view.pipe_file("logs/archive/WKS-0002.txt", content()["archive/WKS-0001.txt"])
        said = batch(f"{address}/archive", run, "--resume").stderr.decode()
        assert said.splitlines()[0] == "3 of 4 inputs are finished and unchanged"
        lines = told(run, f"{address}/archive")
        assert lines[2]["report"]["findings"][0]["rule"] == lines[1]["report"]["findings"][0]["rule"]
        # An address that is not there, and a store that refuses
        batch(f"{address}/nothing", tmp_path / "none", code=2)


def test_a_web_server(local: tuple[Path, str], tmp_path: Path) -> None:
    servers.need("fsspec", "aiohttp")
    folder = Path(local[1])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        secret = f"{address}/WKS-0001.txt?sig=who-has-this-may-read"
        (tmp_path / "list.lst").write_text(f"{secret}\n{address}/gone.txt\n", encoding="utf-8")
        run = tmp_path / "run"
        batch(str(tmp_path / "list.lst"), run)
        lines = told(run, address)
        assert [one["verdict"] for one in lines] == ["failed", "unread"]
        assert lines[1]["unread"][0]["reason"] == "no such file or folder"
        for path in run.iterdir():
            assert b"who-has-this" not in path.read_bytes(), path.name
        server.shutdown()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("ftp://example.com/a", "addresses begin with"),
        ("simplecache::s3://logs/a", "addresses begin with"),
        ("file://example.com/a", "names a file of this machine"),
        ("s3://logs/a", "s3://logs/a: "),
    ],
)
def test_what_is_no_source(source: str, says: str, tmp_path: Path) -> None:
    servers.need("fsspec", "s3fs")
    nobody = {
        "FSSPEC_S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_MAX_ATTEMPTS": "1",
    }
    said = batch(source, tmp_path / "run", code=2, **nobody).stderr.decode()
    assert says in said
    assert len(said.splitlines()) == 1


def test_a_file_address(local: tuple[Path, str], tmp_path: Path) -> None:
    batch(Path(local[1]).as_uri(), tmp_path / "run")
    assert told(tmp_path / "run", local[1]) == told(*local)
