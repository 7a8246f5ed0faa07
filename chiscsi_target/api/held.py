"""`HeldCommand`: something that a storage driver was given and has not answered."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HeldCommand"]


@dataclass(frozen=True, slots=True)
class HeldCommand:
    """A command, or a task management request, that waits for its driver.

    Attributes:
        session: the session's handle.
        itt: Initiator Task Tag.
        lun: logical unit number; 0xffffffff for a target reset.
        what: the CDB in hexadecimal, or the name of the task management function.
        state: the command's state; "" for a task management request.
        aborted: the command was ended; its object waits for the driver's next call (behaviour file, 3.9).
    """

    session: int
    itt: int
    lun: int
    what: str
    state: str = ""
    aborted: bool = False
