"""The words of reports that are not in rules: verdicts, join states, who acts, headings. One place, so they can change."""

from __future__ import annotations

from collections.abc import Sequence

from troubleshoot.model import Finding

VERDICTS = {
    "failed": "FAILED",
    "pending": "PENDING",
    "degraded": "DEGRADED",
    "healthy": "HEALTHY",
    "not-applicable": "NOT APPLICABLE",
    "inconclusive": "INCONCLUSIVE",
}
JOIN_STATES = {
    "hybrid": "hybrid joined",
    "entra": "joined to Microsoft Entra (formerly Azure AD) only, not to a domain",
    "registered": "registered in Microsoft Entra (formerly Azure AD), not joined",
    "on-premises-drs": "joined to the on-premises registration service",
    "domain-only": "in the domain, not hybrid joined",
    "none": "joined to nothing",
    "unknown": "join state not told by the input",
}
WHO = {
    "helpdesk": "Helpdesk",
    "ad-admin": "AD administrator",
    "entra-admin": "Entra administrator",
    "network": "Network team",
    "user": "User",
}
RUN_AS = {"admin": "as administrator", "system": "as SYSTEM", "user": "as the user, not as administrator"}
PHASES = {
    "precheck": "pre-check",
    "discover": "discovery",
    "auth": "authentication",
    "join": "join",
    "device": "device identity",
    "prt": "sign-in token",
    "hello": "Windows Hello",
    "mdm": "MDM enrolment",
    "comanagement": "co-management",
    "sync": "directory sync",
    "registered": "work account",
    "vm": "Azure VM log-in",
}
HEADINGS = {
    "cause": "Cause",
    "owner": "Owner",
    "proof": "Proof",
    "fix": "What to do",
    "wait": "Wait",
    "avoid": "Careful",
    "benign_when": "Normal when",
    "not_ruled_out": "Not ruled out; to be sure",
    "symptoms": "Explained by this",
    "others": "Also found",
    "resolved": "Settled since",
    "benign": "Normal here, ignore",
    "unexplained": "Codes without a known cause",
    "not_checked": "Not checked",
    "read": "What was read",
    "problems": "Could not be read",
    "secrets": "Should not have been collected",
    "references": "Documents",
    "redacted": "Names stand as pseudonyms; values replaced by kind",
}
MAIL = {
    "subject": "Subject: {device}: sign-in to Microsoft Entra",
    "sound": "We looked at {device} and found nothing wrong. You need not do anything.",
    "trouble": "We looked at {device}. What we found: {title}.",
    "nothing": "You need not do anything: we take care of it and tell you when it is done.",
    "steps": "Please do this:",
    "expect": "Then:",
}
_LONGEST = 255
_BY_VERDICT = {
    "healthy": "no fault found",
    "not-applicable": "hybrid join does not apply to this device",
    "inconclusive": "the input does not tell whether the device is joined",
}


def summary(verdict: str, join_state: str, device: str | None, findings: Sequence[Finding]) -> str:
    """One sentence for a ticket, at most 255 characters: device, verdict, first cause, how many more."""
    name = (device or "The device").strip() or "The device"
    if findings:
        first = findings[0]
        phase = PHASES.get(first.phase, first.phase)
        sure = "" if first.confidence == "certain" else f" ({first.confidence})"
        more = f"; {len(findings) - 1} more" if len(findings) > 1 else ""
        state = {"failed": "fails", "pending": "waits", "degraded": "is degraded"}.get(verdict, "has a finding")
        text = f"{name} {state} at {phase}: {first.title}{sure}{more}."
    else:
        text = f"{name}: {_BY_VERDICT.get(verdict, 'no fault found')} ({JOIN_STATES.get(join_state, join_state)})."
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def nothing_found(verdict: str, join_state: str) -> str:
    """What stands below the verdict when no rule matched."""
    if verdict == "inconclusive":
        return "Nothing wrong was found, but the input does not tell whether the device is joined."
    if verdict == "not-applicable":
        return f"Hybrid join does not apply here: the device is {JOIN_STATES.get(join_state, join_state)}."
    return f"Nothing wrong was found: the device is {JOIN_STATES.get(join_state, join_state)}."
