"""The reservations of a logical unit: who is registered, who holds what (SPC-4, 5.12; SPC-2 for RESERVE).

Pure book-keeping: what a service action changes, and whom a unit attention condition tells of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.scsi.nexus import InitiatorPort, Nexus
from iscsi_wire.scsi_parameter_codes import ReservationType

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ALL_REGISTRANTS", "REGISTRANTS_ONLY", "Registration", "Reservations"]

REGISTRANTS_ONLY: Final = frozenset(
    (ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY, ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY)
)
ALL_REGISTRANTS: Final = frozenset(
    (ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS, ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS)
)
_GENERATIONS: Final = 1 << 32


@dataclass(eq=False, slots=True)
class Registration:
    """One registered I_T nexus, or, if its initiator port has no ISID, all those of an initiator and a target port."""

    nexus: Nexus
    key: int


@dataclass(slots=True)
class Reservations:
    """What is registered and reserved on one logical unit.

    Attributes:
        registrations: in the order in which they came.
        holder: who holds the persistent reservation; with an All Registrants type, everybody, and this is who made it.
        type: its type; 0 without one.
        generation: PRGENERATION.
        persist: whether all of this survives a power loss (APTPL).
        legacy: handle of the session that holds a RESERVE (6) or (10), or None.
    """

    registrations: list[Registration] = field(default_factory=list)
    holder: Registration | None = None
    type: int = 0
    generation: int = 0
    persist: bool = False
    legacy: int | None = None

    @property
    def in_force(self) -> bool:
        """Whether a command may meet a conflict."""
        return bool(self.type) or self.legacy is not None

    def of(self, nexus: Nexus) -> Registration | None:
        """The registration of an I_T nexus."""
        return next((each for each in self.registrations if each.nexus.covers(nexus)), None)

    def holds(self, registration: Registration | None) -> bool:
        """Whether a registration holds the reservation."""
        if registration is None or not self.type:
            return False
        return registration is self.holder or self.type in ALL_REGISTRANTS

    def changed(self) -> None:
        """Count a change of the registrations."""
        self.generation = (self.generation + 1) % _GENERATIONS

    def register(self, nexus: Nexus, key: int) -> Registration:
        """Register an I_T nexus, or give it another key."""
        found = self.of(nexus)
        if found is None:
            found = Registration(nexus, key)
            self.registrations.append(found)
        found.key = key
        return found

    def unregister(self, registration: Registration) -> bool:
        """Take a registration away; returns whether the reservation went with it."""
        self.registrations.remove(registration)
        if self.type in ALL_REGISTRANTS:
            released = not self.registrations
            if self.holder is registration and self.registrations:
                self.holder = self.registrations[0]
        else:
            released = self.holder is registration
        if released:
            self.release()
        return released

    def reserve(self, registration: Registration, kind: int) -> None:
        """Have a registration hold the reservation."""
        self.holder, self.type = registration, kind

    def release(self) -> None:
        """End the persistent reservation."""
        self.holder, self.type = None, 0

    def clear(self) -> list[Registration]:
        """End the reservation and all registrations; returns those."""
        gone, self.registrations = self.registrations, []
        self.release()
        return gone

    def remove(self, registrations: Iterable[Registration]) -> None:
        """Take registrations away, and leave the reservation as it is."""
        gone = set(registrations)
        self.registrations = [each for each in self.registrations if each not in gone]

    # Over a power loss (APTPL)

    def dump(self) -> bytes:
        """What has to survive."""
        registrations = [
            {
                "name": each.nexus.initiator.name,
                "isid": None if each.nexus.initiator.isid is None else each.nexus.initiator.isid.hex(),
                "portal_group": each.nexus.target,
                "key": each.key,
            }
            for each in self.registrations
        ]
        holder = None if self.holder is None else self.registrations.index(self.holder)
        return json.dumps({"registrations": registrations, "holder": holder, "type": self.type}, indent=1).encode()

    @classmethod
    def load(cls, data: bytes) -> Reservations:
        """What has survived.

        Raises:
            ValueError: it is not what `dump` wrote.
        """
        try:
            kept = json.loads(data)
            registrations = [_registration(each) for each in kept["registrations"]]
            holder = None if kept["holder"] is None else registrations[kept["holder"]]
            return cls(registrations, holder, int(kept["type"]), persist=True)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise ValueError(f"no reservations: {error!r}") from error


def _registration(kept: dict[str, Any]) -> Registration:
    name, isid, target, key = (kept[field] for field in ("name", "isid", "portal_group", "key"))
    numbers = ((key, range(1, 1 << 64)), (target, range(1 << 16)))
    if type(name) is not str or any(type(number) is not int or number not in allowed for number, allowed in numbers):
        raise ValueError(f"not a registration: {kept}")
    initiator = InitiatorPort(name, None if isid is None else bytes.fromhex(isid))
    return Registration(Nexus(initiator, target), key)
