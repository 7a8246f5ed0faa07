"""Where faults of SCSI commands are planted: the CDB before it is executed, and the data that a command returns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from chiscsi_target.scsi import reply
from chiscsi_target.scsi.device_server import DeviceServer
from tests.mutants.planting import Original, Plant

__all__ = ["cdb", "conflicts", "count_of", "everywhere", "put_count", "put_range", "range_of", "returned"]

_GET_LBA_STATUS, _COMPARE_AND_WRITE, _WRITE_ATOMIC = 0x9E, 0x89, 0x9C
_ADDRESS = {1: slice(2, 6), 2: slice(2, 6), 4: slice(2, 10), 5: slice(2, 6)}
_COUNT = {1: slice(7, 9), 2: slice(7, 9), 4: slice(10, 14), 5: slice(6, 10)}


def cdb(plant: Plant, change: Callable[[bytearray, DeviceServer], object], *codes: int) -> None:
    """Have `change` alter the CDBs of commands with these operation codes, or of all, before they are executed."""

    def received(original: Original, server: DeviceServer, sc: Any) -> int:
        if not codes or sc.sc_cmd[0] in codes:
            altered = bytearray(sc.sc_cmd)
            change(altered, server)
            sc.sc_cmd = bytes(altered)
        return int(original(server, sc))

    plant.wrap(DeviceServer, "fp_scsi_cmd_cdb_rcved", received)


def returned(plant: Plant, change: Callable[[bytearray, bytes], object], *codes: int) -> None:
    """Have `change(data, cdb)` alter what commands with these operation codes return."""
    original = reply.send

    def send(sc: Any, data: Any, allocation_length: int) -> int:
        altered = bytearray(data)
        if sc.sc_cmd[0] in codes:
            change(altered, sc.sc_cmd)
        return original(sc, bytes(altered), allocation_length)

    everywhere(plant, "send", original, send)


def everywhere(plant: Plant, name: str, original: object, instead: object) -> None:
    """Replace a function in every module of the device server that imports it."""
    for path, module in list(sys.modules.items()):
        if path.startswith("chiscsi_target.scsi") and getattr(module, name, None) is original:
            plant.replace(module, name, instead)


def conflicts(plant: Plant, change: Callable[[bool, Any, Any], bool]) -> None:
    """Have `change(answer, reservations, command)` decide whether a command meets a reservation."""
    from chiscsi_target.scsi import reserve

    def decide(original: Original, reservations: Any, port: Any, sc: Any) -> bool:
        return change(bool(original(reservations, port, sc)), reservations, sc)

    plant.wrap(reserve, "conflicts", decide)


def count_of(octets: bytearray) -> int:
    """How many blocks a CDB names."""
    group = octets[0] >> 5
    if group == 0:
        return octets[4] or 256
    if octets[0] == _GET_LBA_STATUS:
        return 1
    if octets[0] == _COMPARE_AND_WRITE:
        return octets[13]
    if octets[0] == _WRITE_ATOMIC:
        return int.from_bytes(octets[12:14])
    return int.from_bytes(octets[_COUNT[group]])


def put_count(octets: bytearray, count: int) -> bytearray:
    """Have a CDB of 10 octets or more name so many blocks; returns it."""
    place = _COUNT[octets[0] >> 5]
    octets[place] = count.to_bytes(place.stop - place.start)
    return octets


def range_of(octets: bytearray) -> int:
    """The address in a CDB."""
    group = octets[0] >> 5
    return int.from_bytes(octets[1:4]) & 0x1FFFFF if group == 0 else int.from_bytes(octets[_ADDRESS[group]])


def put_range(octets: bytearray, lba: int) -> bytearray:
    """Put an address into a CDB, and return it; one that is too long for it loses its upper bits."""
    group = octets[0] >> 5
    place = slice(1, 4) if group == 0 else _ADDRESS[group]
    octets[place] = (lba % (1 << 8 * (place.stop - place.start))).to_bytes(place.stop - place.start)
    return octets
