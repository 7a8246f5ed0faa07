"""Faults of reservations, both kinds (SPC-2, SPC-4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.scsi import persistent_reserve, task_management
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.reply import finish
from chiscsi_target.scsi.reservations import Reservations
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.scsi_seams import cdb, conflicts, returned

_IN, _OUT = 0x5E, 0x5F
_LEGACY = (0x16, 0x17, 0x56, 0x57)


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

    def registered(original: Original, request: Any) -> Any:
        found = request.unit.reservations.of(request.unit.device.ports[request.sc.sc_sess])
        if found is not None:
            request.asked.reservation_key = found.key
        return original(request)

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


@mutant("SPC-4 5.12.3, exceptions to SPC-2 RESERVE and RELEASE behavior", "scsi-reserve-04")
def reserve_ignores_registrations(plant: Plant) -> None:
    """RESERVE and RELEASE are executed although somebody is registered."""

    def received(original: Original, server: DeviceServer, sc: Any) -> int:
        if sc.sc_cmd[0] not in _LEGACY:
            return int(original(server, sc))
        state = server.units[sc.sc_lun].reservations
        kept, state.registrations = state.registrations, []
        result = int(original(server, sc))
        state.registrations = kept
        return result

    plant.wrap(DeviceServer, "fp_scsi_cmd_cdb_rcved", received)


@mutant("SPC-2 5.5, reservations", "scsi-reserve-05.holder-6 scsi-reserve-05.holder-10")
def registrations_ignore_reserve(plant: Plant) -> None:
    """PERSISTENT RESERVE OUT of who has reserved the unit by RESERVE succeeds, and does nothing."""
    plant.replace(persistent_reserve, "conflict", finish)


@mutant("SPC-2 5.5, reservations", "scsi-reserve-06")
def reserve_outlives_resets(plant: Plant) -> None:
    """LOGICAL UNIT RESET does not release the unit."""
    plant.replace(task_management, "release_unit", lambda *_: None)


@mutant("SPC-4 5.12, persistent reservations", "scsi-persistent-17")
def resets_clear_registrations(plant: Plant) -> None:
    """LOGICAL UNIT RESET ends persistent reservation and registrations."""

    def release(original: Original, unit: Any, *rest: Any) -> None:
        unit.reservations.clear()
        original(unit, *rest)

    plant.wrap(task_management, "release_unit", release)


@mutant("SPC-4 6.15.4, REPORT CAPABILITIES service action", "scsi-persistent-12")
def no_type_is_reported(plant: Plant) -> None:
    """The type mask is valid, and names no type."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] & 0x1F == 2:
            data[4:6] = bytes(2)

    returned(plant, change, _IN)


@mutant("SPC-4 6.15.5, READ FULL STATUS service action", "scsi-persistent-13")
def nobody_is_the_holder(plant: Plant) -> None:
    """R_HOLDER is 0 for the holder."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] & 0x1F == 3 and len(data) > 20:
            data[20] &= ~1

    returned(plant, change, _IN)


@mutant("SPC-4 5.12.11, preempting and aborting", "scsi-persistent-14")
def preempting_aborts_nothing(plant: Plant) -> None:
    """PREEMPT AND ABORT is executed as PREEMPT."""
    plant.replace(persistent_reserve, "_abort_tasks", lambda *_: None)


@mutant("SPC-4 5.12.8, registering and moving the reservation", "scsi-persistent-15 scsi-persistent-09")
def reservations_do_not_move(plant: Plant) -> None:
    """Whoever holds a reservation goes on to hold it."""

    def reserve(original: Original, state: Reservations, *rest: Any) -> None:
        if not state.type:
            original(state, *rest)

    plant.wrap(Reservations, "reserve", reserve)


@mutant("SPC-4 5.12.11, unregistering", "scsi-persistent-16.WE scsi-persistent-16.WE-RO")
def reservations_outlive_their_holder(plant: Plant) -> None:
    """A reservation stays when its holder is not registered any more."""
    plant.replace(Reservations, "release", lambda _: None)
