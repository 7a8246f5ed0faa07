"""What SendTargets brings: a list of targets with their addresses (RFC 7143, Appendix C)."""

from __future__ import annotations

from dataclasses import dataclass, field

from initiator_sim.evidence import Received
from initiator_sim.texting import TextResult
from iscsi_wire.errors import TextError
from iscsi_wire.text import TargetAddress, parse_target_address


@dataclass(slots=True)
class TargetRecord:
    """One target in the answer to SendTargets.

    Attributes:
        name: its iSCSI name.
        addresses: its addresses; empty if it is reached where the question was asked.
    """

    name: str
    addresses: list[TargetAddress] = field(default_factory=list)


def read_records(result: TextResult) -> list[TargetRecord]:
    """Read the records of an answer to SendTargets.

    Raises:
        ExpectationFailed: an address stands before the first name, or is no TargetAddress.
    """
    records: list[TargetRecord] = []
    for key, value in result.pairs:
        if key == "TargetName":
            records.append(TargetRecord(value))
        elif key == "TargetAddress" and records:
            _add_address(result, records[-1], value)
        elif key == "TargetAddress":
            _broken(result, f"TargetAddress={value} before the first TargetName")
    return records


def _add_address(result: TextResult, record: TargetRecord, value: str) -> None:
    try:
        record.addresses.append(parse_target_address(value))
    except TextError as fault:
        _broken(result, f"TargetAddress={value}: {fault.message}")


def _broken(result: TextResult, text: str) -> None:
    if isinstance(result.ending, Received):
        result.connection.rules.broken("send_targets", text, result.ending, "data")
