"""Facts that captures and attempts decide: proxies of each context, the domain's type."""

from __future__ import annotations

import pytest
from evidence import SYSTEM, USER, at, capture, event

from troubleshoot.case import Case
from troubleshoot.model import Fact, Source


def proxy(prefix: str, detect: str, script: str = "", servers: str = "") -> dict[str, str]:
    return {f"{prefix}AutoDetect": detect, f"{prefix}AutoConfigUrl": script, f"{prefix}ProxyServerList": servers}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (proxy("IeUser", "NO"), "direct"),
        (proxy("IeUser", "YES"), "auto"),
        (proxy("IeUser", "YES", script="http://proxy.corp.example/p.pac"), "script"),
        (proxy("IeUser", "YES", servers="proxy.corp.example:8080"), "named"),
        (proxy("IeUser", "NO", script="xxxx"), "script"),  # masked, but there is one
        (proxy("IeUser", "xxxx"), None),
        (proxy("IeUser", ""), None),
        ({"IeUserProxyBypassList": "*.corp.example"}, None),
    ],
)
def test_proxy_of_the_user(fields: dict[str, str], expected: str | None) -> None:
    facts = Case.of([capture(fields, account=USER)]).facts
    assert [fact.value for fact in facts.get("proxy.user", ())] == ([] if expected is None else [expected])


def test_a_capture_of_system_tells_nothing_of_the_user() -> None:
    fields = {**proxy("IeUser", "NO"), **proxy("IeSystem", "YES")}
    facts = Case.of([capture(fields, account=SYSTEM)]).facts
    assert set(facts) == {"proxy.system"}
    assert facts["proxy.system"][0].value == "auto"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("DIRECT", "direct"), ("Direct", "direct"), ("NAMED PROXY", "named"), ("", None), ("SKIPPED", None), ("?", None)],
)
def test_proxy_of_winhttp(text: str, expected: str | None) -> None:
    facts = Case.of([capture({"WinHttpAccessType": text})]).facts
    assert [fact.value for fact in facts.get("proxy.winhttp", ())] == ([] if expected is None else [expected])


def test_the_newest_capture_decides_and_is_the_proof() -> None:
    old = capture({"WinHttpAccessType": "DIRECT"}, time="08:00", path="old.txt")
    new = capture({"WinHttpAccessType": "NAMED PROXY"}, time="09:00", path="new.txt")
    found = Case.of([old, new]).facts["proxy.winhttp"]
    assert [(fact.value, fact.source, fact.time) for fact in found] == [
        ("named", Source("new.txt", 1), at("09:00")),
        ("direct", Source("old.txt", 1), at("08:00")),
    ]


def block(registration: str, time: str = "08:00", code: str = "0x801c03f2") -> dict[str, str]:
    return {
        "PreviousRegistration": f"2025-03-04 {time}:00.000 UTC",
        "RegistrationType": registration,
        "ClientErrorCode": code,
    }


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([capture(block("sync"))], "managed"),
        ([capture(block("fed"))], "federated"),
        ([capture(block("fallback_sync"))], "federated"),
        ([capture(block("other"))], "unknown"),
        ([event(304, "08:00", record=1, ExitCode="0x801c03f2", TenantType="Managed")], "managed"),
        ([event(304, "08:00", record=1, ExitCode="0x801c03f2", TenantType="undefined")], "unknown"),
        ([event(304, "08:00", record=1, ExitCode="0x801c03f2", DebugOutput="tenantType: Federated\r\n")], "federated"),
        ([event(305, "08:00", record=1, ExitCode="0xcaa20003")], "federated"),  # only federated domains have that phase
        ([capture({"TenantType": "Managed"}, kind="join-debug", named=False)], "managed"),
        ([event(1081, "08:00", "AAD", record=1, Error="x", TenantType="Managed")], "unknown"),
        ([], "unknown"),
    ],
)
def test_domain_type(evidence: list[object], expected: str) -> None:
    case = Case.of(evidence)  # type: ignore[arg-type]
    assert case.domain_type == expected
    assert [fact.value for fact in case.facts.get("domain.type", ())] == ([] if expected == "unknown" else [expected])


def test_the_newest_word_on_the_domain_wins() -> None:
    old = event(304, "07:00", record=1, ExitCode="0x801c03f2", TenantType="Federated")
    assert Case.of([capture(block("sync", "09:00", "0x801c001d")), old]).domain_type == "managed"
    assert Case.of([capture(block("sync", "06:00", "0x801c001d")), old]).domain_type == "federated"


def test_a_collected_fact_tells_the_domain_where_no_attempt_does() -> None:
    assert Case.of([Fact("domain.type", "federated", Source("x", 1))]).domain_type == "federated"
