"""The target proves itself, too; and what an impostor might try to have it prove somebody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.api import Account, Chap, Initiator, case, expect, settle, variants
from conformance.suites.authentication.outcomes import cut_off, let_in, refused_for_its_form, turned_away
from iscsi_wire.scsi import TestUnitReady

_NEEDS = ("chap", "mutual-chap")


@case("chap-mutual-01", "7143-12.1.3-07", "7143-9.2.1-01", "1994-4.1-06", "7143-12.1.3-10", needs=_NEEDS)
@variants("base64", [False, True], ids=["hex", "base64"])
def test_target_proves_itself(applicant: Initiator, mutual_account: Account, base64: bool) -> None:
    """> Otherwise, if the initiator required target authentication, the target MUST either answer with a Login reject
    > with "Authentication Failure" or reply with: CHAP_N=<N> CHAP_R=<R>.
    """
    session = applicant.login(account=replace(mutual_account, base64=base64))
    settle(session)
    session.command(TestUnitReady()).expect(expect.good())


@case("chap-mutual-02", "7143-12.1.3-07", "7143-12.1.3-09", "1994-4.1-04", needs=_NEEDS)
@variants("length", [1, 15, 64, 1024], ids=["one", "odd", "long", "longest"])
def test_challenge_may_have_any_length(challenged: Callable[..., Chap], mutual_account: Account, length: int) -> None:
    """> Their binary length (not the length of the character string that represents them in encoded form) MUST NOT
    > exceed 1024 bytes.
    """
    chap = challenged(mutual_account)
    chap.own_challenge = bytes((index * 7 + 1) % 256 for index in range(length))
    let_in(chap.answer())


@case("chap-mutual-03", "7143-12.1.3-07", "1994-4.1-03", needs=_NEEDS)
@variants("identifier", [0, 1, 255], ids=["zero", "one", "largest"])
def test_target_responds_with_the_identifier_of_the_challenge(
    challenged: Callable[..., Chap], mutual_account: Account, identifier: int
) -> None:
    """Any octet may be an identifier."""
    chap = challenged(mutual_account)
    chap.own_identifier = identifier
    let_in(chap.answer())


@case("chap-mutual-04", "7143-9.2.1-13", needs=_NEEDS)
@variants("where", ["here", "elsewhere"], ids=["same-connection", "other-connection"])
def test_reflected_challenge_is_not_answered(
    challenged: Callable[..., Chap], mutual_account: Account, where: str
) -> None:
    """> Originators MUST NOT reuse the CHAP challenge sent by the responder for the other direction of a bidirectional
    > authentication. Responders MUST check for this condition and close the iSCSI TCP connection if it occurs.
    """
    chap = challenged(mutual_account)
    other = chap if where == "here" else challenged(mutual_account)
    result = chap.answer(CHAP_C=chap.text(other.challenge))
    assert "CHAP_R" not in result.keys, "the target answers its own challenge"
    if result.status is not None:
        result.expect(expect.login_failed(range(0x0200, 0x0300)))
    cut_off(result)


@case("chap-mutual-05", "7143-9.2.1-10", needs=_NEEDS)
def test_response_with_the_secret_of_the_target_fails(challenged: Callable[..., Chap], mutual_account: Account) -> None:
    """> If the CHAP response received by one end of an iSCSI connection is the same as the CHAP response that the
    > receiving endpoint would have generated for the same CHAP challenge, the response MUST be treated as an
    > authentication failure and cause the connection to close.
    """
    chap = challenged(mutual_account)
    assert mutual_account.target_secret is not None
    result = chap.answer(CHAP_R=chap.text(chap.response(mutual_account.target_secret)))
    turned_away(result)
    cut_off(result)


@case("chap-mutual-06", "7143-9.2-06", "7143-9.2-07", needs=_NEEDS)
@variants("missing", [False, True], ids=["wrong", "missing"])
def test_target_proves_nothing_to_a_stranger(
    challenged: Callable[..., Chap], mutual_account: Account, missing: bool
) -> None:
    """The target responds only to an initiator that has proved itself: anybody could use the response elsewhere."""
    chap = challenged(mutual_account)
    result = chap.answer(omit={"CHAP_R"}) if missing else chap.answer(CHAP_R=chap.text(bytes(16)))
    assert result.status != 0, "the login goes on"
    assert "CHAP_R" not in result.keys, "the target's response is in the answer"


@case("chap-mutual-07", "7143-9.2-05", needs=_NEEDS)
@variants("missing", ["CHAP_I", "CHAP_C"], ids=["identifier", "challenge"])
def test_half_a_challenge_is_an_initiator_error(
    challenged: Callable[..., Chap], mutual_account: Account, missing: str
) -> None:
    """An initiator that wants proof sends both CHAP_I and CHAP_C."""
    challenged(mutual_account).answer(omit={missing}).expect(refused_for_its_form())


@case("chap-mutual-08", "7143-9.2-05", "1994-4.1-01", "7143-12.1.3-09", needs=_NEEDS)
@variants(
    ("key", "value"),
    [
        ("CHAP_I", "256"),
        ("CHAP_I", "one"),
        ("CHAP_C", "0x"),
        ("CHAP_C", "0x" + "ab" * 1025),
        ("CHAP_C", "sixteen octets!!"),
    ],
    ids=["identifier-256", "identifier-word", "empty-challenge", "long-challenge", "challenge-no-constant"],
)
def test_malformed_challenge_is_an_initiator_error(
    challenged: Callable[..., Chap], mutual_account: Account, key: str, value: str
) -> None:
    """The identifier is one octet, and a challenge has 1 to 1024 of them."""
    malformed: dict[str, Any] = {key: value}
    challenged(mutual_account).answer(**malformed).expect(refused_for_its_form())
