"""The events of which a registered notifier is told (behaviour file, 1.8)."""

from __future__ import annotations

from enum import IntEnum


class chiscsi_event(IntEnum):
    """What happened; the notifier is given the number, and a text that says to whom."""

    LOGIN_SUCCESS = 1
    LOGOUT_SUCCESS = 2
    AUTHENTICATION_FAILURE = 3
    LOGIN_FAILURE = 4
    LOGOUT_FAILURE = 5
    ACL_DENY = 6
    NODE_ADDED = 7
    NODE_REMOVED = 8
