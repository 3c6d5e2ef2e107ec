"""Items in object stores and on web servers, through fsspec: ``s3://``, ``abfs://``, ``gs://``, ``https://``, ``file://``.

Only addresses that the caller named are asked for, never one that a log names. Who may read and where the store is, fsspec's
own settings say (``FSSPEC_S3_ENDPOINT_URL``, ``AWS_PROFILE``, ``AZURE_STORAGE_CONNECTION_STRING``); they stand in no report.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

from xxhash import xxh3_128

from troubleshoot.batch.reading import Given
from troubleshoot.batch.sources import Item, SourceError
from troubleshoot.containers.limits import TOTAL_SIZE
from troubleshoot.containers.scratch import Held, Scratch, TooLarge
from troubleshoot.model import Artifact, Unread

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SCHEMES = ("s3", "s3a", "abfs", "abfss", "az", "gs", "gcs", "https", "http", "file")
_PIECE = 1_048_576
_MAGIC = frozenset("*?[")
_MOST_FILES = 100_000  # of one folder that is read by itself


def local_path(address: str) -> str:
    """The path that a ``file://`` address names."""
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost"):
        raise SourceError(f"{address}: a file:// address names a file of this machine")
    return url2pathname(parts.path) if os.name == "nt" else unquote(parts.path)


def items(address: str, into_folders: bool) -> Iterator[Item]:
    """The items of one address: of a folder each file and sub-folder in it, of a pattern what fits it, else itself.

    Raises SourceError where the store cannot be asked.
    """
    shown = _shown(address)
    store, path = _store(address)
    web = urlsplit(address).scheme.startswith("http")
    try:
        if web:  # a page that lists files is not a folder: nobody follows its links
            yield _item(address, shown, [("", store.info(path))])
            return
        if _MAGIC.intersection(path):
            fitting = store.glob(path, detail=True)
            for name, info in sorted(fitting.items()):
                yield _listed(store, name, info)
            if not fitting:
                raise SourceError(f"{shown}: nothing fits it")
            return
        info = store.info(path)
        if info["type"] == "directory" and into_folders:
            yield from _in_folder(store, path)
        else:
            yield _listed(store, path, info)
    except FileNotFoundError:
        yield Item(shown, address, refused="no such file or folder")
    except SourceError:
        raise
    except Exception as error:  # each backend has errors of its own
        raise SourceError(f"{shown}: {_reason(error)}") from error


def opened(item: Item, scratch: Scratch, known: str | None) -> Given:
    """Fetch one item. What cannot be fetched is named in its parts."""
    try:
        store, path = _store(item.path)
        held = list(_fetched(store, path, scratch))
    except TooLarge:
        return _nothing(item, f"limit total-size: it has more than {TOTAL_SIZE // 1024**3} GB", "limit")
    except SourceError as error:
        return _nothing(item, str(error), "unreadable")
    except Exception as error:
        return _nothing(item, f"it could not be fetched: {_reason(error)}", "unreadable")
    fingerprint = _fingerprint([(name, digest) for name, _, digest in held])
    if not held:
        return _nothing(item, "the folder is empty", "unreadable")._replace(fingerprint=fingerprint)
    found = (
        Artifact(f"{item.name}/{name}" if name else item.name, one.size, one.open, one.path) for name, one, _ in held
    )
    return Given(fingerprint, tuple(found), fingerprint == known)


class _Last(NamedTuple):
    """The item of which this process has read a part last; other parts of it follow."""

    path: str
    etag: str
    scratch: Scratch
    found: Artifact


_last: _Last | None = None


def again(item: Item) -> Artifact | None:
    """The one file that an item is; fetched once for all parts of it that this process reads."""
    global _last
    if _last is None or (_last.path, _last.etag) != (item.path, item.etag):
        if _last is not None:
            _last.scratch.close()
            _last = None
        scratch = Scratch()
        for one in opened(item, scratch, None).parts:
            if isinstance(one, Artifact):
                _last = _Last(item.path, item.etag, scratch, one)
                break
        else:
            scratch.close()
            return None
    return _last.found


def _nothing(item: Item, reason: str, kind: str) -> Given:
    return Given(None, (Unread(item.name, reason, kind),))


def _fetched(store: AbstractFileSystem, path: str, scratch: Scratch) -> Iterator[tuple[str, Held, str]]:
    """(name below the item, its bytes, their digest) of each file of an item, in the order of the names."""
    if not store.isdir(path):
        yield "", *_kept(store, path, scratch, TOTAL_SIZE)
        return
    left = TOTAL_SIZE
    names = sorted(store.find(path))
    if len(names) > _MOST_FILES:
        raise TooLarge
    for name in names:
        one, digest = _kept(store, name, scratch, left)
        left -= one.size
        yield name.removeprefix(path.rstrip("/")).lstrip("/"), one, digest


def _kept(store: AbstractFileSystem, path: str, scratch: Scratch, most: int) -> tuple[Held, str]:
    told = xxh3_128()

    def pieces(stream: BinaryIO) -> Iterator[bytes]:
        while piece := stream.read(_PIECE):
            told.update(piece)
            yield piece

    with store.open(path, "rb", block_size=8 * _PIECE) as stream:
        return scratch.keep(pieces(stream), most), told.hexdigest()


def _fingerprint(found: list[tuple[str, str]]) -> str:
    """As :mod:`troubleshoot.batch.fingerprints` has it for the same bytes on this machine."""
    if len(found) == 1 and not found[0][0]:
        return found[0][1]
    whole = xxh3_128()
    for name, digest in found:
        whole.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


# ---------------------------------------------------------------------------------------------------------- listing


def _store(address: str) -> tuple[AbstractFileSystem, str]:
    scheme = urlsplit(address).scheme.casefold()
    if scheme not in SCHEMES or "::" in address:
        raise SourceError(f"{_shown(address)}: addresses begin with {', '.join(f'{one}://' for one in SCHEMES)}")
    try:
        from fsspec.core import url_to_fs

        found: tuple[AbstractFileSystem, str] = url_to_fs(address)
    except ImportError as error:
        raise SourceError(f"{scheme}:// needs more libraries: pip install 'hybrid-join-troubleshoot[cloud]'") from error
    except Exception as error:
        raise SourceError(f"{_shown(address)}: {_reason(error)}") from error
    return found


def _shown(address: str) -> str:
    """The address without what lets somebody in: user, password, the signature behind ``?``."""
    parts = urlsplit(address)
    if not parts.scheme.startswith("http"):
        return address
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _in_folder(store: AbstractFileSystem, path: str) -> Iterator[Item]:
    """Each file and each sub-folder of a folder, with one listing of the store."""
    root = path.rstrip("/") + "/"
    found = sorted(store.find(path, detail=True).items())
    for first, group in groupby(found, key=lambda one: one[0].removeprefix(root).partition("/")[0]):
        files = list(group)
        full = root + first
        own = [("" if name == full else name.removeprefix(full), info) for name, info in files]
        address = store.unstrip_protocol(full)
        yield _item(address, address, own)


def _listed(store: AbstractFileSystem, path: str, info: Mapping[str, Any]) -> Item:
    address = store.unstrip_protocol(path)
    files = [("", info)] if info["type"] != "directory" else sorted(store.find(path, detail=True).items())
    return _item(address, address, files)


def _item(address: str, name: str, files: list[tuple[str, Mapping[str, Any]]]) -> Item:
    told = blake2b(digest_size=12)
    sure = True
    for part, info in files:
        mark = _mark(info)
        sure = sure and bool(mark)
        told.update(f"{part}\0{info.get('size')}\0{mark}\n".encode())
    etag = told.hexdigest() if sure and files else ""
    size = sum(int(info.get("size") or 0) for _, info in files)
    return Item(name, address, size, etag, etag)


def _mark(info: Mapping[str, Any]) -> str:
    """What the store says of a file's bytes: its entity tag, its checksum, or when it was written."""
    for name in ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "last_modified", "mtime"):
        if info.get(name):
            return str(info[name])
    return ""


def _reason(error: Exception) -> str:
    """The error in a word or two; texts of backends may hold addresses with signatures."""
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    if isinstance(error, PermissionError):
        return "permission denied"
    return type(error).__name__
