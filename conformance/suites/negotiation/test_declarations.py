from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from conformance.api import Initiator, LoginResult, Session, Target, case, expect, settle, variants
from conformance.suites.login.steps import refused
from conformance.suites.negotiation.offers import is_admissible
from iscsi_wire.keys import KEYS, Phase, is_private
from iscsi_wire.scsi import Read10
from iscsi_wire.text import NOT_UNDERSTOOD, REJECT, parse_pairs

_LIMIT = "MaxRecvDataSegmentLength"
_NODE = "X#NodeArchitecture"
_PHASES = {0: Phase.SECURITY, 1: Phase.OPERATIONAL}


def _logged_in(initiator: Initiator, **arguments: Any) -> Session:
    session = initiator.session()
    session.attempt_login(**arguments).expect(expect.login_succeeded())
    settle(session)
    return session


def _said(result: LoginResult) -> Iterator[tuple[Phase, str, str]]:
    """What the target sent in a login, key by key, with the stage in which it did."""
    text = b""
    for reply in result.replies:
        text += reply.data
        if not reply.header.continue_:
            yield from ((_PHASES[reply.header.csg], key, value) for key, value in parse_pairs(text))
            text = b""


@case("key-data-segment-01", "7143-13.12-01", "7143-13.12-02")
@variants("limit", ["512", "513", "0x400", "8192", "16777215"], ids=["lowest", "odd", "hex", "default", "highest"])
def test_data_segments_stay_within_the_declared_length(initiator: Initiator, target: Target, limit: str) -> None:
    """> The transmitter (initiator or target) is required to send PDUs with a data segment that does not exceed
    > MaxRecvDataSegmentLength of the receiver.
    """
    place = target.scratch(target.lun)
    session = _logged_in(initiator, keys={_LIMIT: limit})
    blocks = 16384 // place.block_size
    result = session.command(Read10.make(transfer_length=blocks), read=blocks * place.block_size)
    result.expect(expect.good())
    longest = max(len(pdu.data) for pdu in session.initiator.exchange.pdus() if pdu.direction == "in")
    assert longest <= int(limit, 0), f"a data segment has {longest} octets"


@case("key-data-segment-02", "7143-13.12-01", "7143-13.12-02", "7143-6.2-08")
def test_data_segments_keep_to_the_default_when_nothing_is_declared(initiator: Initiator, target: Target) -> None:
    """> MaxRecvDataSegmentLength ... Default is 8192 bytes."""
    place = target.scratch(target.lun)
    session = _logged_in(initiator, omit={_LIMIT})
    blocks = 32768 // place.block_size
    result = session.command(Read10.make(transfer_length=blocks), read=blocks * place.block_size)
    result.expect(expect.good())
    longest = max(len(pdu.data) for pdu in session.initiator.exchange.pdus() if pdu.direction == "in")
    assert longest <= 8192, f"a data segment has {longest} octets"


@case("key-data-segment-03", "7143-7.12-01", "7143-7.12-03", "7143-13.12-01")
@variants("value", ["511", "0", "16777216", "many", ""], ids=["below", "zero", "above", "word", "empty"])
def test_max_recv_data_segment_length_outside_the_range_is_no_declaration(
    attempt_login: Callable[..., LoginResult], non_strict: Callable[[str], None], value: str
) -> None:
    """> A negotiation failure is considered to be one or more of the following: ... For a declarative key, the declared
    > value is not acceptable to the other side in the negotiation.
    """
    result = attempt_login(keys={_LIMIT: value})
    if not result.succeeded:
        result.expect(refused())
    assert result.keys.get(_LIMIT) != NOT_UNDERSTOOD, f"{_LIMIT}={value} is answered with NotUnderstood"
    if result.succeeded and result.keys.get(_LIMIT) != REJECT:
        non_strict(f"{_LIMIT}={value} is taken without a word")


@case("key-node-architecture-01", "7143-13.26.1-01", "7143-13.26.2-01", "7143-13.26.2-07", "7143-13.26.2-06")
@variants("discovery", [False, True], ids=["normal", "discovery"])
@variants("value", ["ExampleOS/v1234,ExampleInc_SW_Initiator/1.05a", "a/" + "1" * 253], ids=["usual", "longest"])
def test_node_architecture_may_be_declared(initiator: Initiator, value: str, discovery: bool) -> None:
    """> X#NodeArchitecture ... Declarative ... This key may be declared on a Discovery session or a Normal session."""
    result = initiator.session(discovery=discovery).attempt_login(extra=[(_NODE, value)])
    result.expect(expect.login_succeeded())
    answer = result.keys.get(_NODE, NOT_UNDERSTOOD)
    assert answer == NOT_UNDERSTOOD or "/" in answer, f"{_NODE} is answered with {answer}"


@case("key-target-01", "7143-6.3-14", "7143-12-01", "7143-12-02", "7143-6.2-09", "7143-13.4-01", "7143-13-03")
def test_what_the_target_says_of_itself_is_legal_there(attempt_login: Callable[..., LoginResult]) -> None:
    """> Any given Login Request or Response belongs to a specific stage; this determines the negotiation keys allowed
    > with the request or response.
    """
    result = attempt_login()
    result.expect(expect.login_succeeded())
    offered = result.login.negotiation.offered
    for phase, name, value in _said(result):
        key = KEYS.get(name)
        if key is None:
            assert is_private(name) or name.isalnum(), f"{name} is no key"
        elif name not in offered or key.declarative:
            assert phase in key.target, f"{name} comes from the target in {phase.value}"
            assert is_admissible(key, value), f"{name}={value} has not the form that its definition demands"


@case("key-target-02", "7143-6.3-22", "7143-6.3-19", "7143-11.13.6-01")
def test_target_sends_each_key_once(attempt_login: Callable[..., LoginResult]) -> None:
    """> Neither the initiator nor the target should attempt to declare or negotiate a parameter more than once during
    > login, except for responses to specific keys that explicitly allow repeated key declarations.
    """
    result = attempt_login(keys={"HeaderDigest": "CRC32C,None", "DataDigest": "CRC32C,None"})
    result.expect(expect.login_succeeded())
    names = [name for name, _ in result.pairs if name not in KEYS or not KEYS[name].repeatable]
    repeated = {name for name in names if names.count(name) > 1}
    assert not repeated, f"sent more than once: {', '.join(sorted(repeated))}"
