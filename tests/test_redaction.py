"""No name that a sample holds is left in any form of its redacted report.

The names of each sample stand in its ``identities.json``, listed by hand. Each is searched for in every form: as it is, in
other cases, and URL-, HTML- and base64-encoded; what is shorter than five letters only as a word of its own.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from tools.make_samples import BESIDE
from troubleshoot.cli import ReportForm, app
from troubleshoot.report import compared

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))
FORMS = [form.value for form in ReportForm]
CASE = "Case 4711 of Hopper GmbH"  # a folder as people name them
FILE = "laptop of Grace.txt"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in this process: hundreds of runs, of which a process of its own each would be most of the cost."""
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def encoded(value: str) -> Iterator[str]:
    """The ways in which a value may stand in a text, in lower case where case does not matter."""
    yield value.casefold()
    yield quote(value, safe="").casefold()
    yield html.escape(value).casefold()


def leaks(values: list[str], text: str) -> list[str]:
    folded = text.casefold()
    found = []
    for value in values:
        for form in set(encoded(value)):
            pattern = re.escape(form) if len(value) > 4 else rf"(?<![a-z0-9]){re.escape(form)}(?![a-z0-9])"
            if re.search(pattern, folded):
                found.append(form)
        for raw in (value.encode(), value.encode("utf-16-le")):
            blob = base64.b64encode(raw).decode().rstrip("=")
            if len(blob) > 7 and blob in text:
                found.append(blob)
    return found


def inputs(folder: Path, target: Path) -> Path:
    """The evidence of a sample in a folder and beside a file whose names a person chose."""
    place = target / CASE
    place.mkdir()
    for one in sorted(folder.iterdir()):
        if one.name not in BESIDE:
            (shutil.copytree if one.is_dir() else shutil.copyfile)(one, place / one.name)
    first = next(one for one in sorted(place.iterdir()))
    if first.suffix == ".txt":
        first.rename(place / FILE)
    return place


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_list_of_a_sample_is_of_names_that_it_holds(folder: Path) -> None:
    names = json.loads((folder / "identities.json").read_text(encoding="utf-8"))
    data = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in BESIDE]
    for name in names:
        assert any(name.encode() in one or name.encode("utf-16-le") in one for one in data), name


@pytest.mark.parametrize("form", [*FORMS, "show json", "show text", "show --timeline json", "show --timeline text"])
def test_no_name_is_left(form: str, tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    for folder in FOLDERS:
        target = tmp_path / folder.parent.name / folder.name
        target.mkdir(parents=True)
        place = inputs(folder, target)
        command, _, shown = form.rpartition(" ")
        done = run(*(command.split() or ["diagnose"]), place, "-f", shown, "--redact")
        assert done.returncode in (0, 1, 3, 4), done.stderr
        names = json.loads((folder / "identities.json").read_text(encoding="utf-8"))
        if left := leaks([*names, CASE, "Hopper", "Grace"], done.stdout + done.stderr):
            found[f"{folder.parent.name}/{folder.name}"] = left
    assert found == {}


@pytest.mark.parametrize("form", compared.FORMS)
def test_no_name_is_left_in_a_comparison(form: str, tmp_path: Path) -> None:
    """Of any two samples in a row that are of one device; what differs between them holds names too."""
    found: dict[str, list[str]] = {}
    count = 0
    places = [inputs(folder, _made(tmp_path / str(number))) for number, folder in enumerate(FOLDERS)]
    for (folder, place), (later, after) in pairwise(zip(FOLDERS, places, strict=True)):
        done = CliRunner().invoke(app, ["compare", str(place), str(after), "-f", form, "--redact"])
        if done.exit_code in (2, 3):  # two devices, or nothing read
            continue
        count += 1
        names = [
            name
            for one in (folder, later)
            for name in json.loads((one / "identities.json").read_text(encoding="utf-8"))
        ]
        if left := leaks([*names, CASE, "Hopper", "Grace"], done.stdout + done.stderr):
            found[f"{folder.name} {later.name}"] = left
    assert found == {}
    assert count >= 20


def _made(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_the_search_finds_what_it_looks_for() -> None:
    text = "LT-0042 ada%40contoso.com &lt;x&gt; " + base64.b64encode(b"proxy.corp.example").decode()
    assert leaks(["lt-0042", "ADA@contoso.com", "<x>y", "proxy.corp.example"], text + " ada") == [
        "lt-0042",
        "ada%40contoso.com",
        base64.b64encode(b"proxy.corp.example").decode().rstrip("="),
    ]
    assert leaks(["ada"], "adapter and adal") == []


def test_no_name_is_left_in_a_package(tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    for number, folder in enumerate(FOLDERS):
        target = tmp_path / folder.parent.name / folder.name
        target.mkdir(parents=True)
        place = inputs(folder, target)
        made = tmp_path / f"made-{number}"
        done = run("pack", place, "-o", made, "--redact")
        assert done.returncode in (0, 3), done.stderr
        names = json.loads((folder / "identities.json").read_text(encoding="utf-8"))
        text = "\n".join(one.read_text(encoding="utf-8") for one in sorted(made.rglob("*")) if one.is_file())
        assert bool(text) == (done.returncode == 0)
        if left := leaks([*names, CASE, "Hopper", "Grace"], text):
            found[f"{folder.parent.name}/{folder.name}"] = left
    assert found == {}


@pytest.mark.shared
def test_no_device_name_id_or_user_of_a_case_is_left(shared: Path, tmp_path: Path) -> None:
    found = {}
    for case in sorted((shared / "cases").iterdir()):
        given = [one for one in sorted(case.iterdir()) if one.name != "case.json"]
        plain = json.loads(run("diagnose", *given, "-f", "json").stdout or '{"devices": []}')
        names = []
        for device in plain["devices"]:
            own = device["device"]
            names += [
                *own["names"],
                *filter(None, (own["domain"], own["device_id"], own["tenant_id"], own["tenant_name"])),
            ]
            names += [one["user"] for one in (*device["attempts"], *device["findings"]) if one["user"]]
        names = [
            name for name in names if len(name) > 4 and name.strip("0-") and not name.casefold().startswith("microsoft")
        ]
        for form in ("text", "json", "html"):
            if left := leaks(names, run("diagnose", *given, "-f", form, "--redact").stdout):
                found[f"{case.name} {form}"] = left
    assert found == {}
