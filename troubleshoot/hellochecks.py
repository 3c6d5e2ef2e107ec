"""What the newest checks before the set-up of Windows Hello for Business found, as named facts ``hello.check.*``.

dsregcmd prints them for the user who runs it. Windows also writes the result of every check at each sign-in, wanted or not:
events 358, 360, 361 and 362 of User Device Registration hold all of them by name, the log of Windows Hello has one record
per check. Of the records only the newest run counts, and only where no capture shows the checks. Microsoft Learn,
"Troubleshoot devices by using dsregcmd" (NGC prerequisites check); names and ids: the providers' manifests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from troubleshoot import times
from troubleshoot.eventfacts import by_time, near, value
from troubleshoot.model import Capture, Event, Fact, Source

_REGISTRATION = "microsoft-windows-user device registration"
_HELLO = "microsoft-windows-helloforbusiness"
_RESULTS = frozenset({358, 360, 361, 362})
_NAMES: Mapping[str, str] = {
    "DeviceIsJoined": "joined",
    "AADPrt": "token",
    "NgcPolicyEnabled": "policy",
    "NgcPostLogonProvisioningEnabled": "post-logon",
    "NgcHardwarePolicyMet": "hardware",
    "UserIsRemote": "local-session",  # the name says the opposite of the value, which answers "is not remote"
    "ADFSRaReady": "certificate-authority",
    "RATemplateReady": "certificate-template",
    "UseCloudTrust": "cloud-trust",
    "CloudTgt": "cloud-ticket",
}
_FIELDS: Mapping[str, str] = {
    "IsDeviceJoined": "joined",
    "IsUserAzureAD": "token",
    "PolicyEnabled": "policy",
    "PostLogonEnabled": "post-logon",
    "DeviceEligible": "hardware",
    "SessionIsNotRemote": "local-session",
    "NgcOnPremTgt": "cloud-ticket",
}
_CERTIFICATES: Mapping[str, str] = {
    "AdfsRaIsReady": "certificate-authority",
    "LogonCertTemplateReady": "certificate-template",
}
_FAILED: Mapping[int, str] = {
    7202: "hardware",
    7203: "policy",
    7204: "post-logon",
    7205: "certificate-template",
    7206: "certificate-authority",
    7210: "local-session",
}
_SINGLE: Mapping[int, tuple[str, str]] = {
    **{number: (name, "no") for number, name in _FAILED.items()},
    **{number + 1000: (name, "yes") for number, name in _FAILED.items()},
}
WANTED: Mapping[str, frozenset[int]] = {
    _REGISTRATION: _RESULTS | {300},
    _HELLO: frozenset(_SINGLE) | {8055, 8510},
}
"""The records facts are made from: provider in lower case -> event ids. 300, 8055 and 8510 say that Hello was set up."""

_RUN = timedelta(minutes=2)


def derive(captures: Sequence[Capture], events: Sequence[Event]) -> Iterator[Fact]:
    """``yes`` or ``no`` of each check, by the newest capture of a user, else by the newest run in the logs.

    Nothing once Hello is set up: the checks of before are settled then.
    """
    for capture in captures:
        if _is_users(capture):
            key, policy = capture.named.get("NgcSet"), capture.named.get("PolicyEnabled")
            if (key is not None and key.text.upper() == "YES") or (policy is not None and _word(policy.text)):
                yield from _of_capture(capture)
                return
    yield from _of_events(events)


def _is_users(capture: Capture) -> bool:
    """Does the capture show the session of a user? SYSTEM and an administrator's prompt do not."""
    token = capture.named.get("AzureAdPrt")
    if token is not None and token.text.upper() == "YES":
        return True
    return capture.account is not None and capture.account.kind in ("domain", "entra") and not capture.elevated


def _of_capture(capture: Capture) -> Iterator[Fact]:
    named = capture.named
    certificates = named.get("CertEnrollment")
    wanted = certificates is not None and certificates.text.casefold() == "enrollment authority"
    for name, check in {**_FIELDS, **(_CERTIFICATES if wanted else {})}.items():
        field = named.get(name)
        word = _word(field.text) if field is not None else None
        if field is None or word is None:
            continue
        source = Source(capture.source.path, field.line)
        yield Fact(f"hello.check.{check}", word, source, capture.time, capture.account)
        if check == "cloud-ticket":  # without the policy the ticket is not looked for
            yield Fact("hello.check.cloud-trust", "yes", source, capture.time, capture.account)


def _word(text: str) -> str | None:
    """yes or no; None for a check that was not made. ``NO ( 1 : StateNoPolicy )`` is no, ``Not Tested`` is none."""
    word = text.strip().partition(" ")[0].casefold()
    return word if word in ("yes", "no") else None


def _of_events(events: Sequence[Event]) -> Iterator[Fact]:
    ours = [event for event in events if event.id in WANTED.get(event.provider.casefold(), ())]
    results = [event for event in ours if _is_result(event)]
    if not results:
        return
    newest = max(results, key=by_time)
    if any(times.after(event.time, newest.time) for event in ours if not _is_result(event)):
        return
    found: dict[str, Fact] = {}
    for event in sorted(
        results, key=lambda one: (one.provider.casefold() == _REGISTRATION, by_time(one)), reverse=True
    ):
        if event is newest or near(event, newest, _RUN):
            for name, word in _checks(event):
                found.setdefault(name, Fact(f"hello.check.{name}", word, event.source, event.time))
    yield from found.values()


def _is_result(event: Event) -> bool:
    return event.id in (_RESULTS if event.provider.casefold() == _REGISTRATION else _SINGLE)


def _checks(event: Event) -> Iterator[tuple[str, str]]:
    """(check, yes or no) of a record; a check that was not tested is left out."""
    if event.provider.casefold() == _HELLO:
        yield _SINGLE[event.id]
        return
    for name, check in _NAMES.items():
        word = _word(value(event, name) or "")
        if word is not None:
            yield check, word
