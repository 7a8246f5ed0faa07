"""Handles lead to their own stack, bare numbers to the newest."""

from __future__ import annotations

import gc

from chiscsi_target.api import (
    chiscsi_target_first_login_check_done,
    chiscsi_target_login_stage_check_done,
    chiscsi_target_session_abort,
)
from chiscsi_target.api.stack import Handle, current, enter, stack_of
from chiscsi_target.target_module import TargetModule
from iscsi_wire.pdus import LoginResponse
from iscsi_wire.text import format_pairs
from tests.chiscsi_target.peer import Peer
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand


def test_a_handle_knows_its_stack_though_there_is_a_newer_one() -> None:
    older, newer = TargetModule(), TargetModule()
    handle = older.directory.registry.next_handle()
    assert isinstance(handle, Handle) and stack_of(handle) is older
    assert stack_of(int(handle)) is newer


def test_a_stack_that_is_gone_is_no_stack() -> None:
    enter(TargetModule())
    gc.collect()
    assert current() is None
    assert chiscsi_target_session_abort(1) == -26
    chiscsi_target_first_login_check_done(1, 0, 0, 0)
    chiscsi_target_login_stage_check_done(1, 0, 0)


def test_the_functions_of_the_guide_let_a_login_go_on_and_end_its_session() -> None:
    checking = CheckingClass()
    stand = Stand(driver=HoldingDriver(), target_class=checking)
    checking.on_first = lambda hndl: chiscsi_target_first_login_check_done(hndl, 0, 0, 0)
    checking.on_stage = lambda hndl, stage: chiscsi_target_login_stage_check_done(hndl, 0, 0)
    TargetModule()  # a newer stack, which the handles do not lead to
    peer = logged_in(stand)
    assert chiscsi_target_session_abort(stand.session(peer).handle) == 0
    stand.pump()
    assert ("session_removed", checking.calls[0][1]) in checking.calls


def logged_in(stand: Stand) -> Peer:
    peer = stand.connect()
    peer.send(peer.login_request(1, 3), format_pairs(peer.names(NAME)))
    assert peer.take(LoginResponse)[0].tsih != 0
    return peer
