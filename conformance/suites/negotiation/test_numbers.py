from __future__ import annotations

from collections.abc import Callable

from conformance.api import LoginResult, case, expect, variants
from conformance.suites.negotiation.offers import (
    NUMBERS,
    is_admissible,
    judge_improper_offer,
    relevant_answer,
    sole_answer,
)
from iscsi_wire.keys import KEYS, Key
from iscsi_wire.text import REJECT

_PLACES: dict[str, Callable[[Key], int]] = {
    "lowest": lambda key: key.low,
    "middle": lambda key: (key.low + key.high) // 2,
    "highest": lambda key: key.high,
}
_BEYOND: dict[str, Callable[[Key], int]] = {
    "above": lambda key: key.high + 1,
    "beyond-32-bits": lambda key: (1 << 32) + key.low,
    "beyond-64-bits": lambda key: (1 << 64) + key.low,
}
_BELOW = [name for name in NUMBERS if KEYS[name].low > 0]
_FORMS = {
    "empty": "",
    "minus": "-8192",
    "plus": "+8192",
    "leading-zero": "08192",
    "fraction": "8192.0",
    "unit": "8k",
    "word": "many",
    "boolean": "Yes",
    "blank": " 8192",
    "hex-without-digits": "0x",
    "hex-without-prefix": "2000h",
    "base64": "0bAAAgAA==",
    "range": "8192~65536",
    "list": "8192,65536",
}
_NOTATIONS = {"lower-case": "0x40c", "upper-case": "0X40C", "leading-zeros": "0x000040C"}


def _with_partner(name: str, value: int) -> dict[str, str]:
    """The offer, and one for the key that has to fit it: FirstBurstLength never exceeds MaxBurstLength."""
    offer = {name: str(value)}
    if name == "MaxBurstLength":
        offer["FirstBurstLength"] = str(min(value, 65536))
    if name == "FirstBurstLength":
        offer["MaxBurstLength"] = str(max(value, 262144))
    return offer


@case("key-number-01", "7143-6.2.2-01", "7143-13-05", "7143-6.2-21", "7143-6.2-14", "7143-11.12.10-02")
@variants("place", _PLACES.values(), ids=_PLACES.keys())
@variants("name", NUMBERS, ids=NUMBERS)
def test_number_within_the_range_is_answered_by_the_result_function(
    attempt_login: Callable[..., LoginResult], non_strict: Callable[[str], None], name: str, place: Callable[[Key], int]
) -> None:
    """> "Minimum" means that the selected value cannot exceed the offered value. "Maximum" means that the selected
    > value cannot be lower than the offered value.
    """
    key = KEYS[name]
    offer = place(key)
    result = attempt_login(keys=_with_partner(name, offer))
    result.expect(expect.login_succeeded())
    answer = relevant_answer(result, name)
    if answer == REJECT:
        non_strict(f"{name}={offer} is answered with Reject, although it lies in the range")
        return
    assert is_admissible(key, answer) and key.admits(offer, key.parse(answer)), (
        f"{name}={offer} is answered with {answer}"
    )


@case("key-number-02", "7143-6.1-13", "7143-6.1-09")
@variants("notation", _NOTATIONS.values(), ids=_NOTATIONS.keys())
@variants("name", ["MaxBurstLength", "DefaultTime2Wait", "MaxOutstandingR2T"])
def test_number_in_hexadecimal_is_the_same_number(
    attempt_login: Callable[..., LoginResult], name: str, notation: str
) -> None:
    """> numerical-value: An unsigned integer always less than 2**64 encoded as a decimal-constant or a hex-constant."""
    partner = {"FirstBurstLength": "512"} if name == "MaxBurstLength" else {}
    decimal = attempt_login(keys=partner | {name: str(int(notation, 16))})
    hexadecimal = attempt_login(keys=partner | {name: notation})
    decimal.expect(expect.login_succeeded())
    hexadecimal.expect(expect.login_succeeded())
    wanted, given = sole_answer(decimal, name), sole_answer(hexadecimal, name)
    same = is_admissible(KEYS[name], given) and int(given, 0) == int(wanted, 0)
    assert same, f"{name}={notation} is answered with {given}, the same in decimal with {wanted}"


@case("key-number-03", "7143-6.2.2-02", "7143-6.2.2-03", "7143-7.12-03")
@variants("place", _BEYOND.values(), ids=_BEYOND.keys())
@variants("name", NUMBERS, ids=NUMBERS)
def test_number_above_the_range_comes_to_nothing_illegal(
    attempt_login: Callable[..., LoginResult], name: str, place: Callable[[Key], int]
) -> None:
    """> Proposing a value not admissible (e.g., not within the specified bounds) MAY be answered with the constant
    > "Reject"; otherwise, the acceptor MUST select an admissible value.
    """
    judge_improper_offer(attempt_login(keys={name: str(place(KEYS[name]))}), name)


@case("key-number-04", "7143-6.2.2-02", "7143-6.2.2-03", "7143-7.12-03")
@variants("name", _BELOW, ids=_BELOW)
def test_number_below_the_range_comes_to_nothing_illegal(attempt_login: Callable[..., LoginResult], name: str) -> None:
    """> Proposing a value not admissible (e.g., not within the specified bounds) MAY be answered with the constant
    > "Reject"; otherwise, the acceptor MUST select an admissible value.
    """
    judge_improper_offer(attempt_login(keys={name: str(KEYS[name].low - 1)}), name)


@case("key-number-05", "7143-6.1-10", "7143-6.2.2-02", "7143-6.2.2-03", "7143-6.2-09")
@variants("form", _FORMS.values(), ids=_FORMS.keys())
def test_number_in_a_wrong_form_comes_to_nothing_illegal(attempt_login: Callable[..., LoginResult], form: str) -> None:
    """> decimal-constant: An unsigned decimal number with the digit 0 or a string of one or more digits that starts
    > with a non-zero digit.
    """
    judge_improper_offer(attempt_login(keys={"MaxBurstLength": form, "FirstBurstLength": "512"}), "MaxBurstLength")


@case("key-protocol-level-01", "7143-13.24-01", "7144-7.1.1-01")
@variants("offer", [1, 2, 31], ids=["1", "2", "31"])
def test_target_claims_protocol_level_1_at_least(attempt_login: Callable[..., LoginResult], offer: int) -> None:
    """> The iSCSIProtocolLevel associated with this document is "1". As a responder or an originator in a negotiation
    > of this key, an iSCSI implementation compliant to this document alone, without any future protocol extensions,
    > MUST use this value.
    """
    result = attempt_login(keys={"iSCSIProtocolLevel": str(offer)})
    result.expect(expect.login_succeeded())
    answer = sole_answer(result, "iSCSIProtocolLevel")
    assert answer.isdigit() and 1 <= int(answer) <= offer, f"iSCSIProtocolLevel={offer} is answered with {answer}"
