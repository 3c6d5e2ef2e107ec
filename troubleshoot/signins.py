"""What the tenant's sign-in log adds: the code behind a refused token, by request, device or user.

Microsoft Graph, "signIn resource type"; codes: Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from troubleshoot import times
from troubleshoot.accounts import same_account
from troubleshoot.cloudfacts import line
from troubleshoot.model import Attempt, CloudObject, Fact
from troubleshoot.parsers.cloudrows import names as table

MOST = 200
"""Rows of one device that are kept, the newest."""


def own(
    rows: Iterable[CloudObject], ids: Sequence[str], names: Sequence[str], users: Sequence[str]
) -> list[CloudObject]:
    """The sign-ins of this device, newest first: by its id; without one by its name, or by a user and an application of Windows."""
    found = [one for one in rows if one.kind == "sign-in" and _is_of(one, ids, names, users)]
    found.sort(key=lambda one: times.order(one.time), reverse=True)
    return found[:MOST]


def _is_of(row: CloudObject, ids: Sequence[str], names: Sequence[str], users: Sequence[str]) -> bool:
    if row.device_id:
        return row.device_id in ids
    device = row.values.get("deviceName", "").partition(".")[0].casefold()
    if device:
        return device in names
    return of_windows(row) and any(same_account(row.values.get("userPrincipalName"), user) for user in users)


def of_windows(row: CloudObject) -> bool:
    """Is it a sign-in of Windows itself (for a token or a registration), and not one of an app or a browser?"""
    known = table()["windows_apps"]
    return row.values.get("appId", "").strip().lower() in known or row.values.get("appDisplayName") in known


def code_of(row: CloudObject) -> str | None:
    """AADSTS and the number; None for a success and for what only interrupts a sign-in."""
    number = row.values["errorCode"]
    if not number.isdecimal() or int(number) == 0 or number in table()["interrupts"]:
        return None
    return f"AADSTS{number}"


def standing(rows: Sequence[CloudObject]) -> list[CloudObject]:
    """Failed ones, newest first, that no later success of the same user followed."""
    succeeded: list[str] = []
    out = []
    for row in rows:
        user = row.values.get("userPrincipalName") or row.values.get("userDisplayName") or ""
        if row.values["errorCode"] == "0":
            succeeded.append(user)
        elif code_of(row) and not any(same_account(user, other) for other in succeeded):
            out.append(row)
    return out


def derive(rows: Sequence[CloudObject]) -> Iterator[Fact]:
    """The newest failed sign-in that still stands."""
    for row in standing(rows)[:1]:
        yield Fact("cloud.sign-in.error", str(code_of(row)), row.source, row.time, None, line(row))


def answered(attempts: Sequence[Attempt], rows: Iterable[CloudObject]) -> tuple[tuple[Attempt, ...], list[CloudObject]]:
    """The attempts with the code the service logged for their request, and the rows that told it."""
    wanted = {name.lower() for one in attempts for name in (one.request_id, one.correlation_id) if name}
    if not wanted:
        return tuple(attempts), []
    told: dict[str, CloudObject] = {}
    for row in rows:
        if row.kind == "sign-in" and code_of(row):
            for name in (row.values.get("requestId"), row.values.get("correlationId")):
                if name and name.lower() in wanted:
                    told.setdefault(name.lower(), row)
    used: dict[int, CloudObject] = {}
    out = []
    for one in attempts:
        ids = [name.lower() for name in (one.request_id, one.correlation_id) if name]
        row_ = next((told[name] for name in ids if name in told), None) if one.outcome == "failed" else None
        if row_ is not None:
            used[id(row_)] = row_
            one = _with_answer(one, row_)
        out.append(one)
    return tuple(out), list(used.values())


def _with_answer(attempt: Attempt, row: CloudObject) -> Attempt:
    code = str(code_of(row))
    proof = {**attempt.proof, "server_code": attempt.proof.get("server_code", row.source)}
    proof.setdefault("code", row.source)
    proof.setdefault("message", row.source)
    return attempt._replace(
        codes=attempt.codes if code in attempt.codes else (*attempt.codes, code),
        message=attempt.message or row.values.get("failureReason"),
        sources=tuple(dict.fromkeys((*attempt.sources, row.source))),
        printed=attempt.printed | {"code", "message"},
        proof=proof,
    )


def refused(
    rows: Sequence[CloudObject], attempts: Sequence[Attempt], without_token: Sequence[str]
) -> Iterator[Attempt]:
    """The refused sign-in of each user whose capture shows no token, where nothing on the device told why."""
    for user in without_token:
        if any(one.flow == "prt" and one.outcome == "failed" and same_account(one.user, user) for one in attempts):
            continue
        for row in standing(rows):
            if of_windows(row) and same_account(row.values.get("userPrincipalName"), user):
                yield Attempt(
                    flow="prt",
                    time=row.time,
                    phase="prt",
                    outcome="failed",
                    codes=(str(code_of(row)),),
                    message=row.values.get("failureReason"),
                    user=user,
                    request_id=row.values.get("requestId"),
                    correlation_id=row.values.get("correlationId"),
                    sources=(row.source,),
                    printed=frozenset({"code", "message"}),
                    proof={"code": row.source, "message": row.source},
                    since=row.time,
                )
                break
