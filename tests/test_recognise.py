"""What each file of a bundle is: by its name, by its content, and what must not be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bundles import JWT, LAYOUTS, TEXTS, Machine, Member, bundle, encoded, hive, of_table, without_top, write
from hypothesis import given
from hypothesis import strategies as st

from troubleshoot import recognise, tables
from troubleshoot.model import Artifact, Problem
from troubleshoot.parsers import parse
from troubleshoot.pipeline import diagnose, diagnose_bytes, exit_code
from troubleshoot.recognise import Recognised, text_of
from troubleshoot.report import render
from troubleshoot.ruleset import load

TABLE = recognise.table()


def known(path: str, data: bytes) -> Recognised:
    found = recognise.recognise(path, text_of(data))
    assert found is not None, path
    return found


# ---------------------------------------------------------------------------------------------------------- patterns


def test_the_table_holds_every_pattern_of_the_reference() -> None:
    """128 patterns of collectors' files, and those of this project."""
    assert len(TABLE.names) == 139
    assert {row["kind"] for row in (*TABLE.names, *TABLE.content)} == set(TABLE.kinds)


@pytest.mark.parametrize("member", list(of_table()), ids=lambda one: one.path)
def test_every_sample_is_its_kind(member: Member) -> None:
    by_name = recognise.recognise(member.path)
    assert by_name is not None
    assert by_name.kind == member.kind
    assert known(member.path, member.data).kind == member.kind


@pytest.mark.shared
def test_every_sample_of_the_reference(shared) -> None:  # type: ignore[no-untyped-def]
    import orjson

    rows = orjson.loads((shared / "reference" / "recognise.json").read_bytes())
    found = [(sample, recognise.recognise(sample)) for row in rows for sample in row["samples"]]
    wanted = [row["kind"] for row in rows for _ in row["samples"]]
    assert [one.kind if one else None for _, one in found] == wanted


@pytest.mark.parametrize("collector", LAYOUTS)
@pytest.mark.parametrize("change", ["as it is", "renamed", "in an archive", "no top folder", "backslashes"])
def test_every_file_of_every_collector(collector: str, change: str) -> None:
    whole = bundle(collector)
    bare = without_top(whole)
    wrong = []
    for one, base in zip(whole, bare, strict=True):
        path = {
            "as it is": one.path,
            "renamed": f"ticket 4711/{base.path}",
            "in an archive": f"upload.zip/logs.zip/{one.path}",
            "no top folder": base.path,
            "backslashes": one.path.replace("/", "\\"),
        }[change]
        found = known(path, one.data).kind
        if found != one.kind:
            wrong.append((path, one.kind, found))
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Dsregcmd (1).txt", "dsregcmd-status"),
        ("Dsregcmd - Copy.txt", "dsregcmd-status"),
        ("Dsregcmddebug - Kopie (2).txt", "dsregcmd-debug"),
        ("Microsoft-Windows-User Device Registration%%4Admin (1).evtx", "evtx"),
        ("AzureVMAccessToken - Copy.txt", "secret"),
        ("DSREGCMD.TXT", "dsregcmd-status"),
        ("photo.jpg", None),
        ("setup.exe", None),
        ("", None),
    ],
)
def test_names_as_people_change_them(path: str, kind: str | None) -> None:
    found = recognise.recognise(path)
    assert (found.kind if found else None) == kind


_PATTERNS = [re.compile(row["name"], re.I) for row in TABLE.names]
_PIECES = [piece for row in TABLE.names for sample in row["samples"] for piece in re.split(r"(?<=[/._ -])", sample)]


@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join))
def test_the_first_pattern_that_fits_counts(path: str) -> None:
    """The joined patterns by ending find what one pattern after another finds."""
    path = recognise.normal(path)
    row = next((row for row, one in zip(TABLE.names, _PATTERNS, strict=True) if one.search(path)), None)
    found = recognise.recognise(path)
    assert (found.kind if found else None) == (row["kind"] if row else None)
    secret = any(row["kind"] == "secret" and one.search(path) for row, one in zip(TABLE.names, _PATTERNS, strict=True))
    assert (recognise.secret_by_name(path) is not None) == secret


# ----------------------------------------------------------------------------------------------------------- content


@pytest.mark.parametrize(
    ("path", "kind", "told"),
    [
        ("Tickets.txt", "reg-export", "reg-export"),
        ("netstat.txt", "nltest", "nltest"),
        ("notes.txt", "klist", "klist"),
        ("log.evtx", "event-xml", "event-xml"),
        ("whatever.zip", "cmtrace", "cmtrace"),
        ("trace.etl", "schtasks", "schtasks"),
        ("no ending", "certs", "certs"),
        ("27/output.log", "nltest", "nltest"),
        ("export.csv", "event-csv", "event-csv"),
        ("1.txt", "graph-devices", "graph-devices"),
        ("1.txt", "graph-signins", "graph-signins"),
        ("x.dat", "dsregtool-log", "dsregtool-log"),
        ("x.log", "connectivity", "dsregtool-log"),
        ("TestDeviceRegConnectivity-user.txt", "dsregtool-log", "connectivity"),
        ("Schtasks.query.xml.txt", "schtasks", "schtasks-xml"),
        ("x.evtx", "sniff", "sniff"),
    ],
)
def test_content_beats_the_name(path: str, kind: str, told: str) -> None:
    assert known(path, TEXTS[kind].encode()).kind == told


def test_a_command_of_intune_keeps_its_account() -> None:
    found = known("(22) Command windir_system32_nltest_exe output.log", TEXTS["nltest"].encode())
    assert (found.kind, found.by, found.account, found.collectors) == ("nltest", "content", "system", ("intune",))


def test_nothing_tells() -> None:
    assert recognise.recognise("photo.jpg", "\x00\x01 no text") is None


@given(st.text(max_size=60), st.text(max_size=400))
def test_any_name_and_content(path: str, head: str) -> None:
    found = recognise.recognise(path, head)
    assert found is None or found.kind in TABLE.kinds
    assert recognise.secret_by_content(head) is None or found is not None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head(data: bytes) -> None:
    assert isinstance(text_of(data), str)


def test_table_is_compiled() -> None:
    assert (tables.DATA / "recognise.json").read_bytes() == tables.compiled("recognise"), (
        "python -m troubleshoot.tables"
    )


# ----------------------------------------------------------------------------------------------------------- secrets

SECRET = {
    "token reply": f'{{"access_token":"{JWT}","client_id":"x"}}',
    "token list": f"token_type : Bearer\naccess_token : {JWT}\n",
    "refresh token": '{"refresh_token": "0.AXkAabcdefghij-klmnopqrstuv"}',
    "bare token": f"  {JWT}\n",
    "hardware hash": "Device Serial Number,Windows Product ID,Hardware Hash\n0001,,T0AAAA\n",
    "account cache": '{"TBDataStoreObject":{"Header":{"ObjectType":"TokenResponse"}}}',
    "private key": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
    "credentials": "Currently stored credentials:\n\n    Target: Domain:target=fs01.corp.example\n",
}


def refused(path: str, data: bytes) -> list[Problem]:
    opened = []

    def read():  # type: ignore[no-untyped-def]
        import io

        opened.append(path)
        return io.BytesIO(data)

    found = list(parse(Artifact(path, len(data), read), None))
    assert all(isinstance(one, Problem) for one in found), found
    return [one for one in found if isinstance(one, Problem)]


@pytest.mark.parametrize("what", SECRET)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_renamed_secrets_are_known_by_content(what: str, encoding: str) -> None:
    (one,) = refused("notes.txt", encoded(SECRET[what], encoding))
    assert (one.kind, one.lost) == ("refused", 0)
    assert one.message.endswith("it was not read, and should not have been collected")
    assert JWT[:20] not in one.message


@pytest.mark.parametrize("what", ["token list", "private key", "credentials"])
def test_a_capture_with_a_secret_beside_it_is_evidence(what: str) -> None:
    head = f"| Device State |\n AzureAdJoined : NO\n{SECRET[what]}"
    assert recognise.secret_by_content(head) is None
    assert recognise.secret_by_content(SECRET[what]) is not None
    assert recognise.secret_by_content(f"{SECRET['hardware hash']}{head}") is not None  # which the text begins with


@pytest.mark.parametrize(
    "inside", ["\\SystemRoot\\System32\\Config\\SAM", "em32\\Config\\SECURITY", "ettings\\settings.dat"]
)
def test_hives_with_credentials_are_known_by_content(inside: str) -> None:
    (one,) = refused("export.bin", hive(inside))
    assert one.kind == "refused"


def test_the_hive_of_a_user_called_sam_is_none_of_them() -> None:
    (one,) = refused("export.bin", hive("\\??\\C:\\Users\\SAM\\ntuser.dat"))
    assert (one.kind, one.message) == ("damaged", "the registry hive is cut off in its header")


@pytest.mark.parametrize(
    "path",
    [
        "AzureVMAccessToken.txt",
        "x/AADExtention/AzureVMAccessToken.txt",
        "old AzureVMAccessToken (2).txt",
        "WAM/tbacct.txt",
        "tbacct.txt",
        "settings.dat",
        "0a1b2c.tbres",
        "DeviceHash_WKS-0427.csv",
        "AutoPilotHWID.csv",
        "Windows\\System32\\config\\SAM",
        "config/SECURITY.LOG1",
        "SECURITY",
        "Credman.txt",
        "WKS-0427_Credman.txt",
        "adfs.pfx",
    ],
)
def test_files_with_secrets_are_not_even_opened(path: str) -> None:
    def read():  # type: ignore[no-untyped-def]
        raise AssertionError("opened")

    (one,) = list(parse(Artifact(path, 10, read), None))
    assert isinstance(one, Problem)
    assert (one.source.path, one.kind, one.lost) == (path, "refused", 0)


@pytest.mark.parametrize(
    "path", ["Security.evtx", "dsregcmd.txt", "samples.txt", "security.txt", "token errors.txt", "hash.txt"]
)
def test_files_of_like_names_are_read(path: str) -> None:
    assert recognise.secret_by_name(path) is None


def test_a_secret_beside_a_capture_changes_no_verdict() -> None:
    member = next(one for one in bundle("auth-v6") if one.kind == "dsregcmd-status")
    result = diagnose_bytes("x.txt", member.data + f"\r\nhe also sent {JWT} to us\r\n".encode(), load())
    (report,) = result.reports
    assert report.verdict == "pending"
    assert JWT not in repr(result)


def test_only_secrets_is_nothing_read() -> None:
    result = diagnose_bytes("AzureVMAccessToken.txt", b"{}", load())
    assert [one.kind for one in result.unread] == ["refused"]
    assert exit_code(result) == 3


def test_a_healthy_bundle_with_secrets_is_read_whole(tmp_path: Path) -> None:
    """Every bundle of the authentication scripts has an account cache: no reason for exit code 4."""
    healthy = [one for one in bundle("auth-v6", Machine(joined=True)) if one.kind in ("dsregcmd-status", "secret")]
    result = diagnose([str(write(tmp_path, healthy))], load())
    assert [Path(one.path).name for one in result.unread] == ["Credman.txt", "settings.dat", "tbacct.txt"]
    assert {(one.kind, one.lost) for one in result.unread} == {("refused", 0)}
    assert exit_code(result) == 0
    said = str(render(result, "text"))
    assert "Should not have been collected" in said
    assert "Could not be read" not in said


def test_what_is_no_log_does_not_make_the_reading_partial(tmp_path: Path) -> None:
    write(tmp_path, [one for one in bundle("auth-v6", Machine(joined=True)) if one.kind == "dsregcmd-status"])
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(60))
    (tmp_path / "trace.etl").write_bytes(b"\x00\x00\x01\x00\x02\x00\x00\x00" * 90)
    (tmp_path / "tool.exe").write_bytes(b"MZ" + bytes(90))
    result = diagnose([str(tmp_path)], load())
    assert {one.kind for one in result.unread} == {"unsupported"}
    assert exit_code(result) == 0


# ------------------------------------------------------------------------------------------------------- own reports

CAPTURE = (Path(__file__).resolve().parent.parent / "samples/broken/scp-missing/dsregcmd.txt").read_bytes()


@pytest.mark.parametrize("form", ["text", "json", "markdown", "note", "show"])
def test_a_report_of_this_tool_is_no_evidence(form: str, tmp_path: Path) -> None:
    first = diagnose_bytes("dsregcmd.txt", CAPTURE, load())
    if form == "show":
        from troubleshoot.pipeline import open_cases
        from troubleshoot.report import show

        (tmp_path / "dsregcmd.txt").write_bytes(CAPTURE)
        opened = open_cases([str(tmp_path / "dsregcmd.txt")], None)
        report = show.dump_json(opened.cases, opened.unread)
    else:
        report = render(first, form)
    data = report if isinstance(report, bytes) else report.encode()
    alone = diagnose_bytes("ticket 4711.txt", data, load())
    assert alone.reports == ()
    assert [(one.kind, one.reason) for one in alone.unread] == [
        ("unsupported", "it is a report of this tool: give the files that it was made from")
    ]
    both = diagnose_bytes("ticket 4711.txt", data + b"\n\n" + CAPTURE, load())
    assert [one.verdict for one in both.reports] == ["failed"]


def test_a_report_beside_the_capture_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "dsregcmd.txt").write_bytes(CAPTURE)
    before = diagnose([str(tmp_path)], load())
    (tmp_path / "report.json").write_bytes(render(before, "json"))
    after = diagnose([str(tmp_path)], load())
    assert after.reports == before.reports
    assert [one.path.rpartition("/")[2] for one in after.unread] == ["report.json"]
