"""Three-valued evaluation of conditions over one device's case.

A leaf is True, False or None (cannot be told from what was collected); rules fire on True only. What each value means
for each kind of leaf: docs/rules.md, "Three values". Results are kept per device, user and attempt, so a condition that
many rules share is evaluated once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

from troubleshoot import times
from troubleshoot.accounts import key_of, same_account
from troubleshoot.attempts import failures_since_success, standing
from troubleshoot.case import Case
from troubleshoot.model import Attempt, Capture, Event, Fact, Field
from troubleshoot.nodetests import NodeTests
from troubleshoot.ruleset import Rule, Ruleset
from troubleshoot.subjects import Truth
from troubleshoot.tables import Label, labels

Answer: TypeAlias = tuple[Capture, Field] | bool | None

FLOW_SOURCES: Mapping[str, tuple[str | None, str | None]] = {
    "join": ("Diagnostic Data", "user-device-registration"),
    "prt": ("SSO State", "aad"),
    "enterprise-prt": ("SSO State", "aad"),
    "broker": (None, "aad"),
    "hello": (None, "hello-for-business"),
    "mdm": (None, "mdm"),
    "registered": (None, "workplace-join"),
}
"""Which evidence, read to its end, shows that a flow had no failed attempt: (capture section, vocabulary provider)."""

_NO_ATTEMPT = (None,)
ELEVATED = "elevated"
USER_SESSION = "user-session"


class Context:
    """What a rule is tried on: one user (None: nobody known) and one attempt per flow the rule speaks of.

    ``any_attempt``: inside a sign, where every attempt of the history counts. ``true`` and ``false`` are the leaves found so far,
    as bits (:mod:`troubleshoot.subjects`), ``asked`` the subjects they come from.
    """

    __slots__ = ("any_attempt", "asked", "attempts", "false", "true", "user")

    def __init__(
        self, user: str | None, attempts: Mapping[str, Attempt | None], asked: int, any_attempt: bool = False
    ) -> None:
        self.user = user
        self.attempts = attempts
        self.any_attempt = any_attempt
        self.asked = asked
        self.true = 0
        self.false = 0


class Evaluator:
    """Evaluates the nodes of one rule set over one case."""

    def __init__(self, ruleset: Ruleset, case: Case) -> None:
        self.ruleset = ruleset
        self.case = case
        self.nodes = ruleset.nodes
        if ruleset.tests is None:
            ruleset.tests = NodeTests(ruleset.nodes, ruleset.vocabulary)
        self.tests: NodeTests = ruleset.tests
        self._silent = self.tests.silent(case)
        self.fields_known: Mapping[str, Any] = ruleset.vocabulary.get("fields", {})
        self.user_flows = frozenset(ruleset.vocabulary.get("user_flows", ()))
        self.standing = standing(case.attempts)
        self._standing: dict[str, list[Attempt]] = {}
        for one in self.standing:
            self._standing.setdefault(one.flow, []).append(one)
        self.users = case.user_keys()
        self._of_device: dict[tuple[str, ...], tuple[Context, ...]] = {}  # flows -> contexts without a user
        self._of_users = {} if self.users else self._of_device
        self._answers: dict[tuple[str, str | None], Answer] = {}
        self._excluded: dict[str, bool] = {}
        self.present = Context(None, {}, self._silent, any_attempt=True)

    # ------------------------------------------------------------------------------------------------ contexts

    def contexts(self, rule: Rule) -> tuple[Context, ...]:
        """The contexts to try ``rule`` in: per user if it reads a user's evidence, per standing attempt, newest first."""
        tried = self._of_users if rule.personal else self._of_device
        found = tried.get(rule.flows)
        if found is None:
            users: tuple[str | None, ...] = (self.users if rule.personal else ()) or (None,)
            made = []
            for user in users:
                choices = [self._attempts_of(flow, user) or _NO_ATTEMPT for flow in rule.flows]
                for chosen in product(*choices):
                    made.append(Context(user, dict(zip(rule.flows, chosen, strict=True)), self._silent))
            found = tried[rule.flows] = tuple(made)
        return found

    def _attempts_of(self, flow: str, user: str | None) -> Sequence[Attempt]:
        mine = self._standing.get(flow, ())
        if not mine or user is None or flow not in self.user_flows:
            return mine
        # An attempt of an unknown owner counts for an account only when the case has no other.
        return [one for one in mine if same_account(one.user, user) or (one.user is None and len(self.users) == 1)]

    @cached_property
    def failures(self) -> tuple[Attempt, ...]:
        """The failed attempts that no later success settled."""
        return failures_since_success(self.case.attempts)

    @cached_property
    def _open(self) -> frozenset[int]:
        return frozenset(map(id, self.failures))

    def is_open(self, context: Context) -> bool:
        """Is no attempt of the context settled by a later success? What is needs no deciding."""
        attempts = context.attempts
        return not attempts or all(id(one) in self._open for one in attempts.values() if one is not None)

    # ---------------------------------------------------------------------------------------------- evaluation

    def value(self, number: int, context: Context) -> Truth:
        """The truth of a node in a context."""
        asking = self.tests[number]
        if open_ones := asking.subjects & ~context.asked:
            self.ask(open_ones, context)
        return asking.test(context.true, context.false)

    def ask(self, subjects: int, context: Context) -> None:
        """Find the leaves about ``subjects`` (bits), which were not asked yet."""
        context.asked |= subjects
        for subject in self.tests.asked(subjects):
            true, false = subject(self, context)
            context.true |= true
            context.false |= false

    def answer(self, name: str, user: str | None) -> Answer:
        """The newest capture able to answer for a field, with the field.

        False: the newest capture able to answer shows that the field is not printed. None: nothing can answer.
        """
        key = name, user
        if key in self._answers:
            return self._answers[key]
        found = self._answers[key] = self._answer(name, user)
        return found

    def _answer(self, name: str, user: str | None) -> Answer:
        known = self.fields_known.get(name) or {}
        needs = known.get("needs")
        not_run = known.get("not_run", ())
        for capture in self.case.captures:
            if needs == USER_SESSION and not self._session(capture, user):
                proof = known.get("proved_by")
                field = capture.named.get(name)
                if (
                    proof is None
                    or field is None
                    or field.text.casefold() != proof.casefold()
                    or not self._may_be(capture, user)
                ):
                    continue
                return capture, field
            field = capture.named.get(name)
            if field is not None:
                if field.absence in ("skipped", "not-run") or any(field.text.startswith(text) for text in not_run):
                    continue
                return capture, field
            if needs == ELEVATED and capture.elevated is not True:
                continue
            if self._would_print(capture, labels().get(name)):
                return False
        return None

    def _session(self, capture: Capture, user: str | None) -> bool:
        """Does the capture show the session of ``user`` (of anyone, when no user is known)?"""
        account = capture.account
        if account is None or account.kind in ("system", "unknown"):
            return False
        token = capture.named.get("AzureAdPrt")
        # An administrator's prompt shows the administrator, unless the user's own token proves whose session it is.
        if capture.elevated and (token is None or token.text.upper() != "YES"):
            return False
        return user is None or same_account(self.case.capture_user(capture), user)

    def _may_be(self, capture: Capture, user: str | None) -> bool:
        """A value that is only ever printed for its owner proves the session, unless the capture names somebody else."""
        owner = self.case.capture_user(capture)
        return user is None or owner is None or same_account(owner, user)

    @staticmethod
    def _would_print(capture: Capture, label: Label | None) -> bool:
        if label is None:
            return False
        if label.since and (capture.build_at_least or 0) < label.since:
            return False
        return any(capture.sections.get(section) for section in (label.section, *label.also))

    def collected(self, flow: str, user: str | None) -> bool:
        """Was a source that records this flow's attempts read, so that none there means none happened?"""
        section, provider = FLOW_SOURCES.get(flow, (None, None))
        if provider and self.log_read(provider):
            return True
        if section is None:
            return False
        for capture in self.case.captures:
            if capture.sections.get(section) and (
                flow not in self.user_flows or (self._session(capture, user) and (capture.build_at_least or 0) >= 19041)
            ):
                return True
        return False

    def log_read(self, provider: str) -> bool:
        """Was a log of the provider collected?"""
        channel = str(self.ruleset.vocabulary["providers"][provider]["channel"]).casefold()
        return any(True for _ in self.case.spans.get(channel, ()))

    def events(self, provider: str, ids: list[int], attempt: Attempt | None) -> Iterator[Event]:
        """Collected records of a vocabulary provider with one of ``ids``; of ``attempt`` only, if one is given."""
        names = self.ruleset.provider_names[provider]
        if attempt is not None:
            yield from (one for one in attempt.events if one.id in ids and one.provider.casefold() in names)
            return
        for name in names:
            for number in ids:
                yield from self.case.by_event.get((name, number), ())

    def covers(self, provider: str, moment: datetime | None) -> bool:
        """Does a collected log of the provider reach ``moment``, so that a record of that time would be in it?"""
        channel = str(self.ruleset.vocabulary["providers"][provider]["channel"]).casefold()
        for span in self.case.spans.get(channel, ()):
            if span.lost:
                continue
            if span.first is None and span.last is None and not span.records:
                if self.case.collected is not None and channel in self.case.collected.cleared:
                    continue  # its collector emptied it
                return True  # an empty log, collected whole
            if moment is None or span.first is None or span.last is None:
                continue
            early, late = times.after(span.first, moment), times.after(moment, span.last + timedelta(minutes=10))
            if early is False and late is False:
                return True
        return False

    def newest_facts(self, name: str, user: str | None) -> list[Fact]:
        """The facts of a name that may be the newest: the latest with a time, and the first without one.

        Which of the two is newer cannot be told, so both have to agree. Those of another account than ``user`` are left out.
        """
        mine = [
            one
            for one in self.case.facts.get(name, ())
            if user is None or (owner := key_of(one.account)) is None or same_account(owner, user)
        ]
        timed = [one for one in mine if one.time is not None and one.time.tzinfo is not None]
        return [*timed[:1], *[one for one in mine if one not in timed][:1]]

    def sign(self, name: str) -> Truth:
        """The truth of a sign of the vocabulary: a condition about the present, over the whole history."""
        return self.value(self.ruleset.signs[name], self.present)

    def join_excluded(self, join: str) -> bool:
        """Is it proved that the device should not have this join?"""
        found = self._excluded.get(join)
        if found is None:
            number = self.ruleset.joins.get(join)
            found = self._excluded[join] = number is not None and self.value(number, self.present) is True
        return found


__all__ = ["Context", "Evaluator", "Truth"]
