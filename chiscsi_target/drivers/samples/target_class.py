"""`ApiTarget`: the target class of the samples, with every hook that it can have (guide 5.1; behaviour file, 9.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api import (
    CHAP_FLAG_LOCAL_NAME_VALID,
    CHAP_FLAG_LOCAL_SECRET_VALID,
    CHAP_FLAG_REMOTE_SECRET_VALID,
    ReturnCode,
    chiscsi_target_class,
    chiscsi_target_first_login_check_done,
    chiscsi_target_login_stage_check_done,
    tcp_endpoint,
)

if TYPE_CHECKING:
    from chiscsi_target.api import chap_info, chiscsi_tcp_endpoints

__all__ = ["ApiTarget"]

SECRETS: Final = {"initiator_id1": b"initiator_sec1"}
"""The CHAP names that are known, with their secrets; the target's own are below."""
LOCAL_NAME, LOCAL_SECRET = "target_id1", b"target_secret1"


class ApiTarget(chiscsi_target_class):
    """Lets everybody in, and knows who is there.

    Args:
        redirect_to: where a login is sent on to that arrives at a portal with redirection, as ADDRESS:PORT.

    Attributes:
        sessions: initiator names by session handle.
    """

    class_name = "API_TEST"

    def __init__(self, redirect_to: str = "") -> None:
        self.sessions: dict[int, str] = {}
        self._redirect_to = redirect_to

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

    def fp_chap_info_get(self, initiator_name: str, target_name: str, chap: chap_info) -> None:
        """Look a CHAP name up; the target's own name and secret are there for initiators that want them, too."""
        secret = SECRETS.get(chap.remote_name)
        if secret is None:
            return
        chap.remote_secret, chap.remote_secret_length = secret, len(secret)
        chap.local_name, chap.local_secret, chap.local_secret_length = LOCAL_NAME, LOCAL_SECRET, len(LOCAL_SECRET)
        chap.flag |= CHAP_FLAG_REMOTE_SECRET_VALID | CHAP_FLAG_LOCAL_NAME_VALID | CHAP_FLAG_LOCAL_SECRET_VALID

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

    def fp_select_redirection_portal(
        self, target_name: str, initiator_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> int:
        """Send everybody to the one portal that is known."""
        ip, _, port = self._redirect_to.rpartition(":")
        if not ip:
            return -ReturnCode.ENOTFOUND
        endpoint.taddr = tcp_endpoint(ip.strip("[]"), int(port))
        return 0
