from __future__ import annotations

from collections.abc import Callable

from conformance.api import LoginResult, LoginStatus, Session, Target, Unsupported, case, expect, variants
from conformance.suites.login.steps import refused
from iscsi_wire.scsi import DeviceIdentification, Inquiry

_AUTHORITY = "iqn.2026-11.org.chiscsi"
_FORMS = {
    "iqn": f"{_AUTHORITY}:host-1.rack-2",
    "iqn-without-string": _AUTHORITY,
    "iqn-with-colons": f"{_AUTHORITY}:a:b::c",
    "iqn-international": f"{_AUTHORITY}:caf\u00e9.\u4f60\u597d",
    "eui": "eui.02004567A425678D",
    "naa-64": "naa.52004567BA64678D",
    "naa-128": "naa.62004567BA64678D0123456789ABCDEF",
}
_MALFORMED = {
    "no-type": "host-1.chiscsi.org",
    "unknown-type": "uuid.02004567A425678D",
    "type-only": "iqn.",
    "month-13": "iqn.2026-13.org.chiscsi:host",
    "short-year": "iqn.26-11.org.chiscsi:host",
    "no-domain": "iqn.2026-11",
    "blank": f"{_AUTHORITY}:host 1",
    "upper-case": f"{_AUTHORITY}:HOST",
    "control-character": f"{_AUTHORITY}:host\t1",
    "eui-15-digits": "eui.02004567A425678",
    "eui-no-hex": "eui.02004567A425678G",
    "naa-17-digits": "naa.52004567BA64678D0",
    "naa-33-digits": "naa.62004567BA64678D0123456789ABCDEF0",
}
_LONGEST = 223
_SCSI_NAME = 8
_PORT, _DEVICE = 1, 2


def _of_length(octets: int, character: str = "n") -> str:
    """An iSCSI name of so many octets, filled up with `character`."""
    stem = f"{_AUTHORITY}:long."
    count, rest = divmod(octets - len(stem), len(character.encode()))
    return stem + character * count + "x" * rest


def _admitted(result: LoginResult) -> LoginResult:
    """Leave out targets that admit only initiators that they know.

    Raises:
        Unsupported: this one does.
    """
    if result.status == LoginStatus.AUTHORIZATION_FAILURE:
        raise Unsupported("the target admits only initiators that it knows by name")
    return result


@case("name-length-01", "7143-4.2.7.1-03")
@variants("character", ["n", "\u00e9", "\u4f60"], ids=["one-octet", "two-octets", "three-octets"])
def test_initiator_name_of_223_octets_is_accepted(attempt_login: Callable[..., LoginResult], character: str) -> None:
    """> Initiators and targets MUST support the receipt of iSCSI names of up to the maximum length of 223 bytes."""
    name = _of_length(_LONGEST, character)
    assert len(name.encode()) == _LONGEST
    _admitted(attempt_login(keys={"InitiatorName": name})).expect(expect.login_succeeded())


@case("name-length-02", "7143-4.2.7.1-03", "7143-11.13.5-14")
def test_target_name_of_223_octets_is_looked_for(attempt_login: Callable[..., LoginResult]) -> None:
    """> Initiators and targets MUST support the receipt of iSCSI names of up to the maximum length of 223 bytes.

    There is no such target; a target that tells no stranger what exists may say that access is not allowed.
    """
    result = attempt_login(keys={"TargetName": _of_length(_LONGEST)})
    result.expect(expect.login_failed({LoginStatus.NOT_FOUND, LoginStatus.AUTHORIZATION_FAILURE}))


@case("name-length-03", "7143-4.2.7.2-03")
@variants("octets", [_LONGEST + 1, 255, 4096], ids=["224", "255", "4096"])
def test_initiator_name_of_more_than_223_octets_is_no_name(
    attempt_login: Callable[..., LoginResult], non_strict: Callable[[str], None], octets: int
) -> None:
    """> The UTF-8 encoding of the name is not larger than 223 bytes."""
    result = attempt_login(keys={"InitiatorName": _of_length(octets)})
    if result.succeeded:
        non_strict(f"an InitiatorName of {octets} octets is accepted")
    else:
        result.expect(refused())


@case("name-length-04", "7143-4.2.7.2-03")
@variants("octets", [_LONGEST + 1, 4096], ids=["224", "4096"])
def test_target_name_of_more_than_223_octets_reaches_nothing(
    attempt_login: Callable[..., LoginResult], octets: int
) -> None:
    """> The UTF-8 encoding of the name is not larger than 223 bytes."""
    attempt_login(keys={"TargetName": _of_length(octets)}).expect(refused())


@case("name-form-01", "7143-4.2.7.3-01", "7143-4.2.7.4-01", "7143-4.2.7.5-01", "7143-4.2.7.6-01", "7143-4.2.7.2-02")
@variants("name", _FORMS.values(), ids=_FORMS.keys())
def test_initiator_name_of_every_form_is_accepted(attempt_login: Callable[..., LoginResult], name: str) -> None:
    """> The type designator strings currently defined are: a) iqn. ... b) naa. ... c) eui."""
    _admitted(attempt_login(keys={"InitiatorName": name})).expect(expect.login_succeeded())


@case("name-form-02", "7143-4.2.7.3-01", "7143-4.2.7.4-02", "7143-4.2.7.1-06", "7143-4.2.7.5-01", "7143-4.2.7.6-01")
@variants("name", _MALFORMED.values(), ids=_MALFORMED.keys())
def test_malformed_initiator_name_is_refused(
    attempt_login: Callable[..., LoginResult], non_strict: Callable[[str], None], name: str
) -> None:
    """> An iSCSI name consists of two parts -- a type designator followed by a unique name string.

    A target need not check that, but one that does not know the name has an initiator error to report.
    """
    result = attempt_login(keys={"InitiatorName": name})
    if result.succeeded:
        non_strict(f"InitiatorName={name} is accepted")
    else:
        result.expect(refused())


@case("name-form-03", "7143-6.3-05", "7143-4.2.7.1-01")
@variants("key", ["InitiatorName", "TargetName"])
def test_empty_name_is_refused(attempt_login: Callable[..., LoginResult], key: str) -> None:
    """> iSCSI-name-value: A string of one or more characters."""
    attempt_login(keys={key: ""}).expect(refused())


@case("name-compare-01", "7143-4.2.7.2-04", "7143-11.13.5-14")
@variants(
    "change",
    [lambda name: name[:-1], lambda name: name + "x", lambda name: name + ".", lambda name: name[:-1] + "\u00e9"],
    ids=["shorter", "longer", "dot", "last-character"],
)
def test_target_name_has_to_be_the_same_to_the_last_octet(
    attempt_login: Callable[..., LoginResult], target: Target, change: Callable[[str], str]
) -> None:
    """> Once iSCSI names encoded in UTF-8 are "normalized" as described in this section, they may be safely compared
    > byte for byte.
    """
    result = attempt_login(keys={"TargetName": change(target.iqn)})
    result.expect(expect.login_failed({LoginStatus.NOT_FOUND, LoginStatus.AUTHORIZATION_FAILURE}))


@case("name-compare-02", "7143-4.2.7.1-06", "7143-4.2.7.2-04")
def test_target_name_in_upper_case_is_no_name(
    attempt_login: Callable[..., LoginResult], non_strict: Callable[[str], None], target: Target
) -> None:
    """> iSCSI names allow the use of international character sets, but uppercase characters are prohibited.

    A target may still prepare what it receives, and then find that it means its own name.
    """
    result = attempt_login(keys={"TargetName": target.iqn.upper()})
    if result.succeeded:
        non_strict("the target finds itself in its name in upper case")
    else:
        result.expect(refused())


@case("name-alias-01", "7143-13.6-03", "7143-13-04", "7143-6.2-21")
@variants(
    "alias", ["Web Server 4", "\u673a\u5668 \u00dc=~", "a" * 255, ""], ids=["blanks", "utf-8", "longest", "empty"]
)
@variants("stages", [(0, 1), (1,)], ids=["both-stages", "operational"])
def test_initiator_alias_changes_nothing(
    attempt_login: Callable[..., LoginResult], alias: str, stages: tuple[int, ...]
) -> None:
    """> InitiatorAlias=<iSCSI-local-name-value> ... This string is not used as an identifier, nor is it meant to be
    > used for authentication or authorization decisions.
    """
    result = attempt_login(stages=stages, keys={"InitiatorAlias": alias})
    result.expect(expect.login_succeeded())
    assert "InitiatorAlias" not in result.keys, f"the declaration is answered with {result.keys['InitiatorAlias']}"


@case("name-scsi-01", "7143-4.4.2-01", "7143-4.4.2-02", "7143-4.4.2-04")
def test_scsi_names_are_made_of_the_name_of_the_target(session: Session, target: Target) -> None:
    """> The SCSI Device Name ... MUST be the iSCSI node name. ... When used in SCSI parameter data, the SCSI port name
    > MUST be encoded as ... the iSCSI name in UTF-8 format, ... a comma separator, ... 't' ..., followed by a comma
    > separator, followed by a text encoding as a hex-constant ... of the Target Portal Group Tag.
    """
    page = session.command(Inquiry.make(evpd=1, page_code=0x83, allocation_length=1024), read=1024)
    page.expect(expect.good(residual=None))
    found = DeviceIdentification.decode(page.data[: page.received]).designators
    names = {item.association: item.designator for item in found if item.designator_type == _SCSI_NAME}
    if not names.keys() & {_PORT, _DEVICE}:
        raise Unsupported("VPD page 83 has no SCSI name string of the port or of the device")
    tag = session.parameters.target_portal_group_tag or 0
    expected = {_PORT: f"{target.iqn},t,0x{tag:04x}", _DEVICE: target.iqn}
    for association, designator in names.items():
        text = designator.rstrip(b"\0").decode()
        wanted = expected.get(association, text)
        assert text.lower() == wanted.lower(), f"the name is {text}, and not {wanted}"
    assert names.get(_PORT, b"\0").endswith(b"\0"), f"the port's name {names[_PORT]!r} has no null at its end"
