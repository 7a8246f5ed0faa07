from __future__ import annotations

from collections.abc import Callable

from conformance.api import LoginResult, case, expect


@case("key-unknown-01", "7143-6.2-12", "7143-6.2-22")
def test_unknown_key_is_answered_not_understood(attempt_login: Callable[..., LoginResult]) -> None:
    """A key that the receiver does not know is answered with NotUnderstood, and the login goes on."""
    result = attempt_login(extra=[("X-org.chiscsi.Unheard", "1")])
    result.expect(expect.login_succeeded())
    answer = result.keys.get("X-org.chiscsi.Unheard")
    assert answer == "NotUnderstood", f"the answer is {answer}"
