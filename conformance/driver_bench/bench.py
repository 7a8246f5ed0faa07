"""`DriverBench`: a Target Module with scripted classes, an initiator, and what a case may expect of either side."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chiscsi_target.api import (
    LUN_CLASS_MULTI_PHASE_DATA_BIT,
    LUN_CLASS_SCSI_PASS_THRU_BIT,
    chiscsi_target_class,
    chiscsi_target_lun_class,
)
from chiscsi_target.target_module import TargetModule
from conformance.driver_bench.expecting import Expecting
from conformance.driver_bench.hooks import Action, HookCall, HookLog, How, hooks_of, scripted
from conformance.driver_bench.playing import Playing
from conformance.driver_bench.stage import MemoryStage, SocketStage, Stage
from conformance.harness.casebook import case
from conformance.harness.interruptions import NotArranged
from conformance.harness.needs import DRIVER_API
from initiator_sim.login import OPERATIONAL
from initiator_sim.outcomes import ExpectationFailed, HarnessFault
from iscsi_wire.records import HookRecord, Record
from iscsi_wire.scsi import Read10, TestUnitReady, Write10

if TYPE_CHECKING:
    from chiscsi_target.api.address_space import AddressSpace
    from chiscsi_target.quirks import Quirks
    from conformance.harness.station import Station
    from initiator_sim.initiator import Initiator
    from initiator_sim.session import Session
    from initiator_sim.task import Task

F = TypeVar("F", bound=Callable[..., Any])

HOW: list[How] = ["hook", "later", "thread"]
"""How a driver may answer: inside the hook, after it has returned, or from another thread."""
CLASS, LUN_CLASS = "SCRIPTED", "SCRIPTED_DISK"
BLOCK = 512
_COMMAND_HOOKS = (
    "fp_scsi_cmd_cdb_rcved",
    "fp_scsi_cmd_data_xfer_status",
    "fp_scsi_cmd_abort",
    "fp_scsi_cmd_abort_status",
    "fp_scsi_cmd_cleanup",
    "fp_tmf_execute",
)
_SESSION_HOOKS = ("fp_session_added", "fp_session_removed")


def driver_case(
    identifier: str, *requirements: str, guide: str = "", behaviour: str = "", **rest: Any
) -> Callable[[F], F]:
    """Make a case about the storage-driver API: as `conformance.api.case`, with the sections that its rule is from.

    Args:
        identifier: never changes.
        requirements: identifiers of the RFC's catalogue, where the rule has to do with the wire.
        guide: sections of the Exported Kernel API Guide.
        behaviour: sections of the behaviour file.
        rest: as for `case`.
    """
    places = [f"guide, {guide}"] if guide else []
    places += [f"behaviour file, {behaviour}"] if behaviour else []
    options = {"needs": DRIVER_API, "level": "MUST", "source": "; ".join(places)} | rest
    return case(identifier, *requirements, **options)


class DriverBench(Expecting, Playing):
    """A Target Module of its own for one case.

    Args:
        station: the process's station: whose evidence is written, and how patient its initiators are.
        multi_phase: the LUN class has LUN_CLASS_MULTI_PHASE_DATA_BIT.
        tcp: serve over TCP, in threads, rather than in memory.
        target_hooks: hooks of the target class beside those of a session's beginning and end.
        lun_hooks: hooks of the LUN class; the six command hooks if None.
        lun_property: the LUN class's `property`; pass-through and perhaps multi-phase if None.
        keys: further configuration of the node, as `key=value` pairs.
        quirks: the module's.
        module: further options of `TargetModule`, such as `contents` and `merge_returns`.
        address_space: the LUN class's, for memory named by DMA addresses.
        login_time: seconds that a login may take; the module's own limit if None.
        node: whether to add the node at all.

    Attributes:
        module: the Target Module; `name`, its node's.
        target_class, lun_class: the scripted classes.
        hooks: all hook calls so far.
        records: all that the target made known so far.
        initiator: whose sessions the case opens; `second_initiator`, one of another name.
    """

    luns = (0,)

    def __init__(
        self,
        station: Station,
        *,
        multi_phase: bool = False,
        tcp: bool = False,
        target_hooks: Collection[str] = (),
        lun_hooks: Collection[str] | None = None,
        lun_property: int | None = None,
        keys: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        quirks: Quirks | None = None,
        login_time: int | None = None,
        module: Mapping[str, Any] | None = None,
        address_space: AddressSpace | None = None,
        node: bool = True,
    ) -> None:
        self.records: list[Record] = []
        self._listeners = (self.records.append, station.listener)
        self.module = TargetModule(listener=self._record, quirks=quirks, **(module or {}))
        self.stage: Stage = SocketStage(self.module) if tcp else MemoryStage(self.module, station.settings.segments)
        self.hooks = HookLog(self._noted, self.stage.defer)
        self.name = self.iqn = f"{station.place.target_name}.driver"
        self._numbers = itertools.count(1)
        self._target = station.beside(self)
        if login_time is not None:
            self.module.directory.registry.globals.login_complete_time = login_time
        hooks = {*_SESSION_HOOKS, *target_hooks}
        self.target_class = scripted(chiscsi_target_class, hooks, self.hooks, class_name=CLASS)
        phases = 1 << LUN_CLASS_SCSI_PASS_THRU_BIT | multi_phase << LUN_CLASS_MULTI_PHASE_DATA_BIT
        self.lun_class = self.make_lun_class(LUN_CLASS, lun_hooks, phases if lun_property is None else lun_property)
        self.lun_class.address_space = address_space
        self._require("chiscsi_target_class_register", self.module.chiscsi_target_class_register(self.target_class))
        if node:
            registered = self.module.chiscsi_target_lun_class_register(self.lun_class, CLASS)
            self._require("chiscsi_target_lun_class_register", registered)
            self._require("chiscsi_target_add", self.add_target(self.name, keys))

    # Classes and nodes

    def make_target_class(self, name: str, hooks: Collection[str] | None = None) -> chiscsi_target_class:
        """A further target class, not registered, with these hooks or all of them."""
        chosen = hooks_of(chiscsi_target_class) if hooks is None else hooks
        return scripted(chiscsi_target_class, chosen, self.hooks, class_name=name)

    def make_lun_class(
        self, name: str, hooks: Collection[str] | None = None, properties: int = 1
    ) -> chiscsi_target_lun_class:
        """A further LUN class, not registered, with these hooks or those for commands, and this `property`."""
        chosen = _COMMAND_HOOKS if hooks is None else hooks
        return scripted(chiscsi_target_lun_class, chosen, self.hooks, class_name=name, property=properties)

    def registered_lun_class(self, name: str) -> chiscsi_target_lun_class:
        """What the module keeps of a LUN class of the bench's target class."""
        return self.module.classes.lun_classes(CLASS)[name]

    def configuration(self, name: str, keys: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> bytes:
        """The configuration buffer of a node: its name, a portal unless `keys` has some, and `keys`."""
        pairs = [("TargetName", name), *(keys.items() if isinstance(keys, Mapping) else keys)]
        if not any(key == "PortalGroup" for key, _ in pairs):
            pairs.append(("PortalGroup", "1@127.0.0.1:0"))
        return b"".join(f"{key}={value}\0".encode() for key, value in pairs)

    def add_target(
        self,
        name: str,
        keys: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        class_name: str = CLASS,
        private: object = None,
    ) -> int:
        """Call `chiscsi_target_add` with a configuration buffer made of `keys`; returns its result."""
        buffer = self.configuration(name, keys)
        return self.module.chiscsi_target_add(private, name, class_name, buffer, len(buffer))

    # What the case's initiators need of a target

    @property
    def clock(self) -> Callable[[], float]:
        """The time that the module lives by."""
        return self.stage.clock

    @property
    def login_time(self) -> float:
        """How long a login may take, in seconds."""
        return float(self.module.directory.registry.globals.login_complete_time)

    def connect(self, portal: int = 0) -> Any:
        """A connection to a portal, the first if nothing else is said."""
        if portal >= len(self.stage.portals):
            raise ConnectionRefusedError("nobody listens")
        return self.stage.connect(self.stage.portals[portal])

    @cached_property
    def initiator(self) -> Initiator:
        """The case's initiator."""
        return self._target.initiator("driver")

    @cached_property
    def second_initiator(self) -> Initiator:
        """An initiator of another name."""
        return self._target.initiator("second")

    @cached_property
    def session(self) -> Session:
        """A session in full feature phase, with what is usual negotiated; its hooks are forgotten."""
        return self.login()

    @cached_property
    def other_session(self) -> Session:
        """A session of another initiator."""
        return self.login(self.second_initiator)

    def login(self, initiator: Initiator | None = None, **arguments: Any) -> Session:
        """A new session; `arguments` as for `Session.attempt_login`. The hooks of its login are forgotten.

        Without the security stage, unless `arguments` want it: most cases are about something else.

        Raises:
            NotArranged: the login fails.
        """
        try:
            session = (initiator or self.initiator).login(**({"stages": (OPERATIONAL,)} | arguments))
        except ExpectationFailed as failure:
            raise NotArranged(failure) from failure
        self.stage.settle()
        self.forget()
        return session

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.stage.advance(seconds)

    # Commands, as far as the driver's first hook

    def begin_read(self, length: int, session: Session | None = None, **arguments: Any) -> tuple[Task, Any]:
        """Send a read of `length` octets; returns it with the command that the driver was given."""
        task = (session or self.session).start(Read10.make(transfer_length=length // BLOCK), read=length, **arguments)
        return task, self.expect_hook("fp_scsi_cmd_cdb_rcved", sc_itt=task.tag).sc

    def begin_write(self, data: bytes, session: Session | None = None, **arguments: Any) -> tuple[Task, Any]:
        """Send a write, no data unasked unless `arguments` say so; returns it with the driver's command."""
        task = self.start_write(data, session, **arguments)
        return task, self.expect_hook("fp_scsi_cmd_cdb_rcved", sc_itt=task.tag).sc

    def start_write(self, data: bytes, session: Session | None = None, **arguments: Any) -> Task:
        """Send a write, no data unasked unless `arguments` say so."""
        filled = {"immediate_data": 0, "unsolicited": 0} | arguments
        return (session or self.session).start(Write10.make(transfer_length=len(data) // BLOCK), write=data, **filled)

    def begin_no_data(self, session: Session | None = None, **arguments: Any) -> tuple[Task, Any]:
        """Send TEST UNIT READY; returns it with the driver's command."""
        task = (session or self.session).start(TestUnitReady(), **arguments)
        return task, self.expect_hook("fp_scsi_cmd_cdb_rcved", sc_itt=task.tag).sc

    # Answers

    def when(
        self,
        hook: str,
        action: Action | None = None,
        how: How = "hook",
        *,
        returns: Any = None,
        raises: Exception | None = None,
    ) -> None:
        """Have a hook answered from now on.

        Args:
            hook: its name.
            action: what the driver does about the call; it is given the `HookCall`.
            how: inside the hook; later, once the module is at rest; or from another thread.
            returns: what the hook returns; 0 (and 1 for visibility in discovery) if None.
            raises: what it raises after its action.
        """
        self.hooks.answer(hook, action, how, returns, raises)

    def act(self, how: How, action: Callable[..., object], *arguments: Any) -> None:
        """Have the driver do something now ("hook"), or when the module is at rest, from this thread or another."""
        if how == "hook":
            action(*arguments)
            self.check()
            return

        def work() -> None:
            try:
                action(*arguments)
            except Exception as error:  # noqa: BLE001 - `check` raises it where the case runs
                self.hooks.failure = self.hooks.failure or error

        self.stage.defer(work, how == "thread")

    def close(self) -> None:
        """End the bench, and tell what an answer to a hook found wrong if nothing was expected after it."""
        for initiator in (self.__dict__.get("initiator"), self.__dict__.get("second_initiator")):
            if initiator is not None:
                initiator.close()
        self.stage.close()

    def _record(self, record: Record) -> None:
        for listen in self._listeners:
            listen(record)
        self.stage.notify()

    def _noted(self, call: HookCall) -> None:
        """Put the hooks of the target class into the evidence; those of the LUN class the target records itself."""
        if call.name not in _COMMAND_HOOKS:
            record = HookRecord(self.stage.clock(), "target", "", call.name, str(call).partition("(")[2][:-1], "")
            for listen in self._listeners:
                listen(record)
        self.stage.notify()

    def _require(self, function: str, result: int) -> None:
        if result:
            raise HarnessFault(f"{function} refuses the bench's own set-up: {result}")
