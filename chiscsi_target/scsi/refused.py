"""`Refused`: how a command that cannot be executed ends, from wherever that is found out."""

from __future__ import annotations

from chiscsi_target.scsi.sense import Field, Sense

__all__ = ["Refused"]


class Refused(Exception):
    """A command ends with CHECK CONDITION.

    Attributes:
        sense: the sense data.
        field: the part of the CDB that is wrong, if one is.
        information: the INFORMATION field, for the sense data that have one (SPC-4, 4.5.2.2).
        sense_data: the sense data in full, in the format that the logical unit wants; empty to have them made.
    """

    def __init__(self, sense: Sense, field: Field | None = None, information: int | None = None) -> None:
        super().__init__(f"sense {sense.key:02x}/{sense.asc:02x}/{sense.ascq:02x}")
        self.sense = sense
        self.field = field
        self.information = information
        self.sense_data = b""
