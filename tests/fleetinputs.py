"""How fleets hand over the output of many devices: an invented input for each shape, and what has to be read from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import fleetpieces as pieces
from bundles import status, zipped
from fleetpieces import FAILING, JOINED

from tools.make_samples import DEVICE, TENANT

UNKNOWN = ("unknown", "inconclusive")
PENDING, HEALTHY = ("domain-only", "pending"), ("hybrid", "healthy")
REFUSED = ("domain-only", "failed")


class Seen(NamedTuple):
    """A device of the input: name (None: nothing tells it), join state and verdict, and the cut of the row that decides."""

    name: str | None
    state: tuple[str, str]
    cut: str | None = None


class Shape(NamedTuple):
    """One input. ``rows``: outcome to the number of rows, None where it is no table; ``lost``: device to outcome of what
    has no report; ``columns``: what ``--map`` says."""

    name: str
    file: str
    data: bytes
    devices: tuple[Seen, ...]
    rows: Mapping[str, int] | None = None
    lost: Mapping[str, str] = {}
    columns: Mapping[str, str] | None = None

    def write(self, folder: Path) -> Path:
        """The input as a file, its name in ``folder``."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data)
        return path


def shapes() -> Iterator[Shape]:
    """Every shape, those of the table fleet_inputs in its order."""
    seen = Seen
    yield Shape(
        "Intune remediation, export in a zip",
        "DeviceRunStatesByProactiveRemediation.zip",
        zipped([("DeviceRunStatesByProactiveRemediation_3f7d.csv", pieces.remediation())]),
        (
            seen("WKS-0427", UNKNOWN, "head"),
            seen("WKS-0428", HEALTHY, "fields"),
            seen("WKS-0430", REFUSED, "fields"),
            seen("WKS-0432", UNKNOWN, "fields"),
            seen("WKS-0434", UNKNOWN),
        ),
        {"evidence": 4, "words": 1, "cut": 1, "error": 1, "empty": 1},
        {"WKS-0429": "cut", "WKS-0431": "error", "WKS-0433": "empty"},
    )
    yield Shape(
        "Intune remediation, pages of Graph",
        "pages.json",
        pieces.pages(),
        (seen("WKS-0430", REFUSED, "fields"), seen("WKS-0431", REFUSED, "fields")),
        {"evidence": 3},
    )
    yield Shape(
        "remediation cached on the device", "ime.reg", pieces.cached(), (seen(None, ("unknown", "failed"), "fields"),)
    )
    yield Shape(
        "ConfigMgr Run Scripts",
        "runscript.csv",
        pieces.run_scripts(),
        (
            seen("WKS-0519.corp.example", PENDING, "tail"),
            seen("WKS-0427.corp.example", HEALTHY, "tail"),
            seen("WKS-0521", ("domain-only", "inconclusive"), "fields"),
        ),
        {"evidence": 3, "error": 1},
        {"WKS-0522": "error"},
    )
    yield Shape(
        "ConfigMgr CMPivot",
        "cmpivot.csv",
        pieces.table(
            [
                ("Device", "Property", "Value"),
                ("WKS-0519", "AzureAdJoined", "NO"),
                ("WKS-0519", "DomainJoined", "YES"),
                ("WKS-0427", "TenantId", TENANT),
            ]
        ),
        (seen("WKS-0519", ("domain-only", "inconclusive"), "fields"), seen("WKS-0427", UNKNOWN)),
        {"evidence": 2, "words": 1},
    )
    yield Shape(
        "ConfigMgr configuration item",
        "ci.csv",
        pieces.table(
            [
                ("Device", "CI", "Current value"),
                ("WKS-0519", "Hybrid join", pieces.html({"UserContext": "SYSTEM", "ErrorPhase": "join", "ClientErrorCode": "0x801c03f2"})),
                ("WKS-0523", "Hybrid join", "OK"),
                ("WKS-0524", "Hybrid join", "Error"),
            ]
        ),
        (seen("WKS-0519", ("unknown", "failed"), "fields"), seen("WKS-0523", UNKNOWN), seen("WKS-0524", UNKNOWN)),
        {"evidence": 1, "words": 2},
    )  # fmt: skip
    yield Shape(
        "ConfigMgr hardware inventory",
        "inventory.csv",
        pieces.table(
            [
                ("Name0", "ResourceID", "AzureAdJoined0", "DomainJoined0", "ClientErrorCode0", "TimeStamp"),
                ("WKS-0519", "16777220", "NO", "YES", "0x801c03f2", "2026-03-03 23:10:00"),
                ("WKS-0427", "16777221", "YES", "YES", "", "2026-03-03 23:10:00"),
            ]
        ),
        (seen("WKS-0519", REFUSED, "fields"), seen("WKS-0427", HEALTHY, "fields")),
        {"evidence": 2},
    )
    yield Shape(
        "logon script to a share",
        "share.zip",
        pieces.share(),
        (seen("WKS-0427.corp.example", HEALTHY, "none"), seen("LT-0088.corp.example", PENDING, "none")),
    )
    yield Shape(
        "loop of PsExec, one file",
        "all.txt",
        pieces.loop(),
        (seen("WKS-0519.corp.example", PENDING, "none"), seen("WKS-0427.corp.example", HEALTHY, "none")),
        {"evidence": 2, "error": 1},
        {"WKS-0600": "error"},
    )
    yield Shape(
        "PowerShell objects",
        "objects.csv",
        pieces.flat(),
        (
            seen("WKS-0427.corp.example", HEALTHY, "fields"),
            seen("WKS-0519.corp.example", ("domain-only", "inconclusive"), "fields"),
        ),
        {"evidence": 2},
    )
    yield Shape(
        "whole text in a cell",
        "cells.csv",
        pieces.table(
            [
                ("ComputerName", "Status", "CollectionTime", "Details"),
                ("WKS-0519", "Success", "2026-03-04 09:15:02", "\n" + status(FAILING)),
                ("WKS-0600", "Failed", "2026-03-04 09:15:02", "System.Object[]"),
                ("WKS-0427", "Success", "2026-03-04 09:15:02", status(JOINED)),
            ],
            quoted=True,
        ),
        (seen("WKS-0519.corp.example", PENDING, "none"), seen("WKS-0427.corp.example", HEALTHY, "none")),
        {"evidence": 2, "damaged": 1},
        {"WKS-0600": "damaged"},
    )
    yield Shape("DsReg module", "dsreg.json", pieces.module(), (seen("WKS-0427", HEALTHY, "fields"),), {"evidence": 1})
    yield Shape(
        "osquery, one row for each field",
        "kolide.json",
        pieces.osquery(),
        (seen("WKS-0519.corp.example", PENDING, "fields"), seen("WKS-0427.corp.example", HEALTHY, "fields")),
        {"evidence": len(json.loads(pieces.osquery()))},
    )
    yield Shape(
        "Velociraptor",
        "hunt.jsonl",
        b"\n".join(
            json.dumps(
                {
                    "DomainJoined": True,
                    "AzureAdJoined": joined,
                    "DeviceName": f"{host}.corp.example",
                    "ClientId": f"C.{host}",
                    "Fqdn": f"{host}.corp.example".lower(),
                }
            ).encode()
            for host, joined in (("WKS-0519", False), ("WKS-0427", True))
        ),
        (
            seen("wks-0519.corp.example", ("domain-only", "inconclusive"), "fields"),
            seen("wks-0427.corp.example", HEALTHY, "fields"),
        ),
        {"evidence": 2},
    )
    yield Shape(
        "Azure Run Command",
        "runcommand.json",
        pieces.run_command(JOINED),
        (seen("WKS-0427", UNKNOWN, "head"),),
        {"evidence": 1},
    )
    yield Shape(
        "Log Analytics, own table",
        "dsreg_CL.csv",
        pieces.log_analytics(),
        (seen("WKS-0427.corp.example", HEALTHY, "none"), seen("WKS-0519", ("unknown", "failed"), "fields")),
        {"evidence": 3},
    )
    yield Shape(
        "Log Analytics, table Event",
        "events.csv",
        pieces.events(),
        (seen("WKS-0427.corp.example", HEALTHY), seen("WKS-0519.corp.example", ("unknown", "pending"))),
    )
    yield Shape(
        "forwarded events",
        "ForwardedEvents.evtx",
        pieces.forwarded(),
        (
            seen("WKS-0427.corp.example", HEALTHY),
            seen("WKS-0519.corp.example", UNKNOWN),
            seen("WKS-0600.corp.example", UNKNOWN),
        ),
    )
    yield Shape(
        "Defender advanced hunting",
        "hunting.csv",
        pieces.table(
            [
                ("Timestamp", "DeviceId", "DeviceName", "JoinType", "AadDeviceId"),
                ("2026-03-04T06:00:00Z", "9f2c", "wks-0519.corp.example", "Domain Join", ""),
                ("2026-03-04T06:00:00Z", "9f2d", "wks-0427.corp.example", "Hybrid Azure AD Join", DEVICE),
            ]
        ),
        (seen("wks-0519.corp.example", UNKNOWN), seen("wks-0427.corp.example", UNKNOWN)),
        {"words": 2},
    )
    yield Shape(
        "NinjaOne fields",
        "ninja.csv",
        pieces.table(
            [
                ("Organization", "Device", "joinType", "tenantInfo"),
                ("Contoso", "WKS-0427", "Microsoft Entra Hybrid Joined", f"\nTenant ID   : {TENANT}\nDevice ID   : {DEVICE}\n"),
                ("Contoso", "WKS-0519", "Domain Joined", ""),
            ]
        ),
        (seen("WKS-0427", UNKNOWN), seen("WKS-0519", UNKNOWN)),
        {"words": 2},
    )  # fmt: skip
    yield Shape(
        "Datto field of 255 characters",
        "datto.csv",
        pieces.table([("Device Hostname", "UDF 7"), ("WKS-0519", pieces.joined_by(status(FAILING))[:255])]),
        (seen("WKS-0519.corp.example", ("domain-only", "inconclusive"), "tail"),),
        {"evidence": 1},
    )
    yield Shape(
        "Tanium and the like, columns named by hand",
        "tanium.csv",
        pieces.table([("Asset Tag", "Azure AD Join", "Seen"), ("WKS-0519", "AzureAdJoined: NO, DomainJoined: YES", "2026-03-04 09:15")]),
        (seen("WKS-0519", ("domain-only", "inconclusive"), "fields"),),
        {"evidence": 1},
        columns={"text": "Azure AD Join", "device": "Asset Tag", "time": "Seen"},
    )  # fmt: skip
    yield Shape(
        "AzurePRTLoginReport", "prt.csv", pieces.login_report(), (seen("WKS-0427", HEALTHY, "fields"),), {"evidence": 1}
    )
    yield Shape(
        "HybridDevicesHealthChecker",
        "health.csv",
        pieces.table(
            [
                ("Device Name", "Device ID", "Hybrid Status", "Notes", "Recommended Action"),
                ("WKS-0519", "", "Not Healthy", "a note", "an action"),
            ]
        ),
        (seen("WKS-0519", UNKNOWN),),
        {"words": 1},
    )
    yield Shape(
        "target list of the directory",
        "computers.csv",
        pieces.table(
            [
                ("Name", "ObjectGUID", "DistinguishedName", "Enabled", "userCertificate"),
                ("WKS-0519", "bbbbbbbb-1111-2222-3333-444444444444", "CN=WKS-0519,DC=corp,DC=example", "True", ""),
                ("WKS-0600", "cccccccc-1111-2222-3333-444444444444", "CN=WKS-0600,DC=corp,DC=example", "True", ""),
            ],
            quoted=True,
        ),
        (),
    )
    yield Shape(
        "list of the tenant",
        "devices.csv",
        pieces.table(
            [
                ("DisplayName", "DeviceId", "TrustType", "ProfileType", "AccountEnabled", "RegistrationDateTime"),
                ("WKS-0427", DEVICE, "ServerAd", "RegisteredDevice", "True", "12.01.2026 07:31:10"),
                ("WKS-0427", "cccccccc-1111-2222-3333-444444444444", "Workplace", "RegisteredDevice", "True", ""),
            ]
        ),
        (),
    )
    yield from _spreadsheets()
    yield Shape(
        "pasted lines", "paste.txt", b"  6. AzureAdJoined : YES\n  7. EnterpriseJoined : NO\n", (seen(None, UNKNOWN),)
    )


def _spreadsheets() -> Iterator[Shape]:
    """What spreadsheets make of a table: other delimiters, encodings, words, numbers and dates."""
    german = [
        ("Gerät", "Ausgabe", "Fehler", "Zeit"),
        ("WKS-0427", "#NAME?", "-2,145E+09", "04.03.2026 09:15"),
        ("WKS-0519", "AzureAdJoined : NO", "0x801c03f2", "14.03.2026 09:21"),
    ]
    kept, lost = (Seen("WKS-0519", UNKNOWN, "fields"),), {"WKS-0427": "damaged"}
    rows = {"evidence": 1, "damaged": 1}
    yield Shape("spreadsheet, German", "mappe.csv", pieces.table(german, ";", "cp1252"), kept, rows, lost)
    yield Shape("spreadsheet, UTF-16 with tabs", "mappe.txt", pieces.table(german, "\t", "utf-16"), kept, rows, lost)
    yield Shape("spreadsheet, quoted", "book.csv", pieces.table(german, ",", "utf-8-sig", True), kept, rows, lost)
    yield Shape("workbook", "mappe.xlsx", pieces.workbook([("Bericht",)], german), kept, rows, lost)
    yield Shape("workbook called a log", "IntuneManagementExtension.log", pieces.workbook(german), kept, rows, lost)
    french = [
        ("Ordinateur", "AzureAdJoined", "DomainJoined", "ClientErrorCode", "Date"),
        ("WKS-0519", "FAUX", "VRAI", "-2 145 647 630,00", "04/03/2026 09:15"),
        ("WKS-0427", "VRAI", "VRAI", "", "05/03/2026 09:15"),
    ]
    both = (Seen("WKS-0519", REFUSED, "fields"), Seen("WKS-0427", HEALTHY, "fields"))
    yield Shape("spreadsheet, French", "classeur.csv", pieces.table(french, ";", "cp1252"), both, {"evidence": 2})
    typed = [
        ("Computer", "AzureAdJoined", "DomainJoined", "ClientErrorCode", "When"),
        ("WKS-0519", False, True, -2145647630, datetime(2026, 3, 4, 9, 15)),
        ("WKS-0427", True, True, None, datetime(2026, 3, 5, 9, 15)),
    ]
    yield Shape("workbook with typed cells", "typed.xlsx", pieces.workbook(typed), both, {"evidence": 2})
