"""`chiscsi_target_class`: hooks in the life of a target's sessions (guide 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.api.struct import is_set

if TYPE_CHECKING:
    from chiscsi_target.api.chap_info import chap_info
    from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints


BUILT_IN_CLASS = "CHELSIO"
"""The class that is always there, and that targets have which name none (behaviour file, 1.1)."""


class chiscsi_target_class:
    """A class of iSCSI targets. Storage drivers subclass it, set `class_name`, and override the hooks they want.

    A hook that is not overridden, or is None, is absent: its step is skipped. The login hooks are non-blocking, their
    answers may come inside the hook, later, or from another thread; the connection waits, within its login time limit.
    """

    class_name: str = ""

    def fp_first_login_check(
        self, hndl: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> None:
        """Look at the first Login Request of a normal session; answer with `chiscsi_target_first_login_check_done`."""

    def fp_login_stage_check(
        self, hndl: int, login_stage: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> None:
        """Look at a login entering a stage; answer with `chiscsi_target_login_stage_check_done`."""

    def fp_chap_info_get(self, initiator_name: str, target_name: str, chap: chap_info) -> None:
        """Fill in the secrets for an initiator that gave its CHAP_N (guide 5.1.4). Blocking.

        Called once CHAP_N and CHAP_R have come. Without the hook the configured pairs are used; with it they are not.
        A hook that raises refuses the login with a target error; one that leaves CHAP_FLAG_REMOTE_SECRET_VALID unset
        says that it does not know the initiator.

        Args:
            initiator_name: the InitiatorName of the login.
            target_name: the TargetName of the login.
            chap: has `remote_name` set to CHAP_N; the rest is the driver's to fill in.
        """

    def fp_session_added(self, sess_hdl: int, isid: bytes, initiator_name: str, target_name: str) -> Any:
        """Learn of a session in full feature phase. Blocking. The result becomes `sc_tclass_sess_priv`."""
        return 0

    def fp_session_removed(self, sess_hdl: int, initiator_name: str, target_name: str) -> None:
        """Learn that a session is gone. Blocking."""

    def fp_discovery_target_accessible(
        self, hndl: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> int:
        """Say whether a discovery session may see a target. Blocking. 0 hides it; `hndl` names the connection."""
        return 1

    def fp_select_redirection_portal(
        self, target_name: str, initiator_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> int:
        """Choose the portal that a login is sent on to (guide 5.1.7). Blocking.

        Args:
            target_name: the target.
            initiator_name: who logs in to it.
            endpoint: the connection's two ends; `taddr` is to be overwritten by the portal's address.

        Returns:
            0, or a negative `ReturnCode`: the login is refused as there is no portal.
        """
        return -ReturnCode.ENOTFOUND


def has_hook(target_class: chiscsi_target_class, name: str) -> bool:
    """Whether a target class sets the hook `name`."""
    return is_set(target_class, chiscsi_target_class, name)
