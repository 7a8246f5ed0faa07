"""`chiscsi serve` without its process: how it ends when it cannot serve. The program is tried in tests/interop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from conformance import serve
from conformance.serve import main
from conformance.serve_options import Disk, Options

IQN = "iqn.2026-11.org.example:disk"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def refused(capsys: pytest.CaptureFixture[str], options: Options) -> list[str]:
    """What it says, each line without its beginning."""
    assert main(options) == 2
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines and all(line.startswith("chiscsi serve: ") for line in lines)
    return [line.removeprefix("chiscsi serve: ") for line in lines]


@pytest.mark.parametrize("disks", [[], [Disk("mem", "one")], [Disk("file", "/there/is/no/such/file")]])
def test_what_cannot_be_served_ends_with_2(capsys: pytest.CaptureFixture[str], disks: list[Disk]) -> None:
    (line,) = refused(capsys, Options(portals=["127.0.0.1:0"], iqn=IQN, disks=disks))
    assert line.startswith(f"--{disks[0].kind} {disks[0].value}: " if disks else "--mem, --file, --null: ")


def test_a_driver_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = refused(capsys, Options(drivers=["no.such.module:Disk"]))
    assert line.startswith("--driver no.such.module:Disk: cannot import")
    (line,) = refused(capsys, Options(drivers=["x:Y"], disks=[Disk("mem", "1M")]))
    assert "leave out --mem and --file" in line


@pytest.mark.parametrize(
    "options, complaint",
    [
        (Options(offload="some"), "--offload: some is none of: off, auto, nic, ulp, crc"),
        (Options(offload=""), "--offload:  is none of: off, auto, nic, ulp, crc"),
        (Options(offload="ULP"), "--offload: ULP is none of: off, auto, nic, ulp, crc"),
        (Options(traces=["pdus"]), "--trace: pdus is none of: offload"),
        (Options(traces=["offload", "pdus"]), "--trace: pdus is none of: offload"),
        (Options(traces=["offload"], offload="off"), "--trace: offload has nothing to show with --offload off"),
    ],
)
def test_an_adapter_that_there_is_not(capsys: pytest.CaptureFixture[str], options: Options, complaint: str) -> None:
    assert refused(capsys, options) == [complaint]


@pytest.mark.parametrize(
    "options",
    [
        Options(config="x.conf", disks=[Disk("mem", "1M")]),
        Options(config="x.conf", portals=["127.0.0.1:0"]),
        Options(config="x.conf", iqn=IQN),
        Options(config="x.conf", user="me"),
    ],
)
def test_a_file_has_it_all(capsys: pytest.CaptureFixture[str], options: Options) -> None:
    (line,) = refused(capsys, options)
    assert line.startswith("--config: the file has it all, so leave out --portal, ")


TARGET = f"target:\n TargetName={IQN}\n PortalGroup=1@127.0.0.1:0\n"


@pytest.mark.parametrize(
    "text, lines",
    [
        ("", ["PATH: has no target: section"]),
        ("global:\ncolour=red\nx\n", ["PATH, line 2: Unknown variable colour.", 'PATH, line 3: "x" invalid format!']),
        (
            f"{TARGET} TargetDevice=a,MEM\n TargetDevice=/no/such,FILE\n",
            ["PATH, line 5: TargetDevice=/no/such: /no/such: No such file or directory"],
        ),
        (
            f"{TARGET} TargetDevice=a,BLK\n",
            ["PATH, line 4: TargetDevice=a: LUN class BLK is not built in: FILE exports block devices too"],
        ),
        (
            f"{TARGET} TargetDevice=a,MEM\n{TARGET.replace('disk', 'other')} TargetClass=MINE\n",
            ["PATH, line 8: TargetClass: MINE is not registered"],
        ),
    ],
)
def test_errors_name_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, lines: list[str]
) -> None:
    path = tmp_path / "it.conf"
    path.write_text(text)
    assert refused(capsys, Options(config=str(path))) == [line.replace("PATH", str(path)) for line in lines]


def test_a_file_that_is_no_configuration_does_not_fill_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("It was a dark and stormy night\n" * 1000)
    lines = refused(capsys, Options(config=str(path)))
    assert lines[-2:] == [f'{path}, line 30: "It was a dark and stormy night" invalid format!', "and 970 errors more"]


def test_a_hook_that_never_returns_does_not_keep_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stuck:
        def stop(self) -> None:
            Event().wait()

    monkeypatch.setattr(serve, "ENDING", 0.05)
    serve._stop(Stuck())  # type: ignore[arg-type]  # all that is asked of it
    assert "a driver's hook keeps them" in capsys.readouterr().err
