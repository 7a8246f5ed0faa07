"""How a fault is planted into the target, and taken out again.

A mutant is this project's target with one fault. Its function, under `@mutant`, patches the core: a row of a table, a
method, a function, or the PDUs that go out and come in. The result is a factory of embedded targets, so that a single
mutant can be watched from the command line as well:

    chiscsi conform --embedded-factory tests.mutants.numbering:window_takes_one_command_too_many --transport memory

The fault is there from the making of the target until it is closed; nothing of the target's source is copied.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chiscsi_target.core import dispatch, negotiation
from chiscsi_target.core.connection import Connection
from chiscsi_target.target_module import TargetModule
from conformance.embedded import KEYS, Embedded, Way, serve
from initiator_sim.transport import Transport
from iscsi_wire.constants import IMMEDIATE_BIT, OPCODE_MASK, Opcode
from iscsi_wire.framing import Buffer, Frame
from iscsi_wire.pdus import PDU_TYPES, Pdu
from iscsi_wire.records import Listener

Edit = Callable[[Any, Connection], object]
"""Changes an outgoing PDU in place. It may return the data segment to send instead, or False to send nothing."""
Handler = Callable[[Connection, Frame], None]
Original = Callable[..., Any]
"""What a wrapper stands before."""

MUTANTS: dict[str, Mutant] = {}
"""All mutants by name, in the order of their modules."""


class Plant:
    """What a mutant's function plants with; everything is undone when the target is closed."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.keys = dict(KEYS)

    def replace(self, owner: Any, name: str, value: object) -> None:
        """Put `value` in the place of an attribute of a class or module."""
        self.patch.setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        """Put `wrapper` before a function or method; it gets the original first, then the call's arguments."""
        original = getattr(owner, name)
        replacement = functools.wraps(original)(lambda *args, **kwargs: wrapper(original, *args, **kwargs))
        self.patch.setattr(owner, name, replacement)

    def row(self, table: Any, key: object, value: object) -> None:
        """Put `value` into a row of a table."""
        self.patch.setitem(table, key, value)

    def sent(self, pdu_type: type[Pdu], edit: Edit) -> None:
        """Have `edit` change every PDU of a type before it goes out."""

        def send(
            original: Callable[..., None],
            connection: Connection,
            header: bytes,
            pieces: Sequence[Buffer] = (),
            length: int = 0,
            concluded: object = None,
        ) -> None:
            if header[0] & OPCODE_MASK != pdu_type.OPCODE:
                original(connection, header, pieces, length, concluded)
                return
            pdu = PDU_TYPES[pdu_type.OPCODE].decode(header)
            changed = edit(pdu, connection)
            if changed is False:
                return
            if isinstance(changed, bytes):
                pdu.data_segment_length = len(changed)
                pieces, length = (changed,), len(changed)
            original(connection, pdu.encode(), pieces, length, concluded)

        self.wrap(Connection, "send", send)

    def received(self, opcode: Opcode, handle: Callable[[Handler, Connection, Frame], object]) -> None:
        """Put `handle` before the handler of an opcode in full feature phase."""
        for table in (dispatch.handlers_for(False), dispatch.handlers_for(True)):
            handler = table[opcode]
            self.row(table, opcode.value, functools.partial(handle, handler))

    def key(self, name: str, **changes: Any) -> None:
        """Change the row of a text key, for the target alone."""
        table = vars(negotiation)["KEYS"]
        self.replace(negotiation, "KEYS", {**table, name: replace(table[name], **changes)})

    def undo(self) -> None:
        """Take the fault out."""
        self.patch.undo()


@dataclass(frozen=True)
class Mutant:
    """The target with one fault; call it to make one.

    name: the fault in words, as an identifier. fault: one sentence. clause: the section of RFC 7143 that it breaks.
    cases: identifiers of the cases that turn red on it; one without a variant's suffix stands for all its variants.
    """

    name: str
    fault: str
    clause: str
    cases: tuple[str, ...]
    plant: Callable[[Plant], None]

    def __call__(self, transport: Way, iqn: str, listener: Listener) -> Embedded:
        """Make the target: a factory as `conformance.embedded.start` is one."""
        plant = Plant()
        try:
            self.plant(plant)
            return _Faulty(serve(TargetModule(listener=listener), transport, iqn, plant.keys), plant)
        except BaseException:
            plant.undo()
            raise

    @property
    def module(self) -> str:
        """The module of mutants that it belongs to."""
        return self.plant.__module__.rpartition(".")[2]

    @property
    def factory(self) -> str:
        """How settings and command line name it."""
        return f"{self.plant.__module__}:{self.name}"


class _Faulty:
    """An embedded target that takes its fault with it."""

    def __init__(self, target: Embedded, plant: Plant) -> None:
        self._target = target
        self._plant = plant
        self.iqn = target.iqn
        self.luns = target.luns
        self.clock = target.clock
        self.login_time = target.login_time

    def connect(self) -> Transport:
        """Connect to the target."""
        return self._target.connect()

    def close(self) -> None:
        """End the target and its fault."""
        self._target.close()
        self._plant.undo()


def mutant(clause: str, cases: str) -> Callable[[Callable[[Plant], None]], Mutant]:
    """Make a mutant of a function whose docstring tells the fault.

    Args:
        clause: section of RFC 7143, or of the document it names.
        cases: identifiers of the cases that turn red, separated by space.
    """

    def make(plant: Callable[[Plant], None]) -> Mutant:
        name = plant.__name__
        assert name not in MUTANTS, f"two mutants are called {name}"
        fault = " ".join((plant.__doc__ or "").split())
        MUTANTS[name] = Mutant(name, fault, clause, tuple(cases.split()), plant)
        return MUTANTS[name]

    return make


def make_immediate(frame: Frame) -> None:
    """Mark a request that came in for immediate delivery."""
    frame.header = bytes((frame.header[0] | IMMEDIATE_BIT, *frame.header[1:]))
