"""Every record of the table, with the fields of each of three Windows builds, gives the same finding; so do extra and
missing fields beside those that decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from evidence import event

from troubleshoot import eventbook
from troubleshoot.case import Case
from troubleshoot.engine import judge
from troubleshoot.eventbook import Known
from troubleshoot.model import Event, Finding
from troubleshoot.ruleset import load

RULES = load()
UNKNOWN = "0x80099999"  # a code that no rule knows
VALUES: Mapping[str, str] = dict.fromkeys(
    ("ExitCode", "ErrorCode", "Status", "Result", "Error", "HRESULT", "HRESULT1", "HRESULT2"), UNKNOWN
)

# What the values of a record must be for a rule to speak, and the rules that then do: findings, symptoms, harmless ones.
DECIDED: Mapping[tuple[str, int], tuple[Mapping[str, str], set[str]]] = {
    ("user-device-registration", 200): ({"ExitCode": "-2145648611"}, {"scp-read-failed"}),
    ("user-device-registration", 201): ({"ExitCode": "0x80072ee7"}, {"registration-host-not-resolved"}),
    ("user-device-registration", 202): ({"ExitCode": "0x80280036"}, {"tpm-in-fips-mode"}),
    ("user-device-registration", 204): (
        {
            "ExitCode": "0x801c03f2",
            "ServerResponse": '{"ErrorType":"DirectoryError","Message":"The device object by the given id (x) is not found."}',
        },
        {"device-not-synced"},
    ),
    ("user-device-registration", 304): ({"ExitCode": "0x801c001d"}, {"scp-read-failed"}),
    ("user-device-registration", 305): ({"ExitCode": "0xcaa90023"}, {"ws-trust-endpoint-missing"}),
    ("user-device-registration", 307): ({"ExitCode": "0x801c001d"}, {"scp-read-failed"}),
    ("user-device-registration", 308): ({}, {"hello-user-not-in-the-tenant"}),
    ("user-device-registration", 309): ({"ExitCode": "0x801c0021"}, {"discovery-failed"}),
    ("user-device-registration", 330): ({}, {"joined-to-enterprise-drs"}),
    ("user-device-registration", 331): ({"DebugOutput": "isDcAvailable: NO"}, {"domain-controller-unreachable"}),
    ("user-device-registration", 332): ({}, {"registration-incomplete"}),
    ("user-device-registration", 333): ({}, {"join-not-run-as-system"}),
    ("user-device-registration", 334): ({}, {"domain-controller-unreachable"}),
    ("user-device-registration", 335): ({}, {"already-joined"}),
    ("user-device-registration", 360): ({"NgcPolicyEnabled": "No"}, {"hello-not-wanted"}),
    ("user-device-registration", 361): ({"NgcPolicyEnabled": "No"}, {"hello-not-wanted"}),
    ("user-device-registration", 362): (
        {"NgcPolicyEnabled": "Yes", "ADFSPrtPresent": "No", "RATemplateReady": "No ( 1 : StateNoPolicy )"},
        {"enterprise-prt-missing", "hello-certificate-template-not-ready"},
    ),
    ("user-device-registration", 369): (
        {"Message": "Failed to compute automatic join task definition. Error: 0x80070002"},
        {"join-task-missing"},
    ),
    ("user-device-registration", 301): ({"ExitCode": "0x801c0003"}, {"hello-not-authorised"}),
    ("aad", 1007): ({"Status": "0xc000006d"}, {"token-refused"}),
    ("aad", 1081): (
        {"Error": "invalid_grant", "ErrorDescription": "AADSTS50155: x"},
        {"device-rejected", "token-refused"},
    ),
    ("aad", 1084): ({"Result": "0x80072ee7"}, {"token-service-unreachable"}),
    ("aad", 1086): ({"Status": "0xc004844c"}, {"upn-malformed"}),
    ("aad", 1088): ({"Error": "wst:FailedAuthentication", "ErrorDescription": "AADSTS50126: x"}, {"wrong-password"}),
    ("aad", 1098): ({"Error": "0xcaa2000c"}, {"interaction-required"}),
    ("aad", 1250): (
        {"Result": "0xc000006d", "HTTPStatus": "400", "ErrorDescription": "AADSTS700003: x"},
        {"device-rejected", "token-refused"},
    ),
    ("workplace-join", 102): ({"ExitCode": "0x80072ee7"}, {"workplace-discovery-not-reached"}),
    ("workplace-join", 103): ({"HttpStatus": "404"}, {"workplace-registration-off"}),
    ("workplace-join", 200): ({"ErrorMessage": "DeviceCapReached"}, {"workplace-device-limit"}),
    ("hello-for-business", 7055): ({"Error": "0x80090029"}, {"hello-tpm-not-set-up"}),
    ("hello-for-business", 7203): ({}, {"hello-not-wanted"}),
    ("mdm", 71): ({"HRESULT": "0x8018002b"}, {"mdm-not-configured"}),
    ("mdm", 76): ({"HRESULT": "0x8018002b"}, {"mdm-not-configured"}),
    ("mdm", 212): ({"HRESULT1": "0xcaa2000c"}, {"mdm-sync-needs-second-factor"}),
    ("kerberos", 107): ({}, {"kdc-certificate-without-domain"}),
    ("ad-fs", 1021): ({"Data1": "MSIS9368: forbidden with scope 'ugs'"}, {"adfs-scope-ugs-missing"}),
    ("device-registration-service", 125): ({"Data3": "DeviceCapReached"}, {"workplace-device-limit"}),
    ("odj-connector", 30132): ({"Data1": '"DiagnosticCode":"0x00000800"'}, {"autopilot-connector-without-rights"}),
    ("task-scheduler", 7016): ({"ResultCode": "2149056522"}, {"mdm-already-enrolled"}),
}
# Records that decide only beside the failure of the join they belong to.
BESIDE: Mapping[tuple[str, int], tuple[Mapping[str, str], str, set[str]]] = {
    ("user-device-registration", 220): ({"ErrorCode": "1317"}, "0x801c001d", {"ad-computer-object-unreadable"}),
    ("user-device-registration", 244): ({"ExitCode": "0x80070005"}, UNKNOWN, {"computer-certificate-not-published"}),
    ("user-device-registration", 245): ({"ExitCode": "0x80070005"}, UNKNOWN, {"computer-certificate-not-published"}),
    ("user-device-registration", 337): ({"dwError": "12029"}, "0x801c0021", {"proxy-failed-for-system"}),
    ("user-device-registration", 341): ({"ErrorCode": "12029"}, "0x801c0021", {"proxy-failed-for-system"}),
    ("user-device-registration", 344): ({"ExitCode": "0x80280036"}, UNKNOWN, {"device-key-not-reached"}),
}
NAMES = [(one, build) for one in eventbook.every() for build in one.by_build]


def names_of(findings: Iterable[Finding]) -> set[str]:
    return {name for one in findings for name in (one.rule, *names_of(one.symptoms))}


def judged(*records: Event) -> set[str]:
    report = judge(RULES, Case.of(records))
    return names_of(report.findings) | names_of(report.benign)


def record_of(one: Known, names: Iterable[str], values: Mapping[str, str]) -> Event:
    """The record as a build writes it; what the table names no field for stands under its own name."""
    told = dict.fromkeys((*names, *(name for name in values if name not in one.fields)), "")
    data = {name: values.get(name, VALUES.get(name, "x")) for name in told}
    return event(one.id, "08:58:00", one.name, record=1, **data)


def expected_of(key: tuple[str, int]) -> tuple[Mapping[str, str], set[str]]:
    return DECIDED.get(key, ({}, set()))


def test_every_decided_record_is_in_the_table() -> None:
    known = {(one.provider, one.id) for one in eventbook.every()}
    assert set(DECIDED) | set(BESIDE) <= known


@pytest.mark.parametrize(
    ("one", "build"), NAMES, ids=lambda value: f"{value.provider}-{value.id}" if isinstance(value, Known) else value
)
def test_a_record_gives_the_same_finding_on_every_build(one: Known, build: str) -> None:
    values, expected = expected_of((one.provider, one.id))
    assert judged(record_of(one, one.by_build[build], values)) == expected


@pytest.mark.parametrize("key", sorted(DECIDED), ids=lambda key: f"{key[0]}-{key[1]}")
def test_other_fields_do_not_matter(key: tuple[str, int]) -> None:
    one = eventbook.known(*key)
    assert one is not None
    values, expected = DECIDED[key]
    assert judged(record_of(one, values, values)) == expected  # the others are missing
    assert judged(record_of(one, (*one.fields, "NewField", "Reserved"), values)) == expected


@pytest.mark.parametrize("key", sorted(BESIDE), ids=lambda key: f"{key[0]}-{key[1]}")
@pytest.mark.parametrize("build", eventbook.SELECTED)
def test_a_record_beside_the_failure_it_belongs_to(key: tuple[str, int], build: str) -> None:
    one = eventbook.known(*key)
    failure = eventbook.known("user-device-registration", 304)
    assert one is not None
    assert failure is not None
    if build not in one.by_build:
        pytest.skip("this build has no such record")
    values, code, expected = BESIDE[key]
    end = record_of(failure, failure.by_build[build], {"ExitCode": code})._replace(
        time=event(304, "08:58:01").time, record=2
    )
    found = judged(record_of(one, one.by_build[build], values), end)
    assert expected <= found
    assert expected & judged(end) == set()
