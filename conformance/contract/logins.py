"""A target class and its stack, seen through: login hooks with their answers, and what the other hooks return."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from chiscsi_target.api.struct import is_set
from chiscsi_target.api.target_class import chiscsi_target_class
from chiscsi_target.target_module import TargetModule
from conformance.contract.ledger import Ledger
from conformance.contract.watching import AT_ONCE
from conformance.harness.hanging import BrokenOff, coming_back
from iscsi_wire.records import Listener

FIRST, STAGE = "fp_first_login_check", "fp_login_stage_check"
HOOKS: Final = (
    FIRST,
    STAGE,
    "fp_chap_info_get",
    "fp_session_added",
    "fp_session_removed",
    "fp_discovery_target_accessible",
    "fp_select_redirection_portal",
)
_STATUS_CLASSES: Final = (0, 2, 3)


class LoginLedger(Ledger):
    """The book of a target class: which login hooks wait for an answer, and which sessions there are."""

    def __init__(self) -> None:
        super().__init__(multi_phase=False)
        self._waiting: Counter[tuple[int, str]] = Counter()
        self._answered: set[tuple[int, str]] = set()
        self.sessions: list[int] = []

    @property
    def owing(self) -> bool:
        """Whether a login waits for the class."""
        return any(count > 0 for count in list(self._waiting.values()))

    def settle(self) -> None:
        """Enter hooks that were never answered."""
        for (hndl, hook), count in self._waiting.items():
            if count > 0:
                self.note("login", f"{hook} of connection {hndl} was never answered")

    def asked(self, hndl: int, hook: str) -> None:
        """A login hook is called."""
        self._waiting[int(hndl), hook] += 1

    def excused(self, hndl: int, hook: str) -> None:  # type: ignore[override]  # of a login, not of a command
        """A login hook raised: the login is refused without an answer."""
        self._waiting[int(hndl), hook] -= 1

    def answered(self, hndl: int, hook: str, status_class: int) -> None:
        """A login hook is answered."""
        key = (int(hndl), hook)
        if self._waiting[key] > 0:
            self._waiting[key] -= 1
            self._answered.add(key)
        elif key in self._answered:
            self.note("login", f"{hook} was answered twice")
        else:
            self.note("login", f"{hook} was answered for connection {hndl}, which does not wait for it")
        if status_class not in _STATUS_CLASSES:
            self.note("login", f"{hook} was answered with status class {status_class}; there are 0, 2 and 3")


class NotingModule(TargetModule):
    """A Target Module that enters a class's answers before it takes them."""

    def __init__(self, listener: Listener, ledger: LoginLedger) -> None:
        self._ledger = ledger
        super().__init__(listener=listener)

    def chiscsi_target_first_login_check_done(
        self, hndl: int, login_status_class: int, login_status_detail: int, max_cmd: int
    ) -> None:
        """Enter, and pass on."""
        self._ledger.answered(hndl, FIRST, login_status_class)
        super().chiscsi_target_first_login_check_done(hndl, login_status_class, login_status_detail, max_cmd)

    def chiscsi_target_login_stage_check_done(
        self, hndl: int, login_status_class: int, login_status_detail: int
    ) -> None:
        """Enter, and pass on."""
        self._ledger.answered(hndl, STAGE, login_status_class)
        super().chiscsi_target_login_stage_check_done(hndl, login_status_class, login_status_detail)


def watched_class(inner: chiscsi_target_class, ledger: LoginLedger) -> chiscsi_target_class:
    """A target class with the hooks that `inner` has, each of them watched."""
    watched = chiscsi_target_class()
    watched.class_name = inner.class_name
    for name in HOOKS:
        if is_set(inner, chiscsi_target_class, name):
            setattr(watched, name, partial(_call, getattr(inner, name), name, ledger))
    return watched


def _call(hook: Callable[..., Any], name: str, ledger: LoginLedger, *arguments: Any) -> Any:
    """Make a hook's call, and judge what it returns."""
    if name in (FIRST, STAGE):
        ledger.asked(arguments[0], name)
    begin = time.monotonic()
    try:
        with coming_back(name):
            result = hook(*arguments)
    except Exception as error:
        text = str(error) if isinstance(error, BrokenOff) else f"{name} raised {type(error).__name__}: {error}"
        ledger.note("returns", text)
        if name in (FIRST, STAGE):
            ledger.excused(arguments[0], name)
        raise
    if time.monotonic() - begin > AT_ONCE and name in (FIRST, STAGE):
        ledger.note("returns", f"{name} kept the stack waiting")
    _judge(name, arguments, result, ledger)
    return result


def _judge(name: str, arguments: tuple[Any, ...], result: Any, ledger: LoginLedger) -> None:
    if name in ("fp_discovery_target_accessible", "fp_select_redirection_portal") and not isinstance(result, int):
        ledger.note("session", f"{name} returned {result!r}, which is no number")
    if name == "fp_session_added":
        ledger.sessions.append(int(arguments[0]))
    if name == "fp_session_removed" and int(arguments[0]) in ledger.sessions:
        ledger.sessions.remove(int(arguments[0]))
