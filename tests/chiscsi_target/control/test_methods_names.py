"""How the methods of the control socket take names: of targets and initiators in any case, of keys exactly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chiscsi_target.control.errors import ErrorCode
from tests.chiscsi_target.control.test_methods import Desk
from tests.chiscsi_target.peer import INITIATOR
from tests.chiscsi_target.stand import NAME


@pytest.mark.parametrize("name", [NAME, NAME.upper()])
def test_names_are_lower_cased(name: str, tmp_path: Path) -> None:
    """As where they are configured (behaviour file, 1.3)."""
    desk = Desk()
    desk.stand.login()
    assert desk("show", target=name)["name"] == NAME
    assert len(desk("sessions", target=name, initiator=INITIATOR.upper())["sessions"]) == 1
    assert desk("flush", target=name)["errors"] == []
    assert desk("remove", targets=[name])["messages"] == [f"{NAME} removed."]


def test_one_key_is_shown(tmp_path: Path) -> None:
    desk = Desk(("TargetDevice", "more,MEM,size=1MB"))
    assert [key for key, _ in desk("show", target=NAME, key="TargetDevice")["keys"]] == ["TargetDevice"]
    assert desk("show", target=NAME, key="TargetAlias")["keys"] == []
    for wrong in ("targetdevice", "Colour", ""):
        assert desk.refused("show", target=NAME, key=wrong) == (
            ErrorCode.INVALID_PARAMS,
            f"unrecognized key {wrong}.",
        )


def test_nobody_waits_at_a_pipe(tmp_path: Path) -> None:
    """It would keep everybody else from changing anything until somebody writes into it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert Desk().refused("add", file=str(pipe)) == (ErrorCode.REFUSED, f"{pipe}: is a pipe, and no file")


def test_an_error_of_one_target_names_its_line(tmp_path: Path) -> None:
    desk, file = Desk(), tmp_path / "one.conf"
    file.write_text(f"target:\nTargetName={NAME}\nPortalGroup=1@127.0.0.1:3260\n\nTargetDevice=disk,MEM,size=1M,RO\n")
    assert desk("show", target=NAME, key="TargetDevice")["keys"] == [["TargetDevice", "disk,MEM,size=1M"]]
    assert desk("reload", file=str(file)) == {
        "messages": [],
        "errors": [f"{file}, line 5: lun 0 RO change prohibited."],
    }
