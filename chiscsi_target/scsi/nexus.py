"""Who is behind a session: its I_T nexus, and how SCSI writes the initiator port down (RFC 7143, 4.4; SPC-4)."""

from __future__ import annotations

from typing import Final, NamedTuple

from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_PARAMETER_LIST
from iscsi_wire.scsi import TransportId
from iscsi_wire.scsi_page_codes import ProtocolIdentifier

__all__ = ["InitiatorPort", "Nexus", "decode_transport_id", "encode_transport_id"]

_DEVICE_NAME, _PORT_NAME = 0, 1  # FORMAT CODE
_SEPARATOR: Final = ",i,0x"
_ISID_DIGITS: Final = 12
_LEAST_NAME: Final = 20


class InitiatorPort(NamedTuple):
    """An initiator's iSCSI name and ISID; without an ISID, whichever ports the initiator has."""

    name: str
    isid: bytes | None

    def covers(self, port: InitiatorPort) -> bool:
        """Whether this names `port`, alone or among others."""
        return self.name == port.name and self.isid in (None, port.isid)


class Nexus(NamedTuple):
    """An initiator port, and the target port that it comes through, by the tag of the portal group."""

    initiator: InitiatorPort
    target: int

    def covers(self, nexus: Nexus) -> bool:
        """Whether this names `nexus`, alone or among others."""
        return self.target == nexus.target and self.initiator.covers(nexus.initiator)


def encode_transport_id(port: InitiatorPort) -> bytes:
    """A port as a TransportID, padded to whole words."""
    text = port.name if port.isid is None else f"{port.name}{_SEPARATOR}{port.isid.hex()}"
    name = text.encode() + b"\0"
    name = name.ljust(max(_LEAST_NAME, -(-len(name) // 4) * 4), b"\0")
    format_code = _DEVICE_NAME if port.isid is None else _PORT_NAME
    return TransportId.make(format_code=format_code, iscsi_name=name).encode()


def decode_transport_id(data: bytes | bytearray, offset: int = 0) -> tuple[InitiatorPort, int]:
    """The port that a TransportID at `offset` names, and the TransportID's length in octets.

    Raises:
        Refused: it is malformed, or of another protocol.
    """
    if len(data) < offset + TransportId.STRUCT.size:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    head = TransportId.STRUCT.unpack_from(data, offset)
    length = TransportId.STRUCT.size + head[-1]
    if len(data) < offset + length:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    transport = TransportId.decode(bytes(data[offset : offset + length]))
    if transport.protocol_identifier != ProtocolIdentifier.ISCSI or transport.format_code > _PORT_NAME:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    return _port(transport), length


def _port(transport: TransportId) -> InitiatorPort:
    try:
        text = bytes(transport.iscsi_name).split(b"\0", 1)[0].decode()
        name, separator, digits = text.partition(_SEPARATOR)
        isid = bytes.fromhex(digits) if separator else None
    except ValueError as error:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST) from error
    if not name or (isid is not None) != (transport.format_code == _PORT_NAME) or len(digits) not in (0, _ISID_DIGITS):
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    return InitiatorPort(name, isid)
