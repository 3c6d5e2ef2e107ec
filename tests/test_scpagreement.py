"""Whether the service connection points and the join name one tenant."""

from __future__ import annotations

import pytest

from tools.make_samples import TENANT, dsregcmd
from troubleshoot.case import Case
from troubleshoot.parsers import parse_text
from troubleshoot.pipeline import diagnose_bytes
from troubleshoot.ruleset import load

OTHER = "99999999-2222-3333-4444-555555555555"
CDJ = r"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD]"
JOIN = r"[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo\A1]"
TITLE = "Windows Registry Editor Version 5.00\n\n"


def client(tenant: str) -> str:
    return f'{CDJ}\n"TenantId"="{tenant}"\n"TenantName"="contoso.com"\n\n' if tenant else f"[-{CDJ[1:]}\n\n"


def case(*texts: tuple[str, str]) -> Case:
    return Case.of([one for name, text in texts for one in parse_text(name, text.encode(), None)])


REG = "cdj.reg"
FOREST = "SCP-config-partition.txt"
STATUS = "dsregcmd.txt"


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        ([], None),
        ([(REG, TITLE + client(TENANT))], None),
        ([(REG, TITLE + client(TENANT)), (FOREST, f"azureADId:{TENANT.upper()}\n")], "same"),
        ([(REG, TITLE + client("{" + TENANT + "}")), (STATUS, dsregcmd(joined=True))], "same"),
        ([(FOREST, f"azureADId:{TENANT}\n"), (STATUS, dsregcmd(joined=True))], "same"),
        ([(REG, TITLE + client(OTHER)), (FOREST, f"azureADId:{TENANT}\n")], "sides-differ"),
        # The registry counts, so the join is where it should be, and the forest is for others.
        (
            [(REG, TITLE + client(TENANT)), (FOREST, f"azureADId:{OTHER}\n"), (STATUS, dsregcmd(joined=True))],
            "sides-differ",
        ),
        (
            [(REG, TITLE + client(OTHER)), (FOREST, f"azureADId:{TENANT}\n"), (STATUS, dsregcmd(joined=True))],
            "differs-from-tenant",
        ),
        ([(REG, TITLE + client(OTHER)), (STATUS, dsregcmd(joined=True))], "differs-from-tenant"),
        ([(REG, TITLE + client("")), (FOREST, f"azureADId:{OTHER}\n"), (STATUS, dsregcmd(joined=True))], "differs-from-tenant"),
        # Nobody looked into the registry, which may name the tenant of the join.
        ([(FOREST, f"azureADId:{OTHER}\n"), (STATUS, dsregcmd(joined=True))], None),
        # Not joined: what dsregcmd prints of a tenant is none of a join.
        ([(REG, TITLE + client(OTHER)), (STATUS, dsregcmd())], None),
        ([(REG, TITLE + client(OTHER) + f'{JOIN}\n"TenantId"="{TENANT}"\n')], "differs-from-tenant"),
        # Two forests, or a masked id, decide nothing.
        ([(REG, TITLE + client(TENANT)), (FOREST, f"azureADId:{TENANT}\nazureADId:{OTHER}\n")], None),
        ([(REG, TITLE + client("[REDACTED]")), (STATUS, dsregcmd(joined=True))], None),
    ],
)  # fmt: skip
def test_agreement(texts: list[tuple[str, str]], word: str | None) -> None:
    found = case(*texts).facts.get("scp.agreement", ())
    assert [one.value for one in found] == ([word] if word else [])


def test_what_a_person_states_stays() -> None:
    stated = ("facts.txt", "troubleshoot facts\nscp.agreement = same\n")
    found = case(stated, (REG, TITLE + client(OTHER)), (FOREST, f"azureADId:{TENANT}\n")).facts["scp.agreement"]
    assert [one.value for one in found] == ["same"]


def test_an_export_of_the_tenant_beside_it_takes_nothing_away() -> None:
    devices = (
        "devices.csv",
        '"deviceId","displayName","trustType"\n"11111111-2222-3333-4444-555555555555","WKS-0427","ServerAd"\n',
    )
    whole = case(devices, (REG, TITLE + client(OTHER)), (FOREST, f"azureADId:{TENANT}\n"))
    assert any(name.startswith("cloud.") for name in whole.facts)
    assert [one.value for one in whole.facts["scp.agreement"]] == ["sides-differ"]


def test_the_proof_names_each_place() -> None:
    data = (dsregcmd(joined=True, user="ada", elevated=False) + "\n" + TITLE + client(OTHER)).encode()
    (report,) = diagnose_bytes("ticket.txt", data, load()).reports
    (finding,) = [one for one in report.findings if one.rule == "joined-to-another-tenant"]
    assert f"TenantId of the client-side SCP: {OTHER}; TenantId of dsregcmd: {TENANT}" in [
        one.text for one in finding.evidence
    ]
