"""What devices may have in common, from each kind of evidence."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from troubleshoot.cli import app
from troubleshoot.fleet.frames import read_run
from troubleshoot.pipeline import open_cases
from troubleshoot.traits import traits

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "broken" / "device-not-synced"
NETLOGON = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters"
TCPIP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces"
INFORMATION = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SystemInformation"
CARD = "{11111111-2222-3333-4444-555555555555}"


def reg(key: str, name: str, value: str) -> str:
    return f'Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n"{name}"="{value}"\r\n'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (reg(NETLOGON, "DynamicSiteName", "Berlin"), {"ad.site": "Berlin"}),
        (reg(INFORMATION, "SystemProductName", "Model 7"), {"hardware.model": "Model 7"}),
        (reg(INFORMATION, "SystemProductName", "To Be Filled By O.E.M."), {}),
        (reg(rf"{TCPIP}\{CARD}", "DhcpDefaultGateway", "192.0.2.1"), {"network.gateway": "192.0.2.1"}),
        (reg(rf"{TCPIP}\{CARD}", "DhcpDefaultGateway", "0.0.0.0"), {}),
        (reg(r"HKEY_LOCAL_MACHINE\SOFTWARE\Contoso", "DynamicSiteName", "Berlin"), {}),
        (
            "           DC: \\\\dc03.corp.example\r\n      Address: \\\\192.0.2.7\r\n     Dom Guid: "
            "11111111-2222-3333-4444-555555555555\r\nThe command completed successfully\r\n",
            {"dc.name": "DC03"},
        ),
        ("nothing of the kind\r\n", {}),
    ],
)
def test_traits(tmp_path: Path, text: str, wanted: Mapping[str, str]) -> None:
    path = tmp_path / "evidence.txt"
    path.write_bytes(text.encode("utf-16") if text.startswith("Windows Registry") else text.encode())
    found: dict[str, str] = {}
    for case in open_cases([str(path)], None).cases:
        found |= traits(case)
    assert found == dict(wanted)


def test_traits_reach_the_tables_of_a_run(tmp_path: Path) -> None:
    device = tmp_path / "in" / "WKS-0427"
    shutil.copytree(SAMPLE, device, ignore=shutil.ignore_patterns("README.md", "*.json"))
    (device / "netlogon.reg").write_bytes(reg(NETLOGON, "DynamicSiteName", "Berlin").encode("utf-16"))
    done = CliRunner().invoke(app, ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "run"), "--workers", "1"])
    assert done.exit_code == 1
    assert read_run(tmp_path / "run").devices["site"].tolist() == ["Berlin"]
