"""The escalation package of one device as plain text for a support request: what is known, blanks to fill, proof and files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from troubleshoot import words
from troubleshoot.report import sentences
from troubleshoot.report.safe import plain

_WIDTH = 100
_PACK = words.PACK
_BLANK = "_" * 40


def text(data: Mapping[str, Any], files: Iterable[Mapping[str, Any]]) -> str:
    """The package's text. ``data``: of :func:`troubleshoot.escalation.data`; ``files``: path, size, sha256, read."""
    parts = (
        sentences.all_named_once(_head(data)),
        _identity(data),
        _times(data),
        _scope(data),
        _attempts(data["attempts"], data["attempts_left_out"]),
        _network(data["network"]),
        _tried(data["tried"]),
        _missing(data["missing"]),
        ["", _PACK["evidence_head"], *evidence(data["evidence"])],
        ["", _PACK["files_head"], *_files(files)],
    )
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def evidence(proofs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each line of evidence: where it stands, then what it says."""
    for one in proofs:
        yield f"{place(one['source'])}  {plain(one['text'], 4_000)}"


def place(source: Mapping[str, Any]) -> str:
    """``file:line`` or ``file record N``, harmless."""
    path = plain(str(source["path"]), 400)
    if "line" in source:
        return f"{path}:{source['line']}"
    return f"{path} record {source['record']}" if "record" in source else path


def _pair(label: str, value: object) -> str:
    return f"  {label + ':':<24} {plain(str(value), 1_000) if value not in (None, '', []) else _PACK['not_told']}"


def _wrapped(said: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        said, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _head(data: Mapping[str, Any]) -> Iterator[str]:
    yield _PACK["title"]
    yield _PACK["made"].format(**data["tool"])
    yield ""
    yield _PACK["fails_head"]
    yield _pair(_PACK["verdict"], words.VERDICTS[data["verdict"]])
    yield _pair(_PACK["state"], words.JOIN_STATES[data["join_state"]])
    yield _pair(_PACK["stage"], words.PHASES.get(data["stage"], data["stage"]))
    yield _pair(_PACK["join_type"], data["join_type"] if data["join_type"] != "unknown" else None)
    for number, finding in enumerate(data["findings"], 1):
        yield from _wrapped(f"{finding['title']} ({finding['confidence']})", f"  {number}. ", "     ")
        yield f"     rule {finding['rule']} · {words.HEADINGS['fingerprint'].casefold()} {finding['fingerprint']}"
    for one in data["codes"]:
        known = " ".join(filter(None, (one["name"], f"({one['meaning']})" if one["meaning"] else None)))
        yield _pair(one["code"], known or _PACK["no_name"])


def _identity(data: Mapping[str, Any]) -> Iterator[str]:
    device = data["device"]
    yield ""
    yield _PACK["identity_head"]
    yield _pair(_PACK["tenant_id"], device["tenant_id"])
    yield _pair(_PACK["tenant_name"], device["tenant_name"])
    yield _pair(_PACK["name"], ", ".join(device["names"]))
    yield _pair(_PACK["device_id"], ", ".join(data["device_ids"]))
    yield _pair(_PACK["domain"], device["domain"])
    yield _pair(_PACK["user"], data["user"])
    yield _pair(_PACK["build"], device["os_build"])


def _times(data: Mapping[str, Any]) -> Iterator[str]:
    times = data["times"]
    yield ""
    yield _PACK["times_head"]
    yield _pair(_PACK["as_of"], data["as_of"])
    yield _pair(_PACK["first_seen"], times["first_seen"])
    yield _pair(_PACK["last_seen"], times["last_seen"])
    yield _pair(_PACK["last_good"], times["last_good"])
    if times["log_begins"]:
        yield _pair(_PACK["log_begins"], f"{times['log_begins']['time']} ({times['log_begins']['channel']})")


def _scope(data: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield _PACK["scope_head"]
    for number, one in enumerate(data["scope"], 1):
        yield from _wrapped(one["question"], f"  {number}. ", "     ")
        yield f"     {_BLANK}"
    yield from _wrapped(_PACK["change"], "  ", "  ")
    yield f"     {_BLANK}"


def _attempts(attempts: Sequence[Mapping[str, Any]], left_out: int) -> Iterator[str]:
    yield ""
    yield _PACK["attempts_head"]
    for one in attempts:
        when = one["time"] or _PACK["no_time"]
        if one["time"] and not one["time"].endswith("Z"):
            when += f" {_PACK['local']}"
        codes = ", ".join([*one["codes"], *filter(None, (one["suberror"], one["http_error"]))])
        yield f"  {when}  {one['flow']}, {one['phase'] or '-'}, {one['outcome']}  {plain(codes)}".rstrip()
        if one["repeats"] > 1:
            yield f"      {_PACK['repeats'].format(count=one['repeats'], since=one['since'] or _PACK['no_time'])}"
        for name in (
            "server_code",
            "server_subcode",
            "message",
            "endpoint",
            "http_status",
            "request_id",
            "correlation_id",
        ):
            if one[name]:
                yield f"      {_PACK[name]}: {plain(str(one[name]), 2_000)}"
    if not attempts:
        yield f"  {_PACK['no_attempts']}"
    if left_out:
        yield f"  {_PACK['left_out'].format(count=left_out)}"


def _network(facts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield _PACK["network_head"]
    for one in facts:
        yield f"  {one['name']} = {plain(one['value'])}  ({place(one['source'])})"
    if not facts:
        yield f"  {_PACK['no_network']}"


def _tried(steps: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield _PACK["tried_head"]
    for one in steps:
        yield from _wrapped(f"{words.WHO[one['who']]}: {one['do']}", "  [ ] ", "      ")
        yield f"      {_PACK['tried_blank']}"
    for _ in range(2):
        yield f"  [ ] {_BLANK}"
        yield f"      {_PACK['tried_blank']}"


def _missing(missing: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield _PACK["missing_head"]
    for one in missing:
        yield from _wrapped(f"{plain(one['collect'])} - {plain(one['why'])}", "  - ", "    ")


def _files(files: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in files:
        digest = one["sha256"] or f"({_PACK['no_digest']})".ljust(64)
        yield f"  {digest}  {one['size']:>11,}  {plain(one['path'], 400)}"
