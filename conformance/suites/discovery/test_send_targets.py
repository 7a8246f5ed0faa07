from __future__ import annotations

from collections.abc import Callable

from conformance.api import Initiator, Session, Target, Unsupported, case, expect, variants
from conformance.suites.discovery.sessions import go_on, listed, nothing_listed
from iscsi_wire.errors import TextError
from iscsi_wire.text import parse_iscsi_name

_SMALL_SEGMENT = 512
_STRANGER = "iqn.2026-11.org.chiscsi:no-such-target"
_WRONG: dict[str, Callable[[str], str]] = {
    "lower-case": lambda name: "all",
    "upper-case": lambda name: "ALL",
    "wildcard": lambda name: "*",
    "list": lambda name: f"All,{name}",
    "prefix": lambda name: name[:-1],
    "longer": lambda name: name + "x",
}


@case("discovery-all-01", "7143-C-03", "7143-C-07", "7143-C-04", needs="discovery")
def test_all_lists_the_target_once(discovery: Session, target: Target) -> None:
    """> In a Discovery session, a target MUST return all path information ... for the targets on the target Network
    > Entity that the requesting initiator is authorized to access.
    """
    names = [record.name for record in discovery.send_targets("All")]
    assert names.count(target.iqn) == 1, f"the targets listed are {', '.join(names) or 'none'}"


@case("discovery-all-02", "7143-C-13", "7143-13.4-01", "7143-4.2.7.1-01", "7143-4.2.7.2-02", needs="discovery")
def test_list_holds_names_and_addresses_only(discovery: Session) -> None:
    """> A target record begins with the TargetName text key, followed by a list of TargetAddress text keys ... No text
    > keys other than TargetName and TargetAddress are permitted within a SendTargets response.
    """
    result = discovery.text({"SendTargets": "All"})
    result.expect(expect.text_response(final=1))
    keys = [key for key, _ in result.pairs]
    assert set(keys) <= {"TargetName", "TargetAddress"}, f"the answer has the keys {', '.join(sorted(set(keys)))}"
    assert keys[:1] == ["TargetName"], f"the list begins with {keys[:1]}"
    for name in listed(result):
        try:
            parse_iscsi_name(name)
        except TextError as fault:
            raise AssertionError(f"TargetName={name}: {fault.message}") from fault


@case("discovery-address-01", "7143-13.8-04", "7143-13.8-01", "7143-4.4.1-01", needs="discovery")
def test_every_address_has_a_portal_group_tag(discovery: Session) -> None:
    """> If the TargetAddress is returned within a SendTargets response, the portal-group-tag MUST be included."""
    addresses = [address for record in discovery.send_targets("All") for address in record.addresses]
    if not addresses:
        raise Unsupported("no target lists an address: all are reached where the question was asked")
    without = [f"{address.host}:{address.port}" for address in addresses if address.tag is None]
    assert not without, f"without a tag: {', '.join(without)}"


@case("discovery-address-02", "7143-C-04", "7143-6.3.1-12", "7143-2.2-02", needs="discovery")
def test_portal_group_of_the_login_is_among_those_listed(
    discovery: Session, second_initiator: Initiator, target: Target
) -> None:
    """> Each TargetAddress belongs to a portal group, identified by its numeric Target Portal Group Tag.

    TargetPortalGroupTag "carries the value of the tag of the portal group that is servicing the Login Request".
    """
    own = next((record for record in discovery.send_targets("All") if record.name == target.iqn), None)
    assert own is not None, "the target does not list itself"
    if not own.addresses:
        raise Unsupported("the target lists no address: it is reached where the question was asked")
    tag = second_initiator.login().parameters.target_portal_group_tag
    tags = {address.tag for address in own.addresses}
    assert tag in tags, f"the login is served by portal group {tag}, the addresses belong to {tags}"


@case("discovery-name-01", "7143-C-09", "7143-C-10", needs="discovery")
def test_name_lists_that_target_with_the_addresses_that_all_gives(discovery: Session, target: Target) -> None:
    """> If an iSCSI Target Name is specified, the session should respond with addresses for only the named target ...
    > A Discovery session MUST be capable of returning addresses for those targets that would have been returned had
    > value=All been designated.
    """
    all_targets = discovery.send_targets("All")
    named = discovery.send_targets(target.iqn)
    assert [record.name for record in named] == [target.iqn], f"listed are {[record.name for record in named]}"
    expected = next((record.addresses for record in all_targets if record.name == target.iqn), None)
    assert expected is not None, "All does not list the target"
    assert sorted(named[0].addresses) == sorted(expected), f"{named[0].addresses} instead of {expected}"


@case("discovery-name-02", "7143-C-16", "7143-C-09", needs="discovery")
def test_unknown_name_lists_nothing(discovery: Session) -> None:
    """> The response to this command is a Text Response that contains a list of zero or more targets."""
    nothing_listed(discovery.text({"SendTargets": _STRANGER}))
    go_on(discovery)


@case("discovery-value-01", "7143-6.1-01", "7143-C-09", needs="discovery")
@variants("change", _WRONG.values(), ids=_WRONG.keys())
def test_value_that_is_no_value_of_send_targets_lists_nothing(
    discovery: Session, target: Target, change: Callable[[str], str]
) -> None:
    """> The value must be one of: All ..., <iSCSI-target-name> ..., <nothing>. ... All the text keys and text values
    > specified in this document are case sensitive.
    """
    nothing_listed(discovery.text({"SendTargets": change(target.iqn)}))
    go_on(discovery)


@case("discovery-repeat-01", "7143-C-03", needs="discovery")
def test_question_may_be_repeated(discovery: Session) -> None:
    """The list is the same each time that it is asked for in one session."""
    first, second, third = (discovery.send_targets("All") for _ in range(3))
    assert first == second == third, f"the lists are {first}, {second} and {third}"


@case("discovery-long-01", "7143-C-19", "7143-11.11.6-01", "7143-11.11.4-01", needs="discovery")
def test_long_list_comes_in_pieces(initiator: Initiator, discovery: Session) -> None:
    """> A SendTargets Text Response can be longer than a single Text Response PDU and makes use of the long Text
    > Responses as specified.
    """
    whole = discovery.text({"SendTargets": "All"})
    if sum(len(reply.data) for reply in whole.replies) <= _SMALL_SEGMENT:
        raise Unsupported(f"the whole list takes no more than {_SMALL_SEGMENT} octets")
    small = initiator.session(discovery=True)
    small.attempt_login(keys={"MaxRecvDataSegmentLength": str(_SMALL_SEGMENT)}).expect(expect.login_succeeded())
    pieces = small.text({"SendTargets": "All"})
    pieces.expect(expect.text_response(final=1))
    assert len(pieces.replies) > 1, "the list comes in one piece"
    assert pieces.pairs == whole.pairs, f"in pieces, the list is {pieces.pairs}"


@case("discovery-normal-01", "7143-C-11", "7143-C-05")
@variants("own_name", [False, True], ids=["nothing", "own-name"])
def test_normal_session_lists_its_own_target(session: Session, target: Target, own_name: bool) -> None:
    """> A target MUST support the SendTargets command on operational sessions; these will only return path information
    > about the target to which the session is connected.
    """
    names = [record.name for record in session.send_targets(target.iqn if own_name else "")]
    assert names == [target.iqn], f"the targets listed are {', '.join(names) or 'none'}"


@case("discovery-normal-02", "7143-C-08")
def test_all_is_not_served_in_a_normal_session(session: Session) -> None:
    """> All: ... This value MUST be supported on a Discovery session and MUST NOT be supported on an operational
    > session.
    """
    nothing_listed(session.text({"SendTargets": "All"}))
    session.nop()


@case("discovery-normal-03", "7143-C-05", "7143-C-12")
def test_normal_session_lists_no_other_target(session: Session) -> None:
    """> <nothing> ... MUST NOT return targets other than the one to which the session is logged in."""
    nothing_listed(session.text({"SendTargets": _STRANGER}))
    session.nop()
