"""Discovery sessions of both kinds (RFC 7143, 7.4.2), and what they list."""

from __future__ import annotations

from conformance.api import Initiator, LoginResult, Session, expect
from initiator_sim.proposal import make_plan
from initiator_sim.texting import TextResult


def log_in_named(initiator: Initiator, session: Session) -> LoginResult:
    """Log in to a Named Discovery session: one that says which target it is about."""
    login = session.begin_login()
    names = initiator.identity(discovery=True) | {"TargetName": initiator.target_name}
    result = login.run(make_plan(names))
    if result.succeeded:
        session.conclude(login, result)
    return result


def listed(result: TextResult) -> list[str]:
    """The names of the targets in an answer."""
    return [value for key, value in result.pairs if key == "TargetName"]


def nothing_listed(result: TextResult) -> None:
    """Require that a request was answered with a list of no targets, or with a Reject."""
    result.expect(expect.any_of(expect.text_response(), expect.rejected()))
    assert not listed(result), f"the answer lists {', '.join(listed(result))}"


def go_on(session: Session) -> None:
    """Require that the session still serves SendTargets.

    The CmdSN of a rejected request "MUST NOT be considered received by the target" (RFC 7143, 7.3), so it is used
    again.
    """
    session.numbering.cmd_sn = session.numbering.exp_cmd_sn
    session.send_targets("All")
