from __future__ import annotations

import threading

from chiscsi_target.drivers.flusher import Flusher

PATIENCE = 20


class Gate:
    """A flush that waits until it is let through, and counts."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.open = threading.Semaphore(0)
        self.flushes = 0
        self.error: OSError | None = None

    def flush(self) -> None:
        self.flushes += 1
        self.begun.release()
        assert self.open.acquire(timeout=PATIENCE)
        if self.error is not None:
            raise self.error


class Inbox:
    """Collects what the flusher says, and waits for it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, OSError | None]] = []
        self.news = threading.Semaphore(0)

    def done(self, name: str, error: OSError | None) -> None:
        self.heard.append((name, error))
        self.news.release()

    def wait(self, count: int) -> list[str]:
        for _ in range(count):
            assert self.news.acquire(timeout=PATIENCE)
        return [name for name, _ in self.heard]


def test_one_flush_serves_all_who_wait_but_nobody_who_came_after_it_began() -> None:
    gate, inbox = Gate(), Inbox()
    flusher = Flusher(gate.flush, "test")
    flusher.submit(lambda error: inbox.done("first", error))
    assert gate.begun.acquire(timeout=PATIENCE)
    for name in ("second", "third"):
        flusher.submit(lambda error, name=name: inbox.done(name, error))  # type: ignore[misc]
    gate.open.release()
    assert inbox.wait(1) == ["first"]
    gate.open.release()
    assert inbox.wait(2) == ["first", "second", "third"]
    flusher.close()
    assert gate.flushes == 2


def test_an_error_is_told_and_the_next_flush_is_made_all_the_same() -> None:
    gate, inbox = Gate(), Inbox()
    flusher = Flusher(gate.flush, "test")
    gate.error = OSError(5, "broken")
    gate.open.release()
    flusher.submit(lambda error: inbox.done("a", error))
    inbox.wait(1)
    gate.error = None
    gate.open.release()
    flusher.submit(lambda error: inbox.done("b", error))
    inbox.wait(1)
    flusher.close()
    assert [(name, error and error.errno) for name, error in inbox.heard] == [("a", 5), ("b", None)]


def test_closing_serves_who_waits_and_ends_the_thread() -> None:
    gate, inbox = Gate(), Inbox()
    flusher = Flusher(gate.flush, "flush of a test")
    gate.open.release()
    flusher.submit(lambda error: inbox.done("last", error))
    flusher.close()
    assert inbox.wait(1) == ["last"]
    assert "flush of a test" not in [thread.name for thread in threading.enumerate()]


def test_without_a_request_there_is_no_thread() -> None:
    before = threading.active_count()
    flusher = Flusher(lambda: None, "never")
    assert threading.active_count() == before
    flusher.close()
