"""What has to be true after every step of every schedule, by name, each with the clause that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INVARIANTS: Final[dict[str, str]] = {
    "one response": "RFC 7143, 4.2.5.3 and 11.4: each command that is not aborted has exactly one response",
    "no response after abort": "RFC 7143, 4.2.3.3 d and 11.6.1: none for an aborted command behind the function's",
    "nothing after status": "RFC 7143, 11.4.2 and 11.7.3: the status is the last PDU of a task",
    "status": "RFC 7143, 11.4.2: the status is the one that the driver set, or tells why the stack ended the command",
    "residual": "RFC 7143, 11.4.5: the residual is what was not transferred",
    "management response": "RFC 7143, 11.6: each request has one response, the driver's answer or a true one",
    "command numbers": "RFC 7143, 4.2.2.1: ExpCmdSN and MaxCmdSN never go back; the window is as wide as room is free",
    "status numbers": "RFC 7143, 4.2.2.2: StatSN counts the responses of a connection",
    "data numbers": "RFC 7143, 4.2.2.4 and 11.7.5: DataSN counts from 0; offsets adjoin; PDUs and bursts are in bounds",
    "R2T numbers": "RFC 7143, 11.8: R2TSN counts from 0; R2Ts adjoin, are in bounds, and have tags of their own",
    "read data": "guide, 7.3.5.2: a read delivers what its driver gave",
    "write data": "guide, 7.3.5.3: a write's buffers hold what the initiator sent when the driver gets them back",
    "buffer returned once": "guide, 7.3.5.1; behaviour file, 3.5: each buffer goes back to its driver exactly once",
    "buffer left alone": "guide, 7.3.5.1: a buffer that went back is the driver's; nothing writes into it any more",
    "hook order": "behaviour file, 3.3, 3.4 and 4.1: a hook is called in the states that the machines allow",
    "cleanup last": "behaviour file, 3.9: fp_scsi_cmd_cleanup is the last hook of a command, and called once",
    "held": "behaviour file, 1.7 and 3.9: a command that the driver holds is released at the driver's call only",
    "driver's call": "behaviour file, 3.5: a call that the stack waits for is accepted",
    "session hooks": "behaviour file, 1.7: fp_session_removed once, behind the aborts, and no new command after it",
    "neighbour": "behaviour file, 1.7 and 4.4: a connection that nobody closes stays open",
    "no leak": "behaviour file, 1.7 and 3.9: when all is answered no command, tag, R2T, connection or session is left",
    "no exception": "RFC 7143, 7: whatever the order, the target finds no fault of its own",
}


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, and how that shows."""

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text} ({INVARIANTS[self.invariant]})"


class Judge:
    """Keeps the violations of one schedule; the first one is what is reported.

    Hooks run inside the stack, which must not be disturbed, so accusing raises nothing.
    """

    __slots__ = ("violations",)

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def accuse(self, invariant: str, text: str) -> None:
        """Note that an invariant does not hold.

        Raises:
            KeyError: there is no such invariant.
        """
        INVARIANTS[invariant]
        self.violations.append(Violation(invariant, text))
