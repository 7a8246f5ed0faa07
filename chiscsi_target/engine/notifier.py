"""`Notifier`: who wants to be told of events (behaviour file, 1.8)."""

from __future__ import annotations

import traceback
from functools import partial
from typing import TYPE_CHECKING

from chiscsi_target.api.events import EventCallback, chiscsi_event
from chiscsi_target.core.agenda import ERROR

if TYPE_CHECKING:
    from chiscsi_target.engine.worker import Worker


class Notifier:
    """The registered callbacks.

    They are called like hooks: between two protocol steps, in the thread of the worker where the event happened, with
    no lock held. One that raises is logged; the others are called all the same.
    """

    def __init__(self) -> None:
        self._callbacks: tuple[EventCallback, ...] = ()

    def register(self, callback: EventCallback) -> bool:
        """Add a callback; returns whether it was not there yet."""
        if callback in self._callbacks:
            return False
        self._callbacks += (callback,)
        return True

    def unregister(self, callback: EventCallback) -> bool:
        """Take a callback away; returns whether it was there. A call that is under way goes on."""
        if callback not in self._callbacks:
            return False
        self._callbacks = tuple(each for each in self._callbacks if each != callback)
        return True

    def attach(self, worker: Worker) -> None:
        """Hear of a worker's events."""
        worker.notify = partial(self._happened, worker)

    def _happened(self, worker: Worker, number: chiscsi_event, text: str) -> None:
        if self._callbacks:
            worker.post(partial(self._tell, worker, number), text)

    def _tell(self, worker: Worker, number: chiscsi_event, text: str) -> None:
        for callback in self._callbacks:
            try:
                callback(number, text)
            except Exception as error:
                told = "".join(traceback.format_exception(error)).rstrip()
                worker.log(ERROR, f"event callback raised at event {number}: {told}")
