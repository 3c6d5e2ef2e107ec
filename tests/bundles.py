"""Bundles as the collectors write them, with invented names: made from the project's own table and from short texts.

A bundle is a list of :class:`Member`. :func:`bundle` makes that of one collector for one machine, :func:`of_table` one
member for every sample of the table; :func:`shapes` are the ways in which people send one.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from layouts import LAYOUTS

from tools.evtx_writer import EvtxWriter, Record
from tools.hive_samples import config
from tools.hive_writer import hive as raw_hive
from tools.make_samples import DEVICE, GONE, NOW, TENANT, dsregcmd, failed, tests
from troubleshoot import recognise

UDR = "Microsoft-Windows-User Device Registration"
AAD = "Microsoft-Windows-AAD"
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQifQ.c2lnbmF0dXJl"


class Machine(NamedTuple):
    """An invented device."""

    host: str = "WKS-0427"
    device_id: str = DEVICE
    joined: bool = False
    tenant: str = TENANT
    at: datetime = NOW


WKS = Machine()


class Member(NamedTuple):
    """One file of a bundle: path inside it, the kind it is, its bytes."""

    path: str
    kind: str
    data: bytes


# ------------------------------------------------------------------------------------------------------------- texts


def status(machine: Machine, user: str | None = None) -> str:
    """``dsregcmd /status``: healthy where joined, else an object that directory sync has not brought."""
    refused = failed("join", "0x801c03f2", "sync", error="DirectoryError", message=GONE, status="400")
    text = dsregcmd(machine.joined, host=machine.host, user=user, diagnosis=[*tests(), *refused])
    text = text.replace(DEVICE, machine.device_id).replace(TENANT, machine.tenant)
    return text.replace(f"Client Time : {NOW:%Y-%m-%d %H:%M:%S}", f"Client Time : {machine.at:%Y-%m-%d %H:%M:%S}")


def debug(machine: Machine) -> str:
    """``dsregcmd /status /debug``."""
    return f"DsrCmdJoinHelper::Status: started on {machine.host}\n" + status(machine)


def event_log(channel: str, machine: Machine, numbers: Sequence[int] = (1,), computers: Sequence[str] = ()) -> bytes:
    """A small .evtx of the channel, one record for each of ``numbers``, by default all of the machine."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.evtx"
        with EvtxWriter(path) as log:
            for at, number in enumerate(numbers):
                computer = computers[at] if computers else f"{machine.host}.corp.example"
                moment = machine.at - timedelta(minutes=len(numbers) - at)
                log.add(Record(channel.partition("/")[0], number, moment, channel, computer))
        return path.read_bytes()


def script_info(version: str = "6.3", start: datetime = NOW, hours: int = 1) -> str:
    """``script-info.txt`` of the authentication scripts; the device is ``hours`` east of UTC."""
    stop = start + timedelta(minutes=6, seconds=45)

    def both(moment: datetime) -> str:
        local = moment + timedelta(hours=hours)
        zone = f"UTC{'+' if hours >= 0 else '-'}{abs(hours):02}:00"
        return (
            f"    {local:%Y/%m/%d %H:%M:%S} {zone} (local time on computer data was collected)\n"
            f"    {moment:%Y/%m/%d %H:%M:%S} UTC\n"
        )

    return (
        f"Microsoft CSS Authentication Script version {version}\nArguments passed: vAuth\n"
        f"Data collection started on\n{both(start)}Data collection stopped on\n{both(stop)}"
    )


REG = 'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft]\n"Set"=dword:00000001\n'
QUERY = "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\n    Note    REG_SZ    text\n"
NO_KEY = "ERROR: The system was unable to find the specified registry key or value.\n"
LOG = '<![LOG[Device is not provisioned]LOG]!><time="09:41:03.218-060" date="03-04-2026" component="CoManagementHandler" context="" type="1" thread="7316" file="comgmtagent.cpp:1042">\n'
EVENT = f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{UDR}'/><EventID>306</EventID><TimeCreated SystemTime='2026-03-04T08:18:22.1180043Z'/><EventRecordID>511</EventRecordID><Channel>{UDR}/Admin</Channel><Computer>WKS-0427.corp.example</Computer></System><EventData/></Event>"
CERTUTIL = 'my "Personal"\n================ Certificate 0 ================\nSerial Number: 5d0f\nIssuer: CN=MS-Organization-Access, DC=windows, DC=net\nSubject: CN=22222222-3333-4444-5555-666666666666\n'
TASKS = "Folder: \\Microsoft\\Windows\\Workplace Join\nHostName:      WKS-0427\nTaskName:      \\Microsoft\\Windows\\Workplace Join\\Automatic-Device-Join\nStatus:        Ready\nLast Result:   0\n"

# A text of each kind that has one form only.
TEXTS: Mapping[str, str] = {
    "event-xml": EVENT,
    "event-text": f"Event[0]\n  Log Name: {UDR}/Admin\n  Source: {UDR}\n  Date: 2026-03-04T08:18:22.1180000Z\n  Event ID: 306\n  Level: Information\n  Computer: WKS-0427\n  Description: \nAutomatic registration succeeded.\n",
    "event-csv": f"Level,Date and Time,Source,Event ID,Task Category\nInformation,3/4/2026 9:18:22 AM,{UDR},306,None,Automatic registration succeeded.\n",
    "event-json-or-clixml": f'[{{"Id":306,"ProviderName":"{UDR}","TimeCreated":"2026-03-04T09:18:22+01:00","LogName":"{UDR}/Admin","RecordId":511}}]',
    "reg-export": REG,
    "reg-query": QUERY,
    "cmtrace": LOG,
    "registry-json": '{"ComputerName":"WKS-0427"}',
    "connectivity": "[2026-03-04 08:16:13.842] [INFO] Connection to login.microsoftonline.com .............. Succeeded.\n",
    "dsregtool-log": "[2026-03-04 08:16:13.842] [INFO] Test passed: device is joined\n",
    "collector-report": "<html><body>autoWorkplaceJoin</body></html>",
    "scp": "azureADId:11111111-2222-3333-4444-555555555555\nazureADName:contoso.com\n",
    "device-info": "Device Name: WKS-0427\nObject GUID: 22222222-3333-4444-5555-666666666666\n",
    "proxy": "Current WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n",
    "nltest": "           DC: \\\\DC03.corp.example\n      Address: \\\\10.44.7.12\n Dom Name: corp.example\n",
    "klist": "Current LogonId is 0:0x3e7\n\nCached Tickets: (1)\n\n#0>\tClient: wks-0427$ @ CORP.EXAMPLE\n\tServer: krbtgt/CORP.EXAMPLE @ CORP.EXAMPLE\n",
    "certs": CERTUTIL,
    "schtasks": TASKS,
    "schtasks-xml": '<?xml version="1.0" encoding="UTF-16"?>\n<Task><URI>\\Microsoft\\Windows\\Workplace Join\\Automatic-Device-Join</URI></Task>\n',
    "tpm": "-TpmPresent: TRUE\n",
    "systeminfo": "Host Name:                 WKS-0427\nOS Version:                10.0.26100 N/A Build 26100\n",
    "gpresult": "RSOP data for CORP\\ada on WKS-0427\n",
    "whoami": "USER INFORMATION\ncorp\\ada S-1-5-21-1-2-3-1104\n",
    "ipconfig": "Windows IP Configuration\n   Host Name . . . . . . . . . . . . : WKS-0427\n",
    "netsetup-log": "03/04/2026 08:11:02:123 NetpDoDomainJoin\n",
    "netlogon-log": "03/04 08:11:02 [MISC] [1234] CORP: DsGetDcName function called\n",
    "os-info": "Microsoft Windows [Version 10.0.26100.4601]\n",
    "dns-cache": "Windows IP Configuration\n    login.microsoftonline.com\n",
    "azure-imds": '{"tenantId":"11111111-2222-3333-4444-555555555555"}',
    "whfb": CERTUTIL,
    "other": "Active Connections\n  TCP    10.44.7.20:50122\n",
    "mdm-report-xml": "<?xml version='1.0'?><MDMEnterpriseDiagnosticsReport/>",
    "mdm-report-html": "<html><head><title>MDMDiagReport</title></head></html>",
    "autopilot-profile": '{"CloudAssignedDomainJoinMethod":1}',
    "intune-command-output": "Pinging localhost\nReply from ::1: time<1ms\n",
    "intune-devices": "Device ID,Device name,Enrollment date\n1,WKS-0427,2026-03-04\n",
    "graph-audit": "Date (UTC),CorrelationId,Service,Category,Activity\n2026-03-04T08:16:10Z,x,Core Directory,Device,Update device\n",
    "graph-signins": "Date (UTC),Request ID,User agent,Correlation ID,User ID,User,Username\n2026-03-04T08:16:10Z,x,y,z,u,Ada,ada@contoso.com\n",
    "graph-devices": '{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#devices","value":[{"displayName":"WKS-0427","trustType":"ServerAd"}]}',
    "sniff": "we called the user back on Tuesday\n",
    "intune-empty-marker": "",
}
BINARY: Mapping[str, bytes] = {
    "evtx-locale": b"\x00MTA\x00\x01",
    "etl": b"\x00\x00\x01\x00\x02\x00\x00\x00" * 8,
    "ignore": b"\x00\x05\x16\x07\x00\x02\x00\x00",
    "nested-archive": b"PK\x03\x04" + bytes(60),
}
# What the files with secrets hold, by a part of their name; nothing of it is real.
SECRETS: Mapping[str, str] = {
    "accesstoken": f'{{"access_token":"{JWT}","expires_in":"86399","token_type":"Bearer"}}',
    "access_token": f"access_token : {JWT}\n",
    "tbacct": '{"TBDataStoreObject":{"Header":{"ObjectType":"WamAccount"}}}',
    "hash": "Device Serial Number,Windows Product ID,Hardware Hash\n0001,,T0AAAA\n",
    "hwid": "Device Serial Number,Windows Product ID,Hardware Hash\n0001,,T0AAAA\n",
    "credman": "Currently stored credentials:\n\n    Target: LegacyGeneric:target=corp\n    Type: Generic\n",
}


def hive(inside: str) -> bytes:
    """The first bytes of a registry hive that says which file it is."""
    return b"regf\x01\x00\x00\x00" + bytes(40) + inside.encode("utf-16-le") + bytes(64)


def registry_hive(path: str, machine: Machine) -> bytes:
    """The hive of that name: of a joined machine with its record and its certificate."""
    folder = config(machine.host, machine.tenant if machine.joined else "", machine.device_id if machine.joined else "")
    name = path.replace("\\", "/").rpartition("/")[2].upper()
    user = {"Control Panel": {}, r"Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin": {}}
    known = {one.rpartition("/")[2]: data for one, data in folder.items()}
    log = raw_hive({}, "SYSTEM", kind=6)
    return known.get(name) or (log if ".LOG" in name else raw_hive(user, name))


def secret(path: str) -> bytes:
    """What stands in a file of that name that must not be read."""
    folded = path.casefold()
    for part, text in SECRETS.items():
        if part in folded:
            return encoded(text, "utf-16")
    name = "settings.dat" if "settings" in folded else "Config\\SAM" if "sam" in folded else "Config\\SECURITY"
    return hive(f"\\SystemRoot\\System32\\{name}")


def content(kind: str, path: str, machine: Machine, row: Mapping[str, Any]) -> bytes:
    """The bytes of a file of ``kind`` with that path."""
    encoding = str(row.get("encoding", "utf-8")).partition(" ")[0]
    if kind == "dsregcmd-status":
        text = status(machine)
    elif kind == "dsregcmd-debug":
        text = "DsrCLI: joining\n" if "join-" in path else debug(machine)
    elif kind == "evtx":
        return event_log(str(row.get("channel") or "System").replace("*", "Admin"), machine)
    elif kind == "secret":
        return secret(path)
    elif kind == "registry-hive":
        return registry_hive(path, machine)
    elif kind in BINARY:
        return BINARY[kind]
    elif kind == "bundle-marker":
        text = marker(path)
    elif kind == "graph-devices" and path.endswith(".csv"):
        text = "displayName,accountEnabled,joinType (trustType),deviceId\nWKS-0427,True,Hybrid Azure AD joined,x\n"
    else:
        text = TEXTS[kind]
    return encoded(text.replace("WKS-0427", machine.host), encoding)


def marker(path: str) -> str:
    """The collectors' own notes."""
    if path.endswith("script-info.txt"):
        return script_info()
    if path.endswith("results.xml"):
        return '<Collection HRESULT="0"><ID>1</ID><Command HRESULT="0">%windir%\\system32\\Dsregcmd.exe /status</Command></Collection>'
    if path.endswith(".json"):
        return '{"MdmDiagVersion":"1.0","AreaName":"Autopilot;DeviceEnrollment","BaseBuildRevisionNumber":4601,"BuildBranch":"ge_release"}'
    return "collecting\n"


def encoded(text: str, encoding: str) -> bytes:
    """The text as the table says it is written."""
    text = text.replace("\n", "\r\n")
    if encoding == "utf-16":
        return b"\xff\xfe" + text.encode("utf-16-le")
    if encoding == "mixed":
        return text.encode("cp1252") + text.encode("utf-16-le")
    return text.encode({"ansi": "cp1252", "oem": "cp850", "empty": "ascii"}.get(encoding, "utf-8"), "replace")


# ----------------------------------------------------------------------------------------------------------- bundles


def of_table(machine: Machine = WKS) -> Iterator[Member]:
    """A member for every sample of every name in the table."""
    for row in recognise.table().names:
        for sample in row["samples"]:
            yield Member(sample, row["kind"], content(row["kind"], sample, machine, row))


def row_of(path: str) -> Mapping[str, Any]:
    """The row of the table that names the path; the kind it must have stands in LAYOUTS, so this picks only encoding."""
    found = recognise.recognise(path)
    return {} if found is None else {"encoding": found.encoding or "utf-8", "channel": found.channel}


def bundle(collector: str, machine: Machine = WKS, texts: Mapping[str, str] | None = None) -> list[Member]:
    """What the collector writes on the machine; ``texts`` replaces the content of members by the end of their path."""
    made = []
    for line in filter(None, LAYOUTS[collector].splitlines()):
        path, _, kind = line.rpartition("|")
        path = path.strip().replace("{H}", machine.host)
        row = row_of(path)
        data = content(kind.strip(), path, machine, row)
        for end, text in (texts or {}).items():
            if path.endswith(end):
                data = encoded(text, str(row.get("encoding", "utf-8")).partition(" ")[0])
        made.append(Member(path, kind.strip(), data))
    return made


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip archive of (path, bytes)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members:
            archive.writestr(zipfile.ZipInfo(path, (2026, 3, 4, 9, 0, 0)), data)
    return out.getvalue()


def without_top(members: Sequence[Member]) -> list[Member]:
    """The bundle without its top folder, where all of it stands in one."""
    tops = {one.path.partition("/")[0] if "/" in one.path else "" for one in members}
    if len(tops) > 1 or "" in tops:
        return list(members)
    return [one._replace(path=one.path.partition("/")[2]) for one in members]


def write(folder: Path, members: Sequence[Member]) -> Path:
    """The bundle as a folder."""
    for one in members:
        path = folder / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.data)
    return folder


def utc(text: str) -> datetime:
    """``2026-03-04 09:10`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
