"""Chooses the parsers for an artifact and keeps their errors apart.

A binary log has one parser. Text has many: one pasted ticket may hold an event, its XML and a capture. Text parsers
share a :class:`~troubleshoot.model.Sheet` and run in a fixed order, strictest form first; each leaves alone the lines
that an earlier one has read. What no parser reads becomes a :class:`~troubleshoot.model.Problem`, never silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from importlib import import_module
from types import ModuleType

from troubleshoot import recognise
from troubleshoot.model import (
    Artifact,
    Capture,
    CollectorNote,
    Event,
    Evidence,
    LogSpan,
    Problem,
    Sheet,
    Source,
    Wanted,
)

HEAD = 65_536
TEXT_LIMIT = 64 * 1024 * 1024
"""The largest text that is read whole, in bytes: a hundred times the largest export met."""

TEXT_LINES = 1_000_000
"""The most lines of such a text: lines take memory of their own, short ones twenty times that of their characters."""

_EVTX = b"ElfFile\x00"
_CHUNK = b"ElfChnk\x00"

# In the order they run. The sign of each is asked before its module is imported, since the imports cost more than
# parsing a capture does: one of these texts must stand in the sheet (in any case of letters where `fold` is set).
TEXT_PARSERS: tuple[str, ...] = (
    "statedfacts",
    "collectornotes",
    "cloudtable",
    "cloudjson",
    "cloudlist",
    "syncerrors",
    "regtext",
    "mdmreport",
    "statusjson",
    "tenantpolicy",
    "eventxml",
    "eventjson",
    "eventtable",
    "connectivity",
    "scp",
    "dsregtool",
    "domainlogs",
    "tasks",
    "proxies",
    "nltest",
    "klist",
    "certificates",
    "hostinfo",
    "windowstools",
    "adfsexport",
    "eventtext",
    "cmtrace",
    "dsregdebug",
    "dsregcmd",
    "downlevel",
    "looselines",
)

_STRICTER = TEXT_PARSERS[: TEXT_PARSERS.index("dsregcmd")]
_ONE_CAPTURE = 200_000  # characters; a capture has 10,000, so a longer text holds more than captures

_REST = 8  # lines, at most, that a text read whole leaves over

# Formats this version knows but does not read, so that the reason names them.
_KNOWN: tuple[tuple[bytes, str], ...] = (
    (b"Rar!", "a RAR archive, which this tool does not open: pack it as zip"),
    (b"MZ", "a program"),
    (b"%PDF", "a PDF document: send the text itself"),
    (b"\x89PNG", "a picture: send the text itself"),
    (b"\xff\xd8\xff", "a picture: send the text itself"),
    (b"\xd0\xcf\x11\xe0", "an Office document: send the text itself"),
)


def parse(artifact: Artifact, wanted: Wanted | None) -> Iterator[Evidence | Problem]:
    """All evidence of one artifact, and a Problem for whatever could not be read. Never raises.

    ``wanted``: the event records to decode (None: all).
    """
    if what := recognise.secret_by_name(artifact.name):
        yield Problem(Source(artifact.name), "refused", recognise.refusal(what), 0)
        return
    try:
        with artifact.open() as stream:
            head = stream.read(HEAD)
            if _EVTX in head[:8] or head[4096:4104] == _CHUNK:
                yield from _isolated(artifact.name, lambda: _evtx(artifact, wanted))
                return
            if not head:
                if recognise.is_name_alone(artifact.name):
                    yield CollectorNote("no-data", artifact.name, Source(artifact.name), collector="intune")
                else:
                    yield Problem(Source(artifact.name), "unreadable", "the file is empty", 0)
                return
            if head.startswith(b"regf"):
                if what := recognise.secret_by_content(recognise.text_of(head)):
                    yield Problem(Source(artifact.name), "refused", recognise.refusal(what), 0)
                else:
                    yield from _isolated(artifact.name, lambda: _hive(artifact))
                return
            if reason := unsupported(head):
                yield Problem(Source(artifact.name), "unsupported", f"it is {reason}")
                return
            if artifact.size > TEXT_LIMIT:
                yield Problem(Source(artifact.name), "limit", _too_large(artifact.size))
                return
            data = head + stream.read(TEXT_LIMIT + 1 - len(head)) if len(head) == HEAD else head
    except OSError as error:
        yield Problem(Source(artifact.name), "unreadable", _why(error))
        return
    if len(data) > TEXT_LIMIT:
        yield Problem(Source(artifact.name), "limit", _too_large(len(data)))
        return
    handed = [data]
    del data, head  # 64 MB are not kept twice
    yield from parse_text(artifact.name, handed.pop(), wanted)


_CUT_OUT = "cut out the part around the failure, or send the event log as .evtx"


def _too_large(size: int) -> str:
    return f"a text of {size / 1_048_576:,.0f} MB is over the limit of {TEXT_LIMIT // 1_048_576} MB: {_CUT_OUT}"


def parse_text(name: str, data: bytes, wanted: Wanted | None) -> Iterator[Evidence | Problem]:
    """All evidence in the bytes of a text, whatever mixture of forms it holds."""
    from troubleshoot.decoding import sheet as make_sheet
    from troubleshoot.decoding import without_tokens

    if len(data) > TEXT_LINES and (lines := data.count(b"\n")) > TEXT_LINES:
        yield Problem(
            Source(name), "limit", f"a text of {lines:,} lines is over the limit of {TEXT_LINES:,}: {_CUT_OUT}"
        )
        return
    sheet = make_sheet(name, data)
    del data
    if what := recognise.secret_by_content(sheet.text[:HEAD]):
        yield Problem(Source(name), "refused", recognise.refusal(what), 0)
        return
    if recognise.is_own_report(sheet.text[:HEAD]):
        yield Problem(Source(name), "unsupported", "it is a report of this tool: give the files that it was made from")
        return
    sheet = without_tokens(sheet)
    rest = sheet.text
    if "| Device State " in rest and len(rest) < _ONE_CAPTURE:
        captures, rest = _captures_alone(sheet)
        if captures and not (rest and any(_signs(parser, rest) for parser in _STRICTER)):
            yield from captures
            if rest:
                yield from _isolated(name, lambda: _read(import_module(f"{__name__}.looselines"), sheet, wanted))
            return
        sheet.taken.clear()
        rest = sheet.text
    found = False
    for parser in TEXT_PARSERS:
        if not _signs(parser, rest):
            continue
        module = import_module(f"troubleshoot.parsers.{parser}")
        for one in _isolated(name, lambda module=module: _read(module, sheet, wanted)):  # type: ignore[misc]
            found = True
            yield one
        if found and len(sheet.taken) + _REST >= len(sheet.lines) and _is_read(sheet):
            return
    if not found:
        yield Problem(Source(name), "unsupported", _nothing_in(sheet))


def _is_read(sheet: Sheet) -> bool:
    """Are all lines read but blank ones and brackets, so that no other parser need be asked?"""
    rest = (line for number, line in enumerate(sheet.lines) if number not in sheet.taken)
    return not any(line.strip("[]{}, \t") for line in rest)


def _captures_alone(sheet: Sheet) -> tuple[list[Capture], str]:
    """The captures of a text that may hold nothing else, and what of it is none of what dsregcmd prints.

    Most texts are one clean capture: reading it first leaves a line or two to ask the stricter parsers about.
    """
    from troubleshoot.parsers import dsregcmd

    try:
        return dsregcmd.read_apart(sheet)
    except Exception:  # the reading by all parsers meets it again, and names it
        return [], ""


def _read(module: ModuleType, sheet: Sheet, wanted: Wanted | None) -> Iterator[Evidence | Problem]:
    if not module.looks_like(sheet):
        return
    if not module.__name__.rpartition(".")[2].startswith("event"):
        yield from module.read(sheet)
        return
    from troubleshoot.parsers.eventrecord import is_wanted

    reach = _Reach(sheet.name)
    for one in module.read(sheet, None):
        if isinstance(one, Event):
            kept = is_wanted(one.provider, one.id, wanted)
            reach.add(one, kept)
            if not kept:
                continue
        elif isinstance(one, Problem):
            reach.lost += one.lost or 0
        yield one
    yield from reach.spans()


class _Reach:
    """How far the logs in one text reach: an export of a log tells what it did not hold as well as what it held."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = 0
        self.found: dict[str | None, tuple[datetime | None, datetime | None, int, int]] = {}

    def add(self, event: Event, kept: bool) -> None:
        first, last, count, skipped = self.found.get(event.channel, (None, None, 0, 0))
        if event.time is not None and event.time.tzinfo is not None:
            first = event.time if first is None or event.time < first else first
            last = event.time if last is None or event.time > last else last
        self.found[event.channel] = (first, last, count + 1, skipped + (not kept))

    def spans(self) -> Iterator[LogSpan]:
        for channel, (first, last, count, skipped) in self.found.items():
            yield LogSpan(channel, first, last, count, self.lost, Source(self.name, None, None, channel), skipped)


def _isolated(name: str, run: Callable[[], Iterator[Evidence | Problem]]) -> Iterator[Evidence | Problem]:
    """The parser's results; an exception becomes a Problem, and what came before it is kept."""
    try:
        yield from run()
    except RecursionError:
        yield Problem(Source(name), "damaged", "the text is nested too deeply")
    except Exception as error:
        yield Problem(Source(name), "damaged", f"reading stopped: {type(error).__name__}: {str(error)[:200]}")


def _evtx(artifact: Artifact, wanted: Wanted | None) -> Iterator[Evidence | Problem]:
    from troubleshoot.parsers import evtx

    yield from evtx.read(artifact, wanted)


def _hive(artifact: Artifact) -> Iterator[Evidence | Problem]:
    from troubleshoot.parsers import hive

    yield from hive.read(artifact)


# UTF-16 text has NULs in every other byte; control characters beyond those of text mean no text at all.
_CONTROL = bytes((*range(1, 7), *range(14, 27)))

# What must stand in the text for a parser to find anything; a parser that is not named here decides for itself.
_NEEDS: dict[str, tuple[str, ...]] = {
    "collectornotes": (
        *("Data collection st", "Authentication Script", "DSRegTool ", "TSS"),
        *(
            "registry key or value",
            "Registrierung",
            "registre",
            "Registre",
            "egistro",
            "レジストリ",
            "реестр",
            "注册表",
        ),
    ),
    "statedfacts": ("roubleshoot facts", "roubleshoot Facts", "ROUBLESHOOT FACTS"),
    "cloudtable": (
        *("joinType", "rustType", "ccountEnabled", "HybridJoinCertsCount", "ObjectGUID", "Sign-in error code"),
        *(
            "Activity,",
            "Activity;",
            'Activity"',
            "activityDisplayName",
            "ActivityDisplayName",
            "errorCode",
            "ErrorCode",
        ),
    ),
    "cloudjson": (
        *('rustType"', 'ccountEnabled"', 'rrorCode"', 'ctivityDisplayName"', '"DistinguishedName"'),
        *("Request_ResourceNotFound", "$metadata#devices", "HybridJoinCertsCount"),
    ),
    "mdmreport": ("<Collection", "<MDMEnterpriseDiagnosticsReport"),
    "statusjson": ('"CloudAssignedDomainJoinMethod"', '"MdmDiagVersion"', '"formattedMessage"'),
    "syncerrors": ("LargeObject", "provisioned object is too large"),
    "cloudlist": ("DistinguishedName", "TrustType", "AccountEnabled"),
    "regtext": ("Windows Registry Editor", "REGEDIT4", "HKEY_"),
    "eventxml": ("<Event", "&lt;Event", "<event"),
    "eventjson": ('"Event', '"event', '"ProviderName', '"winlog', '"system'),
    "eventtable": (
        '"Id"',
        ",Id",
        ";Id",
        "\tId",
        "Id,",
        "Id;",
        "Event ID",
        "EventID",
        "EventId",
        "eignis-ID",
        "nement",
        "ID evento",
        ",id",
    ),
    "cmtrace": (
        *("<![LOG[", "$$<", " (0x", "Z\t[", "Z [", ".log", "xistence", "nrollment t", "nrollment f", "unexpected v"),
        *("already enrolled", "o-management", "orkload settings", "nrolling device"),
    ),
    "eventtext": (
        *(
            "vent",
            "VENT",
            "Automatic ",
            "utomatic registration",
            "operation c",
            "Enroll: ",
            "plugin",
            " response error",
        ),
        *("transport error", "ealm ", "Windows Hello for", "Workstation Service", "cloud domain joined", "rror: 0x"),
        *("join request", "accessing registry", "join operation", "oken operation", "enrollment type", "ProviderName"),
    ),
    "connectivity": ("Connection to ", "TcpTestSucceeded", "to port 443 on host"),
    "scp": ("azureAD", "setting for SCP", "Service Connection Point is", "to read Service Connection"),
    "dsregtool": ("] [INFO] ", "] [WARN] ", "] [ERROR] "),
    "domainlogs": ("Netp", "[CRITICAL] ", "[SESSION] "),
    "tasks": ("\\Workplace Join", "\\EnterpriseMgmt"),
    "proxies": (" WinHTTP", "Proxy Enabled :", "NO_PROXY", "AUTODETECT", "AUTOSCRIPT", "MANUAL_PROXY"),
    "nltest": (": \\\\", " 0x0 NERR_", " ERROR_NO_", " = 5 0x5", " ERROR_", " RPC_S_", " DNS_ERROR"),
    "klist": (" 0:0x", "TGT available:"),
    "certificates": ("MS-Organization-Access", 'my "', 'My "', 'MY "'),
    "hostinfo": (
        "Microsoft Windows [",
        "Microsoft Windows NT",
        "Microsoft Windows ",
        "CurrentBuild",
        "UserCertificate c",
        "S-1-1-0",
    ),
    "tenantpolicy": ("zureADRegistration",),
    "windowstools": ("-TPM ", ", +", ", -", "s o:", "Filter state:", "oadstate", "OADSTATE"),
    "adfsexport": ("/windowstransport", "llowedAuthenticationClassReferences"),
    "downlevel": ("orkplace Join for", "utoworkplace", "utoWorkplace", "HotFixID", "]: KB"),
    "dsregdebug": ("::", "preCheck", "DSREGCMD_", "Accounts", "Default account", "isDcAvailable"),
}


def _signs(parser: str, text: str) -> bool:
    """A cheap necessary condition for a parser, so that its module is only imported where it may be needed."""
    needs = _NEEDS.get(parser)
    return needs is None or any(sign in text for sign in needs)


def unsupported(head: bytes) -> str | None:
    """What a file is that no parser reads, by its first bytes, as words behind "it is"; None for what may be a text."""
    for magic, words in _KNOWN:
        if head.startswith(magic):
            return words
    sample = head[:4096]
    control = len(sample) - len(sample.translate(None, _CONTROL))
    return "no text and no event log" if control > max(8, len(sample) // 50) else None


def _nothing_in(sheet: Sheet) -> str:
    if not sheet.text.strip():
        return "the file holds only blanks"
    return "it holds no dsregcmd output, no events and no log lines that this tool knows"


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return error.strerror or type(error).__name__


__all__ = ["TEXT_LIMIT", "LogSpan", "parse", "parse_text"]
