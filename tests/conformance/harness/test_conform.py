"""`chiscsi conform` as a whole: wishes, mistakes, progress, reports, and the command that repeats a failure."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chiscsi_target.offload.reasons import Reason
from conformance.harness.conform import UsageError, judge
from conformance.harness.settings import Settings
from conformance.harness.verdicts import Exit
from reports.model import Placement
from reports.store import read_run
from tests.conformance.fakes import serve
from tests.conformance.harness.running import FAKE, Bench
from tests.tree import ROOT

IQN = "iqn.2026-11.test.chiscsi:fake"
CASES = '''
@case("good-01", ANY)
def test_good(session):
    """The target answers."""
    session.nop(b"hello")

@case("bad-01", ANY)
def test_bad(session):
    """The target refuses."""
    session.send(NopOut, data=b"x")
    session.expect(expect.rejected({4}))

@case("many-01", "7143-11.18.3-01")
@variants("length", [1, 2], ids=["one", "two"])
def test_many(session, length):
    """The target echoes."""
    session.nop(bytes(length))

@case("writing-01", ANY)
def test_writing(session, scratch):
    """The target takes data."""
'''


def _chiscsi(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize(
    "wishes, chosen",
    [
        ({"case": ["many-01.two"]}, ["many-01.two"]),
        ({"case": ["many-01"]}, ["many-01.one", "many-01.two"]),
        ({"requirement": ["7143-11.18"]}, ["many-01.one", "many-01.two"]),
        ({"keyword": "good or bad"}, ["good-01", "bad-01"]),
        ({"keyword": "many-01"}, ["many-01.one", "many-01.two"]),
        ({"suite": ["beta"]}, ["beta-01"]),
    ],
)
def test_a_run_is_of_the_chosen_cases(bench: Bench, wishes: dict[str, Any], chosen: list[str]) -> None:
    bench.write(CASES)
    bench.write('@case("beta-01", ANY)\ndef test_beta(session):\n    """Another suite."""\n', suite="beta")
    assert list(bench.run(**wishes).verdicts) == chosen


def test_a_run_of_nothing_is_an_error(bench: Bench) -> None:
    bench.write(CASES)
    outcome = bench.run(keyword="xyzzy")
    assert outcome.code == Exit.NOTHING_RAN
    assert outcome.run is None
    assert "0 cases" in outcome.out


@pytest.mark.parametrize(
    "wishes, complaint",
    [
        ({"case": ["goood-01"]}, "no case is called 'goood-01'; did you mean good-01"),
        ({"suite": ["gamma"]}, "no suite is called 'gamma'; there are: alpha"),
        ({"level": ["HIGH"]}, "'HIGH' is no level"),
        ({"requirement": ["7143-99"]}, "no requirement or section '7143-99'"),
        ({"url": "10.0.0.1"}, "'10.0.0.1' is no target: expected iscsi://"),
        ({"url": f"iscsi://127.0.0.1:1/{IQN}"}, "no answer from 127.0.0.1 port 1: Connection refused"),
        ({"url": f"iscsi://127.0.0.1:1/{IQN}", "transport": "memory"}, "reaches the embedded target only"),
        ({"url": f"iscsi://127.0.0.1:1/{IQN}", "transport": "card"}, "reaches the embedded target only"),
        ({"link": "loss=0.1"}, "--link is about packets on their way to the card: add --transport card"),
        ({"transport": "card", "link": "luck=1"}, "--link luck=1: 'luck' is none of delay, duplicate, loss"),
        ({"profile": "unheard-of"}, "no target profile is called 'unheard-of'"),
        ({"profile": "./unheard-of.toml"}, "target profile ./unheard-of.toml: no such file"),
        ({"factory": "unheard.of:start"}, "--embedded-factory unheard.of:start: No module named 'unheard'"),
        ({"factory": "tests.conformance.fakes:stop"}, "module tests.conformance.fakes has no 'stop'"),
        ({"suites": "/unheard/of"}, "suites /unheard/of: no such directory"),
        ({"out": "/proc/unheard/of"}, "--out /proc/unheard/of: "),
        ({"offload": "some"}, "--offload: some is none of: off, auto, nic, ulp, crc"),
        ({"offload": "ulp", "url": f"iscsi://127.0.0.1:1/{IQN}"}, "--offload changes the embedded target: leave out"),
        (
            {"segments": 1, "transport": "tcp"},
            "--segments: only the memory transport cuts as it is told, so add --transport memory",
        ),
        ({"segments": 1, "url": f"iscsi://127.0.0.1:1/{IQN}"}, "--segments changes the embedded target: leave out"),
        ({"workers": "many"}, "-n many: expected a number of processes, or auto"),
    ],
)
def test_a_users_mistake_is_told_in_one_line(bench: Bench, wishes: dict[str, Any], complaint: str) -> None:
    bench.write(CASES)
    outcome = bench.run(**wishes)
    assert outcome.code == Exit.USAGE
    assert complaint in outcome.err
    assert outcome.err.strip().count("\n") == 0


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("def test_it(session):\n    pass", "is no case: decorate it with @case"),
        ('@case("x", ANY)\ndef test_it(): "A rule."', "'x' is no case identifier"),
        ('@case("x-01", ANY)\ndef test_it(): pass', "the docstring has to state the rule"),
        ('@case("x-01")\ndef test_it(): "A rule."', "names no requirement"),
        ('@case("x-01", "7143-6.3-999")\ndef test_it(): "A rule."', "the catalogue has no requirement '7143-6.3-999'"),
        ('@case("x-01", "7143-4.2.2.1-03")\ndef test_it(): "A rule."', "nothing that an initiator can see of a target"),
        ('@case("x-01", ANY, needs="luck")\ndef test_it(): "A rule."', "find out about need 'luck'"),
        (
            '@case("x-01", ANY)\ndef test_a(): "A rule."\n@case("x-01", ANY)\ndef test_b(): "A rule."',
            "case identifier x-01 is given twice",
        ),
        ("import unheard_of", "cannot be collected: "),
        ("def test_it(:", "cannot be collected: "),
    ],
)
def test_an_authors_mistake_stops_the_run(bench: Bench, source: str, complaint: str) -> None:
    bench.write(source)
    outcome = bench.run()
    assert outcome.code == Exit.HARNESS
    assert outcome.run is None
    assert complaint in outcome.err


def test_progress_is_a_line_a_case_with_the_reason(bench: Bench) -> None:
    bench.write(CASES)
    lines = bench.run().out.splitlines()
    assert lines[0].split() == ["1/5", "pass", "good-01", "Good"]
    assert lines[1].startswith("2/5 fail            bad-01  Bad - NOP-In")


def test_reports_are_left_behind_and_named(bench: Bench) -> None:
    bench.write(CASES)
    outcome = bench.run(case=["good-01"])
    assert {path.name for path in bench.out.iterdir()} == {"index.html", "junit.xml", "results.json", "allure"}
    assert str(bench.out / "index.html") in outcome.out
    assert len(list((bench.out / "allure").glob("*-result.json"))) == 1
    assert "good-01" in (bench.out / "junit.xml").read_text()


def test_a_record_names_tool_target_and_catalogue_entries(bench: Bench) -> None:
    bench.write(CASES)
    run = bench.run(case=["many-01.one"]).run
    assert run is not None
    assert (run.target, run.transport) == ("embedded target", "memory")
    assert [requirement.id for requirement in run.requirements] == ["7143-11.18.3-01"]
    assert run.repeat_command.startswith("chiscsi conform --case many-01.one")
    assert run.environment["python"]


def test_the_printed_command_repeats_exactly_the_failure(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    outcome = bench.run()
    first = outcome.case("bad-01")
    assert f"repeat    {first.repeat_command}" in outcome.out
    words = shlex.split(first.repeat_command)
    assert words[:2] == ["chiscsi", "conform"]
    again = _chiscsi(*words[1:], "--out", str(tmp_path / "again"))
    assert again.returncode == Exit.DEVIATIONS
    (repeated,) = read_run(tmp_path / "again" / "results.json").cases
    assert (repeated.id, repeated.verdict) == ("bad-01", "fail")
    assert (repeated.expected, repeated.observed) == (first.expected, first.observed)


def test_what_was_placed_and_copied_is_added_up(bench: Bench) -> None:
    """A real case over the adapter, octet by octet: half of its write comes unasked."""
    case = "r2t-unsolicited-02"
    outcome = bench.run(suites="", case=[case], offload="ulp", segments=1)
    assert outcome.verdicts == {case: "pass"}
    lines = [line for line in outcome.out.splitlines() if " copied" in line]
    assert lines[0] == "data of 1 write: 4,096 octets placed, 4,096 copied"
    assert lines[1].split() == ["4,096", "copied", "of", "1:", *str(Reason.UNSOLICITED).split()]
    (command,) = (event for event in outcome.case(case).events if event.placement is not None)
    assert (command.title, command.placement) == ("SCSI Command", Placement(4096, 4096, str(Reason.UNSOLICITED)))
    assert "--offload ulp --segments 1" in outcome.case(case).repeat_command


def test_without_an_adapter_nothing_is_added_up(bench: Bench) -> None:
    outcome = bench.run(suites="", case=["r2t-unsolicited-02"], offload="off")
    assert outcome.code == Exit.GOOD and "copied" not in outcome.out


def test_a_variants_command_repeats_that_variant(bench: Bench) -> None:
    bench.write(CASES)
    command = bench.run().case("many-01.two").repeat_command
    assert "--case many-01.two" in command


def test_listing_needs_no_target_and_runs_nothing(bench: Bench) -> None:
    bench.write(CASES)
    shown = _chiscsi("conform", "--list", "--suites", str(bench.suites), f"iscsi://192.0.2.1/{IQN}")
    assert shown.returncode == 0, shown.stderr
    assert "many-01.two" in shown.stdout
    assert "writing-01" not in shown.stdout
    listed = _chiscsi("conform", "--list", "--json", "--suites", str(bench.suites), "--case", "writing-01")
    (card,) = json.loads(listed.stdout)
    assert (card["identifier"], card["destructive"], card["level"]) == ("writing-01", True, "MUST")


def test_a_foreign_target_is_judged_over_tcp_and_its_data_spared(bench: Bench) -> None:
    bench.write(CASES)
    with serve(IQN) as (url, _):
        outcome = bench.run(url=url)
        allowed = bench.run(url=url, allow_data_loss=True, case=["writing-01"])
        refused = bench.run(url=url, case=["writing-01"])
    assert outcome.verdicts == {"good-01": "pass", "bad-01": "fail", "many-01.one": "pass", "many-01.two": "pass"}
    assert "1 cases that write to the LUN were left out" in outcome.out
    assert url in outcome.case("bad-01").repeat_command
    assert outcome.run is not None
    assert (outcome.run.target, outcome.run.transport) == (url, "tcp")
    assert allowed.verdicts == {"writing-01": "pass"}
    assert (refused.code, refused.run) == (Exit.USAGE, None)
    assert "case writing-01 writes to the target's LUN: allow it with --allow-data-loss" in refused.err


@pytest.mark.parametrize(
    "status, hint",
    [
        (0x0203, "there is no target of that name"),
        (0x0202, "--initiator-name"),
        (0x0201, "it wants authentication"),
    ],
)
def test_a_refusal_for_name_or_rights_is_told_before_the_run(bench: Bench, status: int, hint: str) -> None:
    bench.write(CASES)
    with serve(IQN) as (url, target):
        target.refusal = status
        outcome = bench.run(url=url)
    assert (outcome.code, outcome.run) == (Exit.USAGE, None)
    assert f"{url} refuses the login ({status:#06x} " in outcome.err
    assert hint in outcome.err


def test_another_refusal_is_the_business_of_the_suites(bench: Bench) -> None:
    bench.write(CASES)
    with serve(IQN) as (url, target):
        target.refusal = 0x0301
        outcome = bench.run(url=url, case=["good-01"])
    assert outcome.verdicts == {"good-01": "inconclusive"}


def test_stopping_at_the_first_failure(bench: Bench) -> None:
    bench.write(CASES)
    assert list(bench.run(first=True).verdicts) == ["good-01", "bad-01"]


def test_the_settings_of_somebody_elses_project_do_not_reach_the_suites(bench: Bench, tmp_path: Path) -> None:
    bench.write(CASES)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\npython_functions = check_*\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not yours')\n")
    command = ["conform", "--case", "good-01", "--suites", str(bench.suites), "--transport", "memory"]
    command += ["--embedded-factory", FAKE]
    environment = tmp_path / "elsewhere"
    environment.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "conformance.cli", *command],
        cwd=environment,
        env={"PYTEST_ADDOPTS": "--nonsense", "PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (left,) = (environment / "reports" / "out").iterdir()
    assert (left / "index.html").exists()


def test_a_program_gets_results_without_a_word(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.write(CASES)
    settings = Settings(suites=str(bench.suites), factory=FAKE, transport="memory")
    results = judge(settings, keyword="good or bad")
    assert {identifier: result.verdict for identifier, result in results.items()} == {
        "good-01": "pass",
        "bad-01": "fail",
    }
    assert capsys.readouterr() == ("", "")
    with pytest.raises(UsageError, match="no case is called 'worse-01'"):
        judge(msgspec.structs.replace(settings, case=["worse-01"]))


def test_an_interrupted_run_keeps_what_was_done(bench: Bench) -> None:
    bench.write(CASES)
    bench.write(
        '@case("stop-01", ANY)\ndef test_stop():\n    """Somebody presses ^C."""\n    raise KeyboardInterrupt\n', "beta"
    )
    outcome = bench.run()
    assert outcome.code == Exit.INTERRUPTED
    assert list(outcome.verdicts) == ["good-01", "bad-01", "many-01.one", "many-01.two", "writing-01"]
    assert "interrupted (exit code 130)" in outcome.out


def test_long_data_that_differ_cost_no_time_under_ci(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """There pytest compares them in full, which takes it minutes; the time limit of this test would strike."""
    monkeypatch.setenv("CI", "true")
    differ = 'assert bytes(range(256)) * 1000 == b"x" * 256000, "other data"'
    bench.write(f'@case("data-01", ANY)\ndef test_data(target):\n    """Data are equal."""\n    {differ}\n')
    assert bench.run().case("data-01").observed == "other data"
