"""All public data types: evidence, cases, findings, reports. Plain data, no logic beyond look-ups.

Times are :class:`datetime.datetime`. An aware one is an instant (kept in UTC); a naive one is a wall-clock time
whose zone the evidence does not tell (Event Viewer text and CSV print local time). A naive time settles nothing:
compare with :mod:`troubleshoot.times`, never with ``<`` directly.

All are named tuples: making one costs a third of making a frozen dataclass, and declaring thirty of them at start-up a
quarter. None is ever taken apart by position.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import BinaryIO, NamedTuple, TypeAlias

_NOTHING: Mapping[str, "Source"] = MappingProxyType({})

Wanted: TypeAlias = Mapping[str, frozenset[int] | None]
"""Which event records to decode: provider name as records print it -> event ids, or None for every id of that provider.

Where a function takes ``Wanted | None``, None means: every record of every provider.
"""


# --------------------------------------------------------------------------------------------------- evidence


class Source(NamedTuple):
    """Where a piece of evidence stands: ``outer.zip/inner.cab/file.txt`` and the line (from 1) or the record."""

    path: str
    line: int | None = None
    record: int | None = None
    channel: str | None = None


class Field(NamedTuple):
    """One ``label : value`` of a capture.

    ``section`` is the title as printed (``Work Account 2``), None when none was printed. ``label`` and ``text`` are
    as printed. ``name`` is the name rules use (``data/dsreg_labels.yaml``), None for a label the table lacks.
    ``absence`` tells why there is no value, else None: ``empty``, ``skipped``, ``not-set``, ``unknown``,
    ``not-tested``, ``undefined``, ``none``, ``not-run`` (needs elevation), ``masked`` (``xxxx``, ``[REDACTED]``),
    ``cut`` (the text ends inside the value).
    """

    section: str | None
    label: str
    name: str | None
    text: str
    absence: str | None
    line: int

    @property
    def value(self) -> str | None:
        """The text, or None when it is one of the ways to say "no value"."""
        return None if self.absence else self.text


class Event(NamedTuple):
    """One record of a Windows event log, whatever it was exported to.

    ``level`` is a word (Critical, Error, Warning, Information, Verbose) or None. ``data`` holds the values of
    EventData and UserData by name, as printed; unnamed ones are ``Data1``, ``Data2`` ... ``text`` is the rendered
    message when the export has one. ``user`` is the SID or name in <Security>. ``activity`` is the correlation
    activity id (lower case, no braces). ``time_text`` is the time as printed, where it was not ISO in UTC.
    """

    provider: str
    id: int
    channel: str | None
    time: datetime | None
    level: str | None
    record: int | None
    computer: str | None
    data: Mapping[str, str]
    text: str | None
    source: Source
    user: str | None = None
    activity: str | None = None
    time_text: str | None = None


class Account(NamedTuple):
    """Who ran a command or owns a token. ``kind``: system, domain, entra, local or unknown."""

    name: str | None
    kind: str
    sid: str | None = None
    upn: str | None = None


class Capture(NamedTuple):
    """One run of dsregcmd, or of another command that prints labelled values.

    ``kind``: ``dsregcmd`` (/status), ``join-debug`` (/join /debug and the like), ``accounts`` (/listaccounts ...).
    ``time`` is the capture's own time (Client Time), None where it prints none. ``sections`` maps each printed
    section title to True when it was read to its end, False when it was cut off. ``named`` holds the fields by
    rule name: for a name that stands more than once, the first. ``build_at_least`` is the lowest Windows build that prints what
    was printed (None: cannot tell).
    """

    kind: str
    source: Source
    time: datetime | None
    account: Account | None
    elevated: bool | None
    fields: tuple[Field, ...]
    sections: Mapping[str, bool]
    named: Mapping[str, Field]
    build_at_least: int | None = None


class RegistryValue(NamedTuple):
    """One registry value; ``key`` starts with HKLM, HKCU or HKU. ``type`` is REG_SZ and so on."""

    key: str
    name: str
    type: str
    value: str | int | None
    source: Source


class LogLine(NamedTuple):
    """One line of a text log (ConfigMgr, debug output, VM extension)."""

    component: str
    time: datetime | None
    text: str
    source: Source
    thread: str | None = None
    time_text: str | None = None


class Fact(NamedTuple):
    """A named fact of the vocabulary (``proxy.winhttp``), with the evidence line it was read from.

    ``text`` is that line (or the record in one line), for the proof; None where another kind of evidence holds it.
    """

    name: str
    value: str
    source: Source
    time: datetime | None = None
    account: Account | None = None
    text: str | None = None


class CloudObject(NamedTuple):
    """One row of an export of Microsoft Entra, Active Directory or Entra Connect; most rows are of other devices.

    ``kind``: device (an Entra device object), computer (an AD computer object), certificate-report (a row of Connect's
    hybrid join report), sign-in, audit, user-audit (a user's sign-in name was changed), or listing (what one export holds
    as a whole). ``device_id`` is the deviceId, which is the objectGUID of a hybrid device's AD object, in lower case; None
    where the row has none. ``values`` are texts as printed, by the property names of ``data/cloud_names.yaml``. ``time`` is
    that of the row (sign-in, audit) or the newest one in the export (listing).
    """

    kind: str
    device_id: str | None
    name: str | None
    values: Mapping[str, str]
    source: Source
    time: datetime | None = None


class LogSpan(NamedTuple):
    """How far one collected log reaches. ``first`` and ``last`` are None for an empty log.

    ``computer``: whose log it is, where none of its records was kept that would tell it.
    """

    channel: str | None
    first: datetime | None
    last: datetime | None
    records: int
    lost: int
    source: Source
    skipped: int = 0
    computer: str | None = None


class CollectorNote(NamedTuple):
    """What a collector says of itself, or of what it did not find.

    ``kind``: version, started, stopped (with ``time``), utc-offset (``+01:00``), time-zone (the offset of its winter),
    no-key (the error text of a registry query), no-data (an empty file whose name, ``value``, says what gave nothing),
    computers (the file gathers records of many computers; ``value`` says which kind of file does).
    ``collector``: the id of ``data/collectors.yaml``, where the note tells.
    """

    kind: str
    value: str
    source: Source
    time: datetime | None = None
    collector: str | None = None


class Row(NamedTuple):
    """One row of a table of many devices, or one file or part of a collection from many: whose it is, and what it is worth.

    ``source.path`` names the table and the row (``export.csv/row 4``, counted as a spreadsheet counts). ``channel`` is the id of
    ``data/fleet_channels.yaml``, ``title`` its name. ``outcome``: evidence, words (only what the collector concluded, which proves
    no cause), cut (nothing of use is left), error (text of an error of the collection), empty, damaged; with its ``reason`` where it
    is not evidence, or what columns of errors say beside the evidence. ``time`` is when the channel got it, from the column
    ``time_origin`` (or the output's own Client Time).
    ``account`` ran the command, as far as the channel tells. ``cut``: none, head, tail, both, fields, unknown. ``said`` holds the
    collector's words by column, and the values that tell the state. ``superseded``: a newer row of the device decides.
    """

    source: Source
    number: int
    channel: str
    title: str
    outcome: str
    device: str | None = None
    device_id: str | None = None
    time: datetime | None = None
    time_origin: str | None = None
    account: Account | None = None
    cut: str = "unknown"
    reason: str | None = None
    said: Mapping[str, str] = MappingProxyType({})
    rows: int = 1
    superseded: bool = False


class Problem(NamedTuple):
    """Something that could not be read. ``kind``: unreadable, damaged, unsupported, refused, limit.

    ``lost`` is the number of records that are missing because of it, None when that cannot be told.
    """

    source: Source
    kind: str
    message: str
    lost: int | None = None


Evidence: TypeAlias = Capture | Event | RegistryValue | LogLine | Fact | CloudObject | LogSpan | CollectorNote | Row
"""What a parser may yield, besides :class:`Problem`."""


class Part(NamedTuple):
    """What one file of the input gave: its path, and the evidence in the order it was read; nothing where it was not."""

    name: str
    found: tuple[Evidence | Problem, ...]


class Artifact(NamedTuple):
    """One thing to read: a file, an archive member, standard input. ``name`` is the path shown to the user.

    ``path`` is the real file when there is one (the event log reader maps it into memory), else None.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]
    path: str | None = None


class Sheet:
    """Decoded text of one artifact, shared by the text parsers. Mutable on purpose: a parser adds the lines it has
    read (counted from 0) to ``taken`` and the next parser leaves those alone."""

    __slots__ = ("encoding", "lines", "name", "taken", "text")

    def __init__(
        self, name: str, text: str, lines: list[str], taken: set[int] | None = None, encoding: str = "utf-8"
    ) -> None:
        self.name = name
        self.text = text
        self.lines = lines
        self.taken: set[int] = set() if taken is None else taken
        self.encoding = encoding


# --------------------------------------------------------------------------------------------- attempts, case


class Attempt(NamedTuple):
    """One try to join, or to get a token, rebuilt from every source that tells of it.

    ``flow``: join, prt, enterprise-prt, broker, hello, mdm, comanagement, sync, registered, vm. ``phase`` is the phase where
    it stopped (precheck, discover, auth, join, prt, hello, mdm ...). ``outcome``: failed, succeeded. ``codes`` are
    normalised (:mod:`troubleshoot.codes`), the main one first. ``printed`` names the properties that at least one of
    its sources could print: a property outside it is unknown, one inside it that is None is absent. ``endpoint`` is
    the address that refused or was not reached. ``events`` are its records. ``repeats`` counts the like attempts that
    this one stands for, ``since`` is the first of them.
    """

    flow: str
    time: datetime | None
    phase: str | None
    outcome: str
    codes: tuple[str, ...] = ()
    suberror: str | None = None
    server_code: str | None = None
    server_subcode: str | None = None
    operation: str | None = None
    message: str | None = None
    registration: str | None = None
    tenant_type: str | None = None
    http_status: str | None = None
    http_error: str | None = None
    endpoint: str | None = None
    user: str | None = None
    account: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None
    sources: tuple[Source, ...] = ()
    events: tuple[Event, ...] = ()
    printed: frozenset[str] = frozenset()
    proof: Mapping[str, Source] = _NOTHING
    repeats: int = 1
    since: datetime | None = None


class Device(NamedTuple):
    """Who this is, as far as the evidence tells. ``names`` holds every computer name met, newest first."""

    name: str | None = None
    names: tuple[str, ...] = ()
    domain: str | None = None
    device_id: str | None = None
    tenant_id: str | None = None
    tenant_name: str | None = None
    os_build: str | None = None


class Collected(NamedTuple):
    """Who made the input, as far as its names and the collectors' notes tell (:mod:`troubleshoot.collectors`).

    ``ids`` are those of ``data/collectors.yaml``, ``title`` names them. ``started`` and ``stopped`` are in UTC: between them
    the failure was made again; ``stopped`` is None where the collection was never stopped. ``utc_offset`` is that of the
    device (``+01:00``). ``missing`` maps evidence that they gather, but that is not in the input, to the file it would stand
    in. ``never`` holds the titles of what they do not gather. ``cleared``: the channels (lower case) emptied at the start.
    """

    ids: tuple[str, ...]
    title: str
    version: str | None = None
    started: datetime | None = None
    stopped: datetime | None = None
    utc_offset: str | None = None
    unfinished: bool = False
    missing: Mapping[str, str] = MappingProxyType({})
    never: tuple[str, ...] = ()
    cleared: frozenset[str] = frozenset()


class Clock(NamedTuple):
    """The device's own clock: its ``offset`` from UTC (``+01:00``) when the evidence was collected, and what tells it."""

    offset: str
    source: Source


class FileRead(NamedTuple):
    """One file that gave evidence besides captures and event records. ``kind``: a key of :data:`words.FILES`.

    ``items``: its values, lines, facts or rows (of an export, those of all devices). ``components``: whose lines a log holds.
    """

    path: str
    kind: str
    items: int
    components: tuple[str, ...] = ()


class Coverage(NamedTuple):
    """What was collected: by what, kinds of evidence, logs with their reach, captures with their context.

    ``clock``: the device's own, None where nothing tells its offset.
    ``evidence``: everything else that was read of the device, for forms that show it; records newest first.
    """

    collected: Collected | None
    kinds: tuple[str, ...]
    logs: tuple[LogSpan, ...]
    captures: tuple[Capture, ...]
    rows: tuple[Row, ...] = ()
    files: tuple[FileRead, ...] = ()
    clock: Clock | None = None
    evidence: tuple[Event | RegistryValue | LogLine | Fact | CloudObject, ...] = ()

    @property
    def offset(self) -> str | None:
        """The offset of the device's clock (``+01:00``)."""
        return self.clock.offset if self.clock else None

    @property
    def collector(self) -> str | None:
        """The name of the collector; None for what was put together by hand."""
        return self.collected.title if self.collected else None


# ------------------------------------------------------------------------------------------------------ report


class Proof(NamedTuple):
    """One line of evidence under a finding: where it stands and what it says."""

    source: Source
    text: str


class FixStep(NamedTuple):
    """One step. ``who``: helpdesk, ad-admin, entra-admin, network, user. ``run_as``: the JSON form's ``as``."""

    do: str
    who: str
    where: str | None = None
    run_as: str | None = None
    run: str | None = None
    expect: str | None = None
    undo: str | None = None


class Finding(NamedTuple):
    """One rule that matched. ``severity``: error, warning, info. ``confidence``: certain, likely, possible.

    ``settle`` is the one thing to collect that would show whether it is really the cause; None for a certain one, and where
    nothing that can be collected would. ``reason`` says why a benign finding is harmless, or what settled a resolved one.
    ``time`` is that of the newest evidence. ``catch_all`` findings name a symptom and explain no code.
    """

    rule: str
    title: str
    phase: str
    severity: str
    confidence: str
    covers: tuple[str, ...]
    codes: tuple[str, ...]
    user: str | None
    cause: str
    wait: str | None
    avoid: tuple[str, ...]
    fingerprint: str
    fix: tuple[FixStep, ...]
    benign_when: tuple[str, ...]
    references: tuple[str, ...]
    evidence: tuple[Proof, ...]
    symptoms: tuple["Finding", ...] = ()
    not_ruled_out: tuple[str, ...] = ()
    reason: str | None = None
    time: datetime | None = None
    catch_all: bool = False
    settle: str | None = None


class UnexplainedCode(NamedTuple):
    """A code of the evidence that no finding explains, with what the tables know of it."""

    code: str
    name: str | None
    meaning: str | None
    source: Source


class NotChecked(NamedTuple):
    """What to collect, why, and which rules that would decide."""

    collect: str
    why: str
    rules: tuple[str, ...]


class Report(NamedTuple):
    """The judgement of one device; rendered by :mod:`troubleshoot.report`. Field meanings: the README's JSON form."""

    device: Device
    as_of: datetime | None
    join_state: str
    domain_type: str
    verdict: str
    summary: str
    findings: tuple[Finding, ...]
    resolved: tuple[Finding, ...]
    benign: tuple[Finding, ...]
    unexplained_codes: tuple[UnexplainedCode, ...]
    not_checked: tuple[NotChecked, ...]
    attempts: tuple[Attempt, ...]
    coverage: Coverage
    problems: tuple[Problem, ...]
    replaced_rules: tuple[str, ...] = ()


class Unread(NamedTuple):
    """An input path that gave nothing, and why, in one line. ``kind`` and ``lost``: as those of :class:`Problem`.

    ``refused`` with nothing lost: a file that can hold tokens or keys, and should not have been collected. ``row``: the row of a
    table that this is, where it is one.
    """

    path: str
    reason: str
    kind: str = "unreadable"
    lost: int | None = None
    row: Row | None = None


class TableRead(NamedTuple):
    """A table of many devices that was read: ``rows`` of it, all of them counted by outcome in ``outcomes`` (:class:`Row`).

    ``channel`` is the id of ``data/fleet_channels.yaml``, ``title`` its name. ``columns``: what was found (text, device, time,
    error, ``labels``: state in columns of its own) to the names of the columns. ``notes``: what had to be guessed, or could not be.
    """

    path: str
    channel: str
    title: str
    rows: int
    outcomes: Mapping[str, int]
    devices: int
    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()


class Result(NamedTuple):
    """What one call gives: a report per device, and the inputs that gave none.

    ``redacted``: how many values of each kind stand as pseudonyms, None where nothing was replaced on purpose.
    """

    reports: tuple[Report, ...]
    unread: tuple[Unread, ...]
    rules_version: str = ""
    redacted: Mapping[str, int] | None = None
    tables: tuple[TableRead, ...] = ()
