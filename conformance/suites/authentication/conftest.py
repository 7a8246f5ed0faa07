"""Accounts, and initiators that use them; the target is one that lets nobody in without CHAP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from conformance.api import Account, Chap, Initiator, Target
from conformance.harness.interruptions import NotArranged
from initiator_sim.outcomes import ExpectationFailed, Unsupported


@pytest.fixture
def mutual_account(target: Target) -> Account:
    """The account with which target and initiator prove themselves to each other, as far as the target has one."""
    account = target.protected[1]
    if account is None:
        raise Unsupported("no CHAP account was given for the target")
    return account


@pytest.fixture
def account(mutual_account: Account) -> Account:
    """The account with which the initiator alone proves itself."""
    return replace(mutual_account, target_secret=None)


@pytest.fixture
def applicant(target: Target, account: Account) -> Iterator[Initiator]:
    """An initiator of the protected target that has opened nothing yet; it proves itself, and asks for no proof."""
    with target.initiator(protected=True) as initiator:
        initiator.account = account
        yield initiator


@pytest.fixture
def challenged(applicant: Initiator) -> Callable[..., Chap]:
    """Begins a login and goes on to where the target has sent its challenge (`Session.begin_chap`).

    It has to come so far, or the case is inconclusive.
    """

    def begin(account: Account | None = None) -> Chap:
        try:
            return applicant.session().begin_chap(account)
        except ExpectationFailed as failure:
            raise NotArranged(failure) from failure

    return begin
