"""The programs and outputs in the documents are what they claim to be."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.harness.profiles import load_profile
from tests.tree import ROOT, without_passes


def blocks(document: str, language: str) -> list[str]:
    """All blocks of this language in a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def block(document: str, language: str) -> str:
    """The first block of this language in a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no block of {language}"
    return found[1]


def chiscsi(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("chiscsi")), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=200)


def run_cases(directory: Path, files: dict[str, str]) -> str:
    """Run the cases of files of `my-suites`, as the guide says; returns what was printed."""
    for name, text in files.items():
        path = directory / "my-suites" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    options = ["-p", "conformance.plugin", "-p", "no:cacheprovider", "--iscsi-suites", "my-suites", "my-suites"]
    command = [str(Path(sys.executable).with_name("pytest")), *options]
    run = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.slow
def test_the_storage_driver_of_the_guide_passes_every_case(tmp_path: Path) -> None:
    program = tmp_path / "dictionary_disk.py"
    program.write_text(block("docs/how-to/write-a-storage-driver.md", "python"), encoding="utf-8")
    with subprocess.Popen([sys.executable, program, "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            run = chiscsi("conform", "--allow-data-loss", url, cwd=tmp_path)
        finally:
            server.send_signal(signal.SIGTERM)
    assert run.returncode == 0, without_passes(run.stdout) + run.stderr
    assert server.returncode == 0


def test_the_profile_in_the_explanation_is_one(tmp_path: Path) -> None:
    path = tmp_path / "tgt.toml"
    path.write_text(block("docs/explanation/verdicts.md", "toml"), encoding="utf-8")
    (deviation,) = load_profile(path).of("cmdsn-window-01")
    assert deviation.class_ == "bug"


def test_the_reference_is_what_the_program_says_of_itself() -> None:
    command = ["bash", str(ROOT / "scripts" / "document-commands"), "--print"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True).stdout
    page = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    assert page == printed, "run scripts/document-commands"


def test_the_case_of_the_guide_runs_beside_other_tests(tmp_path: Path) -> None:
    guide = "docs/how-to/write-a-case.md"
    printed = run_cases(tmp_path, {"nop/test_pieces.py": block(guide, "python")})
    assert block(guide, "text").strip() in printed


def test_the_driver_case_of_the_guide_runs(tmp_path: Path) -> None:
    guide = "docs/how-to/write-a-case.md"
    fixtures, case = blocks(guide, "python")[1:3]
    printed = run_cases(tmp_path, {"driver/conftest.py": fixtures, "driver/test_failures.py": case})
    assert blocks(guide, "text")[1].strip() in printed


def test_the_scsi_case_of_the_guide_runs(tmp_path: Path) -> None:
    guide = "docs/how-to/write-a-case.md"
    printed = run_cases(tmp_path, {"prefetch/test_prefetch.py": blocks(guide, "python")[3]})
    assert blocks(guide, "text")[2].strip() in printed


def test_the_crafted_traffic_of_the_guide_does_what_it_says(tmp_path: Path) -> None:
    guide = "docs/how-to/craft-tcp-traffic.md"
    program = tmp_path / "program.py"
    program.write_text(block(guide, "python"), encoding="utf-8")
    run = subprocess.run([sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    assert run.stdout == block(guide, "text")
    assert (tmp_path / "card.pcap").stat().st_size > 10_000


def test_the_reconfiguration_of_the_guide_says_what_it_says(tmp_path: Path) -> None:
    text = (ROOT / "docs/how-to/restrict-access.md").read_text(encoding="utf-8")
    choosing, changing = re.findall(r"^```python\n(.*?)^```\n\n?((?:    .*\n)*)", text, re.MULTILINE | re.DOTALL)
    for program, printed in (choosing, changing):
        path = tmp_path / "program.py"
        path.write_text(program, encoding="utf-8")
        run = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=200, check=True)
        assert run.stdout == re.sub(r"(?m)^    ", "", printed)


def test_the_programs_about_task_sets_print_what_they_print(tmp_path: Path) -> None:
    text = (ROOT / "docs/reference/task-sets.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```\n\n((?:    [^\n]*\n)+)", text, re.MULTILINE | re.DOTALL)
    assert len(programs) == 3
    command = [str(Path(sys.executable).with_name("chiscsi")), "serve", "--portal", "127.0.0.1:0"]
    command += ["--iqn", "iqn.2004-10.test:disk", "--mem", "64M"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().split("/")[2].rpartition(":")[2]
            for program, printed in programs:
                path = tmp_path / "program.py"
                path.write_text(program.replace("3260", port), encoding="utf-8")
                run = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=200, check=True)
                assert run.stdout == re.sub(r"(?m)^    ", "", printed)
        finally:
            server.send_signal(signal.SIGTERM)
