"""Attempts of several sources: joined into one per failure, folded, in order, and which of them stand."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from evidence import (
    AAD,
    BLOCK,
    DEBUG_304,
    MDM,
    MODERN,
    SYSTEM,
    UDR,
    USER,
    WPJ,
    at,
    built,
    capture,
    discovery_run,
    event,
    only,
    says,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.attempts import WANTED, failures_since_success, standing
from troubleshoot.model import Attempt, Event

# -------------------------------------------------------------------------------------------------- joining the sources


def test_block_and_records_of_one_failure_are_one_attempt() -> None:
    block = capture({**BLOCK, "PreviousRegistration": "2025-03-04 08:59:10.000 UTC"})
    record = event(304, "08:58", record=7, ExitCode="0x801c03f2", TenantType="Managed", DebugOutput="errorPhase: join")
    one = only(block, record)
    says(one, tenant_type="managed", http_status="400", registration="sync", repeats=1)
    assert one.sources[-1].record == 7
    assert one.proof["code"].line == 4
    assert {"tenant_type", "http_status"} <= one.printed


@pytest.mark.parametrize(
    ("record", "attempts"),
    [
        (event(304, "09:03:01", record=1, ExitCode="0x801c03f2"), 2),  # more than five minutes apart
        (event(304, "09:02:59", record=1, ExitCode="0x801c03f2"), 1),
        (event(304, "08:58", record=1, ExitCode="0x801c001d"), 2),  # another code
        (event(307, "08:58", record=1, ExitCode="0x801c03f2"), 2),  # another phase
        (event(304, datetime(2025, 3, 4, 8, 58), line=1, ExitCode="0x801c03f2"), 2),  # unknown zone
        (event(304, "10:58", record=1, ExitCode="0x801c03f2", ServerErrorMessage=MODERN), 1),  # same request id
    ],
)
def test_what_joins_block_and_record(record: Event, attempts: int) -> None:
    assert len(built(capture(BLOCK), record)) == attempts


def test_a_code_behind_the_first_joins_too() -> None:
    """dsregcmd prints the status first and the answer behind it; a lone 1081 or 304 holds one of them."""
    token = capture(
        ("PrtPreviousAttempt", "2025-03-04 08:58:00.000 UTC"),
        ("PrtAttemptStatus", "0xc000006d"),
        ("PrtServerErrorDescription", "AADSTS50155: x"),
    )
    says(
        only(token, event(1081, "08:58", AAD, record=3, ErrorDescription="AADSTS50155: x")),
        codes=("0xc000006d", "AADSTS50155"),
    )
    assert len(built(token, event(1081, "08:58", AAD, record=3, ErrorDescription="AADSTS50034: x"))) == 2
    block = capture(
        {
            **BLOCK,
            "ErrorPhase": "discover",
            "ClientErrorCode": "0x801c0021",
            "DRSDiscoveryTest": "FAIL [0x801c0021/0x80072ee2]",
        }
    )
    says(only(block, event(304, "08:58", record=1, ExitCode="0x80072ee2")), suberror="0x80072ee2")


def test_lone_304_does_not_contradict_the_phase_of_the_block() -> None:
    block = capture({**BLOCK, "ErrorPhase": "discover", "ClientErrorCode": "0x801c0021"})
    assert only(block, event(304, "08:58:10", record=1, ExitCode="0x801c0021")).phase == "discover"


def test_nearest_record_is_taken() -> None:
    records = [event(304, f"08:5{i}", record=i, ExitCode="0x801c03f2") for i in (5, 7, 9)]
    found = built(capture({**BLOCK, "PreviousRegistration": "2025-03-04 08:57:20.000 UTC", "RequestId": ""}), *records)
    joined = [one for one in found if one.http_status == "400"]
    assert [[each.record for each in one.events] for one in joined] == [[7]]


def test_two_captures_of_one_block_count_once() -> None:
    one = only(capture(BLOCK, account=USER), capture(BLOCK, account=SYSTEM, path="system.txt"))
    assert one.repeats == 1
    assert {source.path for source in one.sources} == {"dsregcmd.txt", "system.txt"}


# -------------------------------------------------------------------------------------------------------------- folding


def test_hourly_failures_are_one_attempt_that_counts_them() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    records = [each for i in range(500) for each in discovery_run(start + timedelta(hours=i), 1 + 4 * i)]
    random.Random(7).shuffle(records)
    one = only(*records)
    newest = start + timedelta(hours=499, milliseconds=120)
    says(one, repeats=500, since=start + timedelta(milliseconds=120), time=newest)
    assert [each.record for each in one.events] == [1997, 1998, 1999, 2000]


def test_like_failures_do_not_fold_across_a_success() -> None:
    found = built(
        event(307, "08:00", record=1, ExitCode="0x801c001d"),
        event(307, "09:00", record=2, ExitCode="0x801c001d"),
        event(306, "10:00", record=3),
        event(307, "11:00", record=4, ExitCode="0x801c001d"),
    )
    assert [(one.outcome, one.repeats, one.since) for one in found] == [
        ("failed", 1, at("11:00")),
        ("succeeded", 1, None),
        ("failed", 2, at("08:00")),
    ]
    assert [one.time for one in failures_since_success(found)] == [at("11:00")]


def test_other_codes_owners_and_zones_stay_apart() -> None:
    found = built(
        event(307, "08:00", record=1, ExitCode="0x801c001d"),
        event(307, "09:00", record=2, ExitCode="0x801c001e"),
        event(307, datetime(2025, 3, 4, 8), line=2, ExitCode="0x801c001d"),
        event(
            1081, "08:00", AAD, record=3, Error="invalid_grant", ErrorDescription="AADSTS50126", user="ada@corp.example"
        ),
        event(
            1081, "09:00", AAD, record=4, Error="invalid_grant", ErrorDescription="AADSTS50126", user="bob@corp.example"
        ),
    )
    assert len(found) == 5
    assert all(one.repeats == 1 for one in found)


def test_undated_repeats_fold_too() -> None:
    found = built(*[event(304, line=i, path=f"{i}.txt", ExitCode="0x801c001d") for i in range(9)])
    assert [(one.repeats, one.since) for one in found] == [(9, None)]


# ---------------------------------------------------------------------------------------------------------- what stands


def failed(time: str | None, phase: str | None, flow: str = "join", **more: Any) -> Attempt:
    return Attempt(flow, at(time) if time else None, phase, "failed", **more)


@pytest.mark.parametrize(
    ("attempts", "stand"),
    [
        ([failed("10:00", "precheck"), failed("09:00", "discover")], [0, 1]),
        ([failed("10:00", "discover"), failed("09:00", "precheck")], [0]),
        ([failed("10:00", "discover"), failed("09:00", "discover")], [0]),
        ([failed("10:00", "precheck"), failed("09:00", "join"), failed("08:00", "auth")], [0, 1]),
        ([failed("10:00", "join"), failed("09:00", "prt", "prt")], [0, 1]),
        ([failed("10:00", None), failed("09:00", "discover")], [0, 1]),
        ([failed("10:00", "join"), failed("09:00", None)], [0, 1]),
        ([failed("10:00", "join"), failed(None, "discover")], [0, 1]),
        (
            [failed("10:00", "prt", "prt", user="ada@corp.example"), failed("09:00", "prt", "prt", user="CORP\\bob")],
            [0, 1],
        ),
        (
            [failed("10:00", "prt", "prt", user="ada@corp.example"), failed("09:00", "prt", "prt", user="CORP\\ada")],
            [0],
        ),
        ([failed("10:00", "prt", "prt"), failed("09:00", "prt", "prt", user="ada@corp.example")], [0]),
        (
            [
                failed("10:00", "prt", "prt"),
                failed("09:00", "prt", "prt", user="ada@corp.example"),
                failed("08:00", "prt", "prt", user="bob@corp.example"),
            ],
            [0, 1, 2],
        ),
        (
            [
                failed("10:00", "join", registration="fallback_sync"),
                failed("09:00", "auth"),
                failed("08:00", "discover"),
            ],
            [0, 1],
        ),
        ([Attempt("join", at("11:00"), None, "succeeded"), failed("10:00", "discover")], [1]),
    ],
)
def test_standing(attempts: list[Attempt], stand: list[int]) -> None:
    assert standing(attempts) == tuple(attempts[i] for i in stand)


def test_naive_times_settle_nothing() -> None:
    naive = Attempt("join", datetime(2025, 3, 4, 12), "join", "failed")
    attempts = [failed("10:00", "discover"), naive]
    assert standing(attempts) == tuple(attempts)
    success = Attempt("join", at("13:00"), None, "succeeded")
    assert failures_since_success([success, *attempts]) == (naive,)


def test_failures_since_success_per_owner() -> None:
    ada, bob = "ada@corp.example", "bob@corp.example"
    attempts = [
        Attempt("prt", at("12:00"), "prt", "succeeded", user=ada),
        failed("11:00", "prt", "prt", user="CORP\\ada"),
        failed("11:00", "prt", "prt", user=bob),
        failed("11:00", "join"),
    ]
    assert failures_since_success(attempts) == (attempts[2], attempts[3])


# ------------------------------------------------------------------------------------------------------ whole behaviour


def test_every_record_the_builders_use_is_wanted() -> None:
    assert {331, 307, 304, 305, 306, 201, 204, 220, 334, 335} <= WANTED[UDR.casefold()]
    assert {1006, 1007, 1022, 1081, 1084, 1086, 1088, 1097, 1098, 1104, 1144} <= WANTED["aad"]
    assert all(name == name.casefold() for name in WANTED)


_IDS = st.sampled_from([(UDR, i) for i in (201, 204, 212, 220, 304, 305, 306, 307, 331, 334, 335)]
                       + [(AAD, i) for i in (1006, 1007, 1025, 1081, 1084, 1097, 1098, 1104, 1144)]
                       + [(MDM, 71), (MDM, 75), (MDM, 76), (WPJ, 102), (WPJ, 201)])  # fmt: skip
_VALUES = st.dictionaries(
    st.sampled_from(["ExitCode", "DebugOutput", "Status", "Result", "Error", "ErrorDescription", "HRESULT", "value"]),
    st.one_of(
        st.sampled_from(["0x801c001d", "-2145648611", "", "undefined", DEBUG_304, MODERN, "0"]), st.text(max_size=30)
    ),
    max_size=4,
)
_RECORDS = st.lists(
    st.builds(
        lambda ids, second, zone, values, text: (ids, second, zone, values, text),
        _IDS,
        st.integers(0, 400),
        st.sampled_from(["utc", "local", "none"]),
        _VALUES,
        st.one_of(st.none(), st.text(max_size=60)),
    ),
    max_size=14,
)


def _made(rows: list[Any]) -> list[Event]:
    out = []
    for i, ((provider, number), second, zone, values, text) in enumerate(rows):
        moment: datetime | None = datetime(2025, 3, 4, 9) + timedelta(seconds=second)
        if zone == "utc" and moment is not None:
            moment = moment.replace(tzinfo=UTC)
        made = event(number, None if zone == "none" else moment, provider, record=i + 1, text=text)
        out.append(made._replace(data=values))
    return out


@given(_RECORDS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_any_records_in_any_order_give_the_same_attempts(rows: list[Any], chance: random.Random) -> None:
    records = _made(rows)
    shuffled = records[:]
    chance.shuffle(shuffled)
    first, second = built(*records), built(*shuffled)
    assert first == second
    assert all(one.outcome == "failed" for one in standing(first))
    used = [source for one in first for source in one.sources]
    assert len(set(used)) == len(used)  # no record tells of two attempts


def test_cost_grows_with_the_records_not_with_their_square() -> None:
    """Fifty times the different failures may cost a hundred times, not two and a half thousand."""
    from time import process_time

    def cost(count: int) -> float:
        start = datetime(2025, 1, 1, tzinfo=UTC)
        records = [
            event(
                304, start + timedelta(hours=i), record=i + 1, ExitCode=f"0x801c{i:04x}", DebugOutput="errorPhase: join"
            )
            for i in range(count)
        ]
        best = 9.0
        for _ in range(3):
            before = process_time()
            standing(built(*records))
            best = min(best, process_time() - before)
        return best

    assert cost(5000) < 600 * max(cost(100), 0.001)
