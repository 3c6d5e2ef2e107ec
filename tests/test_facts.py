"""Facts that captures and attempts decide: proxies of each context, the domain's type."""

from __future__ import annotations

import pytest
from evidence import OTHER, SYSTEM, USER, at, capture, event

from troubleshoot.case import Case
from troubleshoot.engine import judge_rule
from troubleshoot.match import Evaluator
from troubleshoot.model import Account, Fact, Source
from troubleshoot.ruleset import load


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


def prt_from(address: str) -> dict[str, str]:
    return {
        "PrtPreviousAttempt": "2025-03-04 08:00:00.000 UTC",
        "PrtAttemptStatus": "0xc000006d",
        "PrtEndpointUri": address,
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
        ([event(304, "08:00", record=1, ExitCode="0xcaa9002c")], "federated"),  # only there the join asks ADAL
        ([capture(prt_from("https://sts.contoso.com/adfs/services/trust/13/usernamemixed"))], "federated"),
        ([capture(prt_from("https://login.microsoftonline.com/common/oauth2/token"))], "unknown"),
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


JOINING = capture({"AzureAdJoined": "NO", "DomainJoined": "YES"})
TASK = "task.automatic-device-join"


def told(value: str, time: str | None = None, path: str = "x.txt", account: Account | None = None) -> Fact:
    return Fact(TASK, value, Source(path, 1), at(time) if time else None, account, f"Status: {value}")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([told("disabled")], True),
        ([told("ready")], False),
        ([told("disabled", "08:00"), told("ready", "09:00")], False),  # the later one
        ([told("ready", "08:00"), told("missing", "09:00")], True),
        ([told("disabled", "08:00"), told("missing")], True),  # both are what the rule asks for
        ([told("disabled", "08:00"), told("ready")], None),  # which is newer cannot be told
        ([told("ready", "08:00"), told("disabled")], None),
        ([told("ready", "07:00"), told("disabled", "08:00"), told("disabled")], True),
        ([], None),
    ],
)
def test_facts_of_unknown_order_have_to_agree(facts: list[Fact], expected: bool | None) -> None:
    outcomes, truth = judge_rule(load(), Case.of([JOINING, *facts]), "join-task-disabled")
    assert truth is expected
    if expected:
        finding = outcomes[0].finding
        assert finding is not None
        assert any(proof.text.startswith("Status: ") for proof in finding.evidence)


def test_facts_of_another_account_tell_nothing() -> None:
    evaluator = Evaluator(
        load(), Case.of([JOINING, told("ready", account=OTHER), told("disabled", account=USER, path="y.txt")])
    )
    assert [one.value for one in evaluator.newest_facts(TASK, "ada@corp.example")] == ["disabled"]
    assert [one.value for one in evaluator.newest_facts(TASK, "bob@corp.example")] == ["ready"]
    assert [one.value for one in evaluator.newest_facts(TASK, None)] == ["ready"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ 2025-11-03 10:02:11.000 UTC -- 2035-11-03 10:32:11.000 UTC ]", ["2035-11-03T10:32:11Z"]),
        ("[ 2025-11-03 10:02:11.000 UTC -- ", []),
        ("[ 2025-11-03 10:02:11.000 -- 2035-11-03 10:32:11.000 ]", []),  # no zone
        ("", []),
    ],
)
def test_end_of_the_devices_certificate(text: str, expected: list[str]) -> None:
    facts = Case.of([capture({"DeviceCertificateValidity": text})]).facts
    assert [one.value for one in facts.get("certificate.device.not-after", ())] == expected


def test_the_build_is_told_by_a_fact_where_no_registry_tells_it() -> None:
    assert Case.of([Fact("os.build", "26100", Source("systeminfo.txt", 4))]).device.os_build == "26100"
