"""DSRegTool's log and its texts: every line of the tool, both wordings, in UTC; logs of joining a domain."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from troubleshoot.case import Case
from troubleshoot.model import CollectorNote, Fact, LogLine, Problem
from troubleshoot.parsers import dsregtool, parse_text

TABLE = yaml.safe_load((Path(dsregtool.DATA) / "dsregtool_verdicts.yaml").read_text(encoding="utf-8"))
TENANT = "11111111-2222-3333-4444-555555555555"


def log(*lines: str, start: int = 10) -> str:
    """Lines as the tool writes them, one second apart; a level may stand in front."""
    out = []
    for i, line in enumerate(lines):
        level, message = ("INFO", line) if not line.startswith("!") else ("ERROR", line[1:])
        out.append(f"[2026-03-04 08:16:{start + i:02}.214] [{level}] {message}")
    return "\n".join(out) + "\n"


def read(text: str, name: str = "DSRegTool.log") -> list[Fact | LogLine]:
    found = [one for one in parse_text(name, text.encode("cp1252", "replace"), None) if type(one) is not CollectorNote]
    assert all(isinstance(one, Fact | LogLine) for one in found), found
    return found  # type: ignore[return-value]


def facts(text: str, name: str = "DSRegTool.log") -> list[tuple[str, str, int | None]]:
    return [(one.name, one.value, one.source.line) for one in read(text, name) if isinstance(one, Fact)]


def texts() -> list[tuple[str, str | None, str | None]]:
    return [
        (text.replace("{host}", "WKS-0427"), row["fact"], row.get("value"))
        for row in TABLE
        for text in (row["text"], *row.get("also", ()))
    ]


@pytest.mark.parametrize(("text", "fact", "value"), texts())
def test_every_line_of_the_table(text: str, fact: str | None, value: str | None) -> None:
    for message in (text, f"{text}.", f"{text}, and more"):
        assert facts(log(message)) == ([] if fact is None else [(fact, value, 1)])


@pytest.mark.parametrize(
    "text", ["Test failed: MEX URLs are not accessible", "xTest failed: MEX URL is not accessible", "Test failed: "]
)
def test_other_lines_are_no_verdicts(text: str) -> None:
    assert facts(log(text)) == []


def test_the_table_names_34_failures_of_version_4_and_facts_of_the_vocabulary() -> None:
    failures = {row["text"] for row in TABLE if row["text"].startswith("Test failed")}
    assert len(failures) >= 34
    vocabulary = yaml.safe_load(
        (Path(__file__).resolve().parent.parent / "rules" / "vocabulary.yaml").read_text(encoding="utf-8")
    )["facts"]
    for row in TABLE:
        if row["fact"] is not None:
            assert row["value"] in vocabulary[row["fact"]].get("values", [row["value"]])


def test_lines_are_kept_with_their_times_and_their_continuation() -> None:
    text = (
        "==========================================================\n==========================================================\n"
        + log("DSRegTool 4.0 has started", "Device Name : WKS-0427", "User Account: corp\\ada, UPN: ada@corp.example")
        + log("Recommended action: Make sure of it `", start=20)
        + "                                 Registry Key: HKEY_LOCAL_MACHINE\\SOFTWARE\n \n"
        + log("Script completed successfully.", start=30)
    )
    found = read(text)
    assert [(one.source.line, one.text) for one in found if isinstance(one, LogLine)] == [
        (3, "DSRegTool 4.0 has started"),
        (4, "Device Name : WKS-0427"),
        (5, "User Account: corp\\ada, UPN: ada@corp.example"),
        (6, "Recommended action: Make sure of it ` Registry Key: HKEY_LOCAL_MACHINE\\SOFTWARE"),
        (9, "Script completed successfully."),
    ]
    assert {one.component for one in found if isinstance(one, LogLine)} == {"DSRegTool"}
    assert found[0].time == datetime(2026, 3, 4, 8, 16, 10, 214000, tzinfo=UTC)


def test_the_newest_verdict_comes_first() -> None:
    text = log("!Test failed: Automatic-Device-Join task scheduler is not ready") + log(
        "Test passed: Automatic-Device-Join task scheduler is ready", start=20
    )
    found = [one for one in read(text) if isinstance(one, Fact)]
    assert [one.value for one in found] == ["ready", "disabled"]
    assert Case.of(found).facts["task.automatic-device-join"][0].value == "ready"
    same = text.replace(":20.214", ":10.214")  # in one millisecond the later line counts
    assert Case.of(read(same)).facts["task.automatic-device-join"][0].value == "ready"


@pytest.mark.parametrize(
    ("account", "kind", "upn"),
    [
        ("corp\\ada, UPN: ada@corp.example", "domain", "ada@corp.example"),
        ("azuread\\ada, UPN: ada@contoso.com", "entra", "ada@contoso.com"),
        ("wks-0427\\helper, UPN: ", "unknown", None),
        ("nt authority\\system, UPN: ", "system", None),
    ],
)
def test_personal_facts_belong_to_the_account_of_the_run(account: str, kind: str, upn: str | None) -> None:
    text = log(
        f"User Account: {account}",
        "!Test failed: Primary Refresh Token (PRT) is not available. Hence SSO will not work",
    )
    (fact,) = (one for one in read(text) if isinstance(one, Fact))
    assert fact.account is not None
    assert (fact.name, fact.value, fact.account.kind, fact.account.upn) == ("prt.user", "missing", kind, upn)


def test_service_connection_points_in_the_log() -> None:
    text = log(
        "Client-side registry setting for SCP is configured as the following:",
        f"TenantId:{TENANT}",
        "TenantName:contoso.com",
        f"azureADName:contoso.com azureADId:{TENANT}",
        "AD computer object has 2 certificate(s) under userCertificate attribute",
    )
    assert sorted(facts(text)) == [
        ("certificate.userCertificate", "present", 5),
        ("certificate.userCertificate.count", "2", 5),
        ("scp.client-side", "present", 1),
        ("scp.client-side.tenant-id", TENANT, 2),
        ("scp.client-side.tenant-name", "contoso.com", 3),
        ("scp.forest.tenant-id", TENANT, 4),
        ("scp.forest.tenant-name", "contoso.com", 4),
    ]
    assert all(one.time is not None and one.time.tzinfo for one in read(text))


def test_endpoints_in_the_log() -> None:
    text = log(
        "Connection to login.microsoftonline.com .............. Succeeded.",
        "!Connection to enterpriseregistration.windows.net ........ failed.",
        "!Test failed: device is not able to communicate with MS endpoints under system account",
    )
    assert facts(text) == [
        ("endpoint.login.system", "reachable", 1),
        ("endpoint.enterpriseregistration.system", "unreachable", 2),
    ]
    assert sum(isinstance(one, LogLine) for one in read(text)) == 3


# ----------------------------------------------------------------------------------------------------- SCP files

FOREST = f"azureADId:{TENANT}\nazureADName:contoso.com\n"
CLIENT = (
    f"Client-side registry setting for SCP is configured as the following:\nTenantId:{TENANT}\nTenantName:contoso.com\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            FOREST,
            [
                ("scp.forest", "present", 1),
                ("scp.forest.tenant-id", TENANT, 1),
                ("scp.forest.tenant-name", "contoso.com", 2),
            ],
        ),
        (
            f"keywords : {{azureADName:contoso.com, azureADid:{TENANT}}}\n",
            [
                ("scp.forest", "present", 1),
                ("scp.forest.tenant-name", "contoso.com", 1),
                ("scp.forest.tenant-id", TENANT, 1),
            ],
        ),
        (
            "Service Connection Point is not configured in configurationconfiguration partition\n",
            [("scp.forest", "missing", 1)],
        ),
        (
            CLIENT,
            [
                ("scp.client-side", "present", 1),
                ("scp.client-side.tenant-id", TENANT, 2),
                ("scp.client-side.tenant-name", "contoso.com", 3),
            ],
        ),
        (
            CLIENT.replace("contoso.com", ""),
            [("scp.client-side", "incomplete", 1), ("scp.client-side.tenant-id", TENANT, 2)],
        ),
        ("Client-side registry setting for SCP is not configured\n", [("scp.client-side", "missing", 1)]),
    ],
)
def test_scp(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert facts(text, "SCP.txt") == expected


def test_a_directory_that_could_not_be_asked_tells_nothing() -> None:
    found = list(
        parse_text(
            "SCP-config-partition.txt", b"Not able to read Service Connection Point from configuration partition", None
        )
    )
    assert not any(isinstance(one, Fact) for one in found)
    assert sum(isinstance(one, Problem) for one in found) == 1


# -------------------------------------------------------------------------------------------------- domain logs

NETSETUP = (
    "03/04/2026 09:15:02:123 -----------------------------------------------------------------\n"
    "03/04/2026 09:15:02:123 NetpDoDomainJoin\n03/04/2026 09:15:02:130 NetpMachineValidToJoin: 'WKS-0427'\n"
    "03/04/2026 09:15:03:000 NetpDsGetDcName: failed to find a DC in the specified domain: 0x54b, last error is 0x0\n"
    "03/04/2026 09:15:03:001 NetpDoDomainJoin: status: 0x54b\n13/45/2026 09:15:03:001 NetpDoDomainJoin: status: 0x0\n"
)
NETLOGON = (
    "03/04 09:15:02 [INIT] [1234] Starting\n03/04 09:15:03 [CRITICAL] [1234] CORP: NetpDcGetName: failed 0x54b\n"
    "03/04 09:15:04 [CRITICAL] [1234] CORP: NetpDcGetName: failed 0x54b\n03/04 09:15:05 [CRITICAL] [1234] CORP: NetpDcGetName: failed 0x54b\n"
    "03/04 09:15:06 [SESSION] [1234] CORP: NlSessionSetup: Session setup Failed 0xC000005E\n03/04 09:15:07 [SESSION] [1234] CORP: fine\n"
)


def test_lines_of_netsetup() -> None:
    found = read(NETSETUP, "Netsetup.log")
    assert [(one.source.line, one.component) for one in found if isinstance(one, LogLine)] == [
        (n, "netsetup") for n in (2, 4, 5, 6)
    ]
    assert found[0].time == datetime(2026, 3, 4, 9, 15, 2, 123000)  # local, so without a zone
    assert found[3].time is None  # no such date


def test_lines_of_netlogon_repeat() -> None:
    found = read(NETLOGON, "netlogon.log")
    assert [(one.source.line, one.time, one.text) for one in found if isinstance(one, LogLine)] == [
        (2, None, "[CRITICAL] CORP: NetpDcGetName: failed 0x54b"),
        (4, None, "[CRITICAL] CORP: NetpDcGetName: failed 0x54b"),
        (5, None, "[SESSION] CORP: NlSessionSetup: Session setup Failed 0xC000005E"),
    ]


# ------------------------------------------------------------------------------------------------ hostile texts

PIECES = st.sampled_from(
    [
        *(
            "Current WinHTTP proxy settings:",
            "    Direct access (no proxy server).",
            "    Proxy Server(s) :  p:80",
            "Flags: 0",
            "\n",
            " ",
        ),
        *(
            "Getting DC name failed: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN",
            "DC: \\\\DC",
            "Address: \\\\10.0.0.1",
            "#0>\tClient: x",
        ),
        *(
            "Current LogonId is 0:0x3e7",
            "Cached Tickets: (1)",
            "\tServer: krbtgt/A @ A",
            'my "Personal"',
            "================ Certificate 0 ================",
        ),
        *(
            "Issuer: CN=MS-Organization-Access",
            " NotAfter: 3/1/2036 7:32 AM",
            "HostName: x",
            "TaskName: \\Microsoft\\Windows\\Workplace Join\\A",
        ),
        *(
            "======== ====== =====",
            "Folder: \\Microsoft\\Windows\\Workplace Join",
            '"a","\\b","c"',
            "<Task>",
            "<Settings>",
            "<URI>\\a</URI>",
            "</Task>",
        ),
        *(
            "S-1-1-0",
            "S-1-16-1",
            "UserCertificate count: 3",
            "Object GUID        : " + TENANT,
            "[2026-03-04 08:16:10.214] [INFO] Test failed: ",
        ),
        *(
            "Connection to login.microsoftonline.com .... failed.",
            "03/04/2026 09:15:02:123 Netp status: 0x1",
            "azureADId:",
            "ComputerName : a.b",
        ),
        *(
            "    Proxy Enabled : Yes",
            "    AutoConfigURL : x",
            "Proxy usage: NO_PROXY",
            "bitsadmin localsystem",
            "TaskPath : \\a\\",
            "State : Ready",
        ),
    ]
)


@given(
    st.lists(st.one_of(PIECES, st.text(max_size=30)), max_size=40).map("\n".join),
    st.sampled_from(["x.txt", "winInet-system.txt", "Machine-Store.txt"]),
)
def test_no_text_stops_the_parsers(text: str, name: str) -> None:
    for one in parse_text(name, text.encode("utf-8", "replace"), None):
        assert not (isinstance(one, Problem) and one.kind == "damaged"), one


CAPTURE = "| Device State |\n\n             AzureAdJoined : NO\n              DomainJoined : YES\n\n"
LISTING = (
    "\nFolder: \\Microsoft\\Windows\\Workplace Join\nHostName:      WKS-0427\n"
    "TaskName:      \\Microsoft\\Windows\\Workplace Join\\Automatic-Device-Join\nNext Run Time: N/A\nStatus:        Disabled\n"
    "Logon Mode:    Interactive/Background\nLast Run Time: 3/4/2026 9:18:21 AM\nLast Result:   -2145648611\nAuthor:        N/A\n"
    "Task To Run:   x\nStart In:      N/A\nComment:       N/A\nScheduled Task State: Disabled\n"
)
WINHTTP = "\nCurrent WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n\n"


@given(st.permutations([LISTING, WINHTTP]), st.sampled_from(["", "Hello, this is what we saw:\n", "> "]))
def test_listings_pasted_after_a_capture_give_both(parts: list[str], greeting: str) -> None:
    found = list(parse_text("ticket.txt", (greeting + CAPTURE + "".join(parts)).encode(), None))
    case = Case.of(found)
    assert len(case.captures) == 1
    assert {name: facts[0].value for name, facts in case.facts.items()} == {
        "task.automatic-device-join": "disabled",
        "task.automatic-device-join.result": "0x801c001d",
        "proxy.winhttp": "direct",
    }
    assert not case.problems
