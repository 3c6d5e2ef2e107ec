"""Listings of scheduled tasks in every form and in several languages: the state of the join task, its last result."""

from __future__ import annotations

import pytest

from troubleshoot.model import Fact, Problem
from troubleshoot.parsers import parse_text

PATH = "\\Microsoft\\Windows\\Workplace Join\\Automatic-Device-Join"
STATE, RESULT, MDM = "task.automatic-device-join", "task.automatic-device-join.result", "task.mdm-enrolment"


def facts(text: str) -> list[tuple[str, str, int | None]]:
    """Name, value and line of every fact; the text must give nothing else and no problem."""
    found = list(parse_text("schtasks.txt", text.encode(), None))
    assert all(isinstance(one, Fact) for one in found), found
    return [(one.name, one.value, one.source.line) for one in found if isinstance(one, Fact)]


ENGLISH = (
    *("HostName", "TaskName", "Next Run Time", "Status", "Logon Mode", "Last Run Time", "Last Result", "Author"),
    *("Task To Run", "Start In", "Comment", "Scheduled Task State", "Idle Time"),
)
GERMAN = (
    *("Hostname", "Aufgabenname", "Nächste Laufzeit", "Status", "Anmeldemodus", "Letzte Laufzeit", "Letztes Ergebnis"),
    *("Autor", "Auszuführende Aufgabe", "Starten in", "Kommentar", "Status der geplanten Aufgabe", "Leerlaufzeit"),
)
FRENCH = (
    *("Nom de l'hôte", "Nom de la tâche", "Prochaine exécution", "Statut", "Mode d'ouverture de session"),
    *("Heure de la dernière exécution", "Dernier résultat", "Créateur", "Tâche à exécuter", "Démarrer dans"),
    *("Commentaire", "Statut de la tâche planifiée", "Temps d'inactivité"),
)
JAPANESE = (
    *("ホスト名", "タスク名", "次回の実行時刻", "状態", "ログオンモード", "前回の実行時刻", "前回の結果", "作成者"),
    *("実行するタスク", "開始", "コメント", "スケジュールされたタスクの状態", "アイドル時間"),
)
UNKNOWN = tuple(f"L{number}" for number in range(13))


def cells(status: str, state: str, result: str, when: str = "3/4/2026 9:18:21 AM", path: str = PATH) -> tuple[str, ...]:
    command = "%SystemRoot%\\System32\\dsregcmd.exe $(Arg0) $(Arg1)"
    return (
        "WKS-0427",
        path,
        "N/A",
        status,
        "Interactive/Background",
        when,
        result,
        "N/A",
        command,
        "N/A",
        "x",
        state,
        "y",
    )


def as_list(labels: tuple[str, ...], row: tuple[str, ...], colon: str = ":") -> str:
    return "\n".join(f"{label + colon:<38}{value}" for label, value in zip(labels, row, strict=True)) + "\n"


@pytest.mark.parametrize(
    ("labels", "row", "state", "result"),
    [
        (ENGLISH, cells("Ready", "Enabled", "-2145647630"), "ready", "0x801c03f2"),
        (ENGLISH, cells("Disabled", "Disabled", "0"), "disabled", "0x00000000"),
        (ENGLISH, cells("Running", "Enabled", "267009"), "running", "0x00041301"),
        (ENGLISH, cells("Ready", "Enabled", "2149319666"), "ready", "0x801c03f2"),
        (ENGLISH, cells("Ready", "Enabled", "0x801C001D"), "ready", "0x801c001d"),
        (ENGLISH, cells("Could not start", "Enabled", "1"), "ready", "0x00000001"),
        (GERMAN, cells("Bereit", "Aktiviert", "-2145648611", "04.03.2026 09:18:21"), "ready", "0x801c001d"),
        (GERMAN, cells("Deaktiviert", "Deaktiviert", "267011", "30.11.1999 00:00:00"), "disabled", "0x00041303"),
        (FRENCH, cells("Prêt", "Activée", "0", "04/03/2026 09:18:21"), "ready", "0x00000000"),
        (FRENCH, cells("Désactivé", "Désactivée", "0", "04/03/2026 09:18:21"), "disabled", "0x00000000"),
        (JAPANESE, cells("準備完了", "有効", "-2145647630", "2026/03/04 9:18:21"), "ready", "0x801c03f2"),
        (JAPANESE, cells("無効", "無効", "0", "2026/03/04 9:18:21"), "disabled", "0x00000000"),
        # A language that no table knows: the two words of a disabled task are one, but for its ending.
        (UNKNOWN, cells("Vanunek", "Vanuneka", "0", "04.03.2026 09:18:21"), "disabled", "0x00000000"),
        (UNKNOWN, cells("Torep", "Vasaneka", "0", "04.03.2026 09:18:21"), "ready", "0x00000000"),
    ],
)
@pytest.mark.parametrize("colon", [":", "："])
def test_list(labels: tuple[str, ...], row: tuple[str, ...], state: str, result: str, colon: str) -> None:
    text = "\nFolder: \\Microsoft\\Windows\\Workplace Join\n" + as_list(labels, row, colon)
    assert facts(text) == [(STATE, state, 14), (RESULT, result, 9)]


def test_list_of_a_task_that_repeats_and_of_others() -> None:
    other = cells("Disabled", "Disabled", "1", path="\\Microsoft\\Windows\\Workplace Join\\Recovery-Check")
    text = as_list(ENGLISH, cells("Ready", "Enabled", "0")) + as_list(ENGLISH, cells("Ready", "Enabled", "0"))
    text += "\n" + as_list(ENGLISH, other)
    assert facts(text) == [(STATE, "ready", 25), (RESULT, "0x00000000", 20)]


@pytest.mark.parametrize("pid", [False, True])
def test_csv_with_its_header_for_each_folder(pid: bool) -> None:
    header = ",".join(f'"{label}"' for label in (*ENGLISH, *(["PID"] if pid else [])))
    end = ',"4242"' if pid else ""

    def line(row: tuple[str, ...]) -> str:
        return ",".join(f'"{cell}"' for cell in row) + end

    quoted = list(cells("Ready", "Enabled", "0", path="\\Quoted"))
    quoted[8] = '"C:\\Program Files\\x.exe" -a "b"'
    text = "\n".join((header, line(tuple(quoted)), header, line(cells("Ready", "Enabled", "-2145647630"))))
    assert facts(text) == [(STATE, "ready", 4), (RESULT, "0x801c03f2", 4)]


WIDTHS = (13, 40, 22, 15, 15, 22, 11, 14, 60, 12, 30, 20, 12)


def as_table(labels: tuple[str, ...], rows: list[tuple[str, ...]], folder: str, wide: bool = False) -> str:
    from unicodedata import east_asian_width

    def pad(text: str, width: int) -> str:
        taken = sum(2 if wide and east_asian_width(letter) in "WF" else 1 for letter in text)
        return text + " " * (width - taken)

    def line(row: tuple[str, ...]) -> str:
        return " ".join(pad(cell[:width], width) for cell, width in zip(row, WIDTHS, strict=True))

    lines = [f"\n{folder}", line(labels), " ".join("=" * width for width in WIDTHS), *map(line, rows)]
    return "\n".join(lines) + "\n"


def short(row: tuple[str, ...]) -> tuple[str, ...]:
    """A row as the wide table prints it: the name without its folder."""
    return (row[0], row[1].rpartition("\\")[2], *row[2:8], row[8][:20], *row[9:])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("folder", "row", "state"),
    [
        ("Folder: \\Microsoft\\Windows\\Workplace Join", cells("Ready", "Enabled", "-2145647630"), "ready"),
        (
            "Ordner: \\Microsoft\\Windows\\Workplace Join",
            cells("Deaktiviert", "Deaktiviert", "-2145647630"),
            "disabled",
        ),
        ("フォルダー: \\Microsoft\\Windows\\Workplace Join", cells("無効", "無効", "-2145647630"), "disabled"),
        ("フォルダー： \\Microsoft\\Windows\\Workplace Join", cells("準備完了", "有効", "-2145647630"), "ready"),
    ],
)
def test_wide_table(folder: str, row: tuple[str, ...], state: str, wide: bool) -> None:
    text = as_table(UNKNOWN, [short(cells("A", "B", "1", path="\\x\\Recovery-Check")), short(row)], folder, wide)
    assert facts(text) == [(STATE, state, 6), (RESULT, "0x801c03f2", 6)]


def test_table_of_three_columns() -> None:
    text = (
        "Folder: \\Microsoft\\Windows\\Workplace Join\n"
        f"{'TaskName':<40} {'Next Run Time':<22} Status\n"
        f"{'=' * 40} {'=' * 22} {'=' * 15}\n"
        f"{'Automatic-Device-Join':<40} {'N/A':<22} Disabled\n"
    )
    assert facts(text) == [(STATE, "disabled", 4)]
    assert facts(text.replace("Disabled", "Bereit")) == [(STATE, "ready", 4)]
    # A word of no known language, with no other column beside it, tells nothing.
    assert [
        one for one in parse_text("x", text.replace("Disabled", "Torep").encode(), None) if isinstance(one, Fact)
    ] == []


@pytest.mark.parametrize(
    ("enabled", "state"),
    [("<Enabled>false</Enabled>", "disabled"), ("<Enabled>true</Enabled>", "ready"), ("", "ready")],
)
@pytest.mark.parametrize("comment", [False, True])
def test_xml(enabled: str, state: str, comment: bool) -> None:
    uri = "" if comment else f"<URI>{PATH}</URI>"
    text = (
        "<!-- \\Other\\Task -->\n<Task><Settings><Enabled>true</Enabled></Settings></Task>\n"
        f"<!-- {PATH} -->\n"
        '<?xml version="1.0" encoding="UTF-16"?>\n'
        '<Task version="1.6" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
        f"<RegistrationInfo>{uri}</RegistrationInfo>\n"
        "<Triggers><LogonTrigger><Enabled>false</Enabled></LogonTrigger></Triggers>\n"
        f"<Settings>\n{enabled}\n</Settings>\n</Task>\n"
    )
    found = [one for one in parse_text("x.txt", text.encode(), None) if isinstance(one, Fact)]
    assert [(one.name, one.value) for one in found] == [(STATE, state)]


def test_powershell() -> None:
    info = (
        "LastRunTime        : 3/4/2026 9:18:21 AM\nLastTaskResult     : 2149319666\nNextRunTime        : \n"
        "TaskName           : Automatic-Device-Join\nTaskPath           : \\Microsoft\\Windows\\Workplace Join\\\n"
    )
    found = list(parse_text("x", info.encode(), None))
    assert [(one.name, one.value) for one in found if isinstance(one, Fact)] == [(RESULT, "0x801c03f2")]
    table = (
        "TaskPath                                       TaskName                          State\n"
        "--------                                       --------                          -----\n"
        "\\Microsoft\\Windows\\Workplace Join\\             Automatic-Device-Join             Disabled\n"
        "\\Microsoft\\Windows\\Workplace Join\\             Recovery-Check                    Ready\n"
    )
    found = list(parse_text("x", table.encode(), None))
    assert [(one.name, one.value) for one in found if isinstance(one, Fact)] == [(STATE, "disabled")]
    listed = "TaskName : Automatic-Device-Join\nTaskPath : \\Microsoft\\Windows\\Workplace Join\\\nState    : Ready\n"
    found = list(parse_text("x", listed.encode(), None))
    assert [(one.name, one.value) for one in found if isinstance(one, Fact)] == [(STATE, "ready")]


def test_missing_only_where_its_folder_was_listed() -> None:
    beside = as_list(ENGLISH, cells("Ready", "Enabled", "0", path="\\Microsoft\\Windows\\Workplace Join\\Device-Sync"))
    assert facts(beside) == [(STATE, "missing", 12)]
    elsewhere = as_list(ENGLISH, cells("Ready", "Enabled", "0", path="\\Microsoft\\Windows\\Wininet\\CacheTask"))
    (only,) = parse_text("x", elsewhere.encode(), None)
    assert isinstance(only, Problem)
    hidden = "Folder: \\Microsoft\\Windows\\Workplace Join\nINFO: There are no scheduled tasks presently available.\n"
    assert not [one for one in parse_text("x", hidden.encode(), None) if isinstance(one, Fact)]


def test_task_that_enrols() -> None:
    name = "\\Microsoft\\Windows\\EnterpriseMgmt\\Schedule created by enrollment client for automatically enrolling in MDM from AAD"
    assert facts(as_list(ENGLISH, cells("Ready", "Enabled", "0", path=name))) == [(MDM, "present", 12)]
    below = "\\Microsoft\\Windows\\EnterpriseMgmt\\11111111-2222-3333-4444-555555555555\\Schedule #1 created by enrollment client"
    assert facts(as_list(ENGLISH, cells("Ready", "Enabled", "0", path=below))) == [(MDM, "missing", 12)]


def test_a_whole_listing_tells_that_the_enrolling_task_is_missing() -> None:
    folders = [f"\\Microsoft\\Windows\\Folder{number}" for number in range(10)]
    text = "".join(
        f"Folder: {one}\n{as_list(ENGLISH, cells('Ready', 'Enabled', '0', path=one + chr(92) + 'T'))}\n"
        for one in folders
    )
    text += "Folder: \\Microsoft\\Windows\\Workplace Join\n" + as_list(ENGLISH, cells("Ready", "Enabled", "0"))
    found = facts(text)
    assert [one[:2] for one in found] == [(STATE, "ready"), (RESULT, "0x00000000"), (MDM, "missing")]
    assert [one[:2] for one in facts(text + "\nFolder: \\Microsoft\\Windows\\EnterpriseMgmt\nINFO: none\n")][2:] == []
