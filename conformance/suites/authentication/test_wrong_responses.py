"""What proves nothing: the login ends with "Authentication Failure", and the connection with it."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import Chap, Initiator, case, expect, variants
from conformance.suites.authentication.outcomes import UNPROVEN, WRONG_STEP, cut_off, turned_away

_WRONG: dict[str, Callable[[Chap], bytes]] = {
    "other-secret": lambda chap: chap.response(b"quite-another-one"),
    "no-secret": lambda chap: chap.response(b""),
    "longer-secret": lambda chap: chap.response(chap.account.secret + b"\0"),
    "other-identifier": lambda chap: chap.response(identifier=chap.identifier ^ 1),
    "other-challenge": lambda chap: chap.response(challenge=chap.challenge[:-1]),
    "one-bit": lambda chap: bytes((chap.response()[0] ^ 1, *chap.response()[1:])),
    "last-bit": lambda chap: bytes((*chap.response()[:-1], chap.response()[-1] ^ 1)),
    "zeros": lambda chap: bytes(len(chap.response())),
}


@case("chap-failure-01", "7143-12.1.3-06", "7143-9.2-06", "1994-4.1-08", needs="chap")
@variants("wrong", list(_WRONG), ids=list(_WRONG))
def test_wrong_response_is_an_authentication_failure(challenged: Callable[..., Chap], wrong: str) -> None:
    """> If the initiator authentication fails, the target MUST answer with a Login reject with "Authentication
    > Failure" status.
    """
    chap = challenged()
    turned_away(chap.answer(CHAP_R=chap.text(_WRONG[wrong](chap))))


@case("chap-failure-02", "7143-12.1.3-06", "1994-4.1-09", needs="chap")
@variants("name", ["nobody", "{}x", " {}"], ids=["other", "longer", "blank-before"])
def test_unknown_name_is_an_authentication_failure(challenged: Callable[..., Chap], name: str) -> None:
    """A name that is not known proves nothing, whatever the response."""
    chap = challenged()
    turned_away(chap.answer(CHAP_N=name.format(chap.account.name)))


@case("chap-failure-03", "1994-4.1-07", needs="chap")
@variants("length", [1, 8, 15, 17, 1024], ids=["one", "half", "short", "long", "longest"])
def test_response_of_another_length_fails(challenged: Callable[..., Chap], length: int) -> None:
    """The response has the length of the hash; one that begins well and is shorter or longer is none."""
    chap = challenged()
    response = (chap.response() + bytes(length))[:length]
    chap.answer(CHAP_R=chap.text(response)).expect(expect.login_failed(UNPROVEN | WRONG_STEP))


@case("chap-failure-04", "7143-6.3.2-06", needs="chap")
def test_failure_leaves_the_target_as_it_was(applicant: Initiator, challenged: Callable[..., Chap]) -> None:
    """A failed login ends alone: the right response on the next connection is as good as ever."""
    chap = challenged()
    turned_away(chap.answer(secret=b"quite-another-one"))
    applicant.session().attempt_login().expect(expect.login_succeeded())


@case("chap-failure-05", "1994-4.2-02", "1994-2-02", needs="chap")
def test_failure_ends_the_connection(challenged: Callable[..., Chap]) -> None:
    """> the authenticator MUST transmit a CHAP packet with the Code field set to 4 (Failure), and SHOULD take action to
    > terminate the link.
    """
    result = challenged().answer(secret=b"quite-another-one")
    turned_away(result)
    cut_off(result)
