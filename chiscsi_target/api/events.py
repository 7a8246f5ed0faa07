"""The events of which a registered notifier is told (behaviour file, 1.8)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias


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


EventCallback: TypeAlias = Callable[[chiscsi_event, str], object]
"""A notifier: it is given the event's number and text, between two protocol steps, by the thread that serves whom it is
about. It may call anything that does not block; what it raises is logged."""
