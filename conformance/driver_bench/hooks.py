"""Hooks that are noted, and answered as a case says."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Collection
from typing import Any, Literal, TypeVar

T = TypeVar("T")
How = Literal["hook", "later", "thread"]
Action = Callable[["HookCall"], object]

# What a hook returns when the case says nothing: a target is visible, all else is 0.
_RESULTS = {"fp_discovery_target_accessible": 1}


class HookCall:
    """One call of a hook.

    The arguments are attributes, by the guide's names: `call.sc`, `call.buflen`, `call.hndl`.

    Attributes:
        name: the hook's name.
        class_name: the class whose hook it is.
        arguments: by parameter name.
        flag, status: `sc_flag` and `sc_status` as they were when the hook was called, or 0 without a command.
        thread: the identity of the thread that called.
    """

    def __init__(self, name: str, arguments: dict[str, Any], class_name: str = "") -> None:
        self.name = name
        self.class_name = class_name
        self.arguments = arguments
        self.thread = threading.get_ident()
        command = arguments.get("sc")
        self.flag: int = getattr(command, "sc_flag", 0)
        self.status: int = getattr(command, "sc_status", 0)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["arguments"][name]
        except KeyError:
            raise AttributeError(f"{self.__dict__.get('name')} has no argument {name!r}") from None

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_show(value)}' for name, value in self.arguments.items())})"


class HookLog:
    """All hook calls of a bench in order, which of them were expected already, and how hooks are answered.

    Args:
        noted: is told of each call.
        defer: takes work that is to be done after the hook has returned: the work, and whether in another thread.
    """

    def __init__(self, noted: Callable[[HookCall], None], defer: Callable[[Callable[[], None], bool], None]) -> None:
        self.calls: list[HookCall] = []
        self.waiting: list[HookCall] = []
        self.failure: Exception | None = None
        self._answers: dict[str, Callable[[HookCall], Any]] = {}
        self._noted = noted
        self._defer = defer

    def answer(self, name: str, action: Action | None, how: How, returns: Any, raises: Exception | None) -> None:
        """Have a hook answered from now on; see `DriverBench.when`."""

        def answered(call: HookCall) -> Any:
            if action is not None and how == "hook":
                self._guarded(action, call)
            elif action is not None:
                self._defer(lambda: self._guarded(action, call), how == "thread")
            if raises is not None:
                raise raises
            return _RESULTS.get(name, 0) if returns is None else returns

        self._answers[name] = answered

    def called(self, name: str, arguments: dict[str, Any], class_name: str) -> Any:
        """Note a call, and answer it."""
        call = HookCall(name, arguments, class_name)
        self.calls.append(call)
        self.waiting.append(call)
        self._noted(call)
        answer = self._answers.get(name)
        return _RESULTS.get(name, 0) if answer is None else answer(call)

    def _guarded(self, action: Action, call: HookCall) -> None:
        """Keep what an answer finds wrong: the stack would take it for the driver's failure, a thread would lose it."""
        try:
            action(call)
        except Exception as error:  # noqa: BLE001 - whatever it is, `Expecting.check` raises it where the case runs
            self.failure = self.failure or error


def scripted(base: type[T], hooks: Collection[str], log: HookLog, **attributes: Any) -> T:
    """An instance of a subclass of `base`, a class of the API, that has these hooks and notes their calls.

    Args:
        base: `chiscsi_target_class` or `chiscsi_target_lun_class`.
        hooks: names of the hooks that it has; others are absent, as in a driver that leaves the pointer null.
        log: where calls go.
        attributes: `class_name`, `property`.
    """
    functions = {name: _hook(name, getattr(base, name), log, attributes.get("class_name", "")) for name in hooks}
    made: T = type(f"scripted_{base.__name__}", (base,), {**functions, **attributes})()
    return made


def hooks_of(base: type) -> list[str]:
    """The names of all hooks of a class of the API."""
    return [name for name in vars(base) if name.startswith("fp_")]


def _hook(name: str, original: Callable[..., Any], log: HookLog, class_name: str) -> Callable[..., Any]:
    parameters = _parameters(original)

    @functools.wraps(original)
    def hook(_driver: object, *values: Any) -> Any:
        return log.called(name, dict(zip(parameters, values, strict=True)), class_name)

    return hook


@functools.cache
def _parameters(function: Callable[..., Any]) -> list[str]:
    return [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]


def _show(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} vectors"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} octets"
    itt = getattr(value, "sc_itt", None)
    return f"itt {itt:#x}" if isinstance(itt, int) else str(value)
