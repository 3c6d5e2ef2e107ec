"""Batch runs: a line for every device, the same rows whatever the number of workers, tables that pandas reads."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from troubleshoot import batch, pipeline
from troubleshoot.batch import Options, results
from troubleshoot.batch.pool import WorkerLost
from troubleshoot.batch.schedule import Lanes

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


class Here(Executor):
    """Runs everything in this process. ``fails``: a path that holds one of these words kills its worker."""

    def __init__(self, *fails: str) -> None:
        self.fails = fails
        self.asked: list[str] = []

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        setup, jobs = args
        at = next((n for n, job in enumerate(jobs) if any(word in job.item.path for word in self.fails)), None)
        self.asked += [Path(job.item.path).name for job in jobs]
        try:
            if at is not None:
                raise WorkerLost(at)
            future.set_result(fn(setup, jobs))
        except Exception as error:
            future.set_exception(error)
        return future


def here(*fails: str, most: int = 1) -> Lanes:
    return Lanes(Here(*fails), lambda: 1, most, (WorkerLost,))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for kind, name in (
        ("broken", "scp-missing"),
        ("broken", "upn-not-verified"),
        ("healthy", "home-pc"),
        ("damaged", "empty-file"),
    ):
        shutil.copytree(SAMPLES / kind / name, folder / name, ignore=shutil.ignore_patterns("*.json", "*.md"))
    (folder / "single.txt").write_bytes((SAMPLES / "broken" / "tpm-key-lost" / "dsregcmd.txt").read_bytes())
    return folder


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "reports.jsonl").read_text(encoding="utf-8").splitlines()]


def files(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.iterdir())}


def test_every_device_has_its_line(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert batch.run([str(archive)], run, lanes=here()) == 1
    found = {Path(row["source"]).name: row["verdict"] for row in lines(run)}
    assert found == {
        "empty-file": "unread",
        "home-pc": "not-applicable",
        "scp-missing": "failed",
        "single.txt": "failed",
        "upn-not-verified": "failed",
    }
    said = capsys.readouterr().err
    assert "5 devices: 3 failed" in said
    assert "The device could not read the service connection point" in said
    assert sorted(path.name for path in run.iterdir()) == [
        *("attempts.parquet", "codes.parquet", "collect.parquet", "devices.parquet", "facts.parquet"),
        *("findings.parquet", "manifest.json", "problems.parquet", "reports.jsonl", "rows.parquet"),
    ]


def test_tables(archive: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    batch.run([str(archive)], run, lanes=here())
    devices = pd.read_parquet(run / "devices.parquet")
    findings = pd.read_parquet(run / "findings.parquet")
    assert devices.line.tolist() == devices.input.tolist() == [1, 2, 3, 4, 5]
    assert devices.set_index("source").root.dropna().tolist() == [
        "scp-read-failed",
        "device-key-unusable",
        "upn-domain-unknown",
    ]
    assert set(findings.role) <= {"root", "symptom", "resolved", "benign"}
    assert {"device-rejected"} <= set(findings[findings.role == "symptom"].rule)
    assert set(findings.line) <= set(devices.line)
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["devices"] == 5
    assert manifest["verdicts"] == {"failed": 3, "not-applicable": 1, "unread": 1}
    assert manifest["rows"]["devices"] == 5
    assert [Path(one["source"]).name for one in manifest["inputs"]] == [Path(row["source"]).name for row in lines(run)]
    assert all(len(one["fingerprint"]) == 32 for one in manifest["inputs"])


@pytest.mark.slow
def test_workers_change_nothing(archive: Path, tmp_path: Path) -> None:
    one, two, mine = tmp_path / "one", tmp_path / "two", tmp_path / "mine"
    batch.run([str(archive)], one, Options(workers=1))
    batch.run([str(archive)], two, Options(workers=2))
    batch.run([str(archive)], mine, lanes=here(most=32))
    assert files(one) == files(two) == files(mine)


def test_a_fault_costs_only_its_device(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pipeline.judged

    def breaking(opened: pipeline.Opened, ruleset: Any) -> Any:
        if any("home-pc" in capture.source.path for case in opened.cases for capture in case.captures):
            raise ValueError("too much")
        return whole(opened, ruleset)

    monkeypatch.setattr(results, "judged", breaking)
    assert batch.run([str(archive)], tmp_path / "run", lanes=here()) == 1
    row = next(row for row in lines(tmp_path / "run") if row["source"].endswith("home-pc"))
    assert row["verdict"] == "unread"
    assert row["unread"][0]["reason"] == "ValueError: too much"
    assert len(lines(tmp_path / "run")) == 5


@pytest.mark.parametrize("most", [1, 32])
def test_a_lost_worker_costs_its_one_device(archive: Path, tmp_path: Path, most: int) -> None:
    lanes = here("scp-missing", most=most)
    batch.run([str(archive)], tmp_path / "run", lanes=lanes)
    found = {Path(row["source"]).name: row for row in lines(tmp_path / "run")}
    assert [name for name, row in found.items() if row["verdict"] == "unread"] == ["empty-file", "scp-missing"]
    assert found["scp-missing"]["unread"][0]["kind"] == "lost"
    assert lanes.executor.asked.count("scp-missing") == 2  # the second time alone, and last
    assert lanes.executor.asked[-1] == "scp-missing"
    problems = pd.read_parquet(tmp_path / "run" / "problems.parquet")
    assert problems[problems.kind == "lost"].source.tolist() == [found["scp-missing"]["source"]]
    # It is the only one that is tried again, and then the run is as if nothing had happened.
    again = here()
    batch.run([str(archive)], tmp_path / "run", Options(resume=True), lanes=again)
    batch.run([str(archive)], tmp_path / "other", lanes=here())
    assert files(tmp_path / "run") == files(tmp_path / "other")


class Stopped(Here):
    """Stops, as Ctrl-C does, at the item with that number."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        if len(self.asked) >= self.after:
            raise KeyboardInterrupt
        return super().submit(fn, *args)


@pytest.mark.parametrize("after", [0, 1, 3, 4])
def test_a_stopped_run_goes_on(archive: Path, tmp_path: Path, after: int) -> None:
    run = tmp_path / "run"
    batch.run([str(archive)], tmp_path / "whole", lanes=here())
    stopped = Lanes(Stopped(after), lambda: 1, 1, (WorkerLost,))
    assert batch.run([str(archive)], run, lanes=stopped) == 130
    assert [path.name for path in run.iterdir()] == ["journal"]
    again = here()
    assert batch.run([str(archive)], run, Options(resume=True), lanes=again) == 1
    assert len(set(again.executor.asked) & set(stopped.executor.asked)) <= 3  # what was under way
    assert files(run) == files(tmp_path / "whole")


def test_only_what_changed_is_done_again(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    batch.run([str(archive)], run, lanes=here())
    with open(archive / "home-pc" / "dsregcmd.txt", "ab") as stream:
        stream.write(b"\r\n")
    os.utime(archive / "single.txt", (1, 1))  # touched, not changed
    (archive / "new.txt").write_bytes((archive / "single.txt").read_bytes())
    shutil.rmtree(archive / "empty-file")
    judged: list[str] = []
    whole = results.judged
    monkeypatch.setattr(
        results,
        "judged",
        lambda opened, ruleset: (judged.append(opened.cases[0].captures[0].source.path), whole(opened, ruleset))[1],
    )
    assert batch.run([str(archive)], run, Options(resume=True), lanes=here()) == 1
    assert sorted(Path(path).relative_to(archive).as_posix() for path in judged) == ["home-pc/dsregcmd.txt", "new.txt"]
    monkeypatch.undo()
    batch.run([str(archive)], tmp_path / "fresh", lanes=here())
    assert files(run) == files(tmp_path / "fresh")


def test_other_rules_make_everything_to_be_done_again(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch.run([str(archive)], tmp_path / "run", lanes=here())
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "vocabulary.yaml").write_text("disable: [scp-read-failed]\n", encoding="utf-8")
    again = here()
    batch.run([str(archive)], tmp_path / "run", Options(rules=(rules,), resume=True), lanes=again)
    assert "everything is done again" in capsys.readouterr().err
    assert len(again.executor.asked) == 5
    assert '"rule":"scp-read-failed"' not in (tmp_path / "run" / "reports.jsonl").read_text(encoding="utf-8")


def test_one_run_at_a_time_writes_a_folder(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from troubleshoot.batch.journal import Journal

    run = tmp_path / "run"
    run.mkdir()
    with Journal(run, {}, resume=False):
        assert batch.run([str(archive)], run, lanes=here()) == 2
    assert "another run writes it" in capsys.readouterr().err


def test_pages(archive: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    batch.run([str(archive)], run, Options(html=True), lanes=here())
    devices = pd.read_parquet(run / "devices.parquet")
    pages = devices[devices.verdict != "unread"].page.tolist()
    assert len(set(pages)) == 4
    assert devices[devices.verdict == "unread"].page.isna().all()
    assert sorted(f"reports/{path.name}" for path in (run / "reports").iterdir()) == sorted(pages)
    for page, title in zip(devices.page.dropna(), devices[devices.verdict != "unread"].title, strict=True):
        assert not isinstance(title, str) or title in (run / page).read_text(encoding="utf-8")
    before = {path.name: path.read_bytes() for path in (run / "reports").iterdir()}
    # What is finished keeps its page; a page that no device has any more goes.
    (archive / "single.txt").unlink()
    batch.run([str(archive)], run, Options(html=True, resume=True), lanes=here())
    left = {path.name: path.read_bytes() for path in (run / "reports").iterdir()}
    assert len(left) == 3
    assert left.items() < before.items()
    # Without --html there is none.
    batch.run([str(archive)], run, lanes=here())
    assert not (run / "reports").exists()


def test_facts_that_devices_may_share(archive: Path, tmp_path: Path) -> None:
    batch.run([str(archive)], tmp_path / "run", lanes=here())
    facts = pd.read_parquet(tmp_path / "run" / "facts.parquet")
    single = facts[facts.source.str.endswith("single.txt")].set_index("name").value
    assert single["AzureAdPrt"] == "NO"
    assert len(single["KeyContainerId"]) == 36
    assert not facts.duplicated(["line", "name"]).any()
