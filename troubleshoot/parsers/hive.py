r"""Raw registry hives (``regf``): SYSTEM, SOFTWARE, DEFAULT and NTUSER.DAT, as Azure disk inspection copies them.

Only the keys of ``data/hive_keys.yaml`` are read. Their names are those of a running Windows: ``HKLM\SYSTEM\CurrentControlSet``
for the control set that ``Select`` names, HKCU for a user's hive, ``HKU\.DEFAULT`` for SYSTEM's. A hive is whole, so a key of the
table that is not in it becomes a value of type ``absent``; but not where its list of keys is damaged, nor in a hive whose
last changes still stand in its transaction logs, which are not replayed.

Values are as in :mod:`troubleshoot.parsers.regtext`. A hive has no lines: ``record`` counts what was read, and the proof is the
key and the name. Format: "Windows registry file format specification" by M. Suhanov.
"""

from __future__ import annotations

import io
import logging
import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from troubleshoot.model import Artifact, Fact, Problem, RegistryValue, Source
from troubleshoot.tables import DATA

if TYPE_CHECKING:
    from regipy.registry import NKRecord, Value

BASE = 4096
_MAPPED = 32 * 1024 * 1024
_MOST_KEYS = 200_000  # looked at in one hive; below one key of a real one stand 20,000 at most
_MOST_VALUES = 20_000  # of one key
_LONGEST = 16_384  # characters of a value that are kept
_SEGMENT = 16_344  # bytes of the largest value that stands in one piece; of others regipy reads what lies behind their list too
_PIECE = 65_536  # bytes that one read may ask for
_MOST_READ = 4 * 1024 * 1024  # bytes, for one key or value
_MOST_KEPT = 8 * 1024 * 1024  # characters of all values of one hive
_IN_PLACE = 0x8000_0000  # a size with this bit: the data stands where its offset would
_NODE = 74  # bytes of a key's cell between its signature and its name
_NOT_REPLAYED = "its last changes stand in its transaction logs, which are not replayed"
_COPIES = ("/regback/", "/windows.old/")
_OWNERS: tuple[tuple[tuple[str, ...], str | None], ...] = (
    (("/config/default", "/config/default.hiv"), r"HKU\.DEFAULT"),
    (("/localservice/ntuser.dat",), r"HKU\S-1-5-19"),
    (("/networkservice/ntuser.dat",), r"HKU\S-1-5-20"),
    (("/default/ntuser.dat", "/systemprofile/ntuser.dat"), None),
)
_CERTIFICATES = r"\SYSTEMCERTIFICATES\MY\CERTIFICATES" + "\\"


class _Row(NamedTuple):
    key: str
    below: int
    values: frozenset[str] | None


class _Branch:
    """One key on the way to rows of the table; ``below`` by names in upper case."""

    __slots__ = ("below", "row")

    def __init__(self) -> None:
        self.row: _Row | None = None
        self.below: dict[str, _Branch] = {}

    def rows(self) -> Iterator[_Row]:
        if self.row is not None:
            yield self.row
        for one in self.below.values():
            yield from one.rows()


@lru_cache(maxsize=1)
def table() -> Mapping[str, Any]:
    """``data/hive_keys.yaml``."""
    found: Mapping[str, Any] = orjson.loads((DATA / "hive_keys.json").read_bytes())
    return found


def _root_of(kind: str) -> str:
    root = str(table()["hives"][kind]["root"])
    return root + r"\CurrentControlSet" if kind == "system" else root


def covers(key: str) -> bool:
    r"""Is a key (``HKLM\SOFTWARE\...``, as evidence names it) read where a hive has it?"""
    wanted = key.upper().rstrip("\\")
    for kind in ("system", "software", "user"):
        for row in table()[kind]:
            top = f"{_root_of(kind)}\\{row['key']}".upper()
            rest = wanted[len(top) :] if wanted.startswith(top) else None
            if rest is not None and rest[:1] in ("", "\\") and rest.count("\\") <= row.get("below", 0):
                return True
    return False


def _branches(kind: str, root: str) -> _Branch:
    """The rows of a kind of hive as a tree; their keys begin with ``root``."""
    top = _Branch()
    for row in table()[kind]:
        at = top
        for name in row["key"].split("\\"):
            at = at.below.setdefault(name.upper(), _Branch())
        only = row.get("values")
        names = None if only is None else frozenset(one.casefold() for one in only)
        at.row = _Row(f"{root}\\{row['key']}", row.get("below", 0), names)
    return top


class _Damaged(Exception):
    """Something in the hive is not what its format says."""


class _Window:
    """The hive's bytes for regipy, which asks for as many as a damaged size says: bounded, and never too few unnoticed."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.seek = data.seek
        self.tell = data.tell
        self.left = _MOST_READ

    def read(self, size: int) -> bytes:
        if size >= _IN_PLACE:
            return b""
        size = min(size, _PIECE)
        found: bytes = self.data.read(size)
        self.left -= size
        if self.left < 0:
            raise _Damaged("it asks for too much")
        if len(found) < size <= _SEGMENT:
            raise _Damaged("an offset leads behind the end")
        return found


def read(artifact: Artifact) -> Iterator[RegistryValue | Fact | Problem]:
    """What the table asks for of one hive. Never raises for what a hive holds."""
    logging.getLogger("regipy").setLevel(logging.CRITICAL + 1)  # what it would print becomes a problem here
    with artifact.open() as stream:
        if artifact.path is not None and artifact.size > _MAPPED:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from _Hive(artifact.name, data, artifact.size).read()
        elif artifact.size > _MAPPED:
            yield from _Hive(artifact.name, stream, artifact.size).read()
        else:
            whole = stream.read()
            yield from _Hive(artifact.name, io.BytesIO(whole), len(whole)).read()


class _Hive:
    def __init__(self, name: str, data: Any, size: int) -> None:
        self.name = name
        self.window = _Window(data)
        self.size = size
        self.looked = 0  # keys
        self.kept = 0  # characters of values
        self.count = 0
        self.whole = True  # may a key that is not found be called absent?
        self.certificates: list[list[Fact]] = []

    def read(self) -> Iterator[RegistryValue | Fact | Problem]:
        self.window.seek(0)
        base = self.window.data.read(BASE)
        folded = "/" + self.name.replace("\\", "/").casefold()
        if len(base) < BASE:
            yield self._problem("damaged", "the registry hive is cut off in its header")
            return
        first, second, kind, start, length = struct.unpack_from("<4xII16xI4xII", base)
        if kind != 0:
            yield self._problem("unsupported", "it is a transaction log of a registry hive, which is not replayed")
            return
        if copy := next((one.strip("/") for one in _COPIES if one in folded), None):
            yield self._problem("unsupported", f"it is an older copy of a registry hive ({copy})")
            return
        if first != second:
            self.whole = False
            yield self._problem("unsupported", f"the registry hive was in use when it was copied: {_NOT_REPLAYED}")
        if not _sums(base) or BASE + length > self.size:
            self.whole = False
            why = "cut off" if BASE + length > self.size else "damaged in its header"
            yield self._problem("damaged", f"the registry hive is {why}")
        yield from self._keys(start, base[48:112].decode("utf-16-le", "replace").partition("\0")[0], folded)

    def _keys(self, start: int, file_name: str, folded: str) -> Iterator[RegistryValue | Fact | Problem]:
        try:
            root = self._root(start)
            tops = list(self._below(root, None))
        except Exception as error:
            yield self._problem("damaged", f"the registry hive cannot be read: {_why(error)}")
            return
        kind = _kind({name.casefold() for name, _ in tops})
        if kind is None:
            yield self._problem("unsupported", "it is a registry hive without keys that this tool reads")
        elif what := table()["hives"][kind].get("refuse"):
            from troubleshoot.recognise import refusal

            yield self._problem("refused", refusal(what), 0)
        elif kind == "system":
            yield from self._current(tops)
        elif kind == "software":
            top = _root_of(kind)
            yield from self._walk(root, _branches(kind, top), top)
            yield from self._certificate()
        elif owner := _owner(file_name.casefold(), folded):
            yield from self._walk(root, _branches(kind, owner), owner)
        else:
            yield self._problem("unsupported", "it is the registry hive that new users start with, nobody's own")

    def _root(self, start: int) -> NKRecord:
        from regipy.registry import Cell, NKRecord

        self.window.seek(BASE + start + 4)
        if self.window.read(2) != b"nk":
            raise _Damaged("its first key is none")
        return NKRecord(Cell(BASE + start + 6, "nk", 0), self.window)

    def _below(self, key: NKRecord, wanted: Mapping[str, object] | None) -> Iterator[tuple[str, NKRecord]]:
        """The keys right below one, or those in ``wanted`` (names in upper case). Raises for a damaged list."""
        found = 0
        self.window.left = _MOST_READ
        for one in key.iter_subkeys():
            self.window.left = _MOST_READ
            self.looked += 1
            found += 1
            if self.looked > _MOST_KEYS:
                raise _Damaged(f"the hive holds more than {_MOST_KEYS:,} keys")
            # regipy does not look at the signature; it has just read the name, which ends the fixed part of the cell.
            self.window.seek(self.window.tell() - one.header.key_name_size - _NODE - 2)
            if self.window.read(2) != b"nk":
                raise _Damaged("a key in the list is none")
            if wanted is None or one.name.upper() in wanted:
                yield one.name, one
        if found != key.subkey_count:
            raise _Damaged(f"{found} of {key.subkey_count} keys are listed")

    def _current(self, tops: Sequence[tuple[str, NKRecord]]) -> Iterator[RegistryValue | Fact | Problem]:
        """The control set that Windows started with."""
        select = next(one for name, one in tops if name.casefold() == "select")
        number: object = None
        try:
            number = next((one.value for one in select.iter_values(trim_values=False) if one.name == "Current"), None)
        except Exception as error:
            yield self._problem("damaged", f"the key Select of the registry hive cannot be read: {_why(error)}")
        sets = {name.casefold(): one for name, one in tops if name.casefold().startswith("controlset")}
        current = sets.get(f"controlset{number:03d}") if isinstance(number, int) else None
        if current is None and len(sets) == 1:
            current = next(iter(sets.values()))
        if current is None:
            why = f"the registry hive does not tell which of its {len(sets)} control sets Windows uses"
            yield self._problem("damaged", why)
            return
        top = _root_of("system")
        yield from self._walk(current, _branches("system", top), top)

    def _walk(
        self, key: NKRecord, branch: _Branch, path: str, depth: int = 0, row: _Row | None = None
    ) -> Iterator[RegistryValue | Fact | Problem]:
        """What is wanted of ``key``, which is at ``branch``, and below it: ``depth`` levels of ``row`` reach down to here."""
        if branch.row is not None:
            row, depth = branch.row, max(depth, branch.row.below)
        if row is not None:
            yield from self._values(key, path, row.values)
        if not branch.below and not depth:
            return
        missing = dict(branch.below)
        try:
            for name, one in self._below(key, None if depth else branch.below):
                inner = missing.pop(name.upper(), None) or _Branch()
                yield from self._walk(one, inner, f"{path}\\{name}", max(depth - 1, 0), row if depth else None)
        except Exception as error:
            yield self._problem("damaged", f"the keys below {path[:300]} cannot all be read: {_why(error)}")
            return
        for lost in missing.values() if self.whole else ():
            for gone in lost.rows():
                yield RegistryValue(gone.key, "", "absent", None, self._place())

    def _values(self, key: NKRecord, path: str, only: frozenset[str] | None) -> Iterator[RegistryValue | Problem]:
        """The key itself, and its values, those in ``only`` (lower case) where that is given."""
        yield RegistryValue(path, "", "key", None, self._place())
        if only is not None and not only:
            return
        found = 0
        kept: list[RegistryValue] = []
        try:
            self.window.left = _MOST_READ
            for value in key.iter_values(trim_values=False):  # to its end: it goes on where the stream stands
                self.window.left = _MOST_READ
                found += 1
                if only is None or value.name.casefold() in only:
                    kept.append(self._value(path, value))
                if found >= _MOST_VALUES or self.kept > _MOST_KEPT:
                    break
        except Exception:
            pass  # counted below
        yield from kept
        if found < key.values_count:
            lost = key.values_count - found if key.values_count <= _MOST_VALUES else None
            told = f"{lost} of {key.values_count}" if lost else "some"
            yield self._problem("damaged", f"{told} values of {path[:300]} cannot be read", lost)

    def _value(self, path: str, value: Value) -> RegistryValue:
        if _CERTIFICATES in path.upper() and isinstance(value.value, bytes):
            from troubleshoot.parsers import certblob

            source = self._place()
            if facts := certblob.device(value.value, source, path):
                self.certificates.append(facts)
            return RegistryValue(path, "Blob", "REG_BINARY", f"{len(value.value)} bytes of a certificate", source)
        name = "" if value.name == "(default)" else value.name
        kind, data = value.value_type, value.value
        if isinstance(data, int) and not isinstance(data, bool):
            told: str | int = data
        elif isinstance(data, list):
            told = "\n".join(map(str, data))[:_LONGEST]
        elif isinstance(data, bytes):
            text = kind in ("REG_SZ", "REG_EXPAND_SZ", "REG_MULTI_SZ")
            told = (data.decode("utf-16-le", "replace") if text else data.hex())[:_LONGEST]
        else:
            told = str(data).rstrip("\0").replace("\0", "\n")[:_LONGEST]
        self.kept += len(told) if isinstance(told, str) else 8
        return RegistryValue(path, name, kind, told, self._place())

    def _certificate(self) -> Iterator[Fact]:
        """The facts of the device's certificate, of several the one that ends last."""
        if self.certificates:
            yield from max(
                self.certificates, key=lambda facts: next(one.value for one in facts if "not-after" in one.name)
            )

    def _place(self) -> Source:
        self.count += 1
        return Source(self.name, None, self.count)

    def _problem(self, kind: str, message: str, lost: int | None = None) -> Problem:
        return Problem(Source(self.name), kind, message, lost)


def _sums(base: bytes) -> bool:
    """Is the checksum that of the header?"""
    total = 0
    for (word,) in struct.iter_unpack("<I", base[:508]):
        total ^= word
    total = {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total)
    return base[508:512] == struct.pack("<I", total)


def _kind(names: set[str]) -> str | None:
    """What hive it is, by the keys right below its root (lower case)."""
    hives = table()["hives"]
    return next((kind for kind, row in hives.items() if {one.casefold() for one in row["signs"]} <= names), None)


def _owner(file_name: str, folded: str) -> str | None:
    """The root of a user's hive, by the file name in its header and by its path (lower case); None: nobody's."""
    inside = "/" + file_name.replace("\\", "/")
    for parts, root in _OWNERS:
        if any(place.endswith(part) for part in parts for place in (inside, folded)):
            return root
    return "HKCU"


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, _Damaged) else type(error).__name__
