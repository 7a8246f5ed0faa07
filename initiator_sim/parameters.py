"""The parameters in force on a session, as this side understands them (RFC 7143 section 13)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any


@dataclass(slots=True)
class Parameters:
    """What login and text negotiation settled; the defaults are the RFC's.

    Lengths are in octets, times in seconds. `values` holds every key with its value as text, also keys that have no
    attribute here.
    """

    header_digest: str = "None"
    data_digest: str = "None"
    max_connections: int = 1
    initial_r2t: bool = True
    immediate_data: bool = True
    max_recv_data_segment_length: int = 8192
    """What this side declared: the limit for the target's data segments."""
    target_max_recv_data_segment_length: int = 8192
    """What the target declared: the limit for this side's data segments."""
    max_burst_length: int = 262144
    first_burst_length: int = 65536
    default_time2wait: int = 2
    default_time2retain: int = 20
    max_outstanding_r2t: int = 1
    data_pdu_in_order: bool = True
    data_sequence_in_order: bool = True
    error_recovery_level: int = 0
    task_reporting: str = "RFC3720"
    iscsi_protocol_level: int = 1
    target_alias: str = ""
    target_portal_group_tag: int | None = None
    values: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: str) -> None:
        """Take in the value of `key`, both in the words of the wire.

        Raises:
            ValueError: a number was expected.
        """
        self.values[key] = value
        name = attribute_name(key)
        if name in _ATTRIBUTES:
            setattr(self, name, _read(value, _ATTRIBUTES[name]))


@cache
def attribute_name(key: str) -> str:
    """Return the attribute for a key: `MaxOutstandingR2T` becomes `max_outstanding_r2t`."""
    spaced = key
    for acronym in ("iSCSI", "R2T", "PDU", "2Wait", "2Retain"):
        spaced = spaced.replace(acronym, acronym.capitalize())
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(spaced))


def _read(value: str, default: object) -> Any:
    if isinstance(default, bool):
        return value == "Yes"
    if isinstance(default, int) or default is None:
        return int(value, 0)
    return value


_ATTRIBUTES = {item.name: item.default for item in fields(Parameters) if item.name != "values"}
