"""SCSI as far as scripts need it: CDBs by name, and sense data as they come in a SCSI Response (RFC 7143, 11.4.7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sense:
    """Sense data: sense key, additional sense code and qualifier (SPC-4, 4.5), and all octets as they came."""

    key: int
    asc: int
    ascq: int
    octets: bytes

    @classmethod
    def from_segment(cls, segment: bytes) -> Sense | None:
        """Read the data segment of a SCSI Response; None if it holds no sense data.

        The segment begins with SenseLength, two octets (RFC 7143, 11.4.7.1).
        """
        octets = segment[2 : 2 + int.from_bytes(segment[:2], "big")]
        if not octets:
            return None
        if octets[0] & 0x7F in (0x72, 0x73):
            key, asc, ascq = (octets[1:4] + bytes(3))[:3]
        else:
            whole = octets + bytes(14)
            key, asc, ascq = whole[2], whole[12], whole[13]
        return cls(key & 0x0F, asc, ascq, octets)

    def __str__(self) -> str:
        return f"{self.key:#x}/{self.asc:#04x}/{self.ascq:#04x}"
