"""What a Login Request may say, and when (RFC 7143 sections 6.3 and 11.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import ISCSI_VERSION, LoginStage, LoginStatus
from iscsi_wire.errors import TextError
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LoginRequest
from iscsi_wire.text import parse_pairs

if TYPE_CHECKING:
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.registry import Registry

# Section 6.1 asks for at least 8192 octets of text in a sequence, and for 64 KiB where long items are negotiated.
MAX_TEXT = 64 * 1024

# How often the module looks at its timers, in seconds.
_HEARTBEAT = 1

_SECURITY = LoginStage.SECURITY_NEGOTIATION
_OPERATIONAL = LoginStage.LOGIN_OPERATIONAL_NEGOTIATION
_FULL_FEATURE = LoginStage.FULL_FEATURE_PHASE

# Section 6.3: the transitions that there are; the security stage comes first, and nobody goes back to it.
TRANSITIONS: dict[int, frozenset[LoginStage]] = {
    _SECURITY: frozenset((_OPERATIONAL, _FULL_FEATURE)),
    _OPERATIONAL: frozenset((_FULL_FEATURE,)),
}


STAGES: dict[int, LoginStage] = {stage.value: stage for stage in LoginStage}


def check_request(request: LoginRequest, first: LoginRequest | None) -> None:
    """Judge the header of a Login Request, a later one against the `first` of the login.

    Raises:
        LoginFailure: it breaks a rule.
    """
    if first is None:
        if request.version_min > ISCSI_VERSION:
            raise LoginFailure(LoginStatus.UNSUPPORTED_VERSION, f"Version-min is {request.version_min}", "11.12.4")
    elif (request.initiator_task_tag, request.isid, request.cid, request.tsih) != (
        first.initiator_task_tag,
        first.isid,
        first.cid,
        first.tsih,
    ):
        raise LoginFailure(LoginStatus.INITIATOR_ERROR, "ITT, ISID, CID or TSIH changed during the login", "6.3")
    _check_stages(request)


def _check_stages(request: LoginRequest) -> None:
    following = TRANSITIONS.get(request.csg)
    if following is None:
        raise LoginFailure(LoginStatus.INITIATOR_ERROR, f"CSG is {request.csg}", "11.12.3")
    if request.transit and request.continue_:
        raise LoginFailure(LoginStatus.INITIATOR_ERROR, "C and T are both set", "6.2")
    if request.transit and request.nsg not in following:
        raise LoginFailure(LoginStatus.INITIATOR_ERROR, f"transition from {request.csg} to {request.nsg}", "11.12.3")


class RequestText:
    """The text of one logical request, which may be spread over PDUs by the C bit (section 6.1)."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, frame: Frame) -> None:
        """Take the data segment of one PDU.

        Raises:
            LoginFailure: it grows beyond all need.
        """
        if len(self._data) + len(frame.data) > MAX_TEXT:
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, f"more than {MAX_TEXT} octets of text", "6.1")
        self._data += frame.data

    def pairs(self) -> Pairs:
        """The keys and values, in order.

        Raises:
            LoginFailure: the text is malformed.
        """
        try:
            return parse_pairs(bytes(self._data))
        except TextError as error:
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, f"malformed text, {error}", "6.1") from error


def login_deadline(agenda: Agenda, registry: Registry) -> float:
    """When a login that begins now has to be over (behaviour file, 2.1)."""
    limit = registry.globals.login_complete_time
    if limit == 0 and not agenda.quirks.login_time_zero_closes:
        return float("inf")
    return agenda.now + (limit or _HEARTBEAT)
