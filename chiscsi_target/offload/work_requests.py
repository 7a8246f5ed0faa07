"""The requests of the host that are made of several choices: a connection becomes one of iSCSI, pods are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chiscsi_target.core.full_pages import PAGE_SIZES
from chiscsi_target.offload.messages import (
    CPL_SET_TCB_FIELD,
    MEMORY_UNIT,
    TCB_ULP,
    ULP_MODE_ISCSI,
    ULP_TX_MEM_WRITE,
    UlpSubmode,
)
from chiscsi_target.offload.page_pods import POD_SIZE
from iscsi_wire.errors import FieldValueError
from iscsi_wire.structure import Buffer

__all__ = ["enter_ulp_mode", "pod_writes"]

_IMMEDIATE_PODS: Final = 3
_SCATTER_PODS: Final = 16


def enter_ulp_mode(
    tid: int, page_size_index: int, *, header_digest: bool = False, data_digest: bool = False
) -> CPL_SET_TCB_FIELD:
    """The request that makes a connection one of iSCSI.

    Nothing may be sent before its answer has come.

    Args:
        tid: the connection.
        page_size_index: which of `PAGE_SIZES` its pods are for.
        header_digest: whether the card adds and checks header digests.
        data_digest: likewise for data.

    Raises:
        FieldValueError: there is no such page size.
    """
    if not 0 <= page_size_index < len(PAGE_SIZES):
        raise FieldValueError("page_size_index", f"there are {len(PAGE_SIZES)}, and {page_size_index} is none of them")
    digests = header_digest * UlpSubmode.ULP_CRC_HEADER | data_digest * UlpSubmode.ULP_CRC_DATA
    val = ULP_MODE_ISCSI | digests << 4 | page_size_index << 8
    return CPL_SET_TCB_FIELD(tid, *TCB_ULP, val)


def pod_writes(tid: int, index: int, octets: Buffer) -> Iterator[ULP_TX_MEM_WRITE]:
    """The work requests that write pods into the card's memory.

    Up to three pods travel in the work request itself; more of them are gathered from the host's memory, sixteen at a
    time.

    Args:
        tid: the connection in whose queue they are sent.
        index: the first pod's place in the region.
        octets: whole pods, one behind the other, as `PagePods.entry` shows them; they are copied.
    """
    immediate = len(octets) <= _IMMEDIATE_PODS * POD_SIZE
    step = (_IMMEDIATE_PODS if immediate else _SCATTER_PODS) * POD_SIZE
    for start in range(0, len(octets), step):
        part = bytes(octets[start : start + step])
        address = (index * POD_SIZE + start) // MEMORY_UNIT
        yield ULP_TX_MEM_WRITE(tid, address, len(part) // MEMORY_UNIT, immediate, part)
