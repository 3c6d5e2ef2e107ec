"""Facts of ConfigMgr logs, both CMTrace forms and the Intune agent's; the newest line wins, a rolled-over part is older."""

from __future__ import annotations

import pytest
from evidence import capture, log_line
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.case import Case
from troubleshoot.model import Fact, LogLine, Problem, Source
from troubleshoot.parsers import parse_text

DEVICE, TENANT = "11111111-2222-3333-4444-555555555555", "22222222-3333-4444-5555-666666666666"
NOT_ENROLLED = "Device is not MDM enrolled yet. All workloads are managed by SCCM."
ENROLLED = "MDM enrollment succeeded"


def wrapped(
    text: str, time: str = "09:41:03.218-060", date: str = "03-04-2026", component: str = "CoManagementHandler"
) -> str:
    return f'<![LOG[{text}]LOG]!><time="{time}" date="{date}" component="{component}" context="" type="1" thread="7316" file="x.cpp:1">\n'


def told(*texts: tuple[str, str]) -> dict[str, str]:
    evidence = [one for name, text in texts for one in parse_text(name, text.encode(), None)]
    return {name: found[0].value for name, found in Case.of(evidence).facts.items() if name.startswith("mdm.")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NOT_ENROLLED, {"mdm.enrolled": "no"}),
        (ENROLLED, {"mdm.enrolled": "yes"}),
        ("Device is already enrolled with MDM.", {"mdm.enrolled": "yes"}),
        ("MDM enrollment failed with error code 0x8018002a", {"mdm.enrolled": "no"}),
        ("Merged value for 'CoManagementSettings_AutoEnroll' is 'False'", {"mdm.auto-enrolment": "off"}),
        ("Merged value for 'CoManagementSettings_AutoEnroll' is 'True'", {}),  # it does not say with whose credential
        (
            "Enrolling device with RegisterDeviceWithManagementUsingAADDeviceCredentials",
            {"mdm.auto-enrolment": "device"},
        ),
        ("Enrolling device with RegisterDeviceWithManagementUsingAADCredentials", {"mdm.auto-enrolment": "user"}),
        ("Queuing enrollment timer to fire at 03/04/2026 10:40:11", {}),
    ],
)
def test_messages(text: str, expected: dict[str, str]) -> None:
    assert told(("CoManagementHandler.log", wrapped(text))) == expected


def test_the_same_words_of_another_component_say_nothing() -> None:
    assert told(("x.log", wrapped(NOT_ENROLLED, component="ClientIDManagerStartup"))) == {}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (wrapped(NOT_ENROLLED, "09:00:00.000-060"), wrapped(ENROLLED, "10:00:00.000-060"), "yes"),
        (wrapped(ENROLLED, "10:00:00.000-060"), wrapped(NOT_ENROLLED, "09:00:00.000-060"), "yes"),
        (wrapped(ENROLLED, "09:00:00.000+000"), wrapped(NOT_ENROLLED, "09:30:00.000-060"), "yes"),  # 08:30 in UTC
        (wrapped(ENROLLED, "bad", "bad"), wrapped(NOT_ENROLLED, "bad", "bad"), "no"),  # the later line
    ],
)
def test_the_newest_line_wins(first: str, second: str, expected: str) -> None:
    assert told(("CoManagementHandler.log", first + second)) == {"mdm.enrolled": expected}


@pytest.mark.parametrize("old", ["logs/CoManagementHandler.lo_", "logs/CoManagementHandler-20260301-101112.log"])
def test_a_rolled_over_part_is_older(old: str) -> None:
    now, before = wrapped(NOT_ENROLLED, "bad", "bad"), wrapped(ENROLLED, "bad", "bad")
    assert told(("logs/CoManagementHandler.log", now), (old, before)) == {"mdm.enrolled": "no"}


def test_what_was_collected_of_the_state_comes_first() -> None:
    line = log_line(NOT_ENROLLED, "CoManagementHandler", "09:00")
    facts = Case.of([line, Fact("mdm.enrolled", "yes", Source("enrollments.reg", 4))]).facts
    assert [(one.value, one.source.path) for one in facts["mdm.enrolled"]] == [("yes", "enrollments.reg")]


def test_proof_is_the_line() -> None:
    fact = Case.of([log_line(NOT_ENROLLED, "CoManagementHandler", "09:00", line=7)]).facts["mdm.enrolled"][0]
    assert (fact.source, fact.text) == (Source("app.log", 7), NOT_ENROLLED)


@pytest.mark.parametrize(
    ("kind", "expected"), [("1", (DEVICE, TENANT)), ("2", (None, None))], ids=["joined", "registered"]
)
def test_the_ids_of_the_registration(kind: str, expected: tuple[str | None, str | None]) -> None:
    text = f"AAD-Join Info: type = {kind}, DeviceId: {DEVICE.upper()}, TenantId: {TENANT}, EnrollmentUrl: https://x"
    device = Case.of([log_line(text, "CoManagementHandler", "09:00")]).device
    assert (device.device_id, device.tenant_id) == expected


def test_dsregcmd_names_the_device_first() -> None:
    text = f"AAD-Join Info: type = 1, DeviceId: {DEVICE}, TenantId: {TENANT}, EnrollmentUrl: https://x"
    found = Case.of([capture({"DeviceId": TENANT}), log_line(text, "CoManagementHandler")])
    assert (found.device.device_id, found.device.tenant_id) == (TENANT, TENANT)


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (wrapped("x", "09:41:03.218-060"), "2026-03-04T08:41:03.218000+00:00"),
        (wrapped("x", "09:41:03.218+600"), "2026-03-04T19:41:03.218000+00:00"),
        (wrapped("x", "09:41:03.218+99999"), "2026-03-04T09:41:03.218000"),  # no zone of this world
        (wrapped("x", "9:41:03.2181234", "3-4-2026"), "2026-03-04T09:41:03.218123"),  # the Intune agent
        (wrapped("x", "09:41:03.218"), "2026-03-04T09:41:03.218000"),
        (wrapped("x", "25:41:03.218"), None),
        (
            "x  $$<CoManagementHandler><03-04-2026 09:41:03.218-060><thread=7316 (0x1C94)>\n",
            "2026-03-04T08:41:03.218000+00:00",
        ),
        (
            "x  $$<CoManagementHandler><03-04-2026 09:41:03.218+99999><thread=7316 (0x1C94)>\n",
            "2026-03-04T09:41:03.218000",
        ),
    ],
)
def test_times_of_both_forms(line: str, time: str | None) -> None:
    (found,) = parse_text("x.log", line.encode(), None)
    assert isinstance(found, LogLine)
    assert (found.component, found.text, found.time.isoformat() if found.time else None) == (
        "CoManagementHandler",
        "x",
        time,
    )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=20))
def test_arbitrary_lines_never_raise(text: str, time: str, date: str) -> None:
    for one in parse_text("x.log", wrapped(text, time, date).encode("utf-8", "replace"), None):
        assert not (isinstance(one, Problem) and "reading stopped" in one.message)
