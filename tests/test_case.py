"""Case: order and uniqueness of evidence, what it says of the device, whose session a capture shows."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from evidence import OTHER, SYSTEM, UDR, USER, WPJ, at, capture, event, log_line
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.case import Case, event_text
from troubleshoot.model import Account, Capture, Collected, Fact, LogSpan, Problem, RegistryValue, Source

YES, NO = "YES", "NO"


def state(joined: str | None = None, domain: str | None = None, **more: str) -> dict[str, str]:
    fields = {"AzureAdJoined": joined, "DomainJoined": domain, **more}
    return {name: text for name, text in fields.items() if text is not None}


# -------------------------------------------------------------------------------------------------- join state


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (state(YES, YES), "hybrid"),
        (state(YES, NO), "entra"),
        (state(YES), "unknown"),
        (state(NO, YES), "domain-only"),
        (state(NO, YES, WorkplaceJoined=YES), "domain-only"),
        (state(NO, NO, WorkplaceJoined=YES), "registered"),
        (state(NO, NO, WorkplaceJoined=NO), "none"),
        (state(NO, NO), "none"),
        (state(NO), "unknown"),
        (state(None, YES), "unknown"),
        (state(NO, YES, EnterpriseJoined=YES), "on-premises-drs"),
        (state(YES, YES, EnterpriseJoined=YES), "hybrid"),
        (state("xxxx", YES), "unknown"),
        ({"AzureAdPrt": NO}, "unknown"),
    ],
)
def test_join_state(fields: dict[str, str], expected: str) -> None:
    assert Case.of([capture(fields)]).join_state == expected


def test_join_state_is_that_of_the_newest_capture_able_to_answer() -> None:
    before = capture(state(NO, YES), time="08:00", path="a.txt")
    after = capture(state(YES, YES), time="10:00", path="b.txt")
    fragment = capture({"AzureAdPrt": NO}, time="11:00", path="c.txt")
    assert Case.of([after, fragment, before]).join_state == "hybrid"


def test_registration_of_one_user_is_not_denied_by_system() -> None:
    user = capture(state(NO, NO, WorkplaceJoined=YES), account=USER, time="08:00")
    system = capture(state(NO, NO, WorkplaceJoined=NO), account=SYSTEM, time="09:00", path="system.txt")
    left = capture(state(NO, NO, WorkplaceJoined=NO), account=USER, time="09:00", path="left.txt")
    assert Case.of([user, system]).join_state == "registered"
    assert Case.of([user, system, left]).join_state == "none"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([event(306, "09:00", record=2)], "hybrid"),
        ([event(304, "08:00", record=1, ExitCode="0x801c001d"), event(306, "09:00", record=2)], "hybrid"),
        ([event(306, "09:00", record=2), event(304, "10:00", record=3, ExitCode="0x801c001d")], "unknown"),
        ([event(306, "09:00", record=2), event(110, "10:00", record=3)], "unknown"),  # registration cleared
        ([event(110, "08:00", record=1), event(306, "09:00", record=2)], "hybrid"),
        ([event(306, "09:00", record=2), event(304, line=1, ExitCode="0x801c001d")], "unknown"),  # undated
        ([event(335, "09:00", record=2)], "unknown"),
        ([event(201, None, WPJ, line=1, text="Hybrid Azure AD Join operation succeeded.")], "hybrid"),
        ([event(201, None, WPJ, line=1, text="Workplace Join operation succeeded.")], "unknown"),
        ([], "unknown"),
    ],
)
def test_join_state_from_logs_alone(records: list[Any], expected: str) -> None:
    assert Case.of(records).join_state == expected


def test_a_capture_outweighs_the_logs() -> None:
    assert Case.of([capture(state(NO, YES)), event(306, "09:00", record=2)]).join_state == "domain-only"


# -------------------------------------------------------------------------------------------- order of captures


def order_of(*captures: Capture) -> list[str]:
    expected = [one.source.path for one in Case.of(captures).captures]
    for seed in range(4):
        shuffled = list(captures)
        random.Random(seed).shuffle(shuffled)
        assert [one.source.path for one in Case.of(shuffled).captures] == expected
    return expected


def test_captures_newest_first_by_their_time() -> None:
    assert order_of(
        capture(state(NO), time="08:00", path="z.txt"),
        capture(state(NO), time="10:00", path="a.txt"),
        capture(state(NO), time="09:00", path="m.txt"),
    ) == ["a.txt", "m.txt", "z.txt"]


def test_captures_without_time_by_what_is_inside_then_by_place() -> None:
    older = capture(state(YES, AzureAdPrtUpdateTime="2025-03-04 07:00:00.000 UTC"), path="z.txt")
    newer = capture(state(NO), time="08:00", path="a.txt")
    assert order_of(older, newer) == ["a.txt", "z.txt"]
    assert order_of(capture(state(NO), path="1.txt"), capture(state(YES), path="2.txt")) == ["2.txt", "1.txt"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("PreTrace/dsregcmd.txt", "dsregcmd.txt"), ("x/before.txt", "x/after.txt"), ("P_Start_.txt", "P_Stop_.txt")],
)
def test_names_of_the_run_before_and_after(first: str, second: str) -> None:
    assert order_of(capture(state(YES), path=second), capture(state(NO), path=first)) == [second, first]


def test_captures_of_one_file_stand_in_the_order_taken() -> None:
    top = capture(state(NO), path="log.txt", line=1)
    below = capture(state(YES), path="log.txt", line=90)
    assert [one.source.line for one in Case.of([below, top]).captures] == [90, 1]


def test_other_commands_are_no_status_captures() -> None:
    case = Case.of(
        [capture(state(NO)), capture({"IsDcAvailable": NO}, kind="join-debug"), capture({}, kind="accounts")]
    )
    assert len(case.captures) == 1
    assert {one.kind for one in case.other_captures} == {"join-debug", "accounts"}
    assert case.coverage.kinds == ("dsregcmd", "join-debug", "accounts")
    assert len(case.coverage.captures) == 3


# ------------------------------------------------------------------------------------------------------- events


def test_copies_of_a_record_count_once() -> None:
    one = event(307, "08:00", record=5, computer="PC1", path="a.evtx", ExitCode="0x801c001d")
    richer = event(307, "08:00", record=5, computer="PC1", path="b.xml", ExitCode="0x801c001d", More="x")
    case = Case.of([one, richer])
    assert case.events == (richer,)
    assert Case.of([richer, one]).events == (richer,)
    assert case.attempts[0].repeats == 1


def test_records_of_other_machines_times_and_ids_stay() -> None:
    records = [
        event(307, "08:00", record=5, computer="PC1"),
        event(307, "08:00", record=5, computer="PC2"),
        event(307, "09:00", record=5, computer="PC1"),
        event(304, "08:00", record=5, computer="PC1"),
    ]
    assert len(Case.of(records).events) == 4


def test_unnumbered_rows_count_once_per_row_of_a_file() -> None:
    moment = datetime(2025, 3, 4, 8)
    rows = [event(1104, moment, "AAD", line=i, path="a.csv", Result="1") for i in (1, 2)]
    copy = [event(1104, moment, "AAD", line=i, path="b.csv", Result="1") for i in (1, 2)]
    assert len(Case.of([*rows, *copy]).events) == 2


def test_events_newest_first_and_indexed() -> None:
    records = [event(304, f"0{i}:00", record=i, ExitCode="0x1") for i in (2, 1, 3)] + [event(306, None, line=1)]
    case = Case.of(records)
    assert [one.record for one in case.events] == [3, 2, 1, None]
    assert [one.record for one in case.by_event[UDR.casefold(), 304]] == [3, 2, 1]
    assert case.event_ids == {UDR.casefold(): (304, 306)}


@given(st.permutations(range(8)))
@settings(max_examples=40, deadline=None)
def test_order_of_reading_does_not_matter(order: list[int]) -> None:
    evidence = [
        capture(state(NO, YES), time="08:00", path="a.txt"),
        capture(state(YES, YES, AzureAdPrtUpdateTime="2025-03-04 09:00:00 UTC"), path="b.txt", account=USER),
        event(304, "07:00", record=1, ExitCode="0x801c001d", computer="PC1"),
        event(306, "08:30", record=2, computer="PC1.corp.example"),
        event(1081, "09:30", "AAD", record=3, Error="invalid_grant", ErrorDescription="AADSTS50155"),
        log_line("MDM enrollment failed with error code 0x8018002a", "CoManagementHandler", "09:40"),
        Problem(Source("c.txt"), "unreadable", "empty"),
        Problem(Source("b.bin"), "unsupported", "a picture"),
    ]
    one, other = Case.of(evidence), Case.of([evidence[i] for i in order])
    for name in ("captures", "events", "attempts", "users", "device", "as_of", "join_state", "problems", "facts"):
        assert getattr(one, name) == getattr(other, name), name


# -------------------------------------------------------------------------------------------- as_of, device, users


def test_as_of_is_the_newest_capture_then_the_newest_record_then_a_line() -> None:
    late = event(306, "12:00", record=1)
    assert Case.of([capture(state(NO), time="08:00"), capture(state(NO), time="09:00", path="b"), late]).as_of == at(
        "09:00"
    )
    assert Case.of([capture(state(YES)), late]).as_of == at("12:00")
    assert Case.of([event(306, datetime(2025, 3, 5), line=1), late]).as_of == at("12:00")
    assert Case.of([event(306, datetime(2025, 3, 5), line=1)]).as_of is None
    assert Case.of([log_line("x", "y", "07:00"), log_line("x", "y")]).as_of == at("07:00")
    assert Case.of([late], as_of=at("13:00")).as_of == at("13:00")


def test_logs_without_records_of_use_tell_the_device_and_the_time() -> None:
    def span(channel: str, last: str, computer: str | None = None) -> LogSpan:
        return LogSpan(channel, at("01:00"), at(last), 3, 0, Source(f"{channel}.evtx"), 3, computer)

    logs = [span("Application", "07:00", "OLD-1"), span("System", "08:00", "WKS-0427.corp.example"), span("X", "09:00")]
    case = Case.of(logs)
    assert (case.as_of, case.device.name, case.device.names, case.device.domain) == (
        at("09:00"),
        "WKS-0427.corp.example",
        ("WKS-0427.corp.example",),
        "corp.example",
    )
    found = Case.of([*logs, event(306, "06:00", record=1, computer="PC1")])
    assert (found.as_of, found.device.name) == (at("06:00"), "PC1")  # what was kept decides
    assert Case.of([span("X", "09:00")]).device.name is None


def test_device_from_captures() -> None:
    fields = {
        "DeviceName": "PC2.corp.example",
        "DomainName": "CORP",
        "DeviceId": "xxxx",
        "TenantId": "t-1",
        "TenantName": "Contoso",
    }
    device = Case.of([capture(fields), event(306, "08:00", record=1, computer="PC1.corp.example")]).device
    assert (device.name, device.domain, device.device_id, device.tenant_id) == ("PC2.corp.example", "CORP", None, "t-1")
    assert device.names == ("PC2.corp.example", "PC1.corp.example")
    assert device.tenant_name == "Contoso"


def test_renamed_computer_is_one_device_newest_name_first() -> None:
    records = [
        event(306, "08:00", record=1, computer="DESKTOP-1"),
        event(306, "09:00", record=2, computer="PC1"),
        event(306, "10:00", record=3, computer="PC1.corp.example"),
    ]
    device = Case.of(records).device
    assert device.names == ("PC1.corp.example", "DESKTOP-1")
    assert device.domain == "corp.example"


def test_tenant_from_the_debug_block_and_build_from_the_registry() -> None:
    debug = "errorPhase: join\r\ntenantId: 12345678-1111-2222-3333-444444444444\r\n"
    key = r"HKLM\Software\Microsoft\Windows NT\CurrentVersion"
    values = [
        RegistryValue(key, name, "REG_SZ", value, Source("a.reg", i))
        for i, (name, value) in enumerate([("CurrentBuild", "22631"), ("UBR", 4602)])
    ]
    device = Case.of([event(304, "08:00", record=1, ExitCode="0x801c03f2", DebugOutput=debug), *values]).device
    assert device.tenant_id == "12345678-1111-2222-3333-444444444444"
    assert device.os_build == "22631.4602"


def test_users_are_people_and_each_once() -> None:
    token = {"PrtAttemptStatus": "0xc000006d", "PrtUserIdentity": "bob@corp.example"}
    case = Case.of([
        capture(state(YES), account=USER),
        capture(state(YES), account=Account("CORP\\ada", "domain"), path="b.txt"),
        capture(state(YES), account=SYSTEM, path="c.txt"),
        capture(state(YES), account=Account(None, "unknown"), path="d.txt"),
        capture(token, path="e.txt"),
    ])  # fmt: skip
    assert sorted(key.rpartition("\\")[2].partition("@")[0] for key in case.user_keys()) == ["ada", "bob"]


def test_an_elevated_administrator_is_a_user_only_where_nobody_else_is_known() -> None:
    admin = capture(state(YES), account=OTHER, elevated=True, path="admin.txt")
    user = capture(state(YES), account=USER, elevated=False)
    assert Case.of([admin, user]).user_keys() == ("ada@corp.example",)
    assert Case.of([admin]).user_keys() == ("bob@corp.example",)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (capture({}, account=USER), "ada@corp.example"),
        (capture({}, account=Account("PC1\\Eve", "local")), "pc1\\eve"),
        (capture({}, account=SYSTEM), None),
        (capture({}), None),
        (capture({"PrtUserIdentity": "Bob@corp.example"}), "bob@corp.example"),
        (capture({"PrtUserIdentity": "Bob@corp.example"}, account=SYSTEM), None),
    ],
)
def test_capture_user(one: Capture, expected: str | None) -> None:
    assert Case.capture_user(one) == expected


# ---------------------------------------------------------------------------------------------------- look-ups


def test_registry_by_key_each_value_once() -> None:
    def made(path: str, name: str, value: int) -> RegistryValue:
        return RegistryValue("HKLM\\Software\\X\\", name, "REG_DWORD", value, Source(path, 1))

    keys = Case.of([made("a", "One", 1), made("b", "ONE", 1), made("a", "Two", 2)]).keys
    assert {key: [(one.name, one.value) for one in values] for key, values in keys.items()} == {
        "HKLM\\SOFTWARE\\X": [("One", 1), ("Two", 2)]
    }


def test_parts_of_one_log_are_one_span() -> None:
    def span(first: str, last: str, path: str = "a.evtx", records: int = 3, lost: int = 1) -> LogSpan:
        return LogSpan("Log/Admin", at(first), at(last), records, lost, Source(path))

    empty = LogSpan("Log/Admin", None, None, 0, 0, Source("a.evtx"))
    case = Case.of(
        [span("09:00", "10:00"), span("07:00", "08:00"), empty, span("01:00", "02:00", "b.evtx")],
        None,
        Collected(("x",), "x"),
    )
    spans = case.spans["log/admin"]
    assert [(one.source.path, one.first, one.last, one.records, one.lost) for one in spans] == [
        ("a.evtx", at("07:00"), at("10:00"), 6, 2),
        ("b.evtx", at("01:00"), at("02:00"), 3, 1),
    ]
    assert (case.coverage.collector, case.coverage.logs) == ("x", spans)


def test_line_text() -> None:
    record = event(307, "08:00", record=5, ExitCode="0x801c001d", Empty=" ")
    value = RegistryValue("HKLM\\X", "One", "REG_DWORD", 1, Source("a.reg", 4))
    case = Case.of([capture({"ClientErrorCode": "0x801c001d"}), record, log_line("a line", "x"), value])
    assert case.line_text(Source("dsregcmd.txt", 1)) == "ClientErrorCode : 0x801c001d"
    assert case.line_text(record.source) == "event 307 User Device Registration: ExitCode=0x801c001d"
    assert case.line_text(Source("app.log", 1)) == "a line"
    assert case.line_text(Source("a.reg", 4)) == "HKLM\\X: One = 1"
    assert case.line_text(Source("nowhere", 1)) == ""


def test_event_text_is_one_bounded_line() -> None:
    text = event_text(event(304, None, line=1, DebugOutput="a: b\r\n" * 5000, text="unused"))
    assert "\n" not in text
    assert len(text) <= 500
    assert event_text(event(9, None, line=1)) == "event 9 User Device Registration"


def test_facts_by_name_newest_first() -> None:
    facts = [
        Fact("task.x", "ready", Source("a", 1), at("08:00")),
        Fact("task.x", "missing", Source("b", 1), at("09:00")),
    ]
    assert [fact.value for fact in Case.of(facts).facts["task.x"]] == ["missing", "ready"]


def test_an_empty_case_knows_nothing() -> None:
    case = Case.of([])
    assert (case.join_state, case.domain_type, case.as_of, case.attempts, case.users) == (
        "unknown",
        "unknown",
        None,
        (),
        (),
    )
    assert case.device.name is None
