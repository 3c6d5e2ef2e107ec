"""Where Microsoft's documents contradict each other, the rule says so in its cause and links both sides."""

from __future__ import annotations

import pytest

from troubleshoot.ruleset import read_folder, rules_folder

FILES, _ = read_folder(rules_folder())
BY_ID = {str(file.doc["id"]): file.doc for file in FILES}
HYBRID = "troubleshoot-hybrid-join-windows-current"
PIN = "windows-hello-errors-during-pin-creation"
CONSTANTS = "mdm-registration-constants"

# What differs -> the rule that says it, words of the sentence, and a part of each of the two links.
CONTRADICTIONS = [
    ("the code of a failed question about the domain", "realm-lookup-failed", "0x801c0021", (HYBRID, "pull/79091")),
    (
        "0x801c001d: missing SCP, unreadable object, nothing at all",
        "scp-read-failed",
        "event 220",
        (HYBRID, "event-307-and-304"),
    ),
    ("the same, seen from event 220", "ad-computer-object-unreadable", "event 220", (HYBRID, "event-307-and-304")),
    ("0x801c0006 with the reason of 0x801c03f2", "directory-error", "internal error", (HYBRID, PIN)),
    ("0x801c03f2 of Hello", "hello-duplicate-address", "same code", (PIN, HYBRID)),
    ("clearing the TPM or not", "device-key-unusable", "clearing the TPM", (HYBRID, "troubleshoot-co-management")),
    ("0x80090031: wait or restart", "tpm-locked", "says to wait", (HYBRID, PIN)),
    ("0x80090031 of Hello", "hello-tpm-refuses", "says to wait", (PIN, HYBRID)),
    ("0x80072f8f: proxy or clock", "registration-reply-not-readable", "second", (HYBRID, PIN)),
    ("0x80072f8f of Hello", "hello-clock-or-certificate", "0x80072f8f", (PIN, HYBRID)),
    ("above 400 or 4xx", "token-refused", "above 400", (HYBRID, "troubleshoot-primary-refresh-token")),
    ("0x8018002a", "mdm-needs-second-factor", "0x80180030", ("troubleshoot-co-management", CONSTANTS)),
    ("0x8018002b", "mdm-not-configured", "0x80180031", ("troubleshoot-windows-auto-enrollment", CONSTANTS)),
    ("a user who cancelled", "mdm-user-cancelled", "0x8018002a", (CONSTANTS, "troubleshoot-co-management")),
    (
        "which device settings count",
        "users-may-not-register",
        "do not count",
        ("how-to-hybrid-join", "manage-device-identities"),
    ),
    (
        "the name in the SCP of a managed domain",
        "scp-name-of-wrong-kind",
        "Japan",
        ("hybrid-join-control", "jpazureid"),
    ),
    ("proxies that ask for a name", "proxy-failed-for-system", "not supported", ("how-to-hybrid-join", "jpazureid")),
    (
        "the same, met as a web page",
        "registration-reply-is-a-web-page",
        "not supported",
        ("how-to-hybrid-join", "jpazureid"),
    ),
    (
        "what EnterpriseJoined means",
        "joined-to-enterprise-drs",
        "table of states",
        ("troubleshoot-device-dsregcmd", "hybrid-join-manual"),
    ),
    (
        "where FallbackToSyncJoin stands",
        "fallback-sync-join-disabled",
        "CDJ",
        ("troubleshoot-device-dsregcmd", "DSRegTool"),
    ),
    ("0x80090303 without a reason", "kerberos-spn-unknown", "empty", ("microsoft-entra-kerberos", HYBRID)),
    ("what DRS is short for", "discovery-failed", "data replication", (HYBRID, "device-registration-how-it-works")),
    (
        "the number of a deleted device",
        "device-rejected",
        "AADSTS135011",
        ("primary-refresh-token", "reference-error-codes"),
    ),
    ("the oldest Windows that can join", "windows-too-old-to-join", "10586", ("hybrid-join-control", HYBRID)),
    ("how to leave", "device-record-deleted", "/debug /leave", ("devices/faq", "pending-devices")),
    ("MAM or MDM scope", "mdm-not-configured", "MAM", ("auto-enrollment", "mdm-diagnose-enrollment")),
    ("sign or sign in to", "sid-not-verified", "sign in to", (HYBRID, "azure-docs")),
    ("the name of 0x8009002a", "hello-out-of-memory", "NTE_NO_MEMORY", (PIN, "com-error-codes")),
    ("the address in event 1084", "token-service-unreachable", "event 1022", ("primary-refresh-token", HYBRID)),
    ("the level of event 220", "ad-computer-object-unreadable", "level Information", (HYBRID, "event-307-and-304")),
    (
        "the level of event 334",
        "domain-controller-unreachable",
        "as a warning",
        (HYBRID, "troubleshoot-device-dsregcmd"),
    ),
    ("the level of event 333", "join-not-run-as-system", "as a warning", (HYBRID, "device-registration-how-it-works")),
    ("the name of 0x80180016", "mdm-renewal-refused", "MENROLL_E", (CONSTANTS, "mdm-diagnose-enrollment")),
    ("sync-join errors of federated devices", "device-not-synced", "federated", (HYBRID, "how-to-hybrid-join")),
]


@pytest.mark.parametrize(
    ("rule", "words", "links"), [row[1:] for row in CONTRADICTIONS], ids=[row[0] for row in CONTRADICTIONS]
)
def test_the_rule_says_what_differs_and_links_both(rule: str, words: str, links: tuple[str, str]) -> None:
    doc = BY_ID[rule]
    assert words in doc["cause"]
    for part in links:
        assert any(part in link for link in doc["references"]), part
