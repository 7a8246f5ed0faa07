"""Faults of the event notifier (behaviour file, 1.8)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api import chiscsi_event
from chiscsi_target.core.agenda import Agenda
from chiscsi_target.engine.notifier import Notifier
from tests.mutants.planting import Original, Plant, mutant


def _keep_quiet_about(plant: Plant, *events: chiscsi_event) -> None:
    def happened(original: Original, self: Agenda, number: chiscsi_event, text: str) -> None:
        if number not in events:
            original(self, number, text)

    plant.wrap(Agenda, "event", happened)


@mutant("behaviour file, 1.8", "drv-event-01 drv-event-07")
def logins_are_not_told(plant: Plant) -> None:
    """A login that succeeds is no event."""
    _keep_quiet_about(plant, chiscsi_event.LOGIN_SUCCESS)


@mutant("behaviour file, 1.8", "drv-event-01 drv-event-02")
def logouts_are_not_told(plant: Plant) -> None:
    """Logouts are no events, those that fail neither."""
    _keep_quiet_about(plant, chiscsi_event.LOGOUT_SUCCESS, chiscsi_event.LOGOUT_FAILURE)


@mutant("behaviour file, 1.8", "drv-event-03 drv-event-04 drv-event-05")
def refusals_are_not_told(plant: Plant) -> None:
    """Who is turned away, for whatever reason, is no event."""
    denied = chiscsi_event.ACL_DENY
    _keep_quiet_about(plant, chiscsi_event.LOGIN_FAILURE, chiscsi_event.AUTHENTICATION_FAILURE, denied)


@mutant("behaviour file, 1.8", "drv-event-06")
def targets_come_and_go_unnoticed(plant: Plant) -> None:
    """Targets that are added or removed are no events."""
    _keep_quiet_about(plant, chiscsi_event.NODE_ADDED, chiscsi_event.NODE_REMOVED)


@mutant("behaviour file, 1.8", "drv-event-01 drv-event-02 drv-event-03")
def events_name_the_target_only(plant: Plant) -> None:
    """The text of an event does not say which initiator it is about."""

    def happened(original: Original, self: Agenda, number: chiscsi_event, text: str) -> None:
        original(self, number, text.partition(", ")[2] or text)

    plant.wrap(Agenda, "event", happened)


@mutant("behaviour file, 1.8", "drv-event-07")
def first_callback_that_raises_is_the_last(plant: Plant) -> None:
    """When a callback raises, those behind it are not called."""

    def tell(self: Notifier, worker: Any, number: chiscsi_event, text: str) -> None:
        try:
            for callback in self._callbacks:
                callback(number, text)
        except ValueError:
            return

    plant.replace(Notifier, "_tell", tell)


@mutant("behaviour file, 1.8", "drv-event-08.twice")
def callbacks_are_registered_as_often_as_asked(plant: Plant) -> None:
    """A callback can be registered twice, and is then called twice."""

    def register(self: Notifier, callback: Any) -> bool:
        self._callbacks += (callback,)
        return True

    plant.replace(Notifier, "register", register)


@mutant("behaviour file, 1.8", "drv-event-09 drv-event-08.never")
def callbacks_stay(plant: Plant) -> None:
    """A callback that is unregistered is called all the same."""
    plant.replace(Notifier, "unregister", lambda self, callback: True)
