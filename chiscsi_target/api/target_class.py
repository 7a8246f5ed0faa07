"""`chiscsi_target_class`: hooks in the life of a target's sessions (guide 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints


class chiscsi_target_class:
    """A class of iSCSI targets. Storage drivers subclass it, set `class_name`, and override the hooks they want.

    A hook that is not overridden is absent: its step is skipped. The login hooks are non-blocking, their answers may
    come inside the hook, later, or from another thread; the connection waits, within its login time limit.
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

    def fp_session_added(self, sess_hdl: int, isid: bytes, initiator_name: str, target_name: str) -> Any:
        """Learn of a session in full feature phase. Blocking. The result becomes `sc_tclass_sess_priv`."""
        return 0

    def fp_session_removed(self, sess_hdl: int, initiator_name: str, target_name: str) -> None:
        """Learn that a session is gone. Blocking."""

    def fp_discovery_target_accessible(
        self, hndl: int, initiator_name: str, target_name: str, endpoint: chiscsi_tcp_endpoints
    ) -> int:
        """Say whether a discovery session may see a target. Blocking. 0 hides it."""
        return 1


def has_hook(target_class: chiscsi_target_class, name: str) -> bool:
    """Whether a target class sets the hook `name`."""
    return getattr(type(target_class), name) is not getattr(chiscsi_target_class, name)
