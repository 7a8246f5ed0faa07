"""A target that is somebody else's, reached over TCP."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from conformance.harness.address import Address
from conformance.harness.settings import Settings
from initiator_sim.outcomes import HarnessFault
from initiator_sim.transport import TcpTransport, Transport


class Foreign:
    """The same interface as :class:`conformance.embedded.Embedded`, for a target that we did not start."""

    login_time: float | None = None  # no target declares it

    def __init__(self, address: Address, settings: Settings) -> None:
        self.address = address
        self.iqn = address.iqn
        self.luns: Sequence[int] = () if address.lun is None else (address.lun,)
        """The LUN of the address; empty when it names none, and the target has to be asked."""
        self.clock: Callable[[], float] = time.monotonic
        self._patience = settings.patience

    def connect(self) -> Transport:
        """A new TCP connection.

        Raises:
            OSError: nobody answers.
        """
        try:
            return TcpTransport.connect(self.address.host, self.address.port, self._patience)
        except HarnessFault as fault:
            raise ConnectionError(str(fault)) from fault

    def close(self) -> None:
        """Nothing to end."""
