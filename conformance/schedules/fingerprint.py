"""A number for the state of a run: runs that agree in it go on alike, so one of them is enough.

Everything that can be reached from the roots counts, attribute by attribute, whatever classes it is made of, so that an
attribute which somebody adds to the target tomorrow counts as well. What does not count is named below, with why.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodType
from typing import Any, Final, TypeAlias

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.login import Login
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.core.negotiation import Negotiation
from chiscsi_target.core.portal import Portal
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from chiscsi_target.core.session_keys import SessionKeys
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.engine.completions import Completions
from chiscsi_target.engine.directory import Directory
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.engine.phased_completions import PhasedCompletions
from chiscsi_target.engine.worker import Worker
from chiscsi_target.offload.page_pods import PagePods
from chiscsi_target.offload.pdu_recovery import PduRecovery
from chiscsi_target.offload.ulp_connection import UlpConnection
from conformance.schedules.driver import ScriptedDriver
from conformance.schedules.invariants import Judge
from conformance.schedules.plan import Command, Manage
from iscsi_wire.framing import Framer

Tokens: TypeAlias = list[Any]
Memo: TypeAlias = dict[int, int]
Handler: TypeAlias = Callable[[Any, Memo, Tokens], None]

_ATOMS: Final = frozenset((int, str, bytes, bool, type(None), float, BuiltinFunctionType, type))
# Set up before the first step, the same in every run of a scenario, and not changed by one. What of the worker and the
# registry does change (the queue, the sessions) is a root, or can be reached from one.
_CONSTANT: Final = (
    chiscsi_tcp_endpoints,
    Command,
    Completions,
    Directory,
    HookCalls,
    Judge,
    Login,
    LoginIdentity,
    Manage,
    Negotiation,
    PhasedCompletions,
    Portal,
    Registry,
    ScriptedDriver,
    SessionKeys,
    TargetNode,
    Worker,
)
# Tables, statistics, and what only tells the time, which stands still.
_LEFT_OUT: Final[dict[type, frozenset[str]]] = {
    Session: frozenset(("handlers", "hooks", "stack", "agenda")),
    Connection: frozenset(("agenda", "last_received", "name")),
    PagePods: frozenset(("peak",)),
    UlpConnection: frozenset(("coalesced", "copied", "ddp_fail", "ddp_pass", "journal", "placed", "pods_peak")),
}
# Likewise all that a target is configured and managed by.
_CONSTANT_MODULES: Final = ("chiscsi_target.target_module", "chiscsi_target.nodes", "chiscsi_target.config", "_thread")
_LARGE: Final = 64 * 1024


def fingerprint(roots: Iterable[object]) -> int:
    """The number: 64 bits of hash, so two states in a million are confused once in some ten million runs."""
    memo: Memo = {}
    tokens: Tokens = []
    for root in roots:
        _walk(root, memo, tokens)
    return hash(tuple(tokens))


def _walk(value: object, memo: Memo, tokens: Tokens) -> None:
    kind = type(value)
    if kind in _ATOMS:
        tokens.append(value)
        return
    handler = _HANDLERS.get(kind)
    if handler is None:
        handler = _HANDLERS[kind] = _make_handler(kind)
    handler(value, memo, tokens)


def _known(value: object, memo: Memo, tokens: Tokens) -> bool:
    """Whether an object was met before; then its number stands for it."""
    number = memo.get(id(value))
    if number is None:
        memo[id(value)] = len(memo)
        return False
    tokens.append(_known)
    tokens.append(number)
    return True


def _sequence(value: Any, memo: Memo, tokens: Tokens) -> None:
    tokens.append(type(value))
    tokens.append(len(value))
    for each in value:
        if type(each) in _ATOMS:
            tokens.append(each)
        else:
            _walk(each, memo, tokens)


def _mapping(value: dict[Any, Any], memo: Memo, tokens: Tokens) -> None:
    tokens.append(dict)
    tokens.append(len(value))
    for key, each in value.items():
        _walk(key, memo, tokens)
        _walk(each, memo, tokens)


def _unordered(value: Any, memo: Memo, tokens: Tokens) -> None:
    tokens.append(frozenset(value))


def _octets(value: bytearray, memo: Memo, tokens: Tokens) -> None:
    if not _known(value, memo, tokens):
        tokens.append(bytes(value) if len(value) < _LARGE else len(value))


def _view(value: memoryview, memo: Memo, tokens: Tokens) -> None:
    tokens.append(bytes(value))
    if isinstance(value.obj, bytearray):
        _octets(value.obj, memo, tokens)


def _method(value: MethodType, memo: Memo, tokens: Tokens) -> None:
    tokens.append(value.__func__)
    _walk(value.__self__, memo, tokens)


def _function(value: FunctionType, memo: Memo, tokens: Tokens) -> None:
    tokens.append(value.__code__)
    for cell in value.__closure__ or ():
        _walk(cell.cell_contents, memo, tokens)


def _partial(value: partial[Any], memo: Memo, tokens: Tokens) -> None:
    for part in (value.func, value.args, value.keywords):
        _walk(part, memo, tokens)


def _framer(value: Framer, memo: Memo, tokens: Tokens) -> None:
    """What it holds of a PDU that is not complete. The staging buffer beyond that is rubble."""
    tokens.append(bytes(value._view[value._start : value._end]))
    for part in (value._missing, value._placing):
        _walk(part, memo, tokens)


def _constant(value: object, memo: Memo, tokens: Tokens) -> None:
    if not _known(value, memo, tokens):
        tokens.append(type(value))


def _value(value: object, memo: Memo, tokens: Tokens) -> None:
    tokens.append(value)


_HANDLERS: dict[type, Handler] = {
    list: _sequence,
    tuple: _sequence,
    deque: _sequence,
    dict: _mapping,
    set: _unordered,
    frozenset: _unordered,
    bytearray: _octets,
    memoryview: _view,
    MethodType: _method,
    FunctionType: _function,
    BuiltinMethodType: _value,
    partial: _partial,
    Framer: _framer,
    PduRecovery: _framer,
    **dict.fromkeys(_CONSTANT, _constant),
}


def _make_handler(kind: type) -> Handler:
    """A handler for the objects of a class: all slots of its line of ancestors, and what else each has."""
    if issubclass(kind, enum.Enum):
        return _value
    if kind.__module__.startswith(_CONSTANT_MODULES):
        return _constant
    left_out = _LEFT_OUT.get(kind, frozenset())
    slots = [name for base in kind.__mro__ for name in _names(vars(base).get("__slots__", ()))]
    names = [_mangled(kind, name) for name in slots if name not in left_out and name not in ("__dict__", "__weakref__")]
    all_of = attrgetter(*names) if len(names) > 1 else None

    def handle(value: object, memo: Memo, tokens: Tokens) -> None:
        if _known(value, memo, tokens):
            return
        tokens.append(kind)
        try:
            parts = all_of(value) if all_of is not None else ()
        except AttributeError:
            parts = ()  # a slot is empty
        for part in parts or [getattr(value, name, None) for name in names]:
            if type(part) in _ATOMS:
                tokens.append(part)
            else:
                _walk(part, memo, tokens)
        for name, part in getattr(value, "__dict__", _EMPTY).items():
            if name not in left_out:
                _walk(part, memo, tokens)

    return handle


_EMPTY: dict[str, object] = {}


def _names(slots: str | Iterable[str]) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _mangled(kind: type, name: str) -> str:
    return f"_{kind.__name__}{name}" if name.startswith("__") and not name.endswith("__") else name
