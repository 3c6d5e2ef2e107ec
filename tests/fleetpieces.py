"""The output of many devices as single channels hand it over, made of invented captures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bundles import UDR, Machine, event_log, status, zipped

from tools.make_samples import DEVICE, TENANT

JOINED = Machine("WKS-0427", joined=True)
FAILING = Machine("WKS-0519", joined=False)
FOOTER = "For more information, please visit https://www.microsoft.com/aadjerrors"
SCRIPT = "C:\\WINDOWS\\IMECache\\HealthScripts\\6f0b7c1e_3\\detect.ps1 : The term 'dsregcmd' is not recognized"
SHORT = {"h": "WKS-0430", "aad": "NO", "dj": "YES", "ph": "join", "cec": "0x801c03f2", "sec": "DirectoryError"}


def table(rows: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8", quoted: bool = False) -> bytes:
    """A delimited text with CRLF, as spreadsheets and PowerShell write it."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(rows)
    return out.getvalue().encode(encoding)


def lines_of(text: str) -> list[str]:
    """The lines of a capture without drawing and blanks, as a script joins them."""
    kept = (line.strip() for line in text.splitlines())
    return [line for line in kept if line and line[0] not in "+|" and not line.startswith("For more")]


def joined_by(text: str, separator: str = " | ") -> str:
    """A capture on one line."""
    return separator.join(lines_of(text))


def boxed(text: str) -> str:
    """A capture on one line with the rules and titles of its boxes."""
    return " ".join(text.split("\n"))


def escaped(value: Any) -> str:
    """The body of a JSON string, as ConfigMgr stores it."""
    return json.dumps(json.dumps(value))[1:-1]


def html(values: Mapping[str, str]) -> str:
    """What ``ConvertTo-Html -Fragment`` makes of an object."""
    heads = "".join(f"<th>{name}</th>" for name in values)
    cells = "".join(f"<td>{text}</td>" for text in values.values())
    return f"<table>\n<colgroup><col/></colgroup>\n<tr>{heads}</tr>\n<tr>{cells}</tr>\n</table>"


def workbook(*sheets: Sequence[Sequence[object]]) -> bytes:
    """An XLSX file with these sheets."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def remediation() -> bytes:
    """The export of an Intune remediation: an output cut at its beginning, values, footer, JSON, error, a word, nothing."""
    names = (
        *("PolicyId", "DeviceId", "DeviceName", "JoinType", "ModifiedTime", "DetectionStatus"),
        *("PreRemediationDetectionScriptOutput", "PreRemediationDetectionScriptError", "UPN"),
    )
    cells = {
        "WKS-0427": (boxed(status(JOINED)).rstrip()[-2048:], ""),
        "WKS-0428": ("AzureAdJoined=YES;DomainJoined=YES;AzureAdPrt=NO;ErrorPhase=;ClientErrorCode=", ""),
        "WKS-0429": (FOOTER, ""),
        "WKS-0430": (json.dumps(SHORT), ""),
        "WKS-0431": ("", SCRIPT),
        "WKS-0432": ("WARNING: AzureAdJoined : NO", ""),
        "WKS-0433": ("", ""),
        "WKS-0434": ("OK", ""),
    }
    rows = [
        ("6f0b7c1e", f"a1c4{at:04}", name, "Hybrid", "2026-03-04 06:02:11.0000000", "1", *texts, "ada@contoso.com")
        for at, (name, texts) in enumerate(cells.items())
    ]
    return "\ufeff".encode() + table([names, *rows])


def pages() -> bytes:
    """Two pages of Graph one behind the other; a row of the first comes again."""

    def page(*hosts: str) -> dict[str, Any]:
        rows = [
            {
                "id": f"6f0b7c1e:{host}",
                "lastStateUpdateDateTime": "2026-03-04T06:02:11Z",
                "preRemediationDetectionScriptOutput": json.dumps({**SHORT, "h": host}),
                "preRemediationDetectionScriptError": None,
                "managedDevice": {"deviceName": host, "azureADDeviceId": "00000000-0000-0000-0000-000000000000"},
            }
            for host in hosts
        ]
        return {"@odata.context": "https://graph.example/$metadata", "value": rows}

    return json.dumps(page("WKS-0430", "WKS-0431"), indent=1).encode() + json.dumps(page("WKS-0431")).encode()


def cached() -> bytes:
    """A remediation's result in the registry of the device."""
    result = {"PolicyId": "6f0b7c1e", "PreRemediationDetectScriptOutput": "AzureAdJoined=NO;ClientErrorCode=0x801c03f2"}
    key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\IntuneManagementExtension\SideCarPolicies\Scripts\Reports\0\6f0b7c1e_3\Result"
    value = json.dumps(json.dumps(result))
    return f'Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n"Result"={value}\r\n'.encode("utf-16")


def run_scripts() -> bytes:
    """Rows of ConfigMgr, cut after 4,000 characters."""
    names = ("DeviceName", "ScriptExecutionState", "ScriptExitCode", "LastUpdateTime", "ScriptOutput")
    rows = [
        ("WKS-0519", "1", "0", "2026-03-04 08:22:31.000", escaped(status(FAILING).split("\n"))[:4000]),
        ("WKS-0427", "1", "0", "2026-03-04 08:22:40.000", escaped(status(JOINED).split("\n"))[:4000]),
        ("WKS-0521", "1", "0", "2026-03-04 08:23:02.000", escaped({"AzureAdJoined": "NO", "DomainJoined": "YES"})),
        ("WKS-0522", "2", "-2147467259", "2026-03-04 08:23:30.000", ""),
    ]
    return table([names, *rows])


def loop() -> bytes:
    """PsExec over three computers into one file."""
    parts = [
        "\\\\WKS-0519:\nPsExec v2.43 - Execute processes remotely\n",
        f"{status(FAILING)}\ndsregcmd exited on WKS-0519 with error code 0.\n",
        "\\\\WKS-0600:\nCouldn't access WKS-0600:\nThe network path was not found.\n",
        f"\\\\WKS-0427:\n{status(JOINED)}\ndsregcmd exited on WKS-0427 with error code 0.\n",
    ]
    return "".join(parts).encode()


def osquery() -> bytes:
    """One row for each field of two computers."""
    rows = []
    for machine in (FAILING, JOINED):
        section = ""
        for line in status(machine).split("\n"):
            if line.startswith("| "):
                section = line.strip("| ")
            label, sign, value = line.partition(" : ")
            if sign:
                rows.append({"host": machine.host, "parent": section, "key": label.strip(), "value": value.strip()})
    return json.dumps(rows).encode()


def run_command(machine: Machine) -> bytes:
    """The answer of Azure for one machine, its last 4,096 bytes."""
    text = status(machine)
    message = text.encode()[-4096:].decode()
    rows = [
        {"code": "ComponentStatus/StdOut/succeeded", "level": "Info", "message": message},
        {"code": "ComponentStatus/StdErr/succeeded", "level": "Info", "message": ""},
    ]
    return json.dumps({"vmName": machine.host, "value": rows}).encode()


def log_analytics() -> bytes:
    """An own table with two rows of one computer."""
    names = (
        *("TenantId", "TimeGenerated [UTC]", "ComputerName_s", "ManagedDeviceID_g", "AzureAdJoined_s", "AzureAdPrt_b"),
        *("ClientErrorCode_s", "DsregRaw_s", "Type"),
    )
    old = ("d0a1", "3/3/2026, 6:02:11.000 AM", "WKS-0427", "a1", "NO", "False", "0x801c03f2", "", "Dsreg_CL")
    new = (
        "d0a1",
        "3/4/2026, 6:02:11.000 AM",
        "WKS-0427",
        "a1",
        "YES",
        "False",
        "",
        joined_by(status(JOINED)),
        "Dsreg_CL",
    )
    other = ("d0a1", "3/4/2026, 6:02:11.000 AM", "WKS-0519", "a2", "NO", "False", "0x801c03f2", "", "Dsreg_CL")
    return table([names, old, new, other])


REFUSED_TEXT = (
    "Automatic registration failed at join phase. \nExit code: Unknown HResult Error code: 0x801c03f2 \n"
    "Server error: The device object by the given id (aaaaaaaa-1111-2222-3333-444444444444) is not found."
)


def events() -> bytes:
    """The table Event with records of two computers."""
    names = (
        *("TimeGenerated [UTC]", "Computer", "EventLog", "Source", "EventLevelName", "EventID", "RenderedDescription"),
        "ParameterXml",
    )
    channel = f"{UDR}/Admin"
    rows = [
        ("3/4/2026, 8:20:47.412 AM", "WKS-0427.corp.example", channel, UDR, "Information", "306", "Automatic registration Succeeded.", ""),
        ("3/4/2026, 8:21:47.412 AM", "WKS-0519.corp.example", channel, UDR, "Error", "304", REFUSED_TEXT, "<Param>join</Param>"),
    ]  # fmt: skip
    return table([names, *rows])


def forwarded() -> bytes:
    """A log of forwarded events with one record of each of three computers."""
    hosts = ("WKS-0427.corp.example", "WKS-0519.corp.example", "WKS-0600.corp.example")
    return event_log(f"{UDR}/Admin", JOINED, (306, 304, 304), hosts)


def flat() -> bytes:
    """Objects of a remoting loop."""
    names = (
        "AzureAdJoined",
        "EnterpriseJoined",
        "DomainJoined",
        "DeviceName",
        "AzureAdPrt",
        "PSComputerName",
        "RunspaceId",
    )
    rows = [
        ("True", "False", "True", "WKS-0427.corp.example", "True", "WKS-0427", "5d0c2f86-11a4-4b3e-9a70-c1e2d3f40516"),
        (
            "False",
            "False",
            "True",
            "WKS-0519.corp.example",
            "False",
            "WKS-0519",
            "5d0c2f86-11a4-4b3e-9a70-c1e2d3f40516",
        ),
    ]
    return b"#TYPE System.Management.Automation.PSCustomObject\r\n" + table([names, *rows], quoted=True)


def login_report() -> bytes:
    """The report of AzurePRTLoginReport."""
    names = (
        *("User Name", "Device Name", "Device ID", "OS Version", "TpmProtected", "Domain Joined", "AzureAD Join"),
        *("AzureAD PRT", "Azure AD PRT Update Time", "Device Auth Status", "WHfB Enabled", "Last Logon (UTC)"),
    )
    row = (
        *("ada", "WKS-0427", DEVICE, "10.0.26100 N/A Build 26100", "YES", "YES", "YES", "YES", "2026-03-04 08"),
        *("          DeviceAuthStatus : SUCCESS", "NO", "3/4/2026 8:15:09 AM"),
    )
    return table([names, row], quoted=True)


def module() -> bytes:
    """What the DsReg module gives as JSON."""
    value = {
        "deviceDetails": {"deviceId": DEVICE, "tpmProtected": True},
        "deviceState": {"azureADJoined": True, "domainJoined": True, "enterpriseJoined": False},
        "diagnosticData": {"keySignTest": "PASSED"},
        "ssoState": {"azureAdPrt": False, "azureAdPrtAuthority": None},
        "tenantDetails": {"tenantId": TENANT, "authCoreUrl": "https://login.example"},
        "userState": {"ngcSet": False, "workplaceJoined": False},
    }
    return json.dumps([{**value, "PSComputerName": "WKS-0427"}]).encode()


def share() -> bytes:
    """A share of user--HOST.txt."""
    members = {
        "UsersLogin$/ada--WKS-0427.txt": status(JOINED, "ada"),
        "UsersLogin$/joe\u2013LT-0088.txt": status(Machine("LT-0088"), "joe"),
        "UsersLogin$/eve--WKS-0600.txt": "Access is denied.\r\n",
    }
    return zipped([(path, text.encode()) for path, text in members.items()])
