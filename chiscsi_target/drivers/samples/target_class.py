"""`ApiTarget`: the target class of the samples, with every hook that it can have (guide 5.1; behaviour file, 9.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api import (
    chiscsi_target_class,
    chiscsi_target_first_login_check_done,
    chiscsi_target_login_stage_check_done,
)

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_tcp_endpoints

__all__ = ["ApiTarget"]


class ApiTarget(chiscsi_target_class):
    """Lets everybody in, and knows who is there.

    Attributes:
        sessions: initiator names by session handle.
    """

    class_name = "API_TEST"

    def __init__(self) -> None:
        self.sessions: dict[int, str] = {}

    def fp_first_login_check(
        self, hndl: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> None:
        """Let a login begin, with as many commands at a time as the stack thinks fit."""
        chiscsi_target_first_login_check_done(hndl, 0, 0, 0)

    def fp_login_stage_check(
        self, hndl: int, login_stage: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> None:
        """Let a login go on."""
        chiscsi_target_login_stage_check_done(hndl, 0, 0)

    def fp_session_added(self, sess_hdl: int, isid: bytes, initiator_name: str, target_name: str) -> int:
        """Enter a session into the book; its handle is what the other hooks are given for it."""
        self.sessions[sess_hdl] = initiator_name
        return sess_hdl

    def fp_session_removed(self, sess_hdl: int, initiator_name: str, target_name: str) -> None:
        """Strike a session out."""
        self.sessions.pop(sess_hdl, None)

    def fp_discovery_target_accessible(
        self, hndl: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> int:
        """Show the target to everybody."""
        return 1
