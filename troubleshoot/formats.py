"""What can be read, and how it is recognised: the table that ``troubleshoot formats`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from troubleshoot import recognise
from troubleshoot.containers.limits import HELP
from troubleshoot.parsers import TEXT_LIMIT, TEXT_LINES
from troubleshoot.tables import DATA

_ROWS: tuple[tuple[str, str], ...] = (
    ("Windows event log (.evtx)", "begins with ElfFile, or holds chunks behind a damaged header"),
    ("registry hives (SYSTEM, SOFTWARE, DEFAULT, NTUSER.DAT)", "begins with regf; the keys right below its root"),
    ("stated facts", "a first line `troubleshoot facts`, then name = value lines for what no log holds"),
    (
        "registry exports",
        "Windows Registry Editor or REGEDIT4 (any file ending), keys and values as reg query prints them",
    ),
    (
        "tables of Entra, AD and Connect",
        "a header row of a devices, sign-ins or audit download, Get-MgDevice, Get-ADComputer, Connect's report",
    ),
    (
        "JSON of Microsoft Graph",
        "devices, sign-ins and audit rows: pages, value arrays, bare arrays, objects of PowerShell",
    ),
    ("lists of devices and computers", "Format-List of Get-MgDevice, Get-EntraDevice, Get-ADComputer"),
    ("export errors of Entra Connect", "LargeObject, or its sentence"),
    ("Intune results.xml, MDMDiagReport.xml", "<Collection HRESULT=...>, <MDMEnterpriseDiagnosticsReport>"),
    ("Autopilot profile, VM extension status", "JSON with CloudAssignedDomainJoinMethod, or with formattedMessage"),
    ("event XML", "<Event> elements: rooted, rootless, one a record, pasted, escaped, cut off"),
    ("event JSON", "evtx_dump lines and records, ConvertTo-Json, flat and nested shapes of other tools"),
    ("event tables", "a header row with time, event id and source: Event Viewer CSV and tabs, Export-Csv"),
    ("event text", "Log Name / Source / Event ID lines, Format-List, or the words of a known message"),
    ("ConfigMgr and VM-extension logs", "<![LOG[ ... ]LOG]!>, $$< ... >, columns copied from CMTrace, [Level]: lines"),
    ("connectivity scripts", "Connection to HOST .... Succeeded., TcpTestSucceeded, connect to port 443 on host"),
    ("service connection points", "azureADId: and azureADName: keywords, DSRegTool's sentences"),
    ("DSRegTool.log", "[time] [LEVEL] lines in UTC; each verdict by an exact-text table (versions 3 and 4)"),
    ("NetSetup.LOG, netlogon.log", "their stamps; the lines that failed"),
    ("scheduled tasks", "schtasks as table, wide table, list, CSV or XML, Get-ScheduledTask; any language"),
    ("netsh winhttp, bitsadmin, WinINet", "the heading that names WinHTTP; NO_PROXY and the like; DSRegTool's summary"),
    ("nltest", "\\\\DC above its address, Status = n 0xn lines"),
    ("klist", "logon ids 0:0x..., (n) tickets, krbtgt/; klist cloud_debug"),
    (
        "tpmtool, w32tm, uwfmgr, USMT",
        "-TPM Version:, samples of w32tm /stripchart, Filter state:, paths of loadstate.log",
    ),
    (
        "Get-AdfsEndpoint, Get-AdfsRelyingPartyTrust",
        "lists that hold /windowstransport or the trust of Microsoft's federation",
    ),
    ("device registration policy", "Graph's policies/deviceRegistrationPolicy, whichever version"),
    ("certutil, Get-ChildItem Cert:", "blocks of certificates issued by MS-Organization-Access; any language"),
    (
        "systeminfo, ver, whoami, DeviceInfo.txt",
        "the row that repeats its build; SIDs; DSRegTool's summary of the device",
    ),
    ("dsregcmd /join /debug, /listaccounts ...", "preCheckResult, Class::Function traces, account lists"),
    ("dsregcmd /status", "its section titles and labels, from Windows 10 1511 to today, however they were pasted"),
    ("Windows 7 and 8.1", "the window of autoworkplace.exe under its title, and lists of installed updates"),
    ("anything else in a pasted text", "lines that hold an error code are kept and explained"),
)


def table() -> str:
    """The table as text, with the limits that apply."""
    width = max(len(name) for name, _ in _ROWS)
    lines = ["Content decides, file names do not matter. Text parsers run in this order, each on what is left:", ""]
    lines += [f"  {name:<{width}}  {how}" for name, how in _ROWS]
    lines += [
        "",
        f"Texts up to {TEXT_LIMIT // 1_048_576} MB or {TEXT_LINES:,} lines, event logs of any size. UTF-8, UTF-16 with and without",
        "mark, code pages 1252, 1250, 1251, 850, 852, 866 and 932, and mixtures of them.",
        "",
        "Archives are opened, one inside the other, whatever their names: zip (also cut off or without directory), cab (stored,",
        "MSZIP, LZX), 7z (LZMA, LZMA2, Deflate, BZip2, zstd), tar, gzip, bzip2, xz and zstd.",
        *wrap(HELP, 120),
        "",
    ]
    return "\n".join(lines + _files())


def _files() -> list[str]:
    """The files of collectors: kind by kind, how its content and its names are known."""
    known = recognise.table()
    lines = [
        f"Files are known by content ({len(known.content)} signatures), where it has no signature by name ({len(known.names)} patterns,",
        "the first that fits counts; here the first sample of each, who writes it, in which encoding, and what it shows).",
    ]
    for kind, about in known.kinds.items():
        signed = any(row["kind"] == kind for row in known.content)
        lines += ["", f"{about.title} [{kind}]: {_DONE[about.read]}{', known by content' if signed else ''}"]
        for row in known.names:
            if row["kind"] == kind:
                lines.append("  " + _name_row(row))
    return lines


_DONE = {
    "parse": "read",
    "skip": "not needed, read only where the content is of another kind",
    "leave": "not opened",
    "open": "opened",
    "name": "the name is the evidence",
    "never": "never read, and named in the report as what should not have been collected",
}


def _name_row(row: Mapping[str, Any]) -> str:
    parts = [", ".join(row.get("collectors", ())), row.get("encoding", "any encoding")]
    parts += [row.get(key, "") for key in ("run", "account", "channel", "note")]
    return f"{row['samples'][0]}  ({'; '.join(filter(None, parts))})"


def as_json() -> bytes:
    """The table of files as JSON: ``kinds``, ``content`` and ``names`` of ``data/recognise.yaml``."""
    return (DATA / "recognise.json").read_bytes()
