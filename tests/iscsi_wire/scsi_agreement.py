"""What `iscsi_wire.scsi` makes of the SCSI in a capture, beside tshark's reading: CDBs, sense, and data about a disk.

`NAMES` says which field of ours one of tshark's is; each has to lie at the same bits with the same value. tshark 4.0
knows some fields that newer editions of SPC and SBC no longer have or have since moved: these are in `NOT_OURS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from iscsi_wire import scsi
from iscsi_wire.errors import WireError
from iscsi_wire.framing import BHS_LENGTH, DIGEST_LENGTH, Frame
from iscsi_wire.pdus import DataIn, Pdu, ScsiCommand, ScsiResponse, decode_header
from iscsi_wire.structure import Cdb, Structure
from tests.interop.wiretap import DissectedField, DissectedPdu, read_capture
from tests.iscsi_wire.agreement import frames

__all__ = ["NAMES", "NOT_OURS", "ScsiAgreement", "compare_scsi"]

_CDB_AT: Final = 32
_SENSE_AT: Final = 2  # in the data segment of a SCSI Response, behind SenseLength (RFC 7143, 11.4.7)
_SUBPAGE_FORMAT: Final = 0x40

NAMES: Final[dict[str, str]] = {
    "scsi.mode.mrie": "mrie",
    "scsi.spc.modepage.dexcpt": "dexcpt",
    "scsi.spc.modepage.ebf": "ebf",
    "scsi.spc.modepage.ewasc": "ewasc",
    "scsi.spc.modepage.interval_timer": "interval_timer",
    "scsi.spc.modepage.logerr": "logerr",
    "scsi.spc.modepage.perf": "perf",
    "scsi.spc.modepage.report_count": "report_count",
    "scsi.spc.modepage.test": "test",
    "scsi.blockdescs.block_length": "logical_block_length",
    "scsi.blockdescs.no_of_blocks": "number_of_logical_blocks",
    "scsi.cdb.alloclen": "allocation_length",
    "scsi.cdb.alloclen16": "allocation_length",
    "scsi.cdb.alloclen32": "allocation_length",
    "scsi.cdb.control": "control",
    "scsi.cdb.inq.control": "control",
    "scsi.cdb.mode.block_descriptor_length": "block_descriptor_length",
    "scsi.cdb.mode.medium_type": "medium_type",
    "scsi.cdb.mode.mode_data_length": "mode_data_length",
    "scsi.inquiry.acc": "acc",
    "scsi.inquiry.add_len": "additional_length",
    "scsi.inquiry.bdc.fuab": "fuab",
    "scsi.inquiry.bdc.mrr": "medium_rotation_rate",
    "scsi.inquiry.bdc.nff": "nominal_form_factor",
    "scsi.inquiry.bdc.pt": "product_type",
    "scsi.inquiry.bdc.vbuls": "vbuls",
    "scsi.inquiry.bdc.wabereq": "wabereq",
    "scsi.inquiry.bdc.wacereq": "wacereq",
    "scsi.inquiry.cmdque": "cmdque",
    "scsi.inquiry.devtype": "peripheral_device_type",
    "scsi.inquiry.encserv": "encserv",
    "scsi.inquiry.evpd.pagecode": "page_code",
    "scsi.inquiry.evpd.pagelength": "page_length",
    "scsi.inquiry.hisup": "hisup",
    "scsi.inquiry.multip": "multip",
    "scsi.inquiry.normaca": "normaca",
    "scsi.inquiry.product_id": "product_identification",
    "scsi.inquiry.product_rev": "product_revision_level",
    "scsi.inquiry.protect": "protect",
    "scsi.inquiry.qualifier": "peripheral_qualifier",
    "scsi.inquiry.rdf": "response_data_format",
    "scsi.inquiry.removable": "rmb",
    "scsi.inquiry.sccs": "sccs",
    "scsi.inquiry.tpc": "third_party_copy",
    "scsi.inquiry.tpgs": "tpgs",
    "scsi.inquiry.vendor_id": "vendor_identification",
    "scsi.inquiry.version": "version",
    "scsi.mode.pc": "pc",
    "scsi.mode.qmod": "queue_algorithm_modifier",
    "scsi.mode.rac": "rac",
    "scsi.mode.sbc.pagecode": "page_code",
    "scsi.mode.spc.pagecode": "page_code",
    "scsi.mode.spc.subpagecode": "subpage_code",
    "scsi.mode.tst": "tst",
    "scsi.reportluns.lun_list_length": "lun_list_length",
    "scsi.sbc.modepage.abpf": "abpf",
    "scsi.sbc.modepage.cache_segment_size": "cache_segment_size",
    "scsi.sbc.modepage.cap": "cap",
    "scsi.sbc.modepage.demand_read_retention_priority": "demand_read_retention_priority",
    "scsi.sbc.modepage.disable_pre_fetch_xfer_len": "disable_prefetch_transfer_length",
    "scsi.sbc.modepage.disc": "disc",
    "scsi.sbc.modepage.dra": "dra",
    "scsi.sbc.modepage.fsw": "fsw",
    "scsi.sbc.modepage.ic": "ic",
    "scsi.sbc.modepage.lbcss": "lbcss",
    "scsi.sbc.modepage.maximum_pre_fetch": "maximum_prefetch",
    "scsi.sbc.modepage.maximum_pre_fetch_ceiling": "maximum_prefetch_ceiling",
    "scsi.sbc.modepage.mf": "mf",
    "scsi.sbc.modepage.minimum_pre_fetch": "minimum_prefetch",
    "scsi.sbc.modepage.number_of_cache_segments": "number_of_cache_segments",
    "scsi.sbc.modepage.rcd": "rcd",
    "scsi.sbc.modepage.size": "size",
    "scsi.sbc.modepage.wce": "wce",
    "scsi.sbc.modepage.write_retention_priority": "write_retention_priority",
    "scsi.sns.addlen": "additional_sense_length",
    "scsi.sns.asc": "asc",
    "scsi.sns.ascq": "ascq",
    "scsi.sns.command_specific_information": "command_specific_information",
    "scsi.sns.eom": "eom",
    "scsi.sns.errtype": "response_code",
    "scsi.sns.filemark": "filemark",
    "scsi.sns.fru": "field_replaceable_unit_code",
    "scsi.sns.ili": "ili",
    "scsi.sns.info": "information",
    "scsi.sns.key": "sense_key",
    "scsi.sns.sks_info": "sense_key_specific",
    "scsi.sns.sksv": "sksv",
    "scsi.spc.modepage.autoload_mode": "autoload_mode",
    "scsi.spc.modepage.buffer_empty_ratio": "buffer_empty_ratio",
    "scsi.spc.modepage.buffer_full_ratio": "buffer_full_ratio",
    "scsi.spc.modepage.bus_inactivity_limit": "bus_inactivity_limit",
    "scsi.spc.modepage.busy_timeout_period": "busy_timeout_period",
    "scsi.spc.modepage.connect_time_limit": "connect_time_limit",
    "scsi.spc.modepage.disconnect_time_limit": "disconnect_time_limit",
    "scsi.spc.modepage.emdp": "emdp",
    "scsi.spc.modepage.extended_self_test_completion_time": "extended_self_test_completion_time",
    "scsi.spc.modepage.first_burst_size": "first_burst_size",
    "scsi.spc.modepage.gltsd": "gltsd",
    "scsi.spc.modepage.ialuae": "ialuae",
    "scsi.spc.modepage.icp": "initial_command_priority",
    "scsi.spc.modepage.maximum_burst_size": "maximum_burst_size",
    "scsi.spc.modepage.msdl": "maximum_sense_data_length",
    "scsi.spc.modepage.plen": "page_length",
    "scsi.spc.modepage.ps": "ps",
    "scsi.spc.modepage.report_log_exception_condition": "rlec",
    "scsi.spc.modepage.scsip": "scsip",
    "scsi.spc.modepage.spf": "spf",
    "scsi.spc.modepage.swp": "swp",
    "scsi.spc.modepage.tcmos": "tcmos",
    "scsi.spc.select_report": "select_report",
    "scsi_sbc.alloclen32": "allocation_length",
    "scsi_sbc.bl.mcawl": "maximum_compare_and_write_length",
    "scsi_sbc.bl.mpl": "maximum_prefetch_length",
    "scsi_sbc.bl.mtl": "maximum_transfer_length",
    "scsi_sbc.bl.mubdc": "maximum_unmap_block_descriptor_count",
    "scsi_sbc.bl.mulc": "maximum_unmap_lba_count",
    "scsi_sbc.bl.mwsl": "maximum_write_same_length",
    "scsi_sbc.bl.otl": "optimal_transfer_length",
    "scsi_sbc.bl.otlg": "optimal_transfer_length_granularity",
    "scsi_sbc.bl.oug": "optimal_unmap_granularity",
    "scsi_sbc.bl.uga": "unmap_granularity_alignment",
    "scsi_sbc.bl.ugavalid": "ugavalid",
    "scsi_sbc.bl.wsnz": "wsnz",
    "scsi_sbc.blocksize": "logical_block_length",
    "scsi_sbc.dpo": "dpo",
    "scsi_sbc.fua": "fua",
    "scsi_sbc.fua_nv": "fua_nv",
    "scsi_sbc.group": "group_number",
    "scsi_sbc.lalba": "lowest_aligned_logical_block_address",
    "scsi_sbc.lba64_add": "returned_logical_block_address",
    "scsi_sbc.lbpme": "lbpme",
    "scsi_sbc.lbppbe": "logical_blocks_per_physical_block_exponent",
    "scsi_sbc.lbprz": "lbprz",
    "scsi_sbc.opcode": "operation_code",
    "scsi_sbc.p_i_exponent": "p_i_exponent",
    "scsi_sbc.prot_en": "prot_en",
    "scsi_sbc.rdprotect": "rdprotect",
    "scsi_sbc.rdwr10.lba": "logical_block_address",
    "scsi_sbc.rdwr10.xferlen": "transfer_length",
    "scsi_sbc.rdwr12.xferlen": "transfer_length",
    "scsi_sbc.rdwr16.lba": "logical_block_address",
    "scsi_sbc.returned_lba": "returned_logical_block_address",
    "scsi.mpi.service_action": "service_action",
    "scsi.persresvin.svcaction": "service_action",
    "scsi.report_opcodes.options": "reporting_options",
    "scsi.report_opcodes.rctd": "rctd",
    "scsi.report_opcodes.requested_operation_code": "requested_operation_code",
    "scsi.report_opcodes.requested_service_action": "requested_service_action",
    "scsi.persresvout.svcaction": "service_action",
    "scsi_sbc.sa": "service_action",
    "scsi_sbc.wrprotect": "wrprotect",
}

NOT_OURS: Final = frozenset(
    {
        # Obsolete: linked commands, queueing as in SCSI-2, medium changers, asynchronous events.
        "scsi.inquiry.bque",
        "scsi.inquiry.linked",
        "scsi.inquiry.mchngr",
        "scsi.mode.tac",
        "scsi.spc.modepage.disable_queuing",
        "scsi.spc.modepage.faa",
        "scsi.spc.modepage.fab",
        "scsi.spc.modepage.fac",
        "scsi.spc.modepage.ready_aer_holdoff_period",
        # Later in SBC than the block limits that are declared so far.
        "scsi_sbc.bl.aa",
        "scsi_sbc.bl.atlg",
        "scsi_sbc.bl.matl",
        # tshark gives them fewer or more bits than today's editions do.
        "scsi.mode.qerr",
        "scsi.sbc.modepage.non_cache_segment_size",
        "scsi.sbc.modepage.vendor_specific",
        "scsi.sns.valid",
    }
)

# Whole octets, of which tshark shows the parts as well, and the parts of CONTROL, which we keep whole.
_WHOLES: Final = ("flags", ".peripheral", ".device_specific_parameter", ".ascascq")
_PARTS: Final = ("scsi.cdb.control.", "scsi.inquiry.control.")


class ScsiAgreement:
    """What a comparison found: `differences` in words, and how often each (structure, field) was compared."""

    def __init__(self) -> None:
        self.differences: list[str] = []
        self.compared: Counter[tuple[str, str]] = Counter()

    def add(self, structure: Structure, at: int, theirs: DissectedPdu) -> None:
        """Compare what tshark shows within the fixed part of `structure`, which begins at octet `at` of the PDU."""
        length = structure.STRUCT.size
        if getattr(structure, "spf", 0):
            length -= 2  # tshark takes a subpage's header for one of two octets, and begins the next page that early
        places = {(info.octet * 8 + info.bit, info.width): info for info in structure.FIELDS if info.width}
        for field in theirs.fields:
            start, width = _extent(field, at)
            if not field.name.startswith(("scsi.", "scsi_sbc.")) or not 0 <= start < length * 8:
                continue
            if field.name in NOT_OURS or field.name.endswith(_WHOLES) or field.name.startswith(_PARTS):
                continue
            info = places.get((start, width))
            name = f"{type(structure).__name__}: {field.name}"
            if info is None or info.name != NAMES.get(field.name):
                self.differences.append(f"{name}: {info.name if info else 'nothing'} of ours is at those bits")
            elif (ours := _number(getattr(structure, info.name))) != field.number:
                self.differences.append(f"{name} = {field.number:#x}: ours is {ours:#x}")
            else:
                self.compared[type(structure).__name__, info.name] += 1


def _extent(field: DissectedField, at: int) -> tuple[int, int]:
    first, bits = (field.offset - at) * 8, field.length * 8
    return (first + bits - field.mask.bit_length(), field.mask.bit_count()) if field.mask else (first, bits)


def _number(value: int | bytes) -> int:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value


def compare_scsi(capture: Path) -> ScsiAgreement:
    """Decode the SCSI in `capture` both ways and compare; data that were cut short by their command are left out."""
    agreement = ScsiAgreement()
    recording = read_capture(capture)
    for stream, (from_initiator, from_target) in recording.octets.items():
        commands: dict[int, Cdb] = {}
        for side, ours in enumerate(frames(bytes(from_initiator), bytes(from_target))):
            theirs = [pdu for pdu in recording.pdus if (pdu.stream, pdu.from_target) == (stream, bool(side))]
            for frame, dissected in zip(ours, theirs, strict=True):
                for at, structure in _structures(decode_header(frame.header), frame, dissected, commands):
                    agreement.add(structure, at, dissected)
    return agreement


def _structures(
    pdu: Pdu, frame: Frame, theirs: DissectedPdu, commands: dict[int, Cdb]
) -> Iterator[tuple[int, Structure]]:
    """The SCSI structures in a PDU with their places; `commands` remembers the CDBs by Initiator Task Tag."""
    digested = any(field.name == "iscsi.headerdigest32" for field in theirs.fields)
    data_at = BHS_LENGTH + len(frame.ahs) + DIGEST_LENGTH * digested
    data = bytes(frame.data)
    if isinstance(pdu, ScsiCommand):
        commands[pdu.initiator_task_tag] = scsi.decode_cdb(pdu.cdb)
        yield _CDB_AT, commands[pdu.initiator_task_tag]
    elif isinstance(pdu, ScsiResponse) and len(data) > _SENSE_AT:
        yield data_at + _SENSE_AT, scsi.FixedSense.decode(data, _SENSE_AT)
    elif isinstance(pdu, DataIn) and pdu.buffer_offset == 0:
        command = commands[pdu.initiator_task_tag]
        parts = _mode_parts(data) if isinstance(command, scsi.ModeSense6) else _data_parts(command, data)
        for at, structure in parts:
            yield data_at + at, structure


def _data_parts(command: Cdb, data: bytes) -> Iterator[tuple[int, Structure]]:
    kind: type[Structure] | None = None
    if isinstance(command, scsi.Inquiry):
        kind = scsi.VPD_PAGE_TYPES.get(command.page_code) if command.evpd else scsi.StandardInquiry
    elif isinstance(command, scsi.ReadCapacity10):
        kind = scsi.ReadCapacity10Data
    elif isinstance(command, scsi.ReadCapacity16):
        kind = scsi.ReadCapacity16Data
    elif isinstance(command, scsi.ReportLuns):
        kind = scsi.ReportLunsData
    if kind is not None:
        try:
            yield 0, kind.decode(data)
        except WireError:
            return  # cut short by the allocation length


def _mode_parts(data: bytes) -> Iterator[tuple[int, Structure]]:
    """Header, block descriptor and pages of MODE SENSE(6) data (SPC-4, mode parameter list)."""
    header = scsi.ModeParameterHeader6.decode(data)
    yield 0, header
    position = 4
    if header.block_descriptor_length:
        yield position, scsi.ShortBlockDescriptor.decode(data, position)
        position += header.block_descriptor_length
    while position < len(data):
        subpage = data[position + 1] if data[position] & _SUBPAGE_FORMAT else None
        kind = scsi.MODE_PAGE_TYPES.get((data[position] & 0x3F, subpage))
        if kind is not None:
            yield position, kind.decode(data, position)
        length = (
            data[position + 1] + 2 if subpage is None else int.from_bytes(data[position + 2 : position + 4], "big") + 4
        )
        position += length
