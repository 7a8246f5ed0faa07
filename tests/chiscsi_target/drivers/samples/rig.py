"""A sample behind a target in memory, and an initiator that reaches it."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_target_class, chiscsi_target_lun_class
from chiscsi_target.quirks import Quirks
from initiator_sim import Initiator, Session, Settings
from initiator_sim.chap import Account
from initiator_sim.login import LoginResult
from tests.chiscsi_target.stand import NAME, Stand

__all__ = ["Rig"]


class Rig:
    """A target with a driver, and a session to it."""

    def __init__(
        self,
        driver: chiscsi_target_lun_class,
        target_class: chiscsi_target_class | None = None,
        quirks: Quirks | None = None,
        **keys: str,
    ) -> None:
        self.stand = Stand(*keys.items(), driver=driver, target_class=target_class, quirks=quirks)
        self.session = self.login()

    def login(self, number: int = 0, **keys: str) -> Session:
        """One more session, of an initiator port of its own."""
        return self._initiator(number).login(keys=keys)

    def attempt(self, number: int, account: Account | None = None) -> LoginResult:
        """A login that may fail."""
        return self._initiator(number).session().attempt_login(account=account)

    def _initiator(self, number: int) -> Initiator:
        stand = self.stand
        settings = Settings(clock=lambda: stand.shell.now, timeout=1.0)
        name = f"iqn.2026-11.test.chiscsi:host{number}"
        return Initiator(lambda: stand.shell.connect(stand.node.portals[0]), NAME, name=name, settings=settings)
