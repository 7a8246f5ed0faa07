"""The Third-party Copy VPD page: which copies there are, and how large they may be (SPC-4, 7.8.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.copy_list import DESCRIPTOR_TYPES, LONGEST_LIST, LONGEST_SEGMENT, MOST_CSCDS, MOST_SEGMENTS
from chiscsi_target.scsi.copy_results import MOST_REMEMBERED
from chiscsi_target.scsi.rod_tokens import DEFAULT_TIMEOUT, LONGEST_TIMEOUT, MOST_PER_TOKEN, OPTIMAL_PER_TOKEN
from chiscsi_target.scsi.token_copy import MOST_RANGES, ROD_TYPES
from iscsi_wire.scsi import (
    BlockDeviceRodLimitsDescriptor,
    CommandSupportDescriptor,
    CopyParameterDataDescriptor,
    GeneralCopyOperationsDescriptor,
    RodTokenFeaturesDescriptor,
    RodTypeDescriptor,
    SupportedCopyCommands,
    SupportedCopyDescriptors,
    SupportedCscdIds,
    SupportedRodTypes,
    ThirdPartyCopy,
    ThirdPartyCopyDescriptor,
)
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_copy_codes import CscdDescriptorId, RodType, ThirdPartyCopyDescriptorType

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


def _rod_limits(unit: LogicalUnit) -> ThirdPartyCopyDescriptor:
    limits = BlockDeviceRodLimitsDescriptor.make(
        maximum_range_descriptors=MOST_RANGES,
        maximum_inactivity_timeout=LONGEST_TIMEOUT,
        default_inactivity_timeout=DEFAULT_TIMEOUT,
        maximum_token_transfer_size=MOST_PER_TOKEN >> unit.lu.sect_shift,
        optimal_transfer_count=OPTIMAL_PER_TOKEN >> unit.lu.sect_shift,
    )
    return _fixed(limits)


def _rod_features() -> ThirdPartyCopyDescriptor:
    """ROD Token Features: only this target's tokens are good here, and there is no limit to a life with use."""
    features = RodTokenFeaturesDescriptor.make(
        maximum_token_inactivity_timeout=LONGEST_TIMEOUT,
        maximum_bytes_in_block_rod=MOST_PER_TOKEN,
        optimal_bytes_in_block_rod_transfer=OPTIMAL_PER_TOKEN,
        optimal_bytes_to_token_per_segment=OPTIMAL_PER_TOKEN,
        optimal_bytes_from_token_per_segment=OPTIMAL_PER_TOKEN,
    )
    return _fixed(features)


def _rod_types() -> ThirdPartyCopyDescriptor:
    """Supported ROD Types: what tokens are made of (TOKEN_OUT), and what is taken (TOKEN_IN)."""
    made = int(RodType.POINT_IN_TIME_COPY_DEFAULT)
    kinds = [RodTypeDescriptor.make(rod_type=kind, token_out=1, token_in=int(kind == made)) for kind in ROD_TYPES]
    kinds.append(RodTypeDescriptor.make(rod_type=int(RodType.BLOCK_DEVICE_ZERO), token_in=1))
    return _list(ThirdPartyCopyDescriptorType.SUPPORTED_ROD_TYPES, SupportedRodTypes.make(rod_types=kinds))


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
            _rod_limits(unit),
            _supported_commands(unit),
            _fixed(parameters),
            _list(kinds.SUPPORTED_DESCRIPTORS, types),
            _list(kinds.SUPPORTED_CSCD_IDS, ids),
            _rod_features(),
            _rod_types(),
            _fixed(general),
        ]
    )
