"""Reservations: RESERVE, RELEASE and PERSISTENT RESERVE, their CDBs and parameter data (SPC-2 and SPC-4)."""

from __future__ import annotations

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import (
    Format,
    bits,
    cdb,
    flag,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    word,
)
from iscsi_wire.formats.scsi_common import allocation_length, control, operation_code, service_action
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import ProtocolIdentifier
from iscsi_wire.scsi_parameter_codes import PersistentReserveIn, PersistentReserveOut, ReservationType
from iscsi_wire.structure import Kind

_PERSISTENT_OUT = "SPC-4, PERSISTENT RESERVE OUT command"
_PERSISTENT_IN = "SPC-4, PERSISTENT RESERVE IN command"
_LIST = "SPC-4, Basic PERSISTENT RESERVE OUT parameter list"
_MOVE = "SPC-4, REGISTER AND MOVE parameter list"
_KEYS = "SPC-4, READ KEYS service action"
_RESERVATION = "SPC-4, READ RESERVATION service action"
_CAPABILITIES = "SPC-4, REPORT CAPABILITIES service action"
_STATUS = "SPC-4, READ FULL STATUS service action"
_TRANSPORT = "SPC-4, TransportID for initiator ports using SCSI over iSCSI"


def _whole_unit(name: str, operation: Code, size: int) -> Format:
    """RESERVE or RELEASE of a whole logical unit; extents and third parties are gone since SPC-2."""
    section = f"SPC-2, {operation.label} command"
    middle = [reserved("rsvd_2", 8, section), reserved("rsvd_3", 16, section)]
    if size == 10:
        middle = [reserved("rsvd_2", 32, section), reserved("rsvd_6", 8, section)]
        middle.append(uint("parameter_list_length", "PARAMETER LIST LENGTH", section, 16, kind=Kind.LENGTH))
    return cdb(
        name,
        operation,
        section,
        operation_code(operation),
        word(
            "octet_1",
            reserved_bits("rsvd_1", 3, section),
            reserved_bits("third_party", 1, section),
            reserved_bits("rsvd_1_4", 3, section),
            reserved_bits("extent", 1, section),
        ),
        *middle,
        control(),
    )


RESERVE_6: Format = _whole_unit("Reserve6", OperationCode.RESERVE_6, 6)
RELEASE_6: Format = _whole_unit("Release6", OperationCode.RELEASE_6, 6)
RESERVE_10: Format = _whole_unit("Reserve10", OperationCode.RESERVE_10, 10)
RELEASE_10: Format = _whole_unit("Release10", OperationCode.RELEASE_10, 10)


def _persistent_in(name: str, action: PersistentReserveIn) -> Format:
    return cdb(
        name,
        OperationCode.PERSISTENT_RESERVE_IN,
        _PERSISTENT_IN,
        operation_code(OperationCode.PERSISTENT_RESERVE_IN),
        service_action(action),
        reserved("rsvd_2", 32, _PERSISTENT_IN),
        reserved("rsvd_6", 8, _PERSISTENT_IN),
        allocation_length(16, _PERSISTENT_IN),
        control(),
        service_action=int(action),
        title=f"PERSISTENT RESERVE IN, {action.label}",
    )


def _persistent_out(name: str, action: PersistentReserveOut) -> Format:
    return cdb(
        name,
        OperationCode.PERSISTENT_RESERVE_OUT,
        _PERSISTENT_OUT,
        operation_code(OperationCode.PERSISTENT_RESERVE_OUT),
        service_action(action),
        word(
            "octet_2",
            bits("scope", "SCOPE", _PERSISTENT_OUT, 4),
            bits("type", "TYPE", _PERSISTENT_OUT, 4, codes=ReservationType),
        ),
        reserved("rsvd_3", 16, _PERSISTENT_OUT),
        uint("parameter_list_length", "PARAMETER LIST LENGTH", _PERSISTENT_OUT, 32, kind=Kind.LENGTH),
        control(),
        service_action=int(action),
        title=f"PERSISTENT RESERVE OUT, {action.label}",
    )


PERSISTENT_RESERVE_IN: tuple[Format, ...] = (
    _persistent_in("PersistentReadKeys", PersistentReserveIn.READ_KEYS),
    _persistent_in("PersistentReadReservation", PersistentReserveIn.READ_RESERVATION),
    _persistent_in("PersistentReportCapabilities", PersistentReserveIn.REPORT_CAPABILITIES),
    _persistent_in("PersistentReadFullStatus", PersistentReserveIn.READ_FULL_STATUS),
)
PERSISTENT_RESERVE_OUT: tuple[Format, ...] = (
    _persistent_out("PersistentRegister", PersistentReserveOut.REGISTER),
    _persistent_out("PersistentReserve", PersistentReserveOut.RESERVE),
    _persistent_out("PersistentRelease", PersistentReserveOut.RELEASE),
    _persistent_out("PersistentClear", PersistentReserveOut.CLEAR),
    _persistent_out("PersistentPreempt", PersistentReserveOut.PREEMPT),
    _persistent_out("PersistentPreemptAndAbort", PersistentReserveOut.PREEMPT_AND_ABORT),
    _persistent_out("PersistentRegisterAndIgnoreExistingKey", PersistentReserveOut.REGISTER_AND_IGNORE_EXISTING_KEY),
    _persistent_out("PersistentRegisterAndMove", PersistentReserveOut.REGISTER_AND_MOVE),
)

TRANSPORT_ID: Format = structure(
    "TransportId",
    "TransportID of an iSCSI initiator port",
    _TRANSPORT,
    word(
        "octet_0",
        bits("format_code", "FORMAT CODE", _TRANSPORT, 2),
        reserved_bits("rsvd_0", 2, _TRANSPORT),
        bits("protocol_identifier", "PROTOCOL IDENTIFIER", _TRANSPORT, 4, codes=ProtocolIdentifier, default=5),
    ),
    reserved("rsvd_1", 8, _TRANSPORT),
    uint("additional_length", "ADDITIONAL LENGTH", _TRANSPORT, 16, kind=Kind.LENGTH),
    tail("iscsi_name", "ISCSI NAME", _TRANSPORT, length="additional_length", counts_from=4),
)

PERSISTENT_RESERVE_OUT_LIST: Format = structure(
    "PersistentReserveOutList",
    "Basic PERSISTENT RESERVE OUT parameter list",
    _LIST,
    uint("reservation_key", "RESERVATION KEY", _LIST, 64),
    uint("service_action_reservation_key", "SERVICE ACTION RESERVATION KEY", _LIST, 64),
    reserved("rsvd_16", 32, _LIST),
    word(
        "octet_20",
        reserved_bits("rsvd_20", 4, _LIST),
        flag("spec_i_pt", "SPEC_I_PT", _LIST),
        flag("all_tg_pt", "ALL_TG_PT", _LIST),
        reserved_bits("rsvd_20_6", 1, _LIST),
        flag("aptpl", "APTPL", _LIST),
    ),
    reserved("rsvd_21", 8, _LIST),
    reserved("rsvd_22", 16, _LIST),
    doc="With SPEC_I_PT four bytes of length and a list of TransportIDs follow it.",
)

REGISTER_AND_MOVE_LIST: Format = structure(
    "RegisterAndMoveList",
    "REGISTER AND MOVE parameter list",
    _MOVE,
    uint("reservation_key", "RESERVATION KEY", _MOVE, 64),
    uint("service_action_reservation_key", "SERVICE ACTION RESERVATION KEY", _MOVE, 64),
    reserved("rsvd_16", 8, _MOVE),
    word(
        "octet_17",
        reserved_bits("rsvd_17", 6, _MOVE),
        flag("unreg", "UNREG", _MOVE),
        flag("aptpl", "APTPL", _MOVE),
    ),
    uint("relative_target_port_identifier", "RELATIVE TARGET PORT IDENTIFIER", _MOVE, 16),
    uint("transportid_length", "TRANSPORTID PARAMETER DATA LENGTH", _MOVE, 32, kind=Kind.LENGTH),
    tail("transport_id", "TransportID", _MOVE, length="transportid_length", counts_from=24),
)

READ_KEYS_DATA: Format = structure(
    "ReadKeysData",
    "READ KEYS parameter data",
    _KEYS,
    uint("prgeneration", "PRGENERATION", _KEYS, 32),
    uint("additional_length", "ADDITIONAL LENGTH", _KEYS, 32, kind=Kind.LENGTH),
    tail("reservation_keys", "Reservation key list", _KEYS, length="additional_length", counts_from=8, width=64),
)

RESERVATION_DESCRIPTOR: Format = structure(
    "ReservationDescriptor",
    "Reservation descriptor",
    _RESERVATION,
    uint("reservation_key", "RESERVATION KEY", _RESERVATION, 64),
    reserved("rsvd_8", 32, _RESERVATION),
    reserved("rsvd_12", 8, _RESERVATION),
    word(
        "octet_13",
        bits("scope", "SCOPE", _RESERVATION, 4),
        bits("type", "TYPE", _RESERVATION, 4, codes=ReservationType),
    ),
    reserved("rsvd_14", 16, _RESERVATION),
)

READ_RESERVATION_DATA: Format = structure(
    "ReadReservationData",
    "READ RESERVATION parameter data",
    _RESERVATION,
    uint("prgeneration", "PRGENERATION", _RESERVATION, 32),
    uint("additional_length", "ADDITIONAL LENGTH", _RESERVATION, 32, kind=Kind.LENGTH),
    tail(
        "descriptors",
        "Reservation descriptor",
        _RESERVATION,
        length="additional_length",
        counts_from=8,
        element=RESERVATION_DESCRIPTOR,
    ),
)

REPORT_CAPABILITIES_DATA: Format = structure(
    "ReportCapabilitiesData",
    "REPORT CAPABILITIES parameter data",
    _CAPABILITIES,
    uint("length", "LENGTH", _CAPABILITIES, 16, kind=Kind.LENGTH, default=8),
    word(
        "octet_2",
        flag("rlr_c", "RLR_C", _CAPABILITIES),
        reserved_bits("rsvd_2", 2, _CAPABILITIES),
        flag("crh", "CRH", _CAPABILITIES),
        flag("sip_c", "SIP_C", _CAPABILITIES),
        flag("atp_c", "ATP_C", _CAPABILITIES),
        reserved_bits("rsvd_2_6", 1, _CAPABILITIES),
        flag("ptpl_c", "PTPL_C", _CAPABILITIES),
    ),
    word(
        "octet_3",
        flag("tmv", "TMV", _CAPABILITIES),
        bits("allow_commands", "ALLOW COMMANDS", _CAPABILITIES, 3),
        reserved_bits("rsvd_3", 3, _CAPABILITIES),
        flag("ptpl_a", "PTPL_A", _CAPABILITIES),
    ),
    uint("persistent_reservation_type_mask", "PERSISTENT RESERVATION TYPE MASK", _CAPABILITIES, 16),
    reserved("rsvd_6", 16, _CAPABILITIES),
)

FULL_STATUS_DESCRIPTOR: Format = structure(
    "FullStatusDescriptor",
    "Full status descriptor",
    _STATUS,
    uint("reservation_key", "RESERVATION KEY", _STATUS, 64),
    reserved("rsvd_8", 32, _STATUS),
    word(
        "octet_12",
        reserved_bits("rsvd_12", 6, _STATUS),
        flag("all_tg_pt", "ALL_TG_PT", _STATUS),
        flag("r_holder", "R_HOLDER", _STATUS),
    ),
    word("octet_13", bits("scope", "SCOPE", _STATUS, 4), bits("type", "TYPE", _STATUS, 4, codes=ReservationType)),
    reserved("rsvd_14", 32, _STATUS),
    uint("relative_target_port_identifier", "RELATIVE TARGET PORT IDENTIFIER", _STATUS, 16),
    uint("additional_descriptor_length", "ADDITIONAL DESCRIPTOR LENGTH", _STATUS, 32, kind=Kind.LENGTH),
    tail("transport_id", "TransportID", _STATUS, length="additional_descriptor_length", counts_from=24),
)

READ_FULL_STATUS_DATA: Format = structure(
    "ReadFullStatusData",
    "READ FULL STATUS parameter data",
    _STATUS,
    uint("prgeneration", "PRGENERATION", _STATUS, 32),
    uint("additional_length", "ADDITIONAL LENGTH", _STATUS, 32, kind=Kind.LENGTH),
    tail("descriptors", "Full status descriptors", _STATUS, length="additional_length", counts_from=8),
)

FORMATS: tuple[Format, ...] = (
    RESERVE_6,
    RELEASE_6,
    RESERVE_10,
    RELEASE_10,
    *PERSISTENT_RESERVE_IN,
    *PERSISTENT_RESERVE_OUT,
    TRANSPORT_ID,
    PERSISTENT_RESERVE_OUT_LIST,
    REGISTER_AND_MOVE_LIST,
    READ_KEYS_DATA,
    RESERVATION_DESCRIPTOR,
    READ_RESERVATION_DATA,
    REPORT_CAPABILITIES_DATA,
    FULL_STATUS_DESCRIPTOR,
    READ_FULL_STATUS_DATA,
)
