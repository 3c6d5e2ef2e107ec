"""What differs between two states of one device: its state, fields of dsregcmd, facts and registry values, attempts since.

Only what both sides tell is compared: what one of them does not hold is unknown there, not gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from troubleshoot import times
from troubleshoot.accounts import key_of, same_account
from troubleshoot.case import Case
from troubleshoot.match import Evaluator
from troubleshoot.model import Attempt, Capture, Field, RegistryValue, Source
from troubleshoot.ordering import latest_inside
from troubleshoot.tables import labels

_OF_THE_RUN = frozenset({"ClientTime", "UserContext", "DiagnosticsReference", "ExecutingAccountName"})
_UNTOLD = ("masked", "cut", "skipped", "not-run")
_DEVICE = ("name", "domain", "device_id", "tenant_id", "tenant_name", "os_build")


class Change(NamedTuple):
    """One thing that differs. ``kind``: state, field, fact or registry. A value is None where that side shows that it is not
    there. ``user``: whose it is, None for the device's."""

    kind: str
    name: str
    before: str | None
    after: str | None
    source_before: Source | None = None
    source_after: Source | None = None
    user: str | None = None


def changes(before: Evaluator, after: Evaluator) -> Iterator[Change]:
    """Everything that differs, state first."""
    yield from _states(before.case, after.case)
    fields = list(_fields(before, after))
    yield from fields
    told = {one.source_before for one in fields} | {one.source_after for one in fields}
    yield from (one for one in _facts(before, after) if one.source_before not in told and one.source_after not in told)
    yield from _registry(before.case, after.case)


def attempts_since(before: Case, after: Case) -> tuple[tuple[Attempt, ...], int]:
    """The attempts of ``after`` that are later than ``before``, newest first, and how many have no time that tells.

    A capture of a joined device prints no time of its own: then the latest time inside it stands for it.
    """
    inside = filter(None, map(latest_inside, before.captures))
    moment = before.as_of or max(inside, default=None)
    later: list[Attempt] = []
    untold = 0
    for one in after.attempts:
        since = times.after(one.time, moment)
        if since:
            later.append(one)
        elif since is None:
            untold += 1
    return tuple(later), untold


def other_sessions(before: Case, after: Case) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The users of both sides, where each side shows sessions, and none of one user in both; else None."""
    mine, theirs = before.user_keys(), after.user_keys()
    if not mine or not theirs or any(same_account(one, other) for one in mine for other in theirs):
        return None
    return mine, theirs


# ----------------------------------------------------------------------------------------------------------- state


def _states(before: Case, after: Case) -> Iterator[Change]:
    for name in ("join_state", "domain_type"):
        one, other = getattr(before, name), getattr(after, name)
        if one != other and "unknown" not in (one, other):
            yield Change("state", name, one, other)
    for name in _DEVICE:
        one, other = getattr(before.device, name), getattr(after.device, name)
        if one is not None and other is not None and one.casefold() != other.casefold():
            yield Change("state", name, one, other)


# ---------------------------------------------------------------------------------------------------------- fields


def _fields(before: Evaluator, after: Evaluator) -> Iterator[Change]:
    """Fields by what the newest capture able to answer says; those of a user's session for users that both sides show."""
    users = [(one, other) for one in before.users for other in after.users if same_account(one, other)]
    for name in labels():
        if name in _OF_THE_RUN:
            continue
        personal = (before.fields_known.get(name) or {}).get("needs") == "user-session"
        pairs: list[tuple[str | None, str | None]] = [(None, None)]
        if personal and (before.users or after.users):
            pairs = list(users)
        for one, other in pairs:
            change = _field(name, before.answer(name, one), after.answer(name, other), other)
            if change is not None:
                yield change
    yield from _unnamed(before.case, after.case)


def _field(
    name: str,
    before: tuple[Capture, Field] | bool | None,
    after: tuple[Capture, Field] | bool | None,
    user: str | None,
) -> Change | None:
    if before is None or after is None or (isinstance(before, bool) and isinstance(after, bool)):
        return None
    (old, old_at), (new, new_at) = _said(before), _said(after)
    if old == new or _UNKNOWN in (old, new) or not (old or new):  # an empty value is as good as none
        return None
    return Change("field", name, old, new, old_at, new_at, user)


_UNKNOWN = "\0"


def _said(answer: tuple[Capture, Field] | bool) -> tuple[str | None, Source | None]:
    """What a field says, None where it is not printed; and where."""
    if isinstance(answer, bool):
        return None, None
    capture, field = answer
    at = Source(capture.source.path, field.line)
    return (_UNKNOWN if field.absence in _UNTOLD else field.text), at


def _unnamed(before: Case, after: Case) -> Iterator[Change]:
    """Fields that the table of labels lacks, and those that stand more than once (further work accounts)."""
    if not before.captures or not after.captures:
        return
    one, other = before.captures[0], after.captures[0]
    if key_of(one.account) != key_of(other.account):
        return
    old, new = _rest(one), _rest(other)
    for key in old.keys() & new.keys():
        change = _field(key[1], (one, old[key]), (other, new[key]), None)
        if change is not None:
            yield change._replace(name=f"{key[0]}: {key[1]}" if key[0] else key[1])


def _rest(capture: Capture) -> dict[tuple[str, str], Field]:
    found: dict[tuple[str, str], Field] = {}
    for field in capture.fields:
        if field.name is None or capture.named.get(field.name) is not field:
            found.setdefault((field.section or "", field.label), field)
    return dict(sorted(found.items(), key=lambda pair: pair[1].line))


# -------------------------------------------------------------------------------------------------- facts, registry


def _facts(before: Evaluator, after: Evaluator) -> Iterator[Change]:
    for name in sorted(before.case.facts.keys() & after.case.facts.keys()):
        old, new = before.newest_facts(name, None), after.newest_facts(name, None)
        values = {one.value for one in old}, {one.value for one in new}
        if len(values[0]) == len(values[1]) == 1 and values[0] != values[1]:  # two sources that differ decide nothing
            yield Change("fact", name, old[0].value, new[0].value, old[0].source, new[0].source)


def _registry(before: Case, after: Case) -> Iterator[Change]:
    """Values of keys that both sides hold, or show not to be there."""
    for key in sorted(before.keys.keys() & after.keys.keys()):
        old, new = _values(before.keys[key]), _values(after.keys[key])
        for name in sorted(old.keys() | new.keys()):
            one, other = old.get(name), new.get(name)
            if (one and one.value) != (other and other.value):
                shown = one or other
                assert shown is not None
                yield Change(
                    "registry",
                    f"{shown.key}: {shown.name or '(default)'}",
                    None if one is None else str(one.value),
                    None if other is None else str(other.value),
                    one.source if one else before.keys[key][0].source,
                    other.source if other else after.keys[key][0].source,
                )


def _values(found: tuple[RegistryValue, ...]) -> dict[str, RegistryValue]:
    return {one.name.casefold(): one for one in found if one.type != "absent"}
