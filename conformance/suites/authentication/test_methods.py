"""AuthMethod: which method is agreed on, and that nobody gets round it."""

from __future__ import annotations

from conformance.api import OPERATIONAL, SECURITY, Account, Chap, Initiator, LoginStatus, case, expect, variants
from conformance.suites.authentication.outcomes import WRONG_STEP, cut_off, turned_away
from initiator_sim.login import LoginResult
from iscsi_wire.text import REJECT

_REFUSALS = WRONG_STEP | {LoginStatus.AUTHENTICATION_FAILURE}


def _offer(applicant: Initiator, methods: str) -> LoginResult:
    login = applicant.session().begin_login()
    return login.step(csg=SECURITY, transit=0, keys=applicant.identity() | {"AuthMethod": methods})


@case("chap-method-01", "7143-6.3.2-01", "7143-12.1-04", "7143-9.2.1-01", needs="chap")
@variants(
    "offer",
    ["CHAP", "CHAP,None", "None,CHAP", "KRB5,SRP,CHAP", "Z-org.chiscsi.unheard,CHAP"],
    ids=["chap", "chap-none", "none-chap", "krb5-srp-chap", "extension-chap"],
)
def test_chap_is_selected_of_what_is_offered(applicant: Initiator, offer: str) -> None:
    """> The target MUST reply with the first option in the list it supports and is allowed to use for the specific
    > initiator.
    """
    result = _offer(applicant, offer)
    assert result.status == 0, f"{result}"
    assert result.keys.get("AuthMethod") == "CHAP", f"AuthMethod={offer} is answered with {result.pairs}"


@case("chap-method-02", "7143-6.3.1-08", needs="chap")
def test_login_that_skips_the_security_stage_is_refused(applicant: Initiator) -> None:
    """> If the target ... is not ready to complete the Login Phase without the SecurityNegotiation stage ... it
    > terminates the connection with "Authentication failure".
    """
    result = applicant.session().attempt_login(stages=(OPERATIONAL,))
    turned_away(result)
    cut_off(result)


@case("chap-method-03", "7143-6.3.2-02", needs="chap")
@variants("offer", ["None", "SRP", "KRB5,SRP"], ids=["none", "srp", "krb5-srp"])
def test_methods_that_do_not_do_are_rejected(applicant: Initiator, offer: str) -> None:
    """If the target supports none of the methods offered, or may not use it, it answers Reject or ends the login."""
    result = _offer(applicant, offer)
    if result.status == 0:
        answer = result.keys.get("AuthMethod")
        assert answer == REJECT, f"AuthMethod={offer} is answered with {answer}"
    else:
        result.expect(expect.login_failed(_REFUSALS))


@case("chap-method-04", "7143-6.3.1-08", "7143-6.3.2-06", needs="chap")
def test_security_stage_is_not_left_without_a_method(applicant: Initiator) -> None:
    """An initiator that asks to go on without having offered a method does not get on."""
    login = applicant.session().begin_login()
    result = login.step(csg=SECURITY, nsg=OPERATIONAL, transit=1, keys=applicant.identity())
    assert result.header is not None and not result.header.transit, f"{result}"
    if result.status != 0:
        result.expect(expect.login_failed(_REFUSALS))


@case("chap-method-05", "7143-9.2-05", needs="chap")
def test_keys_of_chap_before_the_method_are_an_error(applicant: Initiator, account: Account) -> None:
    """Keys of a method that was not agreed on fit no step, and lead to no challenge."""
    chap = Chap(applicant.session().begin_login(), account)
    keys = applicant.identity() | {"CHAP_A": "5"}
    chap.login.step(csg=SECURITY, transit=0, keys=keys).expect(expect.login_failed(_REFUSALS))
