"""The information calls as a test makes them, on the newest Target Module."""

from __future__ import annotations

from chiscsi_target.api import (
    chiscsi_connection_info,
    chiscsi_get_connection_info,
    chiscsi_get_session_info,
    chiscsi_perf_info,
    chiscsi_session_info,
)
from tests.chiscsi_target.stand import NAME

__all__ = ["connection_of", "moved", "only_session", "sessions_of"]


def sessions_of(initiator: str | None = None, count: int = 16) -> list[chiscsi_session_info]:
    """The structures of a stand's sessions."""
    info: list[chiscsi_session_info] = []
    assert chiscsi_get_session_info(NAME, initiator, count, info) == len(info)
    return info


def only_session() -> chiscsi_session_info:
    """The structure of the one session that there is."""
    (info,) = sessions_of()
    return info


def connection_of(session: chiscsi_session_info, index: int = 0) -> chiscsi_connection_info:
    """The structure of one of a session's connections."""
    info = chiscsi_connection_info()
    assert chiscsi_get_connection_info(session.hndl, index, info) == 0
    return info


def moved(info: chiscsi_perf_info) -> tuple[int, int, int, int]:
    """Read commands and octets, write commands and octets."""
    return info.read_cmd_cnt, info.read_bytes, info.write_cmd_cnt, info.write_bytes
