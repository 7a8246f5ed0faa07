"""The results of a login that hold for the session and its connections, as attributes for the data path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, frozen=True)
class SessionKeys:
    """Session-wide results (RFC 7143 section 13), by the keys' names. Lengths are octets, times are seconds."""

    max_connections: int
    initial_r2t: bool
    immediate_data: bool
    max_burst_length: int
    first_burst_length: int
    default_time2wait: int
    default_time2retain: int
    max_outstanding_r2t: int
    data_pdu_in_order: bool
    data_sequence_in_order: bool
    error_recovery_level: int
    protocol_level: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> SessionKeys:
        """The results of a negotiation."""
        return cls(
            max_connections=settings["MaxConnections"],
            initial_r2t=settings["InitialR2T"],
            immediate_data=settings["ImmediateData"],
            max_burst_length=settings["MaxBurstLength"],
            first_burst_length=settings["FirstBurstLength"],
            default_time2wait=settings["DefaultTime2Wait"],
            default_time2retain=settings["DefaultTime2Retain"],
            max_outstanding_r2t=settings["MaxOutstandingR2T"],
            data_pdu_in_order=settings["DataPDUInOrder"],
            data_sequence_in_order=settings["DataSequenceInOrder"],
            error_recovery_level=settings["ErrorRecoveryLevel"],
            protocol_level=settings["iSCSIProtocolLevel"],
        )
