from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.api import Session, Unsupported, case, expect, variants
from iscsi_wire.scsi import Inquiry, ModeSense6, ReadCapacity16, ReportLuns
from iscsi_wire.structure import Cdb

_ALL = 4096
_COMMANDS: Mapping[str, Callable[[int], Cdb]] = {
    "inquiry": lambda length: Inquiry.make(allocation_length=length),
    "vpd": lambda length: Inquiry.make(evpd=1, page_code=0x83, allocation_length=length),
    "report-luns": lambda length: ReportLuns.make(allocation_length=length),
    "read-capacity": lambda length: ReadCapacity16.make(allocation_length=length),
    "mode-sense": lambda length: ModeSense6.make(page_code=0x3F, allocation_length=min(length, 255)),
}
_commands = variants("make", _COMMANDS.values(), ids=_COMMANDS)


def _whole(session: Session, make: Callable[[int], Cdb]) -> bytes:
    """Return what the command has to say when there is room for all of it."""
    cdb = make(255)
    result = session.command(cdb, read=255)
    if result.status:
        raise Unsupported(f"{cdb}: {result}")
    if result.residual == 0:
        result = session.command(make(_ALL), read=_ALL)
    return result.data[: result.received]


@case("residual-allocation-01", "7143-11.4.5.3-01", "7143-11.4.5.2-01")
@_commands
def test_truncation_by_the_allocation_length_is_no_overflow(session: Session, make: Callable[[int], Cdb]) -> None:
    """> If all of the LU inventory data presented to the iSCSI layer -- i.e., the data remaining after any SCSI
    > truncation -- is transferred to the initiator by the iSCSI layer, an iSCSI Residual Overflow has not occurred
    > and the iSCSI (O) bit MUST NOT be set.
    """
    data = _whole(session, make)
    shorter = min(len(data), 16) if len(data) > 8 else len(data)
    session.command(make(shorter), read=shorter).expect(expect.good(data=data[:shorter], residual=0))


@case("residual-allocation-02", "7143-11.4.5.3-02", "7143-11.4.5.2-05")
@_commands
def test_more_expected_than_the_allocation_length_is_an_underflow(session: Session, make: Callable[[int], Cdb]) -> None:
    """> However, if the iSCSI EDTL is larger than the ALLOCATION LENGTH in this scenario, note that the iSCSI
    > Underflow MUST be signaled in the SCSI Response PDU.
    """
    data = _whole(session, make)
    shorter = min(len(data), 16)
    session.command(make(shorter), read=200).expect(expect.good(data=data[:shorter], residual=shorter - 200))


@case("residual-allocation-03", "7143-11.4.5.3-03", "7143-11.4.5.2-05")
@_commands
def test_less_data_than_the_allocation_length_is_an_underflow(session: Session, make: Callable[[int], Cdb]) -> None:
    """> An iSCSI Underflow MUST also be signaled when the iSCSI EDTL is equal to the ALLOCATION LENGTH but the LU
    > inventory data presented to the iSCSI layer is smaller than the ALLOCATION LENGTH.
    """
    data = _whole(session, make)
    room = len(data) + 7
    if make(room) == make(room + 1):
        raise Unsupported(f"the answer has {len(data)} octets, no allocation length is longer")
    session.command(make(room), read=room).expect(expect.good(data=data, residual=-7))


@case("residual-allocation-04", "7143-11.4.5.2-02", "7143-11.4.5.2-03")
@_commands
def test_less_expected_than_the_allocation_length_is_an_overflow(session: Session, make: Callable[[int], Cdb]) -> None:
    """> If SPDTL > EDTL for a task, iSCSI Overflow MUST be signaled.  The Residual Count MUST be set to the numerical
    > value of (SPDTL - EDTL).

    A device server that does not put up with so little room may fail the command; then it has nothing to present.
    """
    data = _whole(session, make)
    shorter = min(len(data), 16)
    overflow = expect.good(data=data[:4], residual=shorter - 4)
    session.command(make(shorter), read=4).expect(expect.any_of(overflow, expect.check_condition(key=5)))


@case("residual-allocation-05", "7143-11.4.5.3-04")
def test_lun_list_length_tells_of_all_luns(session: Session) -> None:
    """> The LUN LIST LENGTH field in the LU inventory (the first field in the inventory) is not affected by
    > truncation of the inventory to fit in ALLOCATION LENGTH.
    """
    data = _whole(session, _COMMANDS["report-luns"])
    if len(data) <= 16:
        raise Unsupported("the target reports one LUN: nothing can be cut off")
    result = session.command(ReportLuns.make(allocation_length=16), read=16).expect(expect.good(residual=0))
    said = int.from_bytes(result.data[:4], "big")
    assert said == len(data) - 8, f"LUN LIST LENGTH is {said}, and there are {len(data) - 8} octets of LUNs"
