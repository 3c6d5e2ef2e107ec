"""Three-valued evaluation of conditions over one device's case.

A leaf is True, False or None (cannot be told from what was collected); rules fire on True only. What each value means
for each kind of leaf: docs/rules.md, "Three values". Results are kept per device, user and attempt, so a condition that
many rules share is evaluated once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain, product
from typing import Any, NamedTuple, TypeAlias

from troubleshoot import codes, times
from troubleshoot.accounts import key_of, same_account
from troubleshoot.attempts import standing
from troubleshoot.case import Case
from troubleshoot.conditions import Node
from troubleshoot.model import Attempt, Capture, Event, Fact, Field, LogLine, Proof, Source
from troubleshoot.ruleset import Rule, Ruleset
from troubleshoot.tables import Label, labels
from troubleshoot.valuetest import Test, compile_test, on_absent

Truth: TypeAlias = bool | None

# Which evidence, read to its end, shows that a flow had no failed attempt: (capture section, vocabulary provider).
_FLOW_SOURCES: Mapping[str, tuple[str | None, str | None]] = {
    "join": ("Diagnostic Data", "user-device-registration"),
    "prt": ("SSO State", "aad"),
    "enterprise-prt": ("SSO State", "aad"),
    "broker": (None, "aad"),
    "hello": (None, "hello-for-business"),
    "mdm": (None, "mdm"),
    "registered": (None, "workplace-join"),
}
_NOTHING_ASKED = frozenset({""})
_ELEVATED = "elevated"
_USER_SESSION = "user-session"


class Context(NamedTuple):
    """What a rule is tried on: one user (None: nobody known) and one attempt per flow the rule speaks of."""

    user: str | None
    attempts: Mapping[str, Attempt | None]
    known: dict[int, Truth]  # values of nodes already found here
    any_attempt: bool = False  # inside a sign: every attempt of the history counts


class Evaluator:
    """Evaluates the nodes of one rule set over one case."""

    def __init__(self, ruleset: Ruleset, case: Case) -> None:
        self.ruleset = ruleset
        self.case = case
        self.nodes = ruleset.nodes
        self.fields_known: Mapping[str, Any] = ruleset.vocabulary.get("fields", {})
        self.user_flows = frozenset(ruleset.vocabulary.get("user_flows", ()))
        self.standing = standing(case.attempts)
        self.users = case.user_keys()
        self._tried: dict[tuple[tuple[str, ...], bool], tuple[Context, ...]] = {}
        self._values: dict[str, frozenset[str] | None] = {}
        self._excluded: dict[str, bool] = {}
        self.present = Context(None, {}, {}, any_attempt=True)

    # ------------------------------------------------------------------------------------------------ contexts

    def contexts(self, rule: Rule) -> tuple[Context, ...]:
        """The contexts to try ``rule`` in: per user if it reads a user's evidence, per standing attempt, newest first."""
        personal = bool(self.users) and self.reads_user(rule)
        key = (rule.flows, personal)
        found = self._tried.get(key)
        if found is None:
            users: tuple[str | None, ...] = self.users if personal else (None,)
            made = []
            for user in users:
                choices = [self._attempts_of(flow, user) or (None,) for flow in rule.flows]
                for chosen in product(*choices):
                    made.append(Context(user, dict(zip(rule.flows, chosen, strict=True)), {}))
            found = self._tried[key] = tuple(made)
        return found

    def _attempts_of(self, flow: str, user: str | None) -> tuple[Attempt, ...]:
        mine = tuple(attempt for attempt in self.standing if attempt.flow == flow)
        if flow not in self.user_flows or user is None:
            return mine
        # An attempt of an unknown owner counts for an account only when the case has no other.
        return tuple(one for one in mine if same_account(one.user, user) or (one.user is None and len(self.users) == 1))

    def reads_user(self, rule: Rule) -> bool:
        """Does the rule read evidence that belongs to one account?"""
        cache = self.ruleset.reads_user
        found = cache.get(rule.id)
        if found is None:
            tops = [rule.match, *(one.node for one in rule.unless), *(one.node for one in rule.benign)]
            if rule.confirm is not None:
                tops.append(rule.confirm)
            found = cache[rule.id] = any(self._is_users(node) for top in tops for node in self._below(top))
        return found

    def _below(self, number: int) -> Iterator[Node]:
        node = self.nodes[number]
        yield node
        if node[0] in ("all", "any"):
            for member in node[1]:
                yield from self._below(member)
        elif node[0] == "not":
            yield from self._below(node[1])
        elif node[0] == "sign":
            yield from self._below(self.ruleset.signs[node[1]])

    def _is_users(self, node: Node) -> bool:
        if node[0] == "dsreg":
            return (self.fields_known.get(node[1]) or {}).get("needs") == _USER_SESSION
        return node[0] == "capture" or (node[0] == "attempt" and node[1] in self.user_flows)

    # ---------------------------------------------------------------------------------------------- evaluation

    def value(self, number: int, context: Context) -> Truth:
        """The truth of a node in a context."""
        known = context.known
        if number in known:
            return known[number]
        node = self.nodes[number]
        kind = node[0]
        result: Truth
        if kind == "all":
            result = True
            for member in node[1]:
                one = self.value(member, context)
                if one is False:
                    result = False
                    break
                if one is None:
                    result = None
        elif kind == "any":
            result = False
            for member in node[1]:
                one = self.value(member, context)
                if one:
                    result = True
                    break
                if one is None:
                    result = None
        elif kind == "not":
            inner = self.value(node[1], context)
            result = None if inner is None else not inner
        else:
            result = _LEAVES[kind](self, node, number, context)
        known[number] = result
        return result

    def _test(self, number: int, spec: Any) -> Test:
        cache = self.ruleset.tests
        found = cache.get(number)
        if found is None:
            found = cache[number] = compile_test(spec)
        return found

    def _dsreg(self, node: Node, number: int, context: Context) -> Truth:
        spec = node[2]
        answer = self.answer(node[1], context.user)
        if answer is None:
            return None
        if isinstance(answer, bool):  # known to be not printed
            return on_absent(spec)
        _, field = answer
        value = field.value
        if value is None:
            return (
                on_absent(spec)
                if field.absence in ("empty", "none", "undefined")
                else self._printed(field, number, spec)
            )
        label = labels().get(node[1])
        if label is not None and label.type == "code":
            value = codes.normalise(value) or value
        return self._test(number, spec)(value, self.case.as_of)

    def _printed(self, field: Field, number: int, spec: Any) -> Truth:
        """A word that stands for "no value" (NOT SET, UNKNOWN) is compared as printed; masked and cut text is unknown."""
        if field.absence in ("masked", "cut"):
            return None
        return self._test(number, spec)(field.text, self.case.as_of)

    def known_values(self, subjects: str) -> frozenset[str] | None:
        """The combinations of values, in lower case, that subjects of the index have in any context.

        Subjects (see :func:`troubleshoot.conditions.dispatch`) and values are joined by line ends. None where one of
        the values cannot be told.
        """
        if subjects in self._values:
            return self._values[subjects]
        if "\n" in subjects:
            each = [self.known_values(subject) for subject in subjects.split("\n")]
            sure = [values for values in each if values is not None]
            found = frozenset("\n".join(values) for values in product(*sure)) if len(sure) == len(each) else None
        else:
            kind, _, name = subjects.partition(":")
            values = list(self._values_of_field(name) if kind == "dsreg" else self._values_of_attempts(name))
            sure_ones = [one for one in values if one is not None]
            found = frozenset(chain.from_iterable(sure_ones)) if len(sure_ones) == len(values) else None
        self._values[subjects] = found
        return found

    def chosen(self, entry: Mapping[str, Mapping[str, Iterable[int]]]) -> set[int]:
        """The rules of an entry of the index whose questions are not answered against them."""
        found: set[int] = set()
        for subjects, rules in entry.items():
            values = self.known_values(subjects) if subjects else _NOTHING_ASKED
            if values is None:
                for numbers in rules.values():
                    found.update(numbers)
            else:
                for value in values:
                    if value in rules:
                        found.update(rules[value])
        return found

    def _values_of_field(self, name: str) -> Iterator[list[str] | None]:
        label = labels().get(name)
        is_code = label is not None and label.type == "code"
        for user in (None, *self.users):
            answer = self.answer(name, user)
            if isinstance(answer, tuple):
                text = answer[1].text
                if answer[1].absence in ("masked", "cut"):
                    yield None
                else:
                    yield (
                        [text.casefold(), (codes.normalise(text) or text).casefold()] if is_code else [text.casefold()]
                    )
            elif answer is None:
                yield None

    def _values_of_attempts(self, name: str) -> Iterator[list[str] | None]:
        flow, _, name = name.partition(":")
        mine = [one for one in self.standing if one.flow == flow]
        if not mine:
            yield None
        for attempt in mine:
            if name == "code":
                yield [code.casefold() for code in attempt.codes] or ([] if "code" in attempt.printed else None)
            else:
                value = getattr(attempt, name)
                yield [value.casefold()] if value is not None else [] if name in attempt.printed else None

    def answer(self, name: str, user: str | None) -> tuple[Capture, Field] | bool | None:
        """The newest capture able to answer for a field, with the field.

        False: the newest capture able to answer shows that the field is not printed. None: nothing can answer.
        """
        known = self.fields_known.get(name) or {}
        needs = known.get("needs")
        not_run = known.get("not_run", ())
        for capture in self.case.captures:
            if needs == _USER_SESSION and not self._session(capture, user):
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
            if needs == _ELEVATED and capture.elevated is not True:
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

    def _attempt(self, node: Node, number: int, context: Context) -> Truth:
        _, flow, name, spec = node
        if context.any_attempt:
            results = [self._property(one, name, number, spec) for one in self.case.attempts if one.flow == flow]
            if True in results:
                return True
            return None if None in results or not self._collected(flow, None) else False
        attempt = context.attempts.get(flow)
        if attempt is None:
            return False if self._collected(flow, context.user) else None
        return self._property(attempt, name, number, spec)

    def _property(self, attempt: Attempt, name: str, number: int, spec: Any) -> Truth:
        if name == "flow":
            return True
        if name == "event":
            ids = {event.id for event in attempt.events}
            return any(int(one) in ids for one in (spec if isinstance(spec, list) else [spec]))
        test = self._test(number, spec)
        if name == "code":
            if not attempt.codes:
                return None if "code" not in attempt.printed else on_absent(spec)
            return any(test(code, None) for code in attempt.codes)
        if name == "repeated_for":
            if attempt.time is None or attempt.since is None:
                return None
            return test(str((attempt.time - attempt.since) // timedelta(seconds=1)), None)
        value = getattr(attempt, name)
        if value is None:
            return on_absent(spec) if name in attempt.printed else None
        return test(value, self.case.as_of)

    def _collected(self, flow: str, user: str | None) -> bool:
        """Was a source that records this flow's attempts read, so that none there means none happened?"""
        section, provider = _FLOW_SOURCES.get(flow, (None, None))
        if provider and self._log_read(provider):
            return True
        if section is None:
            return False
        for capture in self.case.captures:
            if capture.sections.get(section) and (
                flow not in self.user_flows or (self._session(capture, user) and (capture.build_at_least or 0) >= 19041)
            ):
                return True
        return False

    def _log_read(self, provider: str) -> bool:
        channel = str(self.ruleset.vocabulary["providers"][provider]["channel"]).casefold()
        return any(True for _ in self.case.spans.get(channel, ()))

    def _event(self, node: Node, number: int, context: Context) -> Truth:
        _, provider, ids, data, text, anywhere = node
        flow = self.ruleset.vocabulary["providers"][provider].get("flow")
        free = anywhere or not flow or context.any_attempt
        attempt = None if free else context.attempts.get(flow)
        if not free and attempt is None:
            return False if self._log_read(provider) else None
        undecided = False
        for event in self.events(provider, ids, attempt):
            one = self._event_fits(event, number, data, text)
            if one:
                return True
            undecided = undecided or one is None
        if undecided:
            return None
        moment = attempt.time if attempt else self.case.as_of
        return False if self._covers(provider, moment) else None

    def events(self, provider: str, ids: list[int], attempt: Attempt | None) -> Iterator[Event]:
        """Collected records of a vocabulary provider with one of ``ids``; of ``attempt`` only, if one is given."""
        names = self.ruleset.provider_names[provider]
        if attempt is not None:
            yield from (one for one in attempt.events if one.id in ids and one.provider.casefold() in names)
            return
        for name in names:
            for number in ids:
                yield from self.case.by_event.get((name, number), ())

    def _event_fits(self, event: Event, number: int, data: Any, text: Any) -> Truth:
        result: Truth = True
        for name, spec in (data or {}).items():
            value = event.data.get(name)
            if value is None:
                wanted = name.casefold()
                value = next((each for key, each in event.data.items() if key.casefold() == wanted), None)
            if value is None:
                # A record that came as text alone may have lost its named values.
                one: Truth = on_absent(spec) if event.data or not event.text else None
            else:
                one = self._value(number, name, spec)(
                    codes.normalise(value) or value if _is_code(spec) else value, None
                )
            if one is False:
                return False
            result = None if one is None else result
        if text is not None:
            if event.text is None:
                return None
            if not self._value(number, "", text)(event.text, None):
                return False
        return result

    def _value(self, number: int, name: str, spec: Any) -> Test:
        cache = self.ruleset.data_tests
        found = cache.get((number, name))
        if found is None:
            found = cache[number, name] = compile_test(spec)
        return found

    def _covers(self, provider: str, moment: datetime | None) -> bool:
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

    def _registry(self, node: Node, number: int, context: Context) -> Truth:
        if not self.case.keys:
            return None
        _, key, name, spec = node
        wanted = str(key).upper().rstrip("\\")
        values = self.case.keys.get(wanted)
        if values is None:
            parent = wanted.rpartition("\\")[0]
            while parent:
                if any(value.type == "absent" and not value.name for value in self.case.keys.get(parent, ())):
                    return on_absent(spec) if spec is not None else False
                parent = parent.rpartition("\\")[0]
            return None
        if name is None:
            return any(value.type != "absent" for value in values)
        for value in values:
            if value.name.casefold() == str(name).casefold() and value.type != "absent":
                return True if spec is None else self._test(number, spec)(str(value.value), self.case.as_of)
        return on_absent(spec) if spec is not None else False

    def _fact(self, node: Node, number: int, context: Context) -> Truth:
        test = self._test(number, node[2])
        answers = {test(fact.value, self.case.as_of) for fact in self.newest_facts(node[1], context.user)}
        return answers.pop() if len(answers) == 1 else None

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

    def _log(self, node: Node, number: int, context: Context) -> Truth:
        lines = self.case.by_component.get(str(node[1]).casefold())
        if not lines:
            return None
        return self._log_line(node, number) is not None

    def _log_line(self, node: Node, number: int) -> LogLine | None:
        """The last line of the component that fits."""
        test = self._test(number, node[2])
        lines = self.case.by_component.get(str(node[1]).casefold(), ())
        return next((line for line in reversed(lines) if test(line.text, self.case.as_of)), None)

    def _capture(self, node: Node, number: int, context: Context) -> Truth:
        for capture in self.case.captures:
            owner = self.case.capture_user(capture)
            if context.user is not None and owner is not None and not same_account(owner, context.user):
                continue
            if context.user is not None and capture.account is not None and capture.account.kind == "system":
                continue  # SYSTEM ran it beside the user's own capture and says nothing of the user's session
            if node[1] == "elevated":
                if capture.elevated is None:
                    return None
                return capture.elevated is (node[2] is True or str(node[2]).casefold() == "true")
            if capture.account is None or capture.account.kind == "unknown":
                return None
            return self._test(number, node[2])(capture.account.kind, None)
        return None

    def _sign(self, node: Node, number: int, context: Context) -> Truth:
        return self.sign(node[1])

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

    # --------------------------------------------------------------------------------------------------- proof

    def proofs(self, number: int, context: Context) -> Iterator[tuple[Proof, datetime | None]]:
        """The evidence behind a true node: each line or record, and its time."""
        if self.value(number, context) is not True:
            return
        node = self.nodes[number]
        kind = node[0]
        if kind in ("all", "any"):
            for member in node[1]:
                yield from self.proofs(member, context)
        elif kind == "dsreg":
            answer = self.answer(node[1], context.user)
            if isinstance(answer, tuple):
                capture, field = answer
                yield Proof(Source(capture.source.path, field.line), f"{field.label} : {field.text}"), capture.time
        elif kind == "attempt":
            attempt = context.attempts.get(node[1])
            if attempt is not None:
                for source in self._attempt_sources(attempt, node[2]):
                    yield Proof(source, self.case.line_text(source)), attempt.time
        elif kind == "event":
            flow = self.ruleset.vocabulary["providers"][node[1]].get("flow")
            attempt = context.attempts.get(flow) if flow and not node[5] else None
            for event in self.events(node[1], node[2], attempt):
                if self._event_fits(event, number, node[3], node[4]):
                    yield Proof(event.source, self.case.line_text(event.source)), event.time
                    break
        elif kind == "fact":
            for fact in self.newest_facts(node[1], context.user):
                said = fact.text or self.case.line_text(fact.source) or f"{fact.name}: {fact.value}"
                yield Proof(fact.source, said), fact.time
        elif kind == "log":
            line = self._log_line(node, number)
            if line is not None:
                yield Proof(line.source, line.text), line.time
        elif kind == "registry":
            for value in self.case.keys.get(str(node[1]).upper().rstrip("\\"), ()):
                if node[2] is None or value.name.casefold() == str(node[2]).casefold():
                    yield Proof(value.source, f"{value.key}: {value.name} = {value.value}"), None

    @staticmethod
    def _attempt_sources(attempt: Attempt, name: str) -> Iterator[Source]:
        """The lines that tell of the attempt: its code, its message, and the property that was asked for."""
        if not attempt.proof:
            yield from attempt.sources
            return
        for key in dict.fromkeys(("code", "server_code", "message", "endpoint", name)):
            source = attempt.proof.get(key)
            if source is not None:
                yield source

    def settled_by(self, number: int, context: Context, signals: list[tuple[datetime, str | None]]) -> datetime | None:
        """The time of a signal that is later than all evidence of a true node, or None.

        What an attempt or event told is dated by it. A field of a capture is a present fault, dated by the capture;
        one whose capture has no time is never settled.
        """
        if not signals:
            return None
        known, latest = self._dated(number, context)
        if not known or latest is None:
            return None
        for moment, user in signals:
            if times.after(moment, latest) and (
                user is None or context.user is None or same_account(user, context.user)
            ):
                return moment
        return None

    def _dated(self, number: int, context: Context) -> tuple[bool, datetime | None]:
        """(every part of the evidence has a time or needs none, the latest of these times)."""
        node = self.nodes[number]
        if self.value(number, context) is not True or node[0] in ("not", "sign", "capture", "registry"):
            return True, None
        if node[0] == "fact":
            moments = [fact.time for fact in self.newest_facts(node[1], context.user)]
            return True, _latest(moments) if all(one and one.tzinfo for one in moments) else None
        if node[0] in ("attempt", "event", "log"):
            moments = [moment for _, moment in self.proofs(number, context)]
            moments = moments or [one.time for one in context.attempts.values() if one]
            return (bool(moments) and all(one and one.tzinfo for one in moments)), _latest(moments)
        if node[0] == "dsreg":
            moments = [moment for _, moment in self.proofs(number, context)]
            return all(moment is not None for moment in moments), _latest(moments)
        true = [member for member in node[1] if self.value(member, context) is True]
        parts = [(self.nodes[member][0], self._dated(member, context)) for member in true]
        if node[0] == "all":
            dated = [part for kind, part in parts if kind not in ("dsreg", "fact") and part[1] is not None]
            if dated:  # the attempt dates the finding; states beside it only describe the device
                return all(known for known, _ in dated), _latest([moment for _, moment in dated])
        return all(known for _, (known, _) in parts), _latest([moment for _, (_, moment) in parts])

    # ------------------------------------------------------------------------------------------- what is missing

    def missing(self, number: int, context: Context) -> frozenset[str]:
        """What to collect so that an undecided node is decided; the fewest items where there is a choice."""
        if self.value(number, context) is not None:
            return frozenset()
        node = self.nodes[number]
        kind = node[0]
        if kind == "all":
            return frozenset().union(*(self.missing(member, context) for member in node[1]))
        if kind == "any":
            options = [self.missing(member, context) for member in node[1] if self.value(member, context) is None]
            return min(options, key=lambda option: (len(option), sorted(option)))
        if kind == "not":
            return self.missing(node[1], context)
        if kind == "sign":
            return self.missing(self.ruleset.signs[node[1]], self.present)
        return frozenset({_collect(self, node)})


def _collect(evaluator: Evaluator, node: Node) -> str:
    """The command or export that would decide a leaf, as a phrase that follows "collect"."""
    kind, name = node[0], node[1]
    vocabulary = evaluator.ruleset.vocabulary
    if evaluator.case.collected is not None:
        from troubleshoot import collectors

        provider = name if kind == "event" else _FLOW_SOURCES.get(name, (None, None))[1] if kind == "attempt" else None
        asked = ("event", vocabulary["providers"][provider]["channel"]) if provider else (kind, str(name))
        if found := collectors.ask_for(evaluator.case.collected, *asked):
            return found
    if kind == "fact":
        return str(vocabulary["facts"][name].get("collect") or vocabulary["facts"][name]["sources"][0])
    if kind == "registry":
        return f'run `reg query "{name}" /s` on the device'
    if kind == "event":
        channel = vocabulary["providers"][name]["channel"]
        return f'export the event log: `wevtutil epl "{channel}" log.evtx`'
    if kind == "log":
        return str(vocabulary["components"][name]["collect"])
    if kind == "capture":
        return "run `dsregcmd /status` as the affected user, not as administrator"
    if kind == "attempt":
        provider = _FLOW_SOURCES.get(name, (None, None))[1]
        if provider:
            return f'export the event log: `wevtutil epl "{vocabulary["providers"][provider]["channel"]}" log.evtx`'
        return f"collect the {name} logs"
    needs = (evaluator.fields_known.get(name) or {}).get("needs")
    if needs == _ELEVATED:
        return "run `dsregcmd /status` in an elevated prompt (as administrator)"
    if needs == _USER_SESSION:
        return "run `dsregcmd /status` as the affected user, not as administrator"
    return "run `dsregcmd /status` on the device and send the whole output"


def _latest(moments: list[datetime | None]) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    if len(known) < 2:
        return known[0] if known else None
    return max(known, key=times.order)


def _is_code(spec: Any) -> bool:
    """Does the test name codes, so that the value is to be read as one, whatever its notation?"""
    values = spec if isinstance(spec, list) else [spec]
    return all(isinstance(value, str) and value.startswith("0x") for value in values)


_LEAVES: Mapping[str, Callable[[Evaluator, Node, int, Context], Truth]] = {
    "dsreg": Evaluator._dsreg,
    "attempt": Evaluator._attempt,
    "event": Evaluator._event,
    "registry": Evaluator._registry,
    "fact": Evaluator._fact,
    "log": Evaluator._log,
    "capture": Evaluator._capture,
    "sign": Evaluator._sign,
}

__all__ = ["Context", "Evaluator", "Truth"]
