from __future__ import annotations

from collections.abc import Callable

from conformance.api import SECURITY, Initiator, LoginResult, case, expect, variants
from conformance.suites.login.steps import refused
from conformance.suites.negotiation.offers import answers, preference_is_respected, sole_answer
from iscsi_wire.text import REJECT

_DIGESTS = ["HeaderDigest", "DataDigest"]
_UNHEARD = "Y-org.chiscsi.unheard"
_STRANGE_LISTS = {
    "before": f"{_UNHEARD},None",
    "several": f"{_UNHEARD},Y-org.chiscsi.another,None",
    "registered": "CRC-64/XYZ,None",
    "other-case": "none,NONE,None",
    "long-item": f"Y-org.chiscsi.{'u' * 200},None",
}


@case("key-digest-01", "7143-6.2.1-02", "7143-13.1-01", "7143-13.1-02", "7143-6.2-21")
@variants(
    "offer", ["None", "CRC32C", "CRC32C,None", "None,CRC32C"], ids=["none", "crc32c", "crc32c-none", "none-crc32c"]
)
@variants("name", _DIGESTS, ids=_DIGESTS)
def test_digest_is_one_of_those_offered(attempt_login: Callable[..., LoginResult], name: str, offer: str) -> None:
    """> The responding party MUST respond with the same key and the first value that it supports (and is allowed to use
    > for the specific originator) selected from the originator list.

    Where none is allowed, the answer is Reject or the end of the login.
    """
    result = attempt_login(keys={name: offer})
    if not result.succeeded:
        result.expect(refused())
        return
    answer = sole_answer(result, name)
    assert answer in [*offer.split(","), REJECT], f"{name}={offer} is answered with {answer}"


@case("key-digest-02", "7143-6.2.1-01", "7143-6.2.1-02")
@variants("name", _DIGESTS, ids=_DIGESTS)
def test_digest_is_chosen_in_the_order_of_the_initiator(attempt_login: Callable[..., LoginResult], name: str) -> None:
    """> In list negotiation, the originator sends a list of values ..., in order of preference. The responding party
    > MUST respond with the same key and the first value that it supports.
    """

    def choose(offer: str) -> str | None:
        return attempt_login(keys={name: offer}).keys.get(name)

    wrong = preference_is_respected(choose, "CRC32C", "None")
    assert not wrong, f"{name}: {wrong}"


@case("key-digest-03", "7143-6.2.1-04", "7143-6.1-01", "7143-6.2.1-02")
@variants("offer", _STRANGE_LISTS.values(), ids=_STRANGE_LISTS.keys())
@variants("name", _DIGESTS, ids=_DIGESTS)
def test_unknown_digests_are_passed_over(attempt_login: Callable[..., LoginResult], name: str, offer: str) -> None:
    """> If an acceptor does not understand any particular value in a list, it MUST ignore it."""
    result = attempt_login(keys={name: offer})
    result.expect(expect.login_succeeded())
    answer = sole_answer(result, name)
    assert answer == "None", f"{name}={offer} is answered with {answer}"


@case("key-digest-04", "7143-6.2.1-05", "7143-6.2.1-03", "7143-7.12-03")
@variants("offer", [_UNHEARD, "crc32c", "", "CRC32"], ids=["private", "lower-case", "empty", "prefix"])
@variants("name", _DIGESTS, ids=_DIGESTS)
def test_nothing_is_chosen_where_every_digest_is_unknown(
    attempt_login: Callable[..., LoginResult], name: str, offer: str
) -> None:
    """> If an acceptor does not support, does not understand, or is not allowed to use any of the proposed options with
    > a specific originator, it may use the constant "Reject" or terminate the negotiation.
    """
    result = attempt_login(keys={name: offer})
    if not result.succeeded:
        result.expect(refused())
        return
    answer = sole_answer(result, name)
    assert answer == REJECT, f"{name}={offer} is answered with {answer}"


@case("key-digest-05", "7143-13.1-04")
@variants("name", _DIGESTS, ids=_DIGESTS)
def test_one_digest_does_not_bring_the_other(attempt_login: Callable[..., LoginResult], name: str) -> None:
    """The header digest and the data digest are negotiated by a key each, independently of each other."""
    other = next(digest for digest in _DIGESTS if digest != name)
    result = attempt_login(keys={name: "CRC32C,None", other: "None"})
    result.expect(expect.login_succeeded())
    assert sole_answer(result, other) == "None", f"{other}=None is answered with {answers(result, other)}"
    assert result.login.connection.header_digest == (result.keys["HeaderDigest"] == "CRC32C")


@case("key-task-reporting-01", "7143-13.23-01", "7143-6.2.1-02", "7143-6.2-21", "7143-11.12.10-02")
@variants(
    "offer",
    [
        "RFC3720,ResponseFence",
        "ResponseFence,RFC3720",
        "FastAbort,ResponseFence,RFC3720",
        "Unheard,RFC3720,ResponseFence",
    ],
    ids=["default-first", "fence-first", "everything", "unknown-first"],
)
def test_task_reporting_is_one_of_those_offered(attempt_login: Callable[..., LoginResult], offer: str) -> None:
    """> TaskReporting=<list-of-values>. Default is RFC3720. ... All keys in this document MUST be supported by iSCSI
    > initiators and targets when used as specified here.
    """
    result = attempt_login(keys={"TaskReporting": offer})
    result.expect(expect.login_succeeded())
    answer = sole_answer(result, "TaskReporting")
    known = {"RFC3720", "ResponseFence", "FastAbort"} & set(offer.split(","))
    assert answer in known, f"TaskReporting={offer} is answered with {answer}"


@case("key-task-reporting-02", "7143-6.2.1-01", "7143-6.2.1-02")
def test_task_reporting_is_chosen_in_the_order_of_the_initiator(attempt_login: Callable[..., LoginResult]) -> None:
    """> The responding party MUST respond with the same key and the first value that it supports.

    A target that chooses different values in both orders supports both, and then chooses the first.
    """
    forth = attempt_login(keys={"TaskReporting": "RFC3720,ResponseFence"}).keys.get("TaskReporting")
    back = attempt_login(keys={"TaskReporting": "ResponseFence,RFC3720"}).keys.get("TaskReporting")
    assert {forth, back} <= {"RFC3720", "ResponseFence"}, f"the answers are {forth} and {back}"
    assert (forth, back) != ("ResponseFence", "RFC3720"), "each time the last value is chosen"


@case("key-auth-method-01", "7143-6.3.2-01", "7143-12.1-01", "7143-6.2.1-04")
@variants(
    "offer",
    ["None", "Z-org.chiscsi.unheard,None", "none,None", "KRB5,SRP,CHAP,None"],
    ids=["none", "unknown-first", "other-case-first", "everything"],
)
def test_authentication_method_is_one_of_those_offered(initiator: Initiator, offer: str) -> None:
    """> The target MUST reply with the first option in the list it supports and is allowed to use for the specific
    > initiator, unless it does not support any, in which case it MUST answer with "Reject".
    """
    login = initiator.session().begin_login()
    result = login.step(csg=SECURITY, transit=0, keys=initiator.identity() | {"AuthMethod": offer})
    if result.status != 0:
        result.expect(refused())
        return
    known = {"KRB5", "SRP", "CHAP", "None"} & set(offer.split(","))
    answer = sole_answer(result, "AuthMethod")
    assert answer in known, f"AuthMethod={offer} is answered with {answer}"


@case("key-auth-method-02", "7143-6.3.2-01", "7143-6.2.1-01")
def test_authentication_method_is_chosen_in_the_order_of_the_initiator(initiator: Initiator) -> None:
    """> The target MUST reply with the first option in the list it supports and is allowed to use for the specific
    > initiator.
    """

    def choose(offer: str) -> str | None:
        login = initiator.session().begin_login()
        result = login.step(csg=SECURITY, transit=0, keys=initiator.identity() | {"AuthMethod": offer})
        return result.keys.get("AuthMethod")

    wrong = preference_is_respected(choose, "CHAP", "None")
    assert not wrong, f"AuthMethod: {wrong}"


@case("key-auth-method-03", "7143-6.3.2-02", "7143-6.3.2-06", "7143-6.2.1-05")
@variants("offer", ["Z-org.chiscsi.unheard", "none", "", "CHA"], ids=["private", "lower-case", "empty", "prefix"])
def test_nothing_is_chosen_where_every_authentication_method_is_unknown(initiator: Initiator, offer: str) -> None:
    """> ... unless it does not support any, in which case it MUST answer with "Reject"."""
    login = initiator.session().begin_login()
    result = login.step(csg=SECURITY, transit=0, keys=initiator.identity() | {"AuthMethod": offer})
    if result.status != 0:
        result.expect(refused())
        return
    answer = sole_answer(result, "AuthMethod")
    assert answer == REJECT, f"AuthMethod={offer} is answered with {answer}"
