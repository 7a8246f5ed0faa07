"""The command line of `chiscsi ctl`: what each verb asks the target for, and how it ends."""

from __future__ import annotations

import errno
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chiscsi_target.control.errors import ErrorCode, RpcError
from chiscsi_target.control.methods import METHODS
from chiscsi_target.control.server import ControlServer
from conformance.cli import app
from conformance.ctl_client import run

HERE = Path.cwd()


class Target:
    """Notes what it is asked, and answers as it is told."""

    def __init__(self, path: Path) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.answer: Any = {"messages": []}
        self.path = path
        self.server = ControlServer(path, self.call)

    def call(self, method: str, params: Any) -> Any:
        self.asked.append((method, params))
        if isinstance(self.answer, RpcError):
            raise self.answer
        return self.answer

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["ctl", *arguments], env={"CHISCSI_CONTROL": str(self.path)})
        return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    made = Target(tmp_path / "control")
    made.server.start()
    yield made
    made.server.stop()


@pytest.mark.parametrize(
    "arguments, method, params",
    [
        ("version", "version", {}),
        ("list", "list", {}),
        ("show x", "show", {"target": "x"}),
        ("show x -k ACL", "show", {"target": "x", "key": "ACL"}),
        ("add a.conf", "add", {"file": str(HERE / "a.conf")}),
        ("add /a.conf x y", "add", {"file": "/a.conf", "targets": ["x", "y"]}),
        ("reload /a.conf", "reload", {"file": "/a.conf"}),
        ("reload /a.conf x", "reload", {"file": "/a.conf", "targets": ["x"]}),
        ("remove x y", "remove", {"targets": ["x", "y"]}),
        ("remove ALL", "remove", {}),
        ("flush", "flush", {}),
        ("flush x --lun 0", "flush", {"target": "x", "lun": 0}),
        ("sessions", "sessions", {}),
        ("sessions x --initiator y", "sessions", {"target": "x", "initiator": "y"}),
        ("drop 0x1f", "drop_session", {"hndl": 31}),
        ("drop 31", "drop_session", {"hndl": 31}),
        ("statistics", "statistics", {}),
        ("verbosity", "verbosity", {}),
        ("verbosity 0xf,1", "verbosity", {"level": "0xf,1"}),
        ("globals", "get_globals", {}),
        ("globals a=1 b=x=y", "set_globals", {"values": {"a": "1", "b": "x=y"}}),
        ("write /w.conf", "write_configuration", {"file": "/w.conf"}),
    ],
)
def test_each_verb_is_one_request(target: Target, arguments: str, method: str, params: Any) -> None:
    status, said, _ = target.run(*arguments.split(), "--json")
    assert (status, json.loads(said)) == (0, {"messages": []})
    assert target.asked == [(method, params)]
    assert method in METHODS


@pytest.mark.parametrize(
    "arguments", ["", "drop me", "drop", "globals a", "globals a=1 a=2", "remove", "flush x --lun -1", "nonsense"]
)
def test_wrong_usage_asks_for_nothing(target: Target, arguments: str) -> None:
    status, _, complaint = target.run(*arguments.split())
    assert status == 2 and (complaint or not arguments)
    assert target.asked == []


def test_what_could_not_be_done_is_on_stderr(target: Target) -> None:
    target.answer = {"messages": ["x removed."], "errors": ["y is not found."]}
    assert target.run("remove", "x", "y") == (1, "x removed.\n", "chiscsi ctl: y is not found.\n")


def test_a_refusal_is_on_stderr(target: Target) -> None:
    target.answer = RpcError(ErrorCode.NOT_FOUND, "x is not found.")
    assert target.run("show", "x") == (1, "", "chiscsi ctl: x is not found.\n")
    status, said, complaint = target.run("show", "x", "--json")
    assert (status, complaint) == (1, "")
    assert json.loads(said) == {"error": {"code": -32001, "message": "x is not found.", "data": None}}


def test_every_error_of_a_file_is_told(target: Target) -> None:
    target.answer = RpcError(ErrorCode.REFUSED, "one", {"errors": ["one", "two"]})
    assert target.run("add", "/x") == (1, "", "chiscsi ctl: one\nchiscsi ctl: two\n")


def test_wrong_parameters_are_wrong_usage(target: Target) -> None:
    target.answer = RpcError(ErrorCode.INVALID_PARAMS, "a lun needs its target")
    assert target.run("flush", "--lun", "1")[0] == 2


@pytest.mark.parametrize(
    "answer", [{}, [], None, {"targets": 5}, {"targets": [{}]}, {"targets": [], "sessions": 0, "errors": 1}]
)
@pytest.mark.parametrize("how", [(), ("--text",)])
def test_an_answer_that_cannot_be_shown(target: Target, answer: Any, how: tuple[str, ...]) -> None:
    """Another version's, or another program's."""
    target.answer = answer
    status, _, complaint = target.run(*how, "list")
    assert status == 2 and complaint.startswith("chiscsi ctl: the answer is not one of this program's version")


def test_a_refusal_with_strange_data(target: Target) -> None:
    target.answer = RpcError(ErrorCode.REFUSED, "no", {"errors": 7})
    assert target.run("list") == (1, "", "chiscsi ctl: no\n")


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("output, status", [(Full(), 2), (None, 0)])
def test_an_answer_that_cannot_be_written(
    target: Target, output: Full | None, status: int, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any output, as with `>&-`, it is not wanted."""
    target.answer = {"level": "0x4,0x0"}
    complaint = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stderr", complaint)
        assert run(target.path, "verbosity", {}, "verbosity", as_json=as_json) == status
    told = "chiscsi ctl: the answer cannot be written: No space left on device\n"
    assert complaint.getvalue() == (told if status else "")


def test_what_iscsictl_does_not_show_is_shown_as_usual(target: Target) -> None:
    target.answer = {"level": "0x4,0x0"}
    assert target.run("--text", "verbosity") == (0, "iscsi_verbose_level=0x4,0x0\n", "")
    target.answer = {"messages": ["x removed."], "errors": []}
    assert target.run("--text", "remove", "x") == (0, "x removed.\n", "")


def test_an_argument_that_is_no_text(target: Target) -> None:
    status, _, complaint = target.run("show", "\udcff")
    assert status == 2 and complaint == "chiscsi ctl: show: '\\udcff' is no text in UTF-8\n"
    assert target.asked == []


def test_nobody_listens(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["ctl", "--socket", str(tmp_path / "none"), "list"])
    assert done.exit_code == 2
    assert done.stderr == f"chiscsi ctl: no target listens at {tmp_path / 'none'}: No such file or directory\n"
