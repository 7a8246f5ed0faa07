"""A command as text, for `chiscsi_iscsi_command_dump` (guide 7.3.5.5): every field, one a line."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from typing import Any

from chiscsi_target.api import constants
from chiscsi_target.api.scsi_command import chiscsi_scsi_command

_FLAGS = {name: value for name, value in vars(constants).items() if name.startswith("SC_FLAG_")}
_ATTRIBUTES = {
    value: name.removeprefix("ISCSI_TASK_ATTRIBUTES_")
    for name, value in vars(constants).items()
    if name.startswith("ISCSI_TASK_ATTRIBUTES_")
}
# What leads away from the command: the stack itself, and the objects that own many commands.
_LEFT_OUT = frozenset(("_stack", "connection", "session"))
# A driver's own objects may be long, and may raise when they are shown.
_SHORTENED = reprlib.Repr()
_SHORTENED.maxother = _SHORTENED.maxstring = _SHORTENED.maxlong = 100


def command_lines(scmd: chiscsi_scsi_command) -> list[str]:
    """A command's fields, the driver's first and then the stack's own, as lines of the log."""
    lines = [f"chiscsi_scsi_command: itt 0x{scmd.sc_itt:x}, CmdSN {scmd.sc_CmdSN}, lun {scmd.sc_lun}:"]
    lines += [f"  {name} {_FORMATS.get(name, _text)(value)}" for name, value in _fields(scmd)]
    return lines


def _fields(scmd: chiscsi_scsi_command) -> Iterator[tuple[str, Any]]:
    for kind in reversed(type(scmd).__mro__):
        for name in getattr(kind, "__slots__", ()):
            # A read has no place for what only writes need.
            if name not in _LEFT_OUT and hasattr(scmd, name):
                yield name, getattr(scmd, name)


def _hexadecimal(value: int) -> str:
    return f"0x{value:x}"


def _octets(value: bytes) -> str:
    return f"{bytes(value).hex(' ')} ({len(value)} octets)" if value else "none"


def _flags(value: int) -> str:
    names = [name for name, bit in _FLAGS.items() if value & bit]
    return f"0x{value:x} {' '.join(names)}".rstrip()


def _attribute(value: int) -> str:
    return f"{value} {_ATTRIBUTES.get(value, '')}".rstrip()


def _endpoints(value: Any) -> str:
    return "none" if value is None else f"{value.iaddr} to {value.taddr}"


def _text(value: Any) -> str:
    if isinstance(value, list | dict | set | tuple):
        return f"{len(value)} entries"
    return _SHORTENED.repr(value)


_FORMATS: dict[str, Callable[[Any], str]] = {
    "sc_attribute": _attribute,
    "sc_cmd": _octets,
    "sc_flag": _flags,
    "sc_ieps": _endpoints,
    "sc_itt": _hexadecimal,
    "sc_sense_asc": _hexadecimal,
    "sc_sense_ascq": _hexadecimal,
    "sc_sense_buf": _octets,
    "sc_sense_key": _hexadecimal,
    "sc_status": _hexadecimal,
}
