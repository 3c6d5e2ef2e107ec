"""``python -m benchmarks [a] [b] [c] [d] [e] [f] [--logs FOLDER] [--rounds N]``: prints the ratios the project holds itself to.

a  whole process for one dsregcmd text, against ``python -c "import typer"``              at most 2
b  wanted records out of a folder of real logs, against decoding everything as JSON        at most 0.3 and 1.0
c  a device's text in memory to JSON report, against a bare split-and-strip loop           at most 12
d  judging one device with ten times the rules, against the shipped ones                   at most 1.2
e  the HTML report of 5,000 events in Chromium on one core, opening and filtering           at most 1 second each
f  diagnosing a 7z of a hundred event logs, against unpacking it, both whole processes         at most 1.5

and of whole batch runs, which take minutes and are only done when they are named (``--devices N``, ``--folder`` for the inputs):

many     a device of 100,000 against one of 1,000; the memory of parent and workers      at most 1.1, under 500 MB
workers  two workers against one, and one against a loop that splits the same files      at least 1.6, at most 12
dask     two Dask workers against two of the local pool                                  at least 0.8
bundles  500 bundles of ten event logs, against decoding all of them as JSON             at most 0.5
kills    50 times kill -9 of parent, worker or Dask worker, then --resume                all as undisturbed
poisoned one input in a hundred is a bomb, noise, cut off, encrypted, hangs its reader   exactly those in problems

The two sides of each ratio run in turn, so that a slow moment of the machine meets both. a, c and d count processor time, so
that what else runs on the machine hardly matters; c is measured on texts of many devices made from one sample: the same state,
other names, identifiers and times.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

BATCH = ("many", "workers", "dask", "bundles", "kills", "poisoned")
ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "broken" / "scp-missing" / "dsregcmd.txt"
SHARED_LOGS = ROOT.parent / "shared" / "data" / "machines"


def in_turn(
    sides: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each side, each run once a round, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for run in sides.values():
        run()  # warm caches
    for _ in range(rounds):
        for name, run in sides.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return {name: median(found) for name, found in seconds.items()}


def _of_children() -> float:
    """The processor time, in seconds, of all processes that this one has waited for."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_up(rounds: int) -> None:
    """(a) The installed command on one text, as a whole process."""
    exe = Path(sys.executable).with_name("troubleshoot")

    def process(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run(command, capture_output=True, check=False)

    sides = {
        "typer": process(sys.executable, "-c", "import typer"),
        "text": process(str(exe), "diagnose", str(SAMPLE)),
        "json": process(str(exe), "diagnose", str(SAMPLE), "-f", "json"),
        "help": process(str(exe), "--help"),
    }
    found = in_turn(sides, rounds, _of_children)
    for name in ("text", "json", "help"):
        print(
            f"a  {name}: {found[name] / found['typer']:.2f} x import typer ({found['typer'] * 1000:.0f} ms); at most 2"
        )


def one_device(rounds: int) -> None:
    """(c) Text in memory to JSON."""
    from benchmarks.captures import of_device
    from troubleshoot.pipeline import diagnose_bytes
    from troubleshoot.report import render
    from troubleshoot.ruleset import load

    ruleset, devices = load(), 50
    for sample in ("broken/device-not-synced", "broken/scp-missing", "healthy/hybrid-managed"):
        text = (ROOT / "samples" / sample / "dsregcmd.txt").read_text()
        texts = [of_device(text, number) for number in range(devices)]
        files = [(f"LT-{number:04}.txt", one.encode()) for number, one in enumerate(texts)]

        def bare(texts: list[str] = texts) -> None:
            for text in texts:
                for line in text.splitlines():
                    label, _, value = (*line.split(":", 1), "", "")[:3]
                    label.strip()
                    value.strip()

        def whole(files: list[tuple[str, bytes]] = files) -> None:
            for name, data in files:
                render(diagnose_bytes(name, data, ruleset), "json")

        found = in_turn({"bare": bare, "whole": whole}, rounds * 3, time.process_time)
        lines, micro = text.count("\n"), found["whole"] / devices * 1e6
        print(
            f"c  {sample}: {found['whole'] / found['bare']:.1f} x bare loop ({micro:.0f} us, {lines} lines); at most 12"
        )


def more_rules(rounds: int) -> None:
    """(d) Nine more rules beside each shipped one, with the same trigger and one more condition that is not met."""
    from troubleshoot.case import Case
    from troubleshoot.engine import judge
    from troubleshoot.parsers import parse_text
    from troubleshoot.ruleset import RuleFile, Ruleset, compile_rules, read_folder, rules_folder

    files, vocabulary = read_folder(rules_folder())
    added = []
    for number in range(9):
        for file in files:
            doc = {**file.doc, "id": f"{file.doc['id']}-{number}"}
            doc["match"] = {"all": [file.doc["match"], {"dsreg": {"DomainName": f"NOSUCH{number}"}}]}
            added.append(RuleFile(file.path, doc, file.lines))
    few, many = Ruleset(compile_rules(files, vocabulary)), Ruleset(compile_rules([*files, *added], vocabulary))
    case = Case.of(parse_text("dsregcmd.txt", SAMPLE.read_bytes(), None))

    def judged(ruleset: Ruleset) -> Callable[[], None]:
        return lambda: [judge(ruleset, case) for _ in range(20)] and None

    found = in_turn({"few": judged(few), "many": judged(many)}, rounds * 3, time.process_time)
    print(
        f"d  {len(many)} rules: {found['many'] / found['few']:.2f} x {len(few)} rules ({found['few'] / 20 * 1e6:.0f} us); at most 1.2"
    )


def unpacked(folder: Path) -> Path | None:
    """The logs of the workplace's machines, a folder for each; None where they are absent."""
    if not SHARED_LOGS.is_dir():
        return None
    import py7zr

    for archive in sorted(SHARED_LOGS.glob("*.7z")):
        with py7zr.SevenZipFile(archive) as packed:
            packed.extractall(folder / archive.stem)
    return folder


def archives(rounds: int) -> None:
    """(f) Archives of event logs: one made here, and the real ones where they are at hand."""
    from benchmarks.archive_bench import made, ratios

    with tempfile.TemporaryDirectory() as temporary:
        here = made(Path(temporary) / "made-here.7z")
        for line in ratios([here, *sorted(SHARED_LOGS.glob("*.7z"))], rounds, in_turn):
            print(line)


def logs(folder: Path | None, rounds: int) -> None:
    """(b) Records of wanted providers out of real logs."""
    from benchmarks.evtx_bench import ratios

    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = unpacked(Path(temporary))
            if folder is None:
                print("b  not measured: give a folder of real logs with --logs")
                return
        for line in ratios(folder, rounds):
            print(line)


def page(rounds: int) -> None:
    """(e) The HTML report in a browser."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("e  not measured: it needs Debian's chromium and chromium-driver")
        return
    from benchmarks.page_bench import seconds

    for line in seconds(rounds):
        print(f"e  {line}")


def main() -> None:
    """Run the chosen benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "which", nargs="*", default=list("abcdef"), help=f"a, b, c, d, e, f, {', '.join(BATCH)}; default: a b c d e f"
    )
    parser.add_argument("--devices", type=int, help="devices, or bundles, of batch runs")
    parser.add_argument("--folder", type=Path, help="where inputs of batch runs are made, and kept")
    parser.add_argument("--logs", type=Path, help="folder of .evtx files for b")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kills", type=int, default=50, help="rounds of kills")
    chosen = parser.parse_args()
    if "a" in chosen.which:
        start_up(chosen.rounds)
    if "b" in chosen.which:
        logs(chosen.logs, max(3, chosen.rounds // 2))
    if "c" in chosen.which:
        one_device(chosen.rounds)
    if "d" in chosen.which:
        more_rules(chosen.rounds)
    if "e" in chosen.which:
        page(chosen.rounds)
    if "f" in chosen.which:
        archives(max(3, chosen.rounds // 2))
    if set(BATCH) & set(chosen.which):
        batch_runs(chosen)


def batch_runs(chosen: argparse.Namespace) -> None:
    """Batch runs, by their names."""
    from benchmarks import batch_bench as bench

    with bench.workplace(chosen.folder) as folder, tempfile.TemporaryDirectory() as temporary:
        place, count = Path(folder), chosen.devices
        shown = {
            "many": lambda: bench.many(place, 1_000, count or 100_000),
            "bundles": lambda: bench.logs(place, chosen.logs or unpacked(Path(temporary)), count or 500),
            "kills": lambda: bench.kills(place, count or 1_000, chosen.kills),
            "poisoned": lambda: bench.poisoned(place, count or 1_000),
            "workers": lambda: bench.one_against_two(place, count or 10_000, 1),
            "dask": lambda: bench.dask(place, count or 10_000),
        }
        for which in BATCH:
            if which in chosen.which:
                for line in shown[which]():
                    print(line, flush=True)


if __name__ == "__main__":
    main()
