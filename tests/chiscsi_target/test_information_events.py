"""Events, and commands in the log."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import (
    ReturnCode,
    chiscsi_event,
    chiscsi_event_notifier_register,
    chiscsi_event_notifier_unregister,
    chiscsi_iscsi_command_dump,
)
from iscsi_wire.pdus import LogoutRequest, LogoutResponse
from iscsi_wire.records import LogRecord
from tests.chiscsi_target.peer import INITIATOR
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

EINVAL = -int(ReturnCode.EINVAL)
# Events


class Notices(list[tuple[int, str]]):
    """What a notifier was told."""

    def __call__(self, number: chiscsi_event, text: str) -> None:
        self.append((number, text))


def test_a_notifier_is_registered_once_and_until_it_is_unregistered() -> None:
    stand = Stand()
    told = Notices()
    assert chiscsi_event_notifier_register(told) == 0
    assert chiscsi_event_notifier_register(told) == EINVAL
    worker = stand.module.directory.login_worker
    worker.event(chiscsi_event.NODE_ADDED, "Node name=x")
    stand.pump()
    assert told == [(7, "Node name=x")]
    assert chiscsi_event_notifier_unregister(told) == 0
    assert chiscsi_event_notifier_unregister(told) == EINVAL
    worker.event(chiscsi_event.NODE_REMOVED, "Node name=x")
    stand.pump()
    assert len(told) == 1


def test_a_notifier_that_raises_is_logged_and_harms_nobody() -> None:
    stand = Stand()
    told = Notices()

    def broken(number: chiscsi_event, text: str) -> None:
        raise ValueError("no")

    assert chiscsi_event_notifier_register(broken) == chiscsi_event_notifier_register(told) == 0
    stand.module.directory.login_worker.event(chiscsi_event.ACL_DENY, "Initiator=a, Target=b")
    stand.pump()
    assert told == [(6, "Initiator=a, Target=b")]
    assert "event callback raised at event 6" in stand.log and "ValueError: no" in stand.log
    stand.login()


PARTIES = f"Initiator={INITIATOR}, Target={NAME}"


def noticing(*keys: tuple[str, str]) -> tuple[Stand, Notices]:
    stand = Stand(*keys)
    told = Notices()
    assert chiscsi_event_notifier_register(told) == 0
    return stand, told


def test_targets_that_come_and_go_are_events() -> None:
    stand, told = noticing()
    stand.add(NAME + ".other")
    stand.module.chiscsi_target_remove(None, NAME + ".other")
    stand.pump()
    assert told == [(7, f"Node name={NAME}.other"), (8, f"Node name={NAME}.other")]


def test_a_login_and_a_logout_are_events() -> None:
    stand, told = noticing()
    peer = stand.login()
    assert told == [(1, PARTIES)]
    peer.send(LogoutRequest.make(final=1, reason_code=0, initiator_task_tag=peer.tag(), cmd_sn=peer.number()))
    peer.take(LogoutResponse)
    assert told[1:] == [(2, PARTIES)]


@pytest.mark.parametrize("reason, cid", [(1, 9), (2, 0)])
def test_a_logout_that_fails_is_an_event(reason: int, cid: int) -> None:
    stand, told = noticing()
    peer = stand.login()
    peer.send(
        LogoutRequest.make(final=1, reason_code=reason, cid=cid, initiator_task_tag=peer.tag(), cmd_sn=peer.number())
    )
    response, _ = peer.take(LogoutResponse)
    assert response.response != 0
    assert told == [(1, PARTIES), (5, PARTIES)]


def test_a_discovery_session_belongs_to_the_hidden_node() -> None:
    stand, told = noticing()
    stand.connect().login("", session_type="Discovery")
    assert told == [(1, f"Initiator={INITIATOR}, Target=iqn.chiscsi.iscsi.default-target")]


def test_a_login_that_fails_is_an_event() -> None:
    stand, told = noticing()
    peer = stand.connect()
    response, _ = peer.ask(peer.names(NAME + ".none"))
    assert response.status_class == 2
    assert [number for number, _ in told] == [4]


def test_an_initiator_without_access_is_an_event() -> None:
    stand, told = noticing(("ACL_Enable", "Yes"))
    peer = stand.connect()
    response, _ = peer.ask(peer.names(NAME))
    assert response.status_class == 2
    assert told == [(6, PARTIES), (4, PARTIES)]


def test_an_initiator_that_does_not_show_who_it_is_is_an_event() -> None:
    stand, told = noticing(("AuthMethod", "CHAP"), ("Auth_CHAP_Initiator", '"me":"abcdefghijkl"'))
    peer = stand.connect()
    response, _ = peer.ask(peer.names(NAME))
    assert response.status_class == 2
    assert told == [(3, PARTIES)]


# A command in the log


def dumped(stand: Stand, command: Any) -> dict[str, str]:
    before = len(stand.records)
    chiscsi_iscsi_command_dump(command)
    lines = [record for record in stand.records[before:] if isinstance(record, LogRecord)]
    assert {line.level for line in lines} == {2}
    head, *rest = [line.text for line in lines]
    assert head == f"chiscsi_scsi_command: itt 0x{command.sc_itt:x}, CmdSN {command.sc_CmdSN}, lun 0:"
    return dict(line.strip().split(" ", 1) for line in rest)


def test_a_command_is_dumped_as_a_whole() -> None:
    driver = HoldingDriver()
    stand = Stand(driver=driver)
    peer = stand.login()
    peer.command("2a000000000000000800", edtl=4096, write=True)
    command = driver.last
    command.fail(5, 0x24)

    class Raising:
        def __repr__(self) -> str:
            raise RuntimeError("not me")

    command.sc_sdev_hdl = Raising()
    told = dumped(stand, command)
    flag, *names = told["sc_flag"].split()
    assert int(flag, 16) == command.sc_flag and "SC_FLAG_WRITE" in names and "SC_FLAG_READ" not in names
    assert told["sc_cmd"] == "2a 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 (16 octets)"
    assert told["sc_attribute"] == "1 SIMPLE"
    assert (told["sc_status"], told["sc_sense_key"], told["sc_sense_asc"]) == ("0x2", "0x5", "0x24")
    assert told["sc_xfer_len"] == "4096" and told["r2ts"] == "0 entries"
    assert told["in"] == "state W_BUFFER_WAIT"
    missing = {name for name in type(command).__mro__[-2].__slots__ if name not in told}  # type: ignore[attr-defined]
    assert missing == {"_stack"}
