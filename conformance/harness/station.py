"""What a process tests against, and whether that is still there.

A Station starts the embedded target or knows the foreign one, gives each case fresh evidence and its turn, and asks
the target now and then whether it is sound. A pass counts only if the target later proves alive: by letting the next
case log in, or by the exchange that follows each module and each case that did not end well.
"""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import DEVNULL
from typing import cast

import pytest

from conformance.embedded import Changes, Embedded, Factory, start_with
from conformance.harness.address import parse_address
from conformance.harness.evidence import Evidence
from conformance.harness.foreign import Foreign
from conformance.harness.health import Health, examine
from conformance.harness.place import Place
from conformance.harness.settings import Settings
from conformance.harness.target import Target
from conformance.harness.turns import Turns
from initiator_sim.exchange import Exchange
from iscsi_wire.records import Listener, Record

STATION = pytest.StashKey["Station"]()
_PAUSE = 0.2
"""Seconds between two tries to reach a target that died."""


class Station:
    """The target as one process sees it.

    place: which process this is. evidence: of the running case. gone: why the rest of the run makes no sense, or
    empty. tolerated: names of rules whose breach the target's profile admits.
    """

    def __init__(self, settings: Settings, place: Place) -> None:
        self.settings = settings
        self.place = place
        self.evidence = Evidence()
        self.gone = ""
        self.tolerated: frozenset[str] = frozenset()
        self._system: Embedded | Foreign | None = None
        self._target: Target | None = None
        self._module: Path | None = None
        self._health = Health.UNKNOWN
        self._unproven: list[str] = []
        self._turns: Turns | None = None

    @property
    def target(self) -> Target:
        """The target for cases to use; started when it is first asked for."""
        if self._target is None:
            self._system = (
                Foreign(parse_address(self.settings.url), self.settings) if self.settings.foreign else self._start()
            )
            self._target = Target(self._system, self.settings, self.place, self._exchange, self.tolerated)
        return self._target

    def begin(self, module: Path, clause: str) -> None:
        """Open a case's evidence; before the first case of a module, see whether the target is sound."""
        if module != self._module and not self.gone:
            self._module = module
            self._fresh("")
            self._health = examine(self.target)
            if self._health is Health.DEAD:
                self._revive("before the first case of " + module.stem)
        self._fresh(clause)

    @property
    def listener(self) -> Listener:
        """Takes records into the evidence of whichever case is running."""
        return self._listen

    def beside(self, system: Embedded) -> Target:
        """Another target in this process: what its initiators do is the running case's evidence, too."""
        return Target(system, self.settings, self.place, self._exchange, self.tolerated)

    def turn(self, alone: bool) -> AbstractContextManager[None]:
        """The turn at a target that other processes share; one's own target is always free.

        Args:
            alone: wait until nobody else has a turn, and keep others out.
        """
        if not self.settings.foreign or self.place.count == 1:
            return contextlib.nullcontext()
        if self._turns is None:
            self._turns = Turns(Path(self.place.meeting))
        return self._turns.turn(alone)

    def passed(self, identifier: str) -> None:
        """Note a pass that the target has not outlived yet."""
        self._unproven.append(identifier)

    def proven(self) -> None:
        """The target just proved alive: what passed until now, passed on a living target."""
        self._unproven.clear()

    def examine(self, identifier: str) -> list[str]:
        """See whether the target is still sound after a case.

        Returns:
            Cases whose pass is in doubt, because since then the target never proved alive and now it is not sound.
        """
        self._fresh("")
        health = examine(self.target)
        if health is Health.SOUND or health is self._health:
            self.proven()
            return []
        doubted, self._unproven = self._unproven, []
        self._health = health
        if health is Health.DEAD or not self.settings.foreign:
            self._revive(f"after case {identifier}")
        return doubted

    def close(self) -> None:
        """End the embedded target, and leave the foreign one."""
        if self._system is not None:
            self._system.close()
        self._system = self._target = None
        if self._turns is not None:
            self._turns.close()
            self._turns = None

    def _start(self) -> Embedded:
        settings = self.settings
        if settings.changes:
            changes = Changes(
                drivers=settings.driver, quirks=settings.quirk, offload=settings.offload, segments=settings.segments
            )
            return start_with(changes, settings.way, self.place.target_name, self._listen)
        module, _, function = self.settings.factory.partition(":")
        factory = cast("Factory", getattr(importlib.import_module(module), function))
        return factory(self.settings.way, self.place.target_name, self._listen)

    def _exchange(self) -> Exchange:
        return self.evidence.exchange

    def _listen(self, record: Record) -> None:
        self.evidence.listen(record)

    def _fresh(self, clause: str) -> None:
        self.evidence = Evidence(clause)

    def _revive(self, when: str) -> None:
        """Make a new embedded target, or wait for the foreign one to come back; or give up."""
        if not self.settings.foreign:
            self.close()
            self._health = examine(self.target)
        else:
            with self.turn(alone=True):
                self._restart()
        if self._health is Health.DEAD:
            self.gone = f"not run: the target no longer answered {when}"

    def _restart(self) -> None:
        """Have the foreign target restarted, unless another process was faster, and wait for it."""
        self._health = examine(self.target)
        if self._health is Health.DEAD and self.settings.revive:
            # The command is the user's own, a shell line as in a Makefile.
            subprocess.run(self.settings.revive, shell=True, check=False, stdin=DEVNULL, stdout=DEVNULL)
            self._health = examine(self.target)
        deadline = time.monotonic() + self.settings.reconnect
        while self._health is Health.DEAD and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            self._health = examine(self.target)
