"""Requests whose keys are not those of the step, or whose values have not their form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.api import SECURITY, Account, Chap, Initiator, LoginStatus, case, expect, variants
from conformance.suites.authentication.outcomes import refused_for_its_form
from initiator_sim.login import LoginResult

_MAX_LENGTH = 1024
"""Octets of a CHAP_C or CHAP_R once decoded."""

_WRONG_STEPS: dict[str, Callable[[Chap], LoginResult]] = {
    "no-name": lambda chap: chap.answer(omit={"CHAP_N"}),
    "nothing": lambda chap: chap.login.step(csg=SECURITY, transit=0),
    "nothing-and-on": lambda chap: chap.login.step(csg=SECURITY, transit=1),
    "algorithms-again": lambda chap: chap.login.step(csg=SECURITY, transit=0, keys={"CHAP_A": "5"}),
    "response-twice": lambda chap: chap.answer(extra=[("CHAP_R", chap.text(chap.response()))]),
    "name-twice": lambda chap: chap.answer(extra=[("CHAP_N", chap.account.name)]),
    "key-of-srp": lambda chap: chap.answer(extra=[("SRP_U", chap.account.name)]),
    "method-again": lambda chap: chap.answer(extra=[("AuthMethod", "CHAP")]),
}

_WRONG_VALUES: dict[str, dict[str, str]] = {
    "response-no-constant": {"CHAP_R": "zz"},
    "response-no-digits": {"CHAP_R": "0x"},
    "response-no-base64": {"CHAP_R": "0b%%%%"},
    "response-too-long": {"CHAP_R": "0x" + "ab" * (_MAX_LENGTH + 1)},
    "empty-name": {"CHAP_N": ""},
}


@case("chap-step-01", "7143-9.2-05", needs="chap")
@variants("wrong", list(_WRONG_STEPS), ids=list(_WRONG_STEPS))
def test_keys_of_another_step_are_an_initiator_error(challenged: Callable[..., Chap], wrong: str) -> None:
    """> Whenever an iSCSI target gets a request or response whose keys, or their values, are not according to the step
    > definition, it MUST answer with a Login reject with the "Initiator Error" or "Missing Parameter" status.
    """
    _WRONG_STEPS[wrong](challenged()).expect(refused_for_its_form())


@case("chap-step-02", "7143-9.2-07", needs="chap")
def test_missing_response_is_a_missing_parameter(challenged: Callable[..., Chap]) -> None:
    """> the target must answer the missing CHAP_R key with a Login reject with the "Missing Parameter" status."""
    challenged().answer(omit={"CHAP_R"}).expect(expect.login_failed({LoginStatus.MISSING_PARAMETER}))


@case("chap-step-03", "7143-9.2-05", needs="chap")
def test_response_before_the_challenge_is_an_initiator_error(applicant: Initiator, account: Account) -> None:
    """Name and response come after the challenge; nothing can be proved before."""
    chap = Chap(applicant.session().begin_login(), account)
    chap.agree(applicant.identity())
    chap.answer().expect(refused_for_its_form())


@case("chap-step-04", "7143-9.2-05", needs="chap")
@variants("late", ["response", "algorithms"], ids=["response", "algorithms"])
def test_keys_after_the_end_are_an_initiator_error(challenged: Callable[..., Chap], late: str) -> None:
    """Once the initiator has proved itself there is no further step."""
    chap = challenged()
    first = chap.answer(step={"transit": 0})
    assert first.status == 0, f"{first}"
    again = {"CHAP_N": chap.account.name, "CHAP_R": chap.text(chap.response())}
    result = chap.login.step(csg=SECURITY, transit=0, keys=again if late == "response" else {"CHAP_A": "5"})
    result.expect(expect.login_failed(range(0x0200, 0x0300)))


@case("chap-step-05", "7143-9.2-05", "7143-12.1.3-09", "7143-12.1.3-11", needs="chap")
@variants("wrong", list(_WRONG_VALUES), ids=list(_WRONG_VALUES))
def test_malformed_values_are_an_initiator_error(challenged: Callable[..., Chap], wrong: str) -> None:
    """A value that has not its form, or is longer than allowed, fits no step; it is no wrong response either."""
    keys: dict[str, Any] = _WRONG_VALUES[wrong]
    challenged().answer(**keys).expect(refused_for_its_form())


@case("chap-step-06", "7143-9.2-05", "7143-12.1.3-11", needs="chap")
@variants("value", ["MD5", "5,,6", ""], ids=["word", "empty-item", "empty"])
def test_malformed_algorithms_are_an_initiator_error(applicant: Initiator, account: Account, value: str) -> None:
    """CHAP_A is a list of numbers."""
    chap = Chap(applicant.session().begin_login(), account)
    chap.agree(applicant.identity())
    chap.login.step(csg=SECURITY, transit=0, keys={"CHAP_A": value}).expect(refused_for_its_form())
