"""Target port groups and the ports in them: CDBs, parameter data, and the SCSI Ports VPD page (SPC-4)."""

from __future__ import annotations

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
    vpd_page,
    word,
)
from iscsi_wire.formats.scsi_common import allocation_length, control, operation_code, service_action
from iscsi_wire.formats.scsi_inquiry import DESIGNATOR, page_head
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import VpdPageCode
from iscsi_wire.scsi_parameter_codes import (
    AccessState,
    AccessStateCause,
    MaintenanceIn,
    MaintenanceOut,
    TargetPortGroupsFormat,
)
from iscsi_wire.structure import Kind

_REPORT = "SPC-4, REPORT TARGET PORT GROUPS command"
_DATA = "SPC-4, REPORT TARGET PORT GROUPS parameter data"
_SET = "SPC-4, SET TARGET PORT GROUPS command"
_LIST = "SPC-4, SET TARGET PORT GROUPS parameter list"
_PORTS = "SPC-4, SCSI Ports VPD page"

REPORT_TARGET_PORT_GROUPS: Format = cdb(
    "ReportTargetPortGroups",
    OperationCode.MAINTENANCE_IN,
    _REPORT,
    operation_code(OperationCode.MAINTENANCE_IN),
    word(
        "octet_1",
        bits("parameter_data_format", "PARAMETER DATA FORMAT", _REPORT, 3, codes=TargetPortGroupsFormat),
        bits(
            "service_action",
            "SERVICE ACTION",
            _REPORT,
            5,
            codes=MaintenanceIn,
            default=int(MaintenanceIn.REPORT_TARGET_PORT_GROUPS),
        ),
    ),
    reserved("rsvd_2", 32, _REPORT),
    allocation_length(32, _REPORT),
    reserved("rsvd_10", 8, _REPORT),
    control(),
    service_action=int(MaintenanceIn.REPORT_TARGET_PORT_GROUPS),
    title=MaintenanceIn.REPORT_TARGET_PORT_GROUPS.label,
)

TARGET_PORT_GROUPS_DATA: Format = structure(
    "TargetPortGroupsData",
    "REPORT TARGET PORT GROUPS parameter data",
    _DATA,
    uint("return_data_length", "RETURN DATA LENGTH", _DATA, 32, kind=Kind.LENGTH),
    tail("descriptors", "Target port group descriptors", _DATA, length="return_data_length", counts_from=4),
    doc="With the extended header, that comes before the descriptors.",
)

TARGET_PORT_GROUPS_EXTENDED_HEADER: Format = structure(
    "TargetPortGroupsExtendedHeader",
    "Extended header of REPORT TARGET PORT GROUPS parameter data",
    _DATA,
    word(
        "octet_0",
        reserved_bits("rsvd_0", 1, _DATA),
        bits("format_type", "RETURN DATA FORMAT TYPE", _DATA, 3, default=1, codes=TargetPortGroupsFormat),
        reserved_bits("rsvd_0_4", 4, _DATA),
    ),
    uint("implicit_transition_time", "IMPLICIT TRANSITION TIME", _DATA, 8),
    reserved("rsvd_2", 16, _DATA),
    doc="It comes behind RETURN DATA LENGTH.",
)

TARGET_PORT_GROUP_DESCRIPTOR: Format = structure(
    "TargetPortGroupDescriptor",
    "Target port group descriptor",
    _DATA,
    word(
        "octet_0",
        flag("pref", "PREF", _DATA),
        reserved_bits("rsvd_0", 3, _DATA),
        bits("asymmetric_access_state", "ASYMMETRIC ACCESS STATE", _DATA, 4, codes=AccessState),
    ),
    word(
        "octet_1",
        flag("t_sup", "T_SUP", _DATA),
        flag("o_sup", "O_SUP", _DATA),
        reserved_bits("rsvd_1", 1, _DATA),
        flag("lbd_sup", "LBD_SUP", _DATA),
        flag("u_sup", "U_SUP", _DATA),
        flag("s_sup", "S_SUP", _DATA),
        flag("an_sup", "AN_SUP", _DATA),
        flag("ao_sup", "AO_SUP", _DATA),
    ),
    uint("target_port_group", "TARGET PORT GROUP", _DATA, 16),
    reserved("rsvd_4", 8, _DATA),
    uint("status_code", "STATUS CODE", _DATA, 8, codes=AccessStateCause),
    uint("vendor_specific", "Vendor specific", _DATA, 8),
    uint("target_port_count", "TARGET PORT COUNT", _DATA, 8, kind=Kind.LENGTH),
    doc="As many target port descriptors follow it.",
)

TARGET_PORT_DESCRIPTOR: Format = structure(
    "TargetPortDescriptor",
    "Target port descriptor",
    _DATA,
    reserved("rsvd_0", 16, _DATA),
    uint("relative_target_port_identifier", "RELATIVE TARGET PORT IDENTIFIER", _DATA, 16),
)

SET_TARGET_PORT_GROUPS: Format = cdb(
    "SetTargetPortGroups",
    OperationCode.MAINTENANCE_OUT,
    _SET,
    operation_code(OperationCode.MAINTENANCE_OUT),
    service_action(MaintenanceOut.SET_TARGET_PORT_GROUPS),
    reserved("rsvd_2", 32, _SET),
    uint("parameter_list_length", "PARAMETER LIST LENGTH", _SET, 32, kind=Kind.LENGTH),
    reserved("rsvd_10", 8, _SET),
    control(),
    service_action=int(MaintenanceOut.SET_TARGET_PORT_GROUPS),
    title=MaintenanceOut.SET_TARGET_PORT_GROUPS.label,
)

SET_TARGET_PORT_GROUP_DESCRIPTOR: Format = structure(
    "SetTargetPortGroupDescriptor",
    "Set target port group descriptor",
    _LIST,
    word(
        "octet_0",
        reserved_bits("rsvd_0", 4, _LIST),
        bits("asymmetric_access_state", "ASYMMETRIC ACCESS STATE", _LIST, 4, codes=AccessState),
    ),
    reserved("rsvd_1", 8, _LIST),
    uint("target_port_group", "TARGET PORT GROUP OR TARGET PORT", _LIST, 16),
)

SET_TARGET_PORT_GROUPS_LIST: Format = structure(
    "SetTargetPortGroupsList",
    "SET TARGET PORT GROUPS parameter list",
    _LIST,
    reserved("rsvd_0", 32, _LIST),
    tail("descriptors", "Set target port group descriptors", _LIST, element=SET_TARGET_PORT_GROUP_DESCRIPTOR),
)

SCSI_PORT_DESCRIPTOR: Format = structure(
    "ScsiPortDescriptor",
    "SCSI port designation descriptor",
    _PORTS,
    reserved("rsvd_0", 16, _PORTS),
    uint("relative_port_identifier", "RELATIVE PORT IDENTIFIER", _PORTS, 16),
    reserved("rsvd_4", 16, _PORTS),
    uint("initiator_port_transportid_length", "INITIATOR PORT TRANSPORTID LENGTH", _PORTS, 16),
    reserved("rsvd_8", 16, _PORTS),
    uint("target_port_descriptors_length", "TARGET PORT DESCRIPTORS LENGTH", _PORTS, 16, kind=Kind.LENGTH),
    tail(
        "target_port_descriptors",
        "Target port descriptors",
        _PORTS,
        length="target_port_descriptors_length",
        counts_from=12,
        element=DESIGNATOR,
    ),
    doc="Drawn for a port that is no initiator port: the TransportID would come before octet 8.",
)

SCSI_PORTS: Format = vpd_page(
    "ScsiPorts",
    VpdPageCode.SCSI_PORTS,
    _PORTS,
    *page_head(VpdPageCode.SCSI_PORTS, _PORTS),
    tail(
        "ports",
        "SCSI port designation descriptors",
        _PORTS,
        length="page_length",
        counts_from=4,
        element=SCSI_PORT_DESCRIPTOR,
    ),
)

FORMATS: tuple[Format, ...] = (
    REPORT_TARGET_PORT_GROUPS,
    TARGET_PORT_GROUPS_DATA,
    TARGET_PORT_GROUPS_EXTENDED_HEADER,
    TARGET_PORT_GROUP_DESCRIPTOR,
    TARGET_PORT_DESCRIPTOR,
    SET_TARGET_PORT_GROUPS,
    SET_TARGET_PORT_GROUP_DESCRIPTOR,
    SET_TARGET_PORT_GROUPS_LIST,
    SCSI_PORT_DESCRIPTOR,
    SCSI_PORTS,
)
