"""Faults of START STOP UNIT and its like, of protection information, and of third-party copies (SBC-3; SPC-4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.scsi import copy_list, extended_copy, protected_transfer, protection_information, token_copy
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.rod_tokens import RodTokens
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.scsi_seams import cdb, everywhere, returned

_START_STOP, _PREVENT, _DEFECTS, _SANITIZE, _FORMAT = 0x1B, 0x1E, (0x37, 0xB7), 0x48, 0x04
_INQUIRY, _COPY_IN = 0x12, 0x84
_PROTECTION = "SBC-3 4.22, protection information model"
_TOKEN = "SBC-3 5.46, WRITE USING TOKEN command"
_GUARDED = (0x28, 0x2A)


@mutant("SBC-3 5.25, START STOP UNIT command", "scsi-stop-01 scsi-stop-02")
def units_never_stop(plant: Plant) -> None:
    """START 0 does nothing."""

    def change(octets: bytearray, _: Any) -> None:
        octets[4] |= 1

    cdb(plant, change, _START_STOP)


@mutant("SBC-3 5.25, START STOP UNIT command", "scsi-stop-03")
def units_start_once(plant: Plant) -> None:
    """START 1 to a unit that is started is refused."""

    def change(octets: bytearray, server: Any) -> None:
        if octets[4] == 1 and not server.units[0].readiness.stopped:
            octets[4] |= 2

    cdb(plant, change, _START_STOP)


@mutant("SBC-3 5.25, START STOP UNIT command: LOEJ", "scsi-stop-04 scsi-eject-01 scsi-eject-03")
def loej_is_ignored(plant: Plant) -> None:
    """LOEJ is taken for 0."""

    def change(octets: bytearray, _: Any) -> None:
        octets[4] &= ~2

    cdb(plant, change, _START_STOP)


@mutant("SAM-5 5.14, unit attention conditions", "scsi-eject-02")
def nobody_is_told_of_a_medium(plant: Plant) -> None:
    """A medium that was loaded leaves no unit attention condition."""

    def establish(original: Original, unit: LogicalUnit, session: Any, sense: Any) -> None:
        if sense.asc != 0x28:
            original(unit, session, sense)

    plant.wrap(LogicalUnit, "establish_attention", establish)


@mutant("SBC-3 5.10, PREVENT ALLOW MEDIUM REMOVAL command", "scsi-eject-03")
def removal_is_never_prevented(plant: Plant) -> None:
    """PREVENT is taken for 00b."""

    def change(octets: bytearray, _: Any) -> None:
        octets[4] = 0

    cdb(plant, change, _PREVENT)


@mutant("SBC-3 5.17 and 5.18, READ DEFECT DATA commands", "scsi-defects-01")
def defect_lists_do_not_say_what_they_are(plant: Plant) -> None:
    """PLISTV and GLISTV are 0, whatever was asked for."""

    def change(data: bytearray, _: bytes) -> None:
        data[1] &= 7

    returned(plant, change, *_DEFECTS)


@mutant("SBC-3 5.24, SANITIZE command", "scsi-sanitize-01 scsi-sanitize-02 scsi-format-01")
def media_are_formatted_in_words_only(plant: Plant) -> None:
    """FORMAT UNIT and SANITIZE succeed, whatever they ask for, and do nothing."""

    def change(octets: bytearray, _: Any) -> None:
        octets[:] = bytes(len(octets))

    cdb(plant, change, _SANITIZE, _FORMAT)


# Protection information


@mutant("SPC-4 7.8, Extended INQUIRY Data VPD page: SPT", "scsi-protect-03")
def spt_names_another_type(plant: Plant) -> None:
    """SPT says that there is type 3, and the unit has type 1."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] and octets[2] == 0x86:
            data[4] |= 0x20

    returned(plant, change, _INQUIRY)


@mutant(_PROTECTION, "scsi-protect-04 scsi-protect-05 scsi-protect-07")
def tuples_come_back_altered(plant: Plant) -> None:
    """READ returns a guard other than the one that is stored."""

    def interleave(original: Original, data: bytes, tuples: bytes, block: int) -> bytes:
        return bytes(original(data, bytes((tuples[0] ^ 0x80,)) + tuples[1:], block))

    plant.wrap(protected_transfer, "interleave", interleave)


@mutant(_PROTECTION, "scsi-protect-06 scsi-protect-07 scsi-protect-08")
def tuples_are_not_checked(plant: Plant) -> None:
    """A tuple that does not go with its block is never noticed."""
    everywhere(plant, "check", protection_information.check, lambda *_: None)


@mutant(_PROTECTION, "scsi-protect-09")
def reserved_protect_values_check_all(plant: Plant) -> None:
    """RDPROTECT and WRPROTECT 110b and 111b are taken for 001b."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] >> 5 > 5:
            octets[1] = octets[1] & 0x1F | 0x20

    cdb(plant, change, *_GUARDED)


# Third-party copies


@mutant("SPC-4, EXTENDED COPY(LID1) command", "scsi-copy-01 scsi-copy-05")
def copies_copy_nothing(plant: Plant) -> None:
    """EXTENDED COPY succeeds, and copies no block."""
    plant.replace(extended_copy, "_lengths", lambda *_: (0, 0))


def _copy_results(plant: Plant, action: int, change: Any) -> None:
    """Alter what a service action of Third-party Copy IN returns."""

    def alter(data: bytearray, octets: bytes) -> None:
        if octets[1] & 0x1F == action:
            change(data)

    returned(plant, alter, _COPY_IN)


@mutant("SPC-4, RECEIVE COPY OPERATING PARAMETERS command", "scsi-copy-02")
def copy_parameters_are_longer_than_they_are(plant: Plant) -> None:
    """AVAILABLE DATA counts an octet that is not there."""

    def change(data: bytearray) -> None:
        data[:4] = (int.from_bytes(data[:4]) + 1).to_bytes(4)

    _copy_results(plant, 3, change)


@mutant("SPC-4, RECEIVE COPY OPERATING PARAMETERS command: MAXIMUM SEGMENT DESCRIPTOR COUNT", "scsi-copy-03")
def copies_may_exceed_their_limits(plant: Plant) -> None:
    """EXTENDED COPY takes more segment descriptors than it says."""
    plant.replace(copy_list, "MOST_SEGMENTS", 1000)
    plant.replace(copy_list, "LONGEST_LIST", 1 << 16)


@mutant("SPC-4, RECEIVE COPY STATUS(LID1) command", "scsi-copy-04")
def copies_never_end(plant: Plant) -> None:
    """The status of a copy that is over is "in progress"."""

    def change(data: bytearray) -> None:
        data[4] = 0

    _copy_results(plant, 0, change)


@mutant("SPC-4 7.8, Third-party Copy VPD page", "scsi-copy-06")
def copies_are_not_told_of(plant: Plant) -> None:
    """3PC is 0, and there are third-party copies."""

    def change(data: bytearray, octets: bytes) -> None:
        if not octets[1]:
            data[5] &= ~0x08

    returned(plant, change, _INQUIRY)


@mutant(_TOKEN, "scsi-token-01 scsi-token-02")
def tokens_stand_for_zeros(plant: Plant) -> None:
    """What a token stands for is zeros, not what the blocks held."""

    def keep(original: Original, tokens: RodTokens, rod: Any, number: int, data: bytes) -> None:
        original(tokens, rod, number, bytes(len(data)))

    plant.wrap(RodTokens, "keep", keep)


@mutant(_TOKEN + ": DEL_TKN", "scsi-token-03")
def tokens_live_for_ever(plant: Plant) -> None:
    """DEL_TKN is ignored."""
    plant.replace(RodTokens, "delete", lambda *_: None)


@mutant(_TOKEN, "scsi-token-04")
def any_token_will_do(plant: Plant) -> None:
    """A token that was altered is taken for the one that was made last."""
    made: list[Any] = []

    def begin(original: Original, *arguments: Any) -> Any:
        made.append(original(*arguments))
        return made[-1]

    def find(original: Original, tokens: RodTokens, token: bytes) -> Any:
        try:
            return original(tokens, token)
        except Refused:
            return made[-1]

    plant.wrap(RodTokens, "begin", begin)
    plant.wrap(RodTokens, "find", find)


@mutant("SBC-3 5.7, POPULATE TOKEN command", "scsi-token-05")
def ranges_may_overlap(plant: Plant) -> None:
    """A block may be in several ranges of a token."""
    plant.replace(token_copy, "pairwise", lambda _: ())
