"""Faults of reservations, both kinds (SPC-2, SPC-4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.scsi import persistent_reserve
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.reservations import Reservations
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.scsi_seams import cdb, conflicts, returned

_IN, _OUT = 0x5E, 0x5F


@mutant("SPC-2 5.5, reservations", "scsi-reserve-01 scsi-reserve-02 scsi-persistent-04.WE scsi-persistent-04.EA")
def reservations_stop_nobody(plant: Plant) -> None:
    """Commands of others are executed whoever holds a reservation."""
    conflicts(plant, lambda answer, reservations, sc: False)


@mutant("SPC-2 5.5, reservations", "scsi-reserve-03")
def reserve_stops_every_command(plant: Plant) -> None:
    """INQUIRY and the like meet another's RESERVE."""
    conflicts(plant, lambda answer, state, sc: answer or state.legacy not in (None, sc.sc_sess))


@mutant("SPC-4 5.12.1, commands allowed in the presence of various reservations", "scsi-capacity-03")
def reservations_hide_the_capacity(plant: Plant) -> None:
    """READ CAPACITY (10) meets reservations."""
    conflicts(plant, lambda answer, state, sc: answer or sc.sc_cmd[0] == 0x25)


@mutant(
    "SPC-4 5.12.1, commands allowed in the presence of various reservations",
    "scsi-persistent-03 scsi-persistent-04.WE-RO scsi-persistent-04.EA-RO scsi-persistent-04.WE-AR "
    "scsi-persistent-04.EA-AR",
)
def reservations_stop_the_wrong_ones(plant: Plant) -> None:
    """Commands are executed where they ought to meet a persistent reservation, and meet it where they ought not."""
    conflicts(plant, lambda answer, state, sc: not answer if state.type and sc.sc_cmd[0] in (0x28, 0x2A) else answer)


@mutant("SPC-4 6.15.2, READ KEYS service action", "scsi-persistent-01")
def registrations_are_not_counted(plant: Plant) -> None:
    """PRGENERATION never changes."""
    plant.replace(Reservations, "changed", lambda _: None)


@mutant(
    "SPC-4 5.12.7, registering and reservation keys",
    "scsi-persistent-02.reserve scsi-persistent-02.release scsi-persistent-02.clear scsi-persistent-02.preempt",
)
def any_key_will_do(plant: Plant) -> None:
    """A wrong RESERVATION KEY is taken for the right one."""

    def registered(original: Original, unit: Any, sc: Any, key: int) -> Any:
        found = unit.reservations.of(unit.device.ports[sc.sc_sess])
        return original(unit, sc, key if found is None else found.key)

    plant.wrap(persistent_reserve, "_registered", registered)


@mutant("SPC-4 6.15.3, READ RESERVATION service action", "scsi-persistent-05")
def reservation_has_another_type(plant: Plant) -> None:
    """READ RESERVATION returns a reserved type."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] & 0x1F == 1 and len(data) > 21:
            data[21] = 0x0F

    returned(plant, change, _IN)


@mutant("SPC-4 5.12, persistent reservations", "scsi-persistent-06 scsi-persistent-08 scsi-persistent-09")
def registrants_are_told_nothing(plant: Plant) -> None:
    """What happens to a reservation leaves no unit attention condition for others."""

    def establish(original: Original, unit: LogicalUnit, session: Any, sense: Any) -> None:
        if sense.asc != 0x2A:
            original(unit, session, sense)

    plant.wrap(LogicalUnit, "establish_attention", establish)


@mutant("SPC-4 5.12.11, releasing a persistent reservation", "scsi-persistent-07")
def release_ignores_its_type(plant: Plant) -> None:
    """A RELEASE of another type releases the reservation."""

    def change(octets: bytearray, server: Any) -> None:
        kinds = [unit.reservations.type for unit in server.units.values() if unit.reservations.type]
        if octets[1] & 0x1F == 2 and kinds:
            octets[2] = kinds[0]

    cdb(plant, change, _OUT)


@mutant("SPC-4 6.16.3, basic PERSISTENT RESERVE OUT parameter list", "scsi-persistent-10.25")
def longer_lists_are_taken(plant: Plant) -> None:
    """What follows the 24 octets of the parameter list is ignored."""

    def change(octets: bytearray, _: Any) -> None:
        octets[5:9] = min(int.from_bytes(octets[5:9]), 24).to_bytes(4)

    cdb(plant, change, _OUT)


@mutant("SPC-4 6.15, PERSISTENT RESERVE IN command", "scsi-persistent-11")
def reserved_service_actions_read_keys(plant: Plant) -> None:
    """A reserved service action of PERSISTENT RESERVE IN is READ KEYS."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] & 0x1F > 3:
            octets[1] = 0

    cdb(plant, change, _IN)
