"""A look at a foreign target before a run: what would make every case inconclusive is told at once, in one line."""

from __future__ import annotations

import socket

from conformance.harness.address import Address, parse_address
from conformance.harness.foreign import Foreign
from conformance.harness.interruptions import TargetGone
from conformance.harness.place import place_of_one
from conformance.harness.settings import Settings
from conformance.harness.target import Target
from initiator_sim.exchange import Exchange
from initiator_sim.outcomes import ExpectationFailed
from iscsi_wire.constants import LoginStatus

_HINTS: dict[int, str] = {
    LoginStatus.NOT_FOUND: "there is no target of that name; `iscsi-ls` shows what is there",
    LoginStatus.AUTHENTICATION_FAILURE: "it wants authentication: --user NAME, its secret in CHISCSI_PASSWORD",
    LoginStatus.AUTHORIZATION_FAILURE: "it does not admit this initiator: log in under a known name, --initiator-name",
}


class Unreachable(Exception):
    """The run makes no sense; the message says what is wrong with the address or the access."""


def knock(settings: Settings) -> None:
    """See whether anybody listens at the address and lets us in.

    Only refusals that are the user's business count. A target that answers a login with nonsense is what the suites
    are for.

    Raises:
        Unreachable: nobody listens, or the login is refused for the name or the rights.
    """
    address = parse_address(settings.url)
    _listens(address, settings.patience)
    target = Target(Foreign(address, settings), settings, place_of_one(), Exchange)
    try:
        with target.initiator(aside=True, lun=0) as initiator:
            status = initiator.session().attempt_login().status
    except (ExpectationFailed, TargetGone):
        return
    if status is not None and status in _HINTS:
        meaning = LoginStatus.meaning(status)
        raise Unreachable(f"{address} refuses the login ({status:#06x} {meaning}): {_HINTS[status]}")


def _listens(address: Address, patience: float) -> None:
    try:
        socket.create_connection((address.host, address.port), patience).close()
    except OSError as error:
        raise Unreachable(f"no answer from {address.host} port {address.port}: {error.strerror or error}") from None
