"""results.xml, the MDM report, the Autopilot profile and the status of the VM extension: exact evidence, hostile and cut-off files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.case import Case
from troubleshoot.model import Fact, LogLine, Problem, Source
from troubleshoot.parsers import parse_text

RESULTS = """<?xml version="1.0" encoding="utf-16"?>
<Collection HRESULT="0">
  <ID>11111111-2222-3333-4444-555555555555</ID>
  <SasUrl>SasUrlPlaceHolder</SasUrl>
  <RegistryKey HRESULT="-2147024893">HKLM\\Software\\Policies</RegistryKey>
  <Command HRESULT="0">%windir%\\system32\\Dsregcmd.exe /status</Command>
  <FoldersFiles HRESULT="-2147024894">%windir%\\ccmsetup\\logs\\*.log</FoldersFiles>
  <OutputFileFormat>flattened</OutputFileFormat>
</Collection>
"""


def read(text: str | bytes, name: str = "x") -> list[Any]:
    return list(parse_text(name, text.encode() if isinstance(text, str) else text, None))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_results(encoding: str) -> None:
    assert read(RESULTS.encode(encoding)) == [
        LogLine("Collect diagnostics", None, "(1) RegistryKey HKLM\\Software\\Policies: 0x80070003", Source("x", 5)),
        LogLine(
            "Collect diagnostics",
            None,
            "(2) Command %windir%\\system32\\Dsregcmd.exe /status: 0x00000000",
            Source("x", 6),
        ),
        LogLine(
            "Collect diagnostics", None, "(3) FoldersFiles %windir%\\ccmsetup\\logs\\*.log: 0x80070002", Source("x", 7)
        ),
    ]


def test_results_that_are_cut_off() -> None:
    found = read(RESULTS[: RESULTS.index("<FoldersFiles")])
    assert [one.text for one in found if isinstance(one, LogLine)][1].startswith("(2) Command")
    assert [(one.kind, one.message) for one in found if isinstance(one, Problem)] == [
        ("damaged", "the XML is damaged or cut off")
    ]


def enrolment(state: str = "1", **more: str) -> str:
    values = {"EnrollmentID": "E1", "EnrollmentState": state, "EnrollmentType": "6", "UPN": "ada@contoso.com", **more}
    return (
        "<Enrollment>"
        + "".join(f"<{name}>{text}</{name}>" for name, text in values.items() if text)
        + "</Enrollment>\n"
    )


def report(*enrolments: str) -> str:
    body = f"<Enrollments>\n{''.join(enrolments)}</Enrollments>"
    return f"<?xml version='1.0'?>\n<MDMEnterpriseDiagnosticsReport>\n{body}\n</MDMEnterpriseDiagnosticsReport>\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (report(enrolment()), ["yes"]),
        (report(enrolment("0"), enrolment()), ["yes"]),
        (report(enrolment("0")), ["no"]),
        (report(), ["no"]),
        (report(enrolment(UPN="")), ["no"]),  # a provisioning package, no server
        (report(enrolment(UPN="", ProviderID="MS DM Server")), ["yes"]),
        ("<MDMEnterpriseDiagnosticsReport><PolicyManager/></MDMEnterpriseDiagnosticsReport>", []),
        (report().replace("</MDMEnterpriseDiagnosticsReport>", ""), []),  # cut off: what was there is unknown
    ],
)
def test_enrolment_of_the_mdm_report(text: str, expected: list[str]) -> None:
    assert [one.value for one in read(text) if isinstance(one, Fact)] == expected


def test_proof_of_an_enrolment() -> None:
    (fact,) = read(report(enrolment()))
    assert fact == Fact(
        "mdm.enrolled",
        "yes",
        Source("x", 4),
        None,
        None,
        "enrolment: enrollmentid=E1; enrollmenttype=6; upn=ada@contoso.com",
    )


def test_entities_are_not_resolved(tmp_path: Any) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("0x8018002a secret", encoding="utf-8")
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
    )
    text = f"{bomb}<!ENTITY file SYSTEM 'file://{secret}'>]>\n{report(enrolment(UPN='&file;&j;'))}"
    found = read(text)
    assert not any(
        "secret" in str(one) or "aaaa" in str(getattr(one, "text", "")) for one in found if isinstance(one, Fact)
    )


# ----------------------------------------------------------------------------------------------------- small JSON


@pytest.mark.parametrize(
    ("method", "expected"), [(1, ["hybrid"]), (0, ["entra"]), ("1", ["hybrid"]), (7, []), (None, [])]
)
def test_autopilot_profile(method: Any, expected: list[str]) -> None:
    text = json.dumps(
        {"CloudAssignedTenantDomain": "contoso.onmicrosoft.com", "CloudAssignedDomainJoinMethod": method}, indent=1
    )
    facts = [one for one in read(text) if isinstance(one, Fact)]
    assert [(one.name, one.value, one.source.line) for one in facts] == [
        ("autopilot.join-method", one, 3) for one in expected
    ]


def test_metadata_of_the_collector() -> None:
    text = '{"MdmDiagVersion":"1.0","AreaName":"Autopilot;DeviceEnrollment","BaseBuildRevisionNumber":4601,"BuildBranch":"ge_release"}'
    assert read(text) == [
        LogLine(
            "MdmDiagnosticsTool",
            None,
            "MdmDiagVersion=1.0; AreaName=Autopilot;DeviceEnrollment; BaseBuildRevisionNumber=4601; BuildBranch=ge_release",
            Source("x", 1),
        )
    ]


def status(word: str, code: int, message: str, name: str = "Microsoft.Azure.ActiveDirectory.AADLoginForWindows") -> str:
    inner = {
        "name": name,
        "operation": "Enable",
        "status": word,
        "code": code,
        "formattedMessage": {"lang": "en-US", "message": message},
    }
    return json.dumps([{"version": "1.0", "timestampUTC": "2026-03-04T08:58:00Z", "status": inner}])


def test_a_failed_extension_is_an_attempt() -> None:
    found = read(status("error", -2145648607, "AAD Join failed with status code: -2145648607."))
    assert [(one.component, one.text) for one in found] == [
        ("AADLoginForWindows", "AAD Join failed with status code: -2145648607.")
    ]
    assert [(one.flow, one.codes) for one in Case.of(found).attempts] == [("vm", ("0x801c0021",))]


def test_the_code_of_the_status_is_told_where_the_message_lacks_it() -> None:
    found = read(status("error", 1007, "Join failed"))
    assert [one.text for one in found] == ["Join failed failed with exit code 1007"]
    assert [one.codes for one in Case.of(found).attempts] == [("exit code 1007",)]


@pytest.mark.parametrize(
    "text", [status("success", 0, "Successfully joined"), status("error", 5, "Join failed", name="OtherExtension")]
)
def test_other_states_are_no_attempt(text: str) -> None:
    assert Case.of(read(text)).attempts == ()


@pytest.mark.parametrize(
    "text", ['{"CloudAssignedDomainJoinMethod": ', '{"MdmDiagVersion": "1', '[{"formattedMessage"']
)
def test_json_that_is_cut_off(text: str) -> None:
    problems = [one for one in read(text) if isinstance(one, Problem)]
    assert [(one.kind, one.message, one.lost) for one in problems] == [("damaged", "the JSON is damaged or cut off", 1)]


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=200),
    st.sampled_from(['<Collection HRESULT="0">', "<MDMEnterpriseDiagnosticsReport>", '{"MdmDiagVersion": ']),
)
def test_arbitrary_text_never_raises(text: str, start: str) -> None:
    for one in read((start + text).encode("utf-8", "replace")):
        assert not (isinstance(one, Problem) and "reading stopped" in one.message)
