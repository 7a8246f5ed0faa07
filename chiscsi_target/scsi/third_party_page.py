"""The Third-party Copy VPD page: which copies there are, and how large they may be (SPC-4, 7.8.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.copy_list import DESCRIPTOR_TYPES, LONGEST_LIST, LONGEST_SEGMENT, MOST_CSCDS, MOST_SEGMENTS
from chiscsi_target.scsi.copy_results import MOST_REMEMBERED
from iscsi_wire.scsi import (
    CommandSupportDescriptor,
    CopyParameterDataDescriptor,
    GeneralCopyOperationsDescriptor,
    SupportedCopyCommands,
    SupportedCopyDescriptors,
    SupportedCscdIds,
    ThirdPartyCopy,
    ThirdPartyCopyDescriptor,
)
from iscsi_wire.scsi_codes import CscdDescriptorId, OperationCode, ThirdPartyCopyDescriptorType

if TYPE_CHECKING:
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from iscsi_wire.structure import Structure, VpdPage

__all__ = ["third_party_copy"]

_OPERATION_CODES: Final = (OperationCode.THIRD_PARTY_COPY_OUT, OperationCode.THIRD_PARTY_COPY_IN)


def _list(kind: ThirdPartyCopyDescriptorType, content: Structure) -> ThirdPartyCopyDescriptor:
    """A descriptor that ends in a list, filled with nulls to a multiple of four."""
    data = content.encode()
    return ThirdPartyCopyDescriptor.make(
        third_party_copy_descriptor_type=int(kind), parameters=data + bytes(-len(data) % 4)
    )


def _supported_commands(unit: LogicalUnit) -> ThirdPartyCopyDescriptor:
    commands = []
    for code in _OPERATION_CODES:
        cdbs = [command.cdb for command in unit.device.commands if code == command.cdb.OPERATION_CODE]
        actions = sorted(cdb.SERVICE_ACTION for cdb in cdbs if cdb.SERVICE_ACTION is not None)
        commands.append(
            CommandSupportDescriptor.make(supported_operation_code=int(code), supported_service_actions=actions)
        )
    return _list(ThirdPartyCopyDescriptorType.SUPPORTED_COMMANDS, SupportedCopyCommands.make(commands=commands))


def _fixed(content: Structure) -> ThirdPartyCopyDescriptor:
    return ThirdPartyCopyDescriptor.decode(content.encode())


def third_party_copy(unit: LogicalUnit) -> VpdPage:
    """The page of a logical unit that can copy."""
    kinds = ThirdPartyCopyDescriptorType
    parameters = CopyParameterDataDescriptor.make(
        maximum_cscd_descriptor_count=MOST_CSCDS,
        maximum_segment_descriptor_count=MOST_SEGMENTS,
        maximum_descriptor_list_length=LONGEST_LIST,
    )
    general = GeneralCopyOperationsDescriptor.make(
        total_concurrent_copies=MOST_REMEMBERED,
        maximum_identified_concurrent_copies=MOST_REMEMBERED,
        maximum_segment_length=LONGEST_SEGMENT,
    )
    types = SupportedCopyDescriptors.make(supported_descriptor_types=list(DESCRIPTOR_TYPES))
    ids = SupportedCscdIds.make(supported_cscd_descriptor_ids=[int(CscdDescriptorId.THIS_LOGICAL_UNIT)])
    return ThirdPartyCopy.make(
        descriptors=[
            _supported_commands(unit),
            _fixed(parameters),
            _list(kinds.SUPPORTED_DESCRIPTORS, types),
            _list(kinds.SUPPORTED_CSCD_IDS, ids),
            _fixed(general),
        ]
    )
