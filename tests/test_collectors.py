"""Which collector made an input, when, and what its silence means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from bundles import (
    LAYOUTS,
    NO_KEY,
    WKS,
    Machine,
    Member,
    bundle,
    marker,
    script_info,
    status,
    without_top,
    write,
    zipped,
)
from evidence import at, capture

from troubleshoot import collectors, recognise, tables
from troubleshoot.case import Case
from troubleshoot.match import Evaluator
from troubleshoot.model import Collected, CollectorNote, LogSpan, Problem, RegistryValue, Report, Source
from troubleshoot.parsers import parse_text
from troubleshoot.pipeline import diagnose, exit_code, open_cases
from troubleshoot.report import render
from troubleshoot.ruleset import load

CDJ = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin"
SCP = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD"
POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WorkplaceJoin"
MDM = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\MDM"

TITLES = {
    "auth-v5": "authentication scripts",
    "auth-v6": "authentication scripts",
    "tss": "TSS",
    "sdp": "Microsoft Support Diagnostics (SDP)",
    "dsregtool": "DSRegTool",
    "intune-new": "Intune diagnostics",
    "intune-old": "Intune diagnostics",
    "intune-flattened": "Intune diagnostics",
    "mdm": "MDM diagnostics",
    "msrd": "MSRD-Collect",
    "odc": "Intune One Data Collector",
    "mde": "Defender for Endpoint client analyzer",
    "azure-disk": "Azure disk inspection",
    "css-collect": "Microsoft CSS collect script",
    "gsa": "Global Secure Access client",
    "cmtraceopen": "cmtraceopen collector",
    "by-hand": None,
}


def test_every_collector_of_the_list() -> None:
    assert set(TITLES) == set(LAYOUTS)


def test_table_is_compiled() -> None:
    assert (tables.DATA / "collectors.json").read_bytes() == tables.compiled("collectors")


def test_the_table_names_what_it_knows() -> None:
    known = set(collectors.table()["evidence"])
    for row in collectors.table()["collectors"]:
        told = [*row["gathers"], *row.get("nested", {}), *row.get("never", ())]
        assert set(told) <= known
        assert len(set(told)) == len(told), row["id"]
        assert set(row.get("later", {})) <= set(row["gathers"])
    vocabulary = yaml.safe_load((Path(__file__).resolve().parent.parent / "rules" / "vocabulary.yaml").read_text())
    for name, row in collectors.table()["evidence"].items():
        for prefix in row.get("facts", ()):
            assert any(fact.startswith(prefix) for fact in vocabulary["facts"]), (name, prefix)
        for component in row.get("components", ()):
            assert component in vocabulary["components"]


# ------------------------------------------------------------------------------------------------------------ who made it


@pytest.mark.parametrize("collector", TITLES)
@pytest.mark.parametrize("change", ["as it is", "renamed", "no top folder"])
def test_the_collector_is_told_by_its_files(collector: str, change: str) -> None:
    members = bundle(collector)
    if change == "no top folder":
        members = without_top(members)
    prefix = "ticket 4711/upload (2).zip/" if change == "renamed" else ""
    found = collectors.identify([prefix + one.path for one in members])
    if (collector, change) == ("css-collect", "no top folder"):
        assert found is not None  # DSRegStatus.txt and a .reg.txt are still there
    assert (found.title if found else None) == TITLES[collector]


@pytest.mark.parametrize("shape", ["folder", "zip", "zip in zip", "no top folder"])
@pytest.mark.parametrize(
    "collector", ["auth-v5", "auth-v6", "dsregtool", "intune-new", "mdm", "msrd", "odc", "mde", "tss"]
)
def test_the_report_says_who_collected(tmp_path: Path, collector: str, shape: str) -> None:
    """The same verdict, the same collector, however the bundle comes."""
    members = [one for one in bundle(collector) if one.kind != "nested-archive"]
    report = reported(tmp_path, members, shape)
    assert report.coverage.collector == TITLES[collector]
    # An MDM cabinet holds no capture of its own here (it lies two cabinets down).
    assert report.verdict == ("inconclusive" if collector == "mdm" else "pending")


def reported(tmp_path: Path, members: Sequence[Member], shape: str = "folder") -> Report:
    folder = tmp_path / "in"
    if shape == "no top folder":
        members = without_top(members)
    if shape in ("folder", "no top folder"):
        write(folder, members)
    else:
        data = zipped([(one.path, one.data) for one in members])
        folder.mkdir()
        name = "whatever.bin" if shape == "zip" else "a.zip"
        (folder / name).write_bytes(data if shape == "zip" else zipped([("inner.dat", data)]))
    result = diagnose([str(folder)], load())
    assert exit_code(result) in (0, 1, 4)
    (report,) = result.reports
    return report


def test_window_version_and_offset(tmp_path: Path) -> None:
    report = reported(tmp_path, bundle("auth-v6"))
    made = report.coverage.collected
    assert made is not None
    assert (made.version, made.utc_offset, made.unfinished) == ("6.3", "+01:00", False)
    assert (made.started, made.stopped) == (at("2026-03-04T09:10:00Z"), at("2026-03-04T09:16:45Z"))
    assert made.cleared == {
        "microsoft-windows-capi2/operational",
        "microsoft-windows-kerberos/operational",
        "microsoft-windows-certpoleeng/operational",
    }
    said = " ".join(str(render(diagnose([str(tmp_path / "in")], load()), "text")).split())
    assert (
        "collected by authentication scripts 6.3, 2026-03-04T09:10:00Z (10:10:00 UTC+01:00) to "
        "2026-03-04T09:16:45Z (10:16:45 UTC+01:00)"
    ) in said
    assert "UTC+01:00" in said
    assert "not gathered by it: SCP of the forest, WinHTTP proxy, endpoint test, CoManagementHandler.log" in said


def test_a_collection_that_was_never_stopped(tmp_path: Path) -> None:
    members = [one for one in bundle("auth-v6") if "PreTrace" in one.path]
    members += [
        Member("authlogs/started.txt", "bundle-marker", b"x"),
        Member("authlogs/script-info.txt", "", half_info()),
    ]
    made = reported(tmp_path, members).coverage.collected
    assert made is not None
    assert (made.unfinished, made.started, made.stopped) == (True, at("2026-03-04T09:10:00Z"), None)


def half_info() -> bytes:
    return script_info().partition("Data collection stopped")[0].encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            script_info("5.0", hours=-7),
            [("version", "5.0"), ("started", None), ("stopped", None), ("utc-offset", "-07:00")],
        ),
        (marker("results.xml"), []),
        (NO_KEY, [("no-key", NO_KEY.strip())]),
        ("FEHLER: Der angegebene Registrierungsschlüssel bzw. Wert wurde nicht gefunden.", [("no-key", None)]),
        (
            "reg : ERROR: The system was unable to find the specified registry key or value.\nAt C:\\a.ps1:7 char:1",
            [("no-key", None)],
        ),
        ("ERROR: Access is denied.", []),
        ("ERROR: Registry editing has been disabled by your administrator.", []),
        ("Data collection started on\n    2026/13/44 09:15:02 UTC\n", []),
    ],
)
def test_notes(text: str, expected: list[tuple[str, str | None]]) -> None:
    found = [one for one in parse_text("notes.txt", text.encode(), None) if isinstance(one, CollectorNote)]
    assert [one.kind for one in found] == [kind for kind, _ in expected]
    for one, (_, value) in zip(found, expected, strict=True):
        assert value is None or one.value == value


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("x_Log-transcript.txt", "TSS Script version 2024.02.14.1 started\n", "2024.02.14.1"),
        ("DSRegTool.log", "[2026-03-04 08:16:10.214] [INFO] DSRegTool 3.6 has started\n", "3.6"),
    ],
)
def test_versions_in_logs(name: str, text: str, version: str) -> None:
    found = [one for one in parse_text(name, text.encode(), None) if isinstance(one, CollectorNote)]
    assert [(one.kind, one.value) for one in found] == [("version", version)]


# -------------------------------------------------------------------------------------------------------------- absence


def absent(tmp_path: Path, collector: str, texts: Mapping[str, str], without: Sequence[str] = ()) -> set[str]:
    """The keys that the bundle shows not to be there, with these texts in its files and without those."""
    members = [one for one in bundle(collector, texts=texts) if not any(one.path.endswith(end) for end in without)]
    (case,) = open_cases([str(write(tmp_path / "in", members))], None).cases
    return {one.key for one in case.registry if one.type == "absent"}


V5, V6 = {"script-info.txt": script_info("5.0")}, {"script-info.txt": script_info("6.3")}
POLICIES = 'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft]\n"Set"=dword:00000001\n'
JOINED = f'Windows Registry Editor Version 5.00\n\n[{POLICY.replace("HKLM", "HKEY_LOCAL_MACHINE")}]\n"autoWorkplaceJoin"=dword:00000001\n'


@pytest.mark.parametrize(
    ("collector", "texts", "without", "expected"),
    [
        # the error of reg query, where the collector asks for the right key
        ("auth-v5", {**V5, "RegCDJ-key.txt": NO_KEY}, (), {CDJ}),
        (
            "auth-v6",
            {**V6, "CDJ-AAD.txt": NO_KEY, "GlobalGP-key.txt": NO_KEY},
            (),
            {SCP, POLICY, MDM, r"HKLM\SOFTWARE\Policies\Microsoft"},
        ),
        # a key asked for under a wrong name proves nothing
        ("auth-v5", {**V5, "Reg-WPJ-Policy-key.txt": NO_KEY}, (), set()),
        ("auth-v6", {**V6, "Reg-WPJ-Policy-key.txt": NO_KEY, "GlobalGP-key.txt": "\n"}, (), {POLICY}),
        ("tss", {"reg_Reg-WPJ-Policy.txt": NO_KEY}, (), set()),
        ("tss", {"reg_RegCDJ.txt": NO_KEY}, (), {CDJ}),
        # version unknown: the least one that writes what is there
        ("auth-v6", {"Reg-WPJ-Policy-key.txt": NO_KEY, "GlobalGP-key.txt": "\n"}, ("script-info.txt",), {POLICY}),
        ("auth-v5", {"Reg-WPJ-Policy-key.txt": NO_KEY}, ("script-info.txt",), set()),
        # access denied is no absence, nor is a file that is not there
        ("auth-v5", {**V5, "RegCDJ-key.txt": "ERROR: Access is denied.\n"}, (), set()),
        ("auth-v5", V5, ("RegCDJ-key.txt",), set()),
        # a dump of all below shows what is not in it
        ("msrd", {"HKLM-SW-Policies.txt": POLICIES}, (), {POLICY, MDM}),
        ("msrd", {"HKLM-SW-Policies.txt": JOINED}, (), {MDM}),
        ("odc", {"REG_SW_Policies.txt": JOINED}, (), {MDM}),
        ("intune-new", {"HKLM_Software_Policies export.reg": POLICIES}, (), {POLICY, MDM}),
        # Intune says it in a name; the HRESULT of results.xml says nothing
        ("intune-new", {}, ("export.reg",), set()),
        # regedit /e writes no file, where it wrote those that always are
        ("dsregtool", {}, ("CDJ.txt",), set()),
    ],
)
def test_absence_counts_only_where_it_was_looked_for(
    tmp_path: Path, collector: str, texts: Mapping[str, str], without: Sequence[str], expected: set[str]
) -> None:
    if collector == "auth-v6" and "GlobalGP-key.txt" not in texts:
        texts = {**texts, "GlobalGP-key.txt": "\n"}
    assert absent(tmp_path, collector, texts, without) == expected


def test_no_file_is_an_absence_where_the_others_are_there(tmp_path: Path) -> None:
    always = [Member(name, "reg-export", POLICIES.encode()) for name in ("Lsa.txt", "Winlogon.txt")]
    members = [*bundle("dsregtool"), *always]
    (case,) = open_cases([str(write(tmp_path / "in", members))], None).cases
    gone = {one.key for one in case.registry if one.type == "absent"}
    assert gone == {SCP, SCP.removesuffix("\\AAD"), POLICY}
    assert case.facts["scp.client-side"][0].value == "missing"


def test_a_name_of_intune_is_an_absence(tmp_path: Path) -> None:
    name = "(4) No Results - Error [0x80070002] RegistryKey HKLM_Software_Policies"
    kept = [one for one in bundle("intune-new") if not one.path.endswith("export.reg")]
    write(tmp_path / "a", [*kept, Member(name, "", b"")])
    (case,) = open_cases([str(tmp_path / "a")], None).cases
    assert {one.key for one in case.registry if one.type == "absent"} == {r"HKLM\SOFTWARE\Policies", POLICY, MDM}
    write(tmp_path / "b", [*kept, Member(name.replace("80070002", "80070001"), "", b"")])
    (case,) = open_cases([str(tmp_path / "b")], None).cases
    assert case.registry == ()


def test_empty_names_of_intune_are_no_loss(tmp_path: Path) -> None:
    healthy = [
        one
        for one in bundle("intune-new", Machine(joined=True))
        if one.kind in ("dsregcmd-status", "intune-empty-marker")
    ]
    result = diagnose([str(write(tmp_path / "in", healthy))], load())
    assert result.unread == ()
    assert exit_code(result) == 0


def test_a_key_that_is_there_elsewhere_is_not_absent() -> None:
    made = Collected(("auth",), "authentication scripts")
    found = RegistryValue(CDJ + r"\JoinInfo\A1", "TenantId", "REG_SZ", "x", Source("by-hand.reg", 3))
    note = CollectorNote("no-key", "", Source("authlogs/RegCDJ-key.txt", 1))
    names = ["authlogs/RegCDJ-key.txt", "by-hand.reg"]
    assert list(collectors.absences(made, names, [note, found])) == []
    assert [one.key for one in collectors.absences(made, names, [note])] == [CDJ]


def test_a_damaged_dump_shows_no_absence() -> None:
    made = Collected(("msrd",), "MSRD-Collect")
    path = "H_RegistryKeys/H_HKLM-SW-Policies.txt"
    value = RegistryValue(r"HKLM\SOFTWARE\Policies\X", "A", "REG_DWORD", 1, Source(path, 3))
    assert {one.key for one in collectors.absences(made, [path], [value])} == {POLICY, MDM}
    assert list(collectors.absences(made, [path], [value, Problem(Source(path, 9), "damaged", "cut off", 1)])) == []


def test_an_emptied_log_says_nothing() -> None:
    channel = "Microsoft-Windows-Kerberos/Operational"
    empty = LogSpan(channel, None, None, 0, 0, Source("Kerb_Oper.evtx"))
    ruleset = load()
    whole = Evaluator(ruleset, Case.of([empty]))
    emptied = Evaluator(
        ruleset, Case.of([empty], None, Collected(("auth",), "x", cleared=frozenset({channel.casefold()})))
    )
    assert whole.covers("kerberos", None) is True
    assert emptied.covers("kerberos", None) is False


# ------------------------------------------------------------------------------------------------ accounts, what to send


def old(**fields: str) -> Any:
    """A capture of a Windows that prints no account."""
    return capture({"AzureAdJoined": "NO", "WamDefaultSet": "ERROR (0x80070520)", **fields})


@pytest.mark.parametrize(
    ("path", "ids", "account", "elevated"),
    [
        ("(12) Command windir_system32_Dsregcmd_exe_status output.log", (), "SYSTEM", None),
        ("IntuneDeviceData/dsregcmd_status.txt", (), "SYSTEM", None),
        ("dsregcmd-debug.txt", ("dsregtool",), "SYSTEM", None),
        ("dsregcmd-debug.txt", (), None, None),
        ("authlogs/PreTraceLogs/DsRegCmdStatus.txt", ("auth",), None, True),
        ("DSRegStatus.txt", (), None, None),
        ("dsreg.txt", ("auth",), None, None),
    ],
)
def test_whose_run_it_is(path: str, ids: tuple[str, ...], account: str | None, elevated: bool | None) -> None:
    one = old()._replace(source=Source(path, 1))
    made = Collected(ids, "x") if ids else None
    (found,) = collectors.with_accounts([one], made)
    assert (found.account.name if found.account else None, found.elevated) == (account, elevated)


def test_the_printed_account_stays() -> None:
    from evidence import USER

    one = old()._replace(source=Source("(12) Command windir_system32_Dsregcmd_exe_status output.log", 1), account=USER)
    (found,) = collectors.with_accounts([one], None)
    assert found.account == USER


@pytest.mark.parametrize(
    ("kind", "subject", "collector", "expected"),
    [
        (
            "event",
            "Microsoft-Windows-AAD/Operational",
            "intune-new",
            "send mdmlogs-*.cab of the same collection (Intune diagnostics)",
        ),
        ("event", "Microsoft-Windows-AAD/Operational", "auth-v6", None),
        ("event", "Microsoft-Windows-Unknown/Admin", "intune-new", None),
        ("registry", MDM, "msrd", None),
        ("registry", SCP, "auth-v5", None),
        ("fact", "secure-channel", "dsregtool", None),
        ("fact", "task.automatic-device-join.result", "auth-v6", None),
        ("log", "CoManagementHandler", "msrd", None),
    ],
)
def test_what_to_send(kind: str, subject: str, collector: str, expected: str | None) -> None:
    paths = [one.path for one in bundle(collector) if not one.path.endswith(".cab")]
    notes = [CollectorNote("version", "5.0", Source("x"), collector="auth")] if collector == "auth-v5" else []
    made = collectors.identify(paths, notes)
    assert collectors.ask_for(made, kind, subject) == expected


@pytest.mark.parametrize("gone", ["Schtasks.query.v.txt", "RegCDJ-key.txt", "Aad_Oper.evtx", "MDMEnrollments-key.txt"])
def test_what_is_missing_of_a_bundle_is_asked_for(gone: str) -> None:
    paths = [one.path for one in bundle("auth-v6") if not one.path.endswith(gone)]
    made = collectors.identify(paths)
    assert made is not None
    assert f"{gone} of the same collection (authentication scripts)" in made.missing.values()


def test_not_checked_asks_for_the_file(tmp_path: Path) -> None:
    """An Intune zip without its cabinet: the AAD log is asked for by the name of the cabinet."""
    text = status(Machine(joined=True)).replace("AzureAdPrt : NO", "AzureAdPrt : NO")
    kept = [one for one in bundle("intune-new", texts={"status output.log": text}) if not one.path.endswith(".cab")]
    result = diagnose([str(write(tmp_path / "in", kept))], load())
    asked = [one.collect for report in result.reports for one in report.not_checked]
    assert not any('wevtutil epl "Microsoft-Windows-AAD/Operational"' in one for one in asked)
    assert WKS.host == "WKS-0427"


def test_the_word_of_a_sign_is_in_every_path_that_it_fits() -> None:
    """Signs are only compiled where their word stands: one that is not in a path they fit would hide a collector."""
    paths = [sample for row in recognise.table().names for sample in row["samples"]]
    paths += [member.path for collector in LAYOUTS for member in bundle(collector)]
    signs = [one for row in collectors.table()["collectors"] for found in row["signs"].values() for one in found]
    fitting = {sign: [path for path in paths if re.search(sign, path, re.IGNORECASE)] for sign in signs}
    assert sum(map(bool, fitting.values())) > 20
    wrong = {sign for sign, found in fitting.items() for path in found if collectors.literal(sign) not in path.lower()}
    assert wrong == set()
    assert sum(len(collectors.literal(sign)) >= 4 for sign in signs) > len(signs) * 3 // 4
