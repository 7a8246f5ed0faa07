"""The initiator proves itself: every way that has to lead to a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conformance.api import (
    FULL_FEATURE,
    OPERATIONAL,
    SECURITY,
    Account,
    Chap,
    Initiator,
    case,
    expect,
    settle,
    variants,
)
from conformance.suites.authentication.outcomes import let_in, refused_as_unproven
from iscsi_wire.chap import ALGORITHMS, MD5
from iscsi_wire.scsi import TestUnitReady


@case("chap-exchange-01", "7143-12.1.3-10", "1994-4.1-06", "1994-4.2-01", "7143-9.2.1-01", needs="chap")
@variants("base64", [False, True], ids=["hex", "base64"])
def test_right_response_leads_to_a_session(applicant: Initiator, account: Account, base64: bool) -> None:
    """> Hex or Base64 encoding may be used for C and R."""
    session = applicant.session()
    session.attempt_login(account=replace(account, base64=base64)).expect(expect.login_succeeded())
    settle(session)
    session.command(TestUnitReady()).expect(expect.good())


@case("chap-exchange-02", "7143-12.1.3-12", "1994-3-01", "7143-12.1.3-02", needs="chap")
@variants("number", list(ALGORITHMS), ids=["md5", "sha1", "sha-256", "sha3-256"])
def test_one_of_the_algorithms_is_chosen_and_used(applicant: Initiator, account: Account, number: int) -> None:
    """> CHAP_A=<A> ... where A is one of A1,A2... that were proposed by the initiator.

    Whichever it is, the response is computed with it; MD5 is always among those proposed.
    """
    offered = tuple(dict.fromkeys((number, MD5.number)))
    session = applicant.session()
    session.attempt_login(account=replace(account, algorithms=offered)).expect(expect.login_succeeded())


@case("chap-exchange-03", "7143-12.1.3-02", needs="chap")
@variants("offered", [(200, 5), (5, 200), (1, 2, 3, 4, 5)], ids=["behind", "before", "behind-several"])
def test_unknown_algorithms_are_passed_over(applicant: Initiator, account: Account, offered: tuple[int, ...]) -> None:
    """The target takes an algorithm that it knows, wherever in the list it stands."""
    applicant.session().attempt_login(account=replace(account, algorithms=offered)).expect(expect.login_succeeded())


@case("chap-exchange-04", "7143-12.1.3-03", needs="chap")
@variants("offered", [(200,), (1, 2, 3)], ids=["one", "several"])
def test_login_without_an_algorithm_in_common_is_refused(
    applicant: Initiator, account: Account, offered: tuple[int, ...]
) -> None:
    """> The target MUST answer with a Login reject with the "Authentication Failure" status or reply with:
    > CHAP_A=<A>.

    With no algorithm in common there is only the reject.
    """
    chap = Chap(applicant.session().begin_login(), account)
    chap.agree(applicant.identity())
    chap.login.step(csg=SECURITY, transit=0, keys={"CHAP_A": ",".join(map(str, offered))}).expect(refused_as_unproven())


@case("chap-exchange-05", "7143-6.3-16", needs="chap")
def test_initiator_may_stay_in_the_stage_after_its_response(challenged: Callable[..., Chap]) -> None:
    """The response may come with T=0; the transition is then granted to a later request without keys."""
    chap = challenged()
    first = chap.answer(step={"transit": 0})
    assert first.status == 0 and first.header is not None, f"{first}"
    assert not first.header.transit, "T=1 answers T=0"
    let_in(chap.login.step(csg=SECURITY, nsg=OPERATIONAL, transit=1))


@case("chap-exchange-06", "7143-6.3.2-05", needs="chap")
def test_login_goes_from_chap_to_full_feature_phase(challenged: Callable[..., Chap]) -> None:
    """The stage after the security stage may be the full feature phase, if the target agrees; then it gives a TSIH."""
    chap = challenged()
    result = chap.answer(step={"nsg": FULL_FEATURE})
    let_in(result)
    if not result.succeeded:
        result = chap.login.step(csg=OPERATIONAL, transit=1)
    result.expect(expect.login_succeeded())
    assert result.header is not None and result.header.tsih, "the last response has no TSIH"


@case("chap-exchange-07", "7143-6.2-03", needs="chap")
@variants("piece", [7, 20], ids=["seven", "twenty"])
def test_keys_may_come_in_pieces(applicant: Initiator, piece: int) -> None:
    """The keys of each step may be spread over several requests by the C bit."""
    applicant.session().attempt_login(piece=piece).expect(expect.login_succeeded())


@case("chap-exchange-08", "7143-12.1.3-11", needs="chap")
@variants("form", ["upper-digits", "upper-prefix"], ids=["upper-digits", "upper-prefix"])
def test_hexadecimal_digits_may_be_capitals(challenged: Callable[..., Chap], form: str) -> None:
    """A hex-constant begins with 0x or 0X, and its digits are of either case."""
    chap = challenged()
    digits = chap.response().hex()
    let_in(chap.answer(CHAP_R=f"0x{digits.upper()}" if form == "upper-digits" else f"0X{digits}"))


@case("chap-exchange-09", "7143-13.1-06", needs=("chap", "header-digest"))
def test_digest_holds_after_chap(applicant: Initiator) -> None:
    """The operational stage after the security stage negotiates as it does without CHAP."""
    session = applicant.login(keys={"HeaderDigest": "CRC32C"})
    assert session.parameters.header_digest == "CRC32C", f"HeaderDigest={session.parameters.header_digest}"
    settle(session)
    session.command(TestUnitReady()).expect(expect.good())
