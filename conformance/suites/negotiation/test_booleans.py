from __future__ import annotations

from collections.abc import Callable

from conformance.api import LoginResult, case, expect, variants
from conformance.suites.negotiation.offers import BOOLEANS, answers, judge_improper_offer, sole_answer
from iscsi_wire.keys import KEYS

_FORMS = {"lower-case": "yes", "upper-case": "NO", "empty": "", "digit": "1", "word": "True", "list": "Yes,No"}


@case("key-boolean-01", "7143-6.2.2-06", "7143-6.2.2-07", "7143-13-06", "7143-6.2-21")
@variants("value", ["Yes", "No"])
@variants("name", BOOLEANS, ids=BOOLEANS)
def test_boolean_is_answered_by_the_result_function(
    attempt_login: Callable[..., LoginResult], name: str, value: str
) -> None:
    """> For Boolean negotiations ..., the accepting party MUST answer with the same key and the result of the
    > negotiation when the received value does not determine that result by itself.
    """
    result = attempt_login(keys={name: value})
    result.expect(expect.login_succeeded())
    key, offer = KEYS[name], value == "Yes"
    if key.answer_optional(offer) and not answers(result, name):
        return
    answer = sole_answer(result, name)
    assert answer in ("Yes", "No"), f"{name}={value} is answered with {answer}"
    assert key.admits(offer, answer == "Yes"), f"{name}={value} is answered with {answer}"


@case("key-boolean-02", "7143-6.1-08", "7143-6.1-01", "7143-6.2.2-02", "7143-6.2.2-03")
@variants("form", _FORMS.values(), ids=_FORMS.keys())
@variants("name", BOOLEANS, ids=BOOLEANS)
def test_boolean_in_a_wrong_form_comes_to_nothing_illegal(
    attempt_login: Callable[..., LoginResult], name: str, form: str
) -> None:
    """> boolean-value: The string "Yes" or "No". ... All the text keys and text values specified in this document are
    > case sensitive.
    """
    judge_improper_offer(attempt_login(keys={name: form}), name)
