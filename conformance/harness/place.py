"""Where a process stands among those that share a run, and the names that keep them apart."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.harness.settings import Settings

MEETING_KEY = "conformance_meeting"
"""Where a controller of pytest-xdist leaves the meeting place for its workers."""
NAME_AUTHORITY = "iqn.2026-11.org.chiscsi"


@dataclass(slots=True)
class Place:
    """One process of a run.

    worker: pytest-xdist's name for it ("gw0"), empty without. index, count: which one of how many. run: what all of
    them call the run. meeting: a directory where they can wait for one another.
    """

    worker: str = ""
    index: int = 0
    count: int = 1
    run: str = ""
    meeting: str = ""
    _initiators: int = field(default=0, init=False)

    @property
    def label(self) -> str:
        """A word for this process that no other process of the run has."""
        return self.worker or "main"

    @property
    def target_name(self) -> str:
        """The name of this process's embedded target."""
        return f"{NAME_AUTHORITY}:conform" + (f".{self.worker}" if self.worker else "")

    def initiator_name(self, settings: Settings) -> str:
        """The name to log in with: the user's, or one that no other run and no other worker has."""
        return settings.initiator_name or f"{NAME_AUTHORITY}:initiator.{self.run}.{self.label}"

    def next_seed(self) -> int:
        """24 bits for ISIDs of the random format (RFC 7143 section 11.12.5) that no other initiator of the run has.

        They keep sessions apart even where all workers have to log in under one name: five bits for the process,
        seven for the run, twelve for the initiator.
        """
        self._initiators += 1
        return (self.index & 0x1F) << 19 | (int(self.run, 16) & 0x7F) << 12 | self._initiators & 0xFFF


def place_of_one() -> Place:
    """The place of a process that shares its run with no other."""
    return Place(run=f"{os.getpid():08x}")


def place_of(config: pytest.Config) -> Place:
    """The place of the process that `config` belongs to."""
    inputs: dict[str, Any] | None = getattr(config, "workerinput", None)
    if inputs is None:
        return place_of_one()
    worker = str(inputs["workerid"])
    index = int(worker.removeprefix("gw"))
    # A worker that replaces a crashed one gets the next number.
    count = max(int(inputs["workercount"]), index + 1)
    return Place(worker, index, count, str(inputs["testrunuid"])[:8], str(inputs[MEETING_KEY]))
