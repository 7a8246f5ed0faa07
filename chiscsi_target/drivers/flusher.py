"""Brings writes to stable storage beside the stack's thread: a flush takes milliseconds, and hooks must not block."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Done", "Flusher"]

Done: TypeAlias = Callable[[OSError | None], None]
"""Is called in the flusher's thread after a flush, with the error that it met."""


class Flusher:
    """Flushes in a thread of its own, once for all who were waiting when the flush began.

    The thread starts with the first request. What was written before `submit` is covered by the flush that follows.
    """

    def __init__(self, flush: Callable[[], None], name: str) -> None:
        """Make a flusher.

        Args:
            flush: brings everything written so far to stable storage; raises OSError when it cannot.
            name: of the thread.
        """
        self._flush = flush
        self._name = name
        self._wake = threading.Condition()
        self._waiting: list[Done] = []
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, done: Done) -> None:
        """Have `done` called after the next flush."""
        with self._wake:
            self._waiting.append(done)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._wake.notify()

    def close(self) -> None:
        """Serve who is waiting, and end the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _next(self) -> list[Done]:
        """Who waits for the next flush; nobody when there will be none."""
        with self._wake:
            while not (self._waiting or self._closed):
                self._wake.wait()
            waiting, self._waiting = self._waiting, []
            return waiting

    def _run(self) -> None:
        while waiting := self._next():
            error: OSError | None = None
            try:
                self._flush()
            except OSError as met:
                error = met
            for done in waiting:
                done(error)
