"""Run folders and device lists for tests of the fleet view: invented devices, the tables that ``batch`` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

CAUSES: Mapping[str, tuple[str, str, str, str]] = {  # rule -> title, phase, severity, who
    "scp": ("The device could not read the service connection point", "discover", "error", "ad-admin"),
    "proxy": ("The proxy wants a sign-in", "auth", "error", "network"),
    "unsynced": ("Directory sync has not brought the computer", "join", "error", "entra-admin"),
    "tpm": ("The TPM refused the key", "join", "error", "helpdesk"),
    "prt": ("No token: the user must change the password", "prt", "error", "user"),
    "mdm": ("Enrolment is not licensed", "mdm", "error", "entra-admin"),
    "old": ("The join task is old", "device", "warning", "helpdesk"),
}


def guid(number: int) -> str:
    return f"{number:08x}-2222-3333-4444-555555555555"


def device(name: str | None, cause: str | None = None, verdict: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of devices.parquet; a cause makes it failed, no cause healthy and hybrid joined."""
    title, phase, severity, who = CAUSES[cause] if cause else (None, None, None, None)
    told = verdict or ("degraded" if severity == "warning" else "failed" if cause else "healthy")
    beyond = told in ("healthy", "degraded") or phase in ("prt", "mdm")
    row = {
        "source": f"archive/{name or 'noise'}",
        "device": name,
        "domain": "CORP",
        "device_id": None,
        "tenant_id": guid(1),
        "as_of": "2026-03-04T09:10:00Z",
        "join_state": "hybrid" if beyond else "domain-only",
        "domain_type": "managed",
        "verdict": told,
        "summary": f"{name} {told}",
        "root": cause,
        "phase": phase,
        "severity": severity,
        "confidence": "certain" if cause else None,
        "findings": int(cause is not None),
        "problems": 0,
        "unread": 0,
        "title": title,
        "who": who,
        "tenant_name": "Contoso",
        "os_build": "10.0.22631",
        "cut": None,
    }
    if told == "unread":
        row |= dict.fromkeys(("device", "domain", "tenant_id", "as_of", "join_state", "tenant_name", "os_build"))
    return row | more


def write_run(folder: Path, rows: Sequence[Mapping[str, Any]], old: bool = False) -> Path:
    """A run folder. ``old``: as the first version wrote it, without the later columns and tables. A row may hold ``facts``
    (name -> value), ``collect`` (items), ``tokens`` (outcomes, newest first), ``user``, ``time`` and ``roles``."""
    folder.mkdir(parents=True, exist_ok=True)
    devices, findings, facts, collect, attempts, reports = [], [], [], [], [], []
    for line, each in enumerate(rows, start=1):
        row = dict(each)
        extra = {name: row.pop(name, None) for name in ("facts", "collect", "tokens", "user", "time", "roles")}
        devices.append(row | {"line": line})
        found = _findings(row, extra, line)
        findings += found
        facts += [(line, name, value) for name, value in (extra["facts"] or {}).items()]
        collect += [(line, item) for item in extra["collect"] or ()]
        attempts += [(line, "prt", outcome) for outcome in extra["tokens"] or ()]
        reports.append(_report(row, found, extra))
    later = ["line", "title", "who", "tenant_name", "os_build", "cut"]
    frame = pd.DataFrame(devices)
    (frame.drop(columns=later) if old else frame).to_parquet(folder / "devices.parquet", index=False)
    columns = ["line", "source", "device", "role", "rule", "root", "title", "phase", "severity", "confidence", "codes"]
    columns += ["user", "time", "who", "fingerprint", "step"]
    frame = pd.DataFrame(findings, columns=columns)
    (frame.drop(columns=["line", "step"]) if old else frame).to_parquet(folder / "findings.parquet", index=False)
    if not old:
        pd.DataFrame(facts, columns=["line", "name", "value"]).to_parquet(folder / "facts.parquet", index=False)
        pd.DataFrame(collect, columns=["line", "collect"]).to_parquet(folder / "collect.parquet", index=False)
        pd.DataFrame(attempts, columns=["line", "flow", "outcome"]).to_parquet(folder / "attempts.parquet", index=False)
    (folder / "reports.jsonl").write_text("".join(json.dumps(one) + "\n" for one in reports), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({"version": "0.1.0", "rules": "0123456789ab"}), encoding="utf-8")
    return folder


def _findings(row: Mapping[str, Any], extra: Mapping[str, Any], line: int) -> list[dict[str, Any]]:
    roles = [("root", row["root"])] if row["root"] else []
    out = []
    for role, rule in [*roles, *(extra["roles"] or ())]:
        title, phase, severity, who = CAUSES.get(rule, (row.get("title"), "join", "error", "helpdesk"))
        out.append(
            {
                "line": line,
                "source": row["source"],
                "device": row["device"],
                "role": role,
                "rule": rule,
                "root": row["root"] or rule,
                "title": title,
                "phase": phase,
                "severity": severity,
                "confidence": "certain",
                "codes": "",
                "user": extra["user"],
                "time": extra["time"],
                "who": who,
                "fingerprint": f"{row['device']}-{rule}-{extra['user'] or ''}",
                "step": f"First step for {rule}.",
            }
        )
    return out


def _report(row: Mapping[str, Any], found: Sequence[Mapping[str, Any]], extra: Mapping[str, Any]) -> dict[str, Any]:
    report = None
    if row["verdict"] != "unread":
        report = {
            "device": {"name": row["device"], "os_build": row["os_build"], "tenant_name": row["tenant_name"]},
            "findings": [{"rule": one["rule"], "fix": [{"do": one["step"], "who": one["who"]}]} for one in found],
            "not_checked": [{"collect": item, "why": "it decides", "rules": []} for item in extra["collect"] or ()],
            "attempts": [{"flow": "prt", "outcome": outcome} for outcome in extra["tokens"] or ()],
            "problems": [],
        }
    return {"source": row["source"], "verdict": row["verdict"], "report": report, "unread": []}


def write_list(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A list as CSV, its columns those of the first row."""
    pd.DataFrame(list(rows)).to_csv(path, index=False)
    return path


def computer(number: int, name: str, ou: str = "Clients", certificate: str = "308201", **more: Any) -> dict[str, Any]:
    """A row of Get-ADComputer."""
    row = {
        "Name": name,
        "ObjectGUID": guid(number),
        "DistinguishedName": f"CN={name},OU={ou},DC=corp,DC=example",
        "Enabled": "True",
        "OperatingSystem": "Windows 11 Enterprise",
        "LastLogonDate": "2026-03-01T08:00:00Z",
        "userCertificate": certificate,
    }
    return row | more


def cloud(
    number: int, name: str, registered: str = "2026-01-12T07:31:10Z", trust: str = "ServerAd", **more: Any
) -> dict[str, Any]:
    """A row of Get-MgDevice."""
    row = {
        "DisplayName": name,
        "DeviceId": guid(number),
        "TrustType": trust,
        "AccountEnabled": "True",
        "RegistrationDateTime": registered,
        "ApproximateLastSignInDateTime": "2026-02-28T03:11:00Z",
        "MdmAppId": "",
    }
    return row | more
