"""What cases about logins have in common: a login of which the first request was sent, and the rest waits."""

from __future__ import annotations

from typing import Any

from conformance.api import OPERATIONAL, SECURITY, expect
from conformance.driver_bench import DriverBench
from initiator_sim.login import Login
from initiator_sim.proposal import make_plan

CHECKS = ("fp_first_login_check", "fp_login_stage_check")


def send_first(bench: DriverBench, stage: int = OPERATIONAL, second: bool = False, **fields: Any) -> Login:
    """Send the first Login Request of a login that begins in `stage`, with all that is said in that stage."""
    initiator = bench.second_initiator if second else bench.initiator
    stages = (SECURITY, OPERATIONAL) if stage == SECURITY else (OPERATIONAL,)
    login = initiator.session().begin_login()
    csg, keys = make_plan(initiator.identity(), stages=stages)[0]
    login.request(csg=csg, keys=keys, **fields)
    return login


def expect_still_waiting(bench: DriverBench, login: Login, seconds: float = 1.0) -> None:
    """Require that the target says nothing to a login for a time."""
    bench.stage.settle()
    login.connection.expect(expect.nothing(seconds))
