"""A sample behind a target in memory, and an initiator that reaches it."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_target_class, chiscsi_target_lun_class
from initiator_sim import Initiator, Session, Settings
from tests.chiscsi_target.stand import NAME, Stand

__all__ = ["Rig"]


class Rig:
    """A target with a driver, and a session to it."""

    def __init__(
        self, driver: chiscsi_target_lun_class, target_class: chiscsi_target_class | None = None, **keys: str
    ) -> None:
        self.stand = Stand(*keys.items(), driver=driver, target_class=target_class)
        self.session = self.login()

    def login(self, number: int = 0, **keys: str) -> Session:
        """One more session, of an initiator port of its own."""
        stand = self.stand
        settings = Settings(clock=lambda: stand.shell.now, timeout=1.0)
        name = f"iqn.2026-11.test.chiscsi:host{number}"
        connect = stand.shell.connect
        initiator = Initiator(lambda: connect(stand.node.portals[0]), NAME, name=name, settings=settings)
        return initiator.login(keys=keys)
