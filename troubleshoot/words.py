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
    "sure": "How sure",
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
    "changes": "What changed",
    "unchanged": "Nothing that both states tell has changed",
    "since": "Attempts since",
    "tables": "Tables of many devices",
    "fingerprint": "Ticket key",
    "streamed": "The whole report of each is in the JSON form (-f json) and in the run folder of `batch`.",
    "redacted": "Names stand as pseudonyms; values replaced by kind",
}
VERDICTS_PLAIN = {
    "failed": "Somebody must act before this works",
    "pending": "Only time is needed",
    "degraded": "Only warnings were found",
    "healthy": "Nothing wrong was found",
    "not-applicable": "Hybrid join is not meant for this device",
    "inconclusive": "The files do not tell whether the device is joined",
}
CONFIDENCES = {
    "certain": "certain",
    "likely": "likely",
    "possible": "possible; these files alone cannot tell",
}
FLOWS = {
    "join": "join",
    "prt": "sign-in token (PRT)",
    "enterprise-prt": "sign-in token of AD FS",
    "broker": "token broker",
    "hello": "Windows Hello",
    "mdm": "MDM enrolment",
    "comanagement": "co-management",
    "sync": "directory sync",
    "registered": "work account",
    "vm": "Azure VM log-in",
}
WHERE = {
    "device": "On the device",
    "entra-portal": "In the Entra admin center",
    "federation-server": "On the federation server",
    "domain-controller": "On a domain controller",
    "connect-server": "On the Entra Connect server",
    "network": "In the network",
    "group-policy": "In Group Policy",
    "ticket": "In the ticket",
    "intune-portal": "In the Intune admin center",
    "configmgr-console": "In the Configuration Manager console",
    "azure-portal": "In the Azure portal",
}
ABSENCES = {
    "empty": "empty",
    "skipped": "the test was skipped",
    "not-set": "not set",
    "unknown": "unknown",
    "not-tested": "not tested",
    "undefined": "undefined",
    "none": "none",
    "not-run": "not run: needs an elevated prompt",
    "masked": "masked by the sender",
    "cut": "cut off",
}
# What stands on the HTML page alone.
PAGE = {
    "skip": "Skip to the cause",
    "contents": "Contents",
    "devices": "Devices",
    "device": "Device",
    "no_name": "device without a name",
    "verdict": "Verdict",
    "state": "State",
    "as_of": "As of",
    "sure": "How sure",
    "phase": "Phase",
    "code": "Code",
    "rule": "Rule",
    "ticket": "Ticket key",
    "severity": "Weight",
    "nobody": "Nobody has to act",
    "first_step": "First step",
    "chain": "From cause to symptom",
    "root": "Root cause",
    "seen": "Seen as",
    "explained": "Explained by it",
    "more_steps": "More steps",
    "step": "Step",
    "expect": "Expect",
    "undo": "To undo",
    "copy_it": "Copy",
    "copied": "Copied",
    "not_copied": "Not copied: select the text and copy it",
    "more_proof": "More proof",
    "old_name": "Microsoft Entra was formerly Azure AD; Windows still prints the old name in its fields.",
    "time_line": "Time line of attempts",
    "no_attempts": "The files tell of no attempt to join or to get a token.",
    "drawn_apart": "Attempts with a local time of unknown zone stand in the table only",
    "captured": "captured",
    "failed": "failed",
    "succeeded": "succeeded",
    "flow": "Flow",
    "outcome": "Outcome",
    "source": "Source",
    "detail": "Detail",
    "attempt": "Attempt",
    "time": "Time",
    "all": "all",
    "filter": "Filter",
    "filter_attempts": "Filter attempts: a code, a word, an id",
    "filter_fields": "Filter fields: a label or a value",
    "shown": "{shown} of {all} shown",
    "show_more": "Show more",
    "zoom_in": "Zoom in",
    "zoom_out": "Zoom out",
    "earlier": "Earlier",
    "later": "Later",
    "whole": "Whole time",
    "zoom_hint": "Drag over the picture to zoom; with the keyboard + and - zoom, the arrows move, 0 shows all.",
    "missing": "What is missing",
    "never": "Not gathered by this collector, so unknown rather than absent",
    "not_in_input": "Gathered by this collector, but not in the input",
    "capture": "Capture",
    "account": "Account",
    "elevated": "elevated",
    "not_elevated": "not elevated",
    "account_unknown": "account not told",
    "log": "Log",
    "records": "Records",
    "first": "First",
    "last": "Last",
    "lost": "Lost",
    "no_records": "more event logs, empty or without records of use here",
    "nothing_missing": "Nothing more needs to be collected for this verdict.",
    "replaced": "Rules replaced or disabled by --rules",
    "fields": "All fields read",
    "field": "Field",
    "value": "Value",
    "section": "Section",
    "no_fields": "Nothing with fields or values was read.",
    "record": "text",
    "default_value": "(default)",
    "stated": "stated fact",
    "more_attempts": "Older attempts, as text",
    "attempt_columns": "Between tabs: time, attempt, detail, source; then milliseconds, since, times, flow, phase, outcome, files.",
    "more_fields": "More fields, as text",
    "field_columns": "Field, value, section and source of each, between tabs.",
    "more_values": "{count} more, in troubleshoot show -f json",
    "printed": "Printed are the newest attempts and the beginning of long lists; the file itself holds everything.",
    "no_time": "no time",
    "local": "local time, zone unknown",
    "times": "{count} times since {since}",
    "more_places": "and {count} more",
    "more_rows": "{count} more, in the JSON form",
    "user": "user",
    "message": "server text",
    "made": "Made from the files alone; nothing was asked of a network.",
    "version": "troubleshoot {version}, rules {rules}",
}
CLOCK = "the device's clock is"
OUTCOMES = {
    "fixed": ("FIXED", "What was wrong before is not wrong any more."),
    "better": ("BETTER", "Some of what was wrong before is fixed, some of it stays."),
    "same": ("NOT FIXED", "What was wrong before still is."),
    "other": ("NEW FAULT", "Something is wrong that was not wrong before."),
    "undecided": ("CANNOT BE TOLD", "One of the two states does not hold what would tell."),
    "sound": ("NO FAULT", "Nothing wrong was found in either state."),
}
CUTS = {
    "head": "its beginning was cut away, so what stands there is unknown",
    "tail": "its end was cut away, so what stands there is unknown",
    "both": "its beginning and its end were cut away, so what stands there is unknown",
    "fields": "a script kept some values, the others are unknown",
}
"""What a channel cut away of an output (:class:`troubleshoot.model.Row`)."""
OUTCOMES_MAIL = {
    "fixed": "What was wrong with it before is fixed.",
    "better": "Some of what was wrong with it before is fixed, some is not yet.",
    "same": "What was wrong with it before is not fixed yet.",
    "other": "Something new is wrong with it.",
    "undecided": "What was sent does not tell yet whether it is fixed.",
    "sound": "It was in order before, and is now.",
}
FATES = {
    "fixed": "Fixed",
    "stays": "Stays",
    "new": "New",
    "untold": "The later state does not tell",
    "newly-told": "Told only by the later state",
}
COMPARED = {
    "before": "before",
    "after": "after",
    "absent": "not there",
    "to_tell": "to tell",
    "undated": "attempts of which no time tells whether they are later",
}
CHANGED = {
    "join_state": "join state",
    "domain_type": "type of the domain",
    "device_id": "device id",
    "tenant_id": "tenant id",
    "tenant_name": "tenant",
    "os_build": "Windows build",
}
MAIL = {
    "subject": "Subject: {device}: sign-in to Microsoft Entra",
    "sound": "We looked at {device} and found nothing wrong. You need not do anything.",
    "trouble": "We looked at {device}. What we found: {title}.",
    "nothing": "You need not do anything: we take care of it and tell you when it is done.",
    "steps": "Please do this:",
    "expect": "Then:",
}
CARD = {
    "cut": "{count} more lines did not fit into this card; they stand in the other forms of the report.",
    "steps": "{count} more steps stand in the other forms of the report.",
    "empty": "Nothing was read.",
}
NO_NAME = "device without a name"
AS_OF = "as of"
NOTHING_REPLACED = "nothing to replace"
PACK = {
    "title": "Escalation package for Microsoft support",
    "made": "Made by troubleshoot {version} with rules {rules}, from the files listed at the end alone. Times are UTC, written with Z.",
    "fails_head": "WHAT FAILS",
    "verdict": "Verdict",
    "state": "Join state",
    "stage": "Stage",
    "join_type": "Domain type",
    "no_name": "in no table of this version",
    "not_told": "not told by the files",
    "identity_head": "WHO IT IS",
    "tenant_id": "Tenant id",
    "tenant_name": "Tenant name",
    "name": "Device name",
    "device_id": "Device id (objectGUID)",
    "domain": "AD domain",
    "user": "User",
    "build": "Windows build",
    "times_head": "WHEN",
    "as_of": "State as of",
    "first_seen": "First seen failing",
    "last_seen": "Last seen failing",
    "last_good": "Last good",
    "log_begins": "The log begins at",
    "scope_head": "SCOPE (please fill in)",
    "change": "What was changed last before it failed (network, proxy, image, policy, sync, federation)?",
    "attempts_head": "ATTEMPTS, newest first, with what the server said",
    "no_attempts": "The files tell of no attempt.",
    "left_out": "{count} older attempts stand in report.json",
    "no_time": "no time",
    "local": "(local time, zone unknown)",
    "repeats": "{count} times since {since}",
    "server_code": "server code",
    "server_subcode": "server sub-code",
    "message": "server text",
    "endpoint": "endpoint",
    "http_status": "HTTP status",
    "request_id": "request id",
    "correlation_id": "correlation id",
    "network_head": "PROXY AND DOMAIN CONTROLLER",
    "no_network": "Nothing about them was collected.",
    "tried_head": "WHAT WAS TRIED (please tick off and fill in)",
    "tried_blank": "when (UTC): ________________  result: ________________________________",
    "missing_head": "STILL MISSING, AND HOW TO COLLECT IT",
    "wanted": "support asks for it: {about}",
    "auth_scripts": (
        "in PowerShell as administrator, run `.\\start-auth.ps1 -v -accepteula` of Microsoft's authentication scripts, make the failure"
        " happen again as the user, then run `.\\stop-auth.ps1`; send the folder authlogs"
    ),
    "auth_why": "support traces a new attempt with it: network, tokens and registration in one go",
    "evidence_head": "EVIDENCE: every line that the report rests on, and no other",
    "files_head": "FILES that the report was made from: SHA-256, bytes, name",
    "no_digest": "not read: it may hold tokens or keys",
    "withheld": "{count} values that look like passwords, tokens or keys were withheld.",
}
PACK_MEMBERS = {
    "escalation.txt": "what support asks for, with blanks to fill in; start here",
    "escalation.json": "the same as data",
    "evidence.txt": "every line the report rests on, and no other text of a log",
    "report.txt": "the report; report.json is its data",
    "files.txt": "SHA-256 of every file the report was made from",
    "SHA256SUMS": "SHA-256 of the files in this package (sha256sum -c SHA256SUMS)",
}
PACK_SCOPE = (
    "Does it fail for many users or for one?",
    "Does it fail on one device or on many? Does a user for whom it works elsewhere get a PRT on this device?",
    "Did it ever work since hybrid join was set up? When last?",
)
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
