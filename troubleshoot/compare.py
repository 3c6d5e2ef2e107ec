"""Two states of one device: what changed, and which findings are fixed, stay, or are new.

A finding of the first state is fixed only where the second shows that it is no longer so; what the second cannot tell is
said to be untold, with what to collect. So is a finding new only where the first state shows that it was not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from troubleshoot import redact, times
from troubleshoot.accounts import same_account
from troubleshoot.case import Case
from troubleshoot.changes import Change, attempts_since, changes, other_sessions
from troubleshoot.engine import SEVERITY
from troubleshoot.explain import explain, flat, replaces
from troubleshoot.match import Evaluator
from troubleshoot.model import Attempt, Device, Finding, Proof, Report, Unread
from troubleshoot.outcomes import Outcome, try_rule
from troubleshoot.pseudonyms import Redactor
from troubleshoot.ruleset import Ruleset
from troubleshoot.words import PHASES

STATES = ("new", "stays", "untold", "newly-told", "fixed")


class Side(NamedTuple):
    """One of the two states: its evidence and its report."""

    case: Case
    report: Report
    unread: tuple[Unread, ...] = ()


class Fate(NamedTuple):
    """What became of a finding. ``state``: fixed, stays, new, untold (the later state cannot tell), newly-told (the earlier
    one could not).

    ``finding`` is that of the later state where it has it. ``reason`` says why in a sentence, ``evidence`` shows it, and
    ``missing`` what would tell. ``was``: the rule under which the earlier state had it, where that is another.
    """

    state: str
    finding: Finding
    reason: str | None = None
    evidence: tuple[Proof, ...] = ()
    missing: tuple[str, ...] = ()
    was: str | None = None


class Comparison(NamedTuple):
    """Two states of one device. ``outcome``: fixed, better, same, other (another fault), undecided, sound (none in both).

    ``same_by``: what shows that it is one device (id, name), None where nothing does. ``reversed``: the first is the newer
    one. ``attempts``: those since the first state, ``undated`` how many have no time that tells. ``sessions``: the users of
    both sides where they differ, so that what belongs to a user is not compared. ``redacted``: how many values of each kind
    stand as pseudonyms, None where nothing was replaced on purpose.
    """

    before: Report
    after: Report
    outcome: str
    same_by: str | None
    reversed: bool
    changes: tuple[Change, ...]
    fates: tuple[Fate, ...]
    attempts: tuple[Attempt, ...]
    undated: int
    sessions: tuple[tuple[str, ...], tuple[str, ...]] | None
    unread_before: tuple[Unread, ...] = ()
    unread_after: tuple[Unread, ...] = ()
    redacted: Mapping[str, int] | None = None


def same_device(one: Device, other: Device) -> str | None:
    """``id`` or ``name`` where that shows one device, ``different`` where names and ids show two, None where nothing tells.

    One name with two ids was registered again, one id with two names was renamed: each is one device
    (:mod:`troubleshoot.devices`).
    """
    if one.device_id and other.device_id and one.device_id.casefold() == other.device_id.casefold():
        return "id"
    if any(_alike(name, theirs) for name in one.names for theirs in other.names):
        return "name"
    return "different" if one.names and other.names else None


def _alike(one: str, other: str) -> bool:
    """Are both one computer name, or the one the other without its domain?"""
    short, _, domain = one.casefold().partition(".")
    theirs, _, their_domain = other.casefold().partition(".")
    return short == theirs and (domain == their_domain or not domain or not their_domain)


def compare(ruleset: Ruleset, before: Side, after: Side) -> Comparison:
    """The comparison of two states. The caller has made sure with :func:`same_device` that they are of one device."""
    old, new = Evaluator(ruleset, before.case), Evaluator(ruleset, after.case)
    fates = sorted(_fates(old, new, before, after), key=_rank)
    attempts, undated = attempts_since(before.case, after.case)
    return Comparison(
        before=before.report,
        after=after.report,
        outcome=_outcome(fates),
        same_by=same_device(before.case.device, after.case.device),
        reversed=times.after(before.case.as_of, after.case.as_of) is True,
        changes=tuple(changes(old, new)),
        fates=tuple(fates),
        attempts=attempts,
        undated=undated,
        sessions=other_sessions(before.case, after.case),
        unread_before=before.unread,
        unread_after=after.unread,
    )


def _rank(fate: Fate) -> tuple[int, int]:
    return STATES.index(fate.state), SEVERITY[fate.finding.severity]


def _outcome(fates: list[Fate]) -> str:
    states = {fate.state for fate in fates if fate.finding.severity != "info"}
    if not states:
        return "sound"
    if states == {"fixed"}:
        return "fixed"
    if "stays" in states:
        return "better" if "fixed" in states and "new" not in states else "same"
    if "new" in states:
        return "other"
    return "undecided"


# ----------------------------------------------------------------------------------------------------- the findings


def _fates(old: Evaluator, new: Evaluator, before: Side, after: Side) -> Iterator[Fate]:
    now = list(_flat(after.report.findings))
    stayed: set[int] = set()
    for finding in _flat(before.report.findings):
        fate = _later(new, before, after, finding, now)
        stayed.update(id(one) for one in now if one is fate.finding)
        yield fate
    for finding in now:
        if id(finding) not in stayed:
            yield _earlier(old, new, before, finding)


def _flat(findings: Iterable[Finding]) -> Iterator[Finding]:
    for one in findings:
        yield one
        yield from _flat(one.symptoms)


def _of_user(one: str | None, other: str | None) -> bool:
    return one is None or other is None or same_account(one, other)


def _on(evaluator: Evaluator, finding: Finding) -> list[Outcome]:
    """What the finding's rule says of the case, for the finding's user."""
    rule = evaluator.ruleset.rule(evaluator.ruleset.numbers[finding.rule])
    return [one for one in try_rule(evaluator, rule) if _of_user(one.context.user, finding.user)]


def _later(new: Evaluator, before: Side, after: Side, finding: Finding, now: list[Finding]) -> Fate:
    """What became of a finding of the first state."""
    same = next((one for one in now if one.rule == finding.rule and _of_user(one.user, finding.user)), None)
    if same is not None:
        return Fate("stays", same)
    outcomes = _on(new, finding)
    found = next((one.finding for one in outcomes if one.state == "match"), None)
    better = next(
        (one for one in now if _of_user(one.user, finding.user) and replaces(new.ruleset, one.rule, finding.rule)), None
    )
    if better is not None:
        return Fate("stays", better, "told more precisely now", was=finding.rule)
    if found is not None:
        return Fate("stays", found)
    for outcome in outcomes:
        if outcome.finding is not None:
            return Fate("fixed", finding, outcome.finding.reason, _newest_state(after))
    if finding.user is not None and not any(same_account(finding.user, user) for user in new.users):
        return Fate("untold", finding, "the later state shows no session of that user", (), (_AS_THE_USER,))
    explained = explain(new.ruleset, after.case, finding.rule, after.report)
    if explained.state == "unknown":
        if passed := _passed(new, after, finding):
            return passed
        missing = explained.trials[0].parts[0].clause.missing
        return Fate("untold", finding, "the later state does not hold what would tell", (), missing)
    decided = explained.decided
    if (decided is None or decided.kind not in _OF_CAUSES) and (why := _not_reached(new, before, after, finding)):
        return Fate("untold", finding, why)
    said = "; ".join(filter(None, (flat(decided), decided.seen))) if decided else explained.why
    return Fate("fixed", finding, f"no longer so: {said}", (decided and decided.evidence) or _newest_state(after))


_OF_CAUSES = frozenset({"fact", "registry", "cloud"})  # conditions that say what is, whether it was tried or not


def _not_reached(new: Evaluator, before: Side, after: Side, finding: Finding) -> str | None:
    """Why the later state cannot show that a failure is gone: nothing came as far as that; None where something may have."""
    phases, joined = new.ruleset.vocabulary["phases"], ("hybrid", "entra")
    flow, ranks = phases.get(finding.phase), new.ruleset.phase_rank
    if after.case.join_state in joined:
        return None
    if flow not in (None, "join") and before.case.join_state in joined and after.case.join_state != "unknown":
        return "the device is not joined any more, so nothing tells of it"
    newest = _newest(new, after, flow)
    if newest is not None and newest.phase and ranks[newest.phase] < ranks[finding.phase]:
        return f"the newest attempt stops before that, at {PHASES[newest.phase]}, so nothing tells of it"
    return None


def _passed(new: Evaluator, after: Side, finding: Finding) -> Fate | None:
    """Fixed, where a later attempt came to a phase behind that of the failure: that proves the phases before it."""
    ranks = new.ruleset.phase_rank
    newest = _newest(new, after, new.ruleset.vocabulary["phases"].get(finding.phase))
    if newest is None or not newest.phase or ranks[newest.phase] <= ranks[finding.phase]:
        return None
    if finding.severity != "error" or times.after(newest.time, finding.time) is not True:
        return None
    at = newest.proof.get("phase") or next(iter(newest.sources), None)
    proofs = (Proof(at, after.case.line_text(at)),) if at is not None else ()
    return Fate("fixed", finding, f"a later attempt came past that, to {PHASES[newest.phase]}", proofs)


def _newest(new: Evaluator, side: Side, flow: str | None) -> Attempt | None:
    """The newest attempt of the flow, where it failed in one of the phases of that flow."""
    newest = next((one for one in side.case.attempts if one.flow == flow), None)
    if newest is None or newest.outcome != "failed" or new.ruleset.vocabulary["phases"].get(newest.phase) != flow:
        return None
    return newest


_AS_THE_USER = "run `dsregcmd /status` as the affected user, not as administrator"


def _newest_state(side: Side) -> tuple[Proof, ...]:
    """The line that shows whether the device is joined now."""
    for capture in side.case.captures:
        field = capture.named.get("AzureAdJoined")
        if field is not None:
            return (Proof(capture.source._replace(line=field.line), f"{field.label} : {field.text}"),)
    return ()


def _earlier(old: Evaluator, new: Evaluator, before: Side, finding: Finding) -> Fate:
    """Whether a finding of the second state was there in the first."""
    outcomes = _on(old, finding)
    states = {one.state for one in outcomes}
    if "match" in states:
        return Fate("stays", finding)
    settled = next(
        (one.finding.reason for one in outcomes if one.state in ("resolved", "benign") and one.finding), None
    )
    if settled is not None:
        return Fate("new", finding, f"in the first state: {settled}")
    strange = finding.user is not None and not any(same_account(finding.user, user) for user in old.users)
    if not strange and "unknown" not in states:
        return Fate("new", finding)
    if _began_since(new, before, finding):
        return Fate("new", finding, "all that tells of it is later than the first state")
    return Fate("newly-told", finding, "the first state does not hold what would tell")


def _began_since(new: Evaluator, before: Side, finding: Finding) -> bool:
    """Is everything that tells of it later than the first state: its newest proof, and every attempt with one of its codes?"""
    since = before.case.as_of
    if times.after(finding.time, since) is not True:
        return False
    like = [one for one in new.case.attempts if not set(finding.codes).isdisjoint(one.codes)]
    return bool(like) and all(times.after(one.since or one.time, since) for one in like)


# ------------------------------------------------------------------------------------------------------ pseudonyms


def redacted(redactor: Redactor, given: Comparison) -> Comparison:
    """The comparison with every name replaced."""
    return given._replace(
        before=redact.report(redactor, given.before),
        after=redact.report(redactor, given.after),
        changes=tuple(_redacted_change(redactor, one) for one in given.changes),
        fates=tuple(
            one._replace(
                finding=redact.finding(redactor, one.finding, given.after),
                reason=redactor.optional(one.reason),
                evidence=redact.proofs(redactor, one.evidence),
            )
            for one in given.fates
        ),
        attempts=tuple(redact.attempt(redactor, one) for one in given.attempts),
        sessions=(_texts(redactor, given.sessions[0]), _texts(redactor, given.sessions[1])) if given.sessions else None,
        unread_before=redact.unread(redactor, given.unread_before),
        unread_after=redact.unread(redactor, given.unread_after),
    )._replace(redacted=redactor.counts())


def _texts(redactor: Redactor, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(redactor.text, given))


def _redacted_change(redactor: Redactor, one: Change) -> Change:
    return one._replace(
        name=redactor.text(one.name),
        before=redactor.optional(one.before),
        after=redactor.optional(one.after),
        source_before=redact.source(redactor, one.source_before) if one.source_before else None,
        source_after=redact.source(redactor, one.source_after) if one.source_after else None,
        user=redactor.optional(one.user),
    )
