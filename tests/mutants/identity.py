"""Faults of names, discovery and reinstatement (RFC 7143 sections 4.2.7, 4.3, 4.4.3, 6.3.4, 6.3.5, 7.4.2, C)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.core import login, login_identity, send_targets, text
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.core.negotiation import Negotiation, Pairs
from chiscsi_target.core.portal import Portal
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.errors import LoginFailure
from chiscsi_target.scsi import inquiry
from iscsi_wire.constants import LoginStatus, LogoutReason, Opcode
from iscsi_wire.framing import Frame
from iscsi_wire.keys import Key
from iscsi_wire.pdus import LogoutRequest
from iscsi_wire.scsi import DeviceIdentification
from tests.mutants.planting import Handler, Original, Plant, mutant

# Names


def _checked(plant: Plant, check: Callable[[str, str], object]) -> None:
    """Refuse the names of a login for which `check(key, value)` is true."""

    def judge(original: Original, name: str, value: str) -> str:
        if check(name, value):
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, name, "4.2.7")
        checked: str = original(name, value)
        return checked

    plant.wrap(login_identity, "_checked", judge)


@mutant("4.2.7.1", "name-length-01 name-length-02")
def names_end_at_200_octets(plant: Plant) -> None:
    """An iSCSI name of more than 200 octets is refused as malformed."""
    _checked(plant, lambda name, value: len(value.encode()) > 200)


def _any_name(plant: Plant, key: str) -> None:
    """Have the form of a name looked at nowhere."""

    def judge(original: Original, name: str, value: str) -> str:
        checked: str = value if name == key else original(name, value)
        return checked

    def declare(original: Original, work: Negotiation, row: Key, value: str) -> None:
        if row.name != key:
            original(work, row, value)

    plant.wrap(login_identity, "_checked", judge)
    plant.wrap(Negotiation, "_declare", declare)


@mutant("11.13.5", "name-form-01")
def strangers_are_an_initiator_error(plant: Plant) -> None:
    """An initiator that the target does not know is refused as though it had made a mistake."""
    _checked(plant, lambda name, value: name == "InitiatorName" and ":initiator." not in value)


@mutant("4.2.7.2", "name-length-03 name-form-02 name-form-03.InitiatorName")
def any_text_is_an_initiator_name(plant: Plant) -> None:
    """The form of InitiatorName is not looked at."""
    _any_name(plant, "InitiatorName")


@mutant("4.2.7.2", "name-length-04 name-compare-01 name-compare-02")
def any_text_is_the_targets_name(plant: Plant) -> None:
    """Any TargetName leads to the only target, whatever its form."""
    _any_name(plant, "TargetName")

    def find(name: str, registry: Registry) -> TargetNode:
        return next(iter(registry.nodes.values()))

    plant.replace(login_identity, "_find_node", find)


@mutant("4.2.7.3", "name-form-01.eui name-form-01.naa-64 name-form-01.naa-128")
def names_are_of_type_iqn(plant: Plant) -> None:
    """Names of the types eui. and naa. are refused."""
    _checked(plant, lambda name, value: name == "InitiatorName" and not value.startswith("iqn."))


@mutant("6.1", "name-form-03.TargetName")
def empty_target_name_is_the_only_target(plant: Plant) -> None:
    """An empty TargetName leads to the only target."""
    _any_name(plant, "TargetName")

    def identify(original: Original, pairs: Pairs, isid: bytes, portal: Portal, registry: Registry) -> LoginIdentity:
        whole = [(name, value or next(iter(registry.nodes))) for name, value in pairs]
        result: LoginIdentity = original(whole, isid, portal, registry)
        return result

    plant.wrap(login, "identify", identify)


@mutant("13.6", "name-alias-01 text-alias-01")
def initiator_alias_is_answered(plant: Plant) -> None:
    """InitiatorAlias, a declaration, is answered."""

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Any) -> tuple[str, str] | None:
        result: tuple[str, str] | None = original(work, name, value, phase)
        return (name, value) if name == "InitiatorAlias" else result

    plant.wrap(Negotiation, "_answer_one", answer)


@mutant("4.4.2", "name-scsi-01")
def scsi_names_are_of_another_target(plant: Plant) -> None:
    """VPD page 83h tells another iSCSI name than that of the target."""

    def designators(original: Original, unit: Any) -> Any:
        page = DeviceIdentification.make(designators=original(unit)).encode()
        return DeviceIdentification.decode(page.replace(b"iqn.2026-11", b"iqn.2026-12")).designators

    plant.wrap(inquiry, "designators", designators)


# Discovery sessions


@mutant("4.3", "discovery-request-03")
def discovery_sessions_log_connections_out(plant: Plant) -> None:
    """A connection of a discovery session can be logged out alone."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        request = LogoutRequest.decode(frame.header)
        request.reason_code = LogoutReason.CLOSE_CONNECTION
        frame.header = request.encode()
        discovery, connection.session.discovery = connection.session.discovery, False
        original(connection, frame)
        connection.session.discovery = discovery

    plant.received(Opcode.LOGOUT_REQUEST, handle)


@mutant("4.3", "discovery-request-04")
def discovery_sessions_take_any_key(plant: Plant) -> None:
    """Keys other than SendTargets are answered in a discovery session, with what was offered."""

    def answer(original: Original, connection: Connection, exchange: Any, pairs: Pairs) -> Pairs:
        if pairs and pairs[0][0] != "SendTargets":
            return pairs
        result: Pairs = original(connection, exchange, pairs)
        return result

    plant.wrap(text, "_answer", answer)


def _identify(plant: Plant, refuse: Callable[[dict[str, str]], object]) -> None:
    def identify(original: Original, pairs: Pairs, *rest: Any) -> LoginIdentity:
        if refuse(dict(pairs)):
            raise LoginFailure(LoginStatus.MISSING_PARAMETER, "names", "6.3")
        result: LoginIdentity = original(pairs, *rest)
        return result

    plant.wrap(login, "identify", identify)


@mutant("4.3", "discovery-login-01")
def discovery_needs_a_target_name(plant: Plant) -> None:
    """A discovery session without TargetName is refused."""
    _identify(plant, lambda names: "TargetName" not in names)


@mutant("C", "discovery-login-02")
def discovery_may_not_name_its_target(plant: Plant) -> None:
    """A discovery session with TargetName is refused."""
    _identify(plant, lambda names: names.get("SessionType") == "Discovery" and "TargetName" in names)


@mutant("13.21", "discovery-connections-01")
def discovery_sessions_take_further_connections(plant: Plant) -> None:
    """A discovery session takes as many connections as come."""

    def identify(original: Original, pairs: Pairs, isid: bytes, *rest: Any) -> LoginIdentity:
        registry: Registry = rest[-1]
        known = [session.identity for session in registry.sessions.values() if session.discovery]
        if "SessionType" not in dict(pairs) and known and known[0].isid == isid:
            return known[0]
        result: LoginIdentity = original(pairs, isid, *rest)
        return result

    def find(original: Original, identity: LoginIdentity, tsih: int, cid: int, registry: Registry) -> Session:
        result: Session = (
            registry.sessions[identity.key] if identity.discovery else original(identity, tsih, cid, registry)
        )
        return result

    plant.wrap(login, "identify", identify)
    plant.wrap(login, "session_to_join", find)


# SendTargets


def _targets(plant: Plant, change: Callable[[Connection, str, Pairs], Pairs]) -> None:
    """Change the answer to SendTargets, given its value."""

    def answer(original: Original, connection: Connection, value: str) -> Pairs:
        return change(connection, value, original(connection, value))

    plant.wrap(text, "send_targets", answer)


def _is_discovery(connection: Connection) -> bool:
    return connection.session is not None and connection.session.discovery


@mutant("C", "discovery-all-01 discovery-name-01")
def every_target_is_listed_twice(plant: Plant) -> None:
    """The answer to SendTargets has each target twice."""
    _targets(plant, lambda connection, value, pairs: pairs * 2)


@mutant("C", "discovery-all-02")
def list_has_aliases(plant: Plant) -> None:
    """The answer to SendTargets has TargetAlias keys."""
    _targets(plant, lambda connection, value, pairs: [*pairs, ("TargetAlias", "disks")])


@mutant("13.8", "discovery-address-01")
def addresses_have_no_portal_group(plant: Plant) -> None:
    """A TargetAddress of the list has no portal group tag."""
    _targets(plant, lambda connection, value, pairs: [(name, text.partition(",")[0]) for name, text in pairs])


@mutant("C", "discovery-address-02")
def addresses_belong_to_another_portal_group(plant: Plant) -> None:
    """The portal group tag of a TargetAddress is not that of the login."""
    _targets(
        plant,
        lambda connection, value, pairs: [
            (name, f"{text.partition(',')[0]},77" if name == "TargetAddress" else text) for name, text in pairs
        ],
    )


@mutant("C", "discovery-name-01")
def named_target_is_listed_without_addresses(plant: Plant) -> None:
    """Asked for one target by name, a discovery session tells no address."""
    _targets(
        plant,
        lambda connection, value, pairs: [pair for pair in pairs if value == "All" or pair[0] == "TargetName"],
    )


@mutant("C", "discovery-name-02 discovery-value-01 discovery-normal-03")
def every_question_lists_the_target(plant: Plant) -> None:
    """SendTargets is answered alike, whatever its value."""

    def answer(original: Original, connection: Connection, value: str) -> Pairs:
        result: Pairs = original(connection, "All" if _is_discovery(connection) else "")
        return result

    plant.wrap(text, "send_targets", answer)


@mutant("C", "discovery-repeat-01")
def second_question_gets_no_list(plant: Plant) -> None:
    """SendTargets is answered once in a session."""
    asked: set[Connection] = set()

    def change(connection: Connection, value: str, pairs: Pairs) -> Pairs:
        again = connection in asked
        asked.add(connection)
        return [] if again else pairs

    _targets(plant, change)


@mutant("C", "discovery-normal-01")
def normal_sessions_list_nothing(plant: Plant) -> None:
    """SendTargets is not served in a normal session."""
    _targets(plant, lambda connection, value, pairs: pairs if _is_discovery(connection) else [])


@mutant("C", "discovery-normal-02")
def all_is_served_in_normal_sessions(plant: Plant) -> None:
    """SendTargets=All lists the target in a normal session."""

    def change(connection: Connection, value: str, pairs: Pairs) -> Pairs:
        session = connection.session
        if value != "All" or session is None or session.node is None:
            return pairs
        return send_targets._record(connection, session.node)

    _targets(plant, change)
